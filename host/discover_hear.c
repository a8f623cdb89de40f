/* SPDX-License-Identifier: Apache-2.0
 *
 * What answers and announcements say about devices, and the reports that
 * follow from it. */
#include "host/discover_internal.h"

#include "codec/dns.h"
#include "codec/dns_keys.h"
#include "format/error.h"
#include "host/clock.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ENTRIES_MAX 4096u /* services and hosts that are kept */
#define LEAVE_MS    1000u /* between the goodbye and the end */

/* --- What is known ---------------------------------------------------------
 */

struct otter__discover_entry *otter__discover_add_entry(
    struct otter_discover *d, const char *instance)
{
    struct otter__discover_entry **link = &d->entries;
    struct otter__discover_entry *entry;

    while (*link != NULL) {
        link = &(*link)->next;
    }
    entry = d->count < ENTRIES_MAX ? calloc(1, sizeof *entry) : NULL;
    if (entry == NULL) {
        return NULL;
    }
    d->count++;
    snprintf(entry->instance, sizeof entry->instance, "%s", instance);
    entry->ask_at = entry->leave_at = OTTER__DISCOVER_NEVER;
    *link = entry;
    return entry;
}

static struct otter__discover_entry *find_entry(struct otter_discover *d,
                                                const char *instance)
{
    struct otter__discover_entry *entry = d->entries;

    while (entry != NULL && (entry->instance[0] == '\0' ||
                             strcasecmp(entry->instance, instance) != 0)) {
        entry = entry->next;
    }
    return entry;
}

struct otter__discover_host *otter__discover_find_host(
    const struct otter_discover *d, const char *name)
{
    struct otter__discover_host *host = d->hosts;

    while (host != NULL && strcasecmp(host->name, name) != 0) {
        host = host->next;
    }
    return host;
}

static void report(struct otter_discover *d, enum otter_discover_event event,
                   const struct otter_device *device)
{
    if (d->config.on_event != NULL) {
        d->config.on_event(d->config.user, event, device);
    }
}

static bool same_place(const struct otter_device *a,
                       const struct otter_device *b)
{
    return strcmp(a->address, b->address) == 0 && a->port == b->port;
}

/* A device of a list stands back while the same was found. */
static bool is_covered(const struct otter_discover *d,
                       const struct otter_device *listed)
{
    for (const struct otter__discover_entry *e = d->entries; e != NULL;
         e = e->next) {
        if (e->shown && !e->device.listed && same_place(&e->device, listed)) {
            return true;
        }
    }
    return false;
}

void otter__discover_update_listed(struct otter_discover *d, bool show)
{
    for (struct otter__discover_entry *e = d->entries; e != NULL;
         e = e->next) {
        bool visible = e->device.listed && !is_covered(d, &e->device);

        if (!e->device.listed || visible == e->shown || visible != show) {
            continue;
        }
        e->shown = visible;
        report(d, visible ? OTTER_DISCOVER_FOUND : OTTER_DISCOVER_GONE,
               &e->device);
    }
}

void otter__discover_hide(struct otter_discover *d,
                          struct otter__discover_entry *entry)
{
    if (entry->shown) {
        entry->shown = false;
        report(d, OTTER_DISCOVER_GONE, &entry->device);
        otter__discover_update_listed(d, true);
    }
}

/* Reports what a change of an entry or its host means. */
void otter__discover_judge(struct otter_discover *d,
                           struct otter__discover_entry *entry, uint64_t now)
{
    const struct otter__discover_host *host =
        otter__discover_find_host(d, entry->target);
    struct otter_device device = entry->heard;

    if (entry->target[0] == '\0' || host == NULL ||
        (!entry->has_text &&
         now - entry->target_at < OTTER__DISCOVER_TEXT_WAIT_MS)) {
        return;
    }
    inet_ntop(AF_INET, &host->address, device.address, sizeof device.address);
    if (d->wanted[0] != '\0' && strcasecmp(d->wanted, entry->target) != 0) {
        return;
    }
    if (entry->has_text) {
        entry->ask_at = OTTER__DISCOVER_NEVER;
    }
    if (entry->shown && otter_device_same(&device, &entry->device)) {
        return;
    }
    if (entry->shown && same_place(&device, &entry->device)) {
        entry->device = device;
        report(d, OTTER_DISCOVER_CHANGED, &entry->device);
        return;
    }
    otter__discover_hide(d, entry);
    entry->device = device;
    entry->shown = true;
    otter__discover_update_listed(d, false);
    report(d, OTTER_DISCOVER_FOUND, &entry->device);
}

/* --- Records
 * ----------------------------------------------------------------- */

/* A packet under work. */
struct answer {
    struct otter_discover *d;
    const struct otter_dns_reader *reader;
    struct in_addr from;
    uint64_t now;
};

/* The name at `at`, if it is one of usable length. */
static bool name_at(const struct answer *a, uint32_t at,
                    char name[OTTER_DEVICE_NAME_SIZE])
{
    return otter_dns_name_text(a->reader, at, name, OTTER_DEVICE_NAME_SIZE) >
           0;
}

/* The entry of an instance; a new one if it is of our service. */
static struct otter__discover_entry *instance_at(const struct answer *a,
                                                 uint32_t at)
{
    struct otter_dns_name service = {{a->d->config.service, "local"}};
    char name[OTTER_DEVICE_NAME_SIZE];
    const uint8_t *label;
    uint32_t len;
    struct otter__discover_entry *entry;

    if (!name_at(a, at, name) ||
        otter_dns_name_label(a->reader, at, &label, &len) != 0) {
        return NULL;
    }
    entry = find_entry(a->d, name);
    if (entry != NULL) {
        return entry;
    }
    /* What follows the first label must be the service. */
    if (!otter_dns_name_is(a->reader, (uint32_t)(label + len - a->reader->msg),
                           &service)) {
        return NULL;
    }
    entry = otter__discover_add_entry(a->d, name);
    if (entry != NULL) {
        otter_device_copy(entry->heard.name, sizeof entry->heard.name, label,
                          len);
        entry->ask_at = a->now + OTTER__DISCOVER_FOLLOW_UP_MS;
    }
    return entry;
}

