/* SPDX-License-Identifier: Apache-2.0
 *
 * A board with Otter's boot loader, a guard over what the record refers to. */
#include "tests/unit/record_rig.h"

#include "format/boot_record.h"
#include "format/flash_map.h"
#include "format/hex.h"
#include "tests/support/sim_board.h"
#include "tests/support/test_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct otter_test_rig *const rig = &otter_test_rig;
struct otter_trial_status status;
uint8_t *file;
uint8_t *old;

uint8_t *flash(uint32_t addr)
{
    return otter_sim_board.nor.bytes + addr;
}

/* --- The guard ----------------------------------------------------------- */

uint32_t log_addr;
uint32_t program_size;
static bool application_runs;
uint32_t guarded;

void newest(struct otter_boot_record *out)
{
    static struct otter_boot_log log;

    otter_boot_log_begin(&log);
    for (uint32_t i = 0; i < 32; i++) {
        memcpy(&log.slot, flash(log_addr + i * OTTER_BOOT_SLOT_SIZE),
               sizeof log.slot);
        otter_boot_log_look(&log, i);
    }
    otter_boot_log_judge(&log);
    *out = log.record;
}

static void assert_apart(uint32_t addr, const struct otter_boot_image *image)
{
    if (image->addr != 0) {
        assert_false(addr >= image->addr &&
                     addr < image->addr + image->stored_size);
    }
}

static void look(uint32_t addr)
{
    struct otter_boot_record r;
    uint32_t fs_start = otter_sim_board.map->fs_start;

    if (addr >= log_addr && addr < log_addr + 2 * SECTOR) {
        return;
    }
    guarded++;
    newest(&r);
    assert_int_not_equal(r.state, OTTER_BOOT_NONE);
    assert_true(addr >= program_size);
    if (addr >= fs_start) {
        assert_true((r.flags & OTTER_BOOT_FS) != 0);
        assert_true(addr < otter_sim_board.map->fs_end);
        return;
    }
    assert_int_not_equal(r.state, OTTER_BOOT_COPY);
    assert_true(addr < log_addr);
    assert_apart(addr, &r.target);
    assert_apart(addr, &r.fallback);
}

int guard(struct otter_nor *nor, void *user,
          enum otter_nor_operation operation, uint32_t addr,
          const uint8_t *data, uint32_t len)
{
    (void)user;
    if (application_runs) {
        look(addr);
    }
    for (uint32_t i = 0; i < len; i++) {
        nor->bytes[addr + i] = operation == OTTER_NOR_ERASE
                                   ? 0xff
                                   : nor->bytes[addr + i] & data[i];
    }
    return 0;
}

/* --- Steps ----------------------------------------------------------------
 */

uint8_t *make(uint32_t size, uint32_t seed, bool confirms)
{
    struct otter_test_image image = {.size = size,
                                     .mode = 2,
                                     .nibble = 4,
                                     .seed = seed,
                                     .log = LOG,
                                     .descriptor = true,
                                     .confirms = confirms};

    return otter_test_image_make(&image);
}

void open_map(const char *map)
{
    otter_test_rig_open_otter(map, OLD_SIZE);
    log_addr = otter_sim_board.map->fs_start - 2 * SECTOR;
    otter_sim_board.nor.fault = guard;
    application_runs = true;
    guarded = 0;
    program_size = OLD_SIZE;
    old = malloc(OLD_SIZE);
    memcpy(old, flash(0), OLD_SIZE);
    file = make(NEW_SIZE, 5, true);
}

int open_rig(void **state)
{
    (void)state;
    open_map("4M1M");
    return 0;
}

int close_rig(void **state)
{
    (void)state;
    assert_int_equal(otter_sim_board.counters.violations, 0);
    free(file);
    free(old);
    otter_test_rig_close();
    return 0;
}

void restart(void)
{
    application_runs = false;
    assert_true(otter_test_restart());
    application_runs = true;
    otter_trial_status(&rig->trial, &status);
    assert_memory_equal(flash(0), old, SECTOR);
}

int update(const uint8_t *data, uint32_t size)
{
    return otter_test_update(OTTER_UPDATE_SKETCH, size, data, size);
}

/* Sector 0 stays; the rest of the file is installed. */
void assert_runs(const uint8_t *data, uint32_t size)
{
    assert_memory_equal(flash(SECTOR), data + SECTOR, size - SECTOR);
}

void update_and_confirm(const uint8_t *data, uint32_t size)
{
    assert_int_equal(update(data, size), 0);
    restart();
    assert_runs(data, size);
    assert_true(status.on_trial);
    assert_int_equal(otter_trial_confirm(&rig->trial), 0);
}

void fill(uint8_t *data, uint32_t seed)
{
    uint8_t *other = make(NEW_SIZE, seed, true);

    memcpy(data, other, NEW_SIZE);
    free(other);
}

/* What the device says is the digest of its sketch. */
void assert_digest(const uint8_t *data, uint32_t size)
{
    char expected[33], md5[33];
    br_md5_context context;
    uint8_t digest[16];
    int error;

    br_md5_init(&context);
    br_md5_update(&context, data, size);
    br_md5_out(&context, digest);
    otter_hex_encode(expected, digest, sizeof digest);
    while ((error = otter_updater_sketch_md5(&rig->updater, md5)) ==
           OTTER_ERR_PENDING) {
        (void)!otter_stream_poll(rig->stream);
    }
    assert_int_equal(error, 0);
    assert_string_equal(md5, expected);
}
