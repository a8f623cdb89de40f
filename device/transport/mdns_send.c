/* SPDX-License-Identifier: Apache-2.0
 *
 * The responder's packets.  Each is about one group of records; a packet
 * about a service ends in the host's address, after SRV (protocol 1.14).  A
 * record that does not fit is left out, which can only happen behind a long
 * list of questions. */
#include "device/transport/mdns_internal.h"
#include "hal/clock.h"

#include <string.h>

#define FLUSH      0x8000u /* in the class: there are no others */
#define UNICAST    0x8000u /* in a question's class */
#define LEGACY_TTL 10u     /* seconds, RFC 6762 section 6.7 */
#define REPLY      (OTTER_DNS_RESPONSE | OTTER_DNS_AUTHORITATIVE)

/* How the records of one packet are written. */
struct style {
    struct otter_mdns *mdns;
    const struct otter_mdns_link *link;
    struct otter_dns_writer writer;
    enum otter_dns_section section;
    bool legacy;   /* for a plain DNS client */
    bool leave;    /* TTL 0 */
    bool proposed; /* in a probe, where nothing is flushed */
};

uint32_t otter__mdns_hash(const uint8_t *data, uint32_t len)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (uint32_t i = 0; i < len; i++) {
        hash = (hash ^ data[i]) * 16777619u;
    }
    return hash;
}

/* --- Records --------------------------------------------------------------
 */

static void begin(struct style *style, const struct otter_dns_name *name,
                  uint16_t type, bool unique, uint32_t ttl)
{
    bool flush = unique && !style->legacy && !style->proposed;

    if (style->legacy && ttl > LEGACY_TTL) {
        ttl = LEGACY_TTL;
    }
    otter_dns_begin_record(&style->writer, style->section, name, type,
                           (uint16_t)(OTTER_DNS_IN | (flush ? FLUSH : 0)),
                           style->leave ? 0 : ttl);
}

static void end(struct style *style)
{
    /* What does not fit is left out and the packet stays well-formed. */
    if (otter_dns_end_record(&style->writer) != 0) {
        return;
    }
}

static void put_pointer(struct style *style, const struct otter_dns_name *name,
                        const struct otter_dns_name *target, bool unique,
                        uint32_t ttl)
{
    begin(style, name, OTTER_DNS_PTR, unique, ttl);
    otter_dns_put_name(&style->writer, target, true);
    end(style);
}

/* NSEC: `bitmap` is the window, its length and the types that there are.  A
 * plain DNS client learns it from an answer without answers. */
static void put_none(struct style *style, const struct otter_dns_name *name,
                     const void *bitmap, uint32_t len, uint32_t ttl)
{
    if (style->legacy) {
        return;
    }
    begin(style, name, OTTER_DNS_NSEC, true, ttl);
    otter_dns_put_name(&style->writer, name, true);
    otter_dns_put_bytes(&style->writer, bitmap, len);
    end(style);
}

static void put_host(struct style *style, uint32_t records)
{
    static const struct otter_dns_name meta = {{OTTER_DNS_META}};
    static const uint8_t only_a[] = {0, 1, 0x40};
    struct otter_dns_name host;

    otter__mdns_host_name(style->mdns, &host);
    if ((records & OTTER__MDNS_A) != 0) {
        begin(style, &host, OTTER_DNS_A, true, OTTER_MDNS_HOST_TTL);
        otter_dns_put_bytes(&style->writer, style->link->ip, 4);
        end(style);
    }
    if ((records & OTTER__MDNS_REVERSE) != 0) {
        struct otter__mdns_name reverse;

        otter__mdns_reverse_name(style->link, &reverse);
        put_pointer(style, &reverse.dns, &host, true, OTTER_MDNS_HOST_TTL);
    }
    for (uint32_t s = 0; s < style->mdns->service_count; s++) {
        if ((records & OTTER__MDNS_META(s)) != 0) {
            struct otter_dns_name type;

            otter__mdns_type_name(style->mdns, s, &type);
            put_pointer(style, &meta, &type, false, OTTER_MDNS_SERVICE_TTL);
        }
    }
    if ((records & OTTER__MDNS_NONE) != 0) {
        put_none(style, &host, only_a, sizeof only_a, OTTER_MDNS_HOST_TTL);
    }
}

