/* SPDX-License-Identifier: Apache-2.0
 *
 * The search for devices: when to ask, when to give up, and the way in. */
#include "host/discover.h"
#include "host/discover_internal.h"

#include "codec/dns.h"
#include "codec/dns_keys.h"
#include "format/error.h"
#include "host/clock.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define QUERY_FIRST_MS 500u   /* between the first questions, then doubling */
#define QUERY_STEPS    5u     /* ... so often */
#define QUERY_EVERY_MS 20000u /* afterwards */
#define FOLLOW_UPS     5u     /* questions for what is missing */
#define HOST_WAIT_MS   700u   /* for the service of a host that was found */

/* --- Questions
 * ----------------------------------------------------------------- */

/* One question a packet: to others from our own port the core is silent. */
static void ask(struct otter_discover *d, unsigned ways,
                const struct otter_dns_name *name, uint16_t type)
{
    struct otter_dns_writer writer;
    uint8_t packet[512];

    if (otter_dns_begin(&writer, packet, sizeof packet, 0, 0) == 0 &&
        otter_dns_put_question(&writer, name, type, OTTER_DNS_IN) == 0) {
        otter__discover_net_send(&d->net, packet, otter_dns_finish(&writer),
                                 ways);
    }
}

/* In turns at first, so that each is tried early; then both. */
static unsigned ways_of(unsigned attempt)
{
    if (attempt >= QUERY_STEPS) {
        return OTTER_DISCOVER_DIRECT | OTTER_DISCOVER_GROUP;
    }
    return attempt % 2 == 0 ? OTTER_DISCOVER_DIRECT : OTTER_DISCOVER_GROUP;
}

static void ask_for_all(struct otter_discover *d, uint64_t now)
{
    uint64_t pause = QUERY_EVERY_MS;
    unsigned ways = ways_of(d->queries);

    if (d->wanted[0] != '\0') {
        struct otter_dns_name host = {{d->wanted}};
        struct otter_dns_name instance = {
            {d->label, d->config.service, "local"}};

        ask(d, ways, &instance, OTTER_DNS_SRV);
        ask(d, ways, &host, OTTER_DNS_A);
    } else {
        struct otter_dns_name service = {{d->config.service, "local"}};

        ask(d, ways, &service, OTTER_DNS_PTR);
    }
    if (d->queries < QUERY_STEPS) {
        pause = QUERY_FIRST_MS << d->queries++;
    }
    d->query_at = now + pause;
}

static void ask_for_rest(struct otter_discover *d,
                         struct otter__discover_entry *entry, uint64_t now)
{
    struct otter_dns_name instance = {{entry->instance}};
    struct otter_dns_name host = {{entry->target}};
    unsigned ways = ways_of(entry->follow_ups);

    if (entry->target[0] == '\0') {
        ask(d, ways, &instance, OTTER_DNS_SRV);
    } else if (otter__discover_find_host(d, entry->target) == NULL) {
        ask(d, ways, &host, OTTER_DNS_A);
    }
    if (!entry->has_text) {
        ask(d, ways, &instance, OTTER_DNS_TXT);
    }
    entry->ask_at =
        ++entry->follow_ups < FOLLOW_UPS
            ? now + (OTTER__DISCOVER_FOLLOW_UP_MS << entry->follow_ups)
            : OTTER__DISCOVER_NEVER;
}

/* --- Time
 * ------------------------------------------------------------------------ */

static bool is_listed(const struct otter__discover_entry *entry)
{
    return entry->instance[0] == '\0';
}

static uint64_t ends_at(const struct otter__discover_entry *entry)
{
    uint64_t silence = entry->heard_at + OTTER_DISCOVER_SILENCE_MS;

    return silence < entry->leave_at ? silence : entry->leave_at;
}

static void drop(struct otter_discover *d, struct otter__discover_entry *entry)
{
    struct otter__discover_entry **link = &d->entries;

    otter__discover_hide(d, entry);
    while (*link != entry) {
        link = &(*link)->next;
    }
    *link = entry->next;
    free(entry);
    d->count--;
}

