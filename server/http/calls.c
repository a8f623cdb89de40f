/* SPDX-License-Identifier: Apache-2.0
 *
 * The API's threads: each takes calls of one pace from its queue and has a
 * store of its own.  Changes have one thread, so that they happen, and are
 * told to the hub, in the order in which they came.  Reads never wait for
 * changes, nor for searches, which may take seconds in a large fleet.  An
 * upload is looked into before its turn among the changes. */
#include "server/http/calls.h"
#include "server/api/handlers.h"
#include "server/api/routes.h"
#include "server/import.h"
#include "server/log.h"

#include "format/error.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define BEAT_SECONDS 15
#define WORKERS      6
#define SEARCH_NICE  10

/* Whose pace each thread has. */
static const enum otterd_pace paces[WORKERS] = {
    OTTERD_PACE_CHANGE, OTTERD_PACE_READ,   OTTERD_PACE_READ,
    OTTERD_PACE_SEARCH, OTTERD_PACE_SEARCH, OTTERD_PACE_UPLOAD};

struct queue {
    pthread_cond_t more;
    struct otterd_http_call *first;
    struct otterd_http_call **last;
};

struct worker {
    struct otterd_calls *calls;
    struct otterd_store *store;
    enum otterd_pace pace;
    pthread_t thread;
    bool running;
};

struct otterd_calls {
    struct otterd_hub *hub;
    const char *dir;
    pthread_mutex_t lock;
    struct queue queues[OTTERD_PACES];
    struct worker workers[WORKERS];
    unsigned uploads; /* that are not yet among the changes */
    bool closed;
};

/* What an event is about, by the name of its kind and its data. */
static struct otterd_topic topic_of(const char *kind, const json_t *data)
{
    struct otterd_topic topic = {.kind = OTTERD_KIND_DEVICE};
    const char *mac = json_string_value(json_object_get(data, "mac"));

    while (topic.kind < OTTERD_KINDS - 1 &&
           strcmp(otterd_kind_names[topic.kind], kind) != 0) {
        topic.kind++;
    }
    if (topic.kind == OTTERD_KIND_RELEASE) {
        topic.release = json_integer_value(json_object_get(data, "id"));
    } else if (topic.kind == OTTERD_KIND_DEVICE && mac != NULL &&
               otterd_mac_read(mac, &topic.mac) != 0) {
        topic.mac = 0;
    }
    return topic;
}

/* The thing as it is now; of a device also that somebody changed it. */
static void tell_changed(struct otterd_hub *hub,
                         const struct otterd_call *call)
{
    json_t *data = json_copy(call->told != NULL ? call->told : call->answer);
    struct otterd_topic topic = topic_of(call->event, data);

    if (topic.kind == OTTERD_KIND_DEVICE) {
        json_object_set_new(data, "event", json_string("changed"));
    }
    otterd_hub_publish(hub, &topic, data);
    json_decref(data);
}

/* The one member of what is gone is named as its kind. */
static void tell_gone(struct otterd_hub *hub, json_t *gone)
{
    const char *kind = json_object_iter_key(json_object_iter(gone));
    json_t *id = json_object_get(gone, kind);
    struct otterd_topic topic = topic_of(kind, NULL);

    topic.removed = true;
    if (topic.kind == OTTERD_KIND_DEVICE &&
        otterd_mac_read(json_string_value(id), &topic.mac) != 0) {
        topic.mac = 0;
    }
    otterd_hub_publish(hub, &topic, gone);
    if (topic.kind == OTTERD_KIND_TOKEN) {
        otterd_hub_bar(hub, json_integer_value(id));
    }
}

static void tell(struct otterd_hub *hub, const struct otterd_call *call)
{
    if (call->event != NULL && call->answer != NULL) {
        tell_changed(hub, call);
    }
    if (call->gone != NULL) {
        tell_gone(hub, call->gone);
    }
    /* Nobody asked for the end of this one by its own name. */
    if (call->replaced != 0 && call->status < 400) {
        otterd_tell_release(hub, call->store, call->replaced, false);
    }
}

/* Changes are worth a line; what exactly they were is in the audit log. */
static void log_change(const struct otterd_http_call *http)
{
    const struct otterd_call *call = &http->call;
    char address[OTTERD_ADDRESS_MAX];

    if (call->status >= 400 || strcmp(call->route->method, "GET") == 0) {
        return;
    }
    otterd__address_of(http->server, http->connection, address);
    otterd_log(OTTERD_LOG_INFO, "changed",
               otterd_log_text("who", call->who.name),
               otterd_log_text("address", address),
               otterd_log_text("method", call->route->method),
               otterd_log_text("path", call->route->path),
               otterd_log_text("thing", call->arg),
               otterd_log_number("status", call->status));
}

static void answer(struct worker *worker, struct otterd_http_call *http,
                   bool over)
{
    struct otterd_call *call = &http->call;

    call->store = worker->store;
    call->dir = worker->calls->dir;
    if (over) {
        otterd_problem(call, 503, "The server ends just now.");
    } else if (call->status == 0) {
        otterd_call_answer(call, http->body, http->len);
    }
    if (strcmp(call->route->method, "GET") != 0) {
        otterd_recall_doubt(http->server->recall);
    }
    tell(worker->calls->hub, call);
    log_change(http);
    http->phase = OTTERD_CALL_ANSWERED;
    MHD_resume_connection(http->connection);
}

static void put(struct queue *queue, struct otterd_http_call *call)
{
    call->next = NULL;
    *queue->last = call;
    queue->last = &call->next;
    pthread_cond_signal(&queue->more);
}

static struct otterd_http_call *take(struct queue *queue)
{
    struct otterd_http_call *call = queue->first;

    if (call != NULL) {
        queue->first = call->next;
        if (queue->first == NULL) {
            queue->last = &queue->first;
        }
    }
    return call;
}

