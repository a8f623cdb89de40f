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

const char *const otterd_kind_names[] = {
    "device", "release", "firmware", "token", "path", "settings", NULL};

struct event {
    char *text; /* NULL: none yet */
    struct otterd_topic topic;
};

struct otterd_hub {
    pthread_mutex_t lock;
    struct otterd_listener *listeners;
    size_t count;
    struct event events[OTTERD_HUB_EVENTS]; /* by their id */
    uint64_t first;                 /* id of the oldest that may be here */
    uint64_t next;                  /* id of the next event */
    uint64_t unheard[OTTERD_KINDS]; /* `next` when nobody wanted one */
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
        free(hub->events[i].text);
    }
    pthread_mutex_destroy(&hub->lock);
    free(hub);
}

enum otterd_scope otterd_kind_scope(enum otterd_kind kind)
{
    return kind == OTTERD_KIND_TOKEN ? OTTERD_SCOPE_ADMIN : OTTERD_SCOPE_READ;
}

/* ---- Who wants what ---- */

static bool names_device(const struct otterd_wants *wants, uint64_t mac)
{
    for (size_t i = 0; i < wants->mac_count; i++) {
        if (wants->macs[i] == mac) {
            return true;
        }
    }
    return false;
}

/* What becomes of a release stands in no event of a device that is removed,
 * or that went on without one. */
static bool wants_device(const struct otterd_wants *wants,
                         const struct otterd_topic *topic)
{
    if (wants->release != 0 && !topic->removed) {
        if (topic->routine ||
            (topic->release != 0 && topic->release != wants->release)) {
            return false;
        }
    }
    if (names_device(wants, topic->mac)) {
        return true;
    }
    if (topic->crowded && wants->release == 0) {
        return false;
    }
    return wants->news ? !topic->routine : wants->mac_count == 0;
}

/* Whoever looks at devices hears what is decided about a release, not how far
 * it is. */
static bool wants_release(const struct otterd_wants *wants,
                          const struct otterd_topic *topic)
{
    if (wants->release != 0) {
        return topic->release == wants->release;
    }
    return !topic->routine || (!wants->news && wants->mac_count == 0);
}

static bool is_for(const struct otterd_listener *listener,
                   const struct otterd_topic *topic)
{
    const struct otterd_wants *wants = &listener->wants;

    if (listener->scope < otterd_kind_scope(topic->kind) ||
        (wants->kinds != 0 && (wants->kinds & 1u << topic->kind) == 0)) {
        return false;
    }
    switch (topic->kind) {
    case OTTERD_KIND_DEVICE:
        return wants_device(wants, topic);
    case OTTERD_KIND_RELEASE:
        return wants_release(wants, topic);
    default:
        return true;
    }
}

static bool is_heard(struct otterd_hub *hub, const struct otterd_topic *topic)
{
    for (struct otterd_listener *l = hub->listeners; l != NULL; l = l->next) {
        if (!l->barred && is_for(l, topic)) {
            return !hub->closed;
        }
    }
    hub->unheard[topic->kind] = hub->next;
    return false;
}

bool otterd_hub_is_heard(struct otterd_hub *hub,
                         const struct otterd_topic *topic)
{
    bool heard;

    pthread_mutex_lock(&hub->lock);
    heard = is_heard(hub, topic);
    pthread_mutex_unlock(&hub->lock);
    return heard;
}

/* ---- Publishing ---- */

static void wake(struct otterd_listener *listener)
{
    if (listener->asleep) {
        listener->asleep = false;
        listener->wake(listener->user);
    }
}

static void wake_all(struct otterd_hub *hub)
{
    for (struct otterd_listener *l = hub->listeners; l != NULL; l = l->next) {
        wake(l);
    }
}

/* Makes room for one more: the oldest goes, and who wanted it has lost it. */
static void drop_oldest(struct otterd_hub *hub)
{
    struct event *oldest = &hub->events[hub->first % OTTERD_HUB_EVENTS];

    for (struct otterd_listener *l = hub->listeners; l != NULL; l = l->next) {
        if (l->id == hub->first) {
            l->cut = l->cut || l->off > 0;
            l->lost = l->lost || is_for(l, &oldest->topic);
            l->id++;
        }
    }
    free(oldest->text);
    oldest->text = NULL;
    hub->first++;
}

