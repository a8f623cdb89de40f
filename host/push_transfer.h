/* SPDX-License-Identifier: Apache-2.0
 *
 * The upload itself: the second half of push_session.h, not for others.  The
 * file is written as fast as TCP takes it while the device's replies are read
 * (protocol 1.12, steps 5 and 6).
 *
 * Progress is what the device's TCP has acknowledged, as the kernel tells it.
 * The device's own counts run together in the stream and cannot be added up
 * (protocol 1.6); they are used as signs of life. */
#ifndef OTTER_HOST_PUSH_TRANSFER_H
#define OTTER_HOST_PUSH_TRANSFER_H

#include "host/push_session.h"

/* Takes over the connection and enters SENDING. */
void otter__push_transfer_begin(struct otter_push_session *s, int fd);

/* The steps of SENDING and RESULT, and when they are due. */
void otter__push_transfer_send(struct otter_push_session *s);
void otter__push_transfer_result(struct otter_push_session *s);
uint64_t otter__push_transfer_wake(const struct otter_push_session *s);

/* Whether the step would write now if the socket takes it. */
bool otter__push_transfer_may_send(const struct otter_push_session *s);

/* From push_session.c. */
void otter__push_session_notify(struct otter_push_session *s,
                                enum otter_push_session_event event);
void otter__push_session_enter(struct otter_push_session *s,
                               enum otter_push_session_state state,
                               uint32_t limit_ms);
void otter__push_session_finish(struct otter_push_session *s,
                                enum otter_push_ending ending);
void otter__push_session_fail_os(struct otter_push_session *s, int os_error);

#endif
