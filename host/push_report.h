/* SPDX-License-Identifier: Apache-2.0
 *
 * Reporters for people: a live block of lines on a terminal, plain lines
 * elsewhere.  Progress goes to standard error; what became of the devices goes
 * to standard output when it went well, to standard error when it did not. */
#ifndef OTTER_HOST_PUSH_REPORT_H
#define OTTER_HOST_PUSH_REPORT_H

#include "host/push_run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line about a target that runs, without a line end, at most width
 * columns: its state, or while sending a bar with bytes, rate and remaining
 * time.  size is that of the text; width 0 is for a log: no bar, no limit. */
void otter_push_report_line(char *text, size_t size, unsigned width,
                            const struct otter_push_target *target,
                            uint64_t now_ms);

/* Bytes as people read them ("1.2 MiB"). */
void otter_push_report_bytes(char text[16], uint64_t bytes);

/* The result of one target, with the explanation when it failed. */
void otter_push_report_result(const struct otter_push_target *target,
                              bool color);

/* Whether standard error is a terminal that can move its cursor. */
bool otter_push_report_is_terminal(void);

/* Whether colour is welcome there: a terminal, and no NO_COLOR. */
bool otter_push_report_is_colored(void);

struct otter_push_plain {
    struct otter_push_reporter reporter; /* the first member */
    bool quiet;                          /* results only */
    /* private */
    uint64_t next_at_ms; /* of the next lines of progress */
};

void otter_push_plain_init(struct otter_push_plain *plain);

struct otter_push_terminal {
    struct otter_push_reporter reporter; /* the first member */
    /* private */
    unsigned lines;      /* of the live block on the screen */
    uint64_t next_at_ms; /* of the next drawing */
    bool color;
};

void otter_push_terminal_init(struct otter_push_terminal *terminal);

#endif
