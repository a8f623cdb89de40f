/* SPDX-License-Identifier: Apache-2.0
 *
 * What the responder does with a packet.  Responses are looked through for
 * conflicts; queries are answered at once when the asker waits for an answer
 * of its own, otherwise by multicast when the time has come. */
#include "device/transport/mdns_internal.h"
#include "hal/clock.h"

#include <string.h>

#define SHARED_LEAST_MS                                                       \
    20u /* an answer that others may give too: so late ... */
#define SHARED_SPAN_MS 100u  /* ... and up to this much later */
#define LOST_MS        1000u /* before probing again */
#define AGAIN_MS       250u  /* at most, before probing after a conflict */
#define HELD_LEAST_MS  400u  /* more known answers are on their way */
#define HELD_SPAN_MS   100u
#define RECENT_MS      30000u /* a quarter of the host record's lifetime */

/* One query while it is worked off. */
struct query {
    struct otter_dns_reader reader; /* behind the questions */
    uint32_t direct;                /* records to send to the asker */
    uint32_t multicast;             /* records to send to everybody */
    bool legacy;                    /* a plain DNS client asks */
    bool asked;                     /* it has a question */
};

static bool on_link(const struct otter_mdns_link *link,
                    const struct otter_addr *addr)
{
    for (uint32_t i = 0; i < 4; i++) {
        if (((addr->ip[i] ^ link->ip[i]) & link->mask[i]) != 0) {
            return false;
        }
    }
    return true;
}

static bool is_multicast(const struct otter_addr *addr)
{
    return addr->family == OTTER_ADDR_IPV4 && addr->ip[0] == 224 &&
           addr->ip[1] == 0 && addr->ip[2] == 0 && addr->ip[3] == 251;
}

/* The packet came in on this link; by its sender when the port does not tell
 * the interface. */
static bool came_by(const struct otter_mdns_link *link,
                    const struct otter_datagram *info)
{
    if (info->interface != 0) {
        return link->interface == info->interface;
    }
    return link->interface != 0 && on_link(link, &info->from);
}

/* NULL: the packet came in on none of our links. */
static struct otter_mdns_link *find_link(struct otter_mdns *mdns,
                                         const struct otter_datagram *info)
{
    for (uint32_t i = 0; i < OTTER_MDNS_LINKS; i++) {
        if (came_by(&mdns->link[i], info)) {
            return &mdns->link[i];
        }
    }
    return NULL;
}

static bool is_own(const struct otter_mdns *mdns, uint32_t len)
{
    uint32_t hash = otter__mdns_hash(mdns->packet, len);

    for (uint32_t i = 0; i < OTTER_MDNS_OWN; i++) {
        if (mdns->own[i] == hash) {
            return true;
        }
    }
    return false;
}

/* --- Responses ------------------------------------------------------------
 */

static void receive_response(struct otter_mdns *mdns,
                             struct otter_mdns_link *link,
                             struct otter_dns_reader *reader)
{
    struct otter_dns_record record;

    while (otter_dns_next_record(reader, &record) == 0) {
        if (!otter__mdns_conflicts(mdns, link, reader, &record)) {
            continue;
        }
        if (link->state == OTTER__MDNS_PROBE) {
            otter__mdns_rename(mdns);
        } else {
            otter__mdns_restart(link, otter__mdns_random(0, AGAIN_MS));
        }
        return;
    }
}

/* --- Queries --------------------------------------------------------------
 */

/* Notes what the questions ask for; false when they are malformed. */
static bool read_questions(const struct otter_mdns *mdns,
                           const struct otter_mdns_link *link,
                           struct query *query, bool direct)
{
    struct otter_dns_question question;
    int error;

    while ((error = otter_dns_next_question(&query->reader, &question)) == 0) {
        uint32_t records =
            otter__mdns_asked(mdns, link, &query->reader, &question);

        query->asked = true;
        if (direct || question.unicast) {
            query->direct |= records;
        } else {
            query->multicast |= records;
        }
    }
    return error == OTTER_ERR_NO_DATA;
}

/* The records that the asker has already, for at least half their time. */
static uint32_t known_answers(const struct otter_mdns *mdns,
                              const struct otter_mdns_link *link,
                              struct otter_dns_reader reader)
{
    struct otter_dns_record record;
    uint32_t known = 0;

    while (otter_dns_next_record(&reader, &record) == 0 &&
           record.section == OTTER_DNS_ANSWER) {
        uint32_t same = otter__mdns_same(mdns, link, &reader, &record);
        uint32_t ttl = (same & (OTTER__MDNS_A | OTTER__MDNS_REVERSE)) != 0
                           ? OTTER_MDNS_HOST_TTL
                           : OTTER_MDNS_SERVICE_TTL;

