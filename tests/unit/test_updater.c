/* SPDX-License-Identifier: Apache-2.0
 *
 * The updater as a stream: states, who may do what when, how long a call may
 * take, what an update that came to nothing leaves behind. */
#include "device/updater/updater.h"

#include "format/rtc_command.h"
#include "tests/support/sim_board.h"
#include "tests/support/test_image.h"
#include "tests/support/test_update.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NEW_SIZE 0x6010u

static uint8_t *file; /* a good sketch of NEW_SIZE bytes */

static int open_rig(void **state)
{
    struct otter_test_image image = {
        .size = NEW_SIZE, .mode = 2, .nibble = 4, .seed = 5};

    (void)state;
    otter_test_rig_open("4M1M", 0x5000);
    file = otter_test_image_make(&image);
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    free(file);
    otter_test_rig_close();
    return 0;
}

static void assert_no_order(void)
{
    uint32_t source, size;

    assert_false(otter_test_order(&source, &size));
}

static void assert_order(uint32_t source, uint32_t size)
{
    uint32_t got_source, got_size;

    assert_true(otter_test_order(&got_source, &got_size));
    assert_int_equal(got_source, source);
    assert_int_equal(got_size, size);
}

static void test_updater_size_is_one_sector_and_512_bytes_at_most(void **state)
{
    (void)state;
    assert_true(sizeof(struct otter_updater) <= 4096 + 512);
}

static void test_updater_good_update_is_staged_and_ordered(void **state)
{
    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_expect(OTTER_DIGEST_MD5, file, NEW_SIZE), 0);
    assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
    assert_no_order();
    assert_int_equal(otter_test_end(), 0);
    assert_memory_equal(otter_sim_board.nor.bytes + 0x2f9000, file, NEW_SIZE);
    assert_order(0x2f9000, NEW_SIZE);
    assert_int_equal(otter_sim_board.counters.violations, 0);
    assert_int_equal(otter_sim_board.counters.erases, 7);
}

/* Departs from protocol 2.2 step 1, where a second begin destroys the running
 * update. */
static void test_updater_begin_while_running_leaves_it_alone(void **state)
{
    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_feed(file, 5000, 1460), 0);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, 0), OTTER_ERR_BUSY);
    assert_int_equal(otter_test_begin(7, 0x5000), OTTER_ERR_BUSY);
    otter_sim_board.strapped_for_download = true;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, 0x5000),
                     OTTER_ERR_BUSY);
    assert_int_equal(otter_test_feed(file + 5000, NEW_SIZE - 5000, 1460), 0);
    assert_int_equal(otter_test_end(), 0);
    assert_order(0x2f9000, NEW_SIZE);
}

static void test_updater_failed_update_is_held_until_end(void **state)
{
    uint8_t junk[8] = {0};
    struct otter_error_detail detail;

    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_feed(junk, 8, 8), OTTER_ERR_MAGIC);
    assert_int_equal(otter_stream_poll(otter_test_rig.stream),
                     OTTER_ERR_MAGIC);
    assert_int_equal(otter_stream_write(otter_test_rig.stream, file, 8),
                     OTTER_ERR_MAGIC);
    assert_int_equal(otter_test_expect(OTTER_DIGEST_MD5, file, 8),
                     OTTER_ERR_MAGIC);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE),
                     OTTER_ERR_BUSY);
    assert_int_equal(otter_stream_end(otter_test_rig.stream), OTTER_ERR_MAGIC);
    assert_int_equal(otter_stream_write(otter_test_rig.stream, file, 8),
                     OTTER_ERR_MAGIC);
    otter_stream_detail(otter_test_rig.stream, &detail);
    assert_int_equal(detail.error, OTTER_ERR_MAGIC);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    otter_stream_detail(otter_test_rig.stream, &detail);
    assert_int_equal(detail.error, 0);
}

static void test_updater_abort_keeps_the_first_error(void **state)
{
    uint8_t junk[8] = {0};
    struct otter_error_detail detail;

    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_feed(junk, 8, 8), OTTER_ERR_MAGIC);
    otter_stream_abort(otter_test_rig.stream, OTTER_ERR_CLOSED);
    otter_stream_detail(otter_test_rig.stream, &detail);
    assert_int_equal(detail.error, OTTER_ERR_MAGIC);
}

