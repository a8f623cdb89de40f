/* SPDX-License-Identifier: Apache-2.0
 *
 * Received questions and records against the device's own: what is asked,
 * what the asker knows already, and who else wants our name. */
#include "device/transport/mdns_internal.h"
#include "format/bytes.h"

#include <string.h>

/* --- Names and data of our records --------------------------------------- */

void otter__mdns_host_name(const struct otter_mdns *mdns,
                           struct otter_dns_name *name)
{
    *name = (struct otter_dns_name){{mdns->name, "local"}};
}

void otter__mdns_type_name(const struct otter_mdns *mdns, uint32_t service,
                           struct otter_dns_name *name)
{
    *name = (struct otter_dns_name){{mdns->service[service].type, "local"}};
}

void otter__mdns_instance_name(const struct otter_mdns *mdns, uint32_t service,
                               struct otter_dns_name *name)
{
    *name = (struct otter_dns_name){
        {mdns->name, mdns->service[service].type, "local"}};
}

void otter__mdns_reverse_name(const struct otter_mdns_link *link,
                              struct otter__mdns_name *name)
{
    char *to = name->text;

    for (uint32_t i = 4; i-- > 0;) {
        uint8_t n = link->ip[i];

        if (n >= 100) {
            *to++ = (char)('0' + n / 100);
        }
        if (n >= 10) {
            *to++ = (char)('0' + n / 10 % 10);
        }
        *to++ = (char)('0' + n % 10);
        *to++ = '.';
    }
    memcpy(to, "in-addr.arpa", 13);
    name->dns = (struct otter_dns_name){{name->text}};
}

uint32_t otter__mdns_srv(const struct otter_mdns *mdns, uint32_t service,
                         uint8_t data[OTTER__MDNS_SRV_SIZE])
{
    struct otter_dns_name host;
    int len;

    otter__mdns_host_name(mdns, &host);
    memset(data, 0, 4);
    otter_store_be16(data + 4, mdns->service[service].port);
    len = otter_dns_name_wire(&host, data + 6, OTTER__MDNS_SRV_SIZE - 6);
    return 6u + (len > 0 ? (uint32_t)len : 0);
}

uint32_t otter__mdns_group(uint32_t group)
{
    return group == 0 ? OTTER__MDNS_HOST : OTTER__MDNS_SERVICE(group - 1);
}

/* --- Questions ------------------------------------------------------------
 */

static bool asks(const struct otter_dns_question *question, uint16_t type)
{
    return question->type == type || question->type == OTTER_DNS_ANY;
}

static uint32_t asked_of_host(const struct otter_dns_question *question)
{
    return asks(question, OTTER_DNS_A) ? OTTER__MDNS_A : OTTER__MDNS_NONE;
}

static uint32_t asked_of_instance(const struct otter_dns_question *question,
                                  uint32_t service)
{
    uint32_t records = 0;

    if (asks(question, OTTER_DNS_SRV)) {
        records |= OTTER__MDNS_SRV(service);
    }
    if (asks(question, OTTER_DNS_TXT)) {
        records |= OTTER__MDNS_TXT(service);
    }
    return records != 0 ? records : OTTER__MDNS_SERVICE_NONE(service);
}

/* What answers a question of type PTR. */
static uint32_t asked_of_pointers(const struct otter_mdns *mdns,
                                  const struct otter_mdns_link *link,
                                  const struct otter_dns_reader *reader,
                                  uint32_t at)
{
    static const struct otter_dns_name meta = {{OTTER_DNS_META}};
    struct otter__mdns_name reverse;
    struct otter_dns_name name;
    uint32_t records = 0;

    otter__mdns_reverse_name(link, &reverse);
    if (otter_dns_name_is(reader, at, &reverse.dns)) {
        records |= OTTER__MDNS_REVERSE;
    }
    for (uint32_t s = 0; s < mdns->service_count; s++) {
        otter__mdns_type_name(mdns, s, &name);
        if (otter_dns_name_is(reader, at, &name)) {
            records |= OTTER__MDNS_PTR(s);
        }
        if (otter_dns_name_is(reader, at, &meta)) {
            records |= OTTER__MDNS_META(s);
        }
    }
    return records;
}

uint32_t otter__mdns_asked(const struct otter_mdns *mdns,
                           const struct otter_mdns_link *link,
                           const struct otter_dns_reader *reader,
                           const struct otter_dns_question *question)
{
    struct otter_dns_name name;

    if (question->klass != OTTER_DNS_IN &&
        question->klass != OTTER_DNS_ANY_CLASS) {
        return 0;
    }
    otter__mdns_host_name(mdns, &name);
    if (otter_dns_name_is(reader, question->name, &name)) {
        return asked_of_host(question);
    }
    for (uint32_t s = 0; s < mdns->service_count; s++) {
        otter__mdns_instance_name(mdns, s, &name);
        if (otter_dns_name_is(reader, question->name, &name)) {
            return asked_of_instance(question, s);
        }
    }
    if (asks(question, OTTER_DNS_PTR)) {
        return asked_of_pointers(mdns, link, reader, question->name);
    }
    return 0;
}

