/* SPDX-License-Identifier: Apache-2.0
 *
 * The boot loader on flash that works: what each record leads to.  Flash that
 * does not work is the power-cut campaign's matter. */
#include "format/error.h"
#include "format/loader_config.h"
#include "tests/unit/boot_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_boot_without_a_record_starts_what_is_there(void **state)
{
    (void)state;
    assert_int_equal(start()->state, OTTER_BOOT_NONE);
    assert_int_equal(otter_sim_board.counters.erases, 0);
    put32(flash(OTTER_LOADER_CONFIG_ADDR + 4), OTTER_LOADER_NO_LOG);
    start();
    assert_int_equal(otter_sim_board.counters.programs, 0);
}

static void test_boot_done_starts_without_writing(void **state)
{
    (void)state;
    scan();
    app.record.state = OTTER_BOOT_DONE;
    append();
    start();
    start();
    assert_int_equal(otter_sim_board.counters.programs, 0);
}

static void test_boot_copy_installs_and_puts_on_trial(void **state)
{
    const struct otter_boot_record *r;

    (void)state;
    ask(0);
    r = start();
    check_installed(file_new, NEW_SIZE);
    assert_int_equal(r->state, OTTER_BOOT_TRIAL);
    assert_int_equal(r->tries, OTTER_BOOT_TRIES - 1);
    assert_int_equal(r->target.addr, SLOT_B);
    assert_int_equal(r->fallback.addr, SLOT_A);
    assert_int_equal(otter_sim_board.counters.erases, 5);
    assert_true(otter_sim_board.watchdog_feeds > 10);
    for (uint32_t i = NEW_SIZE; i < 6 * SECTOR; i++) {
        assert_int_equal(*flash(i), 0xff);
    }
}

static void test_boot_confirmed_trial_stays(void **state)
{
    (void)state;
    ask(0);
    start();
    app.record.state = OTTER_BOOT_DONE;
    append();
    for (int i = 0; i < 6; i++) {
        assert_int_equal(start()->state, OTTER_BOOT_DONE);
        check_installed(file_new, NEW_SIZE);
        assert_false(app.dirty);
    }
}

static void test_boot_trial_without_confirmation_reverts_after_its_tries(
    void **state)
{
    const struct otter_boot_record *r;

    (void)state;
    ask(0);
    for (uint32_t i = 0; i < OTTER_BOOT_TRIES; i++) {
        r = start();
        assert_int_equal(r->state, OTTER_BOOT_TRIAL);
        assert_int_equal(r->tries, OTTER_BOOT_TRIES - 1 - i);
        check_installed(file_new, NEW_SIZE);
    }
    r = start();
    check_installed(file_old, OLD_SIZE);
    assert_int_equal(r->state, OTTER_BOOT_DONE);
    assert_int_equal(r->reason, OTTER_BOOT_REASON_UNCONFIRMED);
    assert_int_equal(r->target.addr, SLOT_A);
    assert_int_equal(r->fallback.addr, SLOT_B);
}

/* A record that nobody sees may have been begun in the first free slot. */
static void test_boot_record_is_not_written_where_one_was_begun(void **state)
{
    (void)state;
    ask(0);
    start();
    for (uint32_t i = 1; i < OTTER_BOOT_TRIES; i++) {
        uint32_t slot = app.newest + 1;

        start();
        assert_int_equal(app.newest, slot + 1);
        assert_memory_equal(flash(LOG + slot * OTTER_BOOT_SLOT_SIZE),
                            "\0\0\0\0\xff\xff\xff\xff", 8);
    }
}

static void test_boot_wake_from_deep_sleep_uses_no_try(void **state)
{
    (void)state;
    ask(0);
    start();
    otter_sim_board.reset_reason = OTTER_RESET_DEEP_SLEEP;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(start()->tries, OTTER_BOOT_TRIES - 1);
    }
    otter_sim_board.reset_reason = OTTER_RESET_WATCHDOG;
    assert_int_equal(start()->tries, OTTER_BOOT_TRIES - 2);
}

