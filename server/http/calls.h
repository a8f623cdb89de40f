/* SPDX-License-Identifier: Apache-2.0
 *
 * A call on its way through the API's threads. */
#ifndef OTTER_SERVER_HTTP_CALLS_H
#define OTTER_SERVER_HTTP_CALLS_H

#include "server/api/api.h"
#include "server/api/hub.h"
#include "server/http/api.h"

enum otterd_call_phase {
    OTTERD_CALL_READS, /* its body comes in */
    OTTERD_CALL_KNOWN, /* the answer is known; the rest is not looked at */
    OTTERD_CALL_ANSWERED
};

struct otterd_http_call {
    struct otterd_exchange exchange;
    struct otterd_http_call *next; /* in the queue */
    struct otterd_server *server;
    struct MHD_Connection *connection;
    struct otterd_call call;
    enum otterd_call_phase phase;
    char allowed[64]; /* for 405 */
    char *body;
    size_t len;
    uint64_t taken; /* bytes of body in all */
};

/* Leaves a call to a thread of its pace, which resumes its connection when it
 * is answered.  The connection is suspended here.  False: too late. */
bool otterd_calls_add(struct otterd_calls *calls,
                      struct otterd_http_call *call);

/* Makes a response that is a stream of the events that `wants`.  NULL: too
 * many listen. */
struct MHD_Response *otterd__make_events(struct otterd_http_call *call,
                                         const struct otterd_wants *wants);

#endif
