/* SPDX-License-Identifier: Apache-2.0
 *
 * One run: a function for each state and a table.  A callback is the last
 * thing that a step does, or the state is looked at again after it; so the
 * application may close the transport, and open it again, inside any
 * callback.
 *
 * Here are the ways to the request and out of the run.  The answer is judged
 * in pull_answer.c, its body goes to the stream in pull_receive.c.
 *
 * An update that was begun stays begun while its download is broken and may
 * be resumed; every other way out of a run leads through
 * otter__pull_release, which leaves nothing held. */
#include "device/transport/pull_internal.h"

#include "format/core_error.h"
#include "hal/board.h"
#include "hal/clock.h"

#include <string.h>

bool otter__pull_passed(const struct otter_pull *pull, uint32_t ms)
{
    return otter_clock_since(pull->since_ms) >= ms;
}

uint32_t otter__pull_client_ms(const struct otter_pull *pull)
{
    uint32_t ms = pull->config->client_timeout_ms;

    return ms != 0 ? ms : OTTER_PULL_CLIENT_MS;
}

bool otter__pull_heard_nothing(const struct otter_pull *pull, uint32_t ms)
{
    return otter_clock_since(pull->heard_ms) >= ms;
}

/* --- The end of an attempt and of a run --------------------------------- */

void otter__pull_drop_conn(struct otter_pull *pull)
{
    if (pull->looking) {
        otter_net_lookup_cancel();
        pull->looking = false;
    }
    if (pull->conn != NULL) {
        otter_conn_abort(pull->conn);
        pull->conn = NULL;
    }
}

void otter__pull_drop_stream(struct otter_pull *pull, int reason)
{
    if (pull->begun) {
        pull->begun = false;
        otter_stream_abort(pull->stream, reason);
    }
}

void otter__pull_release(struct otter_pull *pull, int reason)
{
    otter__pull_drop_conn(pull);
    otter__pull_drop_stream(pull, reason);
    if (pull->awake) {
        pull->awake = false;
        otter_net_power_save(true);
    }
}

void otter__pull_finish(struct otter_pull *pull, enum otter_pull_result result)
{
    otter__pull_release(pull, OTTER_ERR_STREAM);
    pull->result = (uint8_t)result;
    otter__pull_enter(pull, OTTER__PULL_RESULT);
}

/* An update that the application itself declined is no error to it. */
void otter__pull_fail(struct otter_pull *pull, int number, int reason)
{
    const struct otter_events *events = pull->config->events;

    pull->number = number;
    pull->reason = reason;
    otter__pull_release(pull, reason != 0 ? reason : OTTER_ERR_STREAM);
    pull->result = OTTER_PULL_FAILED;
    otter__pull_enter(pull, OTTER__PULL_RESULT);
    if (reason != OTTER_ERR_DECLINED && events != NULL &&
        events->on_error != NULL) {
        events->on_error(events->user, number);
    }
}

void otter__pull_fail_with(struct otter_pull *pull, int error)
{
    otter__pull_fail(pull, otter_core_http_from_error(error), error);
}

void otter__pull_lose(struct otter_pull *pull, int number, int reason)
{
    if (pull->done - pull->best >= OTTER_PULL_PROGRESS &&
        pull->done > pull->best) {
        pull->best = pull->done;
        pull->tries = 0;
    }
    if (!pull->resumable || pull->tries >= OTTER_PULL_TRIES) {
        otter__pull_fail(pull, number, reason);
        return;
    }
    otter__pull_drop_conn(pull);
    pull->tries++;
    otter__pull_enter(pull, OTTER__PULL_RETRY);
}

void otter__pull_lose_with(struct otter_pull *pull, int error)
{
    otter__pull_lose(pull, otter_core_http_from_error(error), error);
}

void otter__pull_ask_again(struct otter_pull *pull)
{
    otter__pull_drop_conn(pull);
    pull->redirects = 0;
    pull->location[0] = '\0';
    memset(&pull->head, 0, sizeof pull->head);
    otter__pull_enter(pull, OTTER__PULL_LOOKUP);
}

/* --- Up to the request --------------------------------------------------- */

int otter__pull_known_figures(struct otter_pull *pull,
                              struct otter_pull_figures *out)
{
    int error = otter__pull_figures(pull, out);

    return error == OTTER_ERR_PENDING ? OTTER_ERR_STATE : error;
}

static void step_figures(struct otter_pull *pull)
{
    struct otter_pull_figures figures;
    int error = otter__pull_figures(pull, &figures);

    if (error == OTTER_ERR_PENDING &&
        !otter__pull_passed(pull, OTTER_PULL_FIGURES_MS)) {
        (void)!otter_stream_poll(pull->stream); /* it may compute them */
    } else if (error != 0) {
        otter__pull_fail_with(
            pull, error == OTTER_ERR_PENDING ? OTTER_ERR_STATE : error);
    } else {
        otter__pull_enter(pull, OTTER__PULL_LOOKUP);
    }
}

/* Only one look-up runs at a time on the board: another one is waited for. */
static int start_lookup(struct otter_pull *pull)
{
    struct otter__pull_target to;
    int error = otter__pull_target(pull, &to);

    if (error != 0) {
        return error;
    }
    memcpy(pull->text, to.host, to.host_len);
    pull->text[to.host_len] = '\0';
    error = otter_net_lookup_start(pull->text);
    pull->looking = error == 0;
    return error == OTTER_ERR_BUSY ? OTTER_ERR_PENDING : error;
}

