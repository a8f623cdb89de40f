/* SPDX-License-Identifier: Apache-2.0
 *
 * hal/net.h, third part: connections and listeners.  What comes goes into a
 * ring as large as the window, and lwIP has its buffers back at once: unread
 * data never keep the frames out that others wait for.  A closed connection
 * gives its place back at once; lwIP alone then delivers the rest, and what
 * the peer still sends is read and dropped for a few seconds, because a reset
 * would make it lose our last words. */
#include "format/error.h"
#include "ports/lx106/net.h"

#include "lwip/tcp.h"

#include <string.h>

#define LINGER_TICKS 10u /* of half a second */
#define BACKLOG      2u  /* connections that wait for accept, per listener */
#define KEPT         1u  /* places that nobody gets who dials in */

enum conn_state {
    CONN_FREE,
    CONN_CONNECTING,
    CONN_OPEN,
    CONN_REFUSED, /* never came up; lwIP's block is gone */
    CONN_LOST     /* was reset; what was received can still be read */
};

struct otter_listener {
    struct tcp_pcb *pcb; /* NULL: free */
};

struct lx106_conn {
    struct otter_conn base; /* must be the first */
    enum conn_state state;
    bool ended;                      /* the peer has closed its side */
    struct otter_listener *listener; /* whose accept it waits for, or NULL */
    uint32_t number;                 /* order of arrival */
    struct tcp_pcb *pcb;
    uint32_t unsent;
    uint32_t first; /* of the received bytes in the ring */
    uint32_t held;  /* how many there are */
    uint8_t ring[TCP_WND];
};

static struct lx106_conn conns[OTTER_LX106_CONNECTIONS];
static struct otter_listener listeners[OTTER_LX106_LISTENERS];
static uint32_t arrivals;

static struct lx106_conn *of(struct otter_conn *conn)
{
    return (struct lx106_conn *)(void *)conn;
}

/* --- What lwIP reports --------------------------------------------------- */

static err_t data_came(void *user, struct tcp_pcb *pcb, struct pbuf *data,
                       err_t error)
{
    struct lx106_conn *conn = user;

    (void)error;
    if (data == NULL) {
        conn->ended = true;
        return ERR_OK;
    }
    if (data->tot_len > sizeof conn->ring - conn->held) {
        tcp_abort(pcb); /* beyond the window: the peer is broken */
        pbuf_free(data);
        return ERR_ABRT;
    }
    for (uint32_t off = 0; off < data->tot_len;) {
        uint32_t at = (conn->first + conn->held) % sizeof conn->ring;
        uint32_t n = sizeof conn->ring - at;

        n = n < data->tot_len - off ? n : data->tot_len - off;
        n = pbuf_copy_partial(data, conn->ring + at, (u16_t)n, (u16_t)off);
        conn->held += n;
        off += n;
    }
    pbuf_free(data);
    return ERR_OK;
}

static err_t data_acknowledged(void *user, struct tcp_pcb *pcb, u16_t len)
{
    struct lx106_conn *conn = user;

    (void)pcb;
    conn->unsent -= len;
    return ERR_OK;
}

static err_t connected(void *user, struct tcp_pcb *pcb, err_t error)
{
    struct lx106_conn *conn = user;

    (void)pcb;
    (void)error;
    conn->state = CONN_OPEN;
    return ERR_OK;
}

static void release(struct lx106_conn *conn)
{
    conn->state = CONN_FREE;
    conn->pcb = NULL;
    conn->listener = NULL;
}

/* lwIP has freed its block already. */
static void conn_failed(void *user, err_t error)
{
    struct lx106_conn *conn = user;

    (void)error;
    conn->pcb = NULL;
    conn->unsent = 0;
    conn->state = conn->state == CONN_CONNECTING ? CONN_REFUSED : CONN_LOST;
    if (conn->listener != NULL) {
        release(conn); /* nobody knows it yet */
    }
}

/* --- Closing ------------------------------------------------------------- */

static err_t lingering_data(void *ticks, struct tcp_pcb *pcb,
                            struct pbuf *data, err_t error)
{
    (void)ticks;
    (void)error;
    if (data != NULL) {
        tcp_recved(pcb, data->tot_len);
        pbuf_free(data);
    }
    return ERR_OK;
}

static err_t lingering_tick(void *ticks, struct tcp_pcb *pcb)
{
    uint32_t left = (uint32_t)ticks;

    if (left == 0) {
        tcp_abort(pcb);
        return ERR_ABRT;
    }
    tcp_arg(pcb, (void *)(left - 1));
    return ERR_OK;
}

