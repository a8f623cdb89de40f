/* SPDX-License-Identifier: Apache-2.0
 *
 * Updates without power cuts, counted. */
#include "tests/powercut/steady.h"

#include "boot/stock.h"
#include "tests/powercut/life.h"
#include "tests/powercut/update.h"

#include <string.h>

static struct otter_boot_stock stock;
static struct otter_trial trial;
static struct cut_steady *count;

static void count_erase(enum otter_nor_operation operation, uint32_t addr,
                        uint32_t len)
{
    bool in_log = addr >= cut_life.log && addr < cut_life.fs;

    (void)len;
    if (operation == OTTER_NOR_ERASE) {
        *(in_log ? &count->log_erases : &count->erases) += 1;
    }
}

static void count_core_erase(enum otter_nor_operation operation, uint32_t addr,
                             uint32_t len)
{
    (void)addr;
    (void)len;
    count->core_erases += operation == OTTER_NOR_ERASE;
}

/* A new board with image 0 installed; images 1 and 2 are to follow. */
static void begin(void)
{
    const struct otter_flash_map *map = otter_flash_map_find(CUT_STEADY_MAP);

    memset(&cut_life, 0, sizeof cut_life);
    cut_life.fs = map->fs_start;
    cut_life.end = map->fs_end;
    cut_life.log = map->fs_start - OTTER_BOOT_LOG_SECTORS * CUT_SECTOR;
    for (uint32_t i = 0; i < 3; i++) {
        cut_image_make(i, 0, CUT_STEADY_SECTORS, cut_life.log, 1);
    }
    cut_board_open(map->flash_size / CUT_SECTOR, 1);
    cut_board.map = *map;
    memcpy(cut_flash, cut_images[0].file, cut_images[0].size);
}

static bool is_installed(uint32_t image)
{
    return memcmp(cut_flash + CUT_SECTOR, cut_images[image].file + CUT_SECTOR,
                  cut_images[image].size - CUT_SECTOR) == 0;
}

/* One start by Otter's loader: confirm, rest, ask for the next image. */
static void start(uint32_t next)
{
    cut_board_power_on(OTTER_RESET_SOFTWARE);
    if (setjmp(cut_session) != 0) {
        return;
    }
    (void)!otter_boot_run(&cut_boot);
    if (otter_trial_open(&trial) == 0 && otter_trial_confirm(&trial) == 0) {
        cut_update_begin(&trial);
        cut_update_idle();
        (void)!cut_update_sketch(next);
    }
}

static void start_core(uint32_t next)
{
    cut_board_power_on(OTTER_RESET_SOFTWARE);
    if (setjmp(cut_session) == 0) {
        (void)!otter_boot_stock_run(&stock);
        cut_update_stock(next);
    }
}

/* Images 1 and 2 in turn.  The first two updates are not counted: the program
 * that came by cable is saved beside them. */
static bool run(void (*start_one)(uint32_t next),
                void (*counting)(enum otter_nor_operation operation,
                                 uint32_t addr, uint32_t len))
{
    bool good = true;

    begin();
    cut_watch = NULL;
    for (uint32_t i = 0; i <= CUT_STEADY_UPDATES + 2; i++) {
        if (i == 3) {
            cut_watch = counting;
        }
        start_one(1 + i % 2);
        good = good && (i == 0 || is_installed(1 + (i - 1) % 2));
    }
    return good && cut_board.broken[0] == '\0';
}

bool cut_steady_run(struct cut_steady *out)
{
    memset(out, 0, sizeof *out);
    count = out;
    return run(start, count_erase) && run(start_core, count_core_erase);
}
