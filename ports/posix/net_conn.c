/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections and listeners over TCP.  A connection that the program closes
 * stays with the port until the peer has closed too: closing a socket with
 * unread bytes would reset it and could destroy the last answer on its way.
 *
 * Segments and the receive window have the sizes of a chip's TCP, so that a
 * host sees the pace of the device and not that of this computer. */
#include "hal/net.h"

#include "format/error.h"
#include "hal/clock.h"
#include "ports/posix/machine.h"
#include "ports/posix/net_internal.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEGMENT      1460       /* bytes */
#define WINDOW       (8 * 1460) /* bytes that the socket may buffer */
#define BACKLOG      4
#define CLOSING_MS   10000u
#define DRAIN_ROUNDS 16

enum conn_state { CONN_FREE, CONN_CONNECTING, CONN_OPEN, CONN_FAILED };

struct conn {
    struct otter_conn head;
    enum conn_state state;
    bool gone; /* reset or failed: nothing can be sent any more */
    int fd;
};

struct otter_listener {
    bool used;
    int fd;
    uint16_t port;
};

struct closing {
    int fd; /* 0: free */
    uint32_t since_ms;
};

static struct conn conns[OTTER_NET_CONNS];
static struct otter_listener listeners[OTTER_NET_LISTENERS];
static struct closing closing[OTTER_NET_CLOSING];

/* --- Connections -------------------------------------------------------- */

static struct conn *self(struct otter_conn *conn)
{
    return (struct conn *)(void *)conn;
}

static void finish_connect(struct conn *c)
{
    struct pollfd ready = {.fd = c->fd, .events = POLLOUT};
    int reason = 0;
    socklen_t len = sizeof reason;

    if (poll(&ready, 1, 0) <= 0) {
        return;
    }
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &reason, &len) != 0 ||
        reason != 0) {
        c->state = CONN_FAILED;
        c->gone = true;
    } else {
        c->state = CONN_OPEN;
    }
    otter__net_active();
}

static int conn_state(struct otter_conn *conn)
{
    struct conn *c = self(conn);
    char byte;
    ssize_t n;

    if (c->state == CONN_CONNECTING) {
        finish_connect(c);
    }
    if (c->state != CONN_OPEN) {
        return c->state == CONN_FAILED ? OTTER_ERR_CONNECT : OTTER_ERR_PENDING;
    }
    if (c->gone) {
        return OTTER_ERR_CLOSED;
    }
    n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR))) {
        return 0;
    }
    c->gone = n < 0;
    return OTTER_ERR_CLOSED;
}

static int conn_read(struct otter_conn *conn, void *buf, uint32_t len)
{
    struct conn *c = self(conn);
    ssize_t n;

    if (c->state == CONN_CONNECTING) {
        finish_connect(c);
    }
    if (c->state == CONN_CONNECTING) {
        return OTTER_ERR_AGAIN;
    }
    if (c->gone) {
        return OTTER_ERR_CLOSED;
    }
    n = recv(c->fd, buf, len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return OTTER_ERR_AGAIN;
    }
    otter__net_active();
    if (n <= 0) {
        c->gone = n < 0;
        return OTTER_ERR_CLOSED;
    }
    return (int)n;
}

