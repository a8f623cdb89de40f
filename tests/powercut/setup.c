/* SPDX-License-Identifier: Apache-2.0
 *
 * How each life begins: geometry, images, wishes. */
#include "tests/powercut/life.h"

#include "format/crc32.h"

#include <stddef.h>
#include <string.h>

#define FS_SECTORS  2u
#define TOP_SECTORS 1u /* EEPROM and the like, nobody's */

static struct cut_life *const life = &cut_life;

/* How a scenario differs from the plain update of image 0 to image 1. */
struct plan {
    uint32_t old_kind;
    uint32_t new_kind;
    uint32_t next_kind; /* of image 2 */
    uint32_t wishes;
    struct cut_wish wish[CUT_WISHES_MAX];
};

static const struct plan plans[CUT_SCENARIOS] = {
    [CUT_GOOD] = {.wishes = 1, .wish = {{CUT_WISH_UPDATE, 1}}},
    [CUT_BAD] = {.new_kind = CUT_IMAGE_CRASHES,
                 .wishes = 1,
                 .wish = {{CUT_WISH_FAIL, 1}}},
    [CUT_REFUSED] = {.new_kind = CUT_IMAGE_FOREIGN,
                     .wishes = 2,
                     .wish = {{CUT_WISH_FAIL, 1}, {CUT_WISH_UPDATE, 2}}},
    [CUT_REVERT] = {.wishes = 2,
                    .wish = {{CUT_WISH_UPDATE, 1}, {CUT_WISH_REVERT, 0}}},
    [CUT_REREVERT] = {.wishes = 3,
                      .wish = {{CUT_WISH_UPDATE, 1},
                               {CUT_WISH_REVERT, 0},
                               {CUT_WISH_REVERT, 1}}},
    [CUT_OVERLAP] = {.wishes = 1, .wish = {{CUT_WISH_UPDATE, 1}}},
    [CUT_GZIP] = {.new_kind = CUT_IMAGE_PACKED,
                  .wishes = 1,
                  .wish = {{CUT_WISH_UPDATE, 1}}},
    [CUT_GZIP_BAD] = {.new_kind = CUT_IMAGE_PACKED | CUT_IMAGE_CRASHES,
                      .wishes = 1,
                      .wish = {{CUT_WISH_FAIL, 1}}},
    [CUT_GZIP_REVERT] = {.new_kind = CUT_IMAGE_PACKED,
                         .wishes = 3,
                         .wish = {{CUT_WISH_UPDATE, 1},
                                  {CUT_WISH_REVERT, 0},
                                  {CUT_WISH_REVERT, 1}}},
    [CUT_GZIP_CORRUPT] = {.new_kind = CUT_IMAGE_PACKED | CUT_IMAGE_CORRUPT,
                          .wishes = 1,
                          .wish = {{CUT_WISH_FAIL, 1}}},
    [CUT_ROT_STAGED] = {.wishes = 1, .wish = {{CUT_WISH_MAYBE, 1}}},
    [CUT_ROT_MIDCOPY] = {.wishes = 1, .wish = {{CUT_WISH_MAYBE, 1}}},
    [CUT_ROT_ALONE] = {.wishes = 1, .wish = {{CUT_WISH_MAYBE, 1}}},
    [CUT_TWICE] = {.wishes = 2,
                   .wish = {{CUT_WISH_UPDATE, 1}, {CUT_WISH_UPDATE, 2}}},
    [CUT_ON_TRIAL] = {.wishes = 2,
                      .wish = {{CUT_WISH_TRIAL, 1}, {CUT_WISH_UPDATE, 2}}},
    [CUT_NO_ROOM] = {.wishes = 1, .wish = {{CUT_WISH_UPDATE, 1}}},
    [CUT_LOG_FULL] = {.wishes = 2,
                      .wish = {{CUT_WISH_UPDATE, 1}, {CUT_WISH_UPDATE, 2}}},
    [CUT_WITHDRAWN] = {.wishes = 1, .wish = {{CUT_WISH_ONCE, 1}}},
    [CUT_FILE_SYSTEM] = {.wishes = 2,
                         .wish = {{CUT_WISH_FS, 0}, {CUT_WISH_UPDATE, 1}}},
    [CUT_STOCK] = {.old_kind = CUT_IMAGE_STOCK,
                   .new_kind = CUT_IMAGE_STOCK,
                   .next_kind = CUT_IMAGE_STOCK,
                   .wishes = 2,
                   .wish = {{CUT_WISH_UPDATE, 1}, {CUT_WISH_UPDATE, 2}}},
    [CUT_STOCK_GZIP] = {.old_kind = CUT_IMAGE_STOCK,
                        .new_kind = CUT_IMAGE_STOCK | CUT_IMAGE_PACKED,
                        .wishes = 1,
                        .wish = {{CUT_WISH_UPDATE, 1}}},
    [CUT_STOCK_TWICE] = {.new_kind = CUT_IMAGE_STOCK,
                         .wishes = 2,
                         .wish = {{CUT_WISH_UPDATE, 1}, {CUT_WISH_UPDATE, 2}}},
    [CUT_WEB] = {.wishes = 3,
                 .wish = {{CUT_WISH_UPDATE, 1},
                          {CUT_WISH_REVERT, 0},
                          {CUT_WISH_UPDATE, 2}}},
    [CUT_SLEEPER] = {.wishes = 1, .wish = {{CUT_WISH_UPDATE, 1}}},
};

