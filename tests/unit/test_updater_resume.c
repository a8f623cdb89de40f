/* SPDX-License-Identifier: Apache-2.0
 *
 * Updates with a key, given up or cut short by a reset: what the next begin
 * takes up, that the result is the file byte for byte, and what makes it begin
 * at the first byte instead.  The guard of record_rig.h watches. */
#include "tests/support/sim_board.h"
#include "tests/support/test_image.h"
#include "tests/unit/record_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE  (40 * SECTOR + 1232) /* so that a mark stands for two sectors */
#define CHUNK (2 * SECTOR)

static const uint8_t key[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static uint8_t *big;

static int open_big(void **state)
{
    open_rig(state);
    rig->config.resume = &otter_updater_resume;
    big = make(SIZE, 77, true);
    return 0;
}

static int close_big(void **state)
{
    free(big);
    return close_rig(state);
}

/* begin with a key, and what is there already. */
static uint32_t begin_as(const uint8_t *name, uint32_t size)
{
    struct otter_stream_info info = {
        .kind = OTTER_UPDATE_SKETCH, .size = size, .key = name};

    assert_int_equal(otter_stream_begin(rig->stream, &info), 0);
    return otter_stream_staged(rig->stream);
}

/* The bytes up to `end`, from where the update is. */
static void feed_to(uint32_t end)
{
    uint32_t at = otter_stream_staged(rig->stream);

    assert_true(at <= end);
    assert_int_equal(otter_test_feed(big + at, end - at, 1460), 0);
    otter_test_idle();
}

static void finish_from(uint32_t staged)
{
    assert_int_equal(otter_test_expect(OTTER_DIGEST_MD5, big, SIZE), 0);
    assert_int_equal(otter_test_feed(big + staged, SIZE - staged, 1460), 0);
    assert_int_equal(otter_test_end(), 0);
    restart();
    assert_runs(big, SIZE);
    assert_true(status.on_trial);
    assert_true(status.can_revert);
}

static void test_resume_after_a_reset_goes_on_at_the_last_mark(void **state)
{
    uint32_t staged;

    (void)state;
    otter_test_idle();
    assert_int_equal(begin_as(key, SIZE), 0);
    feed_to(11 * SECTOR + 100);
    restart();
    staged = begin_as(key, SIZE);
    assert_int_equal(staged, 10 * SECTOR);
    finish_from(staged);
}

/* Whatever the place of the reset, over and over. */
static void test_resume_many_resets_get_there(void **state)
{
    uint32_t staged = 0, resumed = 0;

    (void)state;
    for (uint32_t end = 3000; end < SIZE; end += 3 * SECTOR + 700) {
        staged = begin_as(key, SIZE);
        resumed += staged > 0;
        feed_to(end);
        restart();
        assert_runs(old, OLD_SIZE);
    }
    assert_int_equal(resumed, 11);
    staged = begin_as(key, SIZE);
    assert_true(staged >= SIZE - 6 * SECTOR);
    finish_from(staged);
    assert_digest(big, SIZE);
}

static void test_resume_after_giving_up_in_the_same_start(void **state)
{
    (void)state;
    assert_int_equal(begin_as(key, SIZE), 0);
    feed_to(20 * SECTOR);
    otter_stream_abort(rig->stream, OTTER_ERR_STREAM);
    otter_test_idle();
    assert_int_equal(begin_as(key, SIZE), 20 * SECTOR);
    finish_from(20 * SECTOR);
}

static void test_resume_of_what_was_staged_whole(void **state)
{
    (void)state;
    otter_test_idle();
    assert_int_equal(begin_as(key, SIZE), 0);
    feed_to(SIZE);
    assert_int_equal(otter_stream_end(rig->stream), OTTER_ERR_PENDING);
    otter_test_idle();
    restart();
    assert_runs(old, OLD_SIZE);
    assert_int_equal(begin_as(key, SIZE), SIZE);
    finish_from(SIZE);
}

/* The copy of the running program that an update makes beside itself. */
static void test_resume_leaves_room_for_the_copy_of_what_runs(void **state)
{
    (void)state;
    assert_int_equal(begin_as(key, SIZE), 0);
    feed_to(9 * SECTOR);
    restart();
    otter_test_idle();
    otter_trial_status(&rig->trial, &status);
    assert_true(status.is_saved);
    assert_int_equal(begin_as(key, SIZE), 8 * SECTOR);
    finish_from(8 * SECTOR);
}

static uint32_t staged_at(void)
{
    struct otter_boot_record r;

    newest(&r);
    return r.staged.place & ~(SECTOR - 1);
}

/* --- From the first byte ------------------------------------------------- */

static void break_off(void)
{
    otter_test_idle();
    assert_int_equal(begin_as(key, SIZE), 0);
    feed_to(11 * SECTOR);
    restart();
}

static void test_resume_needs_the_same_key_size_and_kind(void **state)
{
    static const uint8_t other[8] = {1, 2, 3, 4, 5, 6, 7, 9};
    struct otter_stream_info fs = {
        .kind = OTTER_UPDATE_FILE_SYSTEM, .size = SIZE, .key = key};

    (void)state;
    break_off();
    assert_int_equal(begin_as(other, SIZE), 0);
    otter_stream_abort(rig->stream, OTTER_ERR_STREAM);
    assert_int_equal(begin_as(key, SIZE - 1), 0);
    otter_stream_abort(rig->stream, OTTER_ERR_STREAM);
    assert_int_equal(begin_as(NULL, SIZE), 0);
    otter_stream_abort(rig->stream, OTTER_ERR_STREAM);
    assert_int_equal(otter_stream_begin(rig->stream, &fs), 0);
    assert_int_equal(otter_stream_staged(rig->stream), 0);
    otter_stream_abort(rig->stream, OTTER_ERR_STREAM);
    /* None of them has changed anything. */
    assert_int_equal(begin_as(key, SIZE), 10 * SECTOR);
    finish_from(10 * SECTOR);
}

static void test_resume_is_over_when_another_update_has_begun(void **state)
{
    (void)state;
    break_off();
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_feed(file, 2 * SECTOR, 1460), 0);
    otter_test_idle();
    restart();
    assert_int_equal(begin_as(key, SIZE), 0);
    finish_from(0);
}

