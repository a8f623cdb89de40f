/* SPDX-License-Identifier: Apache-2.0
 *
 * The ring of events and its listeners. */
#include "server/api/hub.h"

#include "format/error.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char hello[] = "retry: 3000\n: otterd\n\n";
static const char missed[] = "event: missed\ndata: {}\n\n";

struct otterd_hub {
    pthread_mutex_t lock;
    struct otterd_listener *listeners;
    size_t count;
    char *events[OTTERD_HUB_EVENTS]; /* by their id; some may be NULL */
    uint64_t first;                  /* id of the oldest that may be here */
    uint64_t next;                   /* id of the next event */
    bool closed;
};

int otterd_hub_create(struct otterd_hub **out)
{
    struct otterd_hub *hub = calloc(1, sizeof *hub);

    if (hub == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    pthread_mutex_init(&hub->lock, NULL);
    /* Ids go on rising over restarts. */
    hub->next = (uint64_t)time(NULL) * 1000;
    hub->first = hub->next;
    *out = hub;
    return 0;
}

void otterd_hub_destroy(struct otterd_hub *hub)
{
    if (hub == NULL) {
        return;
    }
    for (size_t i = 0; i < OTTERD_HUB_EVENTS; i++) {
        free(hub->events[i]);
    }
    pthread_mutex_destroy(&hub->lock);
    free(hub);
}

bool otterd_hub_is_heard(struct otterd_hub *hub)
{
    bool heard;

    pthread_mutex_lock(&hub->lock);
    heard = hub->count > 0 && !hub->closed;
    pthread_mutex_unlock(&hub->lock);
    return heard;
}

static void wake_all(struct otterd_hub *hub)
{
    for (struct otterd_listener *l = hub->listeners; l != NULL; l = l->next) {
        if (l->asleep) {
            l->asleep = false;
            l->wake(l->user);
        }
    }
}

void otterd_hub_publish(struct otterd_hub *hub, const char *name,
                        const json_t *data)
{
    char *json;
    char *text;

    if (!otterd_hub_is_heard(hub) ||
        (json = json_dumps(data, JSON_COMPACT)) == NULL) {
        return;
    }
    pthread_mutex_lock(&hub->lock);
    if (asprintf(&text, "id: %" PRIu64 "\nevent: %s\ndata: %s\n\n", hub->next,
                 name, json) >= 0) {
        char **slot = &hub->events[hub->next % OTTERD_HUB_EVENTS];

        free(*slot);
        *slot = text;
        hub->next++;
        if (hub->next - hub->first > OTTERD_HUB_EVENTS) {
            hub->first = hub->next - OTTERD_HUB_EVENTS;
        }
        wake_all(hub);
    }
    pthread_mutex_unlock(&hub->lock);
    free(json);
}

void otterd_hub_beat(struct otterd_hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    for (struct otterd_listener *l = hub->listeners; l != NULL; l = l->next) {
        l->beat = true;
    }
    wake_all(hub);
    pthread_mutex_unlock(&hub->lock);
}

void otterd_hub_close(struct otterd_hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    hub->closed = true;
    wake_all(hub);
    pthread_mutex_unlock(&hub->lock);
}

int otterd_hub_join(struct otterd_hub *hub, struct otterd_listener *listener,
                    uint64_t last)
{
    int err = OTTER_ERR_BUSY;

    pthread_mutex_lock(&hub->lock);
    if (hub->count < OTTERD_HUB_LISTENERS && !hub->closed) {
        listener->hub = hub;
        /* What came after `last` may have begun before the first that is
         * here; then the listener hears that it missed some. */
        listener->id = last == 0               ? hub->next
                       : last + 1 < hub->first ? 0
                       : last < hub->next      ? last + 1
                                               : hub->next;
        listener->off = 0;
        listener->asleep = false;
        listener->beat = true;
        listener->next = hub->listeners;
        hub->listeners = listener;
        hub->count++;
        err = 0;
    }
    pthread_mutex_unlock(&hub->lock);
    return err;
}

void otterd_hub_leave(struct otterd_listener *listener)
{
    struct otterd_hub *hub = listener->hub;

    pthread_mutex_lock(&hub->lock);
    for (struct otterd_listener **at = &hub->listeners; *at != NULL;
         at = &(*at)->next) {
        if (*at == listener) {
            *at = listener->next;
            hub->count--;
            break;
        }
    }
    pthread_mutex_unlock(&hub->lock);
}

/* The text that is due to the listener, or NULL. */
static const char *due(const struct otterd_hub *hub,
                       struct otterd_listener *listener)
{
    if (listener->id < hub->first && listener->off == 0) {
        listener->id = hub->first;
        return missed;
    }
    if (listener->off == 0 && listener->beat) {
        listener->beat = false;
        return hello;
    }
    return NULL;
}

static long take(struct otterd_hub *hub, struct otterd_listener *listener,
                 char *buf, size_t size)
{
    const char *text = due(hub, listener);
    size_t len;

    if (text != NULL) { /* short enough for any buffer */
        len = strlen(text);
        memcpy(buf, text, len < size ? len : size);
        return (long)(len < size ? len : size);
    }
    if (listener->id < hub->first) {
        return -1; /* the rest of what it was taking is gone */
    }
    if (listener->id == hub->next) {
        return 0;
    }
    text = hub->events[listener->id % OTTERD_HUB_EVENTS] + listener->off;
    len = strlen(text);
    if (len <= size) {
        listener->id++;
        listener->off = 0;
    } else {
        len = size;
        listener->off += len;
    }
    memcpy(buf, text, len);
    return (long)len;
}

long otterd_hub_take(struct otterd_listener *listener, char *buf, size_t size)
{
    struct otterd_hub *hub = listener->hub;
    long len = -1;

    pthread_mutex_lock(&hub->lock);
    if (!hub->closed) {
        len = take(hub, listener, buf, size);
    }
    if (len == 0) {
        listener->asleep = true;
        listener->sleep(listener->user);
    }
    pthread_mutex_unlock(&hub->lock);
    return len;
}
