/* SPDX-License-Identifier: Apache-2.0
 *
 * The sockets of the search for devices, which questions go out from on every
 * interface.  To the one with a port of its own devices answer directly.  The
 * other is bound to the group's address and the mDNS port: what it asks is
 * answered to everybody, also where a firewall lets nothing else through, and
 * it takes no unicast answer away from another program on this machine. */
#ifndef OTTER_HOST_DISCOVER_NET_H
#define OTTER_HOST_DISCOVER_NET_H

#include "format/compiler.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define OTTER_DISCOVER_INTERFACES 64u

struct otter_discover_net {
    int query_fd;
    int listen_fd; /* -1: there is none, announcements are missed */
    unsigned only; /* index of the only interface, 0: all */
    uint16_t id;   /* of our questions, random */
    unsigned joined[OTTER_DISCOVER_INTERFACES];
    size_t joined_count;
};

/* OTTER_ERR_INVALID: no such interface.  OTTER_ERR_NETWORK: no socket for
 * questions; errno says why. */
OTTER_MUST_CHECK int otter__discover_net_open(struct otter_discover_net *net,
                                              const char *interface);
void otter__discover_net_close(struct otter_discover_net *net);

/* From which socket a question goes out. */
enum otter_discover_way {
    OTTER_DISCOVER_DIRECT = 1,
    OTTER_DISCOVER_GROUP = 2
};

/* Sends a question to the group on every interface that is there now, and
 * listens on those that are new.  `ways` is a sum of enum otter_discover_way;
 * the id is written into the message. */
void otter__discover_net_send(struct otter_discover_net *net, void *data,
                              size_t len, unsigned ways);

/* Takes the next answer that may be trusted so far: from the mDNS port, and
 * to our own port only with the id of our questions.  Its length, or
 * OTTER_ERR_AGAIN. */
OTTER_MUST_CHECK int otter__discover_net_recv(struct otter_discover_net *net,
                                              uint8_t *buf, size_t size,
                                              struct in_addr *from);

#endif
