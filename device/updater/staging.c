/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes into flash, one sector at a time.  Sectors are erased before their
 * bytes have come where the size is known, so that a sender waits less; never
 * beyond the announced size, never before the first bytes were judged.  What
 * is programmed is compared with what reads back at once, so that a failing
 * sector is reported as such and not as a wrong digest in the end. */
#include "device/updater/internal.h"
#include "format/flash_map.h"
#include "hal/flash.h"

#include <stdalign.h>
#include <string.h>

#define MODE_BYTE     2
#define SECTORS_AHEAD 8u /* erased before their bytes come */

#define CHUNK 128u /* bytes on the stack, to compare with; a multiple of 4 */

/* Compares the buffer with the flash that it was just programmed to. */
static int compare(const struct otter_updater *u, uint32_t addr, uint32_t len)
{
    alignas(4) uint8_t chunk[CHUNK];

    for (uint32_t off = 0; off < len; off += CHUNK) {
        uint32_t n = len - off < CHUNK ? len - off : CHUNK;
        int error = otter_flash_read(addr + off, chunk, n);

        if (error != 0) {
            return error;
        }
        if (memcmp(chunk, u->buffer + off, n) != 0) {
            return OTTER_ERR_FLASH_PROGRAM;
        }
    }
    return 0;
}

static int erase_next(struct otter_updater *u)
{
    int error = 0;

    if (!u->prepared) {
        error = otter__prepare(u);
    }
    if (error == 0) {
        error = otter_flash_erase(u->start + u->erased);
    }
    if (error == 0) {
        u->erased += OTTER_FLASH_SECTOR;
    }
    return error;
}

/* The running image's flash mode goes into the new one (protocol 2.3): the
 * sender may have built for another way of wiring. */
static void patch_mode(struct otter_updater *u)
{
    uint8_t mode = otter__known_mode(u->buffer[MODE_BYTE]);

    u->mode_received = mode;
    if (mode != u->mode_running) {
        u->buffer[MODE_BYTE] = u->mode_running;
    }
}

/* Programs what is in the buffer, a whole sector or the end of the image. */
static int program_next(struct otter_updater *u)
{
    uint32_t len = otter__buffered(u);
    uint32_t padded = (len + 3) & ~3u;
    uint32_t addr;
    int error = 0;

    if (u->erased <= u->programmed) {
        error = erase_next(u);
    }
    if (error != 0) {
        return error;
    }
    if (u->programmed == 0 && u->kind == OTTER_UPDATE_SKETCH && !u->gzip &&
        len > MODE_BYTE) {
        patch_mode(u);
    }
    memset(u->buffer + len, 0xff, padded - len);
    addr = u->start + u->programmed;
    error = otter_flash_program(addr, u->buffer, padded);
    if (error == 0) {
        error = compare(u, addr, padded);
    }
    if (error == 0) {
        u->programmed += len;
        error = otter__verify_structure(u);
    }
    return error != 0 ? error : OTTER_ERR_PENDING;
}

/* How far the flash may be erased now, in bytes from `start`. */
static uint32_t erase_limit(const struct otter_updater *u)
{
    uint32_t limit = otter_flash_map_sectors(u->received);
    uint32_t most = otter_flash_map_sectors(u->capacity);

    if (u->size_known) {
        limit += SECTORS_AHEAD * OTTER_FLASH_SECTOR;
    }
    return limit < most ? limit : most;
}

int otter__stage_step(struct otter_updater *u, bool all)
{
    uint32_t len = otter__buffered(u);

    if (len == OTTER_FLASH_SECTOR || (all && len > 0)) {
        return program_next(u);
    }
    if (u->erased < erase_limit(u)) {
        int error = erase_next(u);

        return error != 0 ? error : OTTER_ERR_PENDING;
    }
    return 0;
}
