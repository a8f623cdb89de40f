/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two halves of push share: push.c listens and decides who may
 * update, push_run.c carries one update from the stream's begin to the
 * restart. */
#ifndef OTTER_DEVICE_TRANSPORT_PUSH_INTERNAL_H
#define OTTER_DEVICE_TRANSPORT_PUSH_INTERNAL_H

#include "device/transport/push.h"

/* The order is that of the diagram in push.h. */
enum otter_push_state {
    OTTER__PUSH_CLOSED, /* all-zero is closed */
    OTTER__PUSH_IDLE,
    OTTER__PUSH_CHALLENGE, /* waits for the answer */
    OTTER__PUSH_START,     /* the stream is to begin; from here on an update */
    OTTER__PUSH_ASK,       /* on_start is running */
    OTTER__PUSH_PAUSE,
    OTTER__PUSH_CONNECT,
    OTTER__PUSH_RECEIVE,
    OTTER__PUSH_END,
    OTTER__PUSH_FLUSH,  /* committed; the last count is on its way */
    OTTER__PUSH_SETTLE, /* the pause that keeps OK apart from the count */
    OTTER__PUSH_ANSWER,
    OTTER__PUSH_LINGER,
    OTTER__PUSH_RESTART,
    OTTER__PUSH_REPORT, /* failed; the text is on its way */
    OTTER__PUSH_STATES
};

void otter__push_enter(struct otter_push *push, enum otter_push_state state);

/* True once `ms` have passed in the present state. */
bool otter__push_passed(const struct otter_push *push, uint32_t ms);

/* Sends a datagram; one that cannot be sent is lost like any other. */
void otter__push_send(struct otter_push *push, const struct otter_addr *to,
                      const char *text, uint32_t len);

/* Sends "ERR: " and the text of an error (protocol 1.2). */
void otter__push_send_error(struct otter_push *push,
                            const struct otter_addr *to,
                            const struct otter_error_detail *detail);

/* Notes the reason and calls on_error: the last thing that a step does. */
void otter__push_failed(struct otter_push *push, enum otter_push_error error,
                        int reason);

/* One step of a state from START on.  Ends with at most one callback. */
void otter__push_run(struct otter_push *push);

/* Gives up what a state from START on holds, without callbacks. */
void otter__push_give_up(struct otter_push *push);

#endif
