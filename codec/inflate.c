/* SPDX-License-Identifier: Apache-2.0
 *
 * Inflate with canonical codes decoded bit by bit: slow, and small enough for
 * a boot loader.  After the first error every input bit is 0 and nothing more
 * is put out, so that each loop ends by itself and no caller needs to ask. */
#include "codec/inflate.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define END_OF_BLOCK 256u
#define LITERALS     288u /* symbols of the literal and length code */

/* The first three bytes: gzip, deflate. */
#define MAGIC_DEFLATE 0x088B1Fu

/* Flags of the gzip header. */
#define HAS_HEADER_CRC 0x02u
#define HAS_EXTRA      0x04u
#define HAS_NAME       0x08u
#define HAS_COMMENT    0x10u

/* The input is not what it should be, unless something worse has happened. */
static void spoil(struct otter_inflate *f)
{
    if (f->error == 0) {
        f->error = OTTER_ERR_GZIP;
    }
}

/* The `n` lowest bits of the input, 0 to 16. */
static uint32_t take(struct otter_inflate *f, uint32_t n)
{
    uint32_t value;

    while (f->bit_count < n) {
        if (f->next == f->end && f->error == 0) {
            f->error = f->refill(f);
        }
        if (f->error != 0) {
            return 0;
        }
        f->bits |= (uint32_t)*f->next++ << f->bit_count;
        f->bit_count += 8;
    }
    value = f->bits & ((1u << n) - 1);
    f->bits >>= n;
    f->bit_count -= n;
    return value;
}

/* Hands over what the window holds since the last whole block. */
static void flush(struct otter_inflate *f)
{
    uint32_t start = (f->produced - 1) & ~(OTTER_INFLATE_BLOCK - 1);

    f->error = f->flush(f, f->window + start % OTTER_INFLATE_WINDOW,
                        f->produced - start);
}

static void put(struct otter_inflate *f, uint32_t byte)
{
    if (f->error != 0) {
        return;
    }
    f->window[f->produced++ % OTTER_INFLATE_WINDOW] = (uint8_t)byte;
    f->crc ^= byte;
    for (int i = 0; i < 8; i++) {
        f->crc = (f->crc >> 1) ^ (0xEDB88320u & (0u - (f->crc & 1)));
    }
    if (f->produced % OTTER_INFLATE_BLOCK == 0) {
        flush(f);
    }
}

/* Builds the code in which symbol i has a code of lengths[i] bits. */
static void build(struct otter_inflate_code *code, const uint8_t *lengths,
                  uint32_t n)
{
    uint16_t *symbol = code->symbol;

    for (uint32_t length = 1; length < 16; length++) {
        uint16_t *first = symbol;

        for (uint32_t i = 0; i < n; i++) {
            if (lengths[i] == length) {
                *symbol++ = (uint16_t)i;
            }
        }
        code->count[length] = (uint16_t)(symbol - first);
    }
}

/* The next symbol; 0 for a code word that stands for nothing, which is an
 * error. */
static uint32_t decode(struct otter_inflate *f,
                       const struct otter_inflate_code *code)
{
    const uint16_t *symbol = code->symbol;
    uint32_t word = 0; /* as an offset from the first word of this length */

    for (uint32_t length = 1; length < 16; length++) {
        word = word * 2 + take(f, 1);
        if (word < code->count[length]) {
            return symbol[word];
        }
        word -= code->count[length];
        symbol += code->count[length];
    }
    spoil(f);
    return 0;
}

static void build_both(struct otter_inflate *f, uint32_t literals,
                       uint32_t distances)
{
    build(&f->literals, f->lengths, literals);
    build(&f->distances, f->lengths + literals, distances);
}

/* The two codes of a block with fixed codes. */
static void fixed_codes(struct otter_inflate *f)
{
    for (uint32_t i = 0; i < LITERALS + 30; i++) {
        f->lengths[i] = (uint8_t)(i < 144        ? 8
                                  : i < 256      ? 9
                                  : i < 280      ? 7
                                  : i < LITERALS ? 8
                                                 : 5);
    }
    build_both(f, LITERALS, 30);
}

