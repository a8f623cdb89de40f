/* SPDX-License-Identifier: Apache-2.0
 *
 * The same for other images and other circumstances: images that do not
 * confirm, gzip, file systems, migration, little room, flash that fails, and
 * many updates in a row. */
#include "tests/support/sim_board.h"
#include "tests/support/test_image.h"
#include "tests/unit/record_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- Images that do not confirm themselves --------------------------------
 */

static void test_record_image_that_does_not_confirm_stays_at_once(void **state)
{
    uint8_t *plain = make(NEW_SIZE, 8, false);
    struct otter_boot_record r;

    (void)state;
    assert_int_equal(update(plain, NEW_SIZE), 0);
    newest(&r);
    assert_true((r.flags & OTTER_BOOT_FINAL) != 0);
    assert_true((r.flags & OTTER_BOOT_STOCK) != 0);
    for (int i = 0; i < 5; i++) {
        restart();
        assert_runs(plain, NEW_SIZE);
        assert_false(status.on_trial);
        assert_true(status.can_revert);
    }
    free(plain);
}

/* The core's own boot sector is in the file; ours stays in the flash. */
static void test_record_stock_image_arrives_on_our_loader(void **state)
{
    struct otter_test_image image = {
        .size = NEW_SIZE, .mode = 3, .nibble = 4, .seed = 12};
    uint8_t *stock = otter_test_image_make(&image);

    (void)state;
    assert_int_equal(update(stock, NEW_SIZE), 0);
    restart();
    assert_runs(stock, NEW_SIZE);
    assert_digest(stock, NEW_SIZE);
    rig->config.trial = NULL; /* and is updated as the core updates */
    otter_sim_board.nor.fault = NULL;
    restart();
    assert_int_equal(update(file, NEW_SIZE), 0);
    rig->config.trial = &rig->trial;
    otter_sim_board.nor.fault = guard;
    restart();
    assert_runs(file, NEW_SIZE);
    assert_false(status.on_trial);
    assert_int_equal(update(stock, NEW_SIZE), 0);
    restart();
    assert_runs(stock, NEW_SIZE);
    free(stock);
}

/* --- gzip ------------------------------------------------------------------
 */

static void test_record_gzip_goes_on_trial(void **state)
{
    uint32_t size;
    uint8_t *packed = otter_test_gzip(file, NEW_SIZE, NEW_SIZE, &size);

    (void)state;
    otter_test_idle();
    assert_int_equal(update(packed, size), 0);
    for (uint32_t i = 0; i < OTTER_BOOT_TRIES; i++) {
        restart();
        assert_runs(file, NEW_SIZE);
        assert_true(status.on_trial);
    }
    restart();
    assert_runs(old, OLD_SIZE);
    assert_int_equal(status.reason, OTTER_BOOT_REASON_UNCONFIRMED);
    assert_int_equal(update(packed, size), 0);
    restart();
    assert_int_equal(otter_trial_confirm(&rig->trial), 0);
    restart();
    assert_runs(file, NEW_SIZE);
    assert_false(status.on_trial);
    free(packed);
}

static void test_record_gzip_that_does_not_confirm_stays_at_once(void **state)
{
    uint32_t size;
    uint8_t *plain = make(NEW_SIZE, 7, false);
    uint8_t *packed = otter_test_gzip(plain, NEW_SIZE, NEW_SIZE, &size);

    (void)state;
    otter_test_idle();
    assert_int_equal(update(packed, size), 0);
    restart();
    assert_runs(plain, NEW_SIZE);
    assert_false(status.on_trial);
    assert_true(status.can_revert);
    assert_int_equal(status.reason, OTTER_BOOT_REASON_NONE);
    assert_int_equal(otter_trial_revert(&rig->trial), 0);
    restart();
    assert_runs(old, OLD_SIZE);
    assert_int_equal(otter_trial_revert(&rig->trial), 0);
    restart();
    assert_runs(plain, NEW_SIZE);
    free(packed);
    free(plain);
}

static void test_record_corrupt_gzip_leaves_the_old_program(void **state)
{
    uint32_t size;
    uint8_t *packed = otter_test_gzip(file, NEW_SIZE, NEW_SIZE, &size);

    (void)state;
    packed[12] ^= 1; /* the length of the first block */
    assert_int_equal(update(packed, size), 0);
    restart();
    assert_runs(old, OLD_SIZE);
    assert_int_equal(status.reason, OTTER_BOOT_REASON_DAMAGED);
    restart();
    assert_runs(old, OLD_SIZE);
    free(packed);
}

