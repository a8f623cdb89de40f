/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions and invariants. */
#include "tests/powercut/life.h"

#include "format/crc32.h"
#include "format/error.h"

#include <string.h>

#define LOG_ERASES_MAX 4u /* in one start: a switch, and the other sector */

const char *const cut_scenario_names[CUT_SCENARIOS] = {
    "good",       "bad",         "refused",   "revert",      "rerevert",
    "overlap",    "gzip",        "gzip-bad",  "gzip-revert", "gzip-corrupt",
    "rot-staged", "rot-midcopy", "rot-alone", "twice",       "on-trial",
    "no-room",    "log-full",    "withdrawn", "file-system", "stock",
    "stock-gzip", "stock-twice", "web",       "sleeper"};

struct cut_life cut_life;
struct otter_boot cut_boot;

static struct cut_life *const life = &cut_life;

/* --- The log, as its cells hold it --------------------------------------- */

const struct otter_boot_record *cut_newest(void)
{
    static struct otter_boot_log log;

    if (!life->newest_known) {
        otter_boot_log_begin(&log);
        for (uint32_t i = 0; i < OTTER_BOOT_LOG_SECTORS * OTTER_BOOT_SLOTS;
             i++) {
            memcpy(&log.slot, cut_flash + life->log + i * OTTER_BOOT_SLOT_SIZE,
                   sizeof log.slot);
            otter_boot_log_look(&log, i);
        }
        life->newest = log.record;
        life->newest_known = true;
    }
    return &life->newest;
}

static bool overlaps(uint32_t a, uint32_t a_len, uint32_t b, uint32_t b_len)
{
    return a < b + b_len && b < a + a_len;
}

static bool refers_to(const struct otter_boot_image *image, uint32_t addr,
                      uint32_t len)
{
    return image->addr != 0 &&
           overlaps(image->addr, image->stored_size, addr, len);
}

static uint32_t whole_sectors(uint32_t size)
{
    return (size + CUT_SECTOR - 1) & ~(CUT_SECTOR - 1);
}

/* --- Each operation ------------------------------------------------------ */

static bool is_stock(uint32_t image)
{
    return (cut_images[image].kind & CUT_IMAGE_STOCK) != 0;
}

/* The loader copies into the primary what its record says, which is in flash,
 * or moves what the core has staged. */
static void watch_loader(uint32_t addr, uint32_t len)
{
    const struct otter_boot_record *r = &cut_boot.log.record;
    uint32_t end = whole_sectors(r->target.size);

    if (r->state != OTTER_BOOT_COPY) {
        if (!is_stock(life->who)) {
            cut_broken("I5: the loader writes at %#x without a COPY",
                       (unsigned)addr);
        } else if (addr < whole_sectors(cut_images[life->who].size)) {
            cut_broken("I5: a move over the running program at %#x",
                       (unsigned)addr);
        }
        return;
    }
    if (cut_newest()->crc != r->crc) {
        cut_broken("I5: the loader copies what the log does not say");
    }
    if (addr >= end) {
        cut_broken("I5: the loader writes at %#x, beyond the image",
                   (unsigned)addr);
    }
    if (refers_to(&r->fallback, addr, len) &&
        r->fallback.addr >= r->target.size) {
        cut_broken("I5: the loader writes over the fallback at %#x",
                   (unsigned)addr);
    }
}

static void watch_program(uint32_t addr, uint32_t len)
{
    const struct otter_boot_record *r = cut_newest();

    if (is_stock(life->who)) {
        return; /* it knows nothing of a log */
    }
    if (addr < whole_sectors(cut_images[life->who].size)) {
        cut_broken("I5: the program writes over itself at %#x",
                   (unsigned)addr);
    }
    if (refers_to(&r->target, addr, len) ||
        refers_to(&r->fallback, addr, len)) {
        cut_broken("I5: the program writes at %#x, which the record names",
                   (unsigned)addr);
    }
}

/* The longest operation is the erase of a sector. */
static void watch_watchdog(enum otter_nor_operation operation)
{
    if (operation == OTTER_NOR_ERASE && !life->in_program) {
        if (!cut_board.fed) {
            cut_broken("WD: the watchdog is not fed in each sector");
        }
        cut_board.fed = false;
    }
}

