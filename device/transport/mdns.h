/* SPDX-License-Identifier: Apache-2.0
 *
 * Multicast DNS: the device answers to <name>.local and shows its services to
 * everybody who looks for them (RFC 6762, RFC 6763; protocol 1.14 and 6).  The
 * counterpart of the core's MDNS object.
 *
 *   each interface:  probe (3 x 250 ms) -> announce (4 times) -> run
 *     another host has the name:        next name ("-2", "-3" ...), probe
 *     another host probes at the same time and wins:   wait 1 s, probe
 *     another host speaks against it later:            probe again
 *     the address changes, the interface comes up:     probe again
 *
 * Host name and instance names are one name and change together.  What is not
 * multicast is sent to hosts of the own subnet only.  IPv4 only: a question
 * for an IPv6 address is answered with "there is none" (NSEC).  Nothing
 * blocks and nothing is allocated.
 *
 * Every packet about a service carries all that a client needs, PTR, SRV, TXT
 * and A in this order, and is about one service only: the library in Arduino's
 * mdns-discovery finds a device in no other packet (protocol 1.14).
 *
 * Deliberate departures from protocol section 6, each held by a test:
 *   Simultaneous probes are decided by RFC 6762 section 8.2, comparing all
 *     records; the core compares addresses, which is the same for host names.
 *     The loser picks another name by itself, in the core only a callback is
 *     told.
 *   Four announcements after 0, 1, 3 and 7 s instead of eight every second.
 *   A question of type PTR for an instance, which mdns-discovery asks when
 *     something was missing, is answered.
 *   Answers that were multicast less than 1 s ago wait until it is over. */
#ifndef OTTER_DEVICE_TRANSPORT_MDNS_H
#define OTTER_DEVICE_TRANSPORT_MDNS_H

#include "codec/dns_keys.h"
#include "format/compiler.h"
#include "hal/net.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_MDNS_SERVICES 3u
#define OTTER_MDNS_LINKS    2u   /* station and soft access point */
#define OTTER_MDNS_NAME_MAX 63u  /* characters of the host name */
#define OTTER_MDNS_TXT_MAX  256u /* bytes of TXT strings, all services */
#define OTTER_MDNS_PACKET   768u /* the rest of a longer packet is not read */
#define OTTER_MDNS_OWN      8u   /* own packets that are recognised */

/* Seconds that others may keep a record (protocol 6, column HEAD). */
#define OTTER_MDNS_HOST_TTL    120u
#define OTTER_MDNS_SERVICE_TTL 4500u

/* Borrowed until otter_mdns_close.  All-zero is valid. */
struct otter_mdns_config {
    /* 1 to 63 letters, digits, hyphens and underscores; NULL or empty:
     * "esp8266-" and the chip id as six hexadecimal digits, as in the core. */
    const char *host_name;

    /* The only interface to use; 0: the first OTTER_MDNS_LINKS that are up
     * and are not the loopback. */
    uint32_t interface;

    /* Called from poll when the name (without ".local") has become the
     * device's own on an interface.  It differs from host_name if that was
     * taken.  NULL: not called. */
    void (*on_name)(void *user, const char *name);
    void *user; /* handed to on_name, borrowed */
};

struct otter_mdns_service {
    const char *type;
    uint16_t port;
    uint16_t txt_len;
};

/* One interface. */
struct otter_mdns_link {
    uint32_t interface; /* 0: unused */
    uint8_t ip[4];
    uint8_t mask[4];
    uint8_t state;
    uint8_t step;     /* probes or announcements sent */
    uint8_t announce; /* groups of records to announce */
    bool defend;      /* another host asks for the name */
    uint8_t was_sent; /* groups for which `sent` is valid */
    uint32_t timer;   /* when the next probe or announcement is due */
    uint32_t wanted;  /* records to multicast ... */
    uint32_t wanted_at;
    uint32_t held; /* ... and those that wait for more known answers */
    uint32_t held_at;
    uint8_t held_from[4];
    uint32_t sent[1 + OTTER_MDNS_SERVICES]; /* last multicast of a group */
};

struct otter_mdns {
    /* Why there is no socket, OTTER_ERR_*; 0 while there is one. */
    int error;

    /* private */
    const struct otter_mdns_config *config; /* NULL: closed */
    struct otter_udp *udp;
    uint32_t scanned; /* when the interfaces were looked at */
    uint32_t conflicts_since;
    uint16_t suffix; /* 0, 2, 3 ... */
    uint8_t conflicts;
    uint8_t base_len;
    uint8_t service_count;
    uint8_t own_next;
    bool has_scanned;
    char name[OTTER_MDNS_NAME_MAX + 1];
    struct otter_mdns_service service[OTTER_MDNS_SERVICES];
    struct otter_mdns_link link[OTTER_MDNS_LINKS];
    uint32_t own[OTTER_MDNS_OWN]; /* hashes of packets sent */
    uint8_t txt[OTTER_MDNS_TXT_MAX];
    uint8_t packet[OTTER_MDNS_PACKET];
};

/* Sets the responder up; the network is first touched by poll.  May be called
 * again after close.  OTTER_ERR_INVALID: host_name is too long or has another
 * character. */
OTTER_MUST_CHECK int otter_mdns_init(struct otter_mdns *mdns,
                                     const struct otter_mdns_config *config);

/* Adds a service of type "_http._tcp" (borrowed until close) at `port`; its
 * instance is called like the host.  Returns the service's number, 0 or more.
 * OTTER_ERR_NO_MEMORY: there are OTTER_MDNS_SERVICES.  OTTER_ERR_INVALID: the
 * type is no name, longer than 32 characters or already there. */
OTTER_MUST_CHECK int otter_mdns_add_service(struct otter_mdns *mdns,
                                            const char *type, uint16_t port);

/* Adds "_arduino._tcp" with the core's keys (protocol 1.14): `board` is the id
 * in boards.txt or NULL for "generic", `port` the UDP port of push; `auth` is
 * true when push asks for a password.  Returns the service's number.  Errors
 * as add_service and set_txt. */
OTTER_MUST_CHECK int otter_mdns_add_arduino(struct otter_mdns *mdns,
                                            uint16_t port, const char *board,
                                            bool auth);

/* Sets the TXT string "key=value" of a service (both copied), or takes the
 * key out when `value` is NULL.  At any time: a change is announced by poll;
 * the same value again costs nothing.
 * OTTER_ERR_INVALID: no such service, empty key or "=" in it.
 * OTTER_ERR_TOO_LONG: over 255 bytes, or the room for strings is used up. */
OTTER_MUST_CHECK int otter_mdns_set_txt(struct otter_mdns *mdns, int service,
                                        const char *key, const char *value);

/* Works off what has arrived and what is due.  Reads at most four datagrams.
 * Call often: clients wait for answers, and probes are 250 ms apart. */
void otter_mdns_poll(struct otter_mdns *mdns);

/* The name now used or probed for, without ".local".  Valid until poll. */
const char *otter_mdns_name(const struct otter_mdns *mdns);

/* The name is the device's own on at least one interface. */
bool otter_mdns_announced(const struct otter_mdns *mdns);

/* Takes leave of the network (the core does so on end, not at a restart) and
 * closes the socket.  A second close does nothing. */
void otter_mdns_close(struct otter_mdns *mdns);

OTTER_END_DECLS

#endif
