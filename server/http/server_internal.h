/* SPDX-License-Identifier: Apache-2.0
 *
 * What the pieces of the HTTP server share. */
#ifndef OTTER_SERVER_HTTP_SERVER_INTERNAL_H
#define OTTER_SERVER_HTTP_SERVER_INTERNAL_H

#include "server/config.h"
#include "server/http/counter.h"
#include "server/http/metrics.h"
#include "server/http/patience.h"
#include "server/http/recall.h"
#include "server/http/sightings.h"
#include "server/store/store.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define OTTERD_READERS_MAX 64

/* What is kept of a request while it lasts; MHD's per-request pointer. */
struct otterd_exchange {
    /* Called when it is over; `complete`: the client got all. */
    void (*end)(struct otterd_exchange *exchange, bool complete);
};

struct otterd_reader {
    pthread_mutex_t lock;
    struct otterd_store *store;
};

struct otterd_server {
    struct MHD_Daemon *daemon;     /* what is plain, NULL: nothing */
    struct MHD_Daemon *tls_daemon; /* NULL: no TLS */
    MHD_socket listeners[2];       /* after quiescing, to be closed */
    struct otterd_patience *patience;
    struct otterd_hub *hub;
    struct otterd_sightings *sightings;
    struct otterd_recall *recall;
    struct otterd_calls *calls;
    struct otterd_answers *answers;
    struct otterd_reader readers[OTTERD_READERS_MAX];
    unsigned reader_count;
    unsigned threads;
    atomic_uint next_reader;
    struct otterd_metrics metrics;
    struct otterd_counter *counter;
    struct otterd_config config;
    atomic_bool running;
    char dir[4096];
};

/* Queues a response and lets go of it; NULL closes the connection. */
enum MHD_Result otterd__send(struct otterd_server *server,
                             struct MHD_Connection *connection,
                             unsigned status, struct MHD_Response *response);

/* A response with a short text, which is copied. */
struct MHD_Response *otterd__text(const char *text);

/* A number of the thread that calls, for what each has of its own; taken
 * modulo how many there are, two threads can have the same. */
unsigned otterd__lane(void);

/* A store to read from, locked until unlocked by the caller. */
struct otterd_reader *otterd__reader(struct otterd_server *server);

/* Listens where the configuration says; in listen.c.
 * OTTER_ERR_ADDRESS_IN_USE, OTTER_ERR_INVALID: certificates; both said. */
OTTER_MUST_CHECK int otterd__listen(struct otterd_server *server,
                                    MHD_AccessHandlerCallback answer,
                                    MHD_RequestCompletedCallback completed);

/* Who asks: the other end of the connection, or who a trusted proxy says
 * that it asks for.  Text of an IP address, empty when it is not known. */
void otterd__address_of(const struct otterd_server *server,
                        struct MHD_Connection *connection,
                        char out[OTTERD_ADDRESS_MAX]);

/* The request came under TLS, to us or to a trusted proxy that says so. */
bool otterd__is_secure(const struct otterd_server *server,
                       struct MHD_Connection *connection);

/* Answers a device that asked for `path`; for HEAD it downloads nothing. */
enum MHD_Result otterd__answer_device(struct otterd_server *server,
                                      struct MHD_Connection *connection,
                                      const char *path, bool head,
                                      void **state);

/* Whether a URL is the console's or leads to it; otterd__answer_console then
 * answers GET and HEAD. */
bool otterd__is_console(struct otterd_server *server, const char *url);
enum MHD_Result otterd__answer_console(struct otterd_server *server,
                                       struct MHD_Connection *connection,
                                       const char *url);

#endif