static void test_resume_is_over_after_a_committed_update(void **state)
{
    (void)state;
    break_off();
    update_and_confirm(file, NEW_SIZE);
    restart();
    assert_int_equal(begin_as(key, SIZE), 0);
    finish_from(0);
}

/* A cable has put another, longer program there. */
static void test_resume_is_over_when_another_program_reaches_there(
    void **state)
{
    struct otter_test_image image = {.mode = 2, .nibble = 2, .seed = 9};
    uint8_t *longer;

    (void)state;
    close_big(NULL);
    open_map("1M");
    rig->config.resume = &otter_updater_resume;
    big = make(SIZE, 77, true);
    big[3] = (uint8_t)((big[3] & 15) | image.nibble << 4);
    break_off();
    image.log = log_addr;
    image.size = staged_at() + 2 * SECTOR;
    longer = otter_test_image_make(&image);
    otter_test_rig_flash(longer, image.size);
    free(longer);
    assert_true(otter_test_restart());
    assert_int_equal(begin_as(key, SIZE), 0);
    otter_stream_abort(rig->stream, OTTER_ERR_STREAM);
}

static void test_resume_without_the_hook_or_loader_is_none(void **state)
{
    (void)state;
    rig->config.resume = NULL;
    otter_test_idle();
    assert_int_equal(begin_as(key, SIZE), 0);
    feed_to(11 * SECTOR);
    restart();
    rig->config.resume = &otter_updater_resume;
    assert_int_equal(begin_as(key, SIZE), 0);
    otter_stream_abort(rig->stream, OTTER_ERR_STREAM);
    close_big(NULL);
    otter_test_rig_open("4M1M", OLD_SIZE);
    rig->config.resume = &otter_updater_resume;
    big = make(SIZE, 77, true);
    assert_int_equal(begin_as(key, SIZE), 0);
    feed_to(11 * SECTOR);
    assert_true(otter_test_restart());
    assert_int_equal(begin_as(key, SIZE), 0);
    otter_stream_abort(rig->stream, OTTER_ERR_STREAM);
    file = malloc(1);
    old = malloc(1);
}

/* --- What is staged is no good --------------------------------------------
 */

/* A bit has flipped in what was staged before the reset. */
static void test_resume_of_damaged_bytes_fails_once_and_begins_anew(
    void **state)
{
    for (uint32_t restarts = 0; restarts < 2; restarts++) {
        (void)state;
        break_off();
        flash(staged_at() + 3 * SECTOR)[77] ^= 4;
        assert_int_equal(begin_as(key, SIZE), 10 * SECTOR);
        assert_int_equal(otter_test_expect(OTTER_DIGEST_MD5, big, SIZE), 0);
        assert_int_equal(
            otter_test_feed(big + 10 * SECTOR, SIZE - 10 * SECTOR, 1460), 0);
        assert_int_equal(otter_test_end(), OTTER_ERR_DIGEST);
        if (restarts > 0) {
            restart();
        }
        assert_runs(old, OLD_SIZE);
        assert_int_equal(begin_as(key, SIZE), 0);
        otter_stream_abort(rig->stream, OTTER_ERR_STREAM);
        close_big(NULL);
        open_big(NULL);
    }
}

/* The first bytes, or the flash mode that the running program has now. */
static void test_resume_of_what_begins_wrong_begins_anew(void **state)
{
    (void)state;
    break_off();
    flash(staged_at())[0] = 0;
    assert_int_equal(begin_as(key, SIZE), 0);
    otter_stream_abort(rig->stream, OTTER_ERR_STREAM);
    flash(staged_at())[0] = 0xe9;
    flash(staged_at())[2] ^= 1;
    assert_int_equal(begin_as(key, SIZE), 0);
    otter_stream_abort(rig->stream, OTTER_ERR_STREAM);
    flash(staged_at())[2] ^= 1;
    assert_int_equal(begin_as(key, SIZE), 10 * SECTOR);
    finish_from(10 * SECTOR);
}

