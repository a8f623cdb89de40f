/* SPDX-License-Identifier: Apache-2.0
 *
 * The fake network's connections and listeners.  A connection is two objects:
 * the half that the code under test holds, freed when it closes, and the half
 * that the test plays, which lives until fake_net_reset. */
#include "tests/support/fake_net.h"
#include "tests/support/fake_net_internal.h"

#include "format/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum peer_state { CONNECTING, REFUSED, OPEN, FINISHED, RESET };

struct fake_peer {
    struct fake_peer *next;
    struct otter_addr addr;
    struct otter_conn *conn; /* NULL once the code under test closed it */
    enum peer_state state;
    enum fake_end end;
    bool taken;    /* by fake_net_dialled or otter_listener_accept */
    uint16_t port; /* of the listener it dialled, or 0 */
    uint32_t window;
    bool hold_acks;
    uint32_t held; /* bytes that the code wrote, not acknowledged */
    struct fake_bytes to_code; /* sent by the peer */
    struct fake_bytes to_peer; /* written by the code under test */
};

struct fake_conn {
    struct otter_conn conn;
    struct fake_peer *peer;
};

struct otter_listener {
    struct otter_listener *next;
    uint16_t port;
};

static struct fake_peer *peers;
static struct otter_listener *listeners;

static struct fake_peer *peer_of(struct otter_conn *conn)
{
    return ((struct fake_conn *)conn)->peer;
}

static uint32_t waiting(const struct fake_bytes *bytes)
{
    return bytes->end - bytes->start;
}

/* --- What the code under test calls ------------------------------------- */

static int conn_state(struct otter_conn *conn)
{
    struct fake_peer *peer = peer_of(conn);

    switch (peer->state) {
    case CONNECTING:
        return OTTER_ERR_PENDING;
    case REFUSED:
        return OTTER_ERR_CONNECT;
    case OPEN:
        return 0;
    case FINISHED:
        return waiting(&peer->to_code) > 0 ? 0 : OTTER_ERR_CLOSED;
    default:
        return OTTER_ERR_CLOSED;
    }
}

static int conn_read(struct otter_conn *conn, void *buf, uint32_t len)
{
    struct fake_peer *peer = peer_of(conn);

    if ((peer->state == OPEN || peer->state == FINISHED) &&
        waiting(&peer->to_code) > 0 && len > 0) {
        return (int)fake__bytes_take(&peer->to_code, buf, len);
    }
    return peer->state == OPEN || peer->state == CONNECTING ? OTTER_ERR_AGAIN
                                                            : OTTER_ERR_CLOSED;
}

static int conn_write(struct otter_conn *conn, const void *buf, uint32_t len)
{
    struct fake_peer *peer = peer_of(conn);
    uint32_t room;

    if (peer->state != OPEN && peer->state != FINISHED) {
        return peer->state == CONNECTING ? 0 : OTTER_ERR_CLOSED;
    }
    room = waiting(&peer->to_peer) < peer->window
               ? peer->window - waiting(&peer->to_peer)
               : 0;
    if (len > room) {
        len = room;
    }
    fake__bytes_add(&peer->to_peer, buf, len);
    peer->held += len;
    return (int)len;
}

static uint32_t conn_unsent(struct otter_conn *conn)
{
    struct fake_peer *peer = peer_of(conn);

    return peer->hold_acks && peer->state != RESET ? peer->held : 0;
}

static void finish(struct otter_conn *conn, enum fake_end end)
{
    struct fake_peer *peer = peer_of(conn);

    peer->end = end;
    peer->conn = NULL;
    free(conn);
}

static void conn_close(struct otter_conn *conn)
{
    finish(conn, FAKE_END_CLOSE);
}

static void conn_abort(struct otter_conn *conn)
{
    finish(conn, FAKE_END_ABORT);
}

static const struct otter_conn_ops conn_ops = {
    .state = conn_state,
    .read = conn_read,
    .write = conn_write,
    .unsent = conn_unsent,
    .close = conn_close,
    .abort = conn_abort,
};

static struct otter_conn *make_conn(struct fake_peer *peer)
{
    struct fake_conn *conn = fake__alloc(sizeof *conn);

    conn->conn.ops = &conn_ops;
    conn->peer = peer;
    peer->conn = &conn->conn;
    return &conn->conn;
}

static struct fake_peer *make_peer(const struct otter_addr *addr)
{
    struct fake_peer *peer = fake__alloc(sizeof *peer);
    struct fake_peer **link = &peers;

    peer->addr = *addr;
    peer->window = UINT32_MAX;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = peer;
    return peer;
}

int otter_conn_open(struct otter_conn **out, const struct otter_addr *to)
{
    if (fake__failure(FAKE_CONN_OPEN) != 0) {
        return fake__failure(FAKE_CONN_OPEN);
    }
    *out = make_conn(make_peer(to));
    return 0;
}