/* --- Records that are the same as ours ------------------------------------
 */

/* A pointer of ours that is called and points like the received one. */
static uint32_t same_pointer(const struct otter_mdns *mdns,
                             const struct otter_mdns_link *link,
                             const struct otter_dns_reader *reader,
                             const struct otter_dns_record *record)
{
    uint32_t asked = asked_of_pointers(mdns, link, reader, record->name);
    struct otter_dns_name name;
    uint32_t target;

    if (asked == 0 || otter_dns_target(reader, record, &target) != 0) {
        return 0;
    }
    otter__mdns_host_name(mdns, &name);
    if (asked == OTTER__MDNS_REVERSE) {
        return otter_dns_name_is(reader, target, &name) ? asked : 0;
    }
    for (uint32_t s = 0; s < mdns->service_count; s++) {
        otter__mdns_instance_name(mdns, s, &name);
        if ((asked & OTTER__MDNS_PTR(s)) != 0 &&
            otter_dns_name_is(reader, target, &name)) {
            return OTTER__MDNS_PTR(s);
        }
        otter__mdns_type_name(mdns, s, &name);
        if ((asked & OTTER__MDNS_META(s)) != 0 &&
            otter_dns_name_is(reader, target, &name)) {
            return OTTER__MDNS_META(s);
        }
    }
    return 0;
}

/* Our SRV or TXT record, if its data are those of the received one. */
static uint32_t same_service(const struct otter_mdns *mdns, uint32_t service,
                             const struct otter_dns_reader *reader,
                             const struct otter_dns_record *record)
{
    uint8_t srv[OTTER__MDNS_SRV_SIZE];
    const uint8_t *txt;
    uint32_t len;

    if (record->type == OTTER_DNS_SRV) {
        len = otter__mdns_srv(mdns, service, srv);
        return otter_dns_data_compare(reader, record, srv, len, true) == 0
                   ? OTTER__MDNS_SRV(service)
                   : 0;
    }
    if (record->type == OTTER_DNS_TXT) {
        txt = otter__mdns_txt(mdns, service, &len);
        return otter_dns_data_compare(reader, record, txt, len, true) == 0
                   ? OTTER__MDNS_TXT(service)
                   : 0;
    }
    return 0;
}

uint32_t otter__mdns_same(const struct otter_mdns *mdns,
                          const struct otter_mdns_link *link,
                          const struct otter_dns_reader *reader,
                          const struct otter_dns_record *record)
{
    struct otter_dns_name name;

    if (record->klass != OTTER_DNS_IN) {
        return 0;
    }
    if (record->type == OTTER_DNS_PTR) {
        return same_pointer(mdns, link, reader, record);
    }
    otter__mdns_host_name(mdns, &name);
    if (otter_dns_name_is(reader, record->name, &name)) {
        return record->type == OTTER_DNS_A &&
                       otter_dns_data_compare(reader, record, link->ip,
                                              sizeof link->ip, true) == 0
                   ? OTTER__MDNS_A
                   : 0;
    }
    for (uint32_t s = 0; s < mdns->service_count; s++) {
        otter__mdns_instance_name(mdns, s, &name);
        if (otter_dns_name_is(reader, record->name, &name)) {
            return same_service(mdns, s, reader, record);
        }
    }
    return 0;
}

/* --- Conflicts ------------------------------------------------------------
 */

/* The record is what one of our links says; a network that connects two of
 * our interfaces is no conflict. */
static bool said_by_us(const struct otter_mdns *mdns,
                       const struct otter_dns_reader *reader,
                       const struct otter_dns_record *record)
{
    for (uint32_t i = 0; i < OTTER_MDNS_LINKS; i++) {
        if (mdns->link[i].interface != 0 &&
            otter__mdns_same(mdns, &mdns->link[i], reader, record) != 0) {
            return true;
        }
    }
    return false;
}

