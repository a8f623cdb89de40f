/* SPDX-License-Identifier: Apache-2.0
 *
 * Placement and commit for Otter's boot loader: a sketch is staged below the
 * record log, as high as possible, where nothing lies that the update may
 * still need; the order to install it is a record (format/boot_record.h).
 *
 * What may be needed is the program to go back to: the running one, where a
 * second copy of it is stored - or, while the running one is on trial, the
 * one before it, which alone has confirmed itself.  In the order of
 * preference, the staged image lies
 *
 *   1. beside everything that is stored, above where it will be installed
 *   2. beside the program to go back to, above where it will be installed
 *   3. beside the program to go back to, above the running one
 *   4. above the running one
 *
 * In cases 3 and 4 it may overlap its own destination as far as the loader
 * allows.  Case 4 gives up the way back and is not open to an update during
 * a trial: that one finds no space. */
#include "device/updater/internal.h"
#include "format/flash_map.h"
#include "hal/flash.h"

#include <stddef.h>
#include <string.h>

/* No program is longer: code runs in the first MiB alone, and RAM is small. */
#define LONGEST 0x120000u

/* gzip shrinks a program to a half or two thirds.  What it really unpacks to
 * is known when all of it has come. */
#define UNPACKED_GUESS 3u

struct otter__area otter__stored(const struct otter_boot_image *image)
{
    struct otter__area area = {image->addr, image->addr};

    if (image->addr != 0) {
        area.to += otter_flash_map_sectors(image->stored_size);
    }
    return area;
}

static bool overlap(struct otter__area a, struct otter__area b)
{
    return a.from < b.to && b.from < a.to;
}

uint32_t otter__find_place(const struct otter__area busy[2], uint32_t low,
                           uint32_t top, uint32_t size)
{
    const uint32_t ends[3] = {top, busy[0].from, busy[1].from};
    uint32_t need = otter_flash_map_sectors(size);
    uint32_t best = 0;

    for (uint32_t i = 0; i < 3; i++) {
        struct otter__area area = {ends[i] - need, ends[i]};

        if (ends[i] <= top && ends[i] >= need && area.from >= low &&
            area.from > best && !overlap(area, busy[0]) &&
            !overlap(area, busy[1])) {
            best = area.from;
        }
    }
    return best;
}

/* --- What lies where ----------------------------------------------------- */

/* What an update may have to go back to, and what is of use only while no
 * update has begun. */
struct stored {
    struct otter__area back;
    struct otter__area spare;
    uint32_t program_end; /* of the running program, whole sectors */
};

static void find_stored(const struct otter_updater *u, struct stored *out)
{
    const struct otter_trial *t = u->config->trial;
    struct otter__area running = otter__stored(&t->running);
    uint32_t size = u->running.size;

    size = size > t->running.size ? size : t->running.size;
    out->program_end = otter_flash_map_sectors(size);
    if (t->saving) {
        running.from = t->save_addr;
        running.to = t->save_addr + out->program_end;
    }
    out->back = t->on_trial ? otter__stored(&t->previous) : running;
    out->spare = t->on_trial ? running : otter__stored(&t->previous);
}

static bool is_empty(struct otter__area area)
{
    return area.from == area.to;
}

static const struct otter__area nothing = {0, 0};

/* --- Placement ----------------------------------------------------------- */

static bool can_overlap(uint32_t start, uint32_t size)
{
    struct otter_boot_image image = {.addr = start, .size = size};

    return otter_boot_overlap_is_safe(&image);
}

/* The four cases for an image whose size is known.  `reach` is how far it
 * will reach when it is installed. */
static uint32_t find_start(const struct stored *stored, uint32_t top,
                           uint32_t size, uint32_t reach, bool must_go_back)
{
    const struct otter__area all[2] = {stored->back, stored->spare};
    const struct otter__area back[2] = {stored->back, nothing};
    const struct otter__area none[2] = {nothing, nothing};
    uint32_t low = stored->program_end;
    uint32_t above = low > reach ? low : reach;
    uint32_t start = 0;

    if (is_empty(stored->back) || stored->back.from >= reach) {
        start = otter__find_place(all, above, top, size);
        if (start == 0) {
            start = otter__find_place(back, above, top, size);
        }
        if (start == 0) {
            start = otter__find_place(back, low, top, size);
        }
    }
    if (!must_go_back && !can_overlap(start, size)) {
        start = otter__find_place(none, low, top, size);
    }
    return start;
}

/* The longest free area above `low`. */
static struct otter__area find_longest(const struct otter__area busy[2],
                                       uint32_t low, uint32_t top)
{
    const uint32_t ends[3] = {top, busy[0].from, busy[1].from};
    struct otter__area best = nothing;

    for (uint32_t i = 0; i < 3; i++) {
        struct otter__area area = {low, ends[i]};

        for (uint32_t k = 0; k < 2; k++) {
            if (busy[k].to > area.from && busy[k].from < area.to) {
                area.from = busy[k].to;
            }
        }
        if (area.to <= top && area.from < area.to &&
            area.to - area.from > best.to - best.from) {
            best = area;
        }
    }
    return best;
}

/* What an image of unknown size may be expected to need: a quarter more than
 * the running one. */
static uint32_t expected(const struct otter_updater *u)
{
    return u->running.size + u->running.size / 4;
}

static int place_unknown(struct otter_updater *u, const struct stored *stored,
                         uint32_t top, bool must_go_back)
{
    const struct otter__area busy[3][2] = {{stored->back, stored->spare},
                                           {stored->back, nothing},
                                           {nothing, nothing}};
    struct otter__area area = nothing;
    uint32_t cases = must_go_back ? 2 : 3;

    for (uint32_t i = 0; i < cases && area.to - area.from < expected(u); i++) {
        area = find_longest(busy[i], stored->program_end, top);
    }
    if (area.to - area.from <= OTTER_FLASH_SECTOR) {
        return OTTER_ERR_SPACE;
    }
    if (area.to - area.from > LONGEST) {
        area.from = area.to - LONGEST;
    }
    u->start = area.from;
    u->capacity = area.to - area.from;
    return 0;
}