static uint32_t sectors_of(uint32_t index)
{
    return (cut_images[index].size + CUT_SECTOR - 1) / CUT_SECTOR;
}

/* Sectors for images beside the primary. */
static uint32_t room(uint32_t longest)
{
    uint32_t fresh = sectors_of(1);

    switch (life->c.scenario) {
    case CUT_NO_ROOM:
    case CUT_ROT_ALONE:
        return longest + life->c.seed % longest;
    case CUT_OVERLAP: {
        /* The staged copy begins inside the new program, at least two marks
         * behind its start and beyond the old program. */
        uint32_t least = 2 * otter_boot_chunk(cut_images[1].size) / CUT_SECTOR;
        uint32_t start = sectors_of(0) > least ? sectors_of(0) : least;

        return start + fresh > longest ? start + fresh - longest : 0;
    }
    case CUT_STOCK:
    case CUT_STOCK_GZIP:
        return longest + OTTER_BOOT_LOG_SECTORS + life->c.seed % 3;
    default:
        return 2 * longest;
    }
}

/* Records from earlier times, so that the log begins anywhere. */
static void prefill(uint32_t count)
{
    static struct otter_boot_log log;

    otter_boot_log_begin(&log);
    otter_boot_log_judge(&log);
    log.record.counter = 7;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot;

        log.record.state = OTTER_BOOT_DONE;
        slot = otter_boot_log_next(&log);
        if (slot % OTTER_BOOT_SLOTS == 0) {
            memset(cut_flash + life->log + slot * OTTER_BOOT_SLOT_SIZE, 0xff,
                   CUT_SECTOR);
        }
        memcpy(cut_flash + life->log + slot * OTTER_BOOT_SLOT_SIZE,
               &log.record, sizeof log.record);
        log.slot = log.record;
        if (!otter_boot_log_written(&log)) {
            cut_broken("the log cannot be filled");
        }
    }
}

static uint32_t prefill_count(void)
{
    if (life->c.scenario == CUT_LOG_FULL) {
        return OTTER_BOOT_SLOTS - 3 + life->c.seed % 3 +
               OTTER_BOOT_SLOTS * (life->c.seed / 3 % 2);
    }
    if (life->c.scenario == CUT_WITHDRAWN) {
        return OTTER_BOOT_SLOTS - 4 - life->c.seed % 4;
    }
    return life->c.seed % 2 == 0 ? 0 : life->c.seed % 37;
}

static void make_flash(uint32_t longest)
{
    struct otter_flash_map *map = &cut_board.map;
    uint32_t staging = room(longest);

    life->log = (longest + staging) * CUT_SECTOR;
    life->fs = life->log + OTTER_BOOT_LOG_SECTORS * CUT_SECTOR;
    life->end = life->fs + FS_SECTORS * CUT_SECTOR;
    for (uint32_t i = 0; i < 3; i++) {
        cut_image_make(i, cut_images[i].kind, sectors_of(i), life->log,
                       life->c.seed);
    }
    cut_board_open(life->end / CUT_SECTOR + TOP_SECTORS, life->c.seed);
    cut_board.torn.sticky = life->c.sticky;
    cut_board.torn.rarity = life->c.rarity;
    cut_board.torn.faults = life->c.faults;
    cut_board.torn.fault_count = life->c.fault_count;
    cut_board.reset_at = life->c.reset_at;
    memset(map, 0, sizeof *map);
    map->name = "cut";
    map->flash_size = cut_board.torn.nor.size;
    map->fs_start = life->fs;
    map->fs_end = life->end;
    memcpy(cut_flash, cut_images[0].file, cut_images[0].size);
    for (uint32_t i = life->fs; i < cut_board.torn.nor.size; i++) {
        cut_flash[i] = (uint8_t)(i * 7 + life->c.seed);
    }
    prefill(prefill_count());
}

void cut_life_begin(const struct cut_case *c)
{
    const struct plan *plan = &plans[c->scenario];
    uint32_t next = 2 + c->seed % (c->new_sectors - 1);
    uint32_t longest = 0;

    memset(life, 0, sizeof *life);
    memset(&cut_images[3].size, 0, sizeof cut_images[3].size);
    life->c = *c;
    life->wish_count = plan->wishes;
    memcpy(life->wishes, plan->wish, sizeof life->wishes);
    life->allowed = 1;
    /* Sizes first: the geometry follows from them, and goes into the boot
     * sectors. */
    cut_image_make(0, plan->old_kind, c->old_sectors, 0, c->seed);
    cut_image_make(1, plan->new_kind, c->new_sectors, 0, c->seed);
    cut_image_make(2, plan->next_kind, next, 0, c->seed);
    for (uint32_t i = 0; i < 3; i++) {
        longest = sectors_of(i) > longest ? sectors_of(i) : longest;
    }
    make_flash(longest);
    life->next_reason = OTTER_RESET_POWER;
}
