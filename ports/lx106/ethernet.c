/* SPDX-License-Identifier: Apache-2.0
 *
 * The driver.  It is polled; the interrupt only ends a wait.  There is one
 * descriptor for sending, because the machine sends at once. */
#include "ports/lx106/ethernet.h"

#include "hal/board.h"
#include "lwip/etharp.h"
#include "lwip/stats.h"
#include "netif/ethernet.h"
#include "ports/lx106/machine.h"

#include <string.h>

#define MAC_REGISTER(n) OTTER_LX106_REGISTER(0x9d030000u + 4u * (n))
#define MODE            MAC_REGISTER(0)
#define INT_SOURCE      MAC_REGISTER(1)
#define INT_MASK        MAC_REGISTER(2)
#define SEND_COUNT      MAC_REGISTER(8)
#define ADDRESS_LOW     MAC_REGISTER(16)
#define ADDRESS_HIGH    MAC_REGISTER(17)
#define HASH_LOW        MAC_REGISTER(18)
#define HASH_HIGH       MAC_REGISTER(19)

#define MODE_RECEIVE 0x0001u
#define MODE_SEND    0x0002u
#define MODE_RESET   0x0800u
#define MODE_CRC     0x2000u
#define MODE_PAD     0x8000u

#define INT_RECEIVED 0x04u
#define INT_BUSY     0x10u /* a frame was lost: no free descriptor */
#define INT_ALL      0x7fu

/* Descriptors: a word of length and flags, a word with the buffer. */
#define DESCRIPTOR(n)  (0x9d030400u + 8u * (n))
#define FLAGS(n)       OTTER_LX106_REGISTER(DESCRIPTOR(n))
#define ADDRESS(n)     OTTER_LX106_REGISTER(DESCRIPTOR(n) + 4u)
#define FLAG_OWNED     0x8000u /* by the controller: empty, or to be sent */
#define FLAG_INTERRUPT 0x4000u
#define FLAG_WRAP      0x2000u /* the last of its ring */

#define SENDING    0u /* the one for sending */
#define RECEIVING  1u /* the first for receiving */
#define RECEIVERS  9u
#define FRAME_SIZE 1536u
#define FRAME_MIN  60u
#define FCS_SIZE   4u
#define FRAME(n)   ((uint8_t *)(0x9d800000u + FRAME_SIZE * (n)))

static uint32_t next; /* descriptor that the next frame comes in */

static void give_back(uint32_t n)
{
    uint32_t last = RECEIVING + RECEIVERS - 1;

    FLAGS(n) = FLAG_OWNED | FLAG_INTERRUPT | (n == last ? FLAG_WRAP : 0);
}

/* Sending does not wake QEMU's main loop by itself, so that what follows from
 * the frame would wait for some other event; a timer interrupt does. */
static void wake_host(void)
{
    otter__lx106_timer(OTTER_LX106_CYCLES_PER_MS / 10);
}

static err_t send_frame(struct netif *netif, struct pbuf *frame)
{
    uint8_t *to = FRAME(SENDING);
    uint32_t len;

    (void)netif;
    len = pbuf_copy_partial(frame, to, FRAME_SIZE, ETH_PAD_SIZE);
    if (len < FRAME_MIN) {
        memset(to + len, 0, FRAME_MIN - len);
        len = FRAME_MIN;
    }
    ADDRESS(SENDING) = (uint32_t)to;
    FLAGS(SENDING) = len << 16 | FLAG_OWNED | FLAG_WRAP;
    LINK_STATS_INC(link.xmit);
    wake_host();
    return ERR_OK;
}

static void receive_frame(struct netif *netif, const uint8_t *from,
                          uint32_t len)
{
    struct pbuf *frame =
        pbuf_alloc(PBUF_RAW, (u16_t)(len + ETH_PAD_SIZE), PBUF_POOL);

    if (frame == NULL) {
        LINK_STATS_INC(link.memerr);
        return;
    }
    LINK_STATS_INC(link.recv);
    (void)pbuf_take_at(frame, from, (u16_t)len, ETH_PAD_SIZE);
    if (netif->input(frame, netif) != ERR_OK) {
        pbuf_free(frame);
    }
}

bool otter__lx106_ethernet_poll(struct netif *netif)
{
    uint32_t len;

    if ((INT_SOURCE & INT_BUSY) != 0) {
        LINK_STATS_INC(link.drop);
    }
    INT_SOURCE = INT_ALL;
    if ((FLAGS(next) & FLAG_OWNED) != 0) {
        return false;
    }
    len = FLAGS(next) >> 16;
    if (len > FCS_SIZE && len <= FRAME_SIZE) {
        receive_frame(netif, FRAME(next), len - FCS_SIZE);
    }
    give_back(next);
    next = next == RECEIVING + RECEIVERS - 1 ? RECEIVING : next + 1;
    return true;
}

static void start_controller(const uint8_t mac[6])
{
    MODE = MODE_RESET;
    MODE = 0;
    SEND_COUNT = RECEIVING;
    ADDRESS_LOW = (uint32_t)mac[2] << 24 | (uint32_t)mac[3] << 16 |
                  (uint32_t)mac[4] << 8 | mac[5];
    ADDRESS_HIGH = (uint32_t)mac[0] << 8 | mac[1];
    HASH_LOW = UINT32_MAX; /* every multicast group: lwIP knows ours */
    HASH_HIGH = UINT32_MAX;
    for (uint32_t i = RECEIVING; i < RECEIVING + RECEIVERS; i++) {
        ADDRESS(i) = (uint32_t)FRAME(i);
        give_back(i);
    }
    next = RECEIVING;
    INT_SOURCE = INT_ALL;
    INT_MASK = INT_RECEIVED | INT_BUSY;
    MODE = MODE_RECEIVE | MODE_SEND | MODE_CRC | MODE_PAD;
}

err_t otter__lx106_ethernet_init(struct netif *netif)
{
    otter_board_mac(netif->hwaddr);
    netif->hwaddr_len = 6;
    netif->mtu = 1500;
    netif->name[0] = 'e';
    netif->name[1] = 'n';
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP |
                   NETIF_FLAG_LINK_UP | NETIF_FLAG_IGMP;
    netif->output = etharp_output;
    netif->linkoutput = send_frame;
    start_controller(netif->hwaddr);
    return ERR_OK;
}