static int look_up(struct otter_pull *pull, struct otter_addr *out)
{
    int error = pull->looking ? 0 : start_lookup(pull);

    if (pull->looking) {
        error = otter_net_lookup_poll(out);
        pull->looking = error == OTTER_ERR_PENDING;
    }
    if (error == OTTER_ERR_PENDING &&
        otter__pull_passed(pull, otter__pull_client_ms(pull))) {
        error = OTTER_ERR_LOOKUP;
    }
    return error;
}

static void step_lookup(struct otter_pull *pull)
{
    struct otter__pull_target to;
    struct otter_addr addr;
    int error = look_up(pull, &addr);

    if (error == OTTER_ERR_PENDING) {
        return;
    }
    if (error == 0) {
        error = otter__pull_target(pull, &to);
    }
    if (error != 0) {
        otter__pull_lose_with(pull, OTTER_ERR_LOOKUP);
        return;
    }
    addr.port = to.port;
    error = otter_conn_open(&pull->conn, &addr);
    if (error != 0) {
        pull->conn = NULL;
        otter__pull_lose_with(
            pull, error == OTTER_ERR_NO_MEMORY ? error : OTTER_ERR_CONNECT);
        return;
    }
    otter__pull_enter(pull, OTTER__PULL_CONNECT);
}

static void step_connect(struct otter_pull *pull)
{
    int state = otter_conn_state(pull->conn);

    if (state == OTTER_ERR_PENDING &&
        !otter__pull_passed(pull, otter__pull_client_ms(pull))) {
        return;
    }
    if (state != 0 && state != OTTER_ERR_CLOSED) {
        otter__pull_lose_with(pull, OTTER_ERR_CONNECT);
        return;
    }
    pull->line = 0;
    pull->buf_off = 0;
    pull->buf_len = 0;
    pull->heard_ms = otter_clock_ms();
    otter__pull_enter(pull, OTTER__PULL_SEND);
}

/* Fills the empty buffer with lines of the request. */
static int more_lines(struct otter_pull *pull)
{
    struct otter_pull_figures figures;
    int error = otter__pull_known_figures(pull, &figures);

    return error != 0 ? error : otter__pull_request(pull, &figures);
}

static void send_lost(struct otter_pull *pull, int reason)
{
    otter__pull_lose(pull, OTTER_CORE_HTTP_SEND_HEADER_FAILED, reason);
}

static void step_send(struct otter_pull *pull)
{
    int n;

    if (pull->buf_off == pull->buf_len) {
        int error = more_lines(pull);

        if (error != 0) {
            otter__pull_fail_with(pull, error);
            return;
        }
        if (pull->buf_len == 0) {
            otter__pull_head_begin(pull);
            otter__pull_enter(pull, OTTER__PULL_HEAD);
            return;
        }
    }
    n = otter_conn_write(pull->conn, pull->buf + pull->buf_off,
                         (uint32_t)(pull->buf_len - pull->buf_off));
    if (n < 0) {
        send_lost(pull, n);
    } else if (n > 0) {
        pull->buf_off = (uint16_t)(pull->buf_off + n);
        pull->heard_ms = otter_clock_ms();
    } else if (otter__pull_heard_nothing(pull, otter__pull_client_ms(pull))) {
        send_lost(pull, OTTER_ERR_TIMEOUT);
    }
}

/* --- The other states -----------------------------------------------------
 */

/* on_start is still running: the application polls from inside it. */
static void step_ask(struct otter_pull *pull)
{
    (void)pull;
}

static uint32_t retry_ms(const struct otter_pull *pull)
{
    uint32_t ms = OTTER_PULL_TRY_MS << (pull->tries - 1);
    uint32_t asked_s = pull->head.retry_after_s;

    if (asked_s > OTTER_PULL_TRY_AFTER_S) {
        asked_s = OTTER_PULL_TRY_AFTER_S;
    }
    return ms > asked_s * 1000 ? ms : asked_s * 1000;
}

static void step_retry(struct otter_pull *pull)
{
    if (pull->begun) {
        (void)!otter_stream_poll(pull->stream);
    }
    if (otter__pull_passed(pull, retry_ms(pull))) {
        otter__pull_ask_again(pull);
    }
}

static void step_result(struct otter_pull *pull)
{
    const struct otter_pull_config *config = pull->config;
    bool restart = pull->result == OTTER_PULL_OK &&
                   config->mode == OTTER_PULL_SKETCH && !config->stay_running;

    otter__pull_schedule(pull);
    otter__pull_enter(pull, restart ? OTTER__PULL_RESTART : OTTER__PULL_IDLE);
    if (config->on_result != NULL) {
        config->on_result(config->user, (enum otter_pull_result)pull->result);
    }
}

static void step_restart(struct otter_pull *pull)
{
    if (otter__pull_passed(pull, OTTER_PULL_RESTART_MS)) {
        otter_board_restart();
    }
}

static void (*const steps[OTTER__PULL_STATES])(struct otter_pull *) = {
    [OTTER__PULL_FIGURES] = step_figures,
    [OTTER__PULL_LOOKUP] = step_lookup,
    [OTTER__PULL_CONNECT] = step_connect,
    [OTTER__PULL_SEND] = step_send,
    [OTTER__PULL_HEAD] = otter__pull_step_head,
    [OTTER__PULL_BEGIN] = otter__pull_step_begin,
    [OTTER__PULL_ASK] = step_ask,
    [OTTER__PULL_RECEIVE] = otter__pull_step_receive,
    [OTTER__PULL_END] = otter__pull_step_end,
    [OTTER__PULL_RETRY] = step_retry,
    [OTTER__PULL_RESULT] = step_result,
    [OTTER__PULL_RESTART] = step_restart,
};

void otter__pull_run(struct otter_pull *pull)
{
    steps[pull->state](pull);
}
