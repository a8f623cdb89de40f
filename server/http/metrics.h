/* SPDX-License-Identifier: Apache-2.0
 *
 * What the server counts, in the text format of Prometheus (version 0.0.4).
 * Counters begin at zero with the process; how many devices and releases
 * there are is as old as otterd_counter_get says. */
#ifndef OTTER_SERVER_HTTP_METRICS_H
#define OTTER_SERVER_HTTP_METRICS_H

#include "server/decide.h"

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

struct otterd_server;

enum otterd_metric {
    OTTERD_METRIC_STATUS = 0,   /* and the status: answers by it */
    OTTERD_METRIC_ANSWER = 600, /* and the verdict: to devices */
    OTTERD_METRIC_RECALLED =    /* of these, from memory */
    OTTERD_METRIC_ANSWER + OTTERD_NOT_KNOWN + 1,
    OTTERD_METRIC_REFUSED,        /* strangers that are no devices */
    OTTERD_METRIC_DOWNLOADS,      /* begun */
    OTTERD_METRIC_DOWNLOADS_DONE, /* the last byte went out */
    OTTERD_METRIC_DOWNLOAD_BYTES, /* of those */
    OTTERD_METRICS
};

/* A column for each of the threads that answer, as far as there are enough:
 * they would wait for each other's. */
#define OTTERD_METRIC_COLUMNS 16

struct otterd_metrics {
    /* private */
    atomic_ullong counts[OTTERD_METRIC_COLUMNS][OTTERD_METRICS];
    time_t started;
};

void otterd_metrics_init(struct otterd_metrics *metrics);

/* Counts; `which` may be the sum that the list tells.  Callable from any
 * thread, as is the next. */
void otterd_metrics_add(struct otterd_metrics *metrics, unsigned which,
                        uint64_t n);

uint64_t otterd_metrics_sum(const struct otterd_metrics *metrics,
                            unsigned which);

/* The text, freed by the caller; NULL: no memory or no database. */
char *otterd_metrics_text(struct otterd_server *server);

#endif
