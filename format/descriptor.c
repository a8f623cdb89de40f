/* SPDX-License-Identifier: Apache-2.0
 *
 * The image descriptor, bytes to struct and back.  Reads only through
 * offsets, so the bytes may lie anywhere. */
#include "format/descriptor.h"

#include "format/bytes.h"
#include "format/error.h"

#include <stddef.h>
#include <string.h>

#define OFF_LAYOUT     8u
#define OFF_SIZE       10u
#define OFF_FLAGS      12u
#define OFF_MIN_LOADER 16u
#define OFF_NAME       20u
#define OFF_VERSION    52u
#define OFF_BOARD      76u
#define OFF_CHIP       92u

#define SAME_PLACE(field, off)                                                \
    _Static_assert(offsetof(struct otter_descriptor_block, field) == (off),   \
                   "the block is the layout")
SAME_PLACE(layout, OFF_LAYOUT);
SAME_PLACE(size, OFF_SIZE);
SAME_PLACE(flags, OFF_FLAGS);
SAME_PLACE(min_loader, OFF_MIN_LOADER);
SAME_PLACE(name, OFF_NAME);
SAME_PLACE(version, OFF_VERSION);
SAME_PLACE(board, OFF_BOARD);
SAME_PLACE(chip, OFF_CHIP);
_Static_assert(sizeof(struct otter_descriptor_block) == OTTER_DESCRIPTOR_SIZE,
               "the block is the layout");

static const uint8_t magic[8] = OTTER_DESCRIPTOR_MAGIC;

/* Copies a text field of `size` bytes to `out`, which has one more. */
static int read_text(char *out, const uint8_t *field, uint32_t size)
{
    uint32_t len = 0;

    while (len < size && field[len] != 0) {
        if (field[len] < 0x20 || field[len] > 0x7E) {
            return OTTER_ERR_SYNTAX;
        }
        len++;
    }
    memcpy(out, field, len);
    out[len] = '\0';
    return 0;
}

bool otter_descriptor_has_magic(const uint8_t *bytes)
{
    return memcmp(bytes, magic, sizeof magic) == 0;
}

int otter_descriptor_decode(const uint8_t bytes[OTTER_DESCRIPTOR_SIZE],
                            struct otter_descriptor *out)
{
    int error;

    if (!otter_descriptor_has_magic(bytes)) {
        return OTTER_ERR_NO_DATA;
    }
    if (otter_load_le16(bytes + OFF_LAYOUT) != OTTER_DESCRIPTOR_LAYOUT ||
        otter_load_le16(bytes + OFF_SIZE) != OTTER_DESCRIPTOR_SIZE) {
        return OTTER_ERR_SYNTAX;
    }
    out->flags = otter_load_le32(bytes + OFF_FLAGS);
    out->min_loader = otter_load_le32(bytes + OFF_MIN_LOADER);
    error = read_text(out->name, bytes + OFF_NAME, sizeof out->name - 1);
    if (error == 0) {
        error = read_text(out->version, bytes + OFF_VERSION,
                          sizeof out->version - 1);
    }
    if (error == 0) {
        error =
            read_text(out->board, bytes + OFF_BOARD, sizeof out->board - 1);
    }
    if (error == 0) {
        error = read_text(out->chip, bytes + OFF_CHIP, sizeof out->chip - 1);
    }
    return error;
}

void otter_descriptor_encode(const struct otter_descriptor *descriptor,
                             uint8_t bytes[OTTER_DESCRIPTOR_SIZE])
{
    memset(bytes, 0, OTTER_DESCRIPTOR_SIZE);
    memcpy(bytes, magic, sizeof magic);
    otter_store_le16(bytes + OFF_LAYOUT, OTTER_DESCRIPTOR_LAYOUT);
    otter_store_le16(bytes + OFF_SIZE, OTTER_DESCRIPTOR_SIZE);
    otter_store_le32(bytes + OFF_FLAGS, descriptor->flags);
    otter_store_le32(bytes + OFF_MIN_LOADER, descriptor->min_loader);
    memcpy(bytes + OFF_NAME, descriptor->name, strlen(descriptor->name));
    memcpy(bytes + OFF_VERSION, descriptor->version,
           strlen(descriptor->version));
    memcpy(bytes + OFF_BOARD, descriptor->board, strlen(descriptor->board));
    memcpy(bytes + OFF_CHIP, descriptor->chip, strlen(descriptor->chip));
}