static void put_srv(struct style *style, uint32_t service,
                    const struct otter_dns_name *instance)
{
    struct otter_dns_name host;

    otter__mdns_host_name(style->mdns, &host);
    begin(style, instance, OTTER_DNS_SRV, true, OTTER_MDNS_SERVICE_TTL);
    otter_dns_put_bytes(&style->writer, "\0\0\0", 4);
    otter_dns_put_u16(&style->writer, style->mdns->service[service].port);
    /* Plain DNS clients need not know compression here (RFC 6762, 18.14). */
    otter_dns_put_name(&style->writer, &host, !style->legacy);
    end(style);
}

static void put_service(struct style *style, uint32_t service,
                        uint32_t records)
{
    static const uint8_t txt_and_srv[] = {0, 5, 0, 0, 0x80, 0, 0x40};
    struct otter_dns_name instance;
    struct otter_dns_name type;

    otter__mdns_instance_name(style->mdns, service, &instance);
    otter__mdns_type_name(style->mdns, service, &type);
    if ((records & OTTER__MDNS_PTR(service)) != 0) {
        put_pointer(style, &type, &instance, false, OTTER_MDNS_SERVICE_TTL);
    }
    if ((records & OTTER__MDNS_SRV(service)) != 0) {
        put_srv(style, service, &instance);
    }
    if ((records & OTTER__MDNS_TXT(service)) != 0) {
        uint32_t len;
        const uint8_t *txt = otter__mdns_txt(style->mdns, service, &len);

        begin(style, &instance, OTTER_DNS_TXT, true, OTTER_MDNS_SERVICE_TTL);
        otter_dns_put_bytes(&style->writer, txt, len);
        end(style);
    }
    if ((records & OTTER__MDNS_SERVICE_NONE(service)) != 0) {
        put_none(style, &instance, txt_and_srv, sizeof txt_and_srv,
                 OTTER_MDNS_SERVICE_TTL);
    }
}

/* --- Packets --------------------------------------------------------------
 */

/* The packet buffer always has room for a header. */
static bool begin_packet(struct style *style, uint16_t id, uint16_t flags)
{
    return otter_dns_begin(&style->writer, style->mdns->packet,
                           sizeof style->mdns->packet, id, flags) == 0;
}

/* What the asker of these records will ask next. */
static uint32_t next_asked(uint32_t group, uint32_t records)
{
    uint32_t more = 0;

    if (group > 0) {
        more = OTTER__MDNS_SRV(group - 1) | OTTER__MDNS_TXT(group - 1) |
               OTTER__MDNS_A;
    } else if ((records & OTTER__MDNS_A) != 0) {
        more = OTTER__MDNS_NONE;
    } else if ((records & OTTER__MDNS_NONE) != 0) {
        more = OTTER__MDNS_A;
    }
    return more & ~records;
}

static void put_group(struct style *style, uint32_t group, uint32_t records)
{
    uint32_t more = next_asked(group, records);

    style->section = OTTER_DNS_ANSWER;
    if (group > 0) {
        put_service(style, group - 1, records);
        style->section = OTTER_DNS_ADDITIONAL;
        put_service(style, group - 1, more);
    } else {
        put_host(style, records);
    }
    style->section = OTTER_DNS_ADDITIONAL;
    put_host(style, more);
}

/* An error of the network is a packet lost. */
static void send_packet(struct style *style, const struct otter_addr *to)
{
    struct otter_mdns *mdns = style->mdns;
    uint32_t len = otter_dns_finish(&style->writer);

    mdns->own[mdns->own_next] = otter__mdns_hash(mdns->packet, len);
    mdns->own_next = (uint8_t)((mdns->own_next + 1) % OTTER_MDNS_OWN);
    if (otter_udp_send(mdns->udp, mdns->packet, len, to,
                       style->link->interface) != 0) {
        return;
    }
}

