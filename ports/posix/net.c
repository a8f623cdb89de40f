/* SPDX-License-Identifier: Apache-2.0
 *
 * The board's one network interface, addresses, and waiting for the network.
 * Everything binds to the board's own address, so that many boards share the
 * standard ports of one host.  IPv6 is refused, not half supported. */
#include "hal/net.h"

#include "format/error.h"
#include "ports/posix/machine.h"
#include "ports/posix/net_internal.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool active;
static bool moved = true; /* since the last wait */

bool otter__net_take_activity(void)
{
    bool was = active;

    active = false;
    return was;
}

void otter__net_active(void)
{
    active = true;
    moved = true;
}

bool otter__net_to_host(struct sockaddr_in *out, const struct otter_addr *in)
{
    memset(out, 0, sizeof *out);
    out->sin_family = AF_INET;
    out->sin_port = htons(in->port);
    memcpy(&out->sin_addr, in->ip, 4);
    return in->family == OTTER_ADDR_IPV4;
}

void otter__net_from_host(struct otter_addr *out, const struct sockaddr_in *in)
{
    memset(out, 0, sizeof *out);
    out->family = OTTER_ADDR_IPV4;
    out->port = ntohs(in->sin_port);
    memcpy(out->ip, &in->sin_addr, 4);
}

void otter__net_own(struct sockaddr_in *out, uint16_t port)
{
    memset(out, 0, sizeof *out);
    out->sin_family = AF_INET;
    out->sin_port = htons(port);
    memcpy(&out->sin_addr, otter__machine()->ip, 4);
}

uint16_t otter__net_bound_port(int fd)
{
    struct sockaddr_in at;
    socklen_t len = sizeof at;

    memset(&at, 0, sizeof at);
    if (getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        return 0;
    }
    return ntohs(at.sin_port);
}

int otter__net_bind_error(void)
{
    switch (errno) {
    case EADDRINUSE:
        return OTTER_ERR_ADDRESS_IN_USE;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return OTTER_ERR_NO_MEMORY;
    default:
        return OTTER_ERR_NETWORK;
    }
}

/* Asks the host, which may take the interface down at any time. */
static bool is_up(uint32_t interface)
{
    struct ifreq request;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool up = false;

    memset(&request, 0, sizeof request);
    if (fd < 0) {
        return false;
    }
    if (if_indextoname(interface, request.ifr_name) != NULL &&
        ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
        up = (request.ifr_flags & IFF_UP) != 0;
    }
    close(fd);
    return up;
}

int otter_net_interface(uint32_t n, struct otter_interface *out)
{
    const struct otter_machine *m = otter__machine();

    memset(out, 0, sizeof *out);
    if (n > 0) {
        return OTTER_ERR_NO_DATA;
    }
    out->index = m->interface;
    out->up = is_up(m->interface);
    memcpy(out->mac, m->mac, 6);
    out->addr.family = OTTER_ADDR_IPV4;
    memcpy(out->addr.ip, m->ip, 4);
    out->mask.family = OTTER_ADDR_IPV4;
    memcpy(out->mask.ip, m->mask, 4);
    return 0;
}

void otter_net_power_save(bool on)
{
    (void)on; /* there is no radio */
}

/* When the last wait ended at once and the program has moved nothing since,
 * something waits that the program does not want yet: then only time is
 * waited for, or an idle program would spin. */
void otter__net_wait(int timeout_ms)
{
    struct pollfd fds[OTTER_NET_POLLFDS];
    static bool ready;
    int count = 0;

    otter__net_conn_service();
    if (ready && !moved) {
        ready = false;
        (void)poll(NULL, 0, 1);
        return;
    }
    moved = false;
    count += otter__net_udp_fds(fds + count);
    count += otter__net_conn_fds(fds + count);
    count += otter__net_lookup_fds(fds + count);
    ready = poll(fds, (nfds_t)count, timeout_ms) > 0;
}
