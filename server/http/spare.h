/* SPDX-License-Identifier: Apache-2.0
 *
 * How much of the machine the account of what devices did may take.  Answering
 * goes before it: as long as the machine has nothing better to do the writer
 * gets a quarter of a core, on a busy one a fiftieth.  The kernel tells in
 * /proc/uptime for how long its cores were idle (proc(5)); where that is
 * hidden, as from services with ProcSubset=pid (systemd.exec(5)), this process
 * counts as the only one.
 *
 * Not for several threads at a time. */
#ifndef OTTER_SERVER_HTTP_SPARE_H
#define OTTER_SERVER_HTTP_SPARE_H

#include <stdbool.h>
#include <stdint.h>

#define OTTERD_UPTIME      "/proc/uptime"
#define OTTERD_REST_MIN_MS 20 /* between two batches: others write, too */

struct otterd_spare {
    /* private */
    const char *path;
    bool sees_all; /* not only this process */
    unsigned cores;
    int64_t up_ms;
    int64_t idle_ms; /* of all cores together */
    unsigned idle;   /* thousandths, lately */
};

/* Reads what /proc/uptime says: "up idle", both in seconds with two digits
 * behind the point. */
bool otterd_uptime_read(const char *text, int64_t *up_ms, int64_t *idle_ms);

/* Begins at `up_ms` and `idle_ms` of that many cores; busy until told. */
void otterd_spare_begin(struct otterd_spare *spare, unsigned cores,
                        int64_t up_ms, int64_t idle_ms);

/* What it is now.  Spans too short to tell count to the next. */
void otterd_spare_see(struct otterd_spare *spare, int64_t up_ms,
                      int64_t idle_ms);

/* For how long to rest after so much work (CPU time), in nanoseconds. */
int64_t otterd_spare_rest(const struct otterd_spare *spare, int64_t worked_ns);

/* Both with this machine's own figures; `path` is OTTERD_UPTIME and stays the
 * caller's. */
void otterd_spare_begin_here(struct otterd_spare *spare, const char *path);
void otterd_spare_see_here(struct otterd_spare *spare);

#endif
