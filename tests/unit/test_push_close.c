/* SPDX-License-Identifier: Apache-2.0
 *
 * Push is opened and closed at any time: in each state, and inside each
 * callback.  Exposing updates only after a button press is a documented use
 * (manual R14).  The rig's tear-down checks that nothing stays open, that the
 * stream is free and that the radio may sleep. */
#include "tests/support/push_rig.h"
#include "tests/support/sim_board.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define INVITE      "0 48231 5000 0123456789abcdef0123456789abcdef\n"
#define CLOSED_TEXT "ERROR[108]: the application declined the update\n"

/* Closed: silent to invitations, without callbacks, and able to open again
 * and to take an update. */
static void closed_then_usable(struct push_rig *rig)
{
    assert_int_equal(fake_net_open(), 0);
    assert_int_equal(otter_push_poll(&rig->push), OTTER_ERR_STATE);
    otter_push_close(&rig->push);
    rig->log[0] = '\0';
    push_rig_say(rig, INVITE);
    assert_false(push_rig_run(rig, 5000));
    push_rig_hears_nothing();
    push_rig_logged(rig, "");
    push_rig_open(rig);
    push_rig_upload(push_rig_connect(rig, 1000), 0, 1000);
    assert_true(push_rig_run(rig, 3000));
    push_rig_arrived(rig, 1000);
}

/* --- In each state ------------------------------------------------------ */

static void test_push_close_before_init_is_harmless(void **state)
{
    struct push_rig *rig = *state;

    memset(&rig->push, 0, sizeof rig->push);
    closed_then_usable(rig);
}

static void test_push_close_while_idle(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    push_rig_run(rig, 10);
    otter_push_close(&rig->push);
    closed_then_usable(rig);
}

static void test_push_close_while_challenging(void **state)
{
    struct push_rig *rig = *state;

    rig->config.password = PUSH_RIG_PASSWORD;
    push_rig_open(rig);
    push_rig_say(rig, INVITE);
    push_rig_hears("AUTH " PUSH_RIG_NONCE);
    otter_push_close(&rig->push);
    push_rig_say(rig, PUSH_RIG_ANSWER);
    push_rig_hears_nothing();
    rig->config.password = NULL;
    closed_then_usable(rig);
}

static void test_push_close_before_the_stream_began(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    push_rig_say(rig, INVITE);
    otter_push_close(&rig->push);
    push_rig_hears("ERR: " CLOSED_TEXT);
    assert_int_equal(rig->stream.begins, 0);
    closed_then_usable(rig);
}

static void test_push_close_in_the_pause(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    push_rig_say(rig, INVITE);
    push_rig_run(rig, 50);
    push_rig_hears("OK");
    otter_push_close(&rig->push);
    assert_int_equal(rig->stream.aborts, 1);
    closed_then_usable(rig);
}

static void test_push_close_while_connecting(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    push_rig_say(rig, INVITE);
    push_rig_run(rig, 101);
    push_rig_hears("OK");
    peer = fake_net_dialled();
    otter_push_close(&rig->push);
    assert_int_equal(fake_peer_end(peer), FAKE_END_ABORT);
    assert_int_equal(rig->stream.aborts, 1);
    closed_then_usable(rig);
}

static void test_push_close_while_receiving_tells_the_host(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    peer = push_rig_connect(rig, 5000);
    push_rig_upload(peer, 0, 1460);
    push_rig_run(rig, 1);
    otter_push_close(&rig->push);
    push_rig_reads(peer, "1460" CLOSED_TEXT);
    assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
    assert_int_equal(rig->stream.aborts, 1);
    assert_int_equal(rig->stream.abort_error, OTTER_ERR_DECLINED);
    closed_then_usable(rig);
}

static void test_push_close_while_verifying_commits_nothing(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    rig->stream.end_pending = 1000;
    peer = push_rig_connect(rig, 100);
    push_rig_upload(peer, 0, 100);
    push_rig_run(rig, 500);
    otter_push_close(&rig->push);
    push_rig_reads(peer, "100" CLOSED_TEXT);
    assert_int_equal(rig->stream.aborts, 1);
    assert_int_equal(rig->stream.commits, 0);
    rig->stream.end_pending = 0;
    closed_then_usable(rig);
}

