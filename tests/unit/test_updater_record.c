/* SPDX-License-Identifier: Apache-2.0
 *
 * Updates under Otter's boot loader, which is the real one at each restart:
 * where they are staged, what the record says at which moment, what comes of
 * it when they are confirmed, reverted, given up or replaced. */
#include "tests/support/sim_board.h"
#include "tests/support/test_image.h"
#include "tests/unit/record_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- The good case --------------------------------------------------------
 */

static void test_record_update_goes_on_trial_and_stays_when_confirmed(
    void **state)
{
    (void)state;
    otter_test_idle();
    update_and_confirm(file, NEW_SIZE);
    for (int i = 0; i < 4; i++) {
        restart();
        assert_runs(file, NEW_SIZE);
        assert_false(status.on_trial);
        assert_true(status.can_revert);
        assert_true(status.is_saved);
        assert_int_equal(status.reason, OTTER_BOOT_REASON_NONE);
    }
    assert_int_equal(otter_sim_board.rtc_writes, 0);
    assert_true(guarded > 0);
}

static void test_record_update_that_never_confirms_is_reverted(void **state)
{
    (void)state;
    otter_test_idle();
    assert_int_equal(update(file, NEW_SIZE), 0);
    for (uint32_t left = OTTER_BOOT_TRIES; left-- > 0;) {
        restart();
        assert_runs(file, NEW_SIZE);
        assert_true(status.on_trial);
        assert_int_equal(status.tries_left, left);
    }
    restart();
    assert_runs(old, OLD_SIZE);
    assert_int_equal(status.reason, OTTER_BOOT_REASON_UNCONFIRMED);
    assert_true(status.can_revert);
    update_and_confirm(file, NEW_SIZE);
    restart();
    assert_int_equal(status.reason, OTTER_BOOT_REASON_NONE);
}

static void test_record_update_is_staged_below_the_log(void **state)
{
    struct otter_boot_record r;

    (void)state;
    otter_test_idle();
    newest(&r);
    assert_int_equal(r.state, OTTER_BOOT_DONE);
    assert_int_equal(r.target.addr, LOG - OLD_SIZE);
    assert_memory_equal(flash(LOG - OLD_SIZE), old, OLD_SIZE);
    assert_int_equal(update(file, NEW_SIZE), 0);
    newest(&r);
    assert_int_equal(r.state, OTTER_BOOT_COPY);
    assert_int_equal(r.target.addr, LOG - OLD_SIZE - 0x7000);
    assert_int_equal(r.fallback.addr, LOG - OLD_SIZE);
    assert_memory_equal(flash(r.target.addr), file, NEW_SIZE);
}

/* Without waiting for the old program to be saved: that goes on beside the
 * upload. */
static void test_record_update_at_once_saves_the_old_program_too(void **state)
{
    (void)state;
    update_and_confirm(file, NEW_SIZE);
    assert_true(status.can_revert);
    assert_int_equal(otter_trial_revert(&rig->trial), 0);
    restart();
    assert_runs(old, OLD_SIZE);
}

static void test_record_update_in_the_middle_of_saving_waits_for_it(
    void **state)
{
    (void)state;
    for (uint32_t polls = 1; polls < 16; polls++) {
        for (uint32_t i = 0; i < polls; i++) {
            (void)otter_updater_poll(&rig->updater);
        }
        update_and_confirm(file, NEW_SIZE);
        assert_true(status.can_revert);
        close_rig(NULL);
        open_map("4M1M");
    }
}

/* In the steady state no sector is erased that the core would not erase, but
 * for the log: staged once, installed once. */
static void test_record_steady_state_costs_no_more_erases(void **state)
{
    uint64_t before, in_log = 0;

    (void)state;
    otter_test_idle();
    update_and_confirm(file, NEW_SIZE);
    otter_test_idle();
    for (uint32_t i = 0; i < 20; i++) {
        fill(file, 100 + i);
        before = otter_sim_board.counters.erases;
        update_and_confirm(file, NEW_SIZE);
        otter_test_idle();
        /* 7 sectors staged, 6 installed: the boot sector is not. */
        in_log += otter_sim_board.counters.erases - before - 13;
    }
    print_message("log erases in 20 updates: %u\n", (unsigned)in_log);
    assert_true(in_log <= 20);
}

/* --- The digest -----------------------------------------------------------
 */

