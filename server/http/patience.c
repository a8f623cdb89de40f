/* SPDX-License-Identifier: Apache-2.0
 *
 * A list of connections and a thread that looks at it every few seconds.  A
 * connection leaves the list before its socket is closed, so that the thread
 * never shuts down a socket that has become somebody else's. */
#include "server/http/patience.h"

#include "format/error.h"
#include "server/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define BODY_TIMES 10

/* No limit: the answer is under way, or the end is. */
#define ANSWERED INT64_MAX
#define CUT      (INT64_MAX - 1)

struct guest {
    struct guest *next;
    struct guest **link; /* what points here */
    struct otterd_patience *host;
    atomic_llong until; /* monotonic seconds, or the above */
    int socket;
};

struct otterd_patience {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    struct guest *guests;
    uint64_t count;
    uint64_t cut;
    uint32_t seconds;
    bool stop;
};

static long long now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &time); /* often, and cheap */
    return (long long)time.tv_sec;
}

static void cut_late(struct otterd_patience *p)
{
    long long at = now();
    uint64_t before = p->cut;

    for (struct guest *guest = p->guests; guest != NULL; guest = guest->next) {
        if (atomic_load(&guest->until) < at) {
            atomic_store(&guest->until, CUT);
            shutdown(guest->socket, SHUT_RDWR);
            p->cut++;
        }
    }
    if (p->cut > before) {
        otterd_log(OTTERD_LOG_WARNING, "slow",
                   otterd_log_number("cut", (int64_t)(p->cut - before)));
    }
}

static void *watch(void *arg)
{
    struct otterd_patience *p = arg;
    struct timespec until = {0, 0};
    long long every = p->seconds / 10 > 5 ? 5 : p->seconds / 10;

    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        until.tv_sec = (time_t)(now() + (every > 0 ? every : 1));
        pthread_cond_timedwait(&p->wake, &p->lock, &until);
        cut_late(p);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

int otterd_patience_start(struct otterd_patience **out, uint32_t seconds)
{
    struct otterd_patience *p = calloc(1, sizeof *p);
    pthread_condattr_t monotonic;

    if (p == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    p->seconds = seconds;
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&p->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&p->thread, NULL, watch, p) != 0) {
        free(p);
        return OTTER_ERR_NO_MEMORY;
    }
    *out = p;
    return 0;
}

void otterd_patience_stop(struct otterd_patience *p)
{
    if (p == NULL) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

uint64_t otterd_patience_count(struct otterd_patience *p, uint64_t *cut)
{
    uint64_t count;

    pthread_mutex_lock(&p->lock);
    count = p->count;
    *cut = p->cut;
    pthread_mutex_unlock(&p->lock);
    return count;
}

uint64_t otterd_patience_busy(struct otterd_patience *p)
{
    uint64_t busy = 0;

    pthread_mutex_lock(&p->lock);
    for (struct guest *guest = p->guests; guest != NULL; guest = guest->next) {
        busy += atomic_load(&guest->until) == ANSWERED;
    }
    pthread_mutex_unlock(&p->lock);
    return busy;
}

static void arrive(struct otterd_patience *p,
                   struct MHD_Connection *connection, void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct guest *guest = info == NULL ? NULL : calloc(1, sizeof *guest);

    if (guest == NULL) {
        return; /* an idle connection is cut all the same */
    }
    guest->host = p;
    guest->socket = info->connect_fd;
    atomic_init(&guest->until, now() + p->seconds);
    pthread_mutex_lock(&p->lock);
    guest->next = p->guests;
    guest->link = &p->guests;
    if (guest->next != NULL) {
        guest->next->link = &guest->next;
    }
    p->guests = guest;
    p->count++;
    pthread_mutex_unlock(&p->lock);
    *context = guest;
}

void otterd_patience_notify(void *user, struct MHD_Connection *connection,
                            void **context,
                            enum MHD_ConnectionNotificationCode code)
{
    struct otterd_patience *p = user;
    struct guest *guest = *context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        arrive(p, connection, context);
    } else if (guest != NULL) {
        pthread_mutex_lock(&p->lock);
        *guest->link = guest->next;
        if (guest->next != NULL) {
            guest->next->link = guest->link;
        }
        p->count--;
        pthread_mutex_unlock(&p->lock);
        free(guest);
    }
}

static struct guest *guest_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info == NULL ? NULL : info->socket_context;
}

void otterd_patience_head(struct MHD_Connection *connection)
{
    struct guest *guest = guest_of(connection);

    if (guest != NULL) {
        atomic_store(&guest->until,
                     now() + BODY_TIMES * (long long)guest->host->seconds);
    }
}

void otterd_patience_whole(struct MHD_Connection *connection)
{
    struct guest *guest = guest_of(connection);

    if (guest != NULL) {
        atomic_store(&guest->until, ANSWERED);
    }
}

void otterd_patience_done(struct MHD_Connection *connection)
{
    struct guest *guest = guest_of(connection);

    if (guest != NULL) {
        atomic_store(&guest->until,
                     now() + OTTERD_IDLE_SECONDS + guest->host->seconds);
    }
}
