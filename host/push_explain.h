/* SPDX-License-Identifier: Apache-2.0
 *
 * What happened to one device, in words: which leg failed, why, and what to
 * do about it.  The sentences of docs/troubleshooting.md come from here. */
#ifndef OTTER_HOST_PUSH_EXPLAIN_H
#define OTTER_HOST_PUSH_EXPLAIN_H

#include "host/push_run.h"

struct otter_push_explanation {
    char what[512]; /* one line, without the device's name */
    char hint[512]; /* one line or empty */
};

/* About the last attempt, which must be over. */
void otter_push_explain(struct otter_push_explanation *explanation,
                        const struct otter_push_target *target);

#endif