static void test_updater_idle_calls_are_refused(void **state)
{
    struct otter_digest digest = {.kind = OTTER_DIGEST_MD5};

    (void)state;
    assert_int_equal(otter_stream_write(otter_test_rig.stream, file, 8),
                     OTTER_ERR_STATE);
    assert_int_equal(otter_stream_end(otter_test_rig.stream), OTTER_ERR_STATE);
    assert_int_equal(otter_stream_expect(otter_test_rig.stream, &digest),
                     OTTER_ERR_STATE);
    assert_int_equal(otter_stream_poll(otter_test_rig.stream), 0);
    otter_stream_abort(otter_test_rig.stream, OTTER_ERR_TIMEOUT);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    digest.kind = (enum otter_digest_kind)9;
    assert_int_equal(otter_stream_expect(otter_test_rig.stream, &digest),
                     OTTER_ERR_INVALID);
}

static void test_updater_config_without_a_map_is_refused(void **state)
{
    struct otter_updater updater;
    struct otter_updater_config config = {0};

    (void)state;
    otter_sim_board.map = NULL;
    assert_int_equal(otter_updater_init(&updater, &config), OTTER_ERR_INVALID);
}

/* Through a whole update with a digest of the running sketch beside it, at
 * the data sheet's slowest, no call takes longer than an erase and a sector's
 * programs; begin, expect and write use no flash time at all. */
static void test_updater_longest_poll_is_one_sector(void **state)
{
    char md5[33];

    (void)state;
    otter_sim_board.nor.timing = otter_nor_maximum;
    assert_int_equal(otter_updater_sketch_md5(&otter_test_rig.updater, md5),
                     OTTER_ERR_PENDING);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_expect(OTTER_DIGEST_SHA256, file, NEW_SIZE),
                     0);
    assert_int_equal(otter_test_feed(file, NEW_SIZE, NEW_SIZE), 0);
    assert_int_equal(otter_test_end(), 0);
    assert_true(otter_test_rig.longest_poll_us >= 400000);
    assert_true(otter_test_rig.longest_poll_us <= 400000 + 16 * 3000);
    assert_int_equal(otter_test_rig.longest_write_us, 0);
    assert_int_equal(otter_sim_board.counters.erases, 7);
}

/* The same where the size is unknown, so that nothing is erased ahead, and
 * for a file system. */
static void test_updater_longest_poll_without_erasing_ahead(void **state)
{
    (void)state;
    otter_sim_board.nor.timing = otter_nor_maximum;
    assert_int_equal(otter_test_update(OTTER_UPDATE_SKETCH, OTTER_SIZE_UNKNOWN,
                                       file, NEW_SIZE),
                     0);
    assert_int_equal(otter_sim_board.counters.erases, 7);
    assert_int_equal(
        otter_test_update(OTTER_UPDATE_FILE_SYSTEM, NEW_SIZE, file, NEW_SIZE),
        0);
    assert_true(otter_test_rig.longest_poll_us <= 400000 + 16 * 3000);
    assert_int_equal(otter_test_rig.longest_write_us, 0);
}

static void test_updater_erases_ahead_only_after_the_first_bytes(void **state)
{
    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_stream_poll(otter_test_rig.stream), 0);
    assert_int_equal(otter_test_feed(file, 3, 3), 0);
    assert_int_equal(otter_stream_poll(otter_test_rig.stream), 0);
    assert_int_equal(otter_sim_board.counters.erases, 0);
    assert_int_equal(otter_test_feed(file + 3, 1, 1), 0);
    while (otter_stream_poll(otter_test_rig.stream) == OTTER_ERR_PENDING) {
    }
    assert_int_equal(otter_sim_board.counters.erases, 7); /* all there are */
}

static void abort_after(uint32_t bytes)
{
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_feed(file, bytes, 1460), 0);
    otter_stream_abort(otter_test_rig.stream, OTTER_ERR_TIMEOUT);
}

static void test_updater_aborted_update_leaves_no_order(void **state)
{
    static const uint32_t after[] = {0, 4, 4096, 4097, NEW_SIZE};
    struct otter_error_detail detail;
    uint32_t before[OTTER_RTC_WORDS];

    (void)state;
    for (uint32_t i = 0; i < OTTER_RTC_WORDS; i++) {
        otter_sim_board.rtc[i] = i * 0x01010101u;
    }
    memcpy(before, otter_sim_board.rtc, sizeof before);
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++) {
        abort_after(after[i]);
        otter_stream_detail(otter_test_rig.stream, &detail);
        assert_int_equal(detail.error, OTTER_ERR_TIMEOUT);
    }
    assert_int_equal(otter_sim_board.rtc_writes, 0);
    assert_memory_equal(otter_sim_board.rtc, before, sizeof before);
}

