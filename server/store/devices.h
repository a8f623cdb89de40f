/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices in the store: what is known of each, what people decided about it,
 * and what happened to it.  Errors as in store.h. */
#ifndef OTTER_SERVER_STORE_DEVICES_H
#define OTTER_SERVER_STORE_DEVICES_H

#include "server/delivery.h"
#include "server/store/store.h"

/* What is known of a device; one that is not is OTTERD_UNKNOWN. */
OTTER_MUST_CHECK int otterd_device_find(struct otterd_store *store,
                                        uint64_t mac,
                                        struct otterd_device *out);

/* What to change; NULL texts are left as they are, and so is the state when
 * it is OTTERD_UNKNOWN. */
struct otterd_device_change {
    enum otterd_device_state state;
    const char *group;
    const char *tags; /* separated by blanks */
    const char *name;
};

/* Changes a device, seen or not, and notes who did.  One that is made by a
 * change without a state is pending. */
OTTER_MUST_CHECK int otterd_device_change(
    struct otterd_store *store, uint64_t mac,
    const struct otterd_device_change *change, const char *who);

/* The same for the state alone. */
OTTER_MUST_CHECK int otterd_device_set_state(struct otterd_store *store,
                                             uint64_t mac,
                                             enum otterd_device_state state,
                                             const char *who);

/* Forgets a device and its history; releases count it no more.
 * OTTER_ERR_NO_DATA: not known. */
OTTER_MUST_CHECK int otterd_device_forget(struct otterd_store *store,
                                          uint64_t mac, const char *who);

/* The release of a sketch that the device took all of last; 0: none. */
OTTER_MUST_CHECK int otterd_device_took(struct otterd_store *store,
                                        uint64_t mac, int64_t *release);

/* ---- What devices do ---- */

enum otterd_sighting_kind {
    OTTERD_SIGHTING_ASKED,
    OTTERD_SIGHTING_DOWNLOADED /* the last byte of a release went out; only
                                  mac, at, mode, version, release are read */
};

/* One request of a device and its answer. */
struct otterd_sighting {
    uint64_t mac;
    int64_t at; /* seconds since 1970 */
    enum otterd_sighting_kind kind;
    enum otterd_device_state new_state; /* for one never seen before */
    enum otterd_verdict verdict;
    enum otterd_mode mode;
    enum otterd_dialect dialect;   /* of the path */
    int64_t release;               /* of the decision, 0: none */
    char offered[OTTERD_TEXT_MAX]; /* its version */
    unsigned answer;               /* the status of HTTP */
    char address[OTTERD_ADDRESS_MAX];
    char product[OTTERD_TEXT_MAX];
    char version[OTTERD_TEXT_MAX];
    char status[OTTERD_STATUS_MAX]; /* x-Otter-Status, or empty */
    char reason[OTTERD_REASON_MAX];
    /* Filled by otterd_device_saw. */
    enum otterd_event event; /* the most telling thing that it was */
    int64_t counted;         /* release whose counts changed, 0: none */
    bool moved; /* it came further with its release, or less far */
    /* The last field: of most of it nothing is used. */
    char headers[OTTERD_HEADERS_MAX]; /* lines "name: value" */
};

/* Enters sightings in one transaction: the devices, what happened to them in
 * their history, and the counts of releases. */
OTTER_MUST_CHECK int otterd_device_saw(struct otterd_store *store,
                                       struct otterd_sighting *list,
                                       size_t count);

/* A device as people want to see it. */
struct otterd_device_view {
    struct otterd_device device;
    char name[OTTERD_TEXT_MAX];
    char fs_version[OTTERD_TEXT_MAX]; /* said when asked for a file system */
    struct otterd_sighting last;      /* all zero when it never asked; its
                                         version is the sketch's */
    int64_t first_seen;
    int64_t requests;
};

/* OTTER_ERR_NO_DATA: not known. */
OTTER_MUST_CHECK int otterd_device_look(struct otterd_store *store,
                                        uint64_t mac,
                                        struct otterd_device_view *out);

/* Which devices; NULL texts and OTTERD_UNKNOWN mean any. */
struct otterd_device_filter {
    enum otterd_device_state state;
    const char *version;
    const char *group;
    const char *tag;
    /* Part of the MAC, name, group, tags, version, product or address; less
     * than OTTERD_TEXT_MAX bytes. */
    const char *q;
    int64_t after; /* the last MAC that the caller has, -1 to start */
    int64_t limit;
};

/* Calls `each` for devices in the order of their MACs. */
OTTER_MUST_CHECK int otterd_device_list(
    struct otterd_store *store, const struct otterd_device_filter *filter,
    void (*each)(void *user, const struct otterd_device_view *view),
    void *user);

struct otterd_history_row {
    int64_t id;
    int64_t at;
    const char *version; /* that the device said it runs */
    const char *event;   /* otterd_event_name */
    const char *detail;
};

/* What happened to a device, newest first.  The newest 200 events of each
 * device are kept. */
OTTER_MUST_CHECK int otterd_device_history(
    struct otterd_store *store, uint64_t mac, int64_t after, int64_t limit,
    void (*each)(void *user, const struct otterd_history_row *row),
    void *user);

#endif
