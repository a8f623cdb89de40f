/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the port's network share, and what main calls. */
#ifndef OTTER_PORTS_LX106_NET_H
#define OTTER_PORTS_LX106_NET_H

#include "hal/net.h"
#include "lwip/netif.h"

#include <stdbool.h>

/* Brings the interface up with the address of the board's settings `ip`
 * (a.b.c.d/bits), `gateway` and `dns`; without them with those that QEMU's
 * user network expects. */
void otter__lx106_net_start(void);

/* Takes a frame that has come and serves lwIP's timers; true when there was
 * one: call again soon. */
bool otter__lx106_net_poll(void);

/* Waits until a frame comes, but no longer than `ms`. */
void otter__lx106_net_wait(uint32_t ms);

/* 32 random bits: from the board's source, and when that fails from the
 * cycle counter, which is good enough for port numbers only. */
uint32_t otter__lx106_net_random(void);

extern struct netif otter__lx106_netif;

/* Between lwIP's addresses and ours.  False: not an IPv4 address. */
bool otter__lx106_to_lwip(const struct otter_addr *addr, ip_addr_t *out);
void otter__lx106_from_lwip(const ip_addr_t *ip, uint16_t port,
                            struct otter_addr *out);

#endif