/* In every state on the way, also when all is verified. */
static void test_updater_abort_while_it_ends_commits_nothing(void **state)
{
    uint32_t stop = 0;
    uint32_t polls;

    (void)state;
    do {
        assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
        assert_int_equal(otter_test_feed(file, NEW_SIZE, 4096), 0);
        assert_int_equal(otter_stream_end(otter_test_rig.stream),
                         OTTER_ERR_PENDING);
        polls = 0;
        while (polls < stop && otter_stream_poll(otter_test_rig.stream) != 0) {
            polls++;
        }
        otter_stream_abort(otter_test_rig.stream, OTTER_ERR_CLOSED);
        assert_int_equal(otter_sim_board.rtc_writes, 0);
    } while (polls == stop++);
    assert_true(polls >= NEW_SIZE / 4096);
}

static void test_updater_update_after_a_failed_one_works(void **state)
{
    (void)state;
    abort_after(9000);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_expect(OTTER_DIGEST_MD5, file, 100), 0);
    assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
    assert_int_equal(otter_test_end(), OTTER_ERR_DIGEST);
    assert_no_order();
    assert_int_equal(
        otter_test_update(OTTER_UPDATE_SKETCH, NEW_SIZE, file, NEW_SIZE), 0);
    assert_order(0x2f9000, NEW_SIZE);
    assert_int_equal(otter_sim_board.counters.violations, 0);
}

/* Departs from protocol 2.2, which stages over the image of an update that
 * waits for its restart and leaves the order to install it. */
static void test_updater_withdraws_the_order_it_stages_over(void **state)
{
    (void)state;
    assert_int_equal(
        otter_test_update(OTTER_UPDATE_SKETCH, NEW_SIZE, file, NEW_SIZE), 0);
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    otter_stream_abort(otter_test_rig.stream, OTTER_ERR_CLOSED);
    assert_order(0x2f9000, NEW_SIZE); /* nothing was changed yet */
    abort_after(4);
    assert_no_order();
}

static void test_updater_keeps_an_order_it_does_not_stage_over(void **state)
{
    (void)state;
    assert_int_equal(otter_test_update(OTTER_UPDATE_SKETCH, OTTER_SIZE_UNKNOWN,
                                       file, NEW_SIZE),
                     0);
    assert_order(0x6000, NEW_SIZE);
    abort_after(NEW_SIZE);
    assert_order(0x6000, NEW_SIZE);
    assert_int_equal(
        otter_test_update(OTTER_UPDATE_FILE_SYSTEM, NEW_SIZE, file, NEW_SIZE),
        0);
    assert_order(0x6000, NEW_SIZE);
}

/* An application's own command is none of the updater's business. */
static void test_updater_leaves_other_commands_alone(void **state)
{
    struct otter_rtc_command command;
    uint32_t before[32];

    (void)state;
    otter_rtc_command_set_copy(&command, 0x2f9000, 0, NEW_SIZE);
    command.action = OTTER_RTC_LOAD_APP;
    otter_rtc_command_encode(&command, before);
    memcpy(otter_sim_board.rtc, before, sizeof before);
    abort_after(NEW_SIZE);
    assert_memory_equal(otter_sim_board.rtc, before, sizeof before);
}

static void test_updater_calls_after_end_take_nothing(void **state)
{
    (void)state;
    assert_int_equal(otter_test_begin(OTTER_UPDATE_SKETCH, NEW_SIZE), 0);
    assert_int_equal(otter_test_feed(file, NEW_SIZE, 1460), 0);
    assert_int_equal(otter_stream_end(otter_test_rig.stream),
                     OTTER_ERR_PENDING);
    assert_int_equal(otter_stream_write(otter_test_rig.stream, file, 0),
                     OTTER_ERR_STATE);
    assert_int_equal(otter_test_expect(OTTER_DIGEST_MD5, file, 1),
                     OTTER_ERR_STATE);
    assert_int_equal(otter_test_end(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_updater_size_is_one_sector_and_512_bytes_at_most),
        TEST(test_updater_good_update_is_staged_and_ordered),
        TEST(test_updater_begin_while_running_leaves_it_alone),
        TEST(test_updater_failed_update_is_held_until_end),
        TEST(test_updater_abort_keeps_the_first_error),
        TEST(test_updater_idle_calls_are_refused),
        TEST(test_updater_config_without_a_map_is_refused),
        TEST(test_updater_longest_poll_is_one_sector),
        TEST(test_updater_longest_poll_without_erasing_ahead),
        TEST(test_updater_erases_ahead_only_after_the_first_bytes),
        TEST(test_updater_aborted_update_leaves_no_order),
        TEST(test_updater_abort_while_it_ends_commits_nothing),
        TEST(test_updater_update_after_a_failed_one_works),
        TEST(test_updater_withdraws_the_order_it_stages_over),
        TEST(test_updater_keeps_an_order_it_does_not_stage_over),
        TEST(test_updater_leaves_other_commands_alone),
        TEST(test_updater_calls_after_end_take_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