/* The two codes of a block that brings its own. */
static void dynamic_codes(struct otter_inflate *f)
{
    static const uint8_t order[] = "\x10\x11\x12\x00\x08\x07\x09\x06\x0a\x05"
                                   "\x0b\x04\x0c\x03\x0d\x02\x0e\x01\x0f";
    uint32_t literals = take(f, 5) + 257;
    uint32_t all = literals + take(f, 5) + 1;
    uint32_t n = take(f, 4) + 4;
    uint32_t length = 0;

    memset(f->lengths, 0, sizeof f->lengths);
    for (uint32_t i = 0; i < n; i++) {
        f->lengths[order[i]] = (uint8_t)take(f, 3);
    }
    build(&f->literals, f->lengths, 19);
    for (uint32_t i = 0; i < all && f->error == 0;) {
        uint32_t symbol = decode(f, &f->literals);
        uint32_t repeat = 1;

        if (symbol == 16) {
            repeat = 3 + take(f, 2);
        } else if (symbol < 16) {
            length = symbol;
        } else {
            length = 0;
            repeat = symbol == 17 ? 3 + take(f, 3) : 11 + take(f, 7);
        }
        while (repeat-- != 0 && i < sizeof f->lengths) {
            f->lengths[i++] = (uint8_t)length;
        }
    }
    build_both(f, literals, all - literals);
}

/* Copies what an earlier part of the output repeats; `symbol` counts from the
 * first length symbol. */
static void repeat(struct otter_inflate *f, uint32_t symbol)
{
    uint32_t length = 258;
    uint32_t distance;
    uint32_t extra;

    if (symbol < 8) {
        length = 3 + symbol;
    } else if (symbol < 28) {
        extra = symbol / 4 - 1;
        length = 3 + ((4 + symbol % 4) << extra) + take(f, extra);
    }
    distance = 1 + decode(f, &f->distances);
    if (distance > 4) {
        extra = (distance - 1) / 2 - 1;
        distance = 1 + ((2 + (distance - 1) % 2) << extra) + take(f, extra);
    }
    if (distance > f->produced) {
        spoil(f);
    }
    while (length-- != 0) {
        put(f, f->window[(f->produced - distance) % OTTER_INFLATE_WINDOW]);
    }
}

static void coded_block(struct otter_inflate *f)
{
    for (;;) {
        uint32_t symbol = decode(f, &f->literals);

        if (f->error != 0 || symbol == END_OF_BLOCK) {
            return;
        }
        if (symbol < END_OF_BLOCK) {
            put(f, symbol);
        } else {
            repeat(f, symbol - END_OF_BLOCK - 1);
        }
    }
}

static void stored_block(struct otter_inflate *f)
{
    uint32_t length;

    take(f, f->bit_count % 8);
    length = take(f, 16);
    take(f, 16);
    while (length-- != 0) {
        put(f, take(f, 8));
    }
}

/* Returns whether it was the last block. */
static bool block(struct otter_inflate *f)
{
    bool last = take(f, 1) != 0;
    uint32_t type = take(f, 2);

    if (type == 0) {
        stored_block(f);
    } else {
        if (type == 1) {
            fixed_codes(f);
        } else {
            dynamic_codes(f);
        }
        coded_block(f);
    }
    return last;
}

static uint32_t take32(struct otter_inflate *f)
{
    uint32_t low = take(f, 16);

    return low | take(f, 16) << 16;
}

static void header(struct otter_inflate *f)
{
    uint32_t word = take32(f);
    uint32_t flags = word >> 24;

    if ((word & 0xFFFFFF) != MAGIC_DEFLATE) {
        spoil(f);
    }
    take32(f);
    take(f, 16);
    if ((flags & HAS_EXTRA) != 0) {
        for (uint32_t n = take(f, 16); n != 0; n--) {
            take(f, 8);
        }
    }
    for (uint32_t text = HAS_NAME; text <= HAS_COMMENT; text *= 2) {
        while ((flags & text) != 0 && take(f, 8) != 0) {
        }
    }
    if ((flags & HAS_HEADER_CRC) != 0) {
        take(f, 16);
    }
}

int otter_inflate_gzip(struct otter_inflate *f)
{
    f->produced = 0;
    f->bits = 0;
    f->bit_count = 0;
    f->error = 0;
    f->crc = UINT32_MAX;
    header(f);
    while (f->error == 0 && !block(f)) {
    }
    if (f->error == 0 && f->produced % OTTER_INFLATE_BLOCK != 0) {
        flush(f);
    }
    take(f, f->bit_count % 8);
    if ((take32(f) ^ f->crc) != UINT32_MAX || take32(f) != f->produced) {
        spoil(f);
    }
    return f->error;
}