bool otter__mdns_conflicts(const struct otter_mdns *mdns,
                           const struct otter_mdns_link *link,
                           const struct otter_dns_reader *reader,
                           const struct otter_dns_record *record)
{
    struct otter_dns_name name;
    bool ours;

    /* A record that takes its leave is no claim, NSEC comes with others. */
    if (record->ttl == 0 || record->klass != OTTER_DNS_IN ||
        record->type == OTTER_DNS_NSEC || record->type == OTTER_DNS_PTR) {
        return false;
    }
    otter__mdns_host_name(mdns, &name);
    ours = otter_dns_name_is(reader, record->name, &name);
    /* Once the name is ours, only a record that we have too can contradict
     * it; before, any record of that name shows that it is taken. */
    if (link->state != OTTER__MDNS_PROBE && ours) {
        ours = record->type == OTTER_DNS_A;
    }
    for (uint32_t s = 0; s < mdns->service_count && !ours; s++) {
        otter__mdns_instance_name(mdns, s, &name);
        ours =
            otter_dns_name_is(reader, record->name, &name) &&
            (link->state == OTTER__MDNS_PROBE ||
             record->type == OTTER_DNS_SRV || record->type == OTTER_DNS_TXT);
    }
    return ours && !said_by_us(mdns, reader, record);
}

/* --- Probes at the same time ----------------------------------------------
 */

/* A record that we propose, its data uncompressed. */
struct proposal {
    uint16_t type;
    const uint8_t *data;
    uint32_t len;
};

/* Some order of the records of one message, by class and type as in RFC 6762
 * section 8.2; several of one type come in the order of their bytes as they
 * lie in the message. */
static int compare_records(const struct otter_dns_reader *reader,
                           const struct otter_dns_record *a,
                           const struct otter_dns_record *b)
{
    uint16_t len = a->data_len < b->data_len ? a->data_len : b->data_len;
    int order;

    if (a->klass != b->klass) {
        return a->klass < b->klass ? -1 : 1;
    }
    if (a->type != b->type) {
        return a->type < b->type ? -1 : 1;
    }
    order = memcmp(reader->msg + a->data, reader->msg + b->data, len);
    return order != 0 ? order : (int)a->data_len - (int)b->data_len;
}

/* The first record called `name` in the authority section that comes after
 * `last`, NULL: after none.  False: there is none. */
static bool next_proposed(struct otter_dns_reader reader,
                          const struct otter_dns_name *name,
                          const struct otter_dns_record *last,
                          struct otter_dns_record *next)
{
    struct otter_dns_record record;
    bool found = false;

    while (otter_dns_next_record(&reader, &record) == 0) {
        if (record.section == OTTER_DNS_AUTHORITY &&
            otter_dns_name_is(&reader, record.name, name) &&
            (last == NULL || compare_records(&reader, &record, last) > 0) &&
            (!found || compare_records(&reader, &record, next) < 0)) {
            *next = record;
            found = true;
        }
    }
    return found;
}

/* Their records against ours, which are in order: negative, 0 or positive as
 * theirs are earlier, the same or later. */
static int compare_proposals(const struct otter_dns_reader *reader,
                             const struct otter_dns_name *name,
                             const struct proposal *ours, uint32_t count)
{
    struct otter_dns_record last;
    struct otter_dns_record next;

    for (uint32_t i = 0; i < count; i++) {
        int order;

        if (!next_proposed(*reader, name, i > 0 ? &last : NULL, &next)) {
            return -1;
        }
        if (next.klass != OTTER_DNS_IN) {
            return next.klass < OTTER_DNS_IN ? -1 : 1;
        }
        if (next.type != ours[i].type) {
            return next.type < ours[i].type ? -1 : 1;
        }
        order = otter_dns_data_compare(reader, &next, ours[i].data,
                                       ours[i].len, false);
        if (order != 0) {
            return order;
        }
        last = next;
    }
    return next_proposed(*reader, name, &last, &next) ? 1 : 0;
}

/* The message proposes records called `name`. */
static bool proposes(const struct otter_dns_reader *reader,
                     const struct otter_dns_name *name)
{
    struct otter_dns_record record;

    return next_proposed(*reader, name, NULL, &record);
}

bool otter__mdns_probes(const struct otter_mdns *mdns,
                        const struct otter_mdns_link *link,
                        const struct otter_dns_reader *reader, bool *lost)
{
    const struct proposal host = {OTTER_DNS_A, link->ip, sizeof link->ip};
    struct otter_dns_name name;
    bool probes;

    otter__mdns_host_name(mdns, &name);
    probes = proposes(reader, &name);
    *lost = probes && compare_proposals(reader, &name, &host, 1) > 0;
    for (uint32_t s = 0; s < mdns->service_count; s++) {
        uint8_t srv[OTTER__MDNS_SRV_SIZE];
        struct proposal ours[2] = {{OTTER_DNS_TXT, NULL, 0},
                                   {OTTER_DNS_SRV, srv, 0}};

        otter__mdns_instance_name(mdns, s, &name);
        if (!proposes(reader, &name)) {
            continue;
        }
        ours[0].data = otter__mdns_txt(mdns, s, &ours[0].len);
        ours[1].len = otter__mdns_srv(mdns, s, srv);
        probes = true;
        *lost = *lost || compare_proposals(reader, &name, ours, 2) > 0;
    }
    return probes;
}
