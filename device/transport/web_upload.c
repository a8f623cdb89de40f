/* SPDX-License-Identifier: Apache-2.0
 *
 * One upload, from the head of its request to the end of the stream.  Bytes
 * come out of the connection, through the framing of HTTP and, in a form,
 * through the multipart parser, and go into the stream as it takes them.  The
 * stream's begin waits for the first byte of the file, so that a form with an
 * empty file field changes nothing.  A callback is the last thing that a step
 * does, or the token is looked at after it; so the application may close the
 * transport inside any callback. */
#include "device/transport/web_internal.h"

#include "format/hex.h"
#include "hal/clock.h"

#include <string.h>

/* What is moved in one step: bytes of the file, and anything else. */
#define PASS_MAX  4096u
#define MOVES_MAX 200u

enum part { PART_OTHER, PART_FILE, PART_MD5, PART_SHA256, PART_SIZE };

/* How the way from the connection to the stream goes on. */
enum flow {
    FLOW_MORE,  /* at once */
    FLOW_LATER, /* with the next step */
    FLOW_BEGIN, /* the stream has begun: the application is to be asked */
    FLOW_DONE   /* not at all: the request is complete */
};

/* --- The end ------------------------------------------------------------ */

static void leave(struct otter_web *web, int error)
{
    struct otter_web_upload *u = &web->upload;

    if (u->begun) {
        u->begun = false;
        otter_stream_abort(web->stream, error);
    }
    if (u->agreed) {
        u->agreed = false;
        otter_net_power_save(true);
    }
    u->conn = NULL;
}

void otter__web_upload_give_up(struct otter_web *web, int error)
{
    if (web->upload.conn != NULL) {
        leave(web, error);
    }
}

/* Answers with a failure; the last thing that a step does. */
static void fail(struct otter_web_conn *c, int error)
{
    struct otter_web *web = c->web;
    const struct otter_events *events = web->config->events;

    otter_stream_detail(web->stream, &web->last);
    if (web->last.error != error) {
        memset(&web->last, 0, sizeof web->last);
        web->last.error = error;
    }
    leave(web, error);
    c->close = true;
    otter__web_answer_error(c, otter__web_status_of(error), &web->last);
    if (error != OTTER_ERR_BUSY && error != OTTER_ERR_DECLINED &&
        events != NULL && events->on_error != NULL) {
        events->on_error(events->user, error);
    }
}

/* The last thing that a step does. */
static void tell_progress(struct otter_web *web, uint32_t done, uint32_t total)
{
    const struct otter_events *events = web->config->events;

    if (events != NULL && events->on_progress != NULL) {
        events->on_progress(events->user, done, total);
    }
}

/* --- What is known of the file ------------------------------------------ */

static int expect(struct otter_web *web, enum otter_digest_kind kind)
{
    struct otter_web_upload *u = &web->upload;
    struct otter_digest digest = {.kind = kind};

    if (!u->begun || (u->digests & 1u << kind) == 0) {
        return 0; /* not yet, or none */
    }
    if (kind == OTTER_DIGEST_MD5) {
        memcpy(digest.bytes, u->md5, sizeof u->md5);
    } else {
        memcpy(digest.bytes, u->sha256, sizeof u->sha256);
    }
    return otter_stream_expect(web->stream, &digest);
}

static int take_digest(struct otter_web *web, enum otter_digest_kind kind,
                       uint8_t *out, uint32_t size)
{
    struct otter_web_upload *u = &web->upload;

    if (u->field_len == 0) {
        return 0; /* a form field that nobody filled in */
    }
    if (u->field_len != 2 * size ||
        otter_hex_decode(out, u->field, size) != 0) {
        return OTTER_ERR_SYNTAX;
    }
    u->digests |= (uint8_t)(1u << kind);
    return expect(web, kind);
}

static int take_size(struct otter_web_upload *u)
{
    if (u->field_len == 0) {
        return 0;
    }
    u->size_known = true;
    return otter_http_number(u->field, &u->size) == 0 ? 0 : OTTER_ERR_SYNTAX;
}

