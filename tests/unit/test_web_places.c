/* SPDX-License-Identifier: Apache-2.0
 *
 * The update page's few places: who gets one, who loses it, and how long
 * somebody may keep one who says nothing. */
#include "tests/support/sim_board.h"
#include "tests/support/web_rig.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define STATUS "GET /update/status HTTP/1.1\r\nHost: x\r\n\r\n"

static void expect_end(struct web_rig *rig, struct fake_peer *peer,
                       const char *answer)
{
    web_rig_read(rig, peer);
    assert_int_equal(strncmp(rig->answer, answer, strlen(answer)), 0);
    assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
}

static void test_web_silent_connection_ends_without_a_word(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;

    web_rig_open(rig);
    assert_int_equal(otter_web_poll(&rig->web), 0);
    peer = web_rig_dial();
    web_rig_run(rig, OTTER_WEB_IDLE_MS - 10);
    assert_int_equal(fake_peer_end(peer), FAKE_END_OPEN);
    assert_int_equal(otter_web_poll(&rig->web), OTTER_ERR_PENDING);
    web_rig_run(rig, 20);
    expect_end(rig, peer, "");
    assert_string_equal(rig->answer, "");
    assert_int_equal(otter_web_poll(&rig->web), 0);
}

/* A byte of the head now and then does not keep the place. */
static void test_web_slow_head_is_ended(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;
    uint32_t ms = 0;

    web_rig_open(rig);
    peer = web_rig_dial();
    fake_peer_send(peer, "GET / HTTP/1.1\r\nX: ", 19);
    while (fake_peer_end(peer) == FAKE_END_OPEN && ms < 20000) {
        fake_peer_send(peer, "y", 1);
        web_rig_run(rig, 100);
        ms += 100;
    }
    assert_in_range(ms, OTTER_WEB_HEAD_MS, OTTER_WEB_HEAD_MS + 100);
    expect_end(rig, peer, "HTTP/1.1 408 ");
}

static void test_web_empty_lines_do_not_hold_the_device(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;
    char lines[4096];

    memset(lines, '\n', sizeof lines);
    web_rig_open(rig);
    peer = web_rig_dial();
    fake_peer_send(peer, lines, sizeof lines);
    web_rig_run(rig, 1);
    assert_in_range(fake_peer_unread(peer), 1, 4095);
}

static void test_web_reader_that_stops_is_dropped(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;

    web_rig_open(rig);
    peer = web_rig_dial();
    fake_peer_set_window(peer, 10);
    web_rig_say(rig, peer, STATUS);
    web_rig_run(rig, OTTER_WEB_SEND_MS - 100);
    assert_int_equal(fake_peer_end(peer), FAKE_END_OPEN);
    web_rig_run(rig, 100);
    assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);

    peer = web_rig_dial();
    web_rig_say(rig, peer, STATUS);
    fake_peer_reset(peer);
    web_rig_run(rig, 2);
    assert_int_equal(fake_net_open(), 1);
}

/* A slow reader gets all of it, a few bytes at a time. */
static void test_web_slow_reader_gets_all(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;
    char all[4096] = "";

    web_rig_open(rig);
    peer = web_rig_dial();
    fake_peer_set_window(peer, 7);
    fake_peer_send(peer, STATUS, sizeof STATUS - 1);
    for (int i = 0; i < 300; i++) {
        web_rig_run(rig, 10);
        web_rig_read(rig, peer);
        strcat(all, rig->answer);
    }
    strcpy(rig->answer, all);
    web_rig_has(rig, "\"refused\":null}\n\r\n000\r\n\r\n");
}

static void test_web_places_taken_newcomer_hears_503(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *held[OTTER_WEB_CONNS];
    struct fake_peer *peer;

    web_rig_open(rig);
    for (uint32_t i = 0; i < OTTER_WEB_CONNS; i++) {
        held[i] = web_rig_dial();
        fake_peer_send(held[i], "GET ", 4);
    }
    web_rig_run(rig, 1);
    for (int i = 0; i < 200; i++) {
        peer = web_rig_dial();
        web_rig_run(rig, 1);
        expect_end(rig, peer,
                   "HTTP/1.1 503 Service Unavailable\r\n"
                   "Retry-After: 1\r\n");
    }
    for (uint32_t i = 0; i < OTTER_WEB_CONNS; i++) {
        assert_int_equal(fake_peer_end(held[i]), FAKE_END_OPEN);
        web_rig_say(rig, held[i], "/ HTTP/1.1\r\nHost: x\r\n\r\n");
        web_rig_read(rig, held[i]);
        web_rig_has(rig, "HTTP/1.1 302 ");
    }
}