static void linger(struct tcp_pcb *pcb)
{
    tcp_arg(pcb, (void *)LINGER_TICKS);
    tcp_recv(pcb, lingering_data);
    tcp_sent(pcb, NULL);
    tcp_err(pcb, NULL);
    tcp_poll(pcb, lingering_tick, 1);
    tcp_setprio(pcb, TCP_PRIO_MIN); /* it makes room for any other */
    if (tcp_shutdown(pcb, 0, 1) != ERR_OK) {
        tcp_abort(pcb);
    }
}

static void abort_pcb(struct tcp_pcb *pcb)
{
    tcp_arg(pcb, NULL);
    tcp_recv(pcb, NULL);
    tcp_sent(pcb, NULL);
    tcp_err(pcb, NULL);
    tcp_abort(pcb);
}

static void lx106_close(struct otter_conn *base)
{
    struct lx106_conn *conn = of(base);
    struct tcp_pcb *pcb = conn->pcb;

    if (pcb != NULL && conn->state == CONN_CONNECTING) {
        abort_pcb(pcb);
    } else if (pcb != NULL) {
        tcp_recved(pcb, (u16_t)conn->held);
        linger(pcb);
    }
    release(conn);
}

static void lx106_abort(struct otter_conn *base)
{
    struct lx106_conn *conn = of(base);

    if (conn->pcb != NULL) {
        abort_pcb(conn->pcb);
    }
    release(conn);
}

/* --- Using a connection -------------------------------------------------- */

static int lx106_state(struct otter_conn *base)
{
    const struct lx106_conn *conn = of(base);

    switch (conn->state) {
    case CONN_CONNECTING:
        return OTTER_ERR_PENDING;
    case CONN_REFUSED:
        return OTTER_ERR_CONNECT;
    default:
        break;
    }
    if (conn->held == 0 && (conn->ended || conn->state == CONN_LOST)) {
        return OTTER_ERR_CLOSED;
    }
    return 0;
}

static int lx106_read(struct otter_conn *base, void *buf, uint32_t len)
{
    struct lx106_conn *conn = of(base);
    uint32_t n = sizeof conn->ring - conn->first;

    if (conn->held == 0) {
        int state = lx106_state(base);

        return state == 0 || state == OTTER_ERR_PENDING ? OTTER_ERR_AGAIN
                                                        : OTTER_ERR_CLOSED;
    }
    n = n < conn->held ? n : conn->held;
    n = n < len ? n : len;
    memcpy(buf, conn->ring + conn->first, n);
    conn->first = (conn->first + n) % sizeof conn->ring;
    conn->held -= n;
    if (conn->pcb != NULL) {
        tcp_recved(conn->pcb, (u16_t)n);
    }
    return (int)n;
}

static int lx106_write(struct otter_conn *base, const void *buf, uint32_t len)
{
    struct lx106_conn *conn = of(base);
    uint32_t n = len < TCP_MSS ? len : TCP_MSS;

    if (conn->state == CONN_CONNECTING) {
        return 0;
    }
    if (conn->pcb == NULL) {
        return OTTER_ERR_CLOSED;
    }
    n = n < tcp_sndbuf(conn->pcb) ? n : tcp_sndbuf(conn->pcb);
    if (n == 0 ||
        tcp_write(conn->pcb, buf, (u16_t)n, TCP_WRITE_FLAG_COPY) != ERR_OK) {
        return 0;
    }
    conn->unsent += n;
    (void)tcp_output(conn->pcb);
    return (int)n;
}

static uint32_t lx106_unsent(struct otter_conn *base)
{
    return of(base)->unsent;
}

static const struct otter_conn_ops ops = {lx106_state, lx106_read,
                                          lx106_write, lx106_unsent,
                                          lx106_close, lx106_abort};

/* --- Making one ---------------------------------------------------------- */

static struct lx106_conn *take_conn(struct tcp_pcb *pcb, enum conn_state state)
{
    for (uint32_t i = 0; i < OTTER_LX106_CONNECTIONS; i++) {
        struct lx106_conn *conn = &conns[i];

        if (conn->state == CONN_FREE) {
            conn->base.ops = &ops;
            conn->state = state;
            conn->pcb = pcb;
            conn->listener = NULL;
            conn->ended = false;
            conn->unsent = conn->first = conn->held = 0;
            conn->number = ++arrivals;
            tcp_arg(pcb, conn);
            tcp_recv(pcb, data_came);
            tcp_sent(pcb, data_acknowledged);
            tcp_err(pcb, conn_failed);
            tcp_nagle_disable(pcb);
            return conn;
        }
    }
    return NULL;
}

