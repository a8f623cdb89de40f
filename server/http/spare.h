/* SPDX-License-Identifier: Apache-2.0
 *
 * How much of the machine the account of what devices did may take.  Answering
 * goes before it: where that takes more than a quarter of a busy machine the
 * writer gets a two-hundredth of a core, else a quarter.  What is noted costs
 * more than its writing, for it was decided with the database first.
 *
 * The kernel tells in /proc/uptime for how long its cores were idle (proc(5));
 * where that is hidden, as from services with ProcSubset=pid
 * (systemd.exec(5)), this process counts as the only one.
 *
 * Not for several threads at a time. */
#ifndef OTTER_SERVER_HTTP_SPARE_H
#define OTTER_SERVER_HTTP_SPARE_H

#include <stdbool.h>
#include <stdint.h>

#define OTTERD_UPTIME "/proc/uptime"

/* A rest: others want to write, too, and listeners wait for what is noted. */
#define OTTERD_REST_MIN_MS 20
#define OTTERD_REST_MAX_MS 3000

/* Counted from some time on. */
struct otterd_use {
    int64_t up_ms;
    int64_t idle_ms; /* of all cores together */
    int64_t own_ms;  /* CPU time of this process */
};

struct otterd_spare {
    /* private */
    const char *path;
    bool sees_all; /* not only this process */
    unsigned cores;
    struct otterd_use use;
    unsigned idle; /* thousandths of the machine, lately */
    unsigned own;
};

/* Reads what /proc/uptime says: "up idle", both in seconds with two digits
 * behind the point. */
bool otterd_uptime_read(const char *text, int64_t *up_ms, int64_t *idle_ms);

/* Begins at `use` of that many cores. */
void otterd_spare_begin(struct otterd_spare *spare, unsigned cores,
                        const struct otterd_use *use);

/* What it is now.  Spans too short to tell count to the next. */
void otterd_spare_see(struct otterd_spare *spare,
                      const struct otterd_use *use);

/* For how long to rest after so much work (CPU time), in nanoseconds. */
int64_t otterd_spare_rest(const struct otterd_spare *spare, int64_t worked_ns);

/* Both with this machine's own figures; `path` is OTTERD_UPTIME and stays the
 * caller's. */
void otterd_spare_begin_here(struct otterd_spare *spare, const char *path);
void otterd_spare_see_here(struct otterd_spare *spare);

#endif
