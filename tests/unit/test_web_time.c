/* SPDX-License-Identifier: Apache-2.0
 *
 * Uploads by the update page over time: slow streams, clients that stall or
 * go away, the restart, and callbacks that close or poll. */
#include "tests/support/sim_board.h"
#include "tests/support/web_rig.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FORM WEB_RIG_FILE("firmware", "12345") WEB_RIG_END
#define RAW(head, data)                                                       \
    WEB_RIG_HEAD "Content-Type: application/octet-stream\r\n" head "\r"       \
                 "\n" data
#define OK_TEXT                                                               \
    "<META http-equiv=\"refresh\" content=\"15;URL=/\">"                      \
    "Update Success! Rebooting..."

static void expect_restart(struct web_rig *rig)
{
    assert_true(web_rig_run(rig, 3000));
    assert_int_equal(rig->stream.commits, 1);
}

static void test_web_upload_waits_for_a_slow_stream(void **state)
{
    struct web_rig *rig = *state;

    rig->stream.begin_pending = 3;
    rig->stream.room = 1;
    rig->stream.end_pending = 3;
    rig->config.stay_running = true;
    web_rig_open(rig);
    assert_true(fake_net_power_save());
    web_rig_ask(rig, RAW("Expect: 100-continue\r\nContent-Length: 30\r\n", ""),
                100);
    assert_false(fake_net_power_save());
    otter_web_close(&rig->web);
    assert_true(fake_net_power_save());
    fake_stream_init(&rig->stream);
    rig->stream.room = 1;
    rig->stream.end_pending = 60;
    web_rig_open(rig);
    {
        struct fake_peer *peer = web_rig_dial();

        web_rig_say(rig, peer, RAW("Content-Length: 30\r\n", ""));
        web_rig_say(rig, peer, "012345678901234567890123456789");
        web_rig_run(rig, 20);
        web_rig_ask(rig, "GET /update/status HTTP/1.0\r\n\r\n", 200);
        web_rig_has(rig, "\"update\":\"verifying\"");
        web_rig_run(rig, 60);
        web_rig_read(rig, peer);
        web_rig_has(rig, OK_TEXT);
        web_rig_arrived(rig, "012345678901234567890123456789");
    }
}

static void test_web_upload_client_goes_away(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;

    web_rig_open(rig);
    peer = web_rig_dial();
    web_rig_say(rig, peer, RAW("Content-Length: 4\r\n", "ab"));
    fake_peer_reset(peer);
    web_rig_run(rig, 3);
    assert_false(rig->stream.running);
    assert_int_equal(rig->stream.abort_error, OTTER_ERR_SHORT);

    /* One that has only closed its side still hears why. */
    peer = web_rig_dial();
    web_rig_say(rig, peer, RAW("Content-Length: 4\r\n", "ab"));
    fake_peer_close(peer);
    web_rig_run(rig, 3);
    web_rig_read(rig, peer);
    web_rig_has(rig, "HTTP/1.1 400 ");
    web_rig_has(rig, "ERROR[144]: the upload ended before");
    assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
}

static void test_web_upload_silence_ends_it(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;

    web_rig_open(rig);
    peer = web_rig_dial();
    web_rig_say(rig, peer, RAW("Content-Length: 4\r\n", "ab"));
    web_rig_run(rig, OTTER_WEB_SILENCE_MS - 100);
    assert_true(rig->stream.running);
    web_rig_run(rig, 100);
    web_rig_read(rig, peer);
    web_rig_has(rig, "HTTP/1.1 408 ");
    web_rig_has(rig, "Update error: ERROR[6]: Stream Read Timeout");
    assert_false(rig->stream.running);
}

static void test_web_upload_trickle_ends_it(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;
    uint32_t seconds = 0;

    web_rig_open(rig);
    peer = web_rig_dial();
    web_rig_say(rig, peer, RAW("Content-Length: 400000\r\n", ""));
    while (rig->stream.running && seconds < 100) {
        fake_peer_send(peer, "12345678", 8);
        web_rig_run(rig, 1000);
        seconds++;
    }
    assert_int_equal(seconds, OTTER_WEB_SLOW_MS / 1000);
    web_rig_read(rig, peer);
    web_rig_has(rig, "HTTP/1.1 408 ");
}

/* A form that goes on for ever without a file holds the upload no longer. */
static void test_web_upload_endless_form_ends(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;
    char noise[1000];
    uint32_t seconds = 0;

    memset(noise, 'x', sizeof noise);
    web_rig_open(rig);
    peer = web_rig_dial();
    web_rig_say(rig, peer,
                WEB_RIG_HEAD WEB_RIG_TYPE
                "Content-Length: 4294967295\r\n\r\n");
    while (fake_peer_end(peer) == FAKE_END_OPEN && seconds < 100) {
        fake_peer_send(peer, noise, sizeof noise);
        web_rig_run(rig, 1000);
        seconds++;
    }
    assert_int_equal(seconds, OTTER_WEB_SLOW_MS / 1000);
    assert_int_equal(rig->stream.begins, 0);
}

static void test_web_upload_stay_running_takes_another(void **state)
{
    struct web_rig *rig = *state;

    rig->config.stay_running = true;
    web_rig_open(rig);
    for (int i = 1; i < 5; i++) {
        web_rig_post(rig, WEB_RIG_HEAD, FORM, 200);
        assert_false(web_rig_run(rig, 3000));
        assert_int_equal(rig->stream.commits, i);
    }
}

