/* SPDX-License-Identifier: Apache-2.0
 *
 * Downloads that break: resumed where the server makes it safe, never mixed
 * from two files, given up when they do not get on. */
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

#define SIZE 20000u
#define ETAG "ETag: \"v1\"\r\n"
#define MD5  "x-MD5: " PULL_RIG_MD5 "\r\n"

static struct fake_peer *broken(struct pull_rig *rig, const char *more,
                                uint32_t len)
{
    struct fake_peer *peer;

    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    pull_rig_say(rig, peer, pull_rig_head(SIZE, more));
    pull_rig_body(peer, 0, len);
    fake_peer_close(peer);
    return peer;
}

/* The answer to a request for what is behind byte `first`. */
static void part(struct pull_rig *rig, struct fake_peer *peer, uint32_t first,
                 const char *more)
{
    char head[400];

    snprintf(head, sizeof head,
             "HTTP/1.0 206 Partial Content\r\nContent-Length: %u\r\n"
             "Content-Range: bytes %u-%u/%u\r\n%s\r\n",
             SIZE - first, first, SIZE - 1, SIZE, more);
    pull_rig_say(rig, peer, head);
}

static void test_pull_broken_download_is_resumed(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer = broken(rig, ETAG MD5, 7001);

    pull_rig_run(rig, 900);
    assert_null(fake_net_dialled());
    assert_int_equal(fake_peer_end(peer), FAKE_END_ABORT);
    peer = pull_rig_asked(rig);
    pull_rig_has_line(rig, "Range: bytes=7001-");
    pull_rig_has_line(rig, "If-Range: \"v1\"");
    pull_rig_has_line(rig, "x-ESP8266-STA-MAC: 18:FE:AA:AA:AA:AA");
    part(rig, peer, 7001, ETAG MD5);
    pull_rig_body(peer, 7001, SIZE - 7001);
    assert_true(pull_rig_finish(rig));
    pull_rig_arrived(rig, SIZE);
    assert_int_equal(rig->stream.begins, 1);
    assert_int_equal(rig->stream.commits, 1);
    assert_null(strstr(rig->log, "error"));
}

static void test_pull_download_cut_all_the_time_gets_there(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer = broken(rig, ETAG, 1);
    uint32_t at = 1;
    char line[40];

    while (at < SIZE) {
        uint32_t len = SIZE - at < 1000 ? SIZE - at : 1000;

        peer = pull_rig_asked(rig);
        snprintf(line, sizeof line, "Range: bytes=%u-", at);
        pull_rig_has_line(rig, line);
        part(rig, peer, at, ETAG);
        pull_rig_body(peer, at, len);
        fake_peer_close(peer);
        at += len;
    }
    assert_true(pull_rig_finish(rig));
    pull_rig_arrived(rig, SIZE);
    assert_int_equal(rig->stream.begins, 1);
}

static void test_pull_silence_in_a_download_is_a_break(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    pull_rig_say(rig, peer, pull_rig_head(SIZE, ETAG));
    pull_rig_body(peer, 0, 5000);
    pull_rig_run(rig, OTTER_PULL_SILENCE_MS);
    peer = pull_rig_asked(rig);
    pull_rig_has_line(rig, "Range: bytes=5000-");
}

/* Sends `len` bytes within a minute, in pieces that are never silent long. */
static void drip(struct pull_rig *rig, struct fake_peer *peer, uint32_t at,
                 uint32_t len)
{
    for (uint32_t i = 0; i < 5; i++) {
        pull_rig_body(peer, at + i * len / 5, len / 5);
        pull_rig_run(rig, 11900);
    }
}

