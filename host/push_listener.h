/* SPDX-License-Identifier: Apache-2.0
 *
 * The TCP port that devices connect back to.  One listener serves all pushes
 * of a run: a connection belongs to the device it comes from, so one fixed
 * port is enough for many devices at once. */
#ifndef OTTER_HOST_PUSH_LISTENER_H
#define OTTER_HOST_PUSH_LISTENER_H

#include "format/compiler.h"

#include <stdint.h>
#include <sys/socket.h>

struct otter_push_listener {
    int fd; /* not blocking; -1 while closed */
    uint16_t port;
};

/* Opens the first free port of first..last; 0..0 lets the system choose.
 * local is the address to listen on, its family counts even when the address
 * is the unspecified one.  Returns 0 or an errno value. */
OTTER_MUST_CHECK int otter_push_listener_open(
    struct otter_push_listener *listener, const struct sockaddr_storage *local,
    uint16_t first, uint16_t last);

/* A waiting connection, not blocking, with the address it comes from; -1 when
 * there is none. */
int otter_push_listener_accept(const struct otter_push_listener *listener,
                               struct sockaddr_storage *peer);

/* Harmless on a closed listener. */
void otter_push_listener_close(struct otter_push_listener *listener);

#endif
