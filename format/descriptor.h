/* SPDX-License-Identifier: Apache-2.0
 *
 * The image descriptor: 128 bytes by which an Otter sketch says what it is.
 * It lies at the start of one of the application image's segments, where
 * inspection looks for it (format/image.h).  It gives the version shown
 * everywhere, lets a device refuse another board's image, and says whether
 * the sketch confirms itself, so that it can be installed on trial.  A stock
 * sketch has none.  All integers are little-endian:
 *
 *   0    magic, 8 bytes            20   name, 32 bytes
 *   8    u16 layout version, 1     52   version, 24 bytes
 *   10   u16 size, 128             76   board, 16 bytes
 *   12   u32 flags                 92   chip, 16 bytes
 *   16   u32 minimum loader        108  zero, 20 bytes
 *
 * Texts are padded with NULs; one that fills its field has none.  They are
 * printable ASCII: whoever shows one need not fear control characters.
 *
 * A sketch defines its own like this, at file scope:
 *
 *   OTTER_DESCRIPTOR_DEFINE(sketch_descriptor, "basic_ota", "1.1.0", "posix",
 *                           "esp8266", OTTER_DESCRIPTOR_CONFIRMS, 0);
 */
#ifndef OTTER_FORMAT_DESCRIPTOR_H
#define OTTER_FORMAT_DESCRIPTOR_H

#include "format/compiler.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_DESCRIPTOR_SIZE   128u
#define OTTER_DESCRIPTOR_LAYOUT 1u
/* As initialiser of an array of bytes; no text or machine code has it. */
#define OTTER_DESCRIPTOR_MAGIC                                                \
    {                                                                         \
        0x4F, 0x74, 0x74, 0x65, 0x72, 0x1A, 0xD5, 0x01                        \
    }

/* Flags; those that a reader does not know are kept and ignored. */
#define OTTER_DESCRIPTOR_CONFIRMS 0x1u /* calls otter_trial_confirm */

/* What a descriptor says, in memory.  Texts end in NUL. */
struct otter_descriptor {
    uint32_t flags;      /* OTTER_DESCRIPTOR_* */
    uint32_t min_loader; /* oldest boot loader that can start it; 0: any */
    char name[33];       /* "basic_ota" */
    char version[25];    /* "1.1.0" */
    char board[17];      /* otter_board_name(); empty: any */
    char chip[17];       /* otter_board_chip(); empty: any */
};

/* The 128 bytes as a sketch carries them.  Only for defining the sketch's own
 * object, on little-endian targets; foreign bytes go through decode. */
struct otter_descriptor_block {
    uint8_t magic[8];
    uint16_t layout;
    uint16_t size;
    uint32_t flags;
    uint32_t min_loader;
    char name[32];
    char version[24];
    char board[16];
    char chip[16];
    uint8_t reserved[20];
};

/* Defines the constant object `symbol` in the section .otter_descriptor, on a
 * multiple of 16, kept by the compiler even when nothing uses it.  A linker
 * script must KEEP it and place it at the start of a segment; for host
 * programs `otter image build` begins a segment there. */
#define OTTER_DESCRIPTOR_DEFINE(symbol, name, version, board, chip, flags,    \
                                min_loader)                                   \
    extern const struct otter_descriptor_block symbol;                        \
    __attribute__((section(".otter_descriptor"), used, aligned(16)))          \
    const struct otter_descriptor_block symbol = {OTTER_DESCRIPTOR_MAGIC,     \
                                                  OTTER_DESCRIPTOR_LAYOUT,    \
                                                  OTTER_DESCRIPTOR_SIZE,      \
                                                  (flags),                    \
                                                  (min_loader),               \
                                                  name,                       \
                                                  version,                    \
                                                  board,                      \
                                                  chip,                       \
                                                  {0}}

/* True when the 8 bytes at `bytes` are the magic: cheap test before decode.
 */
bool otter_descriptor_has_magic(const uint8_t *bytes);

/* Reads 128 bytes.
 * OTTER_ERR_NO_DATA: there is no descriptor (the magic is missing).
 * OTTER_ERR_SYNTAX: the magic is there, but the layout is not 1, the size is
 * not 128, or a text is not printable ASCII up to its first NUL; `out` is
 * then undefined. */
OTTER_MUST_CHECK int otter_descriptor_decode(
    const uint8_t bytes[OTTER_DESCRIPTOR_SIZE], struct otter_descriptor *out);

/* Writes the 128 bytes.  The texts must be as decode wants them. */
void otter_descriptor_encode(const struct otter_descriptor *descriptor,
                             uint8_t bytes[OTTER_DESCRIPTOR_SIZE]);

OTTER_END_DECLS

#endif