/* 4095 bytes in a minute are not enough, in the first and in any other. */
static void test_pull_dawdling_server_is_a_break(void **state)
{
    struct pull_rig *rig = *state;

    for (uint32_t minutes = 0; minutes < 3; minutes++) {
        struct fake_peer *peer;
        uint32_t at = 0;

        pull_rig_open(rig);
        peer = pull_rig_ask(rig);
        pull_rig_say(rig, peer, pull_rig_head(SIZE, ""));
        pull_rig_run(rig, 2);
        for (; at < minutes * 5000; at += 5000) {
            drip(rig, peer, at, 5000);
            pull_rig_run(rig, 500);
        }
        drip(rig, peer, at, 4095);
        assert_null(strstr(rig->log, "error"));
        pull_rig_run(rig, 600);
        pull_rig_failed(rig, 6, "Update error: ERROR[6]: Stream Read Timeout");
        otter_pull_close(&rig->pull);
        rig->log[0] = '\0';
    }
}

static void test_pull_dawdling_after_a_resume_is_a_break(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    broken(rig, ETAG, 7000);
    peer = pull_rig_asked(rig);
    part(rig, peer, 7000, ETAG);
    drip(rig, peer, 7000, 4095);
    assert_int_equal(fake_peer_end(peer), FAKE_END_OPEN);
    pull_rig_run(rig, 600);
    assert_int_equal(fake_peer_end(peer), FAKE_END_ABORT);
    pull_rig_asked(rig);
    pull_rig_has_line(rig, "Range: bytes=11095-");
}

/* A server that closes after every 100 bytes: five times, then that is it. */
static void test_pull_little_at_a_time_is_not_getting_on(void **state)
{
    struct pull_rig *rig = *state;
    uint32_t at = 7000;

    broken(rig, ETAG, at);
    for (int i = 0; i < 5; i++) {
        struct fake_peer *peer = pull_rig_asked(rig);

        part(rig, peer, at, ETAG);
        pull_rig_body(peer, at, 100);
        fake_peer_close(peer);
        at += 100;
    }
    assert_false(pull_rig_finish(rig));
    pull_rig_failed(rig, 6, "Update error: ERROR[6]: Stream Read Timeout");
    assert_int_equal(rig->stream.len, 7500);
}

static void test_pull_no_strong_etag_no_resume(void **state)
{
    static const char *const weak[] = {
        "",
        "ETag: W/\"v1\"\r\n",
        "ETag: v1\r\n",
        "ETag: \"\r\n",
        "ETag:\r\n",
        "ETag: \"v1\"\r\nETag: \"v1\"\r\n",
        "ETag: "
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaa\"\r\n",
        "Last-Modified: Sun, 22 Nov 2026 17:32:21 GMT\r\n",
    };
    struct pull_rig *rig = *state;

    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        broken(rig, weak[i], 9000);
        assert_false(pull_rig_finish(rig));
        pull_rig_failed(rig, 6, "Update error: ERROR[6]: Stream Read Timeout");
        assert_int_equal(rig->stream.aborts, i + 1);
        otter_pull_close(&rig->pull);
    }
}

/* --- The file changes ---------------------------------------------------- */

static void test_pull_changed_file_starts_over(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    broken(rig, ETAG MD5, 7000);
    peer = pull_rig_asked(rig);
    rig->log[0] = '\0';
    pull_rig_say(rig, peer,
                 pull_rig_head(500, "ETag: \"v2\"\r\nx-MD5: "
                                    "ffffffffffffffffffffffffffffffff\r\n"));
    assert_int_equal(rig->stream.aborts, 1);
    pull_rig_body(peer, 0, 500);
    assert_true(pull_rig_finish(rig));
    pull_rig_logged(rig, "start(0,500) progress(0,500) progress(500,500) end "
                         "result(2)");
    pull_rig_arrived(rig, 500);
    assert_int_equal(rig->stream.begins, 2);
    assert_int_equal(rig->stream.digest.bytes[0], 0xff);
}