/* A text field is complete. */
static int take_field(struct otter_web *web)
{
    struct otter_web_upload *u = &web->upload;

    u->field[u->field_len] = '\0';
    switch (u->part) {
    case PART_MD5:
        return take_digest(web, OTTER_DIGEST_MD5, u->md5, sizeof u->md5);
    case PART_SHA256:
        return take_digest(web, OTTER_DIGEST_SHA256, u->sha256,
                           sizeof u->sha256);
    case PART_SIZE:
        return take_size(u);
    default:
        return 0;
    }
}

static int add_to_field(struct otter_web_upload *u)
{
    uint32_t len = u->multipart.data_len;

    if (u->part == PART_OTHER) {
        return 0;
    }
    if (len > sizeof u->field - 1 - u->field_len) {
        return OTTER_ERR_SYNTAX;
    }
    memcpy(u->field + u->field_len, u->multipart.data, len);
    u->field_len = (uint8_t)(u->field_len + len);
    return 0;
}

/* --- Parts -------------------------------------------------------------- */

static enum part part_of(const struct otter_multipart *m)
{
    if (m->is_file) {
        return PART_FILE;
    }
    if (otter_http_same(m->name, "md5")) {
        return PART_MD5;
    }
    if (otter_http_same(m->name, "sha256")) {
        return PART_SHA256;
    }
    return otter_http_same(m->name, "size") ? PART_SIZE : PART_OTHER;
}

/* Bytes of a file have come. */
static int add_to_file(struct otter_web_upload *u, const uint8_t *data,
                       uint32_t len)
{
    if (u->whole) {
        return OTTER_ERR_SYNTAX; /* a second file */
    }
    if (u->size_known && len > u->size - u->done) {
        return OTTER_ERR_SIZE;
    }
    u->data = data;
    u->data_len = len;
    return 0;
}

static int take_event(struct otter_web *web, enum otter_multipart_event event)
{
    struct otter_web_upload *u = &web->upload;

    switch (event) {
    case OTTER_MULTIPART_PART:
        u->part = (uint8_t)part_of(&u->multipart);
        u->field_len = 0;
        if (u->part == PART_FILE && !u->whole) {
            u->kind = otter_http_same(u->multipart.name, "filesystem")
                          ? OTTER_UPDATE_FILE_SYSTEM
                          : OTTER_UPDATE_SKETCH;
        }
        return 0;
    case OTTER_MULTIPART_DATA:
        return u->part == PART_FILE
                   ? add_to_file(u, u->multipart.data, u->multipart.data_len)
                   : add_to_field(u);
    case OTTER_MULTIPART_PART_END:
        if (u->part != PART_FILE) {
            return take_field(web);
        }
        u->whole |= u->begun;
        return 0;
    default:
        return 0;
    }
}

/* --- From the connection to the stream ---------------------------------- */

/* The stream begins with the first byte of the file. */
static int begin(struct otter_web *web, enum flow *flow)
{
    struct otter_web_upload *u = &web->upload;
    const struct otter_stream_info info = {
        .kind = u->kind,
        .size = u->size_known ? u->size : OTTER_SIZE_UNKNOWN,
        .most = u->total,
    };
    int error = otter_stream_begin(web->stream, &info);

    if (error == OTTER_ERR_PENDING) {
        *flow = FLOW_LATER;
        return 0;
    }
    if (error != 0) {
        return error;
    }
    u->begun = true;
    *flow = FLOW_BEGIN;
    error = expect(web, OTTER_DIGEST_MD5);
    return error != 0 ? error : expect(web, OTTER_DIGEST_SHA256);
}

/* Offers bytes of the file to the stream. */
static int hand_on(struct otter_web_conn *c, enum flow *flow)
{
    struct otter_web_upload *u = &c->web->upload;
    int n;

    if (!u->begun) {
        return begin(c->web, flow);
    }
    n = otter_stream_write(c->web->stream, u->data, u->data_len);
    c->moved_ms = otter_clock_ms(); /* the client need not wait for us */
    if (n == 0 || n == OTTER_ERR_PENDING) {
        *flow = FLOW_LATER;
        return 0;
    }
    if (n < 0) {
        return n;
    }
    u->data += n;
    u->data_len -= (uint32_t)n;
    u->done += (uint32_t)n;
    return 0;
}

