/* SPDX-License-Identifier: Apache-2.0
 *
 * Push when something goes wrong after OK: hosts that vanish, stay silent,
 * dawdle, send too much or too little, a second one, a stream that fails.
 * Each test ends with the device taking the next update. */
#include "tests/support/push_rig.h"
#include "tests/support/sim_board.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MD5_TEXT "0123456789abcdef0123456789abcdef"
#define INVITE   "0 48231 5000 " MD5_TEXT "\n"

/* The stream was given up for `reason`, and the next update goes through. */
static void recovers(struct push_rig *rig, int reason)
{
    uint32_t commits = rig->stream.commits;

    assert_int_equal(rig->stream.aborts, 1);
    assert_int_equal(rig->stream.abort_error, reason);
    assert_int_equal(otter_push_reason(&rig->push), reason);
    assert_int_equal(commits, 0);
    assert_true(fake_net_power_save());
    assert_int_equal(otter_push_poll(&rig->push), 0);
    push_rig_hears_nothing();
    rig->log[0] = '\0';
    push_rig_upload(push_rig_connect(rig, 1000), 0, 1000);
    assert_true(push_rig_run(rig, 3000));
    push_rig_logged(rig, "start(0,1000) progress(0,1000) "
                         "progress(1000,1000) end");
    push_rig_arrived(rig, 1000);
}

/* --- The connection ----------------------------------------------------- */

static struct fake_peer *dialled(struct push_rig *rig)
{
    struct fake_peer *peer;

    push_rig_open(rig);
    push_rig_say(rig, INVITE);
    push_rig_run(rig, 101);
    push_rig_hears("OK");
    push_rig_logged(rig, "start(0,5000) progress(0,5000)");
    peer = fake_net_dialled();
    assert_non_null(peer);
    return peer;
}

/* Departure from protocol 1.5 step 6: one error, not CONNECT and END. */
static void test_push_host_port_that_never_answers_fails_after_5_s(
    void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer = dialled(rig);

    push_rig_run(rig, 4999);
    push_rig_logged(rig, "");
    push_rig_run(rig, 1);
    push_rig_logged(rig, "error(2)");
    assert_int_equal(fake_peer_end(peer), FAKE_END_ABORT);
    recovers(rig, OTTER_ERR_CONNECT);
}

static void test_push_host_port_that_refuses_fails_at_once(void **state)
{
    struct push_rig *rig = *state;

    fake_peer_refuse(dialled(rig));
    push_rig_run(rig, 1);
    push_rig_logged(rig, "error(2)");
    recovers(rig, OTTER_ERR_CONNECT);
}

static void test_push_without_a_free_connection_fails(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    push_rig_say(rig, INVITE);
    fake_net_fail(FAKE_CONN_OPEN, OTTER_ERR_NO_MEMORY);
    push_rig_run(rig, 102);
    push_rig_hears("OK");
    push_rig_logged(rig, "start(0,5000) progress(0,5000) error(2)");
    fake_net_fail(FAKE_CONN_OPEN, 0);
    recovers(rig, OTTER_ERR_CONNECT);
}

/* It did connect: that is not the error. */
static void test_push_host_that_closes_at_once_supplied_no_data(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer = dialled(rig);

    fake_peer_accept(peer);
    fake_peer_close(peer);
    push_rig_run(rig, 2);
    push_rig_logged(rig, "error(4)");
    push_rig_run(rig, 1);
    push_rig_reads(peer, "ERROR[13]: No data supplied\n");
    recovers(rig, OTTER_ERR_NO_DATA);
}

/* --- Hosts that stop ---------------------------------------------------- */

/* Table 1.7: host closes early, nothing flushed. */
static void test_push_host_that_closes_within_a_sector_supplied_no_data(
    void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer = push_rig_receiving(rig, 4096);

    fake_peer_close(peer);
    push_rig_run(rig, 1);
    push_rig_logged(rig, "error(4)");
    push_rig_reads(peer, "ERROR[13]: No data supplied\n");
    assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
    recovers(rig, OTTER_ERR_NO_DATA);
}

