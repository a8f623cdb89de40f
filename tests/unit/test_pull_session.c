/* SPDX-License-Identifier: Apache-2.0
 *
 * Pull's runs: time-outs, the application that declines, closes and starts
 * again from its callbacks, what one poll does, and when the next run comes.
 */
#include "tests/support/pull_rig.h"
#include "tests/support/sim_board.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOT_MODIFIED "HTTP/1.0 304 Not Modified\r\n\r\n"

/* --- Time-outs ----------------------------------------------------------- */

static void test_pull_name_that_is_not_answered_fails_after_8_s(void **state)
{
    struct pull_rig *rig = *state;

    fake_net_hold_lookups(true);
    pull_rig_open(rig);
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    pull_rig_run(rig, 7990);
    pull_rig_logged(rig, "");
    pull_rig_run(rig, 20);
    pull_rig_logged(rig, "error(-1) result(0)");
    fake_net_hold_lookups(false);
    pull_rig_ask(rig); /* the look-up was given up, the next one runs */
}

static void test_pull_other_lookup_is_waited_for(void **state)
{
    struct pull_rig *rig = *state;
    struct otter_addr addr;

    assert_int_equal(otter_net_lookup_start("somebody.else"), 0);
    pull_rig_open(rig);
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    pull_rig_run(rig, 4000);
    assert_null(fake_net_dialled());
    pull_rig_logged(rig, "");
    assert_int_equal(otter_net_lookup_poll(&addr), OTTER_ERR_LOOKUP);
    pull_rig_asked(rig);
    otter_pull_close(&rig->pull);

    assert_int_equal(otter_net_lookup_start("somebody.else"), 0);
    pull_rig_open(rig);
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    pull_rig_run(rig, 8010);
    pull_rig_logged(rig, "error(-1) result(0)");
    assert_int_equal(otter_net_lookup_poll(&addr), OTTER_ERR_LOOKUP);
}

static void test_pull_server_that_never_connects_fails_after_8_s(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    pull_rig_open(rig);
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    pull_rig_run(rig, 7990);
    pull_rig_logged(rig, "");
    peer = fake_net_dialled();
    pull_rig_run(rig, 20);
    pull_rig_logged(rig, "error(-1) result(0)");
    assert_int_equal(fake_peer_end(peer), FAKE_END_ABORT);
}

static void test_pull_server_that_takes_no_request_fails_after_8_s(
    void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    pull_rig_open(rig);
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    pull_rig_run(rig, 4);
    peer = fake_net_dialled();
    fake_peer_set_window(peer, 20);
    fake_peer_accept(peer);
    pull_rig_run(rig, 7990);
    pull_rig_logged(rig, "");
    pull_rig_run(rig, 20);
    pull_rig_logged(rig, "error(-2) result(0)");
}

/* A byte every 5 s keeps the client's time-out away, but not for ever. */
static void test_pull_head_that_drips_fails_after_a_minute(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    pull_rig_say(rig, peer, "HTTP/1.0 200 OK\r\nX: ");
    for (int i = 0; i < 11; i++) {
        pull_rig_say(rig, peer, "x");
        pull_rig_run(rig, 5000);
    }
    pull_rig_say(rig, peer, "x");
    pull_rig_run(rig, 4900);
    pull_rig_logged(rig, "");
    pull_rig_run(rig, 100);
    pull_rig_logged(rig, "error(-11) result(0)");
}

static void test_pull_client_timeout_is_configurable(void **state)
{
    struct pull_rig *rig = *state;

    rig->config.client_timeout_ms = 500;
    pull_rig_open(rig);
    pull_rig_ask(rig);
    pull_rig_run(rig, 490);
    pull_rig_logged(rig, "");
    pull_rig_run(rig, 20);
    pull_rig_logged(rig, "error(-11) result(0)");
}

/* A header of any length is no reason to stand still or to fail. */
static void test_pull_endless_header_blocks_nothing(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;
    char cookie[4096];

    memset(cookie, 'c', sizeof cookie);
    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    pull_rig_say(rig, peer, "HTTP/1.0 304 Not Modified\r\nSet-Cookie: ");
    for (int i = 0; i < 16; i++) {
        fake_peer_send(peer, cookie, sizeof cookie);
    }
    pull_rig_run(rig, 1);
    assert_true(fake_peer_unread(peer) >= 15 * sizeof cookie);
    pull_rig_say(rig, peer, "\r\n\r\n");
    pull_rig_finish(rig);
    pull_rig_logged(rig, "result(1)");
}

