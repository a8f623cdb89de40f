/* SPDX-License-Identifier: Apache-2.0
 *
 * Two lists: one fills while the other is written. */
#include "server/http/sightings.h"

#include "server/api/handlers.h"
#include "server/http/spare.h"
#include "server/log.h"

#include "format/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROOM             2048
#define RESERVED         512 /* of these, for offers and downloads alone */
#define COMPLAIN_SECONDS 10

/* Devices that are told of in one batch but to who named them: nobody reads
 * more at that pace. */
#define LIVELY 64

struct otterd_sightings {
    struct otterd_store *store; /* the writer's */
    struct otterd_hub *hub;
    struct otterd_recall *recall;
    pthread_t writer;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct otterd_sighting *filling;
    struct otterd_sighting *writing;
    size_t count;
    atomic_ullong lost;
    atomic_bool crowded; /* no room for those who are offered nothing */
    atomic_bool full;    /* no room for anybody */
    bool stop;
    time_t complained;         /* the writer's */
    uint64_t unsaid;           /* lost since then */
    struct otterd_spare spare; /* the writer's */
};

static int64_t read_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A fuller batch costs the disk no more. */
static void let_others(struct otterd_sightings *s, int64_t worked_ns)
{
    struct timespec until;
    int64_t end;

    end = read_ns(CLOCK_MONOTONIC) + otterd_spare_rest(&s->spare, worked_ns);
    until.tv_sec = (time_t)(end / 1000000000);
    until.tv_nsec = (long)(end % 1000000000);
    while (!s->stop &&
           pthread_cond_timedwait(&s->more, &s->lock, &until) == 0) {
    }
}

/* False: nobody wants to hear of it. */
static bool tell_device(struct otterd_sightings *s,
                        const struct otterd_sighting *sighting, bool crowded)
{
    int64_t id =
        sighting->counted != 0 ? sighting->counted : sighting->release;
    const struct otterd_topic topic = {.kind = OTTERD_KIND_DEVICE,
                                       .mac = sighting->mac,
                                       .release = id,
                                       .routine = sighting->event ==
                                                  OTTERD_EVENT_ASKED,
                                       .crowded = crowded};
    struct otterd_device_view view;
    json_t *data;

    if (!otterd_hub_is_heard(s->hub, &topic) ||
        otterd_device_look(s->store, sighting->mac, &view) != 0) {
        return false;
    }
    data = otterd_show_device(&view);
    json_object_set_new(data, "event",
                        json_string(otterd_event_name(sighting->event)));
    json_object_set_new(data, "release",
                        id == 0 ? json_null() : json_integer(id));
    otterd_hub_publish(s->hub, &topic, data);
    json_decref(data);
    return true;
}

/* Tells those who listen what was written. */
static void tell(struct otterd_sightings *s,
                 const struct otterd_sighting *batch, size_t count)
{
    int64_t told = 0;
    size_t devices = 0;

    for (size_t i = 0; i < count; i++) {
        if (batch[i].event != OTTERD_EVENT_NONE &&
            tell_device(s, &batch[i], devices >= LIVELY)) {
            devices++;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (batch[i].counted != 0 && batch[i].counted != told) {
            told = batch[i].counted;
            otterd_tell_release(s->hub, s->store, told, true);
        }
    }
}

/* What was decided about these is to be decided anew. */
static void tell_moves(struct otterd_sightings *s,
                       const struct otterd_sighting *batch, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (batch[i].moved || batch[i].event > OTTERD_EVENT_ASKED) {
            otterd_recall_moved(s->recall, batch[i].mac);
        }
    }
}

/* A full disk fails each batch, and would fill with what is said of it. */
static void complain(struct otterd_sightings *s, size_t lost)
{
    time_t now = time(NULL);

    s->unsaid += lost;
    if (now - s->complained < COMPLAIN_SECONDS && now >= s->complained) {
        return;
    }
    otterd_log(OTTERD_LOG_ERROR, "sightings",
               otterd_log_number("lost", (int64_t)s->unsaid),
               otterd_log_text("why", otterd_store_error(s->store)));
    s->complained = now;
    s->unsaid = 0;
}

