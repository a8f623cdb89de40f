/* SPDX-License-Identifier: Apache-2.0
 *
 * What the reader and the writer of DNS messages share: one label at a time,
 * out of a text or out of a message. */
#ifndef OTTER_CODEC_DNS_INTERNAL_H
#define OTTER_CODEC_DNS_INTERNAL_H

#include "codec/dns.h"

/* A place in a name that is given as text. */
struct otter__dns_text {
    const struct otter_dns_name *name;
    uint32_t piece;
    const char *at; /* NULL: at the start of `piece` */
};

/* A place in a name that lies in a message. */
struct otter__dns_walk {
    const uint8_t *msg;
    uint32_t len;
    uint32_t at;
    uint32_t limit; /* pointers must go below this offset */
    uint32_t total; /* bytes of the name so far */
    uint32_t hops;
};

/* Each takes the next label and returns its length, 0 at the end of the name.
 * OTTER_ERR_INVALID: the text is no name. */
int otter__dns_text_label(struct otter__dns_text *text,
                          uint8_t label[OTTER_DNS_LABEL_MAX]);

/* OTTER_ERR_SYNTAX: the message has no well-formed name here. */
int otter__dns_walk_label(struct otter__dns_walk *walk, const uint8_t **label);

struct otter__dns_walk otter__dns_walk_from(const uint8_t *msg, uint32_t len,
                                            uint32_t at);

/* Capital ASCII letters to small ones, everything else as it is. */
uint8_t otter__dns_small(uint8_t c);

/* Both names are the same from here to their ends. */
bool otter__dns_same(struct otter__dns_walk walk, struct otter__dns_text text,
                     bool fold);

#endif
