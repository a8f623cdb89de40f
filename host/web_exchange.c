/* SPDX-License-Identifier: Apache-2.0
 *
 * One request, one answer. */
#include "host/web_exchange.h"

#include "host/address.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* As for push (push_transfer.c). */
#define SEND_BUFFER_SIZE (64 * 1024)
#define STEP_SIZE        (64 * 1024)

/* --- The answer ---------------------------------------------------------- */

static int on_status(void *user, const char *first, const char *second,
                     int minor)
{
    struct otter_web_exchange *x = user;

    (void)first;
    (void)second;
    (void)minor;
    otter_web_login_reset(&x->login);
    return 0;
}

static int on_header(void *user, const char *name, const char *value)
{
    struct otter_web_exchange *x = user;

    if (otter_http_same(name, "WWW-Authenticate")) {
        otter_web_login_challenge(&x->login, value);
    }
    return 0;
}

static int on_long_header(void *user, const char *name)
{
    (void)user;
    (void)name;
    return 0;
}

static const struct otter_http_events events = {on_status, on_header,
                                                on_long_header};

static void expect_answer(struct otter_web_exchange *x)
{
    x->config = (struct otter_http_config){
        .side = OTTER_HTTP_RESPONSE,
        .line = x->line,
        .line_size = sizeof x->line,
        .events = &events,
        .user = x,
    };
    otter_http_init(&x->http, &x->config);
}

static void close_fd(struct otter_web_exchange *x)
{
    if (x->fd >= 0) {
        close(x->fd);
        x->fd = -1;
    }
}

static void finish(struct otter_web_exchange *x)
{
    x->status = x->http.status;
    x->body[x->body_len] = '\0';
    x->state = OTTER_WEB_EXCHANGE_ANSWERED;
    close_fd(x);
}

static void fail(struct otter_web_exchange *x, int os_error)
{
    x->os_error = os_error;
    x->state = OTTER_WEB_EXCHANGE_FAILED;
    close_fd(x);
}

/* The connection is over: an answer that has no other end is complete, and
 * one whose head is here says enough. */
static void ended(struct otter_web_exchange *x, int os_error)
{
    if (otter_http_head_done(&x->http) && x->http.status >= 200) {
        finish(x);
    } else {
        fail(x, os_error);
    }
}

static void keep(struct otter_web_exchange *x, const uint8_t *data,
                 uint32_t len)
{
    uint32_t room = (uint32_t)sizeof x->body - 1 - x->body_len;

    len = len < room ? len : room;
    if (len > 0) {
        memcpy(x->body + x->body_len, data, len);
        x->body_len += len;
    }
}

/* Returns how many bytes were taken, negative: it is no HTTP. */
static int take(struct otter_web_exchange *x, const uint8_t *data,
                uint32_t len)
{
    const uint8_t *body;
    uint32_t body_len;
    int taken;

    if (otter_http_head_done(&x->http)) {
        taken = otter_http_body(&x->http, data, len, &body, &body_len);
        if (taken >= 0) {
            keep(x, body, body_len);
        }
    } else {
        taken = otter_http_head(&x->http, data, len);
    }
    if (taken >= 0 && otter_http_done(&x->http)) {
        if (x->http.status < 200) {
            expect_answer(x); /* 100 Continue */
        } else {
            finish(x);
        }
    }
    return taken;
}

static void receive(struct otter_web_exchange *x)
{
    uint8_t data[4096];

    while (x->fd >= 0) {
        ssize_t len = recv(x->fd, data, sizeof data, 0);
        uint32_t at = 0;

        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return;
        }
        if (len <= 0) {
            ended(x, len == 0 ? 0 : errno);
            return;
        }
        x->moved = true;
        while (x->fd >= 0 && at < (uint32_t)len) {
            int taken = take(x, data + at, (uint32_t)len - at);

            if (taken < 0) {
                fail(x, EPROTO);
                return;
            }
            at += (uint32_t)taken;
        }
    }
}

/* --- The request --------------------------------------------------------- */

/* Where the next byte to be sent lies; false: all are sent. */
static bool next_bytes(const struct otter_web_exchange *x,
                       struct otter_web_piece *next)
{
    uint64_t at = x->sent;

    for (size_t i = 0; i < OTTER_WEB_PIECES; i++) {
        const struct otter_web_piece *piece = &x->pieces[i];

        if (at < piece->len) {
            next->data = (const uint8_t *)piece->data + at;
            next->len = piece->len - (uint32_t)at;
            return true;
        }
        at -= piece->len;
    }
    return false;
}