/* Committed: the host is told so, whatever the pause still lacks. */
static void test_push_close_before_the_result_answers_ok(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    for (uint32_t ms = 3; ms < 1000; ms += 500) {
        push_rig_open(rig);
        peer = push_rig_connect(rig, 100);
        push_rig_upload(peer, 0, 100);
        fake_peer_hold_acks(peer, true);
        push_rig_run(rig, ms);
        otter_push_close(&rig->push);
        push_rig_reads(peer, "100OK");
        assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
        assert_int_equal(rig->stream.aborts, 0);
    }
    assert_int_equal(rig->stream.commits, 2);
    closed_then_usable(rig);
}

static void test_push_close_after_the_result_answers_once(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    peer = push_rig_connect(rig, 100);
    push_rig_upload(peer, 0, 100);
    push_rig_run(rig, 1500);
    otter_push_close(&rig->push);
    push_rig_reads(peer, "100OK");
    closed_then_usable(rig);
}

static void test_push_close_before_the_restart_cancels_it(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    peer = push_rig_connect(rig, 100);
    push_rig_upload(peer, 0, 100);
    push_rig_run(rig, 2050);
    push_rig_logged(rig, "start(0,100) progress(0,100) progress(100,100) end");
    otter_push_close(&rig->push);
    closed_then_usable(rig);
}

static void test_push_close_while_reporting_an_error(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    rig->stream.end_error = OTTER_ERR_MAGIC;
    peer = push_rig_connect(rig, 100);
    fake_peer_set_window(peer, 5);
    push_rig_upload(peer, 0, 100);
    push_rig_run(rig, 10);
    push_rig_reads(peer, "100ER");
    fake_peer_set_window(peer, 100);
    otter_push_close(&rig->push);
    push_rig_reads(peer, "ROR[10]: Magic byte is not 0xE9\n");
    rig->stream.end_error = 0;
    closed_then_usable(rig);
}

/* --- Inside the callbacks ----------------------------------------------- */

static const char *when;   /* the callback that acts */
static uint32_t countdown; /* the how manieth of that name */

static bool is_now(const char *name)
{
    return strcmp(name, when) == 0 && --countdown == 0;
}

static void close_inside(struct push_rig *rig, const char *name)
{
    if (is_now(name)) {
        otter_push_close(&rig->push);
    }
}

static void reopen_inside(struct push_rig *rig, const char *name)
{
    if (is_now(name)) {
        otter_push_close(&rig->push);
        push_rig_open(rig);
    }
}

static void poll_inside(struct push_rig *rig, const char *name)
{
    static bool inside;

    if (!inside && is_now(name)) {
        inside = true;
        for (int i = 0; i < 50; i++) {
            otter_sim_board.now_ms++;
            (void)otter_push_poll(&rig->push);
        }
        inside = false;
    }
}

/* An update of 3000 bytes in three chunks, as far as it gets. */
static void attempt(struct push_rig *rig, int end_error)
{
    struct fake_peer *peer;

    rig->stream.end_error = end_error;
    push_rig_say(rig, "0 48231 3000 0123456789abcdef0123456789abcdef\n");
    push_rig_run(rig, 101);
    peer = fake_net_dialled();
    if (peer != NULL) {
        fake_peer_accept(peer);
        for (uint32_t i = 0; i < 3; i++) {
            push_rig_upload(peer, i * 1000, 1000);
            push_rig_run(rig, 5);
        }
        push_rig_run(rig, 2050);
    }
    rig->stream.end_error = 0;
}

struct inside {
    const char *callback;
    uint32_t number;
    int end_error;
    const char *log;
    const char *datagram;
};