static struct otter_listener *find_listener(uint16_t port)
{
    struct otter_listener *listener = listeners;

    while (listener != NULL && listener->port != port) {
        listener = listener->next;
    }
    return listener;
}

int otter_listener_open(struct otter_listener **out, uint16_t port)
{
    static uint16_t next_port = 40000;
    struct otter_listener *listener;

    if (fake__failure(FAKE_LISTENER_OPEN) != 0) {
        return fake__failure(FAKE_LISTENER_OPEN);
    }
    if (port != 0 && find_listener(port) != NULL) {
        return OTTER_ERR_ADDRESS_IN_USE;
    }
    listener = fake__alloc(sizeof *listener);
    listener->port = port != 0 ? port : next_port++;
    listener->next = listeners;
    listeners = listener;
    *out = listener;
    return 0;
}

uint16_t otter_listener_port(const struct otter_listener *listener)
{
    return listener->port;
}

int otter_listener_accept(struct otter_listener *listener,
                          struct otter_conn **out, struct otter_addr *addr)
{
    if (fake__failure(FAKE_CONN_OPEN) != 0) {
        return fake__failure(FAKE_CONN_OPEN);
    }
    for (struct fake_peer *peer = peers; peer != NULL; peer = peer->next) {
        if (!peer->taken && peer->port == listener->port) {
            peer->taken = true;
            *addr = peer->addr;
            *out = make_conn(peer);
            return 0;
        }
    }
    return OTTER_ERR_AGAIN;
}

void otter_listener_close(struct otter_listener *listener)
{
    struct otter_listener **link = &listeners;

    while (*link != listener) {
        link = &(*link)->next;
    }
    *link = listener->next;
    free(listener);
}

/* --- What the test calls ------------------------------------------------ */

void fake__conn_reset(void)
{
    while (listeners != NULL) {
        otter_listener_close(listeners);
    }
    while (peers != NULL) {
        struct fake_peer *peer = peers;

        peers = peer->next;
        free(peer->conn);
        fake__bytes_free(&peer->to_code);
        fake__bytes_free(&peer->to_peer);
        free(peer);
    }
}

uint32_t fake__conn_open(void)
{
    uint32_t count = 0;

    for (struct fake_peer *peer = peers; peer != NULL; peer = peer->next) {
        count += peer->conn != NULL ? 1 : 0;
    }
    for (struct otter_listener *l = listeners; l != NULL; l = l->next) {
        count++;
    }
    return count;
}

struct fake_peer *fake_net_dialled(void)
{
    for (struct fake_peer *peer = peers; peer != NULL; peer = peer->next) {
        if (!peer->taken && peer->port == 0) {
            peer->taken = true;
            return peer;
        }
    }
    return NULL;
}

void fake_peer_accept(struct fake_peer *peer)
{
    peer->state = OPEN;
}

void fake_peer_refuse(struct fake_peer *peer)
{
    peer->state = REFUSED;
}

struct fake_peer *fake_net_dial(const struct otter_addr *from, uint16_t port)
{
    struct fake_peer *peer;

    if (find_listener(port) == NULL) {
        return NULL;
    }
    peer = make_peer(from);
    peer->port = port;
    peer->state = OPEN;
    return peer;
}

struct otter_addr fake_peer_addr(const struct fake_peer *peer)
{
    return peer->addr;
}

void fake_peer_send(struct fake_peer *peer, const void *data, uint32_t len)
{
    fake__bytes_add(&peer->to_code, data, len);
}

uint32_t fake_peer_unread(const struct fake_peer *peer)
{
    return waiting(&peer->to_code);
}

uint32_t fake_peer_recv(struct fake_peer *peer, void *buf, uint32_t size)
{
    return fake__bytes_take(&peer->to_peer, buf, size);
}

void fake_peer_text(struct fake_peer *peer, char *buf, uint32_t size)
{
    if (waiting(&peer->to_peer) >= size) {
        fprintf(stderr, "fake_conn: %u bytes do not fit\n",
                (unsigned)waiting(&peer->to_peer));
        abort();
    }
    buf[fake__bytes_take(&peer->to_peer, buf, size - 1)] = '\0';
}

void fake_peer_set_window(struct fake_peer *peer, uint32_t size)
{
    peer->window = size;
}

void fake_peer_hold_acks(struct fake_peer *peer, bool hold)
{
    peer->hold_acks = hold;
    peer->held = 0;
}

void fake_peer_close(struct fake_peer *peer)
{
    peer->state = FINISHED;
}

void fake_peer_reset(struct fake_peer *peer)
{
    peer->state = RESET;
    fake__bytes_free(&peer->to_code);
}

enum fake_end fake_peer_end(const struct fake_peer *peer)
{
    return peer->end;
}