static void multicast(struct style *style)
{
    static const struct otter_addr everybody = {
        .family = OTTER_ADDR_IPV4,
        .port = OTTER_MDNS_PORT,
        .ip = {224, 0, 0, 251},
    };

    send_packet(style, &everybody);
}

static void note_sent(struct otter_mdns_link *link, uint32_t group)
{
    link->was_sent |= (uint8_t)(1u << group);
    link->sent[group] = otter_clock_ms();
}

void otter__mdns_send_probe(struct otter_mdns *mdns,
                            struct otter_mdns_link *link)
{
    struct style style = {.mdns = mdns,
                          .link = link,
                          .section = OTTER_DNS_AUTHORITY,
                          .proposed = true};
    struct otter_dns_name name;
    int error;

    if (!begin_packet(&style, 0, 0)) {
        return;
    }
    otter__mdns_host_name(mdns, &name);
    error = otter_dns_put_question(&style.writer, &name, OTTER_DNS_ANY,
                                   OTTER_DNS_IN | UNICAST);
    for (uint32_t s = 0; s < mdns->service_count && error == 0; s++) {
        otter__mdns_instance_name(mdns, s, &name);
        error = otter_dns_put_question(&style.writer, &name, OTTER_DNS_ANY,
                                       OTTER_DNS_IN | UNICAST);
    }
    put_host(&style, OTTER__MDNS_A);
    for (uint32_t s = 0; s < mdns->service_count; s++) {
        put_service(&style, s, OTTER__MDNS_SRV(s) | OTTER__MDNS_TXT(s));
    }
    multicast(&style);
}

void otter__mdns_send_all(struct otter_mdns *mdns,
                          struct otter_mdns_link *link, uint32_t groups,
                          bool leave)
{
    for (uint32_t g = 0; g <= mdns->service_count; g++) {
        struct style style = {.mdns = mdns,
                              .link = link,
                              .section = OTTER_DNS_ANSWER,
                              .leave = leave};

        if ((groups >> g & 1) == 0 || !begin_packet(&style, 0, REPLY)) {
            continue;
        }
        if (g == 0) {
            /* That there are services of a type, other hosts say too. */
            put_host(&style, leave ? OTTER__MDNS_A | OTTER__MDNS_REVERSE
                                   : OTTER__MDNS_HOST & ~OTTER__MDNS_NONE);
        } else {
            put_service(&style, g - 1,
                        OTTER__MDNS_SERVICE(g - 1) &
                            ~OTTER__MDNS_SERVICE_NONE(g - 1));
            put_host(&style, OTTER__MDNS_A);
        }
        multicast(&style);
        note_sent(link, g);
    }
}

void otter__mdns_send_answer(struct otter_mdns *mdns,
                             struct otter_mdns_link *link, uint32_t group,
                             uint32_t records)
{
    struct style style = {.mdns = mdns, .link = link};

    if (begin_packet(&style, 0, REPLY)) {
        put_group(&style, group, records);
        multicast(&style);
        note_sent(link, group);
    }
}

void otter__mdns_send_direct(struct otter_mdns *mdns,
                             struct otter_mdns_link *link, uint32_t records,
                             const struct otter_addr *to, uint16_t id,
                             const struct otter_dns_reader *questions)
{
    for (uint32_t g = 0; g <= mdns->service_count; g++) {
        struct style style = {
            .mdns = mdns, .link = link, .legacy = questions != NULL};

        if ((records & otter__mdns_group(g)) == 0) {
            continue;
        }
        if (questions != NULL) {
            otter_dns_begin_reply(&style.writer, mdns->packet,
                                  sizeof mdns->packet, questions, REPLY);
        } else if (!begin_packet(&style, id, REPLY)) {
            return;
        }
        put_group(&style, g, records & otter__mdns_group(g));
        send_packet(&style, to);
    }
}
