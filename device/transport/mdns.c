/* SPDX-License-Identifier: Apache-2.0
 *
 * The responder's life on each interface.  Names and services are set up in
 * mdns_setup.c, what arrives is judged in mdns_receive.c and mdns_match.c,
 * packets are made in mdns_send.c. */
#include "device/transport/mdns.h"
#include "device/transport/mdns_internal.h"
#include "hal/board.h"
#include "hal/clock.h"

#include <string.h>

#define SCAN_MS            1000u /* between looks at the interfaces */
#define PROBES             3u
#define PROBE_MS           250u
#define ANNOUNCEMENTS      4u
#define ANNOUNCE_MS        1000u /* after the first, then twice as long */
#define UPDATE_STEP        2u    /* a changed TXT is announced from here on */
#define REPEAT_MS          1000u /* a record is not multicast more often */
#define DEFEND_MS          250u  /* ... unless the name is defended */
#define DATAGRAMS          4u    /* read in one poll */
#define CONFLICTS          15u   /* in CONFLICT_WINDOW_MS slow probing down */
#define CONFLICT_WINDOW_MS 10000u
#define CONFLICT_WAIT_MS   5000u
#define MULTICAST_TTL      255u
#define ALL_GROUPS         ((1u << OTTER__MDNS_GROUPS) - 1)

/* What the chip has to spare for this. */
_Static_assert(sizeof(struct otter_mdns) <= 1536, "RAM on the chip");

/* The bits of OTTER__MDNS_PTR and its like do not overlap. */
_Static_assert(OTTER_MDNS_SERVICES == 3, "layout of record sets");

static const struct otter_addr group_addr = {
    .family = OTTER_ADDR_IPV4,
    .port = OTTER_MDNS_PORT,
    .ip = {224, 0, 0, 251},
};

bool otter__mdns_due(uint32_t moment)
{
    return otter_clock_since(moment) < UINT32_MAX / 2;
}

uint32_t otter__mdns_random(uint32_t least, uint32_t span)
{
    uint8_t byte;

    /* Without randomness the middle: nothing here is a secret. */
    if (otter_board_random(&byte, 1) != 0) {
        byte = 128;
    }
    return least + span * byte / 255;
}

/* --- Names -------------------------------------------------------------- */

/* "name-2", "name-3" ...; a long name is cut to make room. */
static void next_name(struct otter_mdns *mdns)
{
    char digits[6];
    uint32_t count = 0;
    uint32_t at = mdns->base_len;

    mdns->suffix = mdns->suffix < 2 ? 2 : (uint16_t)(mdns->suffix + 1);
    for (uint32_t n = mdns->suffix; n > 0; n /= 10) {
        digits[count++] = (char)('0' + n % 10);
    }
    if (at > OTTER_MDNS_NAME_MAX - count - 1) {
        at = OTTER_MDNS_NAME_MAX - count - 1;
    }
    mdns->name[at++] = '-';
    while (count > 0) {
        mdns->name[at++] = digits[--count];
    }
    mdns->name[at] = '\0';
}

void otter__mdns_restart(struct otter_mdns_link *link, uint32_t delay_ms)
{
    link->state = OTTER__MDNS_PROBE;
    link->step = 0;
    link->timer = otter_clock_ms() + delay_ms;
    link->wanted = 0;
    link->held = 0;
    link->defend = false;
}

void otter__mdns_rename(struct otter_mdns *mdns)
{
    uint32_t delay;

    if (mdns->conflicts == 0 ||
        otter_clock_since(mdns->conflicts_since) > CONFLICT_WINDOW_MS) {
        mdns->conflicts = 0;
        mdns->conflicts_since = otter_clock_ms();
    }
    if (mdns->conflicts < CONFLICTS) {
        mdns->conflicts++;
    }
    delay = mdns->conflicts < CONFLICTS ? otter__mdns_random(0, PROBE_MS)
                                        : CONFLICT_WAIT_MS;
    next_name(mdns);
    for (uint32_t i = 0; i < OTTER_MDNS_LINKS; i++) {
        if (mdns->link[i].interface != 0) {
            otter__mdns_restart(&mdns->link[i], delay);
        }
    }
}