/* The new file's own tag counts from then on, or none. */
static void test_pull_changed_file_that_breaks_too(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    broken(rig, ETAG, 7000);
    peer = pull_rig_asked(rig);
    pull_rig_say(rig, peer, pull_rig_head(SIZE, "ETag: \"v2\"\r\n"));
    pull_rig_body(peer, 0, 300);
    fake_peer_close(peer);
    peer = pull_rig_asked(rig);
    pull_rig_has_line(rig, "Range: bytes=300-");
    pull_rig_has_line(rig, "If-Range: \"v2\"");
    pull_rig_say(rig, peer, pull_rig_head(SIZE, ""));
    pull_rig_body(peer, 0, 300);
    fake_peer_close(peer);
    assert_false(pull_rig_finish(rig));
    pull_rig_failed(rig, 6, "Update error: ERROR[6]: Stream Read Timeout");
}

/* A part that does not belong to what is there is not taken; the whole file
 * is asked for instead. */
static void not_mixed(struct pull_rig *rig, const char *head)
{
    struct fake_peer *peer;
    uint32_t aborts;

    broken(rig, ETAG MD5, 7000);
    peer = pull_rig_asked(rig);
    aborts = rig->stream.aborts;
    pull_rig_say(rig, peer, head);
    pull_rig_body(peer, 7000, SIZE - 7000);
    peer = pull_rig_asked(rig);
    pull_rig_lacks_line(rig, "Range");
    pull_rig_lacks_line(rig, "If-Range");
    assert_int_equal(rig->stream.aborts, aborts + 1);
    assert_int_equal(rig->stream.len, 7000);
    pull_rig_say(rig, peer, pull_rig_head(1000, ""));
    pull_rig_body(peer, 0, 1000);
    assert_true(pull_rig_finish(rig));
    pull_rig_arrived(rig, 1000);
    otter_pull_close(&rig->pull);
}

#define PART(length, range, more)                                             \
    "HTTP/1.0 206 Partial Content\r\nContent-Length: " length                 \
    "\r\nContent-Range: " range "\r\n" more "\r\n"
#define GOOD "bytes 7000-19999/20000"

static void test_pull_parts_of_another_file_are_not_mixed_in(void **state)
{
    struct pull_rig *rig = *state;
    char text[1000];

    not_mixed(rig, PART("13000", GOOD, "ETag: \"v2\"\r\n"));
    not_mixed(rig, PART("13000", GOOD, "ETag: W/\"v1\"\r\n"));
    not_mixed(rig, PART("13000", GOOD, ""));
    not_mixed(rig, PART("13000", GOOD, ETAG ETAG));
    not_mixed(rig, PART("13000", "bytes 6999-19999/20000", ETAG));
    not_mixed(rig, PART("13000", "bytes 7000-19998/20000", ETAG));
    not_mixed(rig, PART("13000", "bytes 7000-19999/20001", ETAG));
    not_mixed(rig, PART("13000", "bytes 7000-19999/*", ETAG));
    not_mixed(rig, PART("13000", "bytes 7000-19999", ETAG));
    not_mixed(rig, PART("13000", "bytes 7000/20000", ETAG));
    not_mixed(rig, PART("13000", "bytes 7000-19999/20000 ",
                        ETAG "x: y\r\n"
                             "Content-Range: " GOOD "\r\n"));
    not_mixed(rig, PART("13000", "lines 7000-19999/20000", ETAG));
    not_mixed(rig, PART("13000", "", ETAG));
    not_mixed(rig, PART("12999", GOOD, ETAG));
    not_mixed(rig, PART("13000", GOOD,
                        ETAG "x-MD5: ffffffffffffffffffffffffffffffff\r\n"));
    not_mixed(rig, PART("13000", GOOD, ETAG "x-MD5: what\r\n"));
    not_mixed(rig, "HTTP/1.0 206 Partial Content\r\nContent-Range: " GOOD
                   "\r\n" ETAG "\r\n");
    not_mixed(rig, "HTTP/1.1 206 Partial Content\r\nContent-Range: " GOOD
                   "\r\n" ETAG "Transfer-Encoding: chunked\r\n\r\n");
    snprintf(text, sizeof text,
             "HTTP/1.0 206 Partial Content\r\nContent-Length: 13000\r\n" ETAG
             "Content-Range: bytes 7000-19999/%0600d\r\n\r\n",
             20000);
    not_mixed(rig, text);
}

