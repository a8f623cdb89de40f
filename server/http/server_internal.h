/* SPDX-License-Identifier: Apache-2.0
 *
 * What the pieces of the HTTP server share. */
#ifndef OTTER_SERVER_HTTP_SERVER_INTERNAL_H
#define OTTER_SERVER_HTTP_SERVER_INTERNAL_H

#include "server/http/sightings.h"
#include "server/store/store.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#define OTTERD_READERS_MAX 64

struct otterd_reader {
    pthread_mutex_t lock;
    struct otterd_store *store;
};

struct otterd_server {
    struct MHD_Daemon *daemon;
    struct otterd_sightings *sightings;
    struct otterd_reader readers[OTTERD_READERS_MAX];
    unsigned reader_count;
    atomic_uint next_reader;
    atomic_ullong answers[600]; /* by status */
    char dir[4096];
};

/* Queues a response and lets go of it; NULL closes the connection. */
enum MHD_Result otterd__send(struct otterd_server *server,
                             struct MHD_Connection *connection,
                             unsigned status, struct MHD_Response *response);

/* A response with a short text, which is copied. */
struct MHD_Response *otterd__text(const char *text);

/* A store to read from, locked until unlocked by the caller. */
struct otterd_reader *otterd__reader(struct otterd_server *server);

/* Answers a device that asked for `path`. */
enum MHD_Result otterd__answer_device(struct otterd_server *server,
                                      struct MHD_Connection *connection,
                                      const char *path);

#endif