void otter__mdns_changed(struct otter_mdns *mdns, uint32_t service)
{
    for (uint32_t i = 0; i < OTTER_MDNS_LINKS; i++) {
        struct otter_mdns_link *link = &mdns->link[i];
        uint32_t last = link->sent[1 + service];

        if (link->interface == 0 || link->state == OTTER__MDNS_PROBE) {
            continue;
        }
        if (link->state == OTTER__MDNS_RUN) {
            link->announce = 0;
            link->step = UPDATE_STEP;
        } else if (link->step > UPDATE_STEP) {
            link->step = UPDATE_STEP;
        }
        link->state = OTTER__MDNS_ANNOUNCE;
        link->announce |= (uint8_t)(2u << service);
        link->timer = otter_clock_since(last) < REPEAT_MS ? last + REPEAT_MS
                                                          : otter_clock_ms();
    }
}

/* --- Interfaces --------------------------------------------------------- */

static bool is_usable(const struct otter_mdns *mdns,
                      const struct otter_interface *interface)
{
    if (!interface->up || interface->addr.family != OTTER_ADDR_IPV4) {
        return false;
    }
    if (mdns->config->interface != 0) {
        return interface->index == mdns->config->interface;
    }
    return interface->addr.ip[0] != 127;
}

static bool same_link(const struct otter_mdns_link *link,
                      const struct otter_mdns_link *other)
{
    return link->interface == other->interface &&
           memcmp(link->ip, other->ip, sizeof link->ip) == 0 &&
           memcmp(link->mask, other->mask, sizeof link->mask) == 0;
}

/* Fills `found` with the interfaces that are to be used now. */
static void find_links(const struct otter_mdns *mdns,
                       struct otter_mdns_link found[OTTER_MDNS_LINKS])
{
    struct otter_interface interface;
    uint32_t count = 0;

    memset(found, 0, OTTER_MDNS_LINKS * sizeof found[0]);
    for (uint32_t n = 0;
         count < OTTER_MDNS_LINKS && otter_net_interface(n, &interface) == 0;
         n++) {
        if (is_usable(mdns, &interface)) {
            found[count].interface = interface.index;
            memcpy(found[count].ip, interface.addr.ip, 4);
            memcpy(found[count].mask, interface.mask.ip, 4);
            count++;
        }
    }
}

static void close_socket(struct otter_mdns *mdns)
{
    if (mdns->udp != NULL) {
        otter_udp_close(mdns->udp);
        mdns->udp = NULL;
    }
}

/* A socket that is a member of the group on every link, or none. */
static void open_socket(struct otter_mdns *mdns)
{
    const struct otter_udp_config config = {OTTER_MDNS_PORT, true};

    close_socket(mdns);
    mdns->error = otter_udp_open(&mdns->udp, &config);
    if (mdns->error != 0) {
        mdns->udp = NULL;
        return;
    }
    for (uint32_t i = 0; i < OTTER_MDNS_LINKS && mdns->error == 0; i++) {
        if (mdns->link[i].interface != 0) {
            mdns->error =
                otter_udp_join(mdns->udp, &group_addr, mdns->link[i].interface,
                               MULTICAST_TTL);
        }
    }
    if (mdns->error != 0) {
        close_socket(mdns);
    }
}

/* Looks at the interfaces.  What did not change goes on; what is new or has
 * another address starts by probing. */
static void scan(struct otter_mdns *mdns)
{
    struct otter_mdns_link found[OTTER_MDNS_LINKS];
    bool changed = false;

    find_links(mdns, found);
    for (uint32_t i = 0; i < OTTER_MDNS_LINKS; i++) {
        uint32_t old = 0;

        changed = changed || !same_link(&found[i], &mdns->link[i]);
        while (old < OTTER_MDNS_LINKS &&
               !same_link(&found[i], &mdns->link[old])) {
            old++;
        }
        if (old < OTTER_MDNS_LINKS) {
            found[i] = mdns->link[old];
        } else if (found[i].interface != 0) {
            otter__mdns_restart(&found[i], otter__mdns_random(0, PROBE_MS));
        }
    }
    memcpy(mdns->link, found, sizeof found);
    if (found[0].interface == 0) {
        close_socket(mdns);
    } else if (changed || mdns->udp == NULL) {
        open_socket(mdns);
    }
}

/* --- Work ---------------------------------------------------------------- */

static void probe(struct otter_mdns *mdns, struct otter_mdns_link *link)
{
    if (link->step < PROBES) {
        otter__mdns_send_probe(mdns, link);
        link->step++;
        link->timer = otter_clock_ms() + PROBE_MS;
        return;
    }
    link->state = OTTER__MDNS_ANNOUNCE;
    link->step = 0;
    link->announce = ALL_GROUPS;
    link->timer = otter_clock_ms();
    if (mdns->config->on_name != NULL) {
        mdns->config->on_name(mdns->config->user, mdns->name);
    }
}

