/* SPDX-License-Identifier: Apache-2.0
 *
 * The decisions about the record log that need no flash.  Used by the boot
 * loader, so every line counts in its 4096 bytes. */
#include "format/boot_record.h"

#include "format/crc32.h"

#include <stddef.h>
#include <string.h>

_Static_assert(sizeof(struct otter_boot_record) == OTTER_BOOT_SLOT_SIZE,
               "a record fills its slot");
_Static_assert(offsetof(struct otter_boot_record, crc) == 124,
               "the CRC is the last word of the first half");
_Static_assert(offsetof(struct otter_boot_record, mark) ==
                   OTTER_BOOT_MARKS_OFF,
               "the marks are the second half");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "records lie in flash in the byte order of all boards");

static uint32_t record_crc(const struct otter_boot_record *r)
{
    return otter_crc32(OTTER_CRC32_INIT, r,
                       offsetof(struct otter_boot_record, crc));
}

static bool is_blank(const struct otter_boot_record *r)
{
    const uint8_t *byte = (const uint8_t *)r;

    uint8_t all = 0xff;

    for (uint32_t i = 0; i < sizeof *r; i++) {
        all &= byte[i];
    }
    return all == 0xff;
}

void otter_boot_log_begin(struct otter_boot_log *log)
{
    memset(log, 0, sizeof *log);
    log->fresh = 1;
}

void otter_boot_log_look(struct otter_boot_log *log, uint32_t slot)
{
    const struct otter_boot_record *r = &log->slot;
    uint32_t sector = slot / OTTER_BOOT_SLOTS;

    if (is_blank(r)) {
        return;
    }
    log->seen[sector] = slot % OTTER_BOOT_SLOTS + 1;
    if (r->magic == 0) {
        return; /* merely spoiled */
    }
    log->begun[sector] = slot;
    if (r->magic != OTTER_BOOT_RECORD_MAGIC || r->crc != record_crc(r)) {
        return;
    }
    log->valid[sector] = 1;
    if (r->generation >= log->record.generation) {
        log->record = *r;
        log->newest = slot;
    }
}

void otter_boot_log_judge(struct otter_boot_log *log)
{
    struct otter_boot_record *r = &log->record;
    uint32_t sector = log->newest / OTTER_BOOT_SLOTS;

    log->used = log->seen[sector];
    log->previous = r->state;
    log->dirty = log->begun[sector] - log->newest;
    if (log->seen[sector ^ 1] != 0 && log->valid[sector ^ 1] == 0) {
        log->dirty = 1; /* a torn first record */
        log->used = OTTER_BOOT_SLOTS;
    }
    if (r->state == OTTER_BOOT_NONE) {
        sector = 1;
        log->used = OTTER_BOOT_SLOTS;
    }
    log->sector = sector;
    log->home = sector;
    if (r->state == OTTER_BOOT_COPY) {
        for (uint32_t i = r->tries; i < OTTER_BOOT_MARKS; i++) {
            if (r->mark[i] != UINT32_MAX) {
                r->tries = i + 1;
            }
        }
    }
    /* The log of a program that may overwrite it holds nothing else. */
    if (r->state == OTTER_BOOT_DONE &&
        ((r->flags & OTTER_BOOT_AFFIRMED) == 0 ||
         ((r->flags & OTTER_BOOT_STOCK) != 0 && log->seen[sector ^ 1] != 0))) {
        log->dirty = 1;
    }
}

uint32_t otter_boot_log_next(struct otter_boot_log *log)
{
    struct otter_boot_record *r = &log->record;

    /* The first free slot may hold a torn record that cannot be seen yet. */
    log->used += log->fresh;
    log->fresh = 0;
    if (log->used >= OTTER_BOOT_SLOTS) {
        log->sector = log->home ^ 1;
        log->used = 0;
        r->generation++;
    }
    r->magic = OTTER_BOOT_RECORD_MAGIC;
    r->flags &= ~OTTER_BOOT_AFFIRMED;
    if (r->state == OTTER_BOOT_DONE && log->previous != OTTER_BOOT_COPY &&
        log->previous != OTTER_BOOT_TRIAL) {
        r->flags |= OTTER_BOOT_AFFIRMED;
    }
    memset(r->mark, 0xff, sizeof r->mark);
    r->crc = record_crc(r);
    log->newest = log->sector * OTTER_BOOT_SLOTS + log->used++;
    return log->newest;
}

bool otter_boot_log_written(struct otter_boot_log *log)
{
    if (memcmp(&log->slot, &log->record, sizeof log->record) != 0) {
        return false;
    }
    log->previous = log->record.state;
    log->home = log->sector;
    return true;
}