/* An answer has begun: the rest of the request is of no use. */
static bool may_send(const struct otter_web_exchange *x)
{
    return x->state == OTTER_WEB_EXCHANGE_SENDING &&
           !(otter_http_head_done(&x->http) && x->http.status >= 200);
}

/* False: the socket takes no more, or all is said. */
static bool send_some(struct otter_web_exchange *x)
{
    struct otter_web_piece next;
    ssize_t len;

    if (!next_bytes(x, &next)) {
        x->state = OTTER_WEB_EXCHANGE_RECEIVING;
        return false;
    }
    len = send(x->fd, next.data, next.len < STEP_SIZE ? next.len : STEP_SIZE,
               MSG_NOSIGNAL);
    if (len < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            int error = errno;

            receive(x); /* the reason may be there */
            if (x->fd >= 0) {
                ended(x, error);
            }
        }
        return false;
    }
    x->sent += (uint64_t)len;
    x->moved = true;
    return true;
}

static void check_connected(struct otter_web_exchange *x)
{
    struct pollfd fd = {.fd = x->fd, .events = POLLOUT};
    socklen_t len = sizeof(int);
    int error = 0;

    if (poll(&fd, 1, 0) <= 0) {
        return;
    }
    getsockopt(x->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error) {
        fail(x, error);
    } else {
        x->moved = true;
        x->state = OTTER_WEB_EXCHANGE_SENDING;
    }
}

/* --- Public functions ---------------------------------------------------- */

void otter_web_exchange_begin(
    struct otter_web_exchange *x, const struct sockaddr_storage *to,
    const struct sockaddr_storage *local,
    const struct otter_web_piece pieces[OTTER_WEB_PIECES])
{
    int on = 1;
    int size = SEND_BUFFER_SIZE;

    *x = (struct otter_web_exchange){.state = OTTER_WEB_EXCHANGE_CONNECTING};
    memcpy(x->pieces, pieces, sizeof x->pieces);
    for (size_t i = 0; i < OTTER_WEB_PIECES; i++) {
        x->size += pieces[i].len;
    }
    expect_answer(x);
    x->fd =
        socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (x->fd < 0 ||
        (local->ss_family && bind(x->fd, (const struct sockaddr *)local,
                                  otter_address_len(local)))) {
        fail(x, errno);
        return;
    }
    setsockopt(x->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(x->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (connect(x->fd, (const struct sockaddr *)to, otter_address_len(to)) &&
        errno != EINPROGRESS) {
        fail(x, errno);
    }
}

size_t otter_web_exchange_poll(const struct otter_web_exchange *x,
                               struct pollfd fds[1])
{
    bool connecting = x->state == OTTER_WEB_EXCHANGE_CONNECTING;
    bool writes = connecting || may_send(x);

    if (x->state == OTTER_WEB_EXCHANGE_IDLE || x->fd < 0) {
        return 0;
    }
    fds[0] = (struct pollfd){
        .fd = x->fd,
        .events = (short)((connecting ? 0 : POLLIN) | (writes ? POLLOUT : 0)),
    };
    return 1;
}

void otter_web_exchange_step(struct otter_web_exchange *x)
{
    uint64_t start = x->sent;

    x->moved = false;
    if (x->state == OTTER_WEB_EXCHANGE_CONNECTING) {
        check_connected(x);
    }
    if (x->state == OTTER_WEB_EXCHANGE_SENDING ||
        x->state == OTTER_WEB_EXCHANGE_RECEIVING) {
        receive(x);
    }
    while (x->fd >= 0 && may_send(x) && x->sent - start < STEP_SIZE &&
           send_some(x)) {
    }
}

uint64_t otter_web_exchange_arrived(const struct otter_web_exchange *x)
{
    int bytes = 0;

    if (x->fd < 0 || ioctl(x->fd, SIOCOUTQ, &bytes) || bytes < 0) {
        return x->sent;
    }
    return (uint64_t)bytes < x->sent ? x->sent - (uint64_t)bytes : 0;
}

void otter_web_exchange_end(struct otter_web_exchange *x)
{
    if (x->state != OTTER_WEB_EXCHANGE_IDLE) {
        close_fd(x);
        x->state = OTTER_WEB_EXCHANGE_IDLE;
    }
}
