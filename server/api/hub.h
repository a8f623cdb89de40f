/* SPDX-License-Identifier: Apache-2.0
 *
 * Live events on their way to whoever listens (server-sent events).  The
 * newest are kept in a ring, from which each listener takes at its own pace;
 * one that falls behind further than the ring misses events and is told so by
 * an event `missed`.
 * Callable from any thread.
 *
 * A listener that finds nothing sleeps by its own means, with the hub's lock
 * held, so that the waking cannot come in between: see otterd_hub_take. */
#ifndef OTTER_SERVER_API_HUB_H
#define OTTER_SERVER_API_HUB_H

#include "format/compiler.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTTERD_HUB_EVENTS    512 /* in the ring */
#define OTTERD_HUB_LISTENERS 64

struct otterd_hub;

struct otterd_listener {
    void (*sleep)(void *user); /* called with nothing to take */
    void (*wake)(void *user);  /* called once after each sleep */
    void *user;
    /* private */
    struct otterd_listener *next;
    struct otterd_hub *hub;
    uint64_t id; /* of the next event to take */
    size_t off;  /* bytes of it that are taken */
    bool asleep;
    bool beat; /* a sign of life is due */
};

/* OTTER_ERR_NO_MEMORY. */
OTTER_MUST_CHECK int otterd_hub_create(struct otterd_hub **out);

/* NULL is allowed; there must be no listeners any more. */
void otterd_hub_destroy(struct otterd_hub *hub);

/* Whether anybody would hear. */
bool otterd_hub_is_heard(struct otterd_hub *hub);

/* Publishes `data` (borrowed) as an event of that name; nothing is done when
 * nobody listens. */
void otterd_hub_publish(struct otterd_hub *hub, const char *name,
                        const json_t *data);

/* Lets every listener say that it is alive; to be called every 15 s. */
void otterd_hub_beat(struct otterd_hub *hub);

/* Ends all listening: takes give -1 from now on. */
void otterd_hub_close(struct otterd_hub *hub);

/* Begins to listen after the event `last`, or with what comes next for 0.
 * OTTER_ERR_BUSY: there are OTTERD_HUB_LISTENERS. */
OTTER_MUST_CHECK int otterd_hub_join(struct otterd_hub *hub,
                                     struct otterd_listener *listener,
                                     uint64_t last);
void otterd_hub_leave(struct otterd_listener *listener);

/* Takes up to `size` bytes of the stream.  0: nothing there, and the listener
 * is asleep now.  -1: the end. */
long otterd_hub_take(struct otterd_listener *listener, char *buf, size_t size);

#endif
