/* SPDX-License-Identifier: Apache-2.0
 *
 * One update, from the stream's begin to the restart (protocol 1.5): a
 * function for each state and a table.  A callback is the last thing that a
 * step does, or the state is looked at again after it; so the application may
 * close the transport, and open it again, inside any callback. */
#include "device/transport/push_internal.h"

#include "format/core_error.h"
#include "format/hex.h"
#include "format/text.h"
#include "hal/board.h"
#include "hal/clock.h"

#include <string.h>

/* A pass that lasts as long as the host sends ends after so many bytes. */
#define PASS_MAX 4096u

/* A host that goes away before so many bytes "supplied no data": the core has
 * then written nothing (table 1.7). */
#define CORE_BUFFER 4096u

/* The most that is read and thrown away in one step. */
#define DRAIN_MAX 4096u

_Static_assert(OTTER_CORE_ERROR_TEXT_MAX <=
                   sizeof(((struct otter_push *)0)->buf),
               "an error text fits the buffer");

/* --- The end of an update, in either way -------------------------------- */

/* What is known about `reason`; the stream's word counts when it is its own
 * error. */
static void detail_of(struct otter_push *push, int reason,
                      struct otter_error_detail *out)
{
    otter_stream_detail(push->stream, out);
    if (out->error != reason) {
        memset(out, 0, sizeof *out);
        out->error = reason;
    }
}

/* Leaves the stream to others. */
static void drop_stream(struct otter_push *push, int reason)
{
    if (push->begun) {
        push->begun = false;
        otter_stream_abort(push->stream, reason);
    }
}

/* The same for an update that the host was told OK about. */
static void drop_update(struct otter_push *push, int reason)
{
    drop_stream(push, reason);
    otter_net_power_save(true);
}

static void close_conn(struct otter_push *push)
{
    if (push->conn != NULL) {
        otter_conn_close(push->conn);
        push->conn = NULL;
    }
}

/* The update ends before the host was told OK. */
static void refuse(struct otter_push *push,
                   const struct otter_error_detail *detail)
{
    drop_stream(push, detail->error);
    otter__push_send_error(push, &push->host, detail);
    otter__push_enter(push, OTTER__PUSH_IDLE);
}

/* Puts what is left of the text in `buf` into the connection.  True: nothing
 * is left, or nobody is there to take it. */
static bool write_text(struct otter_push *push)
{
    int n = otter_conn_write(push->conn, push->buf + push->buf_off,
                             push->buf_len - push->buf_off);

    if (n < 0) {
        push->buf_off = push->buf_len;
    } else {
        push->buf_off = (uint16_t)(push->buf_off + n);
    }
    return push->buf_off == push->buf_len;
}

static void set_text(struct otter_push *push, const char *text, uint32_t len)
{
    memcpy(push->buf, text, len);
    push->buf_off = 0;
    push->buf_len = (uint16_t)len;
}

static void set_error_text(struct otter_push *push,
                           const struct otter_error_detail *detail)
{
    push->buf_off = 0;
    push->buf_len = (uint16_t)otter_core_update_print(
        detail, (char *)push->buf, sizeof push->buf);
}

/* Puts what is left of the count into the connection. */
static bool write_count(struct otter_push *push)
{
    uint32_t left = (uint32_t)(push->count_len - push->count_off);
    int n;

    if (left == 0) {
        return true;
    }
    n = otter_conn_write(push->conn, push->count + push->count_off, left);
    push->count_off = (uint8_t)(n < 0 ? push->count_len : push->count_off + n);
    return push->count_off == push->count_len;
}

/* Closing a connection with unread bytes resets it, and a reset can overtake
 * the text: so what the host still sends is read, until it closes. */
static bool drain(struct otter_push *push)
{
    uint8_t waste[128];

    for (uint32_t n = 0; n < DRAIN_MAX; n += sizeof waste) {
        int error = otter_conn_read(push->conn, waste, sizeof waste);

        if (error <= 0) {
            return error == 0 || error == OTTER_ERR_AGAIN;
        }
    }
    return true;
}

static void step_report(struct otter_push *push)
{
    bool written = write_count(push) && write_text(push);

    if ((!drain(push) && written) ||
        otter__push_passed(push, OTTER_PUSH_RESULT_MS)) {
        close_conn(push);
        otter__push_enter(push, OTTER__PUSH_IDLE);
    }
}

/* The update ends while the host waits for its result: the text goes out by
 * TCP, then on_error runs.  A host that is gone makes the device idle at
 * once. */
