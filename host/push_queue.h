/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose turn it is, what becomes of an attempt, and when the next one is due:
 * the part of push_run.h that moves targets from phase to phase.  Not for
 * others. */
#ifndef OTTER_HOST_PUSH_QUEUE_H
#define OTTER_HOST_PUSH_QUEUE_H

#include "host/push_run.h"

/* All targets become QUEUED. */
void otter__push_queue_init(struct otter_push_run *run);

/* Judges the attempts that have ended and starts what may start now. */
void otter__push_queue_advance(struct otter_push_run *run);

/* Takes the answers of the resolver. */
void otter__push_queue_resolved(struct otter_push_run *run);

/* When a queued target is due; UINT64_MAX: none waits for a time. */
uint64_t otter__push_queue_wake(const struct otter_push_run *run);

bool otter__push_queue_is_empty(const struct otter_push_run *run);

/* Ends everything as interrupted. */
void otter__push_queue_interrupt(struct otter_push_run *run);

/* From push_run.c: the owner's word on the way around, which a person may be
 * asked for. */
bool otter__push_run_ask_around(struct otter_push_target *target);

#endif