/* When an entry wants to be looked at again. */
static uint64_t entry_due(const struct otter__discover_entry *entry)
{
    uint64_t due = ends_at(entry);

    if (is_listed(entry)) {
        return OTTER__DISCOVER_NEVER;
    }
    if (entry->ask_at < due) {
        due = entry->ask_at;
    }
    if (!entry->shown && !entry->has_text && entry->target[0] != '\0' &&
        entry->target_at + OTTER__DISCOVER_TEXT_WAIT_MS < due) {
        due = entry->target_at + OTTER__DISCOVER_TEXT_WAIT_MS;
    }
    return due;
}

static void look_after(struct otter_discover *d,
                       struct otter__discover_entry *entry, uint64_t now)
{
    if (is_listed(entry)) {
        return;
    }
    if (ends_at(entry) <= now) {
        drop(d, entry);
        return;
    }
    if (entry->ask_at <= now) {
        ask_for_rest(d, entry, now);
    }
    if (!entry->shown) {
        otter__discover_judge(d, entry, now);
    }
}

static void set_timer(struct otter_discover *d)
{
    uint64_t due = d->query_at;
    uint64_t now = otter_host_now_ms();
    struct itimerspec timer;

    for (const struct otter__discover_entry *e = d->entries; e != NULL;
         e = e->next) {
        uint64_t at = entry_due(e);

        due = at < due ? at : due;
    }
    due = due > now ? due - now : 1;
    memset(&timer, 0, sizeof timer);
    timer.it_value.tv_sec = (time_t)(due / 1000);
    timer.it_value.tv_nsec = (long)(due % 1000 * 1000000);
    timerfd_settime(d->timer_fd, 0, &timer, NULL);
}

/* --- Public
 * ------------------------------------------------------------------------ */

static int watch(struct otter_discover *d, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};

    return fd < 0 ? 0 : epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int open_all(struct otter_discover *d)
{
    int error = otter__discover_net_open(&d->net, d->config.interface);

    if (error != 0) {
        return error;
    }
    d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    d->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (d->epoll_fd < 0 || d->timer_fd < 0 || watch(d, d->timer_fd) != 0 ||
        watch(d, d->net.query_fd) != 0 || watch(d, d->net.listen_fd) != 0) {
        return OTTER_ERR_NETWORK;
    }
    return 0;
}

/* Splits "lamp.local." into the host's name and its first label. */
static int set_host(struct otter_discover *d, const char *host)
{
    struct otter_dns_name name = {{d->wanted}};
    uint8_t wire[256];
    size_t len = host != NULL ? strlen(host) : 0;

    if (len > 0 && host[len - 1] == '.') {
        len--;
    }
    if (len >= sizeof d->wanted) {
        return OTTER_ERR_INVALID;
    }
    memcpy(d->wanted, host != NULL ? host : "", len);
    memcpy(d->label, d->wanted, len);
    d->label[strcspn(d->label, ".")] = '\0';
    return otter_dns_name_wire(&name, wire, sizeof wire) > 0
               ? 0
               : OTTER_ERR_INVALID;
}

