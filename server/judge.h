/* SPDX-License-Identifier: Apache-2.0
 *
 * The decision (decide.h) with what the store knows: the device or, for one
 * never seen, the policy, and the releases.  What a device is answered and
 * what people are told about it come from here alike. */
#ifndef OTTER_SERVER_JUDGE_H
#define OTTER_SERVER_JUDGE_H

#include "server/store/store.h"

struct otterd_judgement {
    struct otterd_device device;
    enum otterd_device_state new_state; /* for one never seen before */
    struct otterd_decision decision;
    struct otterd_release release; /* the decision's, when it has one */
};

/* Judges.  Errors of the store. */
OTTER_MUST_CHECK int otterd_judge(struct otterd_store *store,
                                  const struct otterd_ask *ask,
                                  struct otterd_judgement *out);

/* What becomes of a device that is seen for the first time. */
OTTER_MUST_CHECK int otterd_judge_stranger(struct otterd_store *store,
                                           enum otterd_device_state *out);

/* The status of HTTP that says it (protocol 5.4). */
unsigned otterd_judge_status(const struct otterd_ask *ask,
                             enum otterd_verdict verdict);

#endif