/* Notes that an entry was heard of; false when it took its leave. */
static bool touch(const struct answer *a, struct otter__discover_entry *entry,
                  uint32_t ttl)
{
    entry->touched = true;
    if (ttl == 0) {
        entry->leave_at = a->now + LEAVE_MS;
        return false;
    }
    entry->heard_at = a->now;
    entry->leave_at = OTTER__DISCOVER_NEVER;
    return true;
}

static void take_pointer(const struct answer *a,
                         const struct otter_dns_record *record)
{
    struct otter_dns_name service = {{a->d->config.service, "local"}};
    struct otter__discover_entry *entry;
    uint32_t target;

    if (otter_dns_name_is(a->reader, record->name, &service) &&
        otter_dns_target(a->reader, record, &target) == 0) {
        entry = instance_at(a, target);
        if (entry != NULL) {
            (void)touch(a, entry, record->ttl);
        }
    }
}

static void take_srv(const struct answer *a,
                     const struct otter_dns_record *record)
{
    struct otter__discover_entry *entry = instance_at(a, record->name);
    char name[OTTER_DEVICE_NAME_SIZE];
    uint32_t target;

    if (entry == NULL || !touch(a, entry, record->ttl) ||
        otter_dns_target(a->reader, record, &target) != 0 ||
        !name_at(a, target, name)) {
        return;
    }
    if (entry->target[0] == '\0') {
        entry->target_at = a->now;
    }
    memcpy(entry->target, name, sizeof name);
    otter_device_copy(entry->heard.host, sizeof entry->heard.host, name,
                      strlen(name));
    entry->heard.port = otter_dns_srv_port(a->reader, record);
}

static void take_text(const struct answer *a,
                      const struct otter_dns_record *record)
{
    struct otter__discover_entry *entry = instance_at(a, record->name);
    const uint8_t *text;
    uint32_t len;
    uint32_t pos = 0;

    if (entry == NULL || !touch(a, entry, record->ttl)) {
        return;
    }
    entry->has_text = true;
    entry->heard.text_len = 0;
    while (otter_dns_next_text(a->reader, record, &pos, &text, &len) == 0) {
        if (len > 0) {
            otter_device_add_text(&entry->heard, text, len);
        }
    }
}

/* Of several addresses the one that the packet came from is the best: it can
 * be reached. */
static void take_address(const struct answer *a,
                         const struct otter_dns_record *record)
{
    char name[OTTER_DEVICE_NAME_SIZE];
    struct in_addr address;
    struct otter__discover_host *host;

    if (record->data_len != sizeof address || record->ttl == 0 ||
        !name_at(a, record->name, name)) {
        return;
    }
    memcpy(&address, a->reader->msg + record->data, sizeof address);
    host = otter__discover_find_host(a->d, name);
    if (host == NULL && a->d->count < ENTRIES_MAX) {
        host = calloc(1, sizeof *host);
        if (host == NULL) {
            return;
        }
        a->d->count++;
        memcpy(host->name, name, sizeof name);
        host->since = a->now;
        host->address = address;
        host->next = a->d->hosts;
        a->d->hosts = host;
    }
    if (host != NULL) {
        host->touched = true;
        if (address.s_addr == a->from.s_addr) {
            host->address = address;
        }
    }
}

static void take_record(const struct answer *a,
                        const struct otter_dns_record *record)
{
    if (record->klass != OTTER_DNS_IN ||
        record->section == OTTER_DNS_AUTHORITY) {
        return;
    }
    switch (record->type) {
    case OTTER_DNS_PTR:
        take_pointer(a, record);
        break;
    case OTTER_DNS_SRV:
        take_srv(a, record);
        break;
    case OTTER_DNS_TXT:
        take_text(a, record);
        break;
    case OTTER_DNS_A:
        take_address(a, record);
        break;
    default:
        break;
    }
}

/* Judges what the packet has touched. */
static void judge_touched(struct otter_discover *d, uint64_t now)
{
    for (struct otter__discover_host *h = d->hosts; h != NULL; h = h->next) {
        for (struct otter__discover_entry *e = d->entries;
             h->touched && e != NULL; e = e->next) {
            e->touched = e->touched || strcasecmp(e->target, h->name) == 0;
        }
        h->touched = false;
    }
    for (struct otter__discover_entry *e = d->entries; e != NULL;
         e = e->next) {
        if (e->touched) {
            e->touched = false;
            otter__discover_judge(d, e, now);
        }
    }
}

void otter__discover_take(struct otter_discover *d, uint32_t len,
                          struct in_addr from)
{
    struct otter_dns_reader reader;
    struct otter_dns_record record;
    struct answer answer = {d, &reader, from, otter_host_now_ms()};

    if (otter_dns_open(&reader, d->packet, len) != 0 ||
        (reader.flags & OTTER_DNS_RESPONSE) == 0 ||
        (reader.flags & (OTTER_DNS_OPCODE | OTTER_DNS_RCODE)) != 0) {
        return;
    }
    while (otter_dns_next_record(&reader, &record) == 0) {
        take_record(&answer, &record);
    }
    judge_touched(d, answer.now);
}
