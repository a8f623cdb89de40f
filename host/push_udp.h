/* SPDX-License-Identifier: Apache-2.0
 *
 * The datagram socket of one push.  It is connected to nothing, so that an
 * answer from another address of the device is seen, and it learns of ICMP
 * "unreachable" all the same. */
#ifndef OTTER_HOST_PUSH_UDP_H
#define OTTER_HOST_PUSH_UDP_H

#include "format/compiler.h"

#include <sys/socket.h>

/* A socket for datagrams to the device, not blocking.  local is the source
 * address, family 0 for the system's choice; the device connects back to the
 * source of the invitation, so an address chosen by the user holds here too.
 * Returns -1 with errno set on failure. */
int otter_push_udp_open(const struct sockaddr_storage *device,
                        const struct sockaddr_storage *local);

/* Sends one text.  Returns 0 or an errno value. */
int otter_push_udp_send(int fd, const struct sockaddr_storage *device,
                        const char *text);

/* Takes what ICMP reported off the socket, or poll() would report it for ever.
 * Returns the last errno value, 0 when there was none. */
int otter_push_udp_errors(int fd);

#endif
