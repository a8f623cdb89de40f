/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of a release at one device, as far as a server can know: it
 * offers it, it sees the last byte go out, and it hears at later requests
 * what the device runs and says (x-ESP8266-version, x-Otter-Status).  Pure
 * functions on a small state, which the store keeps.
 *
 *   offered -> downloaded -> [trial ->] installed
 *                        \-> failed (another version came back) -> downloaded
 *
 * Devices that never say a status, like the core's, go the same way. */
#ifndef OTTER_SERVER_DELIVERY_H
#define OTTER_SERVER_DELIVERY_H

#include "server/decide.h"

enum otterd_delivery_state {
    OTTERD_DELIVERY_NONE,
    OTTERD_DELIVERY_OFFERED,
    OTTERD_DELIVERY_DOWNLOADED,
    OTTERD_DELIVERY_TRIAL,
    OTTERD_DELIVERY_INSTALLED,
    OTTERD_DELIVERY_FAILED
};

/* In which counts of the release the device is; each at most once. */
#define OTTERD_COUNT_OFFERED    1u
#define OTTERD_COUNT_DOWNLOADED 2u
#define OTTERD_COUNT_INSTALLED  4u
#define OTTERD_COUNT_FAILED     8u

struct otterd_delivery {
    int64_t release; /* 0: none yet */
    char version[OTTERD_TEXT_MAX];
    enum otterd_delivery_state state;
    unsigned counted; /* OTTERD_COUNT_* */
};

/* What history and the live events tell.  Rising: the more telling one. */
enum otterd_event {
    OTTERD_EVENT_NONE,
    OTTERD_EVENT_ASKED,    /* in history: for the first time */
    OTTERD_EVENT_REPORTED, /* a version other than before */
    OTTERD_EVENT_OFFERED,
    OTTERD_EVENT_DOWNLOADED,
    OTTERD_EVENT_TRIAL,     /* runs it, not yet for good */
    OTTERD_EVENT_INSTALLED, /* runs it */
    OTTERD_EVENT_CONFIRMED, /* runs it and says that it is for good */
    OTTERD_EVENT_REVERTED,  /* says that it did not work */
    OTTERD_EVENT_FAILED     /* took it and still runs another */
};

/* "asked", "reported" ... */
const char *otterd_event_name(enum otterd_event event);

/* The device asked, runs `version` and says `status` (empty: nothing) of its
 * sketch. */
enum otterd_event otterd_delivery_ask(struct otterd_delivery *delivery,
                                      const char *version, const char *status);

/* It was answered with the release `id` of `version`, which has `counted` the
 * device already when it was there before another one. */
enum otterd_event otterd_delivery_offer(struct otterd_delivery *delivery,
                                        int64_t id, const char *version,
                                        unsigned counted);

/* The last byte of the release `id` went out. */
enum otterd_event otterd_delivery_done(struct otterd_delivery *delivery,
                                       int64_t id);

#endif
