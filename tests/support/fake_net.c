/* SPDX-License-Identifier: Apache-2.0
 *
 * The fake network's datagrams, names, interfaces and failures; connections
 * are in fake_conn.c. */
#include "tests/support/fake_net.h"
#include "tests/support/fake_net_internal.h"

#include "format/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_INTERFACES 4u
#define MAX_NAMES      8u
#define MAX_JOINS      8u
#define FIRST_PORT     49152u

/* A datagram on its way, in either direction. */
struct packet {
    struct packet *next;
    struct otter_datagram info;
    struct fake_datagram sent;
};

struct otter_udp {
    struct otter_udp *next;
    uint16_t port;
    bool shared;
    struct packet *inbox;
};

struct name {
    char text[254];
    struct otter_addr addr;
};

static struct {
    struct otter_udp *sockets;
    struct packet *outbox;
    struct otter_interface interfaces[MAX_INTERFACES];
    struct name names[MAX_NAMES];
    uint32_t name_count;
    struct fake_join joins[MAX_JOINS];
    uint32_t join_count;
    int failures[FAKE_CALLS];
    uint16_t next_port;
    bool power_save;
    bool hold_lookups;
    bool looking;
    char sought[254];
} net;

void *fake__alloc(uint32_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL) {
        fprintf(stderr, "fake_net: no memory\n");
        abort();
    }
    return memory;
}

void fake__bytes_add(struct fake_bytes *bytes, const void *data, uint32_t len)
{
    if (bytes->size - bytes->end < len) {
        uint32_t kept = bytes->end - bytes->start;
        uint8_t *grown = fake__alloc(2 * (kept + len) + 64);

        if (kept > 0) {
            memcpy(grown, bytes->data + bytes->start, kept);
        }
        free(bytes->data);
        bytes->data = grown;
        bytes->start = 0;
        bytes->end = kept;
        bytes->size = 2 * (kept + len) + 64;
    }
    if (len > 0) {
        memcpy(bytes->data + bytes->end, data, len);
        bytes->end += len;
    }
}

uint32_t fake__bytes_take(struct fake_bytes *bytes, void *buf, uint32_t len)
{
    uint32_t n = bytes->end - bytes->start;

    if (n > len) {
        n = len;
    }
    if (n > 0) {
        memcpy(buf, bytes->data + bytes->start, n);
        bytes->start += n;
    }
    return n;
}

void fake__bytes_free(struct fake_bytes *bytes)
{
    free(bytes->data);
    memset(bytes, 0, sizeof *bytes);
}

int fake__failure(enum fake_call call)
{
    return net.failures[call];
}

void fake_net_fail(enum fake_call call, int error)
{
    net.failures[call] = error;
}

static void free_packets(struct packet *packet)
{
    while (packet != NULL) {
        struct packet *next = packet->next;

        free(packet);
        packet = next;
    }
}

void fake_net_reset(void)
{
    while (net.sockets != NULL) {
        otter_udp_close(net.sockets);
    }
    free_packets(net.outbox);
    fake__conn_reset();
    memset(&net, 0, sizeof net);
    net.power_save = true;
    net.next_port = FIRST_PORT;
    net.interfaces[0].index = 1;
    net.interfaces[0].up = true;
    net.interfaces[0].addr = fake_addr("192.168.1.77", 0);
    net.interfaces[0].mask = fake_addr("255.255.255.0", 0);
    memcpy(net.interfaces[0].mac, "\x02\x00\x00\xaa\xbb\xcc", 6);
}

uint32_t fake_net_open(void)
{
    uint32_t count = fake__conn_open();

    for (struct otter_udp *udp = net.sockets; udp != NULL; udp = udp->next) {
        count++;
    }
    return count;
}

struct otter_addr fake_addr(const char *ipv4, uint16_t port)
{
    struct otter_addr addr = {.family = OTTER_ADDR_IPV4, .port = port};
    unsigned ip[4];

    if (sscanf(ipv4, "%u.%u.%u.%u", &ip[0], &ip[1], &ip[2], &ip[3]) != 4) {
        fprintf(stderr, "fake_net: %s is no address\n", ipv4);
        abort();
    }
    for (int i = 0; i < 4; i++) {
        addr.ip[i] = (uint8_t)ip[i];
    }
    return addr;
}

/* --- Datagrams ---------------------------------------------------------- */

static void append(struct packet **list, struct packet *packet)
{
    while (*list != NULL) {
        list = &(*list)->next;
    }
    *list = packet;
}

static struct packet *make_packet(const void *data, uint32_t len)
{
    struct packet *packet = fake__alloc(sizeof *packet);

    if (len > FAKE_DATAGRAM_MAX) {
        fprintf(stderr, "fake_net: datagram of %u bytes\n", (unsigned)len);
        abort();
    }
    if (len > 0) {
        memcpy(packet->sent.data, data, len);
    }
    packet->sent.len = len;
    return packet;
}

int otter_udp_open(struct otter_udp **out,
                   const struct otter_udp_config *config)
{
    struct otter_udp *udp;

    if (net.failures[FAKE_UDP_OPEN] != 0) {
        return net.failures[FAKE_UDP_OPEN];
    }
    for (udp = net.sockets; udp != NULL; udp = udp->next) {
        if (config->port != 0 && udp->port == config->port &&
            !(udp->shared && config->shared)) {
            return OTTER_ERR_ADDRESS_IN_USE;
        }
    }
    udp = fake__alloc(sizeof *udp);
    udp->port = config->port != 0 ? config->port : net.next_port++;
    udp->shared = config->shared;
    udp->next = net.sockets;
    net.sockets = udp;
    *out = udp;
    return 0;
}

