/* SPDX-License-Identifier: Apache-2.0
 *
 * Reporters: a live block of lines on a terminal, plain lines elsewhere, JSON
 * for programs.  Progress goes to standard error.  What became of one device
 * goes to standard output when it went well, to standard error when not; what
 * became of many goes to standard output as a table. */
#ifndef OTTER_HOST_PUSH_REPORT_H
#define OTTER_HOST_PUSH_REPORT_H

#include "host/push_run.h"

#include <stdbool.h>
#include <stdint.h>

/* What became of a target, or of its last attempt, with the explanation when
 * it failed. */
void otter_push_report_result(const struct otter_push_target *target,
                              bool color);

/* The table of a run with more than one target, and its sum. */
void otter_push_report_table(const struct otter_push_run *run, bool color);

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

/* One JSON object per line on standard output, see push_json.c. */
struct otter_push_json {
    struct otter_push_reporter reporter; /* the first member */
    /* private */
    uint64_t next_at_ms; /* of the next events of progress */
};

void otter_push_json_init(struct otter_push_json *json);

#endif
