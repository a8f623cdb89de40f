/* SPDX-License-Identifier: Apache-2.0
 *
 * Pushes to a list of devices: one poll() loop that drives many sessions, as
 * many at a time as the caller allows, one TCP listener for all of them, and
 * a reporter that shows what happens.
 *
 *   QUEUED -> RESOLVING -> RUNNING -> RETURNING -> FINISHED
 *      ^                      | |                     ^
 *      `---- tried again -----' `---------------------'
 *
 * An update goes by push or through the device's update page; one that could
 * not connect back may be tried by the page, if the caller says so.
 *
 * A device is tried again when its failure may have been chance, up to a
 * number of times; one that does not answer, up to a deadline.  One that was
 * seen by multicast DNS before its update is waited for after it. */
#ifndef OTTER_HOST_PUSH_RUN_H
#define OTTER_HOST_PUSH_RUN_H

#include "format/compiler.h"
#include "host/address.h"
#include "host/push_listener.h"
#include "host/push_session.h"
#include "host/push_survey.h"
#include "host/resolver.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct otter_push_run;

enum otter_push_phase {
    OTTER_PUSH_QUEUED, /* waits for its turn or for not_before_ms */
    OTTER_PUSH_RESOLVING,
    OTTER_PUSH_RUNNING,
    OTTER_PUSH_RETURNING, /* the update is in, the device restarts */
    OTTER_PUSH_FINISHED
};

struct otter_push_target {
    /* To be set by the caller; borrowed. */
    const char *name;     /* as people know it */
    const char *host;     /* an address or a name to be resolved */
    uint16_t port;        /* the device's UDP port */
    bool port_given;      /* a port found with the name does not replace it */
    const char *password; /* NULL: that of the run */
    uint16_t web_port;    /* TCP port of its update page */
    bool web_port_given;  /* one that the device announces does not replace
                             it */
    bool web;             /* the update goes through that page */

    /* Results and what reporters read. */
    enum otter_push_phase phase;
    struct otter_push_session session;     /* of the last attempt */
    char address[OTTER_ADDRESS_TEXT_SIZE]; /* empty until resolved */
    bool web_port_told;                    /* web_port is what it announces */
    unsigned attempts;                     /* that the device answered to */
    unsigned polls;         /* attempts that it did not answer to ... */
    unsigned unanswered;    /* ... and the invitations that they sent */
    uint64_t not_before_ms; /* the next attempt, while QUEUED */
    uint64_t started_at_ms; /* first attempt */
    uint64_t finished_at_ms;
    enum otter_push_ending ending;  /* valid when FINISHED */
    struct otter_push_facts before; /* what the device said of itself */
    struct otter_push_facts after;  /* ... and when it was back */
    uint64_t gone_at_ms;            /* the verdict, when RETURNING */
    uint64_t back_at_ms;            /* 0: not seen since */
    struct otter_push_run *run;

    /* private */
    bool resolved;                  /* device is valid */
    struct sockaddr_storage device; /* address and port */
    uint64_t turn;                  /* the lowest is next */
};

/* Shows a run to somebody.  Functions that are NULL are not called. */
struct otter_push_reporter {
    /* While a session runs. */
    void (*event)(struct otter_push_reporter *reporter,
                  const struct otter_push_target *target,
                  enum otter_push_session_event event);
    /* An attempt failed; the next begins at target->not_before_ms. */
    void (*retry)(struct otter_push_reporter *reporter,
                  const struct otter_push_target *target);
    /* The last attempt is over. */
    void (*finished)(struct otter_push_reporter *reporter,
                     const struct otter_push_target *target);
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
    const struct otter_push_job *job;     /* by push */
    const struct otter_push_job *web_job; /* through the page */
    struct otter_push_target *targets;
    size_t count;
    const char *password;          /* NULL: none is known */
    size_t parallel;               /* sessions at a time, at least 1 */
    unsigned retries;              /* attempts after the first */
    uint32_t retry_pause_ms;       /* between attempts */
    uint32_t wait_ms;              /* for a first answer; 0: one attempt */
    uint32_t survey_ms;            /* for answers by multicast DNS before the
                                      first push; 0: nobody is asked */
    uint32_t page_ms;              /* the same before the first upload through
                                      a page, for its port; 0: nobody is
                                      asked */
    uint32_t back_ms;              /* for a device to come back; 0: none */
    const struct otter_look *look; /* at the file; NULL: nothing is known */
    bool chip_given;               /* the file was found fit for all; else
                                      each device's port tells its chip */
    bool force;                    /* push what does not fit */
    bool new_only;                 /* leave devices with this version alone */
    bool espota;                   /* explain with the options of espota */
    struct sockaddr_storage local; /* family 0: every address */
    uint16_t host_port_first;      /* 0: the system chooses */
    uint16_t host_port_last;
    struct otter_push_reporter *reporter; /* NULL: silent */
    /* Asks the user for the password, once; NULL result: there is none.  The
     * text stays valid for the run.  NULL: nobody can be asked. */
    const char *(*ask)(void *user, const struct otter_push_target *target);
    /* A device did not connect back: is it to be updated through its page?
     * NULL: no. */
    bool (*go_around)(void *user, const struct otter_push_target *target);
    void *ask_user;

    uint64_t now_ms;        /* to be read by the reporter */
    uint64_t started_at_ms; /* the same */

    /* private */
    struct otter_push_listener listeners[2]; /* IPv4, IPv6 */
    struct otter_resolver resolver;
    struct otter_push_survey survey;
    struct otter_discover *pages; /* NULL: nobody is asked */
    struct pollfd *fds;
    uint64_t turns;
};

/* Runs until every target has finished, or until SIGINT or SIGTERM, which ends
 * all of them as interrupted.  Returns the exit status: 0 when all devices
 * were updated, the status of the ending when all failures have the same one,
 * else that of OTTER_PUSH_END_MIXED.
 * OTTER_ERR_NO_MEMORY: nothing was started. */
OTTER_MUST_CHECK int otter_push_run(struct otter_push_run *run);

/* How many targets ended so. */
size_t otter_push_run_count(const struct otter_push_run *run,
                            enum otter_push_ending ending);

#endif