static void test_record_gzip_must_not_overlap(void **state)
{
    uint32_t size;
    uint8_t *packed;

    (void)state;
    close_rig(NULL);
    open_map("512K128");
    packed = otter_test_gzip(file, NEW_SIZE, 0x4d001, &size);
    assert_int_equal(update(packed, size), OTTER_ERR_SPACE);
    restart();
    assert_runs(old, OLD_SIZE);
    free(packed);
}

/* --- Room ------------------------------------------------------------------
 */

/* 512K128: the log is at 0x59000. */
static void test_record_without_room_there_is_no_way_back(void **state)
{
    uint32_t size = 0x2c000;
    uint8_t *large = make(size, 3, true);

    (void)state;
    close_rig(NULL);
    open_map("512K128");
    otter_test_idle();
    large[3] = 0;                    /* for 512 KiB */
    update_and_confirm(large, size); /* beside the copy of a small program */
    otter_test_idle();
    restart();
    assert_true(status.can_revert);
    assert_false(status.is_saved);
    large[0x4000] ^= 1;
    assert_int_equal(update(large, size), 0);
    restart();
    assert_runs(large, size);
    assert_false(status.can_revert);
    assert_false(status.on_trial);
    free(large);
}

/* Larger than the room beside it: it overlaps its own destination. */
static void test_record_update_may_overlap_its_destination(void **state)
{
    uint32_t size = 0x40000;
    uint8_t *large = make(size, 3, true);

    (void)state;
    close_rig(NULL);
    open_map("512K128");
    large[3] = 0;
    assert_int_equal(update(large, size), 0);
    restart();
    assert_runs(large, size);
    assert_false(status.is_saved);
    otter_test_idle();
    otter_trial_status(&rig->trial, &status);
    assert_false(status.is_saved);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, 0x19000), 0);
    otter_stream_abort(rig->stream, OTTER_ERR_CLOSED);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, 0x19001),
                     OTTER_ERR_SPACE);
    assert_int_equal(otter_updater_free_space(&rig->updater), 0x19000);
    free(large);
}

static void test_record_free_space_ends_below_the_log(void **state)
{
    uint32_t room = LOG - OLD_SIZE;

    (void)state;
    assert_int_equal(otter_updater_free_space(&rig->updater), room);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, room + 1),
                     OTTER_ERR_SPACE);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, 0xfffffffe),
                     OTTER_ERR_SPACE);
}

static void test_record_unknown_size_is_staged_and_installed(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        fill(file, 60 + i);
        rig->most = i == 1 ? NEW_SIZE + 500 : 0;
        assert_int_equal(otter_test_update(OTTER_UPDATE_SKETCH,
                                           OTTER_SIZE_UNKNOWN, file, NEW_SIZE),
                         0);
        restart();
        assert_runs(file, NEW_SIZE);
        assert_true(status.on_trial);
        assert_int_equal(otter_trial_confirm(&rig->trial), 0);
    }
}

/* --- File systems -----------------------------------------------------------
 */

static void test_record_file_system_update_that_is_cut_is_told(void **state)
{
    (void)state;
    update_and_confirm(file, NEW_SIZE);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_FILE_SYSTEM, 0x10000), 0);
    assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
    for (int i = 0; i < 3; i++) {
        restart();
        assert_runs(file, NEW_SIZE);
        assert_true(status.file_system_incomplete);
        assert_true(status.can_revert);
    }
    assert_int_equal(otter_trial_revert(&rig->trial), 0);
    restart();
    assert_runs(old, OLD_SIZE);
    assert_true(status.file_system_incomplete);
    assert_int_equal(
        otter_test_update(OTTER_UPDATE_FILE_SYSTEM, NEW_SIZE, file, NEW_SIZE),
        0);
    restart();
    assert_false(status.file_system_incomplete);
    assert_memory_equal(flash(FS), file, NEW_SIZE);
}

static void test_record_file_system_that_never_began_is_not_incomplete(
    void **state)
{
    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_FILE_SYSTEM, 0x10000), 0);
    otter_stream_abort(rig->stream, OTTER_ERR_CLOSED);
    restart();
    assert_false(status.file_system_incomplete);
}

static void test_record_file_system_update_leaves_the_trial(void **state)
{
    (void)state;
    assert_int_equal(update(file, NEW_SIZE), 0);
    restart();
    assert_true(status.on_trial);
    assert_int_equal(
        otter_test_update(OTTER_UPDATE_FILE_SYSTEM, NEW_SIZE, file, NEW_SIZE),
        0);
    restart();
    assert_true(status.on_trial);
    assert_int_equal(status.tries_left, OTTER_BOOT_TRIES - 2);
}

/* --- Migration
 * --------------------------------------------------------------- */

/* The first Otter image on a stock device: the core's loader installs it, its
 * boot sector too. */