static void test_pull_100_continue_is_passed_over(void **state)
{
    struct pull_rig *rig = *state;

    assert_int_equal(pull_rig_answer(rig, "HTTP/1.1 100 Continue\r\n"
                                          "x-MD5: bad\r\n\r\n" NOT_MODIFIED),
                     OTTER_PULL_NO_UPDATE);
}

/* --- The application and the stream -------------------------------------- */

static struct fake_peer *offer(struct pull_rig *rig)
{
    struct fake_peer *peer = pull_rig_ask(rig);

    pull_rig_say(rig, peer, pull_rig_head(1000, ""));
    pull_rig_body(peer, 0, 1000);
    return peer;
}

static void test_pull_declined_update_changes_nothing(void **state)
{
    struct pull_rig *rig = *state;

    rig->decline = OTTER_ERR_DECLINED;
    pull_rig_open(rig);
    offer(rig);
    assert_false(pull_rig_finish(rig));
    pull_rig_logged(rig, "start(0,1000) result(0)"); /* no on_error */
    assert_int_equal(otter_pull_reason(&rig->pull), OTTER_ERR_DECLINED);
    assert_int_equal(rig->stream.len, 0);
    assert_int_equal(rig->stream.aborts, 1);
    rig->decline = 0;
    offer(rig);
    assert_true(pull_rig_finish(rig));
}

static void test_pull_stream_in_use_is_error_15(void **state)
{
    struct pull_rig *rig = *state;

    rig->stream.begin_error = OTTER_ERR_BUSY;
    pull_rig_open(rig);
    offer(rig);
    assert_false(pull_rig_finish(rig));
    pull_rig_failed(rig, 15,
                    "Update error: ERROR[15]: Update already running");
    pull_rig_logged(rig, "error(15) result(0)");
    assert_int_equal(rig->stream.aborts, 0);
}

static void test_pull_begin_and_end_may_take_their_time(void **state)
{
    struct pull_rig *rig = *state;

    rig->stream.begin_pending = 50;
    rig->stream.end_pending = 50;
    rig->stream.room = 100;
    pull_rig_open(rig);
    offer(rig);
    assert_true(pull_rig_finish(rig));
    pull_rig_arrived(rig, 1000);
    assert_true(rig->stream.polls >= 60);
}

static void test_pull_stream_that_takes_nothing_is_given_up(void **state)
{
    struct pull_rig *rig = *state;

    rig->stream.stuck = true;
    pull_rig_open(rig);
    offer(rig);
    pull_rig_run(rig, OTTER_PULL_SLOW_MS + 10);
    assert_int_equal(otter_pull_last_result(&rig->pull), OTTER_PULL_FAILED);
    assert_int_equal(rig->stream.aborts, 1);
    assert_int_equal(otter_pull_poll(&rig->pull), 0);
}

static void test_pull_errors_of_the_stream_have_the_updaters_numbers(
    void **state)
{
    struct pull_rig *rig = *state;

    rig->stream.end_error = OTTER_ERR_DIGEST;
    rig->stream.detail.error = OTTER_ERR_DIGEST;
    memcpy(rig->stream.detail.expected, PULL_RIG_MD5, 33);
    memcpy(rig->stream.detail.calculated, "0", 2);
    pull_rig_open(rig);
    offer(rig);
    assert_false(pull_rig_finish(rig));
    pull_rig_failed(rig, 7,
                    "Update error: ERROR[7]: MD5 verification failed: "
                    "expected: " PULL_RIG_MD5 ", calculated: 0");
    pull_rig_logged(rig, "start(0,1000) progress(0,1000) "
                         "progress(1000,1000) error(7) result(0)");
    rig->stream.end_error = 0;
    rig->stream.poll_error = OTTER_ERR_FLASH_ERASE;
    offer(rig);
    assert_false(pull_rig_finish(rig));
    pull_rig_failed(rig, 2, "Update error: ERROR[2]: Flash Erase Failed");
    assert_int_equal(rig->stream.commits, 0);
}

static const char *close_at;

