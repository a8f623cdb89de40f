/* SPDX-License-Identifier: Apache-2.0
 *
 * lwIP on this board: no operating system, the raw API, IPv4.  Every pool has
 * a fixed size, and there is no heap: the allocations that lwIP makes for
 * what it sends come from the pools of lwippools.h. */
#ifndef LWIPOPTS_H
#define LWIPOPTS_H

#define NO_SYS               1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN         0
#define LWIP_SOCKET          0
#define LWIP_TIMERS          1

#define LWIP_IPV4      1
#define LWIP_IPV6      0
#define LWIP_ARP       1
#define LWIP_ETHERNET  1
#define LWIP_ICMP      1
#define LWIP_RAW       0
#define LWIP_UDP       1
#define LWIP_TCP       1
#define LWIP_IGMP      1
#define LWIP_DNS       1
#define LWIP_DHCP      0
#define IP_REASSEMBLY  0
#define IP_FRAG        0
#define IP_FORWARD     0
#define ARP_TABLE_SIZE 8

/* The core traps unaligned words: the IP header starts on a word. */
#define MEM_ALIGNMENT 4
#define ETH_PAD_SIZE  2

#define MEM_LIBC_MALLOC       0
#define MEMP_MEM_MALLOC       0
#define MEM_USE_POOLS         1
#define MEMP_USE_CUSTOM_POOLS 1

#define OTTER_LX106_UDP_SOCKETS 4
#define OTTER_LX106_DATAGRAMS   2 /* that each keeps until they are read */
#define OTTER_LX106_CONNECTIONS 5 /* one is kept for dialling out */
#define OTTER_LX106_LISTENERS   3

/* Received frames: sockets that nobody reads cannot take the last ones. */
#define PBUF_POOL_SIZE    (OTTER_LX106_UDP_SOCKETS * OTTER_LX106_DATAGRAMS + 3)
#define PBUF_POOL_BUFSIZE 1536

#define MEMP_NUM_UDP_PCB        (OTTER_LX106_UDP_SOCKETS + 1) /* DNS */
#define MEMP_NUM_TCP_PCB        (OTTER_LX106_CONNECTIONS + 4) /* TIME_WAIT */
#define MEMP_NUM_TCP_PCB_LISTEN OTTER_LX106_LISTENERS
#define MEMP_NUM_TCP_SEG        16
#define MEMP_NUM_PBUF           8
#define MEMP_NUM_IGMP_GROUP     4

/* What waits for a neighbour's answer.  With one packet for each neighbour, as
 * lwIP has it without a queue, a reset of an old connection would take the
 * place of our OK to the same host. */
#define ARP_QUEUEING       1
#define ARP_QUEUE_LEN      3
#define MEMP_NUM_ARP_QUEUE 6

#define TCP_MSS          1460
#define TCP_WND          (2 * TCP_MSS)
#define TCP_SND_BUF      (2 * TCP_MSS)
#define TCP_SND_QUEUELEN 8
#define TCP_OVERSIZE     0
#define TCP_QUEUE_OOSEQ  0

#define SO_REUSE          1
#define SO_REUSE_RXTOALL  1
#define LWIP_NETIF_API    0
#define LWIP_SINGLE_NETIF 1

#define DNS_TABLE_SIZE      3 /* a question given up holds its row a while */
#define DNS_MAX_NAME_LENGTH 254
#define DNS_MAX_SERVERS     1

/* A new connection's first number must not be guessable. */
#define LWIP_HOOK_TCP_ISN(local_ip, local_port, remote_ip, remote_port)       \
    otter__lx106_net_random()

/* Only what the pools need: how full they were and how often empty. */
#define LWIP_STATS       1
#define LINK_STATS       1
#define ETHARP_STATS     0
#define IP_STATS         0
#define IPFRAG_STATS     0
#define ICMP_STATS       0
#define IGMP_STATS       0
#define UDP_STATS        0
#define TCP_STATS        0
#define MEM_STATS        0
#define MEMP_STATS       1
#define SYS_STATS        0
#define LWIP_STATS_LARGE 0

#endif