int otter__record_place(struct otter_updater *u)
{
    const struct otter_trial *t = u->config->trial;
    uint32_t reach = otter_flash_map_sectors(u->capacity);
    bool must_go_back = t->on_trial && t->previous.addr != 0;
    struct stored stored;

    find_stored(u, &stored);
    if (!u->bounded) {
        return place_unknown(u, &stored, t->log_addr, must_go_back);
    }
    if (u->gzip && reach < LONGEST) {
        reach *= UNPACKED_GUESS;
    }
    u->start =
        find_start(&stored, t->log_addr, u->capacity, reach, must_go_back);
    return u->start != 0 && can_overlap(u->start, u->capacity)
               ? 0
               : OTTER_ERR_SPACE;
}

bool otter__record_may_lie(const struct otter_updater *u, uint32_t start)
{
    const struct otter_trial *t = u->config->trial;
    uint32_t end = start + otter_flash_map_sectors(u->capacity);
    const struct otter__area staged = {start, end};
    struct stored stored;

    if (u->kind == OTTER_UPDATE_FILE_SYSTEM) {
        return start == u->start;
    }
    find_stored(u, &stored);
    return start >= stored.program_end && end > start && end <= t->log_addr &&
           !overlap(staged, stored.back) && !overlap(staged, stored.spare) &&
           can_overlap(start, u->capacity);
}

int otter__record_check_installed(const struct otter_updater *u, uint32_t size)
{
    const struct otter_trial *t = u->config->trial;
    uint32_t reach = otter_flash_map_sectors(size);

    if (t->on_trial && t->previous.addr != 0 && t->previous.addr < reach) {
        return OTTER_ERR_SPACE;
    }
    if (u->gzip ? u->start < reach : !can_overlap(u->start, size)) {
        return OTTER_ERR_SPACE;
    }
    return 0;
}

/* --- Before the first erase ---------------------------------------------- */

/* What the staged image will overwrite is not there any more. */
static void let_go(const struct otter_updater *u, struct otter_trial *t)
{
    struct otter__area staged = {
        u->start, u->start + otter_flash_map_sectors(u->capacity)};
    struct otter__area copy = {
        t->save_addr, t->save_addr + otter_flash_map_sectors(t->running.size)};

    if (overlap(staged, otter__stored(&t->previous))) {
        memset(&t->previous, 0, sizeof t->previous);
    }
    if (overlap(staged, otter__stored(&t->running))) {
        t->running.addr = 0;
    }
    if (t->saving && overlap(staged, copy)) {
        t->saving = false;
    }
}

/* What the record says of an update that may be resumed; else nothing. */
static int note_staged(struct otter_updater *u, struct otter_trial *t)
{
    if (u->config->resume != NULL) {
        return u->config->resume->note(u);
    }
    memset(&t->log.record.staged, 0, sizeof t->log.record.staged);
    return 0;
}

/* Now more is known than when the update began: what really runs, and that
 * the image is in gzip form. */
static int place_again(struct otter_updater *u, struct otter_trial *t)
{
    int error = 0;

    if (u->resumed == 0) {
        memset(&t->log.record.staged, 0, sizeof t->log.record.staged);
    }
    otter__save_begin(u, t, u->bounded ? u->capacity : expected(u));
    if (u->resumed == 0) {
        error = otter__record_place(u);
    }
    if (error == 0 && u->received > u->capacity) {
        error = OTTER_ERR_SPACE;
    }
    if (error == 0) {
        error = note_staged(u, t);
    }
    if (error == 0) {
        let_go(u, t);
        error = otter__trial_say(t);
    }
    return error;
}

int otter__record_prepare(struct otter_updater *u)
{
    struct otter_trial *t = otter__log(u);
    int error;

    if (t == NULL) {
        return u->config->trial->error;
    }
    if (u->kind == OTTER_UPDATE_FILE_SYSTEM) {
        error = note_staged(u, t);
        if (error == 0) {
            error = otter__trial_say_fs(t, true);
        }
    } else {
        error = otter__identify_step(u, t);
        if (error != 0) {
            return error;
        }
        error = place_again(u, t);
    }
    u->prepared = error == 0;
    return error != 0 ? error : OTTER_ERR_PENDING;
}

/* --- The order ----------------------------------------------------------- */

int otter__record_commit(struct otter_updater *u)
{
    struct otter_trial *t = otter__log(u);
    struct otter_boot_image target = {
        .addr = u->start, .stored_size = u->received, .packed = u->gzip};
    bool goes_back = t != NULL && t->on_trial && t->previous.addr != 0;
    uint32_t flags = 0;

    if (t == NULL) {
        return u->config->trial->error;
    }
    if (u->kind == OTTER_UPDATE_FILE_SYSTEM) {
        return otter__trial_say_fs(t, false);
    }
    target.stored_crc = t->stored_crc;
    if (u->gzip) {
        flags |= OTTER_BOOT_UNCHECKED | OTTER_BOOT_INSPECT;
    } else {
        target.size = u->received;
        target.crc = t->staged_crc;
        memcpy(target.md5, u->md5, sizeof target.md5);
    }
    if (!u->confirms) {
        flags |= OTTER_BOOT_FINAL | OTTER_BOOT_STOCK;
    }
    if (goes_back) {
        flags |= OTTER_BOOT_OTHER;
    }
    return otter__trial_ask(t, &target, goes_back ? &t->previous : &t->running,
                            flags);
}