static void test_record_first_image_arrives_on_a_stock_device(void **state)
{
    (void)state;
    close_rig(NULL);
    otter_test_rig_open("4M1M", OLD_SIZE);
    rig->config.trial = &rig->trial;
    assert_false(otter_test_take_order());
    log_addr = LOG;
    old = malloc(OLD_SIZE);
    file = make(NEW_SIZE, 5, true);
    assert_true(otter_test_restart());
    otter_trial_status(&rig->trial, &status);
    assert_false(status.has_log); /* says so */
    assert_int_equal(status.loader_version, 0);
    assert_int_equal(otter_trial_confirm(&rig->trial), OTTER_ERR_LOADER);
    assert_int_equal(update(file, NEW_SIZE), 0);
    assert_true(otter_test_restart());
    otter_trial_status(&rig->trial, &status);
    assert_true(status.has_log);
    assert_memory_equal(flash(0), file, NEW_SIZE);
    memcpy(old, file, OLD_SIZE);
    otter_sim_board.nor.fault = guard;
    fill(file, 9);
    update_and_confirm(file, NEW_SIZE);
    assert_true(status.can_revert);
}

/* --- Things that fail
 * -------------------------------------------------------- */

static void test_record_unreadable_log_refuses_updates(void **state)
{
    (void)state;
    otter_sim_board.read_fails_addr = LOG + 0x100;
    otter_sim_board.read_fails_len = 4;
    restart();
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE),
                     OTTER_ERR_FLASH_READ);
    otter_sim_board.read_fails_len = 0;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
}

static uint32_t dead_from, dead_to;

static int dead_area(struct otter_nor *nor, void *user,
                     enum otter_nor_operation operation, uint32_t addr,
                     const uint8_t *data, uint32_t len)
{
    if (addr >= dead_from && addr < dead_to) {
        return 0; /* says yes and does nothing */
    }
    return guard(nor, user, operation, addr, data, len);
}

static void test_record_log_that_takes_nothing_fails_the_update(void **state)
{
    uint8_t *before = malloc(FS);

    (void)state;
    memcpy(before, flash(0), FS);
    dead_from = LOG;
    dead_to = FS;
    otter_sim_board.nor.fault = dead_area;
    assert_int_equal(update(file, NEW_SIZE), OTTER_ERR_FLASH_PROGRAM);
    assert_memory_equal(flash(0), before, FS);
    otter_sim_board.nor.fault = guard;
    update_and_confirm(file, NEW_SIZE);
    free(before);
}

static void test_record_commit_that_does_not_take_is_told(void **state)
{
    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
    otter_test_idle();
    dead_from = LOG;
    dead_to = FS;
    otter_sim_board.nor.fault = dead_area;
    assert_int_equal(otter_test_end(), OTTER_ERR_FLASH_PROGRAM);
    otter_sim_board.nor.fault = guard;
    restart();
    assert_runs(old, OLD_SIZE);
    update_and_confirm(file, NEW_SIZE);
}

/* The copy of the running program cannot be made: the update goes on without
 * a way back, and says so. */
static void test_record_failing_copy_does_not_stop_the_update(void **state)
{
    (void)state;
    dead_from = LOG - 0x2000;
    dead_to = LOG - 0x1000;
    otter_sim_board.nor.fault = dead_area;
    otter_test_idle();
    otter_trial_status(&rig->trial, &status);
    assert_false(status.is_saved);
    otter_sim_board.nor.fault = guard;
    assert_int_equal(update(file, NEW_SIZE), 0);
    restart();
    assert_runs(file, NEW_SIZE);
    assert_false(status.can_revert);
    assert_false(status.on_trial);
}

static void test_record_log_in_the_file_system_is_refused(void **state)
{
    (void)state;
    memcpy(flash(20), "\0\xf0\x2f\0", 4); /* 0x2ff000 */
    memcpy(old, flash(0), SECTOR);
    restart();
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE),
                     OTTER_ERR_LAYOUT);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_FILE_SYSTEM, NEW_SIZE),
                     OTTER_ERR_LAYOUT);
    assert_int_equal(otter_updater_free_space(&rig->updater), 0);
}

static void test_record_newer_loader_needed_is_refused(void **state)
{
    struct otter_test_image image = {.size = NEW_SIZE,
                                     .mode = 2,
                                     .nibble = 4,
                                     .log = LOG,
                                     .descriptor = true};
    uint8_t *other;

    (void)state;
    for (image.min_loader = 1; image.min_loader < 3; image.min_loader++) {
        other = otter_test_image_make(&image);
        assert_int_equal(update(other, NEW_SIZE),
                         image.min_loader == 1 ? 0 : OTTER_ERR_LOADER);
        free(other);
    }
}

