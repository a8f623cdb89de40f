/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the search for devices share: what was heard of services
 * and hosts, and when it is to be looked at again. */
#ifndef OTTER_HOST_DISCOVER_INTERNAL_H
#define OTTER_HOST_DISCOVER_INTERNAL_H

#include "host/discover.h"
#include "host/discover_net.h"

#define OTTER__DISCOVER_TEXT_WAIT_MS                                          \
    1000u /* a device without TXT is reported */
#define OTTER__DISCOVER_FOLLOW_UP_MS                                          \
    100u /* before asking for what is missing */
#define OTTER__DISCOVER_NEVER UINT64_MAX

/* One service instance, or one device of a list. */
struct otter__discover_entry {
    struct otter__discover_entry *next;
    struct otter_device device;            /* as reported, while shown */
    struct otter_device heard;             /* name, host, port and TXT */
    char instance[OTTER_DEVICE_NAME_SIZE]; /* escaped; "": of a list */
    char target[OTTER_DEVICE_NAME_SIZE];   /* escaped; "": no SRV yet */
    bool has_text;
    bool shown;
    bool touched; /* by the packet being worked off */
    unsigned follow_ups;
    uint64_t ask_at;    /* for what is missing */
    uint64_t heard_at;  /* the last time */
    uint64_t target_at; /* SRV came first */
    uint64_t leave_at;
};

struct otter__discover_host {
    struct otter__discover_host *next;
    char name[OTTER_DEVICE_NAME_SIZE];
    struct in_addr address;
    bool touched;
    uint64_t since;
};

struct otter_discover {
    struct otter_discover_config config;
    struct otter_discover_net net;
    struct otter__discover_entry *entries;
    struct otter__discover_host *hosts;
    size_t count; /* of both */
    int epoll_fd;
    int timer_fd;
    unsigned queries;
    uint64_t query_at;
    char label[OTTER_DEVICE_NAME_SIZE];  /* of config.host */
    char wanted[OTTER_DEVICE_NAME_SIZE]; /* config.host without a final dot */
    uint8_t packet[9000];
};

/* --- discover_hear.c
 * --------------------------------------------------------- */

/* NULL: too many, or no memory. */
struct otter__discover_entry *otter__discover_add_entry(
    struct otter_discover *d, const char *instance);

struct otter__discover_host *otter__discover_find_host(
    const struct otter_discover *d, const char *name);

/* Works off the packet of `len` bytes in the packet buffer. */
void otter__discover_take(struct otter_discover *d, uint32_t len,
                          struct in_addr from);

/* Reports what is new about an entry that is complete. */
void otter__discover_judge(struct otter_discover *d,
                           struct otter__discover_entry *entry, uint64_t now);

/* Reports that an entry is gone, if it was there. */
void otter__discover_hide(struct otter_discover *d,
                          struct otter__discover_entry *entry);

/* Shows the devices of the list that no found one covers, or hides the
 * others. */
void otter__discover_update_listed(struct otter_discover *d, bool show);

#endif
