/* SPDX-License-Identifier: Apache-2.0
 *
 * The network of the unit tests: hal/net.h in memory.  The test plays every
 * other machine and nothing happens by itself: a datagram is there when the
 * test sends it, a connection is open when the test accepts it.  The clock is
 * sim_board.h's.  Misuse by the code under test - a pointer used or closed
 * twice - is caught by the address sanitizer, since each socket is an
 * allocation of its own; what is left open is counted. */
#ifndef OTTER_TESTS_SUPPORT_FAKE_NET_H
#define OTTER_TESTS_SUPPORT_FAKE_NET_H

#include "hal/net.h"

#include <stdbool.h>
#include <stdint.h>

/* Forgets everything.  Call in set-up and in tear-down; all fake_peer
 * pointers are invalid afterwards. */
void fake_net_reset(void);

/* Sockets, connections and listeners that the code under test has open. */
uint32_t fake_net_open(void);

/* "192.168.1.50" and 8266 as an address. */
struct otter_addr fake_addr(const char *ipv4, uint16_t port);

/* --- Datagrams ---------------------------------------------------------- */

#define FAKE_DATAGRAM_MAX 1500u

struct fake_datagram {
    struct otter_addr to;
    uint16_t from_port; /* the sending socket's */
    uint32_t interface; /* as the caller gave it */
    uint32_t len;
    char data[FAKE_DATAGRAM_MAX + 1]; /* ends in NUL for comparisons */
};

/* A datagram arrives at every socket bound to `to_port`, on interface 1, sent
 * to the board's own address.  A port that nobody has open loses it. */
void fake_net_send(const struct otter_addr *from, uint16_t to_port,
                   const void *data, uint32_t len);

/* The same with the destination and the interface named; the destination
 * selects the port. */
void fake_net_send_to(const struct otter_addr *from,
                      const struct otter_addr *to, uint32_t interface,
                      const void *data, uint32_t len);

/* Takes the oldest datagram that the code under test sent.  False: none. */
bool fake_net_take(struct fake_datagram *out);

/* The groups that were joined: number `n`, counted from 0.  False: fewer. */
struct fake_join {
    struct otter_addr group;
    uint32_t interface;
    uint8_t ttl;
    uint16_t port; /* the joining socket's */
};
bool fake_net_join(uint32_t n, struct fake_join *out);

/* --- Connections -------------------------------------------------------- */

struct fake_peer; /* the other end of one connection */

enum fake_end {
    FAKE_END_OPEN,  /* the code under test holds the connection */
    FAKE_END_CLOSE, /* it closed it in good order */
    FAKE_END_ABORT  /* it reset it */
};

/* The oldest connection that the code under test started to open and that
 * was not taken yet, or NULL.  It stays in the making until accepted or
 * refused. */
struct fake_peer *fake_net_dialled(void);
void fake_peer_accept(struct fake_peer *peer);
void fake_peer_refuse(struct fake_peer *peer);

/* A peer connects to a listener.  NULL: nobody listens on `port`. */
struct fake_peer *fake_net_dial(const struct otter_addr *from, uint16_t port);

/* Where the code under test connects to, or the dialling peer's address. */
struct otter_addr fake_peer_addr(const struct fake_peer *peer);

/* The peer sends bytes; they can be read at once. */
void fake_peer_send(struct fake_peer *peer, const void *data, uint32_t len);

/* Bytes that the peer sent and nobody has read. */
uint32_t fake_peer_unread(const struct fake_peer *peer);

/* Takes up to `size` bytes of what the code under test wrote. */
uint32_t fake_peer_recv(struct fake_peer *peer, void *buf, uint32_t size);

/* The same as text with a NUL; everything that there is, which must fit. */
void fake_peer_text(struct fake_peer *peer, char *buf, uint32_t size);

/* The peer lets at most `size` bytes wait for it unread; 0 blocks writes. */
void fake_peer_set_window(struct fake_peer *peer, uint32_t size);

/* The peer acknowledges nothing: otter_conn_unsent counts what waits. */
void fake_peer_hold_acks(struct fake_peer *peer, bool hold);

/* The peer closes its side; what it sent before can still be read. */
void fake_peer_close(struct fake_peer *peer);

/* The peer resets the connection; unread bytes are lost. */
void fake_peer_reset(struct fake_peer *peer);

/* What the code under test did with its end. */
enum fake_end fake_peer_end(const struct fake_peer *peer);

/* --- Names, interfaces, power, failures --------------------------------- */

/* A look-up of `name` gives `addr` when it is next polled; a name that was
 * not added does not exist.  While `hold` is set every look-up is pending. */
void fake_net_add_name(const char *name, const struct otter_addr *addr);
void fake_net_hold_lookups(bool hold);

/* Interface number `n` (0 to 3) is `interface`.  After a reset there is one:
 * index 1, up, 192.168.1.77/24. */
void fake_net_set_interface(uint32_t n,
                            const struct otter_interface *interface);

/* The last value given to otter_net_power_save; on after a reset. */
bool fake_net_power_save(void);

enum fake_call {
    FAKE_UDP_OPEN,
    FAKE_UDP_RECV,
    FAKE_UDP_SEND,
    FAKE_CONN_OPEN,
    FAKE_LISTENER_OPEN,
    FAKE_CALLS /* how many there are */
};

/* Every call of this kind fails with `error` until it is set to 0. */
void fake_net_fail(enum fake_call call, int error);

#endif
