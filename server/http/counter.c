/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread, one condition for all that changes. */
#include "server/http/counter.h"

#include "server/log.h"

#include "format/error.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define FRESH_SECONDS 10

struct otterd_counter {
    struct otterd_store *store;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct otterd_counts counts;
    time_t counted; /* monotonic; when `ready` */
    int err;        /* of the last count */
    bool ready;
    bool wanted;
    bool stop;
};

static time_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

static void count(struct otterd_counter *c)
{
    struct otterd_counts counts;
    int err;

    pthread_mutex_unlock(&c->lock);
    err = otterd_store_count(c->store, &counts);
    if (err != 0) {
        otterd_log(OTTERD_LOG_ERROR, "store",
                   otterd_log_text("why", otterd_store_error(c->store)));
    }
    pthread_mutex_lock(&c->lock);
    c->counts = counts;
    c->counted = now();
    c->err = err;
    c->ready = true;
    c->wanted = false;
    pthread_cond_broadcast(&c->changed);
}

static void *work(void *arg)
{
    struct otterd_counter *c = arg;

    pthread_mutex_lock(&c->lock);
    while (!c->stop) {
        if (c->wanted) {
            count(c);
        } else {
            pthread_cond_wait(&c->changed, &c->lock);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static void release(struct otterd_counter *c)
{
    otterd_store_close(c->store);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

int otterd_counter_start(struct otterd_counter **out, const char *dir)
{
    struct otterd_counter *c = calloc(1, sizeof *c);
    int err;

    if (c == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    err = otterd_store_open(&c->store, dir);
    if (err == 0 && pthread_create(&c->thread, NULL, work, c) != 0) {
        err = OTTER_ERR_NO_MEMORY;
    }
    if (err != 0) {
        release(c);
        return err;
    }
    *out = c;
    return 0;
}

int otterd_counter_get(struct otterd_counter *c, struct otterd_counts *out)
{
    int err;

    pthread_mutex_lock(&c->lock);
    if (!c->ready || now() - c->counted >= FRESH_SECONDS) {
        c->wanted = true;
        pthread_cond_broadcast(&c->changed);
    }
    while (!c->ready) {
        pthread_cond_wait(&c->changed, &c->lock);
    }
    *out = c->counts;
    err = c->err;
    pthread_mutex_unlock(&c->lock);
    return err;
}

void otterd_counter_stop(struct otterd_counter *c)
{
    if (c == NULL) {
        return;
    }
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    release(c);
}