static void close_in_callback(struct pull_rig *rig, const char *name)
{
    if (strcmp(name, close_at) == 0) {
        otter_pull_close(&rig->pull);
    }
}

static void test_pull_may_be_closed_in_every_callback(void **state)
{
    static const char *const names[] = {"start", "progress", "end", "result",
                                        "error"};
    struct pull_rig *rig = *state;

    rig->on_callback = close_in_callback;
    for (size_t i = 0; i < 5; i++) {
        struct fake_peer *peer;
        uint32_t commits = rig->stream.commits;
        bool committed = i == 2 || i == 3;

        close_at = names[i];
        rig->stream.end_error = i == 4 ? OTTER_ERR_DIGEST : 0;
        pull_rig_open(rig);
        peer = offer(rig);
        assert_false(pull_rig_run(rig, 200));
        assert_int_equal(otter_pull_poll(&rig->pull), OTTER_ERR_STATE);
        assert_false(rig->stream.running);
        assert_int_equal(rig->stream.commits - commits, committed ? 1 : 0);
        assert_int_not_equal(fake_peer_end(peer), FAKE_END_OPEN);
        assert_non_null(strstr(rig->log, close_at));
        rig->log[0] = '\0';
    }
}

static void start_in_callback(struct pull_rig *rig, const char *name)
{
    if (strcmp(name, "result") == 0) {
        rig->on_callback = NULL;
        assert_int_equal(otter_pull_start(&rig->pull), 0);
    } else {
        assert_int_equal(otter_pull_start(&rig->pull), OTTER_ERR_BUSY);
    }
    (void)otter_pull_poll(&rig->pull); /* an application that waits inside */
}

static void test_pull_may_start_again_in_on_result(void **state)
{
    struct pull_rig *rig = *state;

    rig->config.stay_running = true;
    rig->on_callback = start_in_callback;
    pull_rig_open(rig);
    offer(rig);
    pull_rig_say(rig, pull_rig_asked(rig), NOT_MODIFIED);
    pull_rig_finish(rig);
    pull_rig_logged(rig, "start(0,1000) progress(0,1000) "
                         "progress(1000,1000) end result(2) result(1)");
}

static void test_pull_closes_in_every_state(void **state)
{
    struct pull_rig *rig = *state;

    for (uint32_t polls = 0; polls < 40; polls++) {
        struct fake_peer *peer;

        pull_rig_open(rig);
        rig->stream.end_pending = 3;
        assert_int_equal(otter_pull_start(&rig->pull), 0);
        for (uint32_t i = 0; i < polls; i++) {
            pull_rig_run(rig, 1);
            peer = fake_net_dialled();
            if (peer != NULL) {
                const char *head = pull_rig_head(1000, "ETag: \"v1\"\r\n");

                fake_peer_accept(peer);
                fake_peer_send(peer, head, (uint32_t)strlen(head));
                pull_rig_body(peer, 0, 1000);
            }
        }
        otter_pull_close(&rig->pull);
        otter_pull_close(&rig->pull);
        assert_int_equal(fake_net_open(), 0);
        assert_false(rig->stream.running);
        assert_true(fake_net_power_save());
        assert_int_equal(otter_pull_poll(&rig->pull), OTTER_ERR_STATE);
        otter_net_lookup_cancel();
    }
    assert_true(rig->stream.commits > 0); /* the last ones were through */
}

/* One poll takes at most a sector's worth of bytes. */
static void test_pull_one_poll_takes_little(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;
    uint32_t before = 0;

    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    pull_rig_say(rig, peer, pull_rig_head(100000, ""));
    pull_rig_body(peer, 0, 100000);
    while (rig->stream.len < 100000) {
        pull_rig_run(rig, 1);
        assert_true(rig->stream.len - before <= 4096 + 512);
        before = rig->stream.len;
    }
    assert_true(pull_rig_finish(rig));
}

/* --- The schedule -------------------------------------------------------- */

static void answer_next(struct pull_rig *rig, const char *answer)
{
    pull_rig_say(rig, pull_rig_asked(rig), answer);
    pull_rig_finish(rig);
}