static void enter(struct otterd_hub *hub, const struct otterd_topic *topic,
                  char *text)
{
    if (hub->next - hub->first == OTTERD_HUB_EVENTS) {
        drop_oldest(hub);
    }
    hub->events[hub->next % OTTERD_HUB_EVENTS] = (struct event){text, *topic};
    hub->next++;
    for (struct otterd_listener *l = hub->listeners; l != NULL; l = l->next) {
        if (is_for(l, topic)) {
            wake(l);
        }
    }
}

void otterd_hub_publish(struct otterd_hub *hub,
                        const struct otterd_topic *topic, const json_t *data)
{
    char *json;
    char *text;

    if (!otterd_hub_is_heard(hub, topic) ||
        (json = json_dumps(data, JSON_COMPACT)) == NULL) {
        return;
    }
    pthread_mutex_lock(&hub->lock);
    if (asprintf(&text, "id: %" PRIu64 "\nevent: %s\ndata: %s\n\n", hub->next,
                 topic->removed ? "removed" : otterd_kind_names[topic->kind],
                 json) >= 0) {
        enter(hub, topic, text);
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

void otterd_hub_bar(struct otterd_hub *hub, int64_t token)
{
    pthread_mutex_lock(&hub->lock);
    for (struct otterd_listener *l = hub->listeners; l != NULL; l = l->next) {
        if (l->token == token) {
            l->barred = true;
            wake(l);
        }
    }
    pthread_mutex_unlock(&hub->lock);
}

/* ---- Listening ---- */

/* Whether it cannot be told all that came after `last`. */
static bool has_lost(const struct otterd_hub *hub,
                     const struct otterd_listener *listener, uint64_t last)
{
    bool lost = last + 1 < hub->first;

    for (int i = 0; i < OTTERD_KINDS; i++) {
        if ((listener->wants.kinds == 0 ||
             (listener->wants.kinds & 1u << i) != 0) &&
            listener->scope >= otterd_kind_scope((enum otterd_kind)i)) {
            lost = lost || hub->unheard[i] > last;
        }
    }
    return lost;
}

int otterd_hub_join(struct otterd_hub *hub, struct otterd_listener *listener,
                    uint64_t last)
{
    int err = OTTER_ERR_BUSY;

    pthread_mutex_lock(&hub->lock);
    if (hub->count < OTTERD_HUB_LISTENERS && !hub->closed) {
        listener->hub = hub;
        listener->id = last == 0 || last >= hub->next ? hub->next
                       : last + 1 < hub->first        ? hub->first
                                                      : last + 1;
        listener->lost = last != 0 && has_lost(hub, listener, last);
        listener->cut = false;
        listener->barred = false;
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
static const char *due(struct otterd_listener *listener)
{
    if (listener->off > 0) {
        return NULL;
    }
    if (listener->lost) {
        listener->lost = false;
        return missed;
    }
    if (listener->beat) {
        listener->beat = false;
        return hello;
    }
    return NULL;
}

static void skip_unwanted(const struct otterd_hub *hub,
                          struct otterd_listener *listener)
{
    while (listener->id < hub->next &&
           !is_for(listener,
                   &hub->events[listener->id % OTTERD_HUB_EVENTS].topic)) {
        listener->id++;
    }
}

static long take(struct otterd_hub *hub, struct otterd_listener *listener,
                 char *buf, size_t size)
{
    const char *text = due(listener);
    size_t len;

    if (text != NULL) { /* short enough for any buffer */
        len = strlen(text);
        memcpy(buf, text, len < size ? len : size);
        return (long)(len < size ? len : size);
    }
    if (listener->cut) {
        return -1;
    }
    skip_unwanted(hub, listener);
    if (listener->id == hub->next) {
        return 0;
    }
    text = hub->events[listener->id % OTTERD_HUB_EVENTS].text + listener->off;
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
    if (!hub->closed && !listener->barred) {
        len = take(hub, listener, buf, size);
    }
    if (len == 0) {
        listener->asleep = true;
        listener->sleep(listener->user);
    }
    pthread_mutex_unlock(&hub->lock);
    return len;
}