static void report(struct otter_push *push, enum otter_push_error error,
                   int reason)
{
    struct otter_error_detail detail;

    detail_of(push, reason, &detail);
    drop_update(push, reason);
    set_error_text(push, &detail);
    otter__push_enter(push, OTTER__PUSH_REPORT);
    step_report(push);
    otter__push_failed(push, error, reason);
}

/* --- The states --------------------------------------------------------- */

/* Hands the invitation's digest to the stream.  The parser does not look at
 * its characters (protocol 1.3 step 4). */
static int expect_digest(struct otter_push *push,
                         struct otter_error_detail *detail)
{
    struct otter_digest digest = {.kind = OTTER_DIGEST_MD5};
    int error;

    if (otter_hex_decode(digest.bytes, push->invitation.md5, 16) != 0) {
        struct otter_text text;

        memset(detail, 0, sizeof *detail);
        detail->error = OTTER_ERR_DIGEST;
        otter_text_init(&text, detail->expected, sizeof detail->expected);
        otter_text_foreign(&text, push->invitation.md5, OTTER_PUSH_DIGITS_MD5);
        return OTTER_ERR_DIGEST;
    }
    error = otter_stream_expect(push->stream, &digest);
    detail_of(push, error, detail);
    return error;
}

/* True when the application agrees and has not closed the transport. */
static bool may_start(struct otter_push *push)
{
    const struct otter_events *events = push->config->events;
    struct otter_error_detail declined = {.error = OTTER_ERR_DECLINED};
    int answer = 0;

    otter__push_enter(push, OTTER__PUSH_ASK);
    if (events != NULL && events->on_start != NULL) {
        answer = events->on_start(events->user, push->invitation.command,
                                  push->invitation.size);
    }
    if (push->state != OTTER__PUSH_ASK) {
        return false;
    }
    if (answer != 0) {
        refuse(push, &declined);
        return false;
    }
    return true;
}

static void step_start(struct otter_push *push)
{
    const struct otter_stream_info info = {
        .kind = push->invitation.command,
        .size = push->invitation.size,
    };
    struct otter_error_detail detail;
    int error = otter_stream_begin(push->stream, &info);

    if (error == OTTER_ERR_PENDING) {
        return;
    }
    push->begun = error == 0;
    if (error == 0) {
        error = expect_digest(push, &detail);
    } else {
        detail_of(push, error, &detail);
    }
    if (error != 0) {
        refuse(push, &detail);
        otter__push_failed(push, OTTER_PUSH_ERROR_BEGIN, error);
        return;
    }
    if (may_start(push)) {
        otter_net_power_save(false);
        otter__push_send(push, &push->host, OTTER_PUSH_TEXT_OK, 2);
        otter__push_enter(push, OTTER__PUSH_PAUSE);
    }
}

/* on_start is still running: the application polls from inside it. */
static void step_ask(struct otter_push *push)
{
    (void)push;
}

/* Work that the stream can do ahead; its errors show in write and end. */
static int poll_stream(struct otter_push *push)
{
    int error = otter_stream_poll(push->stream);

    return error == OTTER_ERR_PENDING ? 0 : error;
}

static void tell_progress(struct otter_push *push)
{
    const struct otter_events *events = push->config->events;

    if (events != NULL && events->on_progress != NULL) {
        events->on_progress(events->user, push->done, push->invitation.size);
    }
}

static void step_pause(struct otter_push *push)
{
    struct otter_addr to = push->host;

    (void)poll_stream(push);
    if (!otter__push_passed(push, OTTER_PUSH_PAUSE_MS)) {
        return;
    }
    to.port = push->invitation.port;
    push->received = 0;
    push->done = 0;
    push->pass = 0;
    push->uncounted = 0;
    push->buf_off = 0;
    push->buf_len = 0;
    push->count_off = 0;
    push->count_len = 0;
    if (otter_conn_open(&push->conn, &to) != 0) {
        push->conn = NULL;
    }
    otter__push_enter(push, OTTER__PUSH_CONNECT);
    tell_progress(push);
}