static void test_web_newcomer_gets_the_place_of_the_idle(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *held[OTTER_WEB_CONNS];

    web_rig_open(rig);
    for (uint32_t i = 0; i < OTTER_WEB_CONNS; i++) {
        held[i] = web_rig_dial();
        web_rig_run(rig, 1);
    }
    fake_peer_send(held[0], "GET ", 4);
    web_rig_run(rig, OTTER_WEB_SPARE_MS);
    web_rig_ask(rig, STATUS, 200);
    assert_int_equal(fake_peer_end(held[0]), FAKE_END_OPEN);
    assert_int_equal(fake_peer_end(held[1]), FAKE_END_CLOSE);
    assert_int_equal(fake_peer_end(held[2]), FAKE_END_OPEN);
    web_rig_ask(rig, STATUS, 200);
    assert_int_equal(fake_peer_end(held[2]), FAKE_END_CLOSE);
}

/* Half a request in each place, and still somebody else gets in. */
static void test_web_newcomer_gets_the_place_of_the_late(void **state)
{
    struct web_rig *rig = *state;

    web_rig_open(rig);
    for (uint32_t i = 0; i < OTTER_WEB_CONNS; i++) {
        fake_peer_send(web_rig_dial(), "GET / HTTP/1.1\r\nX:", 18);
    }
    web_rig_run(rig, OTTER_WEB_LATE_MS);
    web_rig_ask(rig, STATUS, 200);
}

static void test_web_upload_keeps_its_place(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *upload;

    rig->config.stay_running = true;
    web_rig_open(rig);
    upload = web_rig_dial();
    web_rig_say(rig, upload,
                WEB_RIG_HEAD "Content-Type: application/octet-stream\r\n"
                             "Content-Length: 100\r\n\r\n");
    for (int i = 0; i < 100; i++) {
        fake_peer_send(upload, "x", 1);
        web_rig_ask(rig, STATUS, 200);
        web_rig_dial();
        web_rig_run(rig, OTTER_WEB_SPARE_MS);
    }
    web_rig_read(rig, upload);
    web_rig_has(rig, "Update Success!");
    assert_int_equal(rig->stream.len, 100);
}

static void test_web_listener_that_is_lost_comes_back(void **state)
{
    struct web_rig *rig = *state;

    web_rig_open(rig);
    fake_net_fail(FAKE_CONN_OPEN, OTTER_ERR_NO_MEMORY);
    web_rig_run(rig, 5);
    assert_int_equal(fake_net_open(), 1);
    fake_net_fail(FAKE_CONN_OPEN, OTTER_ERR_NETWORK);
    fake_net_fail(FAKE_LISTENER_OPEN, OTTER_ERR_NO_MEMORY);
    web_rig_run(rig, 5000);
    assert_int_equal(fake_net_open(), 0);
    fake_net_fail(FAKE_CONN_OPEN, 0);
    fake_net_fail(FAKE_LISTENER_OPEN, 0);
    web_rig_run(rig, 1001);
    web_rig_ask(rig, STATUS, 200);
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, web_rig_setup, web_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_web_silent_connection_ends_without_a_word),
        TEST(test_web_slow_head_is_ended),
        TEST(test_web_empty_lines_do_not_hold_the_device),
        TEST(test_web_reader_that_stops_is_dropped),
        TEST(test_web_slow_reader_gets_all),
        TEST(test_web_places_taken_newcomer_hears_503),
        TEST(test_web_newcomer_gets_the_place_of_the_idle),
        TEST(test_web_newcomer_gets_the_place_of_the_late),
        TEST(test_web_upload_keeps_its_place),
        TEST(test_web_listener_that_is_lost_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
