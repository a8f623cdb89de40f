/* SPDX-License-Identifier: Apache-2.0
 *
 * After the verdict: waiting until a device that restarts is seen again, so
 * that "updated" means that the new sketch runs.  Part of push_queue.h, not
 * for others. */
#ifndef OTTER_HOST_PUSH_RETURN_H
#define OTTER_HOST_PUSH_RETURN_H

#include "host/push_run.h"

/* Keeps what a device that has not been pushed to says of itself. */
void otter__push_return_look(struct otter_push_target *target);

/* Whether the device is worth waiting for: it was seen before. */
bool otter__push_return_is_expected(const struct otter_push_target *target);

/* Enters RETURNING. */
void otter__push_return_begin(struct otter_push_target *target);

/* Looks whether it is there.  True: the wait is over, the session's ending is
 * final. */
bool otter__push_return_check(struct otter_push_target *target);

/* Asks anew where nothing younger is known; before the checks. */
void otter__push_return_refresh(struct otter_push_run *run);

#endif