static void step_connect(struct otter_push *push)
{
    int state = OTTER_ERR_CONNECT;

    (void)poll_stream(push);
    if (push->conn != NULL) {
        state = otter_conn_state(push->conn);
    }
    if (state == OTTER_ERR_PENDING &&
        !otter__push_passed(push, OTTER_PUSH_CONNECT_MS)) {
        return;
    }
    if (state != 0 && state != OTTER_ERR_CLOSED) {
        if (push->conn != NULL) {
            otter_conn_abort(push->conn);
            push->conn = NULL;
        }
        drop_update(push, OTTER_ERR_CONNECT);
        otter__push_enter(push, OTTER__PUSH_IDLE);
        otter__push_failed(push, OTTER_PUSH_ERROR_CONNECT, OTTER_ERR_CONNECT);
        return;
    }
    otter__push_enter(push, OTTER__PUSH_RECEIVE);
    push->heard_ms = push->since_ms;
    push->slow_ms = push->since_ms;
    push->slow_done = 0;
}

/* A count for the bytes of this pass, unless the host has not taken the last
 * one yet: then they go into the next.  Nothing waits for the host to read
 * counts; many hosts read them late. */
static void end_pass(struct otter_push *push)
{
    push->uncounted += push->pass;
    push->pass = 0;
    if (write_count(push) && push->uncounted > 0) {
        push->count_off = 0;
        push->count_len = (uint8_t)otter_push_format_count(
            push->uncounted, push->count, sizeof push->count);
        push->uncounted = 0;
        (void)write_count(push);
    }
}

/* How the way from the connection to the stream goes on. */
enum flow {
    FLOW_MORE,  /* at once */
    FLOW_PASS,  /* not now: the pass is long enough, or all bytes are here */
    FLOW_DRY,   /* when the host sends more */
    FLOW_FULL,  /* when the stream has worked */
    FLOW_LOST,  /* not at all: the connection is gone */
    FLOW_FAILED /* not at all: the stream failed, `reason` says why */
};

/* Fills the empty buffer from the connection, never beyond the announced
 * size. */
static enum flow fill(struct otter_push *push)
{
    uint32_t left = push->invitation.size - push->received;
    int n;

    if (left == 0 || push->pass >= PASS_MAX) {
        return FLOW_PASS;
    }
    if (left > sizeof push->buf) {
        left = sizeof push->buf;
    }
    n = otter_conn_read(push->conn, push->buf, left);
    if (n == 0 || n == OTTER_ERR_AGAIN) {
        return FLOW_DRY;
    }
    if (n < 0) {
        return FLOW_LOST;
    }
    push->received += (uint32_t)n;
    push->buf_off = 0;
    push->buf_len = (uint16_t)n;
    return FLOW_MORE;
}

/* Offers what is in the buffer to the stream. */
static enum flow hand_on(struct otter_push *push)
{
    int n = otter_stream_write(push->stream, push->buf + push->buf_off,
                               (uint32_t)(push->buf_len - push->buf_off));

    push->heard_ms = otter_clock_ms(); /* the host need not wait for us */
    if (n == 0 || n == OTTER_ERR_PENDING) {
        return FLOW_FULL;
    }
    if (n < 0) {
        push->reason = n;
        return FLOW_FAILED;
    }
    push->buf_off = (uint16_t)(push->buf_off + n);
    push->done += (uint32_t)n;
    push->pass += (uint32_t)n;
    return FLOW_MORE;
}

static enum flow move_bytes(struct otter_push *push)
{
    enum flow flow = FLOW_MORE;

    push->reason = poll_stream(push);
    if (push->reason != 0) {
        return FLOW_FAILED;
    }
    while (flow == FLOW_MORE) {
        flow = push->buf_off < push->buf_len ? hand_on(push) : fill(push);
    }
    return flow;
}

/* True when the host has been silent for too long, or much too slow. */
static bool too_slow(struct otter_push *push)
{
    if (otter_clock_since(push->heard_ms) >= OTTER_PUSH_SILENCE_MS) {
        return true;
    }
    if (otter_clock_since(push->slow_ms) < OTTER_PUSH_SLOW_MS) {
        return false;
    }
    if (push->done - push->slow_done < OTTER_PUSH_SLOW_BYTES) {
        return true;
    }
    push->slow_ms = otter_clock_ms();
    push->slow_done = push->done;
    return false;
}

static void step_receive(struct otter_push *push)
{
    enum flow flow = move_bytes(push);
    bool complete = push->done == push->invitation.size;

    if (flow == FLOW_FAILED) {
        report(push, OTTER_PUSH_ERROR_END, push->reason);
    } else if (flow == FLOW_LOST) {
        report(push, OTTER_PUSH_ERROR_END,
               push->done <= CORE_BUFFER ? OTTER_ERR_NO_DATA
                                         : OTTER_ERR_SHORT);
    } else if (!complete && too_slow(push)) {
        report(push, OTTER_PUSH_ERROR_RECEIVE, OTTER_ERR_TIMEOUT);
    } else if (complete || (push->pass > 0 && flow != FLOW_FULL)) {
        end_pass(push);
        if (complete) {
            otter__push_enter(push, OTTER__PUSH_END);
        }
        tell_progress(push);
    }
}

