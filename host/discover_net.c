/* SPDX-License-Identifier: Apache-2.0
 *
 * The sockets of the search for devices. */
#include "host/discover_net.h"

#include "codec/dns.h"
#include "format/bytes.h"
#include "format/error.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define MULTICAST_TTL 255

static struct sockaddr_in group_address(void)
{
    struct sockaddr_in address;

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(OTTER_MDNS_PORT);
    address.sin_addr.s_addr = htonl(0xe00000fb); /* 224.0.0.251 */
    return address;
}

static int set_ttl(int fd)
{
    const int ttl = MULTICAST_TTL;

    return setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof ttl);
}

static int open_query(void)
{
    struct sockaddr_in any;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return -1;
    }
    memset(&any, 0, sizeof any);
    any.sin_family = AF_INET;
    if (bind(fd, (const struct sockaddr *)&any, sizeof any) != 0 ||
        set_ttl(fd) != 0) {
        int reason = errno;

        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

/* Without it there are still the answers to our questions. */
static int open_listen(void)
{
    const struct sockaddr_in group = group_address();
    const int on = 1;
    const int off = 0;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 &&
        (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
         setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof off) != 0 ||
         bind(fd, (const struct sockaddr *)&group, sizeof group) != 0 ||
         set_ttl(fd) != 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int otter__discover_net_open(struct otter_discover_net *net,
                             const char *interface)
{
    memset(net, 0, sizeof *net);
    net->query_fd = net->listen_fd = -1;
    if (interface != NULL) {
        net->only = if_nametoindex(interface);
        if (net->only == 0) {
            return OTTER_ERR_INVALID;
        }
    }
    /* Any id will do when there is no randomness: answers also need the port.
     */
    if (getrandom(&net->id, sizeof net->id, GRND_NONBLOCK) < 0) {
        net->id = (uint16_t)getpid();
    }
    net->query_fd = open_query();
    if (net->query_fd < 0) {
        return OTTER_ERR_NETWORK;
    }
    net->listen_fd = open_listen();
    return 0;
}

void otter__discover_net_close(struct otter_discover_net *net)
{
    if (net->query_fd >= 0) {
        close(net->query_fd);
    }
    if (net->listen_fd >= 0) {
        close(net->listen_fd);
    }
}

/* Once an interface; one that went away and came back keeps its number. */
static void join(struct otter_discover_net *net, unsigned index)
{
    struct ip_mreqn member;

    for (size_t i = 0; i < net->joined_count; i++) {
        if (net->joined[i] == index) {
            return;
        }
    }
    memset(&member, 0, sizeof member);
    member.imr_multiaddr = group_address().sin_addr;
    member.imr_ifindex = (int)index;
    if (net->listen_fd >= 0 && net->joined_count < OTTER_DISCOVER_INTERFACES &&
        setsockopt(net->listen_fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &member,
                   sizeof member) == 0) {
        net->joined[net->joined_count++] = index;
    }
}

/* By one socket on one interface.  The source is given too: on the loopback
 * interface the system would take another one's, and devices there answer
 * only to their own subnet.  What cannot be sent is a question lost; it is
 * asked again. */
static void send_by(int fd, const struct ip_mreqn *out, uint16_t id,
                    uint8_t *data, size_t len)
{
    const struct sockaddr_in group = group_address();

    otter_store_be16(data, id);
    if (fd < 0 ||
        setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, out, sizeof *out) != 0 ||
        sendto(fd, data, len, MSG_NOSIGNAL, (const struct sockaddr *)&group,
               sizeof group) < 0) {
        return;
    }
}

static struct in_addr address_of(const struct ifaddrs *interface)
{
    struct sockaddr_in address;

    memcpy(&address, interface->ifa_addr, sizeof address);
    return address.sin_addr;
}

/* Loopback too: virtual devices live there. */
static bool is_usable(const struct ifaddrs *interface)
{
    return interface->ifa_addr != NULL &&
           interface->ifa_addr->sa_family == AF_INET &&
           (interface->ifa_flags & IFF_UP) != 0 &&
           (interface->ifa_flags & (IFF_MULTICAST | IFF_LOOPBACK)) != 0;
}

/* From every address: devices answer directly only within their subnet. */
void otter__discover_net_send(struct otter_discover_net *net, void *data,
                              size_t len, unsigned ways)
{
    struct ifaddrs *list;

    if (getifaddrs(&list) != 0) {
        return;
    }
    for (struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
        unsigned index = is_usable(i) ? if_nametoindex(i->ifa_name) : 0;
        struct ip_mreqn out;

        if (index == 0 || (net->only != 0 && index != net->only)) {
            continue;
        }
        join(net, index);
        memset(&out, 0, sizeof out);
        out.imr_ifindex = (int)index;
        out.imr_address = address_of(i);
        if ((ways & OTTER_DISCOVER_DIRECT) != 0) {
            send_by(net->query_fd, &out, net->id, data, len);
        }
        if ((ways & OTTER_DISCOVER_GROUP) != 0) {
            send_by(net->listen_fd, &out, 0, data, len);
        }
    }
    freeifaddrs(list);
}

/* OTTER_ERR_AGAIN: nothing there.  OTTER_ERR_SYNTAX: one that is not for us.
 */
static int receive(int fd, uint8_t *buf, size_t size, struct in_addr *from)
{
    struct sockaddr_in sender;
    socklen_t sender_len = sizeof sender;
    ssize_t n =
        recvfrom(fd, buf, size, 0, (struct sockaddr *)&sender, &sender_len);

    if (n < 0) {
        return errno == EAGAIN ? OTTER_ERR_AGAIN : OTTER_ERR_SYNTAX;
    }
    *from = sender.sin_addr;
    if ((size_t)n < OTTER_DNS_HEADER_SIZE ||
        sender.sin_port != htons(OTTER_MDNS_PORT)) {
        return OTTER_ERR_SYNTAX;
    }
    return (int)n;
}

int otter__discover_net_recv(struct otter_discover_net *net, uint8_t *buf,
                             size_t size, struct in_addr *from)
{
    int n;

    do {
        n = receive(net->query_fd, buf, size, from);
        if (n > 0 && otter_load_be16(buf) != net->id) {
            n = OTTER_ERR_SYNTAX;
        }
    } while (n == OTTER_ERR_SYNTAX);
    while (n == OTTER_ERR_AGAIN && net->listen_fd >= 0) {
        n = receive(net->listen_fd, buf, size, from);
        if (n == OTTER_ERR_AGAIN) {
            break;
        }
        if (n == OTTER_ERR_SYNTAX) {
            n = OTTER_ERR_AGAIN; /* look at the next */
        }
    }
    return n;
}