/* Table 1.7: host closes early, at least one buffer written.  The core says
 * "ERROR[0]: No Error"; a host that closed its side only can read ours. */
static void test_push_host_that_closes_later_sent_too_little(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer = push_rig_receiving(rig, 4097);

    fake_peer_close(peer);
    push_rig_run(rig, 1);
    push_rig_logged(rig, "error(4)");
    push_rig_run(rig, 1);
    push_rig_reads(peer, "ERROR[144]: the upload ended before the announced "
                         "size\n");
    recovers(rig, OTTER_ERR_SHORT);
}

static void test_push_killed_host_ends_the_update(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer = push_rig_receiving(rig, 4500);

    fake_peer_reset(peer);
    push_rig_run(rig, 1);
    push_rig_logged(rig, "error(4)");
    assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
    recovers(rig, OTTER_ERR_SHORT);
}

/* Unread bytes are not lost when the host closes behind them (1.6: older
 * devices drop them). */
static void test_push_host_that_closes_after_the_last_byte_succeeds(
    void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    rig->stream.room = 10;
    peer = push_rig_connect(rig, 5000);
    push_rig_upload(peer, 0, 5000);
    fake_peer_close(peer);
    assert_true(push_rig_run(rig, 3000));
    assert_int_equal(rig->stream.commits, 1);
    push_rig_arrived(rig, 5000);
}

/* Departure from protocol 1.5 step 7 and the last row of 1.7. */
static void test_push_silent_host_is_given_up_after_15_s(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer = push_rig_receiving(rig, 4999);

    push_rig_run(rig, 14999);
    push_rig_logged(rig, "");
    push_rig_run(rig, 1);
    push_rig_logged(rig, "error(3)");
    push_rig_run(rig, 1);
    push_rig_reads(peer, "ERROR[6]: Stream Read Timeout\n");
    assert_int_equal(fake_peer_end(peer), FAKE_END_OPEN);
    fake_peer_close(peer);
    push_rig_run(rig, 1);
    assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
    recovers(rig, OTTER_ERR_TIMEOUT);
}

static void test_push_host_that_never_sends_is_given_up_after_15_s(
    void **state)
{
    struct push_rig *rig = *state;

    push_rig_receiving(rig, 0);
    push_rig_run(rig, 14997);
    push_rig_logged(rig, "");
    push_rig_run(rig, 1);
    push_rig_logged(rig, "error(3)");
    push_rig_run(rig, 1000);
    recovers(rig, OTTER_ERR_TIMEOUT);
}

/* One byte now and then keeps the silence away, but not the device busy. */
static void test_push_slow_loris_is_given_up_after_60_s(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer = push_rig_receiving(rig, 10);

    for (uint32_t second = 1; second < 60; second++) {
        push_rig_upload(peer, 9 + second, 1);
        push_rig_run(rig, 1000);
        assert_null(strstr(rig->log, "error"));
    }
    push_rig_run(rig, 1000);
    assert_non_null(strstr(rig->log, "error(3)"));
    push_rig_run(rig, 1000);
    recovers(rig, OTTER_ERR_TIMEOUT);
}

/* What came before does not buy time. */
static void test_push_host_that_becomes_a_loris_is_given_up(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    peer = push_rig_connect(rig, 40000);
    push_rig_upload(peer, 0, 30000);
    for (uint32_t second = 0; second < 119; second++) {
        push_rig_run(rig, 1000);
        push_rig_upload(peer, 30000 + second, 1);
        assert_null(strstr(rig->log, "error"));
    }
    push_rig_run(rig, 1000);
    assert_non_null(strstr(rig->log, "error(3)"));
    push_rig_run(rig, 1000);
    recovers(rig, OTTER_ERR_TIMEOUT);
}

