/* SPDX-License-Identifier: Apache-2.0
 *
 * Unpacks one gzip member (RFC 1951, RFC 1952) in one call, from a function
 * that supplies input to a function that takes output.
 *
 * It is written for the boot loader's 4096 bytes: small before fast.  Nothing
 * is kept between calls; an unpacking that was interrupted starts again from
 * the first byte, and a taker that already has the first blocks drops them.
 * Whatever the input holds, the call ends, touches no memory but its own, and
 * says 0 only when length and CRC-32 of the output agree with the trailer. */
#ifndef OTTER_CODEC_INFLATE_H
#define OTTER_CODEC_INFLATE_H

#include "format/compiler.h"
#include "format/error.h"

#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_INFLATE_WINDOW 32768u /* bytes of history that deflate needs */
#define OTTER_INFLATE_BLOCK  4096u  /* bytes handed to `flush` at a time */

/* Canonical Huffman code: how many codes of each length, then the symbols in
 * the order of their codes. */
struct otter_inflate_code {
    uint16_t count[16];
    uint16_t symbol[288];
};

struct otter_inflate {
    const uint8_t *next; /* input not yet read: set both to NULL or to the */
    const uint8_t *end;  /* first bytes before the call */
    uint32_t produced;   /* bytes unpacked so far, modulo 2^32 */
    uint8_t *window;     /* OTTER_INFLATE_WINDOW bytes, borrowed */

    /* Called when `next` has reached `end`: sets both to further input, at
     * least one byte.  Any value but 0 (no more input included) ends the call,
     * which returns it. */
    int (*refill)(struct otter_inflate *inflate);

    /* Called with each OTTER_INFLATE_BLOCK bytes of output, and with the
     * shorter rest at the end, if there is one, before the trailer is checked.
     * `data` lies in the window, aligned as it is, borrowed for the call.  Any
     * value but 0 ends the call, which returns it. */
    int (*flush)(struct otter_inflate *inflate, uint8_t *data, uint32_t len);

    void *user; /* for the two functions; not looked at */

    /* private */
    uint32_t bits;
    uint32_t bit_count;
    int error;
    uint32_t crc;
    struct otter_inflate_code literals;
    struct otter_inflate_code distances;
    uint8_t lengths[320];
};

/* Unpacks one member.  `next`, `end`, `window`, `refill` and `flush` are set
 * by the caller.  Input after the member is left alone: `next` tells where it
 * begins, if no more than a byte of it was read.  Blocks for the time that the
 * two functions take.
 *
 * OTTER_ERR_GZIP: not gzip, damaged, or another method than deflate. */
OTTER_MUST_CHECK int otter_inflate_gzip(struct otter_inflate *inflate);

OTTER_END_DECLS

#endif