/* The file is for another way of wiring; its digest is over its own byte. */
static void test_resume_keeps_the_mode_byte_that_came(void **state)
{
    (void)state;
    for (uint32_t mode = 0; mode < 4; mode++) {
        big[2] = (uint8_t)mode;
        break_off();
        assert_int_equal(begin_as(key, SIZE), 10 * SECTOR);
        finish_from(10 * SECTOR);
        assert_digest(big, SIZE);
        close_big(NULL);
        open_big(NULL);
    }
}

static void test_resume_of_a_file_system(void **state)
{
    struct otter_stream_info info = {
        .kind = OTTER_UPDATE_FILE_SYSTEM, .size = SIZE, .key = key};

    (void)state;
    assert_int_equal(otter_stream_begin(rig->stream, &info), 0);
    feed_to(11 * SECTOR);
    restart();
    assert_true(status.file_system_incomplete);
    assert_int_equal(otter_stream_begin(rig->stream, &info), 0);
    assert_int_equal(otter_stream_staged(rig->stream), 10 * SECTOR);
    assert_int_equal(otter_test_expect(OTTER_DIGEST_MD5, big, SIZE), 0);
    assert_int_equal(
        otter_test_feed(big + 10 * SECTOR, SIZE - 10 * SECTOR, 1460), 0);
    assert_int_equal(otter_test_end(), 0);
    assert_memory_equal(flash(FS), big, SIZE);
    restart();
    assert_false(status.file_system_incomplete);
    assert_int_equal(otter_stream_begin(rig->stream, &info), 0);
    assert_int_equal(otter_stream_staged(rig->stream), 0);
    otter_stream_abort(rig->stream, OTTER_ERR_STREAM);
}

/* An order in the middle of an update: nothing is marked in its record. */
static void test_resume_marks_nothing_in_an_order(void **state)
{
    struct otter_boot_record r;

    (void)state;
    update_and_confirm(file, NEW_SIZE);
    assert_int_equal(begin_as(key, SIZE), 0);
    feed_to(5 * SECTOR);
    assert_int_equal(otter_trial_revert(&rig->trial), 0);
    otter_sim_board.nor.fault = NULL; /* it guards what programs should do */
    feed_to(15 * SECTOR);
    newest(&r);
    assert_int_equal(r.state, OTTER_BOOT_COPY);
    assert_int_equal(r.staged.size, 0);
    for (uint32_t i = 0; i < OTTER_BOOT_MARKS; i++) {
        assert_int_equal(r.mark[i], UINT32_MAX);
    }
    otter_stream_abort(rig->stream, OTTER_ERR_STREAM);
    restart();
    assert_runs(old, OLD_SIZE);
}

/* The loader appends a record of its own at each start of a trial: the marks
 * are not in it. */
static void test_resume_during_a_trial_begins_anew(void **state)
{
    (void)state;
    otter_test_idle();
    assert_int_equal(update(file, NEW_SIZE), 0);
    restart();
    assert_int_equal(begin_as(key, SIZE), 0);
    feed_to(11 * SECTOR);
    restart();
    assert_true(status.on_trial);
    assert_int_equal(begin_as(key, SIZE), 0);
    otter_stream_abort(rig->stream, OTTER_ERR_STREAM);
}

static void test_resume_marks_cost_little_time(void **state)
{
    (void)state;
    otter_test_idle();
    assert_int_equal(begin_as(key, SIZE), 0);
    feed_to(SIZE);
    print_message("longest poll: %u us\n", (unsigned)rig->longest_poll_us);
    assert_true(rig->longest_poll_us <= 500000);
    otter_stream_abort(rig->stream, OTTER_ERR_STREAM);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_big, close_big)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_resume_after_a_reset_goes_on_at_the_last_mark),
        TEST(test_resume_many_resets_get_there),
        TEST(test_resume_after_giving_up_in_the_same_start),
        TEST(test_resume_of_what_was_staged_whole),
        TEST(test_resume_leaves_room_for_the_copy_of_what_runs),
        TEST(test_resume_needs_the_same_key_size_and_kind),
        TEST(test_resume_is_over_when_another_update_has_begun),
        TEST(test_resume_is_over_after_a_committed_update),
        TEST(test_resume_is_over_when_another_program_reaches_there),
        TEST(test_resume_without_the_hook_or_loader_is_none),
        TEST(test_resume_of_damaged_bytes_fails_once_and_begins_anew),
        TEST(test_resume_of_what_begins_wrong_begins_anew),
        TEST(test_resume_keeps_the_mode_byte_that_came),
        TEST(test_resume_of_a_file_system),
        TEST(test_resume_marks_nothing_in_an_order),
        TEST(test_resume_during_a_trial_begins_anew),
        TEST(test_resume_marks_cost_little_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