static void test_boot_final_copy_is_done_at_once(void **state)
{
    (void)state;
    ask(OTTER_BOOT_FINAL | OTTER_BOOT_FS);
    assert_int_equal(start()->state, OTTER_BOOT_DONE);
    assert_int_equal(app.record.flags & OTTER_BOOT_FS, OTTER_BOOT_FS);
    check_installed(file_new, NEW_SIZE);
}

static void test_boot_without_fallback_there_is_no_trial(void **state)
{
    (void)state;
    scan();
    app.record.state = OTTER_BOOT_COPY;
    app.record.target = image(SLOT_B, file_new, NEW_SIZE);
    app.record.fallback = image(0, file_old, OLD_SIZE);
    append();
    assert_int_equal(start()->state, OTTER_BOOT_DONE);
    assert_int_equal(app.record.fallback.size, 0);
    check_installed(file_new, NEW_SIZE);
}

static void test_boot_damaged_source_changes_nothing(void **state)
{
    const struct otter_boot_record *r;

    (void)state;
    ask(0);
    *flash(SLOT_B + 9000) ^= 4;
    r = start();
    assert_int_equal(r->state, OTTER_BOOT_DONE);
    assert_int_equal(r->reason, OTTER_BOOT_REASON_DAMAGED);
    assert_int_equal(r->target.addr, SLOT_A);
    assert_int_equal(r->fallback.addr, 0);
    assert_int_equal(otter_sim_board.counters.erases, 0);
    check_installed(file_old, OLD_SIZE);
}

static void test_boot_damaged_source_in_mid_copy_puts_the_old_one_back(
    void **state)
{
    (void)state;
    ask(OTTER_BOOT_BEGUN);
    memset(flash(2 * SECTOR), 0, SECTOR);
    *flash(SLOT_B + 9000) ^= 4;
    assert_int_equal(start()->state, OTTER_BOOT_DONE);
    assert_int_equal(app.record.reason, OTTER_BOOT_REASON_DAMAGED);
    check_installed(file_old, OLD_SIZE);
}

static void test_boot_two_damaged_images_hold(void **state)
{
    (void)state;
    ask(OTTER_BOOT_BEGUN);
    memset(flash(2 * SECTOR), 0, SECTOR);
    *flash(SLOT_B + 9000) ^= 4;
    *flash(SLOT_A + 9000) ^= 4;
    assert_int_equal(otter_boot_run(&boot), OTTER_BOOT_HOLD);
    assert_int_equal(started, 0);
    assert_non_null(strstr(otter_sim_board.console, "hold: "));
}

static void test_boot_untouched_program_is_found_when_both_are_damaged(
    void **state)
{
    (void)state;
    ask(OTTER_BOOT_BEGUN);
    *flash(SLOT_B + 9000) ^= 4;
    *flash(SLOT_A + 9000) ^= 4;
    assert_int_equal(start()->state, OTTER_BOOT_DONE);
    check_installed(file_old, OLD_SIZE);
}

static void test_boot_resumed_copy_begins_at_its_mark(void **state)
{
    (void)state;
    ask(OTTER_BOOT_BEGUN);
    put_flash(SECTOR, file_new + SECTOR, 2 * SECTOR);
    memset(flash(LOG + OTTER_BOOT_MARKS_OFF), 0, 8); /* two chunks */
    start();
    check_installed(file_new, NEW_SIZE);
    assert_int_equal(otter_sim_board.counters.erases, 3);
}

static void test_boot_overlapping_image_is_installed_over_itself(void **state)
{
    uint32_t addr = 3 * SECTOR;

    (void)state;
    put_flash(addr, file_new, NEW_SIZE);
    scan();
    app.record.state = OTTER_BOOT_COPY;
    app.record.target = image(addr, file_new, NEW_SIZE);
    app.record.fallback = image(0, file_old, OLD_SIZE);
    append();
    assert_int_equal(start()->state, OTTER_BOOT_DONE);
    assert_int_equal(app.record.target.addr, 0);
    check_installed(file_new, NEW_SIZE);
}

