/* SPDX-License-Identifier: Apache-2.0
 *
 * From a good head to a committed update: the stream begins, the application
 * agrees, the body goes into the stream, the stream ends.  A body that breaks
 * off leaves the stream begun. */
#include "device/transport/pull_internal.h"

#include "format/hex.h"
#include "hal/clock.h"

#include <string.h>

#define PASS_MAX 4096u /* bytes of the body in one poll */

void otter__pull_receive(struct otter_pull *pull)
{
    uint32_t left = pull->size - pull->done;

    if ((uint32_t)(pull->buf_len - pull->buf_off) > left) {
        pull->buf_len = (uint16_t)(pull->buf_off + left);
    }
    pull->resumable = pull->etag[0] != '\0';
    otter__pull_enter(pull, OTTER__PULL_RECEIVE);
    pull->heard_ms = pull->since_ms;
    pull->slow_ms = pull->since_ms;
    pull->slow_done = pull->done;
}

/* The digest that the file must have, if that is known: the configured one
 * wins over the server's (protocol 5.3).  OTTER_ERR_INVALID: the configuration
 * was spoilt. */
static int find_digest(const struct otter_pull *pull,
                       struct otter_digest *digest)
{
    const char *md5 = pull->config->md5;

    digest->kind = OTTER_DIGEST_MD5;
    memcpy(digest->bytes, pull->md5, sizeof pull->md5);
    return md5 != NULL && otter_hex_decode(digest->bytes, md5, 16) != 0
               ? OTTER_ERR_INVALID
               : 0;
}

/* Begins the stream; with a digest that it will check, and a server that can
 * give the rest of a file, from what it has kept. */
static int begin(struct otter_pull *pull, struct otter_stream_info *info)
{
    bool known = pull->config->md5 != NULL || pull->has_md5;
    struct otter_digest digest;
    int error = find_digest(pull, &digest);

    if (error == 0) {
        if (known && pull->etag[0] != '\0' && !pull->whole) {
            info->key = digest.bytes;
        }
        error = otter_stream_begin(pull->stream, info);
        pull->begun = error == 0;
    }
    return error == 0 && known ? otter_stream_expect(pull->stream, &digest)
                               : error;
}

/* Goes on with what the stream has kept of the very file that is offered: the
 * rest alone is asked for. */
static void resume(struct otter_pull *pull)
{
    pull->resumable = true;
    pull->best = pull->done;
    if (pull->done < pull->size) {
        otter__pull_ask_again(pull);
    } else {
        otter__pull_drop_conn(pull);
        otter__pull_receive(pull); /* nothing */
    }
}

/* True when the application agrees and has not closed the transport. */
static bool may_start(struct otter_pull *pull, uint32_t kind)
{
    const struct otter_events *events = pull->config->events;
    int answer = 0;

    otter__pull_enter(pull, OTTER__PULL_ASK);
    if (events != NULL && events->on_start != NULL) {
        answer = events->on_start(events->user, kind, pull->size);
    }
    if (pull->state != OTTER__PULL_ASK) {
        return false;
    }
    if (answer != 0) {
        otter__pull_fail_with(pull, OTTER_ERR_DECLINED);
        return false;
    }
    return true;
}

void otter__pull_step_begin(struct otter_pull *pull)
{
    struct otter_stream_info info = {.size = pull->size};
    int error;

    info.kind = pull->config->mode == OTTER_PULL_FILE_SYSTEM
                    ? OTTER_UPDATE_FILE_SYSTEM
                    : OTTER_UPDATE_SKETCH;
    error = begin(pull, &info);
    if (error == OTTER_ERR_PENDING && !pull->begun &&
        !otter__pull_passed(pull, OTTER_PULL_SILENCE_MS)) {
        return;
    }
    if (error != 0) {
        otter__pull_fail_with(pull, error == OTTER_ERR_PENDING ? OTTER_ERR_BUSY
                                                               : error);
        return;
    }
    pull->told = false;
    if (may_start(pull, info.kind)) {
        otter_net_power_save(false);
        pull->awake = true;
        pull->done = otter_stream_staged(pull->stream);
        if (pull->done > 0) {
            resume(pull);
        } else {
            otter__pull_receive(pull);
        }
    }
}

/* Work that the stream can do ahead; its errors show in write and end. */
static int poll_stream(struct otter_pull *pull)
{
    int error = otter_stream_poll(pull->stream);

    return error == OTTER_ERR_PENDING ? 0 : error;
}

static void tell_progress(struct otter_pull *pull, uint32_t done)
{
    const struct otter_events *events = pull->config->events;

    pull->shown = done;
    if (events != NULL && events->on_progress != NULL) {
        events->on_progress(events->user, done, pull->size);
    }
}