static int conn_write(struct otter_conn *conn, const void *buf, uint32_t len)
{
    struct conn *c = self(conn);
    ssize_t n;

    if (c->state == CONN_CONNECTING) {
        finish_connect(c);
    }
    if (c->state == CONN_CONNECTING) {
        return 0;
    }
    if (c->gone) {
        return OTTER_ERR_CLOSED;
    }
    n = send(c->fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    otter__net_active();
    c->gone = n < 0;
    return n < 0 ? OTTER_ERR_CLOSED : (int)n;
}

static uint32_t conn_unsent(struct otter_conn *conn)
{
    struct conn *c = self(conn);
    int queued = 0;

    if (c->gone || ioctl(c->fd, SIOCOUTQ, &queued) != 0 || queued < 0) {
        return 0;
    }
    return (uint32_t)queued;
}

static void conn_abort(struct otter_conn *conn)
{
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    struct conn *c = self(conn);

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(c->fd);
    c->state = CONN_FREE;
}

/* The oldest gives way when all places are taken. */
static struct closing *closing_place(void)
{
    struct closing *oldest = closing;

    for (struct closing *p = closing; p < closing + OTTER_NET_CLOSING; p++) {
        if (p->fd == 0) {
            return p;
        }
        if (otter_clock_since(p->since_ms) >
            otter_clock_since(oldest->since_ms)) {
            oldest = p;
        }
    }
    close(oldest->fd);
    oldest->fd = 0;
    return oldest;
}

static void conn_close(struct otter_conn *conn)
{
    struct conn *c = self(conn);

    if (c->state != CONN_OPEN || c->gone || shutdown(c->fd, SHUT_WR) != 0) {
        close(c->fd);
    } else {
        struct closing *place = closing_place();

        place->fd = c->fd;
        place->since_ms = otter_clock_ms();
    }
    c->state = CONN_FREE;
}

static const struct otter_conn_ops ops = {
    conn_state, conn_read, conn_write, conn_unsent, conn_close, conn_abort,
};

static struct conn *free_conn(void)
{
    for (struct conn *c = conns; c < conns + OTTER_NET_CONNS; c++) {
        if (c->state == CONN_FREE) {
            return c;
        }
    }
    return NULL;
}

static void adopt(struct conn *c, int fd, enum conn_state state)
{
    const int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->head.ops = &ops;
    c->fd = fd;
    c->state = state;
    c->gone = false;
}

/* Must come before connect and listen. */
static void set_sizes(int fd)
{
    const int segment = SEGMENT;
    const int window = WINDOW;

    setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
}

int otter_conn_open(struct otter_conn **out, const struct otter_addr *to)
{
    struct conn *c = free_conn();
    struct sockaddr_in host;
    struct sockaddr_in own;
    int fd;

    *out = NULL;
    if (c == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    if (!otter__net_to_host(&host, to)) {
        return OTTER_ERR_NETWORK;
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return OTTER_ERR_NO_MEMORY;
    }
    set_sizes(fd);
    otter__net_own(&own, 0);
    if (bind(fd, (const struct sockaddr *)&own, sizeof own) != 0) {
        close(fd);
        return OTTER_ERR_NETWORK;
    }
    adopt(c, fd, CONN_CONNECTING);
    if (connect(fd, (const struct sockaddr *)&host, sizeof host) == 0) {
        c->state = CONN_OPEN;
    } else if (errno != EINPROGRESS) {
        c->state = CONN_FAILED;
        c->gone = true;
    }
    *out = &c->head;
    return 0;
}

/* --- Listeners ---------------------------------------------------------- */

int otter_listener_open(struct otter_listener **out, uint16_t port)
{
    struct otter_listener *l = listeners;
    const int on = 1;
    struct sockaddr_in own;
    int fd;

    *out = NULL;
    while (l < listeners + OTTER_NET_LISTENERS && l->used) {
        l++;
    }
    if (l == listeners + OTTER_NET_LISTENERS) {
        return OTTER_ERR_NO_MEMORY;
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return OTTER_ERR_NO_MEMORY;
    }
    otter__net_own(&own, port);
    set_sizes(fd);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&own, sizeof own) != 0 ||
        listen(fd, BACKLOG) != 0) {
        int error = otter__net_bind_error();

        close(fd);
        return error;
    }
    l->used = true;
    l->fd = fd;
    l->port = otter__net_bound_port(fd);
    *out = l;
    return 0;
}

uint16_t otter_listener_port(const struct otter_listener *listener)
{
    return listener->port;
}

int otter_listener_accept(struct otter_listener *listener,
                          struct otter_conn **out, struct otter_addr *peer)
{
    struct conn *c = free_conn();
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    int fd;

    *out = NULL;
    if (c == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    memset(&from, 0, sizeof from);
    fd = accept4(listener->fd, (struct sockaddr *)&from, &len,
                 SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM
                   ? OTTER_ERR_NO_MEMORY
                   : OTTER_ERR_AGAIN;
    }
    otter__net_active();
    otter__net_from_host(peer, &from);
    adopt(c, fd, CONN_OPEN);
    *out = &c->head;
    return 0;
}

void otter_listener_close(struct otter_listener *listener)
{
    close(listener->fd);
    listener->used = false;
}

/* --- Waiting ------------------------------------------------------------ */

void otter__net_conn_service(void)
{
    char dropped[2048];

    for (struct closing *p = closing; p < closing + OTTER_NET_CLOSING; p++) {
        ssize_t n = 1;

        for (int i = 0; p->fd != 0 && n > 0 && i < DRAIN_ROUNDS; i++) {
            n = recv(p->fd, dropped, sizeof dropped, MSG_DONTWAIT);
            if (n > 0) {
                otter__net_active();
            }
        }
        if (p->fd != 0 &&
            (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
             otter_clock_since(p->since_ms) > CLOSING_MS)) {
            close(p->fd);
            p->fd = 0;
        }
    }
}

int otter__net_conn_fds(struct pollfd *fds)
{
    int count = 0;

    for (int i = 0; i < OTTER_NET_CONNS; i++) {
        if (conns[i].state == CONN_CONNECTING) {
            fds[count++] = (struct pollfd){conns[i].fd, POLLOUT, 0};
        } else if (conns[i].state == CONN_OPEN) {
            fds[count++] = (struct pollfd){conns[i].fd, POLLIN, 0};
        }
    }
    for (int i = 0; i < OTTER_NET_LISTENERS; i++) {
        if (listeners[i].used) {
            fds[count++] = (struct pollfd){listeners[i].fd, POLLIN, 0};
        }
    }
    for (int i = 0; i < OTTER_NET_CLOSING; i++) {
        if (closing[i].fd != 0) {
            fds[count++] = (struct pollfd){closing[i].fd, POLLIN, 0};
        }
    }
    return count;
}
