/* SPDX-License-Identifier: Apache-2.0
 *
 * The core's loader, cut in the middle of its copy. */
#include "tests/powercut/control.h"

#include "boot/stock.h"
#include "format/error.h"
#include "format/rtc_command.h"
#include "tests/powercut/board.h"
#include "tests/powercut/image.h"

#include <string.h>

static struct otter_boot_stock stock;
static uint8_t before[CUT_FLASH_MAX]; /* staged and commanded */
static uint32_t staging;
static uint32_t flash_size;

static uint32_t whole_sectors(uint32_t size)
{
    return (size + CUT_SECTOR - 1) & ~(CUT_SECTOR - 1);
}

static void prepare(uint32_t life, uint64_t seed)
{
    uint32_t old_sectors = 2 + (uint32_t)(seed + life * 7) % 12;
    uint32_t new_sectors = 2 + (uint32_t)(seed + life * 5) % 12;
    uint32_t longest = old_sectors > new_sectors ? old_sectors : new_sectors;

    cut_image_noise(0, old_sectors, life * 2 + 1);
    cut_image_noise(1, new_sectors, life * 2 + 2);
    if (life % 2 == 0) { /* the same loader, which is skipped */
        memcpy(cut_images[1].file, cut_images[0].file, CUT_SECTOR);
    }
    staging = (longest + life % 3) * CUT_SECTOR;
    flash_size = staging + whole_sectors(cut_images[1].size) + CUT_SECTOR;
    memset(before, 0xff, flash_size);
    memcpy(before, cut_images[0].file, cut_images[0].size);
    memcpy(before + staging, cut_images[1].file, cut_images[1].size);
}

static bool is_there(uint32_t index)
{
    const struct cut_image *image = &cut_images[index];

    return memcmp(cut_flash, image->file, image->size) == 0 &&
           !otter_torn_is_weak(&cut_board.torn, 0, image->size);
}

/* One boot, the first one with the command in RTC memory. */
static void boot(enum otter_reset_reason reason, bool command)
{
    struct otter_rtc_command c;

    cut_board_power_on(reason);
    if (command) {
        otter_rtc_command_set_copy(&c, staging, 0, cut_images[1].size);
        otter_rtc_command_encode(&c, cut_board.rtc);
    }
    if (setjmp(cut_session) == 0) {
        (void)!otter_boot_stock_run(&stock);
    }
}

/* Runs the copy with a fault, or a reset, at one operation.  False: it did not
 * fire. */
static bool run(const struct otter_torn_fault *fault, uint32_t reset_at,
                uint64_t seed)
{
    cut_board_open(flash_size / CUT_SECTOR, seed);
    memcpy(cut_flash, before, flash_size);
    cut_board.torn.faults = fault;
    cut_board.torn.fault_count = fault != NULL;
    cut_board.reset_at = reset_at;
    cut_watch = NULL;
    boot(OTTER_RESET_POWER, true);
    if (fault != NULL && cut_board.torn.cuts == 0) {
        return false;
    }
    if (fault != NULL) {
        boot(OTTER_RESET_POWER, false);
    } else if (reset_at != UINT32_MAX) {
        boot(OTTER_RESET_WATCHDOG, false);
    }
    return true;
}

static void control_life(uint32_t life, uint64_t seed, struct cut_control *out)
{
    static uint32_t trace[CUT_FLASH_MAX / 256];
    uint32_t operations;

    prepare(life, seed);
    cut_board_open(flash_size / CUT_SECTOR, seed);
    memcpy(cut_flash, before, flash_size);
    cut_board.torn.trace = trace;
    cut_board.torn.trace_size = CUT_FLASH_MAX / 256;
    cut_watch = NULL;
    boot(OTTER_RESET_POWER, true);
    operations = cut_board.torn.operations;
    for (uint32_t i = 0; i < operations; i++) {
        uint32_t outcomes = trace[i] % 4 == OTTER_NOR_ERASE
                                ? OTTER_TORN_ERASES
                                : OTTER_TORN_PROGRAMS;

        for (uint32_t o = 0; o < outcomes; o++) {
            const struct otter_torn_fault fault = {i, o};

            if (run(&fault, UINT32_MAX, seed + i * 8 + o)) {
                out->cuts++;
                out->bricks += !is_there(0) && !is_there(1);
            }
        }
        if (run(NULL, i, seed)) {
            out->resets++;
            out->unmade += !is_there(1);
        }
    }
}

void cut_control_run(uint32_t lives, uint64_t seed, struct cut_control *out)
{
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < lives; i++) {
        control_life(i, seed, out);
    }
}