uint16_t otter_udp_port(const struct otter_udp *udp)
{
    return udp->port;
}

int otter_udp_recv(struct otter_udp *udp, void *buf, uint32_t size,
                   struct otter_datagram *info)
{
    struct packet *packet = udp->inbox;
    uint32_t len;

    if (net.failures[FAKE_UDP_RECV] != 0) {
        return net.failures[FAKE_UDP_RECV];
    }
    if (packet == NULL) {
        return OTTER_ERR_AGAIN;
    }
    udp->inbox = packet->next;
    len = packet->sent.len < size ? packet->sent.len : size;
    if (len > 0) {
        memcpy(buf, packet->sent.data, len);
    }
    *info = packet->info;
    info->truncated = packet->sent.len > size;
    free(packet);
    return (int)len;
}

int otter_udp_send(struct otter_udp *udp, const void *buf, uint32_t len,
                   const struct otter_addr *to, uint32_t interface)
{
    struct packet *packet;

    if (net.failures[FAKE_UDP_SEND] != 0) {
        return net.failures[FAKE_UDP_SEND];
    }
    packet = make_packet(buf, len);
    packet->sent.to = *to;
    packet->sent.from_port = udp->port;
    packet->sent.interface = interface;
    append(&net.outbox, packet);
    return 0;
}

int otter_udp_join(struct otter_udp *udp, const struct otter_addr *group,
                   uint32_t interface, uint8_t ttl)
{
    struct fake_join *join;

    if (net.join_count == MAX_JOINS) {
        return OTTER_ERR_NETWORK;
    }
    join = &net.joins[net.join_count++];
    join->group = *group;
    join->interface = interface;
    join->ttl = ttl;
    join->port = udp->port;
    return 0;
}

void otter_udp_close(struct otter_udp *udp)
{
    struct otter_udp **link = &net.sockets;

    while (*link != udp) {
        link = &(*link)->next;
    }
    *link = udp->next;
    free_packets(udp->inbox);
    free(udp);
}

void fake_net_send_to(const struct otter_addr *from,
                      const struct otter_addr *to, uint32_t interface,
                      const void *data, uint32_t len)
{
    for (struct otter_udp *udp = net.sockets; udp != NULL; udp = udp->next) {
        if (udp->port == to->port) {
            struct packet *packet = make_packet(data, len);

            packet->info.from = *from;
            packet->info.to = *to;
            packet->info.interface = interface;
            append(&udp->inbox, packet);
        }
    }
}

void fake_net_send(const struct otter_addr *from, uint16_t to_port,
                   const void *data, uint32_t len)
{
    struct otter_addr to = net.interfaces[0].addr;

    to.port = to_port;
    fake_net_send_to(from, &to, 1, data, len);
}

bool fake_net_take(struct fake_datagram *out)
{
    struct packet *packet = net.outbox;

    memset(out, 0, sizeof *out);
    if (packet == NULL) {
        return false;
    }
    net.outbox = packet->next;
    *out = packet->sent;
    free(packet);
    return true;
}

bool fake_net_join(uint32_t n, struct fake_join *out)
{
    if (n >= net.join_count) {
        return false;
    }
    *out = net.joins[n];
    return true;
}

/* --- Names, interfaces, power ------------------------------------------- */

int otter_net_interface(uint32_t n, struct otter_interface *out)
{
    uint32_t seen = 0;

    for (uint32_t i = 0; i < MAX_INTERFACES; i++) {
        if (net.interfaces[i].index != 0 && seen++ == n) {
            *out = net.interfaces[i];
            return 0;
        }
    }
    return OTTER_ERR_NO_DATA;
}

void fake_net_set_interface(uint32_t n,
                            const struct otter_interface *interface)
{
    if (n >= MAX_INTERFACES) {
        abort();
    }
    net.interfaces[n] = *interface;
}

void otter_net_power_save(bool on)
{
    net.power_save = on;
}

bool fake_net_power_save(void)
{
    return net.power_save;
}

int otter_net_lookup_start(const char *name)
{
    if (net.looking) {
        return OTTER_ERR_BUSY;
    }
    if (strlen(name) >= sizeof net.sought) {
        return OTTER_ERR_TOO_LONG;
    }
    memcpy(net.sought, name, strlen(name) + 1);
    net.looking = true;
    return 0;
}

int otter_net_lookup_poll(struct otter_addr *out)
{
    unsigned ip[4];

    if (!net.looking) {
        return OTTER_ERR_LOOKUP;
    }
    if (sscanf(net.sought, "%u.%u.%u.%u", &ip[0], &ip[1], &ip[2], &ip[3]) ==
        4) {
        net.looking = false;
        *out = fake_addr(net.sought, 0);
        return 0;
    }
    if (net.hold_lookups) {
        return OTTER_ERR_PENDING;
    }
    net.looking = false;
    for (uint32_t i = 0; i < net.name_count; i++) {
        if (strcmp(net.names[i].text, net.sought) == 0) {
            *out = net.names[i].addr;
            return 0;
        }
    }
    return OTTER_ERR_LOOKUP;
}

void otter_net_lookup_cancel(void)
{
    net.looking = false;
}

void fake_net_add_name(const char *name, const struct otter_addr *addr)
{
    if (net.name_count == MAX_NAMES ||
        strlen(name) >= sizeof net.names[0].text) {
        abort();
    }
    memcpy(net.names[net.name_count].text, name, strlen(name) + 1);
    net.names[net.name_count++].addr = *addr;
}

void fake_net_hold_lookups(bool hold)
{
    net.hold_lookups = hold;
}