static void test_web_upload_restart_waits_for_the_answer(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;

    web_rig_open(rig);
    peer = web_rig_dial();
    fake_peer_hold_acks(peer, true);
    web_rig_say(rig, peer, RAW("Content-Length: 1\r\n", "x"));
    web_rig_run(rig, OTTER_WEB_FLUSH_MS - 100);
    assert_null(strstr(rig->log, "end"));
    web_rig_post(rig, WEB_RIG_HEAD, FORM, 409); /* not another one now */
    fake_peer_hold_acks(peer, false);
    assert_false(web_rig_run(rig, OTTER_WEB_RESTART_MS - 100));
    assert_non_null(strstr(rig->log, "end"));
    web_rig_ask(rig, "GET /update/status HTTP/1.0\r\n\r\n", 200);
    web_rig_has(rig, "\"update\":\"restarting\"");
    expect_restart(rig);
}

/* A board that sleeps when nothing is to be done wakes for this. */
static void test_web_upload_is_not_idle_before_the_restart(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;

    web_rig_open(rig);
    peer = web_rig_dial();
    web_rig_say(rig, peer, RAW("Content-Length: 1\r\n", ""));
    if (setjmp(rig->restart) != 0) {
        otter_sim_board.on_restart = NULL;
        return;
    }
    otter_sim_board.on_restart = &rig->restart;
    fake_peer_send(peer, "x", 1);
    for (uint32_t ms = 0; ms < 2 * OTTER_WEB_RESTART_MS; ms++) {
        otter_sim_board.now_ms++;
        assert_int_equal(otter_web_poll(&rig->web), OTTER_ERR_PENDING);
    }
    fail_msg("the board has not restarted");
}

static void test_web_upload_restart_comes_though_nobody_reads(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;

    web_rig_open(rig);
    peer = web_rig_dial();
    fake_peer_set_window(peer, 0);
    web_rig_say(rig, peer, RAW("Content-Length: 1\r\n", "x"));
    assert_true(web_rig_run(rig, OTTER_WEB_SEND_MS + OTTER_WEB_FLUSH_MS +
                                     OTTER_WEB_RESTART_MS + 10));
    assert_int_equal(rig->stream.commits, 1);
}

static const char *close_at;
static bool and_open;

static void close_in(struct web_rig *rig, const char *name)
{
    if (strcmp(name, close_at) == 0) {
        rig->on_callback = NULL;
        otter_web_close(&rig->web);
        if (and_open) {
            web_rig_open(rig);
        }
    }
}

static void test_web_close_in_any_callback(void **state)
{
    static const char *const names[] = {"start", "progress", "end", "error",
                                        "confirm"};
    struct web_rig *rig = *state;

    rig->config.stay_running = true;
    for (size_t i = 0; i < 10; i++) {
        struct fake_peer *peer;

        close_at = names[i % 5];
        and_open = i >= 5;
        fake_stream_init(&rig->stream);
        rig->stream.end_error = i % 5 == 3 ? OTTER_ERR_MAGIC : 0;
        rig->log[0] = '\0';
        web_rig_open(rig);
        rig->on_callback = close_in;
        peer = web_rig_dial();
        web_rig_say(rig, peer,
                    i % 5 == 4 ? "POST /update/confirm HTTP/1.1\r\n"
                                 "Host: x\r\n\r\n"
                               : RAW("Content-Length: 1\r\n", "x"));
        web_rig_run(rig, 3000);
        assert_null(rig->on_callback);
        assert_false(rig->stream.running);
        assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
        assert_int_equal(otter_web_poll(&rig->web),
                         and_open ? 0 : OTTER_ERR_STATE);
        otter_web_close(&rig->web);
        assert_int_equal(fake_net_open(), 0);
    }
}

static void poll_in(struct web_rig *rig, const char *name)
{
    if (strcmp(name, "start") == 0) {
        for (int i = 0; i < 10; i++) {
            (void)otter_web_poll(&rig->web);
        }
        assert_int_equal(rig->stream.len, 0);
    }
}

static void test_web_poll_inside_on_start_takes_nothing_yet(void **state)
{
    struct web_rig *rig = *state;

    rig->config.stay_running = true;
    rig->decline = 1;
    rig->on_callback = poll_in;
    web_rig_open(rig);
    web_rig_post(rig, WEB_RIG_HEAD, FORM, 503);
    rig->decline = 0;
    web_rig_post(rig, WEB_RIG_HEAD, FORM, 200);
    web_rig_arrived(rig, "12345");
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, web_rig_setup, web_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_web_upload_waits_for_a_slow_stream),
        TEST(test_web_upload_client_goes_away),
        TEST(test_web_upload_silence_ends_it),
        TEST(test_web_upload_trickle_ends_it),
        TEST(test_web_upload_endless_form_ends),
        TEST(test_web_upload_stay_running_takes_another),
        TEST(test_web_upload_restart_waits_for_the_answer),
        TEST(test_web_upload_is_not_idle_before_the_restart),
        TEST(test_web_upload_restart_comes_though_nobody_reads),
        TEST(test_web_close_in_any_callback),
        TEST(test_web_poll_inside_on_start_takes_nothing_yet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
