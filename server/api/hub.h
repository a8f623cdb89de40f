/* SPDX-License-Identifier: Apache-2.0
 *
 * Live events on their way to whoever listens (server-sent events).  The
 * newest are kept in a ring, from which each listener takes at its own pace;
 * one that falls behind further than the ring misses events and is told so by
 * an event `missed`.  A listener says what it wants; nothing else is queued to
 * it, wakes it or makes it miss what it wants.
 * Callable from any thread.
 *
 * A listener that finds nothing sleeps by its own means, with the hub's lock
 * held, so that the waking cannot come in between: see otterd_hub_take. */
#ifndef OTTER_SERVER_API_HUB_H
#define OTTER_SERVER_API_HUB_H

#include "server/store/tokens.h"

#include "format/compiler.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTTERD_HUB_EVENTS    512 /* in the ring */
#define OTTERD_HUB_LISTENERS 64

#define OTTERD_HUB_MACS 64 /* devices that a listener names */

enum otterd_kind {
    OTTERD_KIND_DEVICE,
    OTTERD_KIND_RELEASE,
    OTTERD_KIND_FIRMWARE,
    OTTERD_KIND_TOKEN,
    OTTERD_KIND_PATH,
    OTTERD_KIND_SETTINGS,
    OTTERD_KINDS
};

/* What each kind is called; NULL ends them. */
extern const char *const otterd_kind_names[];

/* Who may hear of it: who may read it. */
enum otterd_scope otterd_kind_scope(enum otterd_kind kind);

/* What an event is about. */
struct otterd_topic {
    enum otterd_kind kind;
    uint64_t mac;    /* of a device */
    int64_t release; /* the release's, or a device's event is about, 0: none */
    bool removed;    /* it is gone */
    bool routine;    /* no news: a device asks again, a release has counted */
    bool crowded;    /* for those alone who named the device or release */
};

/* What a listener wants to hear; all zero is all that anybody may. */
struct otterd_wants {
    unsigned kinds; /* bits 1 << kind, 0: all */
    uint64_t macs[OTTERD_HUB_MACS];
    size_t mac_count; /* 0: every device */
    int64_t release;  /* 0: every release */
    bool news;        /* nothing routine but of `macs` */
};

struct otterd_hub;

struct otterd_listener {
    struct otterd_wants wants;
    enum otterd_scope scope;   /* which kinds it may hear */
    int64_t token;             /* with whose end it ends */
    void (*sleep)(void *user); /* called with nothing to take */
    void (*wake)(void *user);  /* called once after each sleep */
    void *user;
    /* private */
    struct otterd_listener *next;
    struct otterd_hub *hub;
    uint64_t id; /* of the next event to take */
    size_t off;  /* bytes of it that are taken */
    bool asleep;
    bool beat;   /* a sign of life is due */
    bool lost;   /* something that it wants */
    bool cut;    /* the rest of what it was taking is gone */
    bool barred; /* its token is gone */
};

/* OTTER_ERR_NO_MEMORY. */
OTTER_MUST_CHECK int otterd_hub_create(struct otterd_hub **out);

/* NULL is allowed; there must be no listeners any more. */
void otterd_hub_destroy(struct otterd_hub *hub);

/* Whether anybody wants to hear that.  When nobody does it need not be
 * published: who comes back later is told that something was missed. */
bool otterd_hub_is_heard(struct otterd_hub *hub,
                         const struct otterd_topic *topic);

/* Publishes `data` (borrowed) as an event named as its kind, or `removed`;
 * nothing is done when nobody wants it. */
void otterd_hub_publish(struct otterd_hub *hub,
                        const struct otterd_topic *topic, const json_t *data);

/* Ends the listening of those who came with that token. */
void otterd_hub_bar(struct otterd_hub *hub, int64_t token);

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
