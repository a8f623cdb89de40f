/* SPDX-License-Identifier: Apache-2.0
 *
 * One line about one target, for terminals and logs.  Pure text: no terminal,
 * no colour. */
#ifndef OTTER_HOST_PUSH_LINE_H
#define OTTER_HOST_PUSH_LINE_H

#include "host/push_run.h"

#include <stddef.h>
#include <stdint.h>

/* Large enough for every line that is not limited by a width. */
#define OTTER_PUSH_LINE_SIZE 512

/* What a target that has not finished is doing, without a line end, at most
 * width columns: its state, or while sending a bar with bytes, rate and
 * remaining time.  Width 0 is for a log: no bar, no limit. */
void otter_push_line_format(char text[OTTER_PUSH_LINE_SIZE], unsigned width,
                            const struct otter_push_target *target,
                            uint64_t now_ms);

/* The state alone, as used in a log. */
void otter_push_line_state(char text[64],
                           const struct otter_push_target *target,
                           uint64_t now_ms);

/* Bytes as people read them ("1.20 MiB"). */
void otter_push_line_bytes(char text[16], uint64_t bytes);

/* The width of the widest name of a run, at most 40. */
unsigned otter_push_line_name_width(const struct otter_push_run *run);

#endif