static void next_beat(struct timespec *at)
{
    clock_gettime(CLOCK_MONOTONIC, at);
    at->tv_sec += BEAT_SECONDS;
}

/* Waits for more calls; who makes the changes also gives the hub its beat. */
static void wait_for_more(struct worker *worker, struct timespec *beat)
{
    struct otterd_calls *calls = worker->calls;
    pthread_cond_t *more = &calls->queues[worker->pace].more;

    if (worker->pace != OTTERD_PACE_CHANGE) {
        pthread_cond_wait(more, &calls->lock);
    } else if (pthread_cond_timedwait(more, &calls->lock, beat) == ETIMEDOUT) {
        pthread_mutex_unlock(&calls->lock);
        otterd_hub_beat(calls->hub);
        next_beat(beat);
        pthread_mutex_lock(&calls->lock);
    }
}

/* Makes a change of an upload that can be taken. */
static void look(struct worker *worker, struct otterd_http_call *http)
{
    struct otterd_calls *calls = worker->calls;
    struct queue *changes = &calls->queues[OTTERD_PACE_CHANGE];

    otterd_call_look(&http->call);
    if (http->call.status != 0) {
        answer(worker, http, false);
        http = NULL;
    }
    pthread_mutex_lock(&calls->lock);
    calls->uploads--;
    if (http != NULL) {
        put(changes, http);
    } else if (calls->closed) {
        pthread_cond_signal(&changes->more); /* it may wait for this one */
    }
    pthread_mutex_unlock(&calls->lock);
}

/* Nothing more will come. */
static bool is_over(const struct worker *worker)
{
    return worker->calls->closed &&
           (worker->pace != OTTERD_PACE_CHANGE || worker->calls->uploads == 0);
}

/* Whoever searches has time; devices and other calls have the processor
 * first.  On Linux this is of the thread alone. */
static void step_back(void)
{
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), SEARCH_NICE);
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct otterd_calls *calls = worker->calls;
    struct timespec beat;

    if (worker->pace == OTTERD_PACE_SEARCH) {
        step_back();
    }
    next_beat(&beat);
    pthread_mutex_lock(&calls->lock);
    for (;;) {
        struct otterd_http_call *call = take(&calls->queues[worker->pace]);

        if (call != NULL) {
            /* Nobody waits for the end until many have searched. */
            bool over = calls->closed && worker->pace == OTTERD_PACE_SEARCH;

            pthread_mutex_unlock(&calls->lock);
            if (worker->pace == OTTERD_PACE_UPLOAD) {
                look(worker, call);
            } else {
                answer(worker, call, over);
            }
            pthread_mutex_lock(&calls->lock);
        } else if (is_over(worker)) {
            break;
        } else {
            wait_for_more(worker, &beat);
        }
    }
    pthread_mutex_unlock(&calls->lock);
    return NULL;
}

static void prepare(struct otterd_calls *calls)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&calls->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    for (int i = 0; i < OTTERD_PACES; i++) {
        pthread_cond_init(&calls->queues[i].more, &attributes);
        calls->queues[i].last = &calls->queues[i].first;
    }
    pthread_condattr_destroy(&attributes);
}

static int start_worker(struct worker *worker)
{
    int err = otterd_store_open(&worker->store, worker->calls->dir);

    if (err == 0 && pthread_create(&worker->thread, NULL, work, worker) != 0) {
        err = OTTER_ERR_NO_MEMORY;
    }
    worker->running = err == 0;
    return err;
}

int otterd_calls_start(struct otterd_calls **out, const char *dir,
                       struct otterd_hub *hub)
{
    struct otterd_calls *calls = calloc(1, sizeof *calls);
    int err = 0;

    if (calls == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    calls->hub = hub;
    calls->dir = dir;
    prepare(calls);
    for (int i = 0; err == 0 && i < WORKERS; i++) {
        calls->workers[i].calls = calls;
        calls->workers[i].pace = paces[i];
        err = start_worker(&calls->workers[i]);
    }
    if (err != 0) {
        otterd_calls_close(calls);
        otterd_calls_free(calls);
        return err;
    }
    *out = calls;
    return 0;
}

bool otterd_calls_add(struct otterd_calls *calls,
                      struct otterd_http_call *call)
{
    enum otterd_pace pace = otterd_call_pace(&call->call);
    bool open;

    pthread_mutex_lock(&calls->lock);
    open = !calls->closed;
    if (open) {
        /* First: a thread may be done with it at once. */
        MHD_suspend_connection(call->connection);
        calls->uploads += pace == OTTERD_PACE_UPLOAD;
        put(&calls->queues[pace], call);
    }
    pthread_mutex_unlock(&calls->lock);
    return open;
}

void otterd_calls_close(struct otterd_calls *calls)
{
    if (calls == NULL) {
        return;
    }
    pthread_mutex_lock(&calls->lock);
    calls->closed = true;
    for (int i = 0; i < OTTERD_PACES; i++) {
        pthread_cond_broadcast(&calls->queues[i].more);
    }
    pthread_mutex_unlock(&calls->lock);
    for (int i = 0; i < WORKERS; i++) {
        if (calls->workers[i].running) {
            pthread_join(calls->workers[i].thread, NULL);
            calls->workers[i].running = false;
        }
    }
}

void otterd_calls_free(struct otterd_calls *calls)
{
    if (calls == NULL) {
        return;
    }
    for (int i = 0; i < WORKERS; i++) {
        otterd_store_close(calls->workers[i].store);
    }
    for (int i = 0; i < OTTERD_PACES; i++) {
        pthread_cond_destroy(&calls->queues[i].more);
    }
    pthread_mutex_destroy(&calls->lock);
    free(calls);
}