static void *write_them(void *arg)
{
    struct otterd_sightings *s = arg;

    pthread_mutex_lock(&s->lock);
    while (s->count > 0 || !s->stop) {
        struct otterd_sighting *batch = s->filling;
        size_t count = s->count;
        int64_t begin;

        if (count == 0) {
            pthread_cond_wait(&s->more, &s->lock);
            continue;
        }
        s->filling = s->writing;
        s->writing = batch;
        s->count = 0;
        atomic_store(&s->crowded, false);
        atomic_store(&s->full, false);
        pthread_mutex_unlock(&s->lock);
        begin = read_ns(CLOCK_THREAD_CPUTIME_ID);
        if (otterd_device_saw(s->store, batch, count) == 0) {
            tell_moves(s, batch, count);
            tell(s, batch, count);
            count = 0;
        } else {
            complain(s, count);
        }
        otterd_spare_see_here(&s->spare);
        pthread_mutex_lock(&s->lock);
        atomic_fetch_add(&s->lost, count);
        let_others(s, read_ns(CLOCK_THREAD_CPUTIME_ID) - begin);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void release(struct otterd_sightings *s)
{
    otterd_store_close(s->store);
    free(s->filling);
    free(s->writing);
    free(s);
}

int otterd_sightings_start(struct otterd_sightings **out, const char *dir,
                           struct otterd_hub *hub,
                           struct otterd_recall *recall)
{
    struct otterd_sightings *s = calloc(1, sizeof *s);
    pthread_condattr_t monotonic;
    int err;

    if (s == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    s->hub = hub;
    s->recall = recall;
    otterd_spare_begin_here(&s->spare, OTTERD_UPTIME);
    err = otterd_store_open(&s->store, dir);
    s->filling = calloc(ROOM, sizeof *s->filling);
    s->writing = calloc(ROOM, sizeof *s->writing);
    if (err == 0 && (s->filling == NULL || s->writing == NULL)) {
        err = OTTER_ERR_NO_MEMORY;
    }
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->more, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (err == 0 && pthread_create(&s->writer, NULL, write_them, s) != 0) {
        err = OTTER_ERR_NO_MEMORY;
    }
    if (err != 0) {
        release(s);
        return err;
    }
    *out = s;
    return 0;
}

/* What moves a delivery on is not crowded out by those who only ask. */
static bool is_news(const struct otterd_sighting *sighting)
{
    return sighting->kind == OTTERD_SIGHTING_DOWNLOADED ||
           sighting->verdict == OTTERD_OFFER;
}

bool otterd_sightings_crowded(struct otterd_sightings *s,
                              enum otterd_verdict verdict)
{
    return atomic_load(verdict == OTTERD_OFFER ? &s->full : &s->crowded);
}

bool otterd_sightings_skip(struct otterd_sightings *s,
                           enum otterd_verdict verdict)
{
    if (!otterd_sightings_crowded(s, verdict)) {
        return false;
    }
    atomic_fetch_add(&s->lost, 1);
    return true;
}

void otterd_sightings_add(struct otterd_sightings *s,
                          const struct otterd_sighting *sighting)
{
    size_t size = offsetof(struct otterd_sighting, headers) +
                  strlen(sighting->headers) + 1;
    size_t room = is_news(sighting) ? ROOM : ROOM - RESERVED;
    bool first = false;

    if (atomic_load(&s->full)) {
        atomic_fetch_add(&s->lost, 1);
        return;
    }
    pthread_mutex_lock(&s->lock);
    if (s->count >= room) {
        atomic_store(&s->crowded, true);
        atomic_store(&s->full, s->count >= ROOM);
        atomic_fetch_add(&s->lost, 1);
    } else {
        memcpy(&s->filling[s->count], sighting, size);
        first = s->count++ == 0;
    }
    pthread_mutex_unlock(&s->lock);
    if (first) {
        pthread_cond_signal(&s->more); /* it waits for the first alone */
    }
}

uint64_t otterd_sightings_lost(struct otterd_sightings *s)
{
    return atomic_load(&s->lost);
}

void otterd_sightings_stop(struct otterd_sightings *s)
{
    if (s == NULL) {
        return;
    }
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->writer, NULL);
    release(s);
}