static void test_pull_without_interval_asks_when_told(void **state)
{
    struct pull_rig *rig = *state;

    pull_rig_open(rig);
    assert_int_equal(otter_pull_wait_ms(&rig->pull), UINT32_MAX);
    pull_rig_run(rig, 120000);
    assert_null(fake_net_dialled());
    otter_pull_close(&rig->pull);
    assert_int_equal(otter_pull_wait_ms(&rig->pull), UINT32_MAX);
}

static void test_pull_interval_has_jitter(void **state)
{
    struct pull_rig *rig = *state;
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;

    rig->config.interval_s = 3600;
    for (int i = 0; i < 50; i++) {
        pull_rig_open(rig);
        assert_true(otter_pull_wait_ms(&rig->pull) <= 60000);
        assert_int_equal(otter_pull_start(&rig->pull), 0);
        assert_int_equal(otter_pull_wait_ms(&rig->pull), 0);
        answer_next(rig, NOT_MODIFIED);
        if (otter_pull_wait_ms(&rig->pull) < least) {
            least = otter_pull_wait_ms(&rig->pull);
        }
        if (otter_pull_wait_ms(&rig->pull) > most) {
            most = otter_pull_wait_ms(&rig->pull);
        }
        otter_pull_close(&rig->pull);
    }
    assert_in_range(least, 3240000, 3400000);
    assert_in_range(most, 3800000, 3960000);
}

static void test_pull_interval_asks_by_itself(void **state)
{
    struct pull_rig *rig = *state;
    uint32_t since;

    rig->config.interval_s = 100;
    pull_rig_open(rig);
    answer_next(rig, NOT_MODIFIED);
    for (int i = 0; i < 5; i++) {
        since = otter_sim_board.now_ms;
        answer_next(rig, NOT_MODIFIED);
        assert_in_range(otter_sim_board.now_ms - since, 90000, 110100);
    }
    pull_rig_logged(rig, "result(1) result(1) result(1) result(1) result(1) "
                         "result(1)");
}

static void test_pull_failures_back_off_and_a_success_forgets_them(
    void **state)
{
    static const uint32_t waits[] = {30,  60,   120,  240,  480,
                                     960, 1920, 3600, 3600, 3600};
    struct pull_rig *rig = *state;

    rig->config.interval_s = 600;
    pull_rig_open(rig);
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        assert_int_equal(otter_pull_start(&rig->pull), 0);
        answer_next(rig, "HTTP/1.0 500 Error\r\n\r\n");
        assert_in_range(otter_pull_wait_ms(&rig->pull), waits[i] * 500,
                        waits[i] * 1000);
    }
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    answer_next(rig, NOT_MODIFIED);
    assert_in_range(otter_pull_wait_ms(&rig->pull), 540000, 660000);
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    answer_next(rig, "HTTP/1.0 500 Error\r\n\r\n");
    assert_in_range(otter_pull_wait_ms(&rig->pull), 15000, 30000);
}

static void test_pull_back_off_knows_short_and_long_intervals(void **state)
{
    struct pull_rig *rig = *state;

    rig->config.interval_s = 5;
    pull_rig_open(rig);
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    answer_next(rig, "HTTP/1.0 500 Error\r\n\r\n");
    assert_in_range(otter_pull_wait_ms(&rig->pull), 2500, 5000);
    otter_pull_close(&rig->pull);

    rig->config.interval_s = OTTER_PULL_INTERVAL_MAX;
    pull_rig_open(rig);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(otter_pull_start(&rig->pull), 0);
        answer_next(rig, "HTTP/1.0 500 Error\r\n\r\n");
    }
    assert_in_range(otter_pull_wait_ms(&rig->pull), 302400000, 604800000);
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    answer_next(rig, NOT_MODIFIED);
    assert_in_range(otter_pull_wait_ms(&rig->pull), 544320000, 665280000);
}

static void test_pull_declining_is_no_failure_of_the_server(void **state)
{
    struct pull_rig *rig = *state;

    rig->config.interval_s = 600;
    rig->decline = OTTER_ERR_DECLINED;
    pull_rig_open(rig);
    offer(rig);
    pull_rig_finish(rig);
    assert_in_range(otter_pull_wait_ms(&rig->pull), 540000, 660000);
}