static const struct inside insides[] = {
    {"start", 1, 0, "start(0,3000)", "ERR: " CLOSED_TEXT},
    {"progress", 1, 0, "start(0,3000) progress(0,3000)", "OK"},
    {"progress", 2, 0, "start(0,3000) progress(0,3000) progress(1000,3000)",
     "OK"},
    {"progress", 4, 0,
     "start(0,3000) progress(0,3000) progress(1000,3000) "
     "progress(2000,3000) progress(3000,3000)",
     "OK"},
    {"error", 1, OTTER_ERR_MAGIC,
     "start(0,3000) progress(0,3000) progress(1000,3000) "
     "progress(2000,3000) progress(3000,3000) error(4)",
     "OK"},
    {"end", 1, 0,
     "start(0,3000) progress(0,3000) progress(1000,3000) "
     "progress(2000,3000) progress(3000,3000) end",
     "OK"},
};

#define INSIDES (sizeof insides / sizeof insides[0])

static void test_push_close_inside_each_callback(void **state)
{
    struct push_rig *rig = *state;

    for (size_t i = 0; i < INSIDES; i++) {
        when = insides[i].callback;
        countdown = insides[i].number;
        rig->on_callback = close_inside;
        push_rig_open(rig);
        attempt(rig, insides[i].end_error);
        push_rig_logged(rig, insides[i].log);
        push_rig_hears(insides[i].datagram);
        assert_false(rig->stream.running);
        rig->on_callback = NULL;
        closed_then_usable(rig);
        otter_push_close(&rig->push);
        rig->log[0] = '\0';
    }
}

static void test_push_reopen_inside_each_callback(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    rig->config.stay_running = true;
    for (size_t i = 0; i < INSIDES; i++) {
        when = insides[i].callback;
        countdown = insides[i].number;
        rig->on_callback = reopen_inside;
        attempt(rig, insides[i].end_error);
        push_rig_logged(rig, insides[i].log);
        push_rig_hears(insides[i].datagram);
        assert_false(rig->stream.running);
        assert_int_equal(fake_net_open(), 1);
        rig->on_callback = NULL;
        assert_int_equal(otter_push_poll(&rig->push), 0);
        push_rig_upload(push_rig_connect(rig, 1000), 0, 1000);
        push_rig_run(rig, 3000);
        push_rig_arrived(rig, 1000);
        rig->log[0] = '\0';
    }
}

/* An application whose callback runs its own loop, which polls. */
static void test_push_poll_inside_each_callback_does_no_harm(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    rig->config.stay_running = true;
    for (size_t i = 0; i < INSIDES; i++) {
        when = insides[i].callback;
        countdown = insides[i].number;
        rig->on_callback = poll_inside;
        attempt(rig, insides[i].end_error);
        push_rig_hears("OK");
        push_rig_run(rig, 3000);
        assert_int_equal(otter_push_poll(&rig->push), 0);
        if (insides[i].end_error == 0) {
            assert_non_null(strstr(rig->log, "progress(3000,3000) end"));
            push_rig_arrived(rig, 3000);
        }
        rig->log[0] = '\0';
    }
}

/* setRebootOnSuccess may be called at any time (protocol 1.9). */
static void stay(struct push_rig *rig, const char *name)
{
    rig->config.stay_running = strcmp(name, "end") == 0;
}

static void test_push_restart_may_be_declined_in_on_end(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    rig->on_callback = stay;
    attempt(rig, 0);
    assert_false(push_rig_run(rig, 3000));
    assert_int_equal(otter_push_poll(&rig->push), 0);
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, push_rig_setup, push_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_push_close_before_init_is_harmless),
        TEST(test_push_close_while_idle),
        TEST(test_push_close_while_challenging),
        TEST(test_push_close_before_the_stream_began),
        TEST(test_push_close_in_the_pause),
        TEST(test_push_close_while_connecting),
        TEST(test_push_close_while_receiving_tells_the_host),
        TEST(test_push_close_while_verifying_commits_nothing),
        TEST(test_push_close_before_the_result_answers_ok),
        TEST(test_push_close_after_the_result_answers_once),
        TEST(test_push_close_before_the_restart_cancels_it),
        TEST(test_push_close_while_reporting_an_error),
        TEST(test_push_close_inside_each_callback),
        TEST(test_push_reopen_inside_each_callback),
        TEST(test_push_poll_inside_each_callback_does_no_harm),
        TEST(test_push_restart_may_be_declined_in_on_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
