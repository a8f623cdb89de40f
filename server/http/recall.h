/* SPDX-License-Identifier: Apache-2.0
 *
 * Decisions, remembered: while the server is crowded, the same words of the
 * same device are answered from memory.  A request is known by a keyed hash of
 * all that it says, so nobody can make one that is taken for another's.
 *
 * What is remembered counts only as long as what it was decided from stays as
 * it was.  Three things can change that, and each ends it:
 *  - somebody changes releases, devices, settings or paths: every such change
 *    is in the audit log, whose last entry is the age of a decision.  Changes
 *    in this process are told at once (otterd_recall_doubt); those of other
 *    processes are seen OTTERD_RECALL_MS later at most;
 *  - what a device does (otterd_recall_moved);
 *  - memory: a newer request takes the place of an older one.
 *
 * Callable from any thread. */
#ifndef OTTER_SERVER_HTTP_RECALL_H
#define OTTER_SERVER_HTTP_RECALL_H

#include "format/compiler.h"
#include "server/decide.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTTERD_RECALL_MS 100 /* as the server has it */

struct otterd_recall;

/* All that a request says, hashed. */
struct otterd_recall_key {
    uint64_t part[2];
};

/* What it was told. */
struct otterd_recalled {
    enum otterd_verdict verdict;
    enum otterd_dialect dialect;   /* of the path */
    struct otterd_release release; /* of an offer, else not filled */
};

/* The moment before the database is asked. */
struct otterd_recall_moment {
    uint64_t moves;
    uint64_t doubts;
    uint64_t ms;
};

/* For so many threads; so many milliseconds it is believed that no other
 * process has changed anything.  OTTER_ERR_NO_MEMORY, OTTER_ERR_STATE: no
 * hash. */
OTTER_MUST_CHECK int otterd_recall_start(struct otterd_recall **out,
                                         unsigned threads,
                                         unsigned believe_ms);
void otterd_recall_stop(struct otterd_recall *recall); /* NULL is allowed */

/* False: it says too much to be remembered. */
bool otterd_recall_key(struct otterd_recall *recall,
                       struct MHD_Connection *connection, const char *path,
                       struct otterd_recall_key *key);

/* What such a request was told, when that still counts. */
bool otterd_recall_find(struct otterd_recall *recall,
                        const struct otterd_recall_key *key,
                        struct otterd_recalled *out);

/* Before a view of the database (store.h) is opened ... */
struct otterd_recall_moment otterd_recall_moment(struct otterd_recall *recall);

/* ... after it is closed, with the last entry of the audit log that it saw
 * ... */
void otterd_recall_saw(struct otterd_recall *recall,
                       const struct otterd_recall_moment *moment,
                       int64_t audit);

/* ... and what was decided from it about the device. */
void otterd_recall_keep(struct otterd_recall *recall,
                        const struct otterd_recall_key *key,
                        const struct otterd_recall_moment *moment,
                        int64_t audit, uint64_t mac,
                        const struct otterd_recalled *told);

/* After a change was made: the next request looks for itself. */
void otterd_recall_doubt(struct otterd_recall *recall);

/* After it was written what a device has done. */
void otterd_recall_moved(struct otterd_recall *recall, uint64_t mac);

#endif