static void test_record_digest_is_that_of_the_file(void **state)
{
    (void)state;
    assert_digest(old, OLD_SIZE);
    file[2] = 0;    /* another flash mode */
    file[0x40] = 1; /* another boot sector */
    update_and_confirm(file, NEW_SIZE);
    assert_digest(file, NEW_SIZE);
    restart();
    assert_digest(file, NEW_SIZE);
    assert_int_equal(otter_trial_revert(&rig->trial), 0);
    restart();
    assert_digest(old, OLD_SIZE);
}

/* A cable has put another program there, the log knows nothing of it. */
static void test_record_that_is_wrong_about_what_runs_is_not_believed(
    void **state)
{
    uint8_t *cable = make(0x7000, 77, true);
    struct otter_boot_record r;

    (void)state;
    update_and_confirm(file, NEW_SIZE);
    memcpy(cable, old, SECTOR);
    otter_test_rig_flash(cable, 0x7000);
    restart();
    assert_digest(cable, 0x7000);
    assert_int_equal(update(file, NEW_SIZE), 0);
    newest(&r);
    assert_int_equal(r.fallback.size, 0x7000);
    assert_memory_equal(flash(r.fallback.addr), cable, 0x7000);
    restart();
    assert_runs(file, NEW_SIZE);
    assert_int_equal(otter_trial_revert(&rig->trial), 0);
    restart();
    assert_runs(cable, 0x7000);
    free(cable);
}

/* --- Revert ---------------------------------------------------------------
 */

static void test_record_revert_of_a_revert_comes_back(void **state)
{
    (void)state;
    update_and_confirm(file, NEW_SIZE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(otter_trial_revert(&rig->trial), 0);
        otter_test_idle(); /* changes nothing that was ordered */
        restart();
        assert_runs(old, OLD_SIZE);
        assert_int_equal(status.reason, OTTER_BOOT_REASON_REQUESTED);
        assert_int_equal(otter_trial_revert(&rig->trial), 0);
        restart();
        assert_runs(file, NEW_SIZE);
    }
}

/* While the flash has room for it, an update that comes to nothing leaves the
 * way back open. */
static void test_record_aborted_update_leaves_the_way_back(void **state)
{
    (void)state;
    update_and_confirm(file, NEW_SIZE);
    restart();
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
    otter_stream_abort(rig->stream, OTTER_ERR_CLOSED);
    restart();
    assert_runs(file, NEW_SIZE);
    assert_true(status.can_revert);
    assert_int_equal(otter_trial_revert(&rig->trial), 0);
    restart();
    assert_runs(old, OLD_SIZE);
}

/* --- An update while another is on trial ----------------------------------
 */

static void update_during_trial(void)
{
    otter_test_idle();
    assert_int_equal(update(file, NEW_SIZE), 0);
    restart();
    fill(file, 9);
    assert_int_equal(update(file, NEW_SIZE), 0);
}

/* The program to go back to is the one that confirmed itself, not the one
 * that was on trial. */
static void test_record_update_on_trial_goes_back_to_the_confirmed(
    void **state)
{
    struct otter_boot_record r;

    (void)state;
    update_during_trial();
    newest(&r);
    assert_int_equal(r.fallback.size, OLD_SIZE);
    for (uint32_t i = 0; i < OTTER_BOOT_TRIES; i++) {
        restart();
        assert_runs(file, NEW_SIZE);
        assert_true(status.on_trial);
    }
    restart();
    assert_runs(old, OLD_SIZE);
}

static void test_record_update_on_trial_can_be_confirmed(void **state)
{
    (void)state;
    update_during_trial();
    restart();
    assert_int_equal(otter_trial_confirm(&rig->trial), 0);
    restart();
    assert_runs(file, NEW_SIZE);
    assert_false(status.on_trial);
    assert_true(status.can_revert);
}

/* The tries go on counting while the second is staged. */
static void test_record_aborted_update_on_trial_leaves_the_trial(void **state)
{
    (void)state;
    otter_test_idle();
    assert_int_equal(update(file, NEW_SIZE), 0);
    for (uint32_t left = OTTER_BOOT_TRIES; left-- > 0;) {
        restart();
        assert_int_equal(status.tries_left, left);
        assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
        assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
    }
    restart();
    assert_runs(old, OLD_SIZE);
}

