/* SPDX-License-Identifier: Apache-2.0
 *
 * The API's thread: a queue of calls and a store. */
#include "server/http/calls.h"
#include "server/api/routes.h"
#include "server/log.h"

#include "format/error.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BEAT_SECONDS 15

struct otterd_calls {
    struct otterd_store *store;
    struct otterd_hub *hub;
    const char *dir;
    pthread_t thread;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct otterd_http_call *first;
    struct otterd_http_call **last;
    bool closed;
};

/* The thing as it is now; of a device also that somebody changed it. */
static void tell(struct otterd_hub *hub, const struct otterd_call *call)
{
    json_t *data = json_copy(call->answer);

    if (strcmp(call->event, "device") == 0) {
        json_object_set_new(data, "event", json_string("changed"));
    }
    otterd_hub_publish(hub, call->event, data);
    json_decref(data);
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

static void answer(struct otterd_calls *calls, struct otterd_http_call *http)
{
    struct otterd_call *call = &http->call;

    call->store = calls->store;
    call->dir = calls->dir;
    otterd_call_answer(call, http->body, http->len);
    if (call->event != NULL && call->answer != NULL) {
        tell(calls->hub, call);
    }
    log_change(http);
    http->phase = OTTERD_CALL_ANSWERED;
    MHD_resume_connection(http->connection);
}

static void next_beat(struct timespec *at)
{
    clock_gettime(CLOCK_MONOTONIC, at);
    at->tv_sec += BEAT_SECONDS;
}

static void *work(void *arg)
{
    struct otterd_calls *calls = arg;
    struct timespec beat;

    next_beat(&beat);
    pthread_mutex_lock(&calls->lock);
    for (;;) {
        struct otterd_http_call *call = calls->first;

        if (call != NULL) {
            calls->first = call->next;
            if (calls->first == NULL) {
                calls->last = &calls->first;
            }
            pthread_mutex_unlock(&calls->lock);
            answer(calls, call);
            pthread_mutex_lock(&calls->lock);
        } else if (calls->closed) {
            break;
        } else if (pthread_cond_timedwait(&calls->more, &calls->lock, &beat) ==
                   ETIMEDOUT) {
            pthread_mutex_unlock(&calls->lock);
            otterd_hub_beat(calls->hub);
            next_beat(&beat);
            pthread_mutex_lock(&calls->lock);
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
    pthread_cond_init(&calls->more, &attributes);
    pthread_condattr_destroy(&attributes);
    calls->last = &calls->first;
}

int otterd_calls_start(struct otterd_calls **out, const char *dir,
                       struct otterd_hub *hub)
{
    struct otterd_calls *calls = calloc(1, sizeof *calls);
    int err;

    if (calls == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    calls->hub = hub;
    calls->dir = dir;
    prepare(calls);
    err = otterd_store_open(&calls->store, dir);
    if (err == 0 && pthread_create(&calls->thread, NULL, work, calls) != 0) {
        err = OTTER_ERR_NO_MEMORY;
    }
    if (err != 0) {
        otterd_calls_free(calls);
        return err;
    }
    calls->running = true;
    *out = calls;
    return 0;
}

bool otterd_calls_add(struct otterd_calls *calls,
                      struct otterd_http_call *call)
{
    bool open;

    pthread_mutex_lock(&calls->lock);
    open = !calls->closed;
    if (open) {
        /* First: the thread may be done with it at once. */
        MHD_suspend_connection(call->connection);
        call->next = NULL;
        *calls->last = call;
        calls->last = &call->next;
        pthread_cond_signal(&calls->more);
    }
    pthread_mutex_unlock(&calls->lock);
    return open;
}

void otterd_calls_close(struct otterd_calls *calls)
{
    if (calls == NULL || !calls->running) {
        return;
    }
    pthread_mutex_lock(&calls->lock);
    calls->closed = true;
    pthread_cond_signal(&calls->more);
    pthread_mutex_unlock(&calls->lock);
    pthread_join(calls->thread, NULL);
    calls->running = false;
}

void otterd_calls_free(struct otterd_calls *calls)
{
    if (calls == NULL) {
        return;
    }
    otterd_store_close(calls->store);
    pthread_cond_destroy(&calls->more);
    pthread_mutex_destroy(&calls->lock);
    free(calls);
}