/* --- How long a call takes
 * ---------------------------------------------------- */

static void test_record_longest_poll_is_one_sector(void **state)
{
    char md5[33];

    (void)state;
    otter_sim_board.nor.timing = otter_nor_maximum;
    (void)!otter_updater_sketch_md5(&rig->updater, md5);
    otter_test_idle();
    assert_int_equal(update(file, NEW_SIZE), 0);
    restart();
    fill(file, 9);
    assert_int_equal(update(file, NEW_SIZE), 0); /* during the trial */
    restart();
    assert_int_equal(
        otter_test_update(OTTER_UPDATE_FILE_SYSTEM, 0x3000, old, 0x3000), 0);
    assert_true(rig->longest_poll_us >= 400000);
    assert_true(rig->longest_poll_us <= 400000 + 16 * 3000);
    assert_int_equal(rig->longest_write_us, 0);
}

/* The old program's copy is made while the upload goes on, not before it. */
static void test_record_longest_poll_while_saving_beside_an_upload(
    void **state)
{
    (void)state;
    otter_sim_board.nor.timing = otter_nor_maximum;
    assert_int_equal(update(file, NEW_SIZE), 0);
    assert_true(rig->longest_poll_us <= 400000 + 16 * 3000);
    assert_int_equal(rig->longest_write_us, 0);
    otter_trial_status(&rig->trial, &status);
    assert_true(status.is_saved);
}

/* --- Many updates
 * --------------------------------------------------------------- */

static uint32_t random_state = 1;

static uint32_t any(uint32_t limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 16) % limit;
}

/* Sizes, ways and ends as they come; what runs is always what it must be. */
static void live(uint32_t lives)
{
    uint8_t *runs = old, *before = NULL;
    uint32_t runs_size = OLD_SIZE;

    for (uint32_t i = 0; i < lives; i++) {
        uint32_t size = 0x2000 + any(0x180) * 16 * 8;
        uint8_t *next = make(size, i, any(4) != 0);
        uint32_t announced = any(3) == 0 ? OTTER_SIZE_UNKNOWN : size;

        next[3] = 0;
        rig->most = any(2) == 0 ? size + any(5000) : 0;
        if (any(2) == 0) {
            otter_test_idle();
        }
        assert_int_equal(
            otter_test_update(OTTER_UPDATE_SKETCH, announced, next, size), 0);
        restart();
        assert_runs(next, size);
        program_size = size;
        if (status.on_trial && any(3) == 0) {
            while (status.on_trial) {
                restart();
            }
            assert_runs(runs, runs_size);
            program_size = runs_size;
            free(next);
            continue;
        }
        assert_int_equal(otter_trial_confirm(&rig->trial), 0);
        free(before);
        before = runs != old ? runs : NULL;
        runs = next;
        runs_size = size;
    }
    free(before);
    if (runs != old) {
        free(runs);
    }
}

static void test_record_many_updates_on_a_small_flash(void **state)
{
    (void)state;
    close_rig(NULL);
    open_map("512K128");
    live(300);
    assert_true(guarded > 1000);
}

static void test_record_many_updates_on_a_large_flash(void **state)
{
    (void)state;
    live(200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_record_image_that_does_not_confirm_stays_at_once),
        TEST(test_record_stock_image_arrives_on_our_loader),
        TEST(test_record_gzip_goes_on_trial),
        TEST(test_record_gzip_that_does_not_confirm_stays_at_once),
        TEST(test_record_corrupt_gzip_leaves_the_old_program),
        TEST(test_record_gzip_must_not_overlap),
        TEST(test_record_without_room_there_is_no_way_back),
        TEST(test_record_update_may_overlap_its_destination),
        TEST(test_record_free_space_ends_below_the_log),
        TEST(test_record_unknown_size_is_staged_and_installed),
        TEST(test_record_file_system_update_that_is_cut_is_told),
        TEST(test_record_file_system_that_never_began_is_not_incomplete),
        TEST(test_record_file_system_update_leaves_the_trial),
        TEST(test_record_first_image_arrives_on_a_stock_device),
        TEST(test_record_unreadable_log_refuses_updates),
        TEST(test_record_log_that_takes_nothing_fails_the_update),
        TEST(test_record_commit_that_does_not_take_is_told),
        TEST(test_record_failing_copy_does_not_stop_the_update),
        TEST(test_record_log_in_the_file_system_is_refused),
        TEST(test_record_newer_loader_needed_is_refused),
        TEST(test_record_longest_poll_is_one_sector),
        TEST(test_record_longest_poll_while_saving_beside_an_upload),
        TEST(test_record_many_updates_on_a_small_flash),
        TEST(test_record_many_updates_on_a_large_flash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