static void announce(struct otter_mdns *mdns, struct otter_mdns_link *link)
{
    otter__mdns_send_all(mdns, link, link->announce, false);
    link->timer = otter_clock_ms() + (ANNOUNCE_MS << link->step);
    link->step++;
    if (link->step == ANNOUNCEMENTS) {
        link->state = OTTER__MDNS_RUN;
    }
}

/* Multicasts what is wanted, except what was multicast a moment ago. */
static void answer(struct otter_mdns *mdns, struct otter_mdns_link *link)
{
    uint32_t pause = link->defend ? DEFEND_MS : REPEAT_MS;
    uint32_t wait = REPEAT_MS;
    uint32_t later = 0;

    for (uint32_t g = 0; g <= mdns->service_count; g++) {
        uint32_t records = link->wanted & otter__mdns_group(g);
        uint32_t since = otter_clock_since(link->sent[g]);

        if (records == 0) {
            continue;
        }
        if ((link->was_sent >> g & 1) != 0 && since < pause) {
            later |= records;
            wait = pause - since < wait ? pause - since : wait;
        } else {
            otter__mdns_send_answer(mdns, link, g, records);
        }
    }
    link->wanted = later;
    link->wanted_at = otter_clock_ms() + wait;
    link->defend = link->defend && later != 0;
}

static void run_link(struct otter_mdns *mdns, struct otter_mdns_link *link)
{
    if (link->state == OTTER__MDNS_PROBE && otter__mdns_due(link->timer)) {
        probe(mdns, link);
    }
    if (link->state == OTTER__MDNS_ANNOUNCE && otter__mdns_due(link->timer)) {
        announce(mdns, link);
    }
    if (link->held != 0 && otter__mdns_due(link->held_at)) {
        link->wanted |= link->held;
        link->wanted_at = otter_clock_ms();
        link->held = 0;
    }
    if (link->wanted != 0 && otter__mdns_due(link->wanted_at)) {
        answer(mdns, link);
    }
}

/* Reads what has arrived.  A socket that fails is opened anew by the next
 * look at the interfaces. */
static void receive(struct otter_mdns *mdns)
{
    for (uint32_t i = 0; i < DATAGRAMS && mdns->udp != NULL; i++) {
        struct otter_datagram info;
        int len = otter_udp_recv(mdns->udp, mdns->packet, sizeof mdns->packet,
                                 &info);

        if (len == OTTER_ERR_AGAIN) {
            return;
        }
        if (len < 0) {
            mdns->error = len;
            close_socket(mdns);
            return;
        }
        otter__mdns_receive(mdns, (uint32_t)len, &info);
    }
}

void otter_mdns_poll(struct otter_mdns *mdns)
{
    if (mdns->config == NULL) {
        return;
    }
    if (!mdns->has_scanned || otter_clock_since(mdns->scanned) >= SCAN_MS) {
        mdns->has_scanned = true;
        mdns->scanned = otter_clock_ms();
        scan(mdns);
    }
    receive(mdns);
    for (uint32_t i = 0; i < OTTER_MDNS_LINKS && mdns->udp != NULL; i++) {
        if (mdns->link[i].interface != 0) {
            run_link(mdns, &mdns->link[i]);
        }
    }
}

const char *otter_mdns_name(const struct otter_mdns *mdns)
{
    return mdns->name;
}

bool otter_mdns_announced(const struct otter_mdns *mdns)
{
    for (uint32_t i = 0; i < OTTER_MDNS_LINKS; i++) {
        if (mdns->link[i].interface != 0 &&
            mdns->link[i].state != OTTER__MDNS_PROBE) {
            return true;
        }
    }
    return false;
}

void otter_mdns_close(struct otter_mdns *mdns)
{
    for (uint32_t i = 0; i < OTTER_MDNS_LINKS && mdns->udp != NULL; i++) {
        struct otter_mdns_link *link = &mdns->link[i];

        if (link->interface != 0 && link->state != OTTER__MDNS_PROBE) {
            otter__mdns_send_all(mdns, link, ALL_GROUPS, true);
        }
    }
    close_socket(mdns);
    memset(mdns->link, 0, sizeof mdns->link);
    mdns->config = NULL;
}