/* Looks at a piece of the request's body. */
static int look(struct otter_web *web)
{
    struct otter_web_upload *u = &web->upload;
    enum otter_multipart_event event;
    int n;

    if (!u->form) {
        const uint8_t *data = u->body;
        uint32_t len = u->body_len;

        u->body_len = 0;
        return add_to_file(u, data, len);
    }
    n = otter_multipart_feed(&u->multipart, u->body, u->body_len, &event);
    if (n < 0) {
        return n;
    }
    u->body += n;
    u->body_len -= (uint32_t)n;
    u->events_left = event != OTTER_MULTIPART_NONE;
    return take_event(web, event);
}

/* Takes the framing of HTTP off what was received. */
static int unframe(struct otter_web_conn *c)
{
    struct otter_web_upload *u = &c->web->upload;
    int n =
        otter_http_body(&c->http, u->buf + u->off, (uint32_t)(u->len - u->off),
                        &u->body, &u->body_len);

    if (n < 0) {
        return n;
    }
    u->off = (uint16_t)(u->off + n);
    return 0;
}

static int fill(struct otter_web_conn *c, enum flow *flow)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct otter_web_upload *u = &c->web->upload;
    int n;

    if (c->http.expect_continue) {
        c->http.expect_continue = false;
        n = otter_conn_write(c->conn, go_on, sizeof go_on - 1);
        if (n != (int)sizeof go_on - 1) {
            return OTTER_ERR_CLOSED;
        }
    }
    n = otter_conn_read(c->conn, u->buf, sizeof u->buf);
    if (n == 0 || n == OTTER_ERR_AGAIN) {
        *flow = FLOW_LATER;
        return 0;
    }
    if (n < 0) {
        return OTTER_ERR_SHORT;
    }
    u->off = 0;
    u->len = (uint16_t)n;
    c->moved_ms = otter_clock_ms();
    return 0;
}

static int move(struct otter_web_conn *c, enum flow *flow)
{
    struct otter_web_upload *u = &c->web->upload;

    if (u->data_len > 0 || (!u->form && !u->begun)) {
        return hand_on(c, flow);
    }
    if (u->body_len > 0 || u->events_left) {
        return look(c->web);
    }
    if (otter_http_done(&c->http)) {
        *flow = FLOW_DONE;
        return 0;
    }
    return u->off < u->len ? unframe(c) : fill(c, flow);
}

/* --- Steps -------------------------------------------------------------- */

/* The stream has begun; may it?  True when it goes on. */
static void ask(struct otter_web_conn *c)
{
    struct otter_web *web = c->web;
    struct otter_web_upload *u = &web->upload;
    const struct otter_events *events = web->config->events;
    const void *token = web->token;
    int answer = 0;

    if (events != NULL && events->on_start != NULL) {
        answer =
            events->on_start(events->user, u->kind,
                             u->size_known ? u->size : OTTER_SIZE_UNKNOWN);
    }
    if (web->token != token) {
        return;
    }
    if (answer != 0) {
        fail(c, OTTER_ERR_DECLINED);
        return;
    }
    u->agreed = true;
    memset(&web->last, 0, sizeof web->last);
    otter_net_power_save(false);
    tell_progress(web, 0, u->total);
}

/* The request is complete: is the file? */
static void finish(struct otter_web_conn *c)
{
    struct otter_web *web = c->web;
    struct otter_web_upload *u = &web->upload;

    if (u->form && !otter_multipart_done(&u->multipart)) {
        fail(c, OTTER_ERR_SHORT);
    } else if (!u->begun) {
        fail(c, OTTER_ERR_NO_DATA);
    } else if (u->size_known && u->done != u->size) {
        fail(c, OTTER_ERR_SHORT);
    } else {
        otter__web_enter(c, OTTER__WEB_END);
        tell_progress(web, u->done, u->done);
    }
}

static bool stalls(struct otter_web_conn *c)
{
    struct otter_web_upload *u = &c->web->upload;

    if (otter_clock_since(c->moved_ms) >= OTTER_WEB_SILENCE_MS) {
        return true;
    }
    if (otter_clock_since(u->slow_ms) < OTTER_WEB_SLOW_MS) {
        return false;
    }
    if (u->done - u->slow_done < OTTER_WEB_SLOW_BYTES) {
        return true;
    }
    u->slow_ms = otter_clock_ms();
    u->slow_done = u->done;
    return false;
}

