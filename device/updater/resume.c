/* SPDX-License-Identifier: Apache-2.0
 *
 * Updates that go on after a reset.  The record that is appended before the
 * first erase says in any case what the log still refers to; here it also says
 * what is staged where, and its marks tell how far that is: one is programmed
 * when the sectors that it stands for have been programmed and read back, so a
 * mark that lost power in mid-program tells nothing untrue.
 *
 * Nothing is believed further than that.  What may have been cut is staged
 * again, the placement is judged as for a new image, and verify reads all of
 * it back from flash: an update with the wrong digest is marked as no good and
 * begins at its first byte next time. */
#include "device/updater/internal.h"
#include "format/flash_map.h"
#include "hal/flash.h"

#include <stddef.h>
#include <string.h>

#define MODE_BYTE    2
#define MODE_SHIFT   5
#define MODE_UNKNOWN 4u /* in the record, for what is 255 elsewhere */

static struct otter_boot_staged *note_of(const struct otter_updater *u)
{
    return &u->config->trial->log.record.staged;
}

static uint32_t addr_of(const struct otter_boot_staged *note)
{
    return note->place & ~(OTTER_FLASH_SECTOR - 1);
}

static uint32_t count_of(const struct otter_boot_staged *note)
{
    return note->place & OTTER_BOOT_STAGED_COUNT;
}

static uint8_t mode_of(const struct otter_boot_staged *note)
{
    uint32_t mode = (note->place & OTTER_BOOT_STAGED_MODE) >> MODE_SHIFT;

    return otter__known_mode((uint8_t)mode);
}

/* True when the first bytes are those of an image as it was staged. */
static bool begins_well(struct otter_updater *u, uint32_t addr)
{
    if (u->kind == OTTER_UPDATE_FILE_SYSTEM) {
        return true;
    }
    return otter_flash_read(addr, u->buffer, 4) == 0 &&
           otter__verify_head(u, 4) == 0 &&
           (u->gzip ||
            otter__known_mode(u->buffer[MODE_BYTE]) == u->mode_running);
}

static void resume_begin(struct otter_updater *u, const uint8_t *key)
{
    const struct otter_boot_staged *note = note_of(u);
    uint32_t addr = addr_of(note);
    uint32_t staged = count_of(note) * otter_boot_staged_chunk(note->size);

    memcpy(u->key, key, sizeof u->key);
    u->keyed = true;
    if (staged == 0 || note->size != u->capacity ||
        memcmp(note->key, key, sizeof u->key) != 0 ||
        u->config->trial->log.record.state == OTTER_BOOT_COPY ||
        !otter__record_may_lie(u, addr) || !begins_well(u, addr)) {
        u->gzip = false;
        return;
    }
    staged = staged < u->capacity ? staged : u->capacity;
    u->start = addr;
    u->resumed = staged;
    u->received = staged;
    u->programmed = staged;
    u->erased = otter_flash_map_sectors(staged);
    u->mode_received = mode_of(note);
    u->head_good = true;
}

static int resume_note(struct otter_updater *u)
{
    struct otter_boot_staged *note = note_of(u);
    uint32_t count = u->resumed > 0 ? count_of(note) : 0;
    uint32_t mode = u->resumed > 0 ? u->mode_received
                                   : otter__known_mode(u->buffer[MODE_BYTE]);

    if (u->resumed > 0 && !otter__record_may_lie(u, u->start)) {
        return OTTER_ERR_SPACE;
    }
    memset(note, 0, sizeof *note);
    u->noted =
        u->keyed && u->config->trial->log.record.state != OTTER_BOOT_COPY;
    if (u->noted) {
        mode = mode < MODE_UNKNOWN ? mode : MODE_UNKNOWN;
        note->place = u->start | mode << MODE_SHIFT | count;
        note->size = u->capacity;
        memcpy(note->key, u->key, sizeof note->key);
    }
    return 0;
}

/* Programs mark number `mark` of the newest record, which was appended in this
 * session.  One that fails costs staging some sectors again. */
static void program_mark(const struct otter_updater *u, uint32_t mark)
{
    const struct otter_trial *t = u->config->trial;
    uint32_t zero = 0;
    uint32_t addr = t->log_addr + t->log.newest * OTTER_BOOT_SLOT_SIZE +
                    OTTER_BOOT_MARKS_OFF + mark * (uint32_t)sizeof zero;

    (void)!otter_flash_program(addr, &zero, sizeof zero);
}

static bool resume_mark(struct otter_updater *u)
{
    struct otter_boot_staged *note = note_of(u);
    uint32_t chunk = otter_boot_staged_chunk(u->capacity);
    uint32_t done = u->programmed / chunk;

    if (note->size == 0) {
        u->noted = false; /* an order has been appended meanwhile */
        return false;
    }
    if (u->programmed == u->capacity) {
        done = (u->capacity + chunk - 1) / chunk;
    }
    if (done <= count_of(note)) {
        return false;
    }
    note->place += done - count_of(note);
    program_mark(u, done - 1);
    return true;
}

static void resume_drop(struct otter_updater *u)
{
    struct otter_boot_staged *note = note_of(u);

    u->noted = false;
    if (note->size != 0) {
        memset(note, 0, sizeof *note);
        program_mark(u, OTTER_BOOT_STAGED_MARKS);
    }
}

const struct otter_updater_resume otter_updater_resume = {
    .begin = resume_begin,
    .note = resume_note,
    .mark = resume_mark,
    .drop = resume_drop,
};
