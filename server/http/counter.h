/* SPDX-License-Identifier: Apache-2.0
 *
 * Counting what there is, beside the requests: a thread with a store of its
 * own counts when somebody asks and the last count is older than ten seconds.
 * Who asks gets the last count at once, so that no device waits for it; only
 * the very first is waited for. */
#ifndef OTTER_SERVER_HTTP_COUNTER_H
#define OTTER_SERVER_HTTP_COUNTER_H

#include "server/store/counts.h"

struct otterd_counter;

/* Starts the thread on the data folder `dir`.  Errors of
 * otterd_store_open. */
OTTER_MUST_CHECK int otterd_counter_start(struct otterd_counter **out,
                                          const char *dir);

/* The last count.  Errors of otterd_store_count.  Callable from any thread. */
OTTER_MUST_CHECK int otterd_counter_get(struct otterd_counter *counter,
                                        struct otterd_counts *out);

/* Ends the thread.  NULL is allowed. */
void otterd_counter_stop(struct otterd_counter *counter);

#endif
