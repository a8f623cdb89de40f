/* SPDX-License-Identifier: Apache-2.0
 *
 * The running program, compared with what the boot record says of it, and a
 * second copy of it, from which the boot loader can put it back.  After an
 * update the staged image is that copy; one is made only when there is none
 * and the flash has room for three programs: a new one must still fit beside
 * it.  All in steps of one sector, beside the updates.
 *
 * A record may be wrong about what runs: a cable has put another program
 * there.  Then what is in flash counts. */
#include "device/updater/internal.h"
#include "format/crc32.h"
#include "format/flash_map.h"
#include "hal/flash.h"

#include <stdalign.h>
#include <stddef.h>
#include <string.h>

#define SECTOR OTTER_FLASH_SECTOR
#define PAGE   OTTER_FLASH_PAGE

/* --- What runs ----------------------------------------------------------- */

static int identify_begin(struct otter_updater *u, struct otter_trial *t)
{
    int error = otter__running_size(u);

    if (error != 0) {
        return error;
    }
    t->comparing = t->running.size != 0;
    if (!t->comparing) {
        t->running.size = u->running.size;
    }
    t->off = SECTOR;
    t->crc = OTTER_CRC32_INIT;
    return 0;
}

/* Reads what is left of the sector at t->off into the CRC. */
static int read_sector(struct otter_trial *t)
{
    alignas(4) uint8_t chunk[PAGE];

    do {
        uint32_t left = t->running.size - t->off;
        uint32_t len = left < PAGE ? left : PAGE;
        int error = otter_flash_read(t->off, chunk, (len + 3) & ~3u);

        if (error != 0) {
            return error;
        }
        t->crc = otter_crc32(t->crc, chunk, len);
        t->off += len;
    } while (t->off < t->running.size && t->off % SECTOR != 0);
    return 0;
}

int otter__identify_step(struct otter_updater *u, struct otter_trial *t)
{
    int error = 0;

    if (t->known) {
        return 0;
    }
    if (t->off == 0) {
        error = identify_begin(u, t);
    }
    if (error == 0) {
        error = read_sector(t);
    }
    if (error != 0) {
        t->off = 0;
        return error;
    }
    if (t->off < t->running.size) {
        return OTTER_ERR_PENDING;
    }
    if (t->comparing && t->crc != t->running.crc) {
        memset(&t->running, 0, sizeof t->running);
        t->off = 0;
        return OTTER_ERR_PENDING;
    }
    t->running.crc = t->crc;
    t->known = true;
    return 0;
}

/* --- A copy of it -------------------------------------------------------- */

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static bool needs_copy(const struct otter_trial *t)
{
    return !t->on_trial && t->running.addr == 0 && !t->unsavable &&
           t->log.record.state != OTTER_BOOT_COPY;
}

static void take_staged(const struct otter_trial *t, struct otter__area *out)
{
    const struct otter_boot_staged *staged = &t->log.record.staged;

    if (staged->size != 0 && staged->place < t->log_addr) {
        out->from = staged->place & ~(SECTOR - 1);
        out->to = out->from + otter_flash_map_sectors(staged->size);
    }
}

/* Where a copy of `size` bytes can be, 0: nowhere.  It may not be where the
 * previous program is kept; the next update may be there, unless that is what
 * was begun and may be resumed. */
static uint32_t find_copy(const struct otter_trial *t, uint32_t size,
                          uint32_t reserve)
{
    struct otter__area busy[2] = {otter__stored(&t->previous), {0, 0}};
    uint32_t low = otter_flash_map_sectors(size);
    uint32_t addr;

    take_staged(t, &busy[1]);
    addr = otter__find_place(busy, low, t->log_addr, size);
    if (addr == 0 || busy[1].to != 0) {
        return addr;
    }
    busy[0].from = addr;
    busy[0].to = addr + low;
    low = larger(low, otter_flash_map_sectors(reserve));
    return addr >= low &&
                   otter__find_place(busy, low, t->log_addr, reserve) != 0
               ? addr
               : 0;
}