static void step_end(struct otter_push *push)
{
    int error;

    (void)poll_stream(push);
    end_pass(push);
    error = otter_stream_end(push->stream);
    if (error == OTTER_ERR_PENDING) {
        return;
    }
    push->begun = false;
    if (error != 0) {
        report(push, OTTER_PUSH_ERROR_END, error);
        return;
    }
    otter__push_enter(push, OTTER__PUSH_FLUSH);
}

static void step_flush(struct otter_push *push)
{
    end_pass(push);
    if ((write_count(push) && otter_conn_unsent(push->conn) == 0) ||
        otter__push_passed(push, OTTER_PUSH_FLUSH_MS)) {
        otter__push_enter(push, OTTER__PUSH_SETTLE);
    }
}

static void step_settle(struct otter_push *push)
{
    if (otter__push_passed(push, OTTER_PUSH_RESULT_MS)) {
        set_text(push, OTTER_PUSH_TEXT_OK, 2);
        otter__push_enter(push, OTTER__PUSH_ANSWER);
    }
}

static void step_answer(struct otter_push *push)
{
    bool written = write_count(push) && write_text(push);

    if ((written && otter_conn_unsent(push->conn) == 0) ||
        otter__push_passed(push, OTTER_PUSH_FLUSH_MS)) {
        otter__push_enter(push, OTTER__PUSH_LINGER);
    }
}

static void step_linger(struct otter_push *push)
{
    const struct otter_events *events = push->config->events;

    if (!otter__push_passed(push, OTTER_PUSH_RESULT_MS)) {
        return;
    }
    close_conn(push);
    otter_net_power_save(true);
    otter__push_enter(push, OTTER__PUSH_RESTART);
    if (events != NULL && events->on_end != NULL) {
        events->on_end(events->user);
    }
}

static void step_restart(struct otter_push *push)
{
    if (push->config->stay_running) {
        otter__push_enter(push, OTTER__PUSH_IDLE);
    } else if (otter__push_passed(push, OTTER_PUSH_RESTART_MS)) {
        otter_board_restart();
    }
}

static void (*const steps[OTTER__PUSH_STATES])(struct otter_push *) = {
    [OTTER__PUSH_START] = step_start,     [OTTER__PUSH_ASK] = step_ask,
    [OTTER__PUSH_PAUSE] = step_pause,     [OTTER__PUSH_CONNECT] = step_connect,
    [OTTER__PUSH_RECEIVE] = step_receive, [OTTER__PUSH_END] = step_end,
    [OTTER__PUSH_FLUSH] = step_flush,     [OTTER__PUSH_SETTLE] = step_settle,
    [OTTER__PUSH_ANSWER] = step_answer,   [OTTER__PUSH_LINGER] = step_linger,
    [OTTER__PUSH_RESTART] = step_restart, [OTTER__PUSH_REPORT] = step_report,
};

void otter__push_run(struct otter_push *push)
{
    steps[push->state](push);
}

/* The text that a host which waits for its result gets when the application
 * closes the transport. */
static void set_last_text(struct otter_push *push,
                          const struct otter_error_detail *closed)
{
    switch (push->state) {
    case OTTER__PUSH_RECEIVE:
    case OTTER__PUSH_END:
        set_error_text(push, closed);
        break;
    case OTTER__PUSH_FLUSH:
    case OTTER__PUSH_SETTLE:
        set_text(push, OTTER_PUSH_TEXT_OK, 2);
        break;
    default: /* ANSWER, LINGER and REPORT have theirs */
        break;
    }
}

void otter__push_give_up(struct otter_push *push)
{
    const struct otter_error_detail closed = {.error = OTTER_ERR_DECLINED};

    if (push->state < OTTER__PUSH_PAUSE) {
        drop_stream(push, closed.error);
        otter__push_send_error(push, &push->host, &closed);
        return;
    }
    drop_update(push, closed.error);
    if (push->conn == NULL) {
        return;
    }
    if (push->state == OTTER__PUSH_CONNECT) {
        otter_conn_abort(push->conn);
        push->conn = NULL;
        return;
    }
    set_last_text(push, &closed);
    if (write_count(push)) {
        (void)write_text(push);
    }
    close_conn(push);
}
