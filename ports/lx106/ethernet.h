/* SPDX-License-Identifier: Apache-2.0
 *
 * Driver of the machine's OpenCores Ethernet controller for lwIP.  Frames lie
 * in the controller's own memory, so the chip's RAM holds none of them. */
#ifndef OTTER_PORTS_LX106_ETHERNET_H
#define OTTER_PORTS_LX106_ETHERNET_H

#include "lwip/netif.h"

#include <stdbool.h>

/* lwIP's initialiser of the interface. */
err_t otter__lx106_ethernet_init(struct netif *netif);

/* Hands the next frame that has come to lwIP; true when there was one.  One
 * at a time, so that the sketch can read what it brought before the next. */
bool otter__lx106_ethernet_poll(struct netif *netif);

#endif
