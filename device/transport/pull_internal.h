/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of pull share: pull.c holds the public functions and the
 * schedule, pull_run.c carries one run through its states, with pull_answer.c
 * and pull_receive.c for what comes from the server; pull_request.c writes the
 * request, pull_response.c understands the head of the answer, pull_date.c a
 * date in it, pull_url.c knows where a URL leads. */
#ifndef OTTER_DEVICE_TRANSPORT_PULL_INTERNAL_H
#define OTTER_DEVICE_TRANSPORT_PULL_INTERNAL_H

#include "device/transport/pull.h"

/* The order is that of the diagram in pull.h. */
enum otter_pull_state {
    OTTER__PULL_CLOSED, /* all-zero is closed */
    OTTER__PULL_IDLE,
    OTTER__PULL_FIGURES, /* from here on a run is under way */
    OTTER__PULL_LOOKUP,
    OTTER__PULL_CONNECT,
    OTTER__PULL_SEND,
    OTTER__PULL_HEAD,
    OTTER__PULL_BEGIN,
    OTTER__PULL_ASK, /* on_start is running */
    OTTER__PULL_RECEIVE,
    OTTER__PULL_END,
    OTTER__PULL_RETRY, /* waits to resume */
    OTTER__PULL_RESULT,
    OTTER__PULL_RESTART,
    OTTER__PULL_STATES
};

/* --- pull.c -------------------------------------------------------------- */

void otter__pull_enter(struct otter_pull *pull, enum otter_pull_state state);

/* Decides when the next run comes, by how this one ended. */
void otter__pull_schedule(struct otter_pull *pull);

/* Asks the application who the device is. */
OTTER_MUST_CHECK int otter__pull_figures(struct otter_pull *pull,
                                         struct otter_pull_figures *out);

/* --- pull_run.c ---------------------------------------------------------- */

#define OTTER__PULL_SKETCH_HEAD                                               \
    4u /* bytes that tell what an image is (protocol 5.3) */

/* One step of a state from FIGURES on.  Ends with at most one callback. */
void otter__pull_run(struct otter_pull *pull);

/* True once `ms` have passed in the present state, or since the server sent
 * or took something. */
bool otter__pull_passed(const struct otter_pull *pull, uint32_t ms);
bool otter__pull_heard_nothing(const struct otter_pull *pull, uint32_t ms);

/* The client's time-out. */
uint32_t otter__pull_client_ms(const struct otter_pull *pull);

/* The figures, which were there already in this run. */
OTTER_MUST_CHECK int otter__pull_known_figures(struct otter_pull *pull,
                                               struct otter_pull_figures *out);

/* Asks once more, from the configured place on. */
void otter__pull_ask_again(struct otter_pull *pull);

/* Gives up what a run holds, without callbacks: the connection or look-up, the
 * stream, everything. */
void otter__pull_drop_conn(struct otter_pull *pull);
void otter__pull_drop_stream(struct otter_pull *pull, int reason);
void otter__pull_release(struct otter_pull *pull, int reason);

/* The run ends without having failed. */
void otter__pull_finish(struct otter_pull *pull,
                        enum otter_pull_result result);

/* The run fails: `number` is the core's, `reason` ours or 0.  The last thing
 * that a step does, as are the three below. */
void otter__pull_fail(struct otter_pull *pull, int number, int reason);
void otter__pull_fail_with(struct otter_pull *pull, int error);

/* The attempt failed, by the network or a server that is not well: a download
 * under way is resumed a little later, unless that does not get on. */
void otter__pull_lose(struct otter_pull *pull, int number, int reason);
void otter__pull_lose_with(struct otter_pull *pull, int error);

/* --- pull_answer.c ------------------------------------------------------- */

void otter__pull_step_head(struct otter_pull *pull);

/* --- pull_receive.c ------------------------------------------------------ */

/* The body comes next, from byte `done` on. */
void otter__pull_receive(struct otter_pull *pull);

void otter__pull_step_begin(struct otter_pull *pull);
void otter__pull_step_receive(struct otter_pull *pull);
void otter__pull_step_end(struct otter_pull *pull);

/* --- pull_request.c ------------------------------------------------------ */

/* Puts the next lines of the request into the buffer, as many as fit; none
 * when all were given.  OTTER_ERR_TOO_LONG: one line does not fit. */
OTTER_MUST_CHECK int otter__pull_request(
    struct otter_pull *pull, const struct otter_pull_figures *figures);

/* --- pull_response.c ----------------------------------------------------- */

/* Gets ready for the head of an answer. */
void otter__pull_head_begin(struct otter_pull *pull);

/* Understands what is in the buffer.  0: the head is complete.
 * OTTER_ERR_AGAIN: it is not.  Otherwise the parser's errors. */
OTTER_MUST_CHECK int otter__pull_head_feed(struct otter_pull *pull);

/* True when the answer goes on with the file that is under way, and with the
 * byte that is missing. */
bool otter__pull_head_resumes(const struct otter_pull *pull);

/* --- pull_date.c --------------------------------------------------------- */

/* Seconds since 1970 of a date of this century in HTTP's form; 0: it is none.
 */
uint32_t otter__pull_date(const char *text);

/* --- pull_url.c ---------------------------------------------------------- */

/* Where a request goes; the texts lie in the configuration or the redirect's
 * buffer and have lengths instead of a NUL. */
struct otter__pull_target {
    const char *host; /* without the brackets of an IPv6 address */
    const char *path; /* may begin with other than '/', may be empty */
    const char *user; /* "user:password", or NULL */
    uint32_t host_len;
    uint32_t path_len;
    uint32_t user_len;
    uint16_t port;
    bool own; /* the configured host and port: may see the credentials */
};

/* The configured place, or where the last redirect leads.
 * OTTER_ERR_INVALID: the text is no URL that can be asked. */
OTTER_MUST_CHECK int otter__pull_target(const struct otter_pull *pull,
                                        struct otter__pull_target *out);

/* The same for a configuration alone. */
OTTER_MUST_CHECK int otter__pull_configured(
    const struct otter_pull_config *config, struct otter__pull_target *out);

/* Takes the value of a Location header for the next target.
 * OTTER_ERR_INVALID: it leads nowhere that can be asked.
 * OTTER_ERR_TOO_LONG. */
OTTER_MUST_CHECK int otter__pull_redirect(struct otter_pull *pull,
                                          const char *location);

#endif