/* The order of the second is damaged before it is installed: what was on trial
 * has not confirmed itself, so it does not stay. */
static void test_record_damaged_update_on_trial_goes_back(void **state)
{
    struct otter_boot_record r;

    (void)state;
    update_during_trial();
    newest(&r);
    flash(r.target.addr)[0x2345] ^= 8;
    restart();
    assert_runs(old, OLD_SIZE);
    assert_int_equal(status.reason, OTTER_BOOT_REASON_DAMAGED);
    for (int i = 0; i < 3; i++) {
        restart();
        assert_runs(old, OLD_SIZE);
    }
}

/* Both are damaged: nothing was changed yet, so what is there starts. */
static void test_record_damaged_update_and_way_back_leave_what_runs(
    void **state)
{
    struct otter_boot_record r;
    uint8_t *first = make(NEW_SIZE, 5, true);

    (void)state;
    update_during_trial();
    newest(&r);
    flash(r.target.addr)[0x2345] ^= 8;
    flash(r.fallback.addr)[0x2345] ^= 8;
    restart();
    assert_runs(first, NEW_SIZE);
    free(first);
}

/* --- Orders that wait ------------------------------------------------------
 */

static void test_record_second_update_replaces_the_first_order(void **state)
{
    (void)state;
    otter_test_idle();
    assert_int_equal(update(file, NEW_SIZE), 0);
    otter_trial_status(&rig->trial, &status);
    assert_true(status.update_waits);
    assert_false(status.can_revert);
    otter_test_idle();
    fill(file, 9);
    assert_int_equal(update(file, NEW_SIZE), 0);
    restart();
    assert_runs(file, NEW_SIZE);
    assert_true(status.on_trial);
    assert_true(status.can_revert);
    assert_int_equal(otter_trial_revert(&rig->trial), 0);
    restart();
    assert_runs(old, OLD_SIZE);
}

/* From the first change on the old order is withdrawn. */
static void test_record_aborted_update_withdraws_the_order(void **state)
{
    (void)state;
    otter_test_idle();
    assert_int_equal(update(file, NEW_SIZE), 0);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_feed(file, 5000, 1460), 0);
    restart();
    assert_runs(old, OLD_SIZE);
    assert_int_equal(status.reason, OTTER_BOOT_REASON_NONE);
}

static void test_record_update_begun_without_bytes_leaves_the_order(
    void **state)
{
    (void)state;
    otter_test_idle();
    assert_int_equal(update(file, NEW_SIZE), 0);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    (void)!otter_stream_poll(rig->stream);
    otter_stream_abort(rig->stream, OTTER_ERR_CLOSED);
    restart();
    assert_runs(file, NEW_SIZE);
}

static void test_record_order_survives_a_file_system_update(void **state)
{
    (void)state;
    assert_int_equal(update(file, NEW_SIZE), 0);
    assert_int_equal(
        otter_test_update(OTTER_UPDATE_FILE_SYSTEM, 0x3000, old, 0x3000), 0);
    restart();
    assert_runs(file, NEW_SIZE);
    assert_false(status.file_system_incomplete);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_record_update_goes_on_trial_and_stays_when_confirmed),
        TEST(test_record_update_that_never_confirms_is_reverted),
        TEST(test_record_update_is_staged_below_the_log),
        TEST(test_record_update_at_once_saves_the_old_program_too),
        TEST(test_record_update_in_the_middle_of_saving_waits_for_it),
        TEST(test_record_steady_state_costs_no_more_erases),
        TEST(test_record_digest_is_that_of_the_file),
        TEST(test_record_that_is_wrong_about_what_runs_is_not_believed),
        TEST(test_record_revert_of_a_revert_comes_back),
        TEST(test_record_aborted_update_leaves_the_way_back),
        TEST(test_record_update_on_trial_goes_back_to_the_confirmed),
        TEST(test_record_update_on_trial_can_be_confirmed),
        TEST(test_record_aborted_update_on_trial_leaves_the_trial),
        TEST(test_record_damaged_update_on_trial_goes_back),
        TEST(test_record_damaged_update_and_way_back_leave_what_runs),
        TEST(test_record_second_update_replaces_the_first_order),
        TEST(test_record_aborted_update_withdraws_the_order),
        TEST(test_record_update_begun_without_bytes_leaves_the_order),
        TEST(test_record_order_survives_a_file_system_update),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