static void test_boot_too_close_an_overlap_is_refused(void **state)
{
    (void)state;
    put_flash(SECTOR, file_old + SECTOR, OLD_SIZE - SECTOR);
    scan();
    app.record.state = OTTER_BOOT_COPY;
    app.record.target = image(SECTOR, flash(SECTOR), NEW_SIZE);
    app.record.fallback = image(0, file_old, OLD_SIZE);
    append();
    assert_int_equal(start()->reason, OTTER_BOOT_REASON_DAMAGED);
    assert_int_equal(otter_sim_board.counters.erases, 0);
}

static void ask_gzip(uint32_t size)
{
    put_flash(SLOT_B, packed, size);
    scan();
    app.record.state = OTTER_BOOT_COPY;
    app.record.flags = OTTER_BOOT_UNCHECKED;
    app.record.target = image(SLOT_B, packed, size);
    app.record.target.packed = 1;
    app.record.fallback = image(SLOT_A, file_old, OLD_SIZE);
    append();
}

static void test_boot_gzip_is_unpacked_and_its_size_found(void **state)
{
    (void)state;
    ask_gzip(pack());
    assert_int_equal(start()->state, OTTER_BOOT_TRIAL);
    check_installed(file_new, NEW_SIZE);
    assert_int_equal(app.record.target.size, NEW_SIZE);
    assert_int_equal(app.record.target.crc,
                     crc(file_new + SECTOR, NEW_SIZE - SECTOR));
    assert_int_equal(app.record.flags, 0);
}

static void test_boot_gzip_that_unpacks_wrong_is_refused(void **state)
{
    uint32_t size = pack();

    (void)state;
    packed[size - 6] ^= 1; /* of the CRC of the content */
    ask_gzip(size);
    assert_int_equal(start()->reason, OTTER_BOOT_REASON_DAMAGED);
    check_installed(file_old, OLD_SIZE);
    assert_int_equal(otter_sim_board.counters.erases, 0);
}

static void test_boot_loader_is_rewritten_when_asked(void **state)
{
    (void)state;
    file_new[2000] = 0x33;
    put_flash(SLOT_B, file_new, NEW_SIZE);
    ask(OTTER_BOOT_LOADER);
    assert_int_equal(otter_boot_run(&boot), OTTER_ERR_IMAGE);
    assert_memory_equal(flash(0), file_new, NEW_SIZE);
    assert_int_equal(otter_sim_board.counters.erases, 6);
}

static void test_boot_equal_loader_is_left_alone(void **state)
{
    (void)state;
    ask(OTTER_BOOT_LOADER);
    start();
    assert_int_equal(otter_sim_board.counters.erases, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_boot_without_a_record_starts_what_is_there),
        TEST(test_boot_done_starts_without_writing),
        TEST(test_boot_copy_installs_and_puts_on_trial),
        TEST(test_boot_confirmed_trial_stays),
        TEST(test_boot_trial_without_confirmation_reverts_after_its_tries),
        TEST(test_boot_record_is_not_written_where_one_was_begun),
        TEST(test_boot_wake_from_deep_sleep_uses_no_try),
        TEST(test_boot_final_copy_is_done_at_once),
        TEST(test_boot_without_fallback_there_is_no_trial),
        TEST(test_boot_damaged_source_changes_nothing),
        TEST(test_boot_damaged_source_in_mid_copy_puts_the_old_one_back),
        TEST(test_boot_two_damaged_images_hold),
        TEST(test_boot_untouched_program_is_found_when_both_are_damaged),
        TEST(test_boot_resumed_copy_begins_at_its_mark),
        TEST(test_boot_overlapping_image_is_installed_over_itself),
        TEST(test_boot_too_close_an_overlap_is_refused),
        TEST(test_boot_gzip_is_unpacked_and_its_size_found),
        TEST(test_boot_gzip_that_unpacks_wrong_is_refused),
        TEST(test_boot_loader_is_rewritten_when_asked),
        TEST(test_boot_equal_loader_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