/* --- Servers that are not well ------------------------------------------- */

static void test_pull_server_that_asks_to_wait_is_given_time(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    broken(rig, ETAG, 7000);
    peer = pull_rig_asked(rig);
    pull_rig_say(rig, peer, "HTTP/1.0 503 Busy\r\nRetry-After: 20\r\n\r\n");
    pull_rig_run(rig, 19990);
    assert_null(fake_net_dialled());
    peer = pull_rig_asked(rig);
    pull_rig_has_line(rig, "Range: bytes=7000-");
    pull_rig_say(rig, peer, "HTTP/1.0 503 Busy\r\nRetry-After: 61\r\n\r\n");
    pull_rig_finish(rig);
    pull_rig_failed(rig, -104, "Wrong HTTP Code");
    assert_int_equal(rig->stream.aborts, 1);
}

static void test_pull_offer_that_is_withdrawn_ends_the_run(void **state)
{
    static const struct {
        const char *answer;
        const char *log;
    } answers[] = {
        {"HTTP/1.0 304 Not Modified\r\n\r\n", "result(1)"},
        {"HTTP/1.0 404 Not Found\r\n\r\n", "error(-102) result(0)"},
        {"HTTP/1.0 416 Range\r\n\r\n", "error(-104) result(0)"},
        {"HTTP/1.0 200 OK\r\nContent-Length: 9999999\r\n\r\n",
         "error(-100) result(0)"},
    };
    struct pull_rig *rig = *state;

    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct fake_peer *peer;

        broken(rig, ETAG, 7000);
        peer = pull_rig_asked(rig);
        rig->log[0] = '\0';
        pull_rig_say(rig, peer, answers[i].answer);
        assert_false(pull_rig_finish(rig));
        pull_rig_logged(rig, answers[i].log);
        assert_int_equal(rig->stream.aborts, i + 1);
        otter_pull_close(&rig->pull);
    }
}

/* 1 s, 2 s, 4 s, 8 s, 16 s; then that is it.  Meanwhile the stream is held. */
static void test_pull_download_that_does_not_get_on_is_given_up(void **state)
{
    struct pull_rig *rig = *state;
    uint32_t wait_ms = 1000;

    broken(rig, ETAG, 7000);
    while (rig->pull.state != 0 && rig->stream.len < 7000) {
        pull_rig_run(rig, 1);
    }
    pull_rig_run(rig, 1);
    for (int i = 0; i < 5; i++) {
        struct fake_peer *peer;

        assert_true(rig->stream.running);
        pull_rig_run(rig, wait_ms - 10);
        assert_null(fake_net_dialled());
        pull_rig_run(rig, 15);
        peer = fake_net_dialled();
        assert_non_null(peer);
        fake_peer_refuse(peer);
        pull_rig_run(rig, 1);
        wait_ms *= 2;
    }
    assert_false(pull_rig_finish(rig));
    pull_rig_failed(rig, -1, "HTTP error: connection failed");
    assert_int_equal(rig->stream.aborts, 1);
}