static void test_push_last_byte_in_the_last_poll_is_in_time(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    peer = push_rig_connect(rig, 7);
    for (uint32_t i = 0; i < 5; i++) {
        push_rig_upload(peer, i, 1);
        push_rig_run(rig, 10000);
    }
    push_rig_upload(peer, 5, 1);
    push_rig_run(rig, 9999);
    push_rig_upload(peer, 6, 1);
    push_rig_run(rig, 100);
    assert_int_equal(rig->stream.commits, 1);
}

/* espota waits for a count per 1460 bytes and allows 10 s for each: the
 * slowest host that there is must get through. */
static void test_push_slowest_known_host_gets_through(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;
    uint32_t at = 0;

    push_rig_open(rig);
    peer = push_rig_connect(rig, 20 * 1460);
    while (at < 20 * 1460) {
        push_rig_upload(peer, at, 1460);
        push_rig_run(rig, 9990);
        push_rig_reads(peer, at < 19 * 1460 ? "1460" : "1460OK");
        at += 1460;
    }
    assert_int_equal(rig->stream.commits, 1);
}

static void test_push_stream_that_takes_nothing_is_given_up(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    rig->stream.stuck = true;
    peer = push_rig_connect(rig, 5000);
    push_rig_upload(peer, 0, 5000);
    push_rig_run(rig, 59999);
    assert_null(strstr(rig->log, "error"));
    push_rig_run(rig, 1);
    assert_non_null(strstr(rig->log, "error(3)"));
    push_rig_run(rig, 1000);
    rig->stream.stuck = false;
    recovers(rig, OTTER_ERR_TIMEOUT);
}

/* Table 1.7: host sends more than size. */
static void test_push_surplus_is_never_read_and_no_error(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    peer = push_rig_connect(rig, 3000);
    push_rig_upload(peer, 0, 5000);
    assert_true(push_rig_run(rig, 3000));
    push_rig_reads(peer, "3000OK");
    push_rig_arrived(rig, 3000);
    assert_int_equal(fake_peer_unread(peer), 2000);
}

/* --- Streams that fail -------------------------------------------------- */

static void test_push_write_error_stops_the_counts(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    rig->stream.fail_at = 3000;
    rig->stream.write_error = OTTER_ERR_FLASH_ERASE;
    peer = push_rig_connect(rig, 5000);
    push_rig_upload(peer, 0, 1460);
    push_rig_run(rig, 1);
    push_rig_upload(peer, 1460, 3540);
    push_rig_run(rig, 2);
    push_rig_reads(peer, "1460ERROR[2]: Flash Erase Failed\n");
    push_rig_logged(rig, "start(0,5000) progress(0,5000) progress(1460,5000) "
                         "error(4)");
    /* The host goes on sending: it is read, so that no reset overtakes the
     * text, and dropped. */
    push_rig_run(rig, 3);
    assert_int_equal(fake_peer_unread(peer), 0);
    assert_int_equal(fake_peer_end(peer), FAKE_END_OPEN);
    push_rig_run(rig, 1000);
    assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
    rig->stream.fail_at = 0;
    recovers(rig, OTTER_ERR_FLASH_ERASE);
}

static void test_push_flash_error_is_seen_while_the_host_is_silent(
    void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer = push_rig_receiving(rig, 4500);

    rig->stream.poll_error = OTTER_ERR_FLASH_PROGRAM;
    push_rig_run(rig, 2);
    push_rig_logged(rig, "error(4)");
    push_rig_reads(peer, "ERROR[1]: Flash Write Failed\n");
    rig->stream.poll_error = 0;
    push_rig_run(rig, 1000);
    recovers(rig, OTTER_ERR_FLASH_PROGRAM);
}

