/* SPDX-License-Identifier: Apache-2.0
 *
 * hal/net.h, first part: the interface, names, and the work that keeps lwIP
 * going.  Datagrams are in udp.c, connections in tcp.c.  IPv4 only. */
#include "ports/lx106/net.h"

#include "format/error.h"
#include "hal/board.h"
#include "hal/clock.h"
#include "lwip/dns.h"
#include "lwip/init.h"
#include "lwip/sys.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"
#include "ports/lx106/ethernet.h"
#include "ports/lx106/machine.h"

#include <string.h>

enum lookup_state { LOOKUP_IDLE, LOOKUP_RUNS, LOOKUP_FOUND, LOOKUP_FAILED };

struct netif otter__lx106_netif;

static struct {
    enum lookup_state state;
    uint32_t number; /* an answer to an earlier look-up is not ours */
    ip_addr_t ip;
} lookup;

/* lwIP asks for the time by this name. */
u32_t sys_now(void)
{
    return otter_clock_ms();
}

uint32_t otter__lx106_net_random(void)
{
    uint32_t value;

    if (otter_board_random(&value, sizeof value) != 0) {
        value = otter__lx106_cycles() * 2654435761u;
    }
    return value;
}

bool otter__lx106_to_lwip(const struct otter_addr *addr, ip_addr_t *out)
{
    if (addr->family != OTTER_ADDR_IPV4) {
        return false;
    }
    IP_ADDR4(out, addr->ip[0], addr->ip[1], addr->ip[2], addr->ip[3]);
    return true;
}

void otter__lx106_from_lwip(const ip_addr_t *ip, uint16_t port,
                            struct otter_addr *out)
{
    memset(out, 0, sizeof *out);
    out->family = OTTER_ADDR_IPV4;
    out->port = port;
    for (uint32_t i = 0; i < 4; i++) {
        out->ip[i] = (uint8_t)(ip4_addr_get_u32(ip_2_ip4(ip)) >> 8 * i);
    }
}

/* --- The interface ------------------------------------------------------- */

/* An address from the settings, or `fallback`.  The number of mask bits that
 * may follow it goes to `bits`, if that is not NULL. */
static void setting_addr(const char *key, const char *fallback,
                         ip4_addr_t *out, uint32_t *bits)
{
    char text[24];
    char *slash;

    if (otter_board_setting(key, text, sizeof text) < 0) {
        (void)ip4addr_aton(fallback, out);
        return;
    }
    slash = text;
    while (*slash != '\0' && *slash != '/') {
        slash++;
    }
    if (*slash == '/') {
        uint32_t value = 0;

        *slash = '\0';
        for (slash++; *slash >= '0' && *slash <= '9'; slash++) {
            value = value * 10 + (uint32_t)(*slash - '0');
        }
        if (bits != NULL && value <= 32) {
            *bits = value;
        }
    }
    if (!ip4addr_aton(text, out)) {
        (void)ip4addr_aton(fallback, out);
    }
}

void otter__lx106_net_start(void)
{
    ip4_addr_t ip, mask, gateway;
    ip_addr_t dns;
    uint32_t bits = 24;

    lwip_init();
    setting_addr("ip", "10.0.2.15", &ip, &bits);
    setting_addr("gateway", "10.0.2.2", &gateway, NULL);
    setting_addr("dns", "10.0.2.3", ip_2_ip4(&dns), NULL);
    ip4_addr_set_u32(&mask,
                     bits == 0 ? 0 : lwip_htonl(UINT32_MAX << (32 - bits)));
    netif_add(&otter__lx106_netif, &ip, &mask, &gateway, NULL,
              otter__lx106_ethernet_init, ethernet_input);
    netif_set_default(&otter__lx106_netif);
    netif_set_up(&otter__lx106_netif);
    dns_setserver(0, &dns);
}

bool otter__lx106_net_poll(void)
{
    bool any = otter__lx106_ethernet_poll(&otter__lx106_netif);

    sys_check_timeouts();
    return any;
}

/* Interrupts are held back while the wait is prepared, else one that comes
 * between would be lost; WAITI lets them in again. */
void otter__lx106_net_wait(uint32_t ms)
{
    uint32_t irqs = OTTER_LX106_IRQ_ETHERNET | OTTER_LX106_IRQ_TIMER;
    uint32_t level;

    __asm__ volatile("rsil %0, 1" : "=a"(level));
    otter__lx106_timer(ms * OTTER_LX106_CYCLES_PER_MS);
    __asm__ volatile("wsr.intenable %0\n\trsync" ::"r"(irqs));
    __asm__ volatile("waiti 0" ::: "memory");
}

int otter_net_interface(uint32_t n, struct otter_interface *out)
{
    const struct netif *netif = &otter__lx106_netif;

    if (n != 0) {
        return OTTER_ERR_NO_DATA;
    }
    memset(out, 0, sizeof *out);
    out->index = netif_get_index(netif);
    memcpy(out->mac, netif->hwaddr, sizeof out->mac);
    out->up = netif_is_up(netif) && netif_is_link_up(netif);
    otter__lx106_from_lwip(netif_ip_addr4(netif), 0, &out->addr);
    otter__lx106_from_lwip(netif_ip_netmask4(netif), 0, &out->mask);
    return 0;
}

/* Ethernet has no radio. */
void otter_net_power_save(bool on)
{
    (void)on;
}

/* --- Names --------------------------------------------------------------- */

static void lookup_done(const char *name, const ip_addr_t *ip, void *number)
{
    (void)name;
    if (lookup.state != LOOKUP_RUNS || (uint32_t)number != lookup.number) {
        return;
    }
    lookup.state = ip == NULL ? LOOKUP_FAILED : LOOKUP_FOUND;
    if (ip != NULL) {
        lookup.ip = *ip;
    }
}

int otter_net_lookup_start(const char *name)
{
    uint8_t probe;

    if (lookup.state != LOOKUP_IDLE) {
        return OTTER_ERR_BUSY;
    }
    if (strlen(name) == 0 || strlen(name) >= DNS_MAX_NAME_LENGTH) {
        return OTTER_ERR_INVALID;
    }
    if (ipaddr_aton(name, &lookup.ip)) {
        lookup.state = LOOKUP_FOUND;
        return 0;
    }
    /* A question with guessable numbers invites forged answers. */
    if (otter_board_random(&probe, sizeof probe) != 0) {
        return OTTER_ERR_NETWORK;
    }
    lookup.number++;
    lookup.state = LOOKUP_RUNS;
    switch (dns_gethostbyname(name, &lookup.ip, lookup_done,
                              (void *)lookup.number)) {
    case ERR_OK:
        lookup.state = LOOKUP_FOUND;
        return 0;
    case ERR_INPROGRESS:
        return 0;
    default: /* questions that were given up still hold the table's rows */
        lookup.state = LOOKUP_IDLE;
        return OTTER_ERR_BUSY;
    }
}

int otter_net_lookup_poll(struct otter_addr *out)
{
    switch (lookup.state) {
    case LOOKUP_RUNS:
        return OTTER_ERR_PENDING;
    case LOOKUP_FOUND:
        lookup.state = LOOKUP_IDLE;
        otter__lx106_from_lwip(&lookup.ip, 0, out);
        return 0;
    default:
        lookup.state = LOOKUP_IDLE;
        return OTTER_ERR_LOOKUP;
    }
}

void otter_net_lookup_cancel(void)
{
    lookup.state = LOOKUP_IDLE;
}