static void test_pull_resume_begins_at_the_configured_url(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    rig->config.follow_redirects = true;
    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    pull_rig_say(rig, peer, "HTTP/1.0 302 Found\r\nLocation: /f\r\n\r\n");
    peer = pull_rig_asked(rig);
    pull_rig_say(rig, peer, pull_rig_head(SIZE, ETAG));
    pull_rig_body(peer, 0, 7000);
    fake_peer_close(peer);
    peer = pull_rig_asked(rig);
    assert_memory_equal(rig->request, "GET /update.php ", 16);
    pull_rig_has_line(rig, "Range: bytes=7000-");
    pull_rig_say(rig, peer, "HTTP/1.0 302 Found\r\nLocation: /f\r\n\r\n");
    peer = pull_rig_asked(rig);
    assert_memory_equal(rig->request, "GET /f ", 7);
    pull_rig_has_line(rig, "Range: bytes=7000-");
    part(rig, peer, 7000, ETAG);
    pull_rig_body(peer, 7000, SIZE - 7000);
    assert_true(pull_rig_finish(rig));
    pull_rig_arrived(rig, SIZE);
}

/* Ten for each attempt. */
static struct fake_peer *redirected(struct pull_rig *rig,
                                    struct fake_peer *peer, int times)
{
    for (int i = 0; i < times; i++) {
        pull_rig_say(rig, peer, "HTTP/1.0 302 Found\r\nLocation: /f\r\n\r\n");
        peer = pull_rig_asked(rig);
    }
    return peer;
}

static void test_pull_redirects_are_counted_anew_for_each_attempt(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    rig->config.follow_redirects = true;
    pull_rig_open(rig);
    peer = redirected(rig, pull_rig_ask(rig), 10);
    pull_rig_say(rig, peer, pull_rig_head(SIZE, ETAG));
    pull_rig_body(peer, 0, 7000);
    fake_peer_close(peer);
    peer = redirected(rig, pull_rig_asked(rig), 10);
    part(rig, peer, 7000, ETAG);
    pull_rig_body(peer, 7000, SIZE - 7000);
    assert_true(pull_rig_finish(rig));
    pull_rig_arrived(rig, SIZE);
}

static void test_pull_close_while_waiting_to_resume(void **state)
{
    struct pull_rig *rig = *state;

    broken(rig, ETAG, 7000);
    pull_rig_run(rig, 100);
    assert_true(rig->stream.running);
    otter_pull_close(&rig->pull);
    assert_int_equal(rig->stream.aborts, 1);
    assert_int_equal(rig->stream.abort_error, OTTER_ERR_DECLINED);
}

/* The stream is what fails, not the way to it: that is no break. */
static void test_pull_stream_that_fails_is_not_tried_again(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    rig->stream.fail_at = 5000;
    rig->stream.write_error = OTTER_ERR_FLASH_PROGRAM;
    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    pull_rig_say(rig, peer, pull_rig_head(SIZE, ETAG));
    pull_rig_body(peer, 0, SIZE);
    assert_false(pull_rig_finish(rig));
    pull_rig_failed(rig, 1, "Update error: ERROR[1]: Flash Write Failed");
    assert_int_equal(fake_peer_end(peer), FAKE_END_ABORT);
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, pull_rig_setup, pull_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_pull_broken_download_is_resumed),
        TEST(test_pull_download_cut_all_the_time_gets_there),
        TEST(test_pull_silence_in_a_download_is_a_break),
        TEST(test_pull_dawdling_server_is_a_break),
        TEST(test_pull_dawdling_after_a_resume_is_a_break),
        TEST(test_pull_little_at_a_time_is_not_getting_on),
        TEST(test_pull_no_strong_etag_no_resume),
        TEST(test_pull_changed_file_starts_over),
        TEST(test_pull_changed_file_that_breaks_too),
        TEST(test_pull_parts_of_another_file_are_not_mixed_in),
        TEST(test_pull_server_that_asks_to_wait_is_given_time),
        TEST(test_pull_offer_that_is_withdrawn_ends_the_run),
        TEST(test_pull_download_that_does_not_get_on_is_given_up),
        TEST(test_pull_resume_begins_at_the_configured_url),
        TEST(test_pull_redirects_are_counted_anew_for_each_attempt),
        TEST(test_pull_close_while_waiting_to_resume),
        TEST(test_pull_stream_that_fails_is_not_tried_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
