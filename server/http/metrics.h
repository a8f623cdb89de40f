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

struct otterd_metrics {
    atomic_ullong responses[600];                /* by status */
    atomic_ullong answers[OTTERD_NOT_KNOWN + 1]; /* to devices, by verdict */
    atomic_ullong recalled;                      /* of these, from memory */
    atomic_ullong refused;        /* strangers that are no devices */
    atomic_ullong downloads;      /* begun */
    atomic_ullong downloads_done; /* the last byte went out */
    atomic_ullong download_bytes; /* of those */
    time_t started;
};

void otterd_metrics_init(struct otterd_metrics *metrics);

/* The text, freed by the caller; NULL: no memory or no database. */
char *otterd_metrics_text(struct otterd_server *server);

#endif
