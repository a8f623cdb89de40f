/* SPDX-License-Identifier: Apache-2.0
 *
 * What the programs do at each start, and the lives they lead. */
#include "tests/powercut/life.h"
#include "tests/powercut/update.h"
#include "tests/powercut/web.h"

#include "format/crc32.h"
#include "format/error.h"

#include <string.h>

#define ATTEMPTS   3u /* at one wish, beside those that a cut ended */
#define IDLE_AFTER 4u /* starts that a withdrawn update is waited for */
#define NAPS       4u /* more than there are tries */

static struct cut_life *const life = &cut_life;
static struct otter_trial trial;
static struct otter_trial_status status;

static bool has(uint32_t kind)
{
    return (cut_images[life->who].kind & kind) != 0;
}

/* Cells of the log that a cut has left weak may read as one record to the
 * boot loader and as the one before it to the program, both of them whole and
 * true.  So a promise is held against flash; against the record only where
 * that reads the same to everybody. */
static void check_revert(const struct otter_boot_record *r)
{
    const struct otter_boot_image *back = &trial.previous;
    bool weak =
        otter_torn_is_weak(&cut_board.torn, life->log, life->fs - life->log);

    if (!weak && status.can_revert != (r->fallback.addr != 0)) {
        cut_broken("I14: can_revert is not what the record says");
    }
    if (status.can_revert && !life->rotted &&
        (otter_crc32(OTTER_CRC32_INIT, cut_flash + back->addr,
                     back->stored_size) != back->stored_crc ||
         otter_torn_is_weak(&cut_board.torn, back->addr, back->stored_size))) {
        cut_broken("I14: there is nothing to revert to");
    }
}

/* I14: what the program is told is true. */
static void check_status(void)
{
    const struct otter_boot_record *r = cut_newest();

    if (status.on_trial != (r->state == OTTER_BOOT_TRIAL) ||
        status.tries_left > OTTER_BOOT_TRIES) {
        cut_broken("I14: the status of the trial is not the record's");
    }
    check_revert(r);
    if (strcmp(status.version,
               has(CUT_IMAGE_STOCK) ? "" : cut_images[life->who].version) !=
        0) {
        cut_broken("I14: the status names version %s", status.version);
    }
    if (!status.file_system_incomplete && life->fs_dirty &&
        !cut_update_file_system_is_whole()) {
        cut_broken("I14: the file system is not complete");
    }
}

/* --- Wishes ---------------------------------------------------------------
 */

void cut_next_wish(void)
{
    life->wish++;
    life->attempts = 0;
    life->asked = false;
    life->idle = 0;
    if (life->wish == life->wish_count) {
        life->ended = true;
    }
}

/* Has the current wish come true, or is there no hope for it? */
static bool is_settled(const struct cut_wish *wish)
{
    bool there = life->who == wish->image && !status.on_trial;

    switch (wish->kind) {
    case CUT_WISH_UPDATE:
        return there;
    case CUT_WISH_REVERT:
        return there && life->attempts != 0;
    case CUT_WISH_TRIAL:
        return life->who == wish->image;
    case CUT_WISH_FAIL:
        return life->asked && life->who != wish->image &&
               status.reason != OTTER_BOOT_REASON_NONE;
    case CUT_WISH_MAYBE:
        return there ||
               (life->asked && status.reason != OTTER_BOOT_REASON_NONE);
    case CUT_WISH_ONCE:
        /* Told that it was not installed, nobody wants it any more. */
        if (life->asked && !status.on_trial) {
            life->allowed = 1u << life->who;
        }
        return life->asked && ++life->idle > IDLE_AFTER;
    default:
        return cut_update_file_system_is_whole() &&
               !status.file_system_incomplete;
    }
}

/* The chip has lied about a write: what needed it may have failed honestly. */
static bool chip_lied(void)
{
    return cut_board.torn.fired > cut_board.torn.cuts;
}

/* The updater refuses an image at every attempt; then nobody tries again. */
static void refused(int error)
{
    if ((error == OTTER_ERR_FLASH_PROGRAM && chip_lied()) ||
        (error == OTTER_ERR_DIGEST && life->rotted)) {
        return;
    }
    if ((cut_images[life->wishes[life->wish].image].kind &
         CUT_IMAGE_FOREIGN) == 0) {
        cut_broken("I9: a good image is refused: %s", otter_error_name(error));
        return;
    }
    cut_next_wish();
}