        if (record.ttl >= ttl / 2) {
            known |= same;
        }
    }
    return known;
}

/* Somebody probes for our name.  While we probe too, the order of the records
 * decides; afterwards everybody hears the answer, without delay. */
static void receive_probe(struct otter_mdns *mdns,
                          struct otter_mdns_link *link, struct query *query)
{
    bool lost;

    if (!otter__mdns_probes(mdns, link, &query->reader, &lost)) {
        return;
    }
    if (link->state == OTTER__MDNS_PROBE) {
        if (lost) {
            otter__mdns_restart(link, LOST_MS);
        }
        return;
    }
    query->multicast |= query->direct;
    link->defend = link->defend || query->multicast != 0;
}

/* Those of the records that were not multicast lately. */
static uint32_t stale(const struct otter_mdns *mdns,
                      const struct otter_mdns_link *link, uint32_t records)
{
    for (uint32_t g = 0; g <= mdns->service_count; g++) {
        if ((link->was_sent >> g & 1) != 0 &&
            otter_clock_since(link->sent[g]) < RECENT_MS) {
            records &= ~otter__mdns_group(g);
        }
    }
    return records;
}

static void want(struct otter_mdns_link *link, uint32_t records)
{
    uint32_t delay = 0;
    uint32_t at;

    if (records == 0) {
        return;
    }
    if ((records & OTTER__MDNS_SHARED) != 0 && !link->defend) {
        delay = otter__mdns_random(SHARED_LEAST_MS, SHARED_SPAN_MS);
    }
    at = otter_clock_ms() + delay;
    if (link->wanted == 0 || link->wanted_at - at < UINT32_MAX / 2) {
        link->wanted_at = at;
    }
    link->wanted |= records;
}

/* The asker has more known answers than fitted: waits for them.  One asker at
 * a time; another one before is answered now. */
static void hold(struct otter_mdns_link *link, const struct otter_addr *from,
                 uint32_t records)
{
    if (memcmp(link->held_from, from->ip, sizeof link->held_from) != 0) {
        want(link, link->held);
        link->held = 0;
        memcpy(link->held_from, from->ip, sizeof link->held_from);
    }
    link->held |= records;
    link->held_at =
        otter_clock_ms() + otter__mdns_random(HELD_LEAST_MS, HELD_SPAN_MS);
}

static void receive_query(struct otter_mdns *mdns,
                          struct otter_mdns_link *link, struct query *query,
                          const struct otter_datagram *info)
{
    bool more = (query->reader.flags & OTTER_DNS_TRUNCATED) != 0;
    uint16_t id = query->reader.id;
    uint32_t known;
    bool goes_on; /* with known answers to the query that is held */

    receive_probe(mdns, link, query);
    if (link->state == OTTER__MDNS_PROBE) {
        return;
    }
    known = known_answers(mdns, link, query->reader);
    goes_on =
        link->held != 0 && memcmp(link->held_from, info->from.ip, 4) == 0;
    if (goes_on) {
        link->held &= ~known;
    }
    query->direct &= ~known;
    query->multicast &= ~known;
    if (!query->legacy && on_link(link, &info->from)) {
        query->multicast |= stale(mdns, link, query->direct);
    } else if (!query->legacy) {
        query->multicast |= query->direct;
    }
    if (more && !query->legacy && (query->asked || goes_on)) {
        hold(link, &info->from, query->multicast);
    } else {
        want(link, query->multicast);
    }
    if (query->direct != 0 && on_link(link, &info->from)) {
        otter__mdns_send_direct(mdns, link, query->direct, &info->from, id,
                                query->legacy ? &query->reader : NULL);
    }
}

void otter__mdns_receive(struct otter_mdns *mdns, uint32_t len,
                         const struct otter_datagram *info)
{
    struct otter_mdns_link *link = find_link(mdns, info);
    struct query query;
    bool group = is_multicast(&info->to);

    memset(&query, 0, sizeof query);
    if (link == NULL || info->from.family != OTTER_ADDR_IPV4 ||
        (!group && !on_link(link, &info->from)) || is_own(mdns, len) ||
        otter_dns_open(&query.reader, mdns->packet, len) != 0 ||
        (query.reader.flags & (OTTER_DNS_OPCODE | OTTER_DNS_RCODE)) != 0) {
        return;
    }
    query.legacy = info->from.port != OTTER_MDNS_PORT;
    if ((query.reader.flags & OTTER_DNS_RESPONSE) != 0) {
        if (!query.legacy) {
            receive_response(mdns, link, &query.reader);
        }
    } else if (read_questions(mdns, link, &query, query.legacy || !group)) {
        receive_query(mdns, link, &query, info);
    }
}