/* An error of the stream's work shows here, in write and in end. */
static int poll_stream(struct otter_web *web)
{
    int error = web->upload.begun ? otter_stream_poll(web->stream) : 0;

    return error == OTTER_ERR_PENDING ? 0 : error;
}

void otter__web_upload_receive(struct otter_web_conn *c)
{
    struct otter_web_upload *u = &c->web->upload;
    uint32_t before = u->done;
    enum flow flow = FLOW_MORE;
    uint32_t moves = 0;
    int error;

    if (u->begun && !u->agreed) {
        return; /* the application polls from inside on_start */
    }
    error = poll_stream(c->web);
    while (error == 0 && flow == FLOW_MORE && u->done - before < PASS_MAX &&
           moves++ < MOVES_MAX) {
        error = move(c, &flow);
    }
    if (error != 0) {
        fail(c, error == OTTER_ERR_TOO_LONG ? OTTER_ERR_SYNTAX : error);
    } else if (flow == FLOW_BEGIN) {
        ask(c);
    } else if (flow == FLOW_DONE) {
        finish(c);
    } else if (stalls(c)) {
        fail(c, OTTER_ERR_TIMEOUT);
    } else if (u->done != before) {
        tell_progress(c->web, u->done, u->total);
    }
}

void otter__web_upload_end(struct otter_web_conn *c)
{
    struct otter_web *web = c->web;
    int error;

    (void)poll_stream(web);
    error = otter_stream_end(web->stream);
    if (error == OTTER_ERR_PENDING) {
        return;
    }
    web->upload.begun = false;
    if (error != 0) {
        fail(c, error);
        return;
    }
    leave(web, 0);
    web->updated = true;
    c->restart = true;
    c->close = true;
    otter__web_answer(c, 200, "text/html",
                      "<META http-equiv=\"refresh\" content=\"15;URL=/\">"
                      "Update Success! Rebooting...");
}

/* --- The start ---------------------------------------------------------- */

/* The head is good for an upload: sets up what it says.  Otherwise answers
 * and returns false. */
static bool set_up(struct otter_web_conn *c)
{
    struct otter_web_upload *u = &c->web->upload;
    int error;

    memset(u, 0, sizeof *u);
    u->kind = c->query_fs ? OTTER_UPDATE_FILE_SYSTEM : OTTER_UPDATE_SKETCH;
    u->digests = c->digests;
    memcpy(u->md5, c->head.md5, sizeof u->md5);
    memcpy(u->sha256, c->head.sha256, sizeof u->sha256);
    u->total = c->http.has_length ? c->http.length : 0;
    error = otter_multipart_init(&u->multipart, c->head.type, u->line,
                                 sizeof u->line);
    u->form = error == 0;
    if (error == OTTER_ERR_INVALID && !c->encoded &&
        otter_http_same(c->head.type, "application/octet-stream")) {
        u->size_known = c->http.has_length;
        u->size = c->http.length;
    } else if (error != 0 || c->encoded) {
        otter__web_answer(c, 415, "text/plain",
                          "send multipart/form-data with a boundary, or "
                          "application/octet-stream\n");
        return false;
    }
    return true;
}

void otter__web_upload_start(struct otter_web_conn *c, const uint8_t *data,
                             uint32_t len)
{
    struct otter_web *web = c->web;
    struct otter_web_upload *u = &web->upload;
    struct otter_error_detail detail = {0};

    c->close = true;
    if (u->conn != NULL || web->updated || web->restarts) {
        detail.error = OTTER_ERR_BUSY;
        otter__web_answer_error(c, 409, &detail);
    } else if (c->http.framing == OTTER_HTTP_NO_BODY) {
        otter__web_answer(c, 411, "text/plain",
                          "the length of the request is missing\n");
    } else if (c->no_digest) {
        detail.error = OTTER_ERR_SYNTAX;
        otter__web_answer_error(c, 400, &detail);
    } else if (c->http.has_length && c->http.length == 0) {
        detail.error = OTTER_ERR_NO_DATA;
        otter__web_answer_error(c, 400, &detail);
    } else if (set_up(c)) {
        u->conn = c;
        memcpy(u->buf, data, len);
        u->len = (uint16_t)len;
        u->slow_ms = otter_clock_ms();
        c->http.expect_continue &= len == 0 && c->http.minor > 0;
        otter__web_enter(c, OTTER__WEB_RECEIVE);
    }
}