static void try_update(const struct cut_wish *wish)
{
    bool foreign = (cut_images[wish->image].kind & CUT_IMAGE_FOREIGN) != 0;
    int error;

    /* From here on a cut may leave it committed. */
    if (!foreign) {
        life->allowed |= 1u << wish->image;
    }
    life->asked = true;
    error = cut_update_sketch(wish->image);
    if (error != 0) {
        refused(error);
    } else if (foreign) {
        cut_broken("I9: an image for another board is taken");
    }
}

static void try_revert(const struct cut_wish *wish)
{
    int error = life->c.scenario == CUT_WEB ? cut_web_revert()
                                            : otter_trial_revert(&trial);

    if (error == OTTER_ERR_STATE && chip_lied()) {
        cut_next_wish(); /* the old program could not be saved */
    } else if (error != 0) {
        cut_broken("I9: no revert to image %u: %s", (unsigned)wish->image,
                   otter_error_name(error));
    }
}

static void pursue(const struct cut_wish *wish)
{
    if (life->attempts++ > ATTEMPTS + life->c.fault_count) {
        cut_broken("I9: image %u cannot be had", (unsigned)wish->image);
        return;
    }
    switch (wish->kind) {
    case CUT_WISH_REVERT:
        if (life->who != wish->image) {
            try_revert(wish);
        }
        break;
    case CUT_WISH_FS:
        if (cut_update_file_system() != 0 && !chip_lied()) {
            cut_broken("I9: a file system is refused");
        }
        break;
    case CUT_WISH_ONCE:
        if (!life->asked) {
            try_update(wish);
        }
        life->attempts = 0;
        break;
    default:
        try_update(wish);
        break;
    }
}

/* --- Programs -------------------------------------------------------------
 */

static void stock_program(void)
{
    const struct cut_wish *wish = &life->wishes[life->wish];

    if (wish->kind == CUT_WISH_UPDATE && life->who == wish->image) {
        cut_next_wish();
        if (life->ended) {
            return;
        }
        wish = &life->wishes[life->wish];
    }
    if (wish->kind == CUT_WISH_FAIL && life->asked && life->attempts > 1) {
        cut_next_wish(); /* it was installed twice to no avail */
        return;
    }
    if (life->attempts++ > ATTEMPTS + life->c.fault_count) {
        cut_broken("I9: image %u cannot be had", (unsigned)wish->image);
        return;
    }
    life->allowed |= 1u << wish->image;
    life->asked = true;
    cut_update_stock(wish->image);
}

/* One that never works: it gets its starts and no more. */
static void crash(void)
{
    life->next_reason = OTTER_RESET_EXCEPTION;
    if (!status.on_trial && chip_lied()) {
        life->ended = true; /* nothing was saved to go back to */
        return;
    }
    if (++life->crashes > OTTER_BOOT_TRIES + life->c.fault_count) {
        cut_broken("I9: the %uth start of an image that never confirms",
                   (unsigned)life->crashes);
    }
}

/* A sleeper's start on trial.  True: it sleeps on. */
static bool sleeps(void)
{
    if (life->c.scenario != CUT_SLEEPER || !status.on_trial) {
        return false;
    }
    if (cut_board.reset_reason == OTTER_RESET_DEEP_SLEEP &&
        status.tries_left != life->tries) {
        cut_broken("I9: a wake from deep sleep has used up a try");
    }
    life->tries = status.tries_left;
    if (life->naps++ >= NAPS) {
        return false;
    }
    life->next_reason = OTTER_RESET_DEEP_SLEEP;
    return true;
}

static int confirm(void)
{
    return life->c.scenario == CUT_WEB ? cut_web_confirm()
                                       : otter_trial_confirm(&trial);
}

static void otter_program(void)
{
    if (otter_trial_open(&trial) != 0) {
        cut_broken("I14: the program does not find the log");
        return;
    }
    cut_update_begin(&trial);
    otter_trial_status(&trial, &status);
    check_status();
    if (has(CUT_IMAGE_CRASHES)) {
        crash();
        return;
    }
    if (life->ended || sleeps()) {
        return;
    }
    if (status.on_trial &&
        !(life->c.scenario == CUT_ON_TRIAL && life->who == 1)) {
        if (confirm() != 0) {
            cut_broken("I9: the confirmation is refused");
        }
        otter_trial_status(&trial, &status);
    }
    while (!life->ended && is_settled(&life->wishes[life->wish])) {
        cut_next_wish();
    }
    if (!life->ended) {
        cut_update_idle();
        pursue(&life->wishes[life->wish]);
    }
}

void cut_program(void)
{
    if (has(CUT_IMAGE_STOCK) && life->ended) {
        return;
    }
    if (has(CUT_IMAGE_STOCK)) {
        stock_program();
    } else {
        otter_program();
    }
}
