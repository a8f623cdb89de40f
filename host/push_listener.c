/* SPDX-License-Identifier: Apache-2.0
 *
 * One listening socket per family. */
#include "host/push_listener.h"

#include "host/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <unistd.h>

/* Devices of a large run may dial in within one moment. */
#define BACKLOG 64

/* Without SO_REUSEADDR a fixed port stays unusable for a minute after each
 * run, which makes people pick random ones that no firewall rule matches. */
static int try_port(struct otter_push_listener *listener,
                    const struct sockaddr_storage *local, uint16_t port)
{
    struct sockaddr_storage address = *local;
    socklen_t len = otter_address_len(local);
    int on = 1;
    int error = 0;
    int fd = socket(local->ss_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return errno;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (local->ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    otter_address_set_port(&address, port);
    if (bind(fd, (struct sockaddr *)&address, len) || listen(fd, BACKLOG) ||
        getsockname(fd, (struct sockaddr *)&address, &len)) {
        error = errno;
        close(fd);
        return error;
    }
    listener->fd = fd;
    listener->port = otter_address_port(&address);
    return 0;
}

int otter_push_listener_open(struct otter_push_listener *listener,
                             const struct sockaddr_storage *local,
                             uint16_t first, uint16_t last)
{
    int error = 0;

    for (uint32_t port = first; port <= last; port++) {
        error = try_port(listener, local, (uint16_t)port);
        if (error != EADDRINUSE && error != EACCES) {
            return error;
        }
    }
    return error;
}

int otter_push_listener_accept(const struct otter_push_listener *listener,
                               struct sockaddr_storage *peer)
{
    socklen_t len = sizeof *peer;

    return accept4(listener->fd, (struct sockaddr *)peer, &len,
                   SOCK_NONBLOCK | SOCK_CLOEXEC);
}

void otter_push_listener_close(struct otter_push_listener *listener)
{
    if (listener->fd >= 0) {
        close(listener->fd);
        listener->fd = -1;
    }
}