static void watch(enum otter_nor_operation operation, uint32_t addr,
                  uint32_t len)
{
    watch_watchdog(operation);
    if (addr < CUT_SECTOR) {
        cut_broken("I3: the boot sector is written");
        return;
    }
    if (addr >= life->log && addr < life->fs) {
        life->newest_known = false;
        life->log_erases += operation == OTTER_NOR_ERASE;
        if (!life->in_program || !is_stock(life->who)) {
            return;
        }
    }
    if (addr >= life->fs) {
        if (!life->in_program ||
            life->wishes[life->wish].kind != CUT_WISH_FS ||
            addr >= life->end) {
            cut_broken("I3: the file system is written at %#x",
                       (unsigned)addr);
        }
        life->fs_dirty = true;
        return;
    }
    if (life->in_program) {
        watch_program(addr, len);
    } else {
        watch_loader(addr, len);
    }
}

/* --- Each start ---------------------------------------------------------- */

/* What follows the image in its last sector is no part of it and in no CRC: a
 * chip that lies three times in a row about it leaves it as it was. */
static bool is_installed(const struct cut_image *image)
{
    uint32_t end = whole_sectors(image->size);
    bool lies = cut_board.torn.fired != cut_board.torn.cuts;

    if (memcmp(cut_flash + CUT_SECTOR, image->file + CUT_SECTOR,
               image->size - CUT_SECTOR) != 0) {
        return false;
    }
    for (uint32_t i = image->size; i < end; i++) {
        if (cut_flash[i] != 0xff && !lies) {
            return false;
        }
    }
    return !otter_torn_is_weak(&cut_board.torn, CUT_SECTOR, end - CUT_SECTOR);
}

/* I1: one whole image. */
static void identify(void)
{
    for (uint32_t i = 0; i < CUT_IMAGES; i++) {
        if (cut_images[i].size != 0 && is_installed(&cut_images[i])) {
            life->who = i;
            return;
        }
    }
    cut_broken("I1: what starts is no whole image");
}

/* I4: what the record refers to is there. */
static void check_retained(const struct otter_boot_image *image,
                           const char *name)
{
    if (image->addr == 0 || life->rotted) {
        return;
    }
    if (image->addr + image->stored_size > life->log ||
        otter_crc32(OTTER_CRC32_INIT, cut_flash + image->addr,
                    image->stored_size) != image->stored_crc ||
        otter_torn_is_weak(&cut_board.torn, image->addr, image->stored_size)) {
        cut_broken("I4: the %s that the record names is not whole", name);
    }
}

/* How many images one start may write: one.  A second one when the first is
 * found to be damaged; a stock one is moved before it is written. */
static uint32_t images_written(void)
{
    switch (life->c.scenario) {
    case CUT_ROT_STAGED:
    case CUT_ROT_MIDCOPY:
    case CUT_ROT_ALONE:
    case CUT_STOCK:
    case CUT_STOCK_GZIP:
    case CUT_STOCK_TWICE:
        return 2;
    default:
        return 1;
    }
}

/* I7: where the chip lies, everything is tried three times. */
static void check_erases(void)
{
    uint32_t tries = cut_board.torn.fired == cut_board.torn.cuts ? 1 : 6;
    uint32_t in_log = life->log_erases - life->old_log_erases;
    uint32_t erases =
        (uint32_t)cut_board.counters.erases - life->erases - in_log;
    uint32_t longest = 0;

    for (uint32_t i = 0; i < CUT_IMAGES; i++) {
        if (cut_images[i].size > longest) {
            longest = cut_images[i].size;
        }
    }
    longest = whole_sectors(longest) / CUT_SECTOR;
    if (erases > tries * images_written() * longest) {
        cut_broken("I7: %u erases in one start", (unsigned)erases);
    }
    if (in_log > tries * LOG_ERASES_MAX) {
        cut_broken("I7: %u erases of the log in one start", (unsigned)in_log);
    }
}