void otter__save_begin(const struct otter_updater *u, struct otter_trial *t,
                       uint32_t reserve)
{
    uint32_t size = larger(t->running.size, u->running.size);

    if (t->saving || !t->known || !needs_copy(t)) {
        return;
    }
    t->save_addr = find_copy(t, size, reserve);
    t->saving = t->save_addr != 0;
    t->off = 0;
    t->crc = OTTER_CRC32_INIT;
    t->stored_crc = OTTER_CRC32_INIT;
}

static int compare(uint32_t addr, const uint8_t page[PAGE], uint32_t len)
{
    alignas(4) uint8_t back[64];

    for (uint32_t off = 0; off < len; off += sizeof back) {
        uint32_t n = len - off < sizeof back ? len - off : sizeof back;
        int error = otter_flash_read(addr + off, back, n);

        if (error != 0) {
            return error;
        }
        if (memcmp(back, page + off, n) != 0) {
            return OTTER_ERR_FLASH_PROGRAM;
        }
    }
    return 0;
}

static int copy_page(struct otter_trial *t)
{
    alignas(4) uint8_t page[PAGE];
    uint32_t left = t->running.size - t->off;
    uint32_t len = left < PAGE ? left : PAGE;
    uint32_t padded = (len + 3) & ~3u;
    int error = otter_flash_read(t->off, page, padded);

    if (error == 0) {
        error = otter_flash_program(t->save_addr + t->off, page, padded);
    }
    if (error == 0) {
        error = compare(t->save_addr + t->off, page, padded);
    }
    if (error == 0) {
        t->stored_crc = otter_crc32(t->stored_crc, page, len);
        if (t->off >= SECTOR) {
            t->crc = otter_crc32(t->crc, page, len);
        }
        t->off += len;
    }
    return error;
}

static int copy_sector(struct otter_trial *t)
{
    int error = otter_flash_erase(t->save_addr + t->off);

    while (error == 0 && t->off < t->running.size) {
        error = copy_page(t);
        if (t->off % SECTOR == 0) {
            break;
        }
    }
    return error;
}

/* The copy is whole: the record says so. */
static int save_end(struct otter_trial *t)
{
    t->saving = false;
    if (t->crc != t->running.crc) {
        return OTTER_ERR_FLASH_READ;
    }
    t->running.addr = t->save_addr;
    t->running.stored_size = t->running.size;
    t->running.stored_crc = t->stored_crc;
    t->running.packed = 0;
    return otter__trial_say(t);
}

/* Before the first change the record is appended once more: the one that was
 * found at the start may read differently after a power cut. */
int otter__save_step(struct otter_trial *t)
{
    int error;

    if (t->log.fresh) {
        error = otter__trial_say(t);
    } else if (t->off < t->running.size) {
        error = copy_sector(t);
    } else {
        error = save_end(t);
    }
    if (error != 0) {
        t->saving = false;
        t->unsavable = true;
        return 0;
    }
    return t->saving ? OTTER_ERR_PENDING : 0;
}

int otter__retain_step(struct otter_updater *u)
{
    struct otter_trial *t = otter__log(u);
    uint32_t size;
    int error;

    if (t == NULL || !needs_copy(t)) {
        return 0;
    }
    if (t->saving) {
        return otter__save_step(t);
    }
    error = otter__running_size(u);
    size = larger(t->running.size, u->running.size);
    if (error == 0 && find_copy(t, size, size) == 0) {
        return 0;
    }
    if (error == 0) {
        error = otter__identify_step(u, t);
    }
    if (error == 0) {
        otter__save_begin(u, t, size);
        error = t->saving ? OTTER_ERR_PENDING : 0;
    }
    t->unsavable = error != 0 && error != OTTER_ERR_PENDING;
    return error == OTTER_ERR_PENDING ? error : 0;
}
