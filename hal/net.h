/* SPDX-License-Identifier: Apache-2.0
 *
 * The network as a board offers it: datagram sockets, stream connections,
 * listeners, names and interfaces.  No call blocks.  The port owns sockets
 * and connections in pools of fixed size and hands out pointers; the caller
 * gives each back with its close call and does not use it afterwards.
 * Connections are a table of functions, so that TLS can wrap them.  Errors
 * other than those named are OTTER_ERR_NETWORK. */
#ifndef OTTER_HAL_NET_H
#define OTTER_HAL_NET_H

#include "format/compiler.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

enum otter_addr_family {
    OTTER_ADDR_NONE = 0,
    OTTER_ADDR_IPV4 = 4,
    OTTER_ADDR_IPV6 = 6
};

/* An address with a port.  IPv4 uses the first four bytes of `ip`. */
struct otter_addr {
    uint8_t family; /* enum otter_addr_family */
    uint16_t port;  /* host byte order, 0 to 65535 */
    uint8_t ip[16]; /* network byte order */
    uint32_t scope; /* interface index of a link-local IPv6 address, or 0 */
};

/* One network interface. */
struct otter_interface {
    uint32_t index; /* what `interface` fields refer to, never 0 */
    uint8_t mac[6];
    bool up;
    struct otter_addr addr; /* IPv4 address, family NONE while there is none */
    struct otter_addr mask; /* its net mask */
};

/* Fills `out` with interface number `n` (0, 1, ...).
 * OTTER_ERR_NO_DATA: there are fewer. */
OTTER_MUST_CHECK int otter_net_interface(uint32_t n,
                                         struct otter_interface *out);

/* Radio power saving, to be off while an update runs (the core sets the sleep
 * mode to none, protocol 2.2 step 5).  No effect where there is no radio. */
void otter_net_power_save(bool on);

/* --- Datagrams ---------------------------------------------------------- */

struct otter_udp;

struct otter_udp_config {
    uint16_t port; /* 0 lets the port choose */
    bool shared;   /* other sockets may use the same port (multicast DNS) */
};

/* What is known about a received datagram. */
struct otter_datagram {
    struct otter_addr from;
    struct otter_addr to; /* destination; tells multicast from unicast */
    uint32_t interface;   /* that it came in on, 0 when unknown */
    bool truncated;       /* it was longer than the buffer */
};

/* OTTER_ERR_ADDRESS_IN_USE, OTTER_ERR_NO_MEMORY. */
OTTER_MUST_CHECK int otter_udp_open(struct otter_udp **out,
                                    const struct otter_udp_config *config);

/* The port number that the socket is bound to. */
uint16_t otter_udp_port(const struct otter_udp *udp);

/* Takes the next datagram; returns its length, which may be 0.
 * OTTER_ERR_AGAIN: none is waiting. */
OTTER_MUST_CHECK int otter_udp_recv(struct otter_udp *udp, void *buf,
                                    uint32_t size,
                                    struct otter_datagram *info);

/* Sends one datagram; `interface` 0 lets the port choose.  A datagram that
 * the board cannot queue is lost like one lost on the way: 0 is returned. */
OTTER_MUST_CHECK int otter_udp_send(struct otter_udp *udp, const void *buf,
                                    uint32_t len, const struct otter_addr *to,
                                    uint32_t interface);

/* Joins a multicast group on an interface.  From then on everything that the
 * socket sends, to groups and to single addresses, has this IP `ttl`, and what
 * it sends to the group is seen by other programs on the same board.  Called
 * once for each interface.  OTTER_ERR_STATE: that one was joined already. */
OTTER_MUST_CHECK int otter_udp_join(struct otter_udp *udp,
                                    const struct otter_addr *group,
                                    uint32_t interface, uint8_t ttl);

void otter_udp_close(struct otter_udp *udp);

/* --- Connections -------------------------------------------------------- */

struct otter_conn;