static void retry_after(struct pull_rig *rig, const char *value,
                        uint32_t least_s, uint32_t most_s)
{
    char answer[200];

    snprintf(answer, sizeof answer,
             "HTTP/1.0 503 Busy\r\nRetry-After: %s\r\n\r\n", value);
    pull_rig_open(rig);
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    answer_next(rig, answer);
    assert_in_range(otter_pull_wait_ms(&rig->pull), least_s * 1000,
                    most_s * 1000);
    otter_pull_close(&rig->pull);
}

static void test_pull_retry_after_is_honoured_up_to_a_day(void **state)
{
    struct pull_rig *rig = *state;

    rig->config.interval_s = 600;
    retry_after(rig, "1000", 1000, 1100);
    retry_after(rig, "5", 15, 30); /* not sooner than we would */
    retry_after(rig, "86401", 86400, 95040);
    retry_after(rig, "4294967296", 86400, 95040);
    /* A date counts from the server's own, wherever that stands. */
    retry_after(rig, "Sun, 22 Nov 2026 17:32:21 GMT", 15, 30);
    retry_after(rig,
                "Sun, 22 Nov 2026 17:32:21 GMT\r\n"
                "Date: Sun, 22 Nov 2026 17:02:21 GMT",
                1800, 1980);
    retry_after(rig,
                "Tue, 01 Mar 2044 00:00:30 GMT\r\n"
                "date: Sun, 28 Feb 2044 23:59:30 GMT",
                86400, 95040);
    retry_after(rig,
                "Wed, 01 Mar 2045 00:00:00 GMT\r\n"
                "Date: Tue, 28 Feb 2045 23:00:00 GMT",
                3600, 3960);
    retry_after(rig,
                "Sat, 01 Jan 2050 00:00:00 GMT\r\n"
                "Date: Sat, 01 Jan 2050 00:00:01 GMT",
                15, 30);
    retry_after(rig,
                "Sun, 22 Nov 2026 17:32:21 UTC\r\n"
                "Date: Sun, 22 Nov 2026 17:02:21 GMT",
                15, 30);
    retry_after(rig,
                "Sun, 22 Nox 2026 17:32:21 GMT\r\n"
                "Date: Sun, 22 Nov 2026 17:02:21 GMT",
                15, 30);
    retry_after(rig, "-1", 15, 30);
    retry_after(rig, "", 15, 30);
}

static void test_pull_without_randomness_devices_still_differ(void **state)
{
    struct pull_rig *rig = *state;
    uint32_t waits[2];

    otter_sim_board.random_fails = true;
    rig->config.interval_s = 3600;
    for (uint8_t i = 0; i < 2; i++) {
        otter_sim_board.mac[5] = i;
        pull_rig_open(rig);
        waits[i] = otter_pull_wait_ms(&rig->pull);
        otter_pull_close(&rig->pull);
    }
    assert_int_not_equal(waits[0], waits[1]);
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, pull_rig_setup, pull_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_pull_name_that_is_not_answered_fails_after_8_s),
        TEST(test_pull_other_lookup_is_waited_for),
        TEST(test_pull_server_that_never_connects_fails_after_8_s),
        TEST(test_pull_server_that_takes_no_request_fails_after_8_s),
        TEST(test_pull_head_that_drips_fails_after_a_minute),
        TEST(test_pull_client_timeout_is_configurable),
        TEST(test_pull_endless_header_blocks_nothing),
        TEST(test_pull_100_continue_is_passed_over),
        TEST(test_pull_declined_update_changes_nothing),
        TEST(test_pull_stream_in_use_is_error_15),
        TEST(test_pull_begin_and_end_may_take_their_time),
        TEST(test_pull_stream_that_takes_nothing_is_given_up),
        TEST(test_pull_errors_of_the_stream_have_the_updaters_numbers),
        TEST(test_pull_may_be_closed_in_every_callback),
        TEST(test_pull_may_start_again_in_on_result),
        TEST(test_pull_closes_in_every_state),
        TEST(test_pull_one_poll_takes_little),
        TEST(test_pull_without_interval_asks_when_told),
        TEST(test_pull_interval_has_jitter),
        TEST(test_pull_interval_asks_by_itself),
        TEST(test_pull_failures_back_off_and_a_success_forgets_them),
        TEST(test_pull_back_off_knows_short_and_long_intervals),
        TEST(test_pull_declining_is_no_failure_of_the_server),
        TEST(test_pull_retry_after_is_honoured_up_to_a_day),
        TEST(test_pull_without_randomness_devices_still_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