int otter_discover_open(struct otter_discover **out,
                        const struct otter_discover_config *config)
{
    struct otter_discover *d = calloc(1, sizeof *d);
    struct otter_dns_name service;
    uint8_t wire[256];
    int error;

    *out = NULL;
    if (d == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    d->config = *config;
    d->epoll_fd = d->timer_fd = d->net.query_fd = d->net.listen_fd = -1;
    if (d->config.service == NULL) {
        d->config.service = OTTER_DNS_ARDUINO;
    }
    service = (struct otter_dns_name){{d->config.service, "local"}};
    error = set_host(d, config->host);
    if (error == 0 && otter_dns_name_wire(&service, wire, sizeof wire) < 0) {
        error = OTTER_ERR_INVALID;
    }
    if (error == 0) {
        error = open_all(d);
    }
    if (error != 0) {
        otter_discover_close(d);
        return error;
    }
    ask_for_all(d, otter_host_now_ms());
    set_timer(d);
    *out = d;
    return 0;
}

int otter_discover_add(struct otter_discover *discover,
                       const struct otter_device *device)
{
    struct otter__discover_entry *entry =
        otter__discover_add_entry(discover, "");

    if (entry == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    entry->device = *device;
    entry->device.listed = true;
    otter__discover_update_listed(discover, true);
    return 0;
}

int otter_discover_fd(const struct otter_discover *discover)
{
    return discover->epoll_fd;
}

void otter_discover_run(struct otter_discover *discover)
{
    uint64_t expired;
    uint64_t now;
    struct in_addr from;
    struct otter__discover_entry *next;
    int len;

    while ((len = otter__discover_net_recv(&discover->net, discover->packet,
                                           sizeof discover->packet, &from)) >
           0) {
        otter__discover_take(discover, (uint32_t)len, from);
    }
    if (read(discover->timer_fd, &expired, sizeof expired) < 0) {
        expired = 0; /* not yet: the moments below decide */
    }
    now = otter_host_now_ms();
    for (struct otter__discover_entry *e = discover->entries; e != NULL;
         e = next) {
        next = e->next;
        look_after(discover, e, now);
    }
    if (discover->query_at <= now) {
        ask_for_all(discover, now);
    }
    set_timer(discover);
}

const struct otter_device *otter_discover_device(
    const struct otter_discover *discover, size_t n)
{
    for (const struct otter__discover_entry *e = discover->entries; e != NULL;
         e = e->next) {
        if (e->shown && n-- == 0) {
            return &e->device;
        }
    }
    return NULL;
}

void otter_discover_close(struct otter_discover *discover)
{
    while (discover->entries != NULL) {
        struct otter__discover_entry *next = discover->entries->next;

        free(discover->entries);
        discover->entries = next;
    }
    while (discover->hosts != NULL) {
        struct otter__discover_host *next = discover->hosts->next;

        free(discover->hosts);
        discover->hosts = next;
    }
    otter__discover_net_close(&discover->net);
    if (discover->epoll_fd >= 0) {
        close(discover->epoll_fd);
    }
    if (discover->timer_fd >= 0) {
        close(discover->timer_fd);
    }
    free(discover);
}

/* Waits until there is work or the moment has come; false: it has. */
static bool wait_until(struct otter_discover *d, uint64_t end)
{
    struct pollfd fd = {.fd = d->epoll_fd, .events = POLLIN};
    uint64_t now = otter_host_now_ms();

    if (now >= end) {
        return false;
    }
    poll(&fd, 1, (int)(end - now));
    otter_discover_run(d);
    return true;
}

void otter_discover_wait(struct otter_discover *discover, uint32_t ms)
{
    uint64_t end = otter_host_now_ms() + ms;

    while (wait_until(discover, end)) {
    }
}

int otter_discover_find(const char *host, uint32_t ms,
                        struct otter_device *out)
{
    const struct otter_discover_config config = {.host = host};
    uint64_t end = otter_host_now_ms() + ms;
    const struct otter_device *device;
    const struct otter__discover_host *found = NULL;
    struct otter_discover *d;
    int error = otter_discover_open(&d, &config);

    if (error != 0) {
        return error;
    }
    while ((device = otter_discover_device(d, 0)) == NULL &&
           wait_until(d, end)) {
        found = otter__discover_find_host(d, d->wanted);
        if (found != NULL && found->since + HOST_WAIT_MS < end) {
            end = found->since + HOST_WAIT_MS;
        }
    }
    memset(out, 0, sizeof *out);
    if (device != NULL) {
        *out = *device;
    } else if (found != NULL) {
        otter_device_copy(out->name, sizeof out->name, d->label,
                          strlen(d->label));
        otter_device_copy(out->host, sizeof out->host, d->wanted,
                          strlen(d->wanted));
        inet_ntop(AF_INET, &found->address, out->address, sizeof out->address);
    } else {
        error = OTTER_ERR_LOOKUP;
    }
    otter_discover_close(d);
    return error;
}