/* What every kind of connection can do.  Call through the functions below. */
struct otter_conn_ops {
    int (*state)(struct otter_conn *conn);
    int (*read)(struct otter_conn *conn, void *buf, uint32_t len);
    int (*write)(struct otter_conn *conn, const void *buf, uint32_t len);
    uint32_t (*unsent)(struct otter_conn *conn);
    void (*close)(struct otter_conn *conn);
    void (*abort)(struct otter_conn *conn);
};

/* The head of every connection; the port's own fields follow it. */
struct otter_conn {
    const struct otter_conn_ops *ops;
};

/* Starts to connect; progress shows in otter_conn_state.
 * OTTER_ERR_NO_MEMORY: the pool is empty. */
OTTER_MUST_CHECK int otter_conn_open(struct otter_conn **out,
                                     const struct otter_addr *to);

/* 0: open (also while unread data wait after the peer closed).
 * OTTER_ERR_PENDING: still connecting.  OTTER_ERR_CONNECT: refused or not
 * reachable.  OTTER_ERR_CLOSED: ended and everything was read. */
OTTER_MUST_CHECK static inline int otter_conn_state(struct otter_conn *conn)
{
    return conn->ops->state(conn);
}

/* Returns how many bytes were taken, at least 1.  OTTER_ERR_AGAIN: none yet.
 * OTTER_ERR_CLOSED: the peer has closed its side and everything was read. */
OTTER_MUST_CHECK static inline int otter_conn_read(struct otter_conn *conn,
                                                   void *buf, uint32_t len)
{
    return conn->ops->read(conn, buf, len);
}

/* Copies bytes into the send queue and returns how many fitted, 0 included.
 * OTTER_ERR_CLOSED: the connection is gone. */
OTTER_MUST_CHECK static inline int otter_conn_write(struct otter_conn *conn,
                                                    const void *buf,
                                                    uint32_t len)
{
    return conn->ops->write(conn, buf, len);
}

/* Bytes written that the peer has not acknowledged yet. */
static inline uint32_t otter_conn_unsent(struct otter_conn *conn)
{
    return conn->ops->unsent(conn);
}

/* Ends the connection in good order: what was written is still delivered by
 * the port.  The pointer is invalid afterwards. */
static inline void otter_conn_close(struct otter_conn *conn)
{
    conn->ops->close(conn);
}

/* Drops the connection with a reset.  The pointer is invalid afterwards. */
static inline void otter_conn_abort(struct otter_conn *conn)
{
    conn->ops->abort(conn);
}

/* --- Listeners ---------------------------------------------------------- */

struct otter_listener;

/* Listens on all the board's addresses; `port` 0 lets the port choose.
 * OTTER_ERR_ADDRESS_IN_USE, OTTER_ERR_NO_MEMORY. */
OTTER_MUST_CHECK int otter_listener_open(struct otter_listener **out,
                                         uint16_t port);

/* The port number that the listener is bound to. */
uint16_t otter_listener_port(const struct otter_listener *listener);

/* Takes the next connection and tells who it is from.
 * OTTER_ERR_AGAIN: none is waiting.  OTTER_ERR_NO_MEMORY: the pool is empty;
 * the connection waits or is refused, as the port can. */
OTTER_MUST_CHECK int otter_listener_accept(struct otter_listener *listener,
                                           struct otter_conn **out,
                                           struct otter_addr *peer);

void otter_listener_close(struct otter_listener *listener);

/* --- Names -------------------------------------------------------------- */

/* Starts to look a host name up (copied; at most 253 characters); a text that
 * is an address is answered at once.  One look-up runs at a time:
 * OTTER_ERR_BUSY. */
OTTER_MUST_CHECK int otter_net_lookup_start(const char *name);

/* OTTER_ERR_PENDING: no answer yet.  OTTER_ERR_LOOKUP: no such name or no
 * answer.  0: `out` holds the address, port 0.  After 0 and LOOKUP the next
 * look-up may start. */
OTTER_MUST_CHECK int otter_net_lookup_poll(struct otter_addr *out);

/* Gives a running look-up up. */
void otter_net_lookup_cancel(void);

OTTER_END_DECLS

#endif
