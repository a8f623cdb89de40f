/* SPDX-License-Identifier: Apache-2.0
 *
 * Datagrams.  A socket that is bound to the board's address never receives
 * multicast, so a joined group gets a socket of its own, bound to the group;
 * sending always uses the first one, so that datagrams carry the board's
 * address.  What the board itself has sent to a group is not given back to
 * it, as on a chip. */
#include "hal/net.h"

#include "format/error.h"
#include "ports/posix/machine.h"
#include "ports/posix/net_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct otter_udp {
    bool used;
    int fd;
    int group_fd; /* -1 while no group is joined */
    uint16_t port;
};

static struct otter_udp pool[OTTER_NET_UDP];

static int open_socket(const struct sockaddr_in *at, bool shared)
{
    const int on = 1;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return -1;
    }
    if ((shared &&
         setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) ||
        setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)at, sizeof *at) != 0) {
        int reason = errno;

        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

int otter_udp_open(struct otter_udp **out,
                   const struct otter_udp_config *config)
{
    struct otter_udp *udp = pool;
    struct sockaddr_in own;

    *out = NULL;
    while (udp < pool + OTTER_NET_UDP && udp->used) {
        udp++;
    }
    if (udp == pool + OTTER_NET_UDP) {
        return OTTER_ERR_NO_MEMORY;
    }
    otter__net_own(&own, config->port);
    udp->fd = open_socket(&own, config->shared);
    if (udp->fd < 0) {
        return otter__net_bind_error();
    }
    udp->used = true;
    udp->group_fd = -1;
    udp->port = otter__net_bound_port(udp->fd);
    *out = udp;
    return 0;
}

uint16_t otter_udp_port(const struct otter_udp *udp)
{
    return udp->port;
}

/* Where the datagram went and which interface took it. */
static void read_pktinfo(struct msghdr *msg, struct otter_datagram *info,
                         uint16_t port)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(msg);

    for (; c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo found;

            memcpy(&found, CMSG_DATA(c), sizeof found);
            info->to.family = OTTER_ADDR_IPV4;
            info->to.port = port;
            memcpy(info->to.ip, &found.ipi_addr, 4);
            info->interface = (uint32_t)found.ipi_ifindex;
        }
    }
}

static int receive(struct otter_udp *udp, int fd, void *buf, uint32_t size,
                   struct otter_datagram *info)
{
    union {
        struct cmsghdr align;
        char bytes[128];
    } control;
    struct sockaddr_in from;
    struct iovec part = {buf, size};
    struct msghdr msg = {.msg_name = &from,
                         .msg_namelen = sizeof from,
                         .msg_iov = &part,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control};
    ssize_t n = recvmsg(fd, &msg, 0);

    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? OTTER_ERR_AGAIN
                                                 : OTTER_ERR_NETWORK;
    }
    otter__net_active();
    memset(info, 0, sizeof *info);
    otter__net_from_host(&info->from, &from);
    read_pktinfo(&msg, info, udp->port);
    info->truncated = (msg.msg_flags & MSG_TRUNC) != 0;
    return (int)n;
}

static bool is_own(const struct otter_udp *udp,
                   const struct otter_datagram *info)
{
    return info->from.port == udp->port &&
           memcmp(info->from.ip, otter__machine()->ip, 4) == 0;
}

int otter_udp_recv(struct otter_udp *udp, void *buf, uint32_t size,
                   struct otter_datagram *info)
{
    int n = receive(udp, udp->fd, buf, size, info);

    if (n != OTTER_ERR_AGAIN || udp->group_fd < 0) {
        return n;
    }
    do {
        n = receive(udp, udp->group_fd, buf, size, info);
    } while (n >= 0 && is_own(udp, info));
    return n;
}

int otter_udp_send(struct otter_udp *udp, const void *buf, uint32_t len,
                   const struct otter_addr *to, uint32_t interface)
{
    struct sockaddr_in host;

    if (!otter__net_to_host(&host, to) ||
        (interface != 0 && interface != otter__machine()->interface)) {
        return OTTER_ERR_NETWORK;
    }
    otter__net_active();
    if (sendto(udp->fd, buf, len, MSG_NOSIGNAL, (const struct sockaddr *)&host,
               sizeof host) >= 0) {
        return 0;
    }
    return errno == EAGAIN || errno == ENOBUFS || errno == EINTR
               ? 0
               : OTTER_ERR_NETWORK;
}

static int join(int fd, const struct ip_mreqn *group)
{
    const int off = 0;

    return setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof off) ==
                       0 &&
                   setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, group,
                              sizeof *group) == 0
               ? 0
               : OTTER_ERR_NETWORK;
}

/* Sending: by the board's interface, with this time to live also for the
 * unicast answers of the same protocol. */
static int aim(int fd, const struct ip_mreqn *group, uint8_t ttl)
{
    const int value = ttl;

    return setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, group, sizeof *group) ==
                       0 &&
                   setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &value,
                              sizeof value) == 0 &&
                   setsockopt(fd, IPPROTO_IP, IP_TTL, &value, sizeof value) ==
                       0
               ? 0
               : OTTER_ERR_NETWORK;
}

int otter_udp_join(struct otter_udp *udp, const struct otter_addr *group,
                   uint32_t interface, uint8_t ttl)
{
    const struct otter_machine *m = otter__machine();
    struct otter_addr at = *group;
    struct sockaddr_in host;
    struct ip_mreqn member;
    int error = 0;

    at.port = udp->port;
    if (!otter__net_to_host(&host, &at) ||
        (interface != 0 && interface != m->interface)) {
        return OTTER_ERR_NETWORK;
    }
    if (udp->group_fd >= 0) {
        return OTTER_ERR_STATE; /* one group a socket */
    }
    member.imr_multiaddr = host.sin_addr;
    memcpy(&member.imr_address, m->ip, 4);
    member.imr_ifindex = (int)m->interface;
    udp->group_fd = open_socket(&host, true);
    if (udp->group_fd < 0) {
        return otter__net_bind_error();
    }
    error = join(udp->group_fd, &member);
    if (error == 0) {
        error = aim(udp->fd, &member, ttl);
    }
    if (error != 0) {
        close(udp->group_fd);
        udp->group_fd = -1;
    }
    return error;
}

void otter_udp_close(struct otter_udp *udp)
{
    close(udp->fd);
    if (udp->group_fd >= 0) {
        close(udp->group_fd);
    }
    udp->used = false;
}

int otter__net_udp_fds(struct pollfd *fds)
{
    int count = 0;

    for (int i = 0; i < OTTER_NET_UDP; i++) {
        if (!pool[i].used) {
            continue;
        }
        fds[count++] = (struct pollfd){.fd = pool[i].fd, .events = POLLIN};
        if (pool[i].group_fd >= 0) {
            fds[count++] =
                (struct pollfd){.fd = pool[i].group_fd, .events = POLLIN};
        }
    }
    return count;
}