/* How the way from the connection to the stream goes on. */
enum flow {
    FLOW_MORE,  /* at once */
    FLOW_PASS,  /* not now: enough for one poll, or all bytes are here */
    FLOW_WAIT,  /* when the server sends more or the stream has worked */
    FLOW_LOST,  /* not at all: the connection is gone */
    FLOW_FAILED /* not at all: the stream failed, `reason` says why */
};

/* Fills the empty buffer from the connection, never beyond the size. */
static enum flow fill(struct otter_pull *pull)
{
    uint32_t left = pull->size - pull->done;
    int n;

    if (left == 0) {
        return FLOW_PASS;
    }
    if (left > sizeof pull->buf) {
        left = sizeof pull->buf;
    }
    n = otter_conn_read(pull->conn, pull->buf, left);
    if (n == 0 || n == OTTER_ERR_AGAIN) {
        return FLOW_WAIT;
    }
    if (n < 0) {
        return FLOW_LOST;
    }
    pull->heard_ms = otter_clock_ms();
    pull->buf_off = 0;
    pull->buf_len = (uint16_t)n;
    return FLOW_MORE;
}

/* Offers what is in the buffer to the stream. */
static enum flow hand_on(struct otter_pull *pull)
{
    int n = otter_stream_write(pull->stream, pull->buf + pull->buf_off,
                               (uint32_t)(pull->buf_len - pull->buf_off));

    pull->heard_ms = otter_clock_ms(); /* the server need not wait for us */
    if (n == 0 || n == OTTER_ERR_PENDING) {
        return FLOW_WAIT;
    }
    if (n < 0) {
        pull->reason = n;
        return FLOW_FAILED;
    }
    pull->buf_off = (uint16_t)(pull->buf_off + n);
    pull->done += (uint32_t)n;
    return FLOW_MORE;
}

static enum flow move_bytes(struct otter_pull *pull)
{
    uint32_t before = pull->done;
    enum flow flow = FLOW_MORE;

    pull->reason = poll_stream(pull);
    if (pull->reason != 0) {
        return FLOW_FAILED;
    }
    while (flow == FLOW_MORE) {
        flow = pull->buf_off < pull->buf_len ? hand_on(pull) : fill(pull);
        if (flow == FLOW_MORE && pull->done - before >= PASS_MAX) {
            flow = FLOW_PASS;
        }
    }
    return flow;
}

/* True when the server has been silent for too long, or much too slow. */
static bool too_slow(struct otter_pull *pull)
{
    if (otter__pull_heard_nothing(pull, OTTER_PULL_SILENCE_MS)) {
        return true;
    }
    if (otter_clock_since(pull->slow_ms) < OTTER_PULL_SLOW_MS) {
        return false;
    }
    if (pull->done - pull->slow_done < OTTER_PULL_SLOW_BYTES) {
        return true;
    }
    pull->slow_ms = otter_clock_ms();
    pull->slow_done = pull->done;
    return false;
}

/* The body ends before its length, or does not go on. */
static void body_lost(struct otter_pull *pull)
{
    if (pull->config->mode == OTTER_PULL_SKETCH &&
        pull->done < OTTER__PULL_SKETCH_HEAD) {
        otter__pull_lose(pull, OTTER_CORE_HTTP_BIN_VERIFY_HEADER_FAILED,
                         OTTER_ERR_NO_DATA);
    } else {
        otter__pull_lose_with(pull, OTTER_ERR_STREAM);
    }
}

void otter__pull_step_receive(struct otter_pull *pull)
{
    enum flow flow = move_bytes(pull);
    bool complete = pull->done == pull->size;
    bool recognized = pull->done >= OTTER__PULL_SKETCH_HEAD;

    if (flow == FLOW_FAILED) {
        otter__pull_fail_with(pull, pull->reason);
    } else if (!pull->told && (complete || recognized)) {
        pull->told = true; /* the core has then seen the first bytes */
        tell_progress(pull, 0);
    } else if (!complete && (flow == FLOW_LOST || too_slow(pull))) {
        body_lost(pull);
    } else if (complete) {
        if (pull->conn != NULL) {
            otter_conn_close(pull->conn);
            pull->conn = NULL;
        }
        otter__pull_enter(pull, OTTER__PULL_END);
        tell_progress(pull, pull->size);
    } else if (pull->told && pull->done != pull->shown) {
        tell_progress(pull, pull->done);
    }
}

void otter__pull_step_end(struct otter_pull *pull)
{
    const struct otter_events *events = pull->config->events;
    int error;

    (void)poll_stream(pull);
    error = otter_stream_end(pull->stream);
    if (error == OTTER_ERR_PENDING) {
        return;
    }
    pull->begun = false;
    if (error != 0) {
        otter__pull_fail_with(pull, error);
        return;
    }
    otter__pull_finish(pull, OTTER_PULL_OK);
    if (events != NULL && events->on_end != NULL) {
        events->on_end(events->user);
    }
}
