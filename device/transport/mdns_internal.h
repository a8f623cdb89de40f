/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the responder share.  A set of records is a number with
 * one bit for each record that the device can have; the records of one packet
 * form a group: the host's, and one group for each service. */
#ifndef OTTER_DEVICE_TRANSPORT_MDNS_INTERNAL_H
#define OTTER_DEVICE_TRANSPORT_MDNS_INTERNAL_H

#include "codec/dns.h"
#include "device/transport/mdns.h"
#include "format/error.h"

enum otter__mdns_state {
    OTTER__MDNS_PROBE = 1, /* the name may be another's: silent */
    OTTER__MDNS_ANNOUNCE,
    OTTER__MDNS_RUN
};

/* The records of the host's group, then four for each service. */
#define OTTER__MDNS_A               0x01u
#define OTTER__MDNS_REVERSE         0x02u
#define OTTER__MDNS_NONE            0x04u /* NSEC: nothing else there */
#define OTTER__MDNS_META(s)         (0x08u << (s))
#define OTTER__MDNS_HOST            0x3fu
#define OTTER__MDNS_PTR(s)          (0x040u << (4 * (s)))
#define OTTER__MDNS_SRV(s)          (0x080u << (4 * (s)))
#define OTTER__MDNS_TXT(s)          (0x100u << (4 * (s)))
#define OTTER__MDNS_SERVICE_NONE(s) (0x200u << (4 * (s)))
#define OTTER__MDNS_SERVICE(s)      (0x3c0u << (4 * (s)))

/* Records that other hosts may have too, of the same name and type. */
#define OTTER__MDNS_SHARED                                                    \
    (OTTER__MDNS_META(0) | OTTER__MDNS_META(1) | OTTER__MDNS_META(2) |        \
     OTTER__MDNS_PTR(0) | OTTER__MDNS_PTR(1) | OTTER__MDNS_PTR(2))

/* Groups: bit 0 the host's, bit 1 + s that of service s. */
#define OTTER__MDNS_GROUPS (1u + OTTER_MDNS_SERVICES)

/* A name and the place for its text where it needs one. */
struct otter__mdns_name {
    struct otter_dns_name dns;
    char text[32];
};

void otter__mdns_host_name(const struct otter_mdns *mdns,
                           struct otter_dns_name *name);
void otter__mdns_type_name(const struct otter_mdns *mdns, uint32_t service,
                           struct otter_dns_name *name);
void otter__mdns_instance_name(const struct otter_mdns *mdns, uint32_t service,
                               struct otter_dns_name *name);
void otter__mdns_reverse_name(const struct otter_mdns_link *link,
                              struct otter__mdns_name *name);

/* The TXT data of a service as on the wire: at least one byte. */
const uint8_t *otter__mdns_txt(const struct otter_mdns *mdns, uint32_t service,
                               uint32_t *len);

/* Writes the data of a service's SRV record, the target uncompressed. */
#define OTTER__MDNS_SRV_SIZE (6u + 64u + 7u)
uint32_t otter__mdns_srv(const struct otter_mdns *mdns, uint32_t service,
                         uint8_t data[OTTER__MDNS_SRV_SIZE]);

/* The records of a group. */
uint32_t otter__mdns_group(uint32_t group);

/* --- mdns_match.c: received names and records against ours --------------- */

/* The records that answer a question. */
uint32_t otter__mdns_asked(const struct otter_mdns *mdns,
                           const struct otter_mdns_link *link,
                           const struct otter_dns_reader *reader,
                           const struct otter_dns_question *question);

/* The record of ours that is the same as a received one, 0: none. */
uint32_t otter__mdns_same(const struct otter_mdns *mdns,
                          const struct otter_mdns_link *link,
                          const struct otter_dns_reader *reader,
                          const struct otter_dns_record *record);

/* A received record says that our name is another host's. */
bool otter__mdns_conflicts(const struct otter_mdns *mdns,
                           const struct otter_mdns_link *link,
                           const struct otter_dns_reader *reader,
                           const struct otter_dns_record *record);

/* A received probe is for a name of ours.  `*lost`: its records are later
 * than ours in the order of RFC 6762 section 8.2, so its sender wins. */
bool otter__mdns_probes(const struct otter_mdns *mdns,
                        const struct otter_mdns_link *link,
                        const struct otter_dns_reader *reader, bool *lost);

/* --- mdns_send.c: packets ------------------------------------------------ */

void otter__mdns_send_probe(struct otter_mdns *mdns,
                            struct otter_mdns_link *link);

/* Multicasts everything about the groups, or with `leave` that it is gone. */
void otter__mdns_send_all(struct otter_mdns *mdns,
                          struct otter_mdns_link *link, uint32_t groups,
                          bool leave);

/* Multicasts those of the records that belong to one group. */
void otter__mdns_send_answer(struct otter_mdns *mdns,
                             struct otter_mdns_link *link, uint32_t group,
                             uint32_t records);

/* Answers a query to its sender.  `questions`: a legacy query, read up to the
 * end of its questions, which lies in the packet buffer; NULL: a query that
 * asked for a unicast answer. */
void otter__mdns_send_direct(struct otter_mdns *mdns,
                             struct otter_mdns_link *link, uint32_t records,
                             const struct otter_addr *to, uint16_t id,
                             const struct otter_dns_reader *questions);

/* --- mdns_receive.c -------------------------------------------------------
 */

/* Works off the packet that lies in the packet buffer. */
void otter__mdns_receive(struct otter_mdns *mdns, uint32_t len,
                         const struct otter_datagram *info);

/* --- mdns.c ---------------------------------------------------------------*/

/* The moment has come, correct across the wrap of the clock. */
bool otter__mdns_due(uint32_t moment);

/* A random number from `least` to `least` + `span`. */
uint32_t otter__mdns_random(uint32_t least, uint32_t span);

/* Probes on this link, from `delay_ms` on. */
void otter__mdns_restart(struct otter_mdns_link *link, uint32_t delay_ms);

/* Takes the next name and probes for it on all links. */
void otter__mdns_rename(struct otter_mdns *mdns);

/* A service's strings have changed: tells everybody, twice. */
void otter__mdns_changed(struct otter_mdns *mdns, uint32_t service);

/* A hash by which own packets are recognised when they come back. */
uint32_t otter__mdns_hash(const uint8_t *data, uint32_t len);

#endif
