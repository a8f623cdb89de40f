/* SPDX-License-Identifier: Apache-2.0
 *
 * Patience with those who connect: a connection that has not brought a whole
 * request head within some time is cut, however busily it sends.  (A silent
 * one is cut sooner, by libmicrohttpd.)  What a request then takes, a slow
 * download for instance, is not limited here. */
#ifndef OTTER_SERVER_HTTP_PATIENCE_H
#define OTTER_SERVER_HTTP_PATIENCE_H

#include "format/compiler.h"

#include <microhttpd.h>
#include <stdint.h>

#define OTTERD_IDLE_SECONDS 30u /* of silence */

struct otterd_patience;

/* Gives each request's head so many seconds, from when it can begin. */
OTTER_MUST_CHECK int otterd_patience_start(struct otterd_patience **out,
                                           uint32_t seconds);

/* Ends it, when there are no connections any more.  NULL is allowed. */
void otterd_patience_stop(struct otterd_patience *patience);

/* Connections there are, and those that were cut. */
uint64_t otterd_patience_count(struct otterd_patience *patience,
                               uint64_t *cut);

/* How many requests are whole and not answered to their end. */
uint64_t otterd_patience_busy(struct otterd_patience *patience);

/* What libmicrohttpd calls (NOTIFY_CONNECTION), with the patience as `user`.
 */
void otterd_patience_notify(void *user, struct MHD_Connection *connection,
                            void **context,
                            enum MHD_ConnectionNotificationCode code);

/* A request's head is there; its body gets ten times as long. */
void otterd_patience_head(struct MHD_Connection *connection);

/* All of a request is there: its answer may take its time. */
void otterd_patience_whole(struct MHD_Connection *connection);

/* A request was answered: another may follow. */
void otterd_patience_done(struct MHD_Connection *connection);

#endif