static void test_push_verification_error_is_told_with_both_digests(
    void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer = push_rig_receiving(rig, 4500);

    rig->stream.end_error = OTTER_ERR_DIGEST;
    rig->stream.detail.error = OTTER_ERR_DIGEST;
    strcpy(rig->stream.detail.expected, MD5_TEXT);
    strcpy(rig->stream.detail.calculated, "d41d8cd98f00b204e9800998ecf8427e");
    push_rig_upload(peer, 4500, 500);
    push_rig_run(rig, 3);
    push_rig_reads(peer,
                   "500ERROR[7]: MD5 verification failed: expected: " MD5_TEXT
                   ", calculated: d41d8cd98f00b204e9800998ecf8427e\n");
    push_rig_logged(rig, "progress(5000,5000) error(4)");
    assert_int_equal(rig->stream.aborts, 0); /* end has freed the stream */
    assert_int_equal(otter_push_reason(&rig->push), OTTER_ERR_DIGEST);
    fake_peer_close(peer);
    push_rig_run(rig, 1);
    assert_int_equal(otter_push_poll(&rig->push), 0);
    assert_true(fake_net_power_save());
}

static void test_push_close_while_reporting_a_write_error(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    rig->stream.fail_at = 100;
    rig->stream.write_error = OTTER_ERR_FLASH_PROGRAM;
    peer = push_rig_connect(rig, 1460);
    push_rig_upload(peer, 0, 1460);
    push_rig_run(rig, 10);
    otter_push_close(&rig->push);
    push_rig_reads(peer, "ERROR[1]: Flash Write Failed\n");
    assert_int_equal(rig->stream.aborts, 1);
}

static void test_push_error_text_waits_for_a_host_that_reads_late(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    rig->stream.end_error = OTTER_ERR_MAGIC;
    peer = push_rig_connect(rig, 1460);
    fake_peer_set_window(peer, 6);
    push_rig_upload(peer, 0, 1460);
    push_rig_run(rig, 10);
    push_rig_reads(peer, "1460ER");
    push_rig_run(rig, 1);
    push_rig_reads(peer, "ROR[10");
    fake_peer_set_window(peer, 100);
    push_rig_run(rig, 1);
    push_rig_reads(peer, "]: Magic byte is not 0xE9\n");
}

static void test_push_host_that_never_reads_the_error_is_left_after_1_s(
    void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    rig->stream.end_error = OTTER_ERR_MAGIC;
    peer = push_rig_connect(rig, 1460);
    fake_peer_set_window(peer, 0);
    push_rig_upload(peer, 0, 1460);
    push_rig_run(rig, 1001);
    assert_int_equal(fake_peer_end(peer), FAKE_END_OPEN);
    push_rig_run(rig, 1);
    assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
    assert_int_equal(otter_push_poll(&rig->push), 0);
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, push_rig_setup, push_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_push_host_port_that_never_answers_fails_after_5_s),
        TEST(test_push_host_port_that_refuses_fails_at_once),
        TEST(test_push_without_a_free_connection_fails),
        TEST(test_push_host_that_closes_at_once_supplied_no_data),
        TEST(test_push_host_that_closes_within_a_sector_supplied_no_data),
        TEST(test_push_host_that_closes_later_sent_too_little),
        TEST(test_push_killed_host_ends_the_update),
        TEST(test_push_host_that_closes_after_the_last_byte_succeeds),
        TEST(test_push_silent_host_is_given_up_after_15_s),
        TEST(test_push_host_that_never_sends_is_given_up_after_15_s),
        TEST(test_push_slow_loris_is_given_up_after_60_s),
        TEST(test_push_host_that_becomes_a_loris_is_given_up),
        TEST(test_push_last_byte_in_the_last_poll_is_in_time),
        TEST(test_push_slowest_known_host_gets_through),
        TEST(test_push_stream_that_takes_nothing_is_given_up),
        TEST(test_push_surplus_is_never_read_and_no_error),
        TEST(test_push_write_error_stops_the_counts),
        TEST(test_push_flash_error_is_seen_while_the_host_is_silent),
        TEST(test_push_verification_error_is_told_with_both_digests),
        TEST(test_push_close_while_reporting_a_write_error),
        TEST(test_push_error_text_waits_for_a_host_that_reads_late),
        TEST(test_push_host_that_never_reads_the_error_is_left_after_1_s),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