static void check_start(void)
{
    const struct otter_boot_record *r = &cut_boot.log.record;

    identify();
    if ((life->allowed >> life->who & 1) == 0) {
        cut_broken("I10: image %u runs and nobody asked for it",
                   (unsigned)life->who);
    }
    if ((r->state == OTTER_BOOT_DONE || r->state == OTTER_BOOT_TRIAL) &&
        cut_boot.log_addr == life->log && r->target.size != 0 &&
        otter_crc32(OTTER_CRC32_INIT, cut_flash + CUT_SECTOR,
                    r->target.size - CUT_SECTOR) != r->target.crc) {
        cut_broken("I2: image %u runs and the record says another",
                   (unsigned)life->who);
    }
    if (r->state == OTTER_BOOT_COPY) {
        cut_broken("I2: a program starts in the middle of a copy");
    }
    check_retained(&r->target, "target");
    check_retained(&r->fallback, "fallback");
    check_erases();
}

/* A bit of the staged image flips by itself, once.  In mid-copy only when
 * there is a program to go back to: nothing can be done otherwise. */
static void rot(void)
{
    const struct otter_boot_record *r = cut_newest();
    bool begun = (r->flags & OTTER_BOOT_BEGUN) != 0;
    bool due = life->c.scenario == CUT_ROT_MIDCOPY
                   ? begun && r->fallback.addr != 0
                   : !begun && (life->c.scenario == CUT_ROT_STAGED ||
                                life->c.scenario == CUT_ROT_ALONE);

    if (due && !life->rotted && r->state == OTTER_BOOT_COPY) {
        cut_flash[r->target.addr + life->c.seed % r->target.stored_size] ^=
            (uint8_t)(1u << life->c.seed % 8);
        life->rotted = true;
    }
}

/* --- Sessions ------------------------------------------------------------ */

static void start_board(void)
{
    int result;

    rot();
    life->in_program = false;
    cut_board.torn.trace_tag = 0;
    life->erases = (uint32_t)cut_board.counters.erases;
    life->old_log_erases = life->log_erases;
    result = otter_boot_run(&cut_boot);
    if (result == OTTER_BOOT_HOLD) {
        cut_broken("the boot loader holds");
    } else if (result != OTTER_ERR_IMAGE) {
        cut_broken("the boot loader cannot load: %d", result);
    }
    if (cut_board.broken[0] == '\0') {
        check_start();
    }
    if (cut_board.broken[0] == '\0') {
        life->in_program = true;
        cut_board.torn.trace_tag = 2;
        life->next_reason = OTTER_RESET_SOFTWARE;
        cut_program();
    }
}

static void session(void)
{
    life->sessions++;
    cut_board_power_on(life->next_reason);
    switch (setjmp(cut_session)) {
    case 0:
        start_board();
        break;
    case CUT_END_POWER:
        life->next_reason = OTTER_RESET_POWER;
        break;
    case CUT_END_RESET:
        life->next_reason = OTTER_RESET_WATCHDOG;
        break;
    default:
        life->next_reason = OTTER_RESET_SOFTWARE;
        break;
    }
}

/* After the end nothing may change any more.  The first restarts may still
 * write down again what a cut has left in doubt. */
static void rest(void)
{
    if (life->quiet == 0) {
        life->final = life->who;
    }
    if (life->who != life->final) {
        cut_broken("I8: image %u runs after the end, it was %u",
                   (unsigned)life->who, (unsigned)life->final);
    }
    life->quiet++;
    cut_board.frozen =
        life->quiet > CUT_RESTARTS / 2 &&
        !otter_torn_is_weak(&cut_board.torn, life->log, life->fs - life->log);
}

/* A restart that wrote nothing, on a board without a weak bit, leaves what it
 * found: all further ones are the same. */
static bool is_repeated(uint32_t operations)
{
    return life->quiet > 1 && cut_board.torn.weak_count == 0 &&
           cut_board.torn.operations == operations;
}

void cut_life_run(void (*each)(void))
{
    uint32_t limit = 24 + 8 * life->c.fault_count + 8 * life->wish_count;

    cut_watch = watch;
    while (cut_board.broken[0] == '\0' && life->quiet <= CUT_RESTARTS) {
        uint32_t operations = cut_board.torn.operations;

        if (life->sessions > limit + CUT_RESTARTS) {
            cut_broken("I8: no stable end in %u sessions",
                       (unsigned)life->sessions);
            return;
        }
        if (each != NULL) {
            each();
        }
        session();
        if (life->ended && cut_board.broken[0] == '\0' && life->in_program) {
            rest();
            if (is_repeated(operations)) {
                return;
            }
        }
    }
}
