/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the posix network share: addresses, the pools' sizes, and
 * each file's part in waiting for events. */
#ifndef OTTER_PORTS_POSIX_NET_INTERNAL_H
#define OTTER_PORTS_POSIX_NET_INTERNAL_H

#include "hal/net.h"

#include <netinet/in.h>
#include <poll.h>

#define OTTER_NET_UDP       8
#define OTTER_NET_CONNS     16
#define OTTER_NET_LISTENERS 4
#define OTTER_NET_CLOSING   16
#define OTTER_NET_POLLFDS                                                     \
    (2 * OTTER_NET_UDP + OTTER_NET_CONNS + OTTER_NET_LISTENERS +              \
     OTTER_NET_CLOSING + 1)

/* False for anything but IPv4, which is all that this port speaks. */
bool otter__net_to_host(struct sockaddr_in *out, const struct otter_addr *in);
void otter__net_from_host(struct otter_addr *out,
                          const struct sockaddr_in *in);

/* The board's own address with this port. */
void otter__net_own(struct sockaddr_in *out, uint16_t port);

/* The port that a socket is bound to, 0 on failure. */
uint16_t otter__net_bound_port(int fd);

/* The error for a failed bind or socket call, from errno. */
int otter__net_bind_error(void);

/* Bytes were moved: the program is busy. */
void otter__net_active(void);

/* Each adds what it waits for to `fds` and returns how many; together at most
 * OTTER_NET_POLLFDS. */
int otter__net_udp_fds(struct pollfd *fds);
int otter__net_conn_fds(struct pollfd *fds);
int otter__net_lookup_fds(struct pollfd *fds);

/* Reads and drops what comes in on connections that the program has closed;
 * frees them when the peer has closed too, or after a while. */
void otter__net_conn_service(void);

#endif
