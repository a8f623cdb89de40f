/* SPDX-License-Identifier: Apache-2.0
 *
 * hal/net.h, second part: datagrams.  Each socket keeps the last few that
 * came as lwIP's buffers; one more than that is lost. */
#include "format/error.h"
#include "ports/lx106/net.h"

#include "lwip/igmp.h"
#include "lwip/ip.h"
#include "lwip/udp.h"

#include <string.h>

#define WAITING OTTER_LX106_DATAGRAMS /* that a socket keeps */

struct waiting {
    struct pbuf *data;
    struct otter_addr from;
    struct otter_addr to;
    uint32_t interface;
};

struct otter_udp {
    struct udp_pcb *pcb; /* NULL: free */
    struct waiting queue[WAITING];
    uint32_t first;
    uint32_t count;
    ip4_addr_t group; /* that it has joined, or any */
};

static struct otter_udp sockets[OTTER_LX106_UDP_SOCKETS];

static void datagram_came(void *user, struct udp_pcb *pcb, struct pbuf *data,
                          const ip_addr_t *ip, u16_t port)
{
    struct otter_udp *udp = user;
    struct waiting *slot;

    if (udp->count == WAITING) {
        pbuf_free(data);
        return;
    }
    slot = &udp->queue[(udp->first + udp->count) % WAITING];
    udp->count++;
    slot->data = data;
    slot->interface = netif_get_index(ip_current_input_netif());
    otter__lx106_from_lwip(ip, port, &slot->from);
    otter__lx106_from_lwip(ip_current_dest_addr(), pcb->local_port, &slot->to);
}

static struct otter_udp *free_socket(void)
{
    for (uint32_t i = 0; i < OTTER_LX106_UDP_SOCKETS; i++) {
        if (sockets[i].pcb == NULL) {
            return &sockets[i];
        }
    }
    return NULL;
}

int otter_udp_open(struct otter_udp **out,
                   const struct otter_udp_config *config)
{
    struct otter_udp *udp = free_socket();
    struct udp_pcb *pcb = udp == NULL ? NULL : udp_new();

    *out = NULL;
    if (pcb == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    if (config->shared) {
        ip_set_option(pcb, SOF_REUSEADDR);
    }
    if (udp_bind(pcb, IP_ADDR_ANY, config->port) != ERR_OK) {
        udp_remove(pcb);
        return OTTER_ERR_ADDRESS_IN_USE;
    }
    memset(udp, 0, sizeof *udp);
    udp->pcb = pcb;
    udp_recv(pcb, datagram_came, udp);
    *out = udp;
    return 0;
}

uint16_t otter_udp_port(const struct otter_udp *udp)
{
    return udp->pcb->local_port;
}

int otter_udp_recv(struct otter_udp *udp, void *buf, uint32_t size,
                   struct otter_datagram *info)
{
    struct waiting *slot = &udp->queue[udp->first];
    uint32_t len;

    if (udp->count == 0) {
        return OTTER_ERR_AGAIN;
    }
    len = slot->data->tot_len;
    info->from = slot->from;
    info->to = slot->to;
    info->interface = slot->interface;
    info->truncated = len > size;
    len = pbuf_copy_partial(slot->data, buf, (u16_t)(len > size ? size : len),
                            0);
    pbuf_free(slot->data);
    slot->data = NULL;
    udp->first = (udp->first + 1) % WAITING;
    udp->count--;
    return (int)len;
}

int otter_udp_send(struct otter_udp *udp, const void *buf, uint32_t len,
                   const struct otter_addr *to, uint32_t interface)
{
    struct pbuf *data;
    ip_addr_t ip;
    err_t error;

    (void)interface; /* there is one */
    if (!otter__lx106_to_lwip(to, &ip)) {
        return OTTER_ERR_NETWORK;
    }
    if (len > otter__lx106_netif.mtu - 28u) {
        return OTTER_ERR_TOO_LONG;
    }
    data = pbuf_alloc(PBUF_TRANSPORT, (u16_t)len, PBUF_RAM);
    if (data == NULL) {
        return 0;
    }
    (void)pbuf_take(data, buf, (u16_t)len);
    error = udp_sendto_if(udp->pcb, data, &ip, to->port, &otter__lx106_netif);
    pbuf_free(data);
    return error == ERR_OK || error == ERR_MEM ? 0 : OTTER_ERR_NETWORK;
}

int otter_udp_join(struct otter_udp *udp, const struct otter_addr *group,
                   uint32_t interface, uint8_t ttl)
{
    ip_addr_t ip;

    if ((interface != 0 &&
         interface != netif_get_index(&otter__lx106_netif)) ||
        !otter__lx106_to_lwip(group, &ip) ||
        !ip4_addr_ismulticast(ip_2_ip4(&ip))) {
        return OTTER_ERR_NETWORK;
    }
    if (!ip4_addr_isany_val(udp->group)) {
        return OTTER_ERR_STATE;
    }
    if (igmp_joingroup_netif(&otter__lx106_netif, ip_2_ip4(&ip)) != ERR_OK) {
        return OTTER_ERR_NETWORK;
    }
    udp->group = *ip_2_ip4(&ip);
    udp_set_multicast_ttl(udp->pcb, ttl);
    udp->pcb->ttl = ttl;
    return 0;
}

void otter_udp_close(struct otter_udp *udp)
{
    if (!ip4_addr_isany_val(udp->group)) {
        (void)igmp_leavegroup_netif(&otter__lx106_netif, &udp->group);
    }
    udp_remove(udp->pcb);
    udp->pcb = NULL;
    while (udp->count > 0) {
        pbuf_free(udp->queue[udp->first].data);
        udp->first = (udp->first + 1) % WAITING;
        udp->count--;
    }
}
