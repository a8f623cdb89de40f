/* SPDX-License-Identifier: Apache-2.0
 *
 * Datagrams to a device, and what the network says about them. */
#include "host/push_udp.h"

#include "host/address.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static void ask_for_errors(int fd, int family)
{
    int on = 1;

    if (family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
    } else {
        setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    }
}

int otter_push_udp_open(const struct sockaddr_storage *device,
                        const struct sockaddr_storage *local)
{
    struct sockaddr_storage source = *local;
    int fd = socket(device->ss_family,
                    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -1;
    }
    if (source.ss_family != 0) {
        otter_address_set_port(&source, 0);
        if (bind(fd, (const struct sockaddr *)&source,
                 otter_address_len(&source))) {
            int error = errno;

            close(fd);
            errno = error;
            return -1;
        }
    }
    ask_for_errors(fd, device->ss_family);
    return fd;
}

/* What ICMP reported about an earlier datagram fails a later call, which may
 * be this one; the datagram itself was then not sent. */
int otter_push_udp_send(int fd, const struct sockaddr_storage *device,
                        const char *text)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        if (sendto(fd, text, strlen(text), 0, (const struct sockaddr *)device,
                   otter_address_len(device)) >= 0) {
            return 0;
        }
    }
    return errno;
}

int otter_push_udp_errors(int fd)
{
    uint8_t control[512];
    struct msghdr message = {.msg_control = control,
                             .msg_controllen = sizeof control};
    int error = 0;

    while (recvmsg(fd, &message, MSG_ERRQUEUE) >= 0) {
        const struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        struct sock_extended_err e;

        if (c && c->cmsg_len >= CMSG_LEN(sizeof e)) {
            memcpy(&e, CMSG_DATA(c), sizeof e);
            error = (int)e.ee_errno;
        }
        message.msg_controllen = sizeof control;
    }
    return error;
}
