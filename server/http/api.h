/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP for the API: who calls, reading bodies piece by piece, answering.
 * Calls are answered by threads of their own, while their connections are
 * suspended, so that a slow one never holds up a device; changes one after
 * the other, and reads beside them. */
#ifndef OTTER_SERVER_HTTP_API_H
#define OTTER_SERVER_HTTP_API_H

#include "server/api/hub.h"
#include "server/http/server_internal.h"

struct otterd_calls;

/* Starts the threads on the data folder `dir`; `hub` is borrowed.  Errors of
 * otterd_store_open. */
OTTER_MUST_CHECK int otterd_calls_start(struct otterd_calls **out,
                                        const char *dir,
                                        struct otterd_hub *hub);

/* Answers what waits, but for searches, and refuses what comes afterwards.  To
 * be called before the daemon is stopped, because that must not find suspended
 * connections. */
void otterd_calls_close(struct otterd_calls *calls);

/* After the daemon was stopped.  NULL is allowed. */
void otterd_calls_free(struct otterd_calls *calls);

/* Answers a request for a path below /api/; parameters as libmicrohttpd's
 * access handler has them. */
enum MHD_Result otterd__answer_api(struct otterd_server *server,
                                   struct MHD_Connection *connection,
                                   const char *url, const char *method,
                                   const char *data, size_t *len,
                                   void **state);

#endif