int otter_conn_open(struct otter_conn **out, const struct otter_addr *to)
{
    struct tcp_pcb *pcb;
    struct lx106_conn *conn;
    ip_addr_t ip;

    *out = NULL;
    if (!otter__lx106_to_lwip(to, &ip)) {
        return OTTER_ERR_NETWORK;
    }
    pcb = tcp_new();
    if (pcb == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    conn = take_conn(pcb, CONN_CONNECTING);
    if (conn == NULL) {
        abort_pcb(pcb);
        return OTTER_ERR_NO_MEMORY;
    }
    if (tcp_connect(pcb, &ip, to->port, connected) != ERR_OK) {
        lx106_abort(&conn->base);
        return OTTER_ERR_NETWORK;
    }
    *out = &conn->base;
    return 0;
}

/* --- Listeners ----------------------------------------------------------- */

static struct lx106_conn *oldest_waiting(const struct otter_listener *listener,
                                         uint32_t *count)
{
    struct lx106_conn *oldest = NULL;

    *count = 0;
    for (uint32_t i = 0; i < OTTER_LX106_CONNECTIONS; i++) {
        struct lx106_conn *conn = &conns[i];

        if (conn->state == CONN_FREE || conn->listener != listener) {
            continue;
        }
        (*count)++;
        if (oldest == NULL || conn->number - oldest->number > INT32_MAX) {
            oldest = conn;
        }
    }
    return oldest;
}

static uint32_t free_places(void)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < OTTER_LX106_CONNECTIONS; i++) {
        count += conns[i].state == CONN_FREE;
    }
    return count;
}

static err_t conn_came(void *user, struct tcp_pcb *pcb, err_t error)
{
    struct otter_listener *listener = user;
    struct lx106_conn *conn = NULL;
    uint32_t waiting;

    if (pcb == NULL || error != ERR_OK) {
        return ERR_VAL;
    }
    (void)oldest_waiting(listener, &waiting);
    if (waiting < BACKLOG && free_places() > KEPT) {
        conn = take_conn(pcb, CONN_OPEN);
    }
    if (conn == NULL) {
        tcp_abort(pcb);
        return ERR_ABRT;
    }
    conn->listener = listener;
    return ERR_OK;
}

/* A free place, or NULL; *error tells when `port` is listened on already. */
static struct otter_listener *free_listener(uint16_t port, int *error)
{
    struct otter_listener *found = NULL;

    *error = OTTER_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < OTTER_LX106_LISTENERS; i++) {
        if (listeners[i].pcb == NULL) {
            found = &listeners[i];
        } else if (port != 0 && listeners[i].pcb->local_port == port) {
            *error = OTTER_ERR_ADDRESS_IN_USE;
            return NULL;
        }
    }
    return found;
}

int otter_listener_open(struct otter_listener **out, uint16_t port)
{
    int error;
    struct otter_listener *listener = free_listener(port, &error);
    struct tcp_pcb *pcb = listener == NULL ? NULL : tcp_new();
    struct tcp_pcb *listening;

    *out = NULL;
    if (pcb == NULL) {
        return error;
    }
    ip_set_option(pcb, SOF_REUSEADDR); /* over connections that just ended */
    if (tcp_bind(pcb, IP_ADDR_ANY, port) != ERR_OK) {
        tcp_abort(pcb);
        return OTTER_ERR_ADDRESS_IN_USE;
    }
    listening = tcp_listen(pcb);
    if (listening == NULL) {
        tcp_abort(pcb);
        return OTTER_ERR_NO_MEMORY;
    }
    listener->pcb = listening;
    tcp_arg(listening, listener);
    tcp_accept(listening, conn_came);
    *out = listener;
    return 0;
}

uint16_t otter_listener_port(const struct otter_listener *listener)
{
    return listener->pcb->local_port;
}

int otter_listener_accept(struct otter_listener *listener,
                          struct otter_conn **out, struct otter_addr *peer)
{
    uint32_t waiting;
    struct lx106_conn *conn = oldest_waiting(listener, &waiting);

    *out = NULL;
    if (conn == NULL) {
        return OTTER_ERR_AGAIN;
    }
    conn->listener = NULL;
    otter__lx106_from_lwip(&conn->pcb->remote_ip, conn->pcb->remote_port,
                           peer);
    *out = &conn->base;
    return 0;
}

void otter_listener_close(struct otter_listener *listener)
{
    uint32_t waiting;
    struct lx106_conn *conn;

    while ((conn = oldest_waiting(listener, &waiting)) != NULL) {
        lx106_abort(&conn->base);
    }
    (void)tcp_close(listener->pcb);
    listener->pcb = NULL;
}
