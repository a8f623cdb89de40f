/* SPDX-License-Identifier: Apache-2.0
 *
 * Pushes to a list of devices: one poll() loop that drives many sessions, as
 * many at a time as the caller allows, one TCP listener for all of them, and
 * a reporter that shows what happens. */
#ifndef OTTER_HOST_PUSH_RUN_H
#define OTTER_HOST_PUSH_RUN_H

#include "format/compiler.h"
#include "host/address.h"
#include "host/push_listener.h"
#include "host/push_session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct otter_push_run;

struct otter_push_target {
    const char *name; /* as the user wrote it; borrowed */
    uint16_t port;    /* the device's UDP port */

    /* Results and what reporters read. */
    struct otter_push_session session;
    char address[OTTER_ADDRESS_TEXT_SIZE]; /* empty until resolved */
    bool started;
    bool finished;
    enum otter_push_ending ending; /* valid when finished */

    /* private */
    struct otter_push_run *run;
};

/* Shows a run to somebody.  Functions that are NULL are not called. */
struct otter_push_reporter {
    void (*event)(struct otter_push_reporter *reporter,
                  const struct otter_push_target *target,
                  enum otter_push_session_event event);
    /* At least every 200 ms while anything runs. */
    void (*tick)(struct otter_push_reporter *reporter,
                 const struct otter_push_run *run);
    /* Before something else is written to the terminal. */
    void (*pause)(struct otter_push_reporter *reporter);
    /* Once, after the last target has finished. */
    void (*end)(struct otter_push_reporter *reporter,
                const struct otter_push_run *run);
};

struct otter_push_run {
    /* To be set by the caller; borrowed. */
    struct otter_push_job *job;
    struct otter_push_target *targets;
    size_t count;
    size_t parallel;               /* sessions at a time, at least 1 */
    struct sockaddr_storage local; /* family 0: every address */
    uint16_t host_port_first;      /* 0: the system chooses */
    uint16_t host_port_last;
    struct otter_push_reporter *reporter; /* NULL: silent */
    /* Asks the user for the password, once; NULL result: there is none.  The
     * text stays valid for the run.  NULL: nobody can be asked. */
    const char *(*ask)(void *user, const struct otter_push_target *target);
    void *ask_user;

    uint64_t now_ms; /* to be read by the reporter */

    /* private */
    struct otter_push_listener listeners[2]; /* IPv4, IPv6 */
    struct pollfd *fds;
};

/* Runs until every target has finished, or until SIGINT or SIGTERM, which ends
 * all of them as interrupted.  Returns the exit status: 0 when all devices
 * were updated, the status of the ending when all failures have the same one,
 * else that of OTTER_PUSH_END_MIXED.
 * OTTER_ERR_NO_MEMORY: nothing was started. */
OTTER_MUST_CHECK int otter_push_run(struct otter_push_run *run);

#endif
