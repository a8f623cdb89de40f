/* SPDX-License-Identifier: Apache-2.0
 *
 * How much there is of everything, for whoever watches the server. */
#ifndef OTTER_SERVER_STORE_COUNTS_H
#define OTTER_SERVER_STORE_COUNTS_H

#include "server/store/store.h"

struct otterd_counts {
    int64_t devices[OTTERD_BLOCKED + 1];    /* by state */
    int64_t releases[OTTERD_WITHDRAWN + 1]; /* by state */
    int64_t firmware;
    int64_t database_bytes;
};

/* Counts; takes time with the number of devices, about 0.2 s for a million. */
OTTER_MUST_CHECK int otterd_store_count(struct otterd_store *store,
                                        struct otterd_counts *out);

#endif
