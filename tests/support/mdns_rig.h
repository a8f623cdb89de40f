/* SPDX-License-Identifier: Apache-2.0
 *
 * A responder on the fake network: what its unit and conformance tests share.
 * The device is 192.168.1.77/24 on interface 1, called "lamp", with the
 * services _arduino._tcp at 8266 and _http._tcp at 80; other hosts are what
 * the test sends. */
#ifndef OTTER_TESTS_SUPPORT_MDNS_RIG_H
#define OTTER_TESTS_SUPPORT_MDNS_RIG_H

#include "codec/dns.h"
#include "device/transport/mdns.h"
#include "tests/support/dns_text.h"
#include "tests/support/fake_net.h"
#include "tests/support/sim_board.h"

#define RIG_NAME(...) (&(const struct otter_dns_name){{__VA_ARGS__}})

struct mdns_rig {
    struct otter_mdns mdns;
    struct otter_mdns_config config;
    int arduino; /* service numbers */
    int http;
    struct fake_datagram taken; /* by mdns_rig_take */
    uint32_t taken_ms;          /* when it was sent */
    char names[128];            /* on_name was called with, each and a ";" */
};

/* Set-up and tear-down of a cmocka test; `*state` is the rig.  The second
 * goes on until all announcements are over and taken. */
int mdns_rig_set_up(void **state);
int mdns_rig_set_up_running(void **state);
int mdns_rig_tear_down(void **state);

/* Polls, moves the clock by one millisecond, and so on: until a packet was
 * sent, at most `ms` milliseconds.  The text of the packet, "" for none;
 * what it is and when it was sent is in the rig. */
const char *mdns_rig_take(struct mdns_rig *rig, uint32_t ms);

/* Everything sent within `ms` is taken; returns the number of packets. */
uint32_t mdns_rig_drop(struct mdns_rig *rig, uint32_t ms);

/* A query or response under construction. */
struct mdns_rig_message {
    struct otter_dns_writer writer;
    uint8_t buf[1400];
};

void mdns_rig_query(struct mdns_rig_message *m, uint16_t flags);
void mdns_rig_ask(struct mdns_rig_message *m, const char *name, uint16_t type,
                  bool unicast);

/* Records of another host, or known answers. */
void mdns_rig_add_a(struct mdns_rig_message *m, enum otter_dns_section section,
                    const char *name, uint32_t ttl, const char *ip);
void mdns_rig_add_ptr(struct mdns_rig_message *m,
                      enum otter_dns_section section, const char *name,
                      uint32_t ttl, const char *target);
void mdns_rig_add_srv(struct mdns_rig_message *m,
                      enum otter_dns_section section, const char *name,
                      uint32_t ttl, uint16_t port, const char *target);
void mdns_rig_add_txt(struct mdns_rig_message *m,
                      enum otter_dns_section section, const char *name,
                      uint32_t ttl, const char *strings, uint32_t len);

/* The message arrives by multicast on interface 1, from `ip` and `port`. */
void mdns_rig_send(struct mdns_rig_message *m, const char *ip, uint16_t port);

/* The shortest way: one question from 192.168.1.9, port `port`. */
void mdns_rig_question(uint16_t port, const char *name, uint16_t type,
                       bool unicast);

/* Takes the next packet, which must be `text`, and returns how long after
 * `since` it was sent; at once; or checks that there is none for `ms`. */
uint32_t mdns_rig_after(struct mdns_rig *rig, uint32_t since,
                        const char *text);
void mdns_rig_now(struct mdns_rig *rig, const char *text);
void mdns_rig_silent(struct mdns_rig *rig, uint32_t ms);

/* Another host says that it is called `name`. */
void mdns_rig_claim(const char *name, const char *ip, uint32_t ttl);

/* The texts of the device's packets under some name. */
#define MDNS_RIG_PROBE(name)                                                  \
    "query id 0\n"                                                            \
    "question ANY " name ".local unicast\n"                                   \
    "question ANY " name "._arduino._tcp.local unicast\n"                     \
    "question ANY " name "._http._tcp.local unicast\n"                        \
    "authority A " name ".local 120 192.168.1.77\n"                           \
    "authority SRV " name "._arduino._tcp.local 4500 0 0 8266 " name          \
    ".local\n"                                                                \
    "authority TXT " name "._arduino._tcp.local 4500 \"tcp_check=no\" "       \
    "\"ssh_upload=no\" \"board=generic\" \"auth_upload=yes\"\n"               \
    "authority SRV " name "._http._tcp.local 4500 0 0 80 " name ".local\n"    \
    "authority TXT " name "._http._tcp.local 4500 \"\"\n"

#define MDNS_RIG_HOST(name, ip, reverse)                                      \
    "response id 0\n"                                                         \
    "answer A " name ".local flush 120 " ip "\n"                              \
    "answer PTR " reverse ".in-addr.arpa flush 120 " name ".local\n"          \
    "answer PTR _services._dns-sd._udp.local 4500 _arduino._tcp.local\n"      \
    "answer PTR _services._dns-sd._udp.local 4500 _http._tcp.local\n"

#define MDNS_RIG_ARDUINO(name)                                                \
    "response id 0\n"                                                         \
    "answer PTR _arduino._tcp.local 4500 " name "._arduino._tcp.local\n"      \
    "answer SRV " name "._arduino._tcp.local flush 4500 0 0 8266 " name       \
    ".local\n"                                                                \
    "answer TXT " name "._arduino._tcp.local flush 4500 \"tcp_check=no\" "    \
    "\"ssh_upload=no\" \"board=generic\" \"auth_upload=yes\"\n"               \
    "answer A " name ".local flush 120 192.168.1.77\n"

#define MDNS_RIG_HTTP(name)                                                   \
    "response id 0\n"                                                         \
    "answer PTR _http._tcp.local 4500 " name "._http._tcp.local\n"            \
    "answer SRV " name "._http._tcp.local flush 4500 0 0 80 " name ".local\n" \
    "answer TXT " name "._http._tcp.local flush 4500 \"\"\n"                  \
    "answer A " name ".local flush 120 192.168.1.77\n"

#endif
