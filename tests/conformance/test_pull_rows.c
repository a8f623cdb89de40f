/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of table 5.3, what each answer means to the core's client, and
 * protocol 10 item 12.  Where a row is departed from, the test says so.  Rows
 * without a counterpart here: -3 (nothing is sent behind the head), -4 and -6
 * (a request is never sent without a connection), -10 (the stream's own
 * numbers tell). */
#include "tests/support/pull_rig.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* --- Statuses ------------------------------------------------------------ */

struct row {
    const char *answer;
    enum otter_pull_result result;
    int number;
    const char *text;
};

static const struct row rows[] = {
    {"HTTP/1.0 200 OK\r\n\r\n\xe9\1\1\1", OTTER_PULL_FAILED, -101,
     "Server Did Not Report Size"},
    {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", OTTER_PULL_FAILED, -101,
     "Server Did Not Report Size"},
    {"HTTP/1.0 200 OK\r\nContent-Length: 2744321\r\n\r\n", OTTER_PULL_FAILED,
     -100, "Not Enough space"},
    {"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n\xe9\1\1", OTTER_PULL_FAILED,
     -106, "Verify Bin Header Failed"},
    {"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\n\xe9\1\1",
     OTTER_PULL_FAILED, -106, "Verify Bin Header Failed"},
    {"HTTP/1.0 304 Not Modified\r\n\r\n", OTTER_PULL_NO_UPDATE, 0, ""},
    {"HTTP/1.0 401 Unauthorized\r\n\r\n", OTTER_PULL_FAILED, -108,
     "Unauthorized (401)"},
    {"HTTP/1.0 403 Forbidden\r\n\r\nonly for ESP8266 updater!\n",
     OTTER_PULL_FAILED, -103, "Forbidden (403)"},
    {"HTTP/1.0 404 Not Found\r\n\r\n", OTTER_PULL_FAILED, -102,
     "File Not Found (404)"},
    {"HTTP/1.0 500 no version for ESP MAC\r\n\r\n", OTTER_PULL_FAILED, -104,
     "Wrong HTTP Code"},
    {"HTTP/1.0 206 Partial Content\r\nContent-Length: 10\r\n"
     "Content-Range: bytes 0-9/10\r\n\r\n\xe9\1\1\1\1\1\1\1\1\1",
     OTTER_PULL_FAILED, -104, "Wrong HTTP Code"},
    {"HTTP/1.0 204 No Content\r\n\r\n", OTTER_PULL_FAILED, -104,
     "Wrong HTTP Code"},
    {"HTTP/1.0 301 Moved\r\nLocation: /x\r\n\r\n", OTTER_PULL_FAILED, -104,
     "Wrong HTTP Code"},
    {"HTTP/1.0 302 Found\r\nLocation: /x\r\n\r\n", OTTER_PULL_FAILED, -104,
     "Wrong HTTP Code"},
    {"HTTP/1.0 503 Busy\r\n\r\n", OTTER_PULL_FAILED, -104, "Wrong HTTP Code"},
    {"", OTTER_PULL_FAILED, -5, "HTTP error: connection lost"},
    {"HTTP/1.0 200 OK\r\nContent-Len", OTTER_PULL_FAILED, -5,
     "HTTP error: connection lost"},
    {"SSH-2.0-OpenSSH_9.2p1\r\n", OTTER_PULL_FAILED, -7,
     "HTTP error: no HTTP server"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", OTTER_PULL_FAILED,
     -9, "HTTP error: Transfer-Encoding not supported"},
};

static void test_pull_rows_give_result_number_and_text(void **state)
{
    struct pull_rig *rig = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        char log[64] = "result(1)";

        if (pull_rig_answer(rig, row->answer) != row->result) {
            fail_msg("row %zu: %s", i, row->answer);
        }
        if (row->result == OTTER_PULL_FAILED) {
            pull_rig_failed(rig, row->number, row->text);
            snprintf(log, sizeof log, "%serror(%d) result(0)",
                     strstr(row->answer, "1000") ? "start(0,1000) " : "",
                     row->number);
        }
        pull_rig_logged(rig, log);
        assert_int_equal(otter_pull_last_error(&rig->pull), row->number);
        assert_int_equal(rig->stream.commits, 0);
        otter_pull_close(&rig->pull);
    }
}

static void test_pull_last_error_is_reset_at_the_start(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    pull_rig_answer(rig, "HTTP/1.0 404 Not Found\r\n\r\n");
    assert_int_equal(otter_pull_last_error(&rig->pull), -102);
    peer = pull_rig_ask(rig);
    assert_int_equal(otter_pull_last_error(&rig->pull), 0);
    pull_rig_say(rig, peer, "HTTP/1.0 304 Not Modified\r\n\r\n");
    pull_rig_finish(rig);
    assert_int_equal(otter_pull_last_result(&rig->pull), OTTER_PULL_NO_UPDATE);
    assert_int_equal(otter_pull_last_error(&rig->pull), 0);
}

/* --- The transport's errors ---------------------------------------------- */

static void test_pull_rows_connection_failed(void **state)
{
    struct pull_rig *rig = *state;

    pull_rig_open(rig);
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    pull_rig_run(rig, 5);
    fake_peer_refuse(fake_net_dialled());
    pull_rig_finish(rig);
    pull_rig_failed(rig, -1, "HTTP error: connection failed");
    otter_pull_close(&rig->pull);

    rig->config.url = "http://nowhere.example/";
    pull_rig_open(rig);
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    pull_rig_finish(rig);
    pull_rig_failed(rig, -1, "HTTP error: connection failed");
    assert_int_equal(otter_pull_reason(&rig->pull), OTTER_ERR_LOOKUP);
}

static void test_pull_rows_send_header_failed(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    pull_rig_open(rig);
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    pull_rig_run(rig, 5);
    peer = fake_net_dialled();
    fake_peer_accept(peer);
    fake_peer_reset(peer);
    pull_rig_finish(rig);
    pull_rig_failed(rig, -2, "HTTP error: send header failed");
}

static void test_pull_rows_not_enough_ram(void **state)
{
    struct pull_rig *rig = *state;
    char answer[1024];

    pull_rig_open(rig);
    fake_net_fail(FAKE_CONN_OPEN, OTTER_ERR_NO_MEMORY);
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    pull_rig_finish(rig);
    pull_rig_failed(rig, -8, "HTTP error: not enough ram");
    fake_net_fail(FAKE_CONN_OPEN, 0);
    otter_pull_close(&rig->pull);

    snprintf(answer, sizeof answer,
             "HTTP/1.0 200 OK\r\nContent-Length: %0600d\r\n\r\n", 5);
    pull_rig_answer(rig, answer);
    pull_rig_failed(rig, -8, "HTTP error: not enough ram");
}

static void test_pull_rows_read_timeout_after_8_s(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    pull_rig_run(rig, 7995);
    pull_rig_logged(rig, "");
    pull_rig_run(rig, 10);
    pull_rig_logged(rig, "error(-11) result(0)");
    pull_rig_failed(rig, -11, "HTTP error: read Timeout");
    assert_int_equal(fake_peer_end(peer), FAKE_END_ABORT);
}

/* --- The order for 200, x-MD5 -------------------------------------------- */

/* Departure: progress(0,n) comes with the first poll that has bytes. */
static void test_pull_200_calls_back_in_the_cores_order(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    pull_rig_say(rig, peer, pull_rig_head(1000, ""));
    pull_rig_run(rig, 3);
    pull_rig_logged(rig, "start(0,1000)");
    assert_false(fake_net_power_save());
    pull_rig_body(peer, 0, 600);
    pull_rig_run(rig, 2);
    pull_rig_body(peer, 600, 400);
    assert_true(pull_rig_finish(rig));
    pull_rig_logged(rig, "progress(0,1000) progress(600,1000) "
                         "progress(1000,1000) end result(2)");
    pull_rig_arrived(rig, 1000);
    assert_int_equal(rig->stream.commits, 1);
    assert_int_equal(rig->stream.info.kind, OTTER_UPDATE_SKETCH);
    assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
    assert_int_equal(otter_pull_last_error(&rig->pull), 0);
}

/* The header lines `more`; the digest that the stream is told, or the error.
 */
static void with_md5(struct pull_rig *rig, const char *more, bool good)
{
    static const uint8_t md5[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
                                    0xcd, 0xef, 0x01, 0x23, 0x45, 0x67,
                                    0x89, 0xab, 0xcd, 0xef};
    struct fake_peer *peer;
    uint32_t begins = rig->stream.begins;

    rig->config.stay_running = true;
    memset(&rig->stream.digest, 0, sizeof rig->stream.digest);
    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    pull_rig_say(rig, peer, pull_rig_head(1000, more));
    pull_rig_body(peer, 0, 1000);
    assert_false(pull_rig_finish(rig));
    if (good) {
        assert_int_equal(otter_pull_last_result(&rig->pull), OTTER_PULL_OK);
        assert_int_equal(rig->stream.digest.kind, OTTER_DIGEST_MD5);
        assert_memory_equal(rig->stream.digest.bytes, md5, 16);
    } else {
        pull_rig_failed(rig, -105, "Wrong MD5");
        assert_int_equal(rig->stream.begins,
                         begins); /* departure: not begun */
    }
    otter_pull_close(&rig->pull);
}

static void test_pull_x_md5_any_case_once_and_whole(void **state)
{
    struct pull_rig *rig = *state;

    with_md5(rig, "x-MD5: " PULL_RIG_MD5 "\r\n", true);
    with_md5(rig, "X-md5: 0123456789ABCDEF0123456789abcdef\r\n", true);
    with_md5(rig, "x-MD5: 0123456789abcdef0123456789abcde\r\n", false);
    with_md5(rig, "x-MD5: " PULL_RIG_MD5 "0\r\n", false);
    with_md5(rig, "x-MD5: " PULL_RIG_MD5 "\r\nx-MD5: " PULL_RIG_MD5 "\r\n",
             false);
    with_md5(rig, "x-MD5: " PULL_RIG_MD5 "," PULL_RIG_MD5 "\r\n", false);
}

/* Departures: the core fails with 7 at the end, or looks at none. */
static void test_pull_x_md5_must_be_hexadecimal_and_not_empty(void **state)
{
    struct pull_rig *rig = *state;

    with_md5(rig, "x-MD5: 0123456789abcdef0123456789abcdeg\r\n", false);
    with_md5(rig, "x-MD5:\r\n", false);
}

static void test_pull_configured_md5_wins(void **state)
{
    struct pull_rig *rig = *state;

    rig->config.md5 = "0123456789ABCDEF0123456789ABCDEF";
    with_md5(rig, "x-MD5: 00000000000000000000000000000000\r\n", true);
    with_md5(rig, "x-MD5: short\r\n", true);
    with_md5(rig, "", true);
}

static void test_pull_without_md5_expects_none(void **state)
{
    struct pull_rig *rig = *state;

    rig->stream.expect_error = OTTER_ERR_INVALID; /* nobody asks */
    pull_rig_open(rig);
    pull_rig_say(rig, pull_rig_ask(rig),
                 "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\n\xe9\1\1\1");
    assert_true(pull_rig_finish(rig));
    assert_int_equal(rig->stream.commits, 1);
}

/* --- Bodies that are too short, too long, chunked ------------------------ */

static void test_pull_silent_server_is_error_6_after_60_s(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    pull_rig_say(rig, peer, pull_rig_head(10000, ""));
    pull_rig_body(peer, 0, 9999);
    pull_rig_run(rig, 59990);
    assert_null(strstr(rig->log, "error"));
    pull_rig_run(rig, 20);
    assert_non_null(strstr(rig->log, " error(6) result(0)"));
    pull_rig_failed(rig, 6, "Update error: ERROR[6]: Stream Read Timeout");
    assert_int_equal(rig->stream.aborts, 1);
}

/* Departure: at once, in the core after 60 s. */
static void test_pull_body_that_breaks_off_is_error_6(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    pull_rig_say(rig, peer, pull_rig_head(1000, ""));
    pull_rig_body(peer, 0, 999);
    fake_peer_close(peer);
    pull_rig_finish(rig);
    pull_rig_failed(rig, 6, "Update error: ERROR[6]: Stream Read Timeout");
    pull_rig_logged(rig, "start(0,1000) progress(0,1000) error(6) result(0)");
}

static void test_pull_longer_body_is_cut_at_its_length(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    fake_peer_send(peer, pull_rig_head(1000, ""),
                   (uint32_t)strlen(pull_rig_head(1000, "")));
    pull_rig_body(peer, 0, 1500);
    assert_true(pull_rig_finish(rig));
    pull_rig_arrived(rig, 1000);
    otter_pull_close(&rig->pull);

    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    fake_peer_send(peer, pull_rig_head(4, ""),
                   (uint32_t)strlen(pull_rig_head(4, "")));
    pull_rig_body(peer, 0, 10);
    assert_true(pull_rig_finish(rig));
    pull_rig_arrived(rig, 4);
}

static void test_pull_chunked_body_is_refused(void **state)
{
    struct pull_rig *rig = *state;

    pull_rig_answer(rig, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                         "\r\n4\r\n\xe9\1\1\1\r\n0\r\n\r\n");
    pull_rig_failed(rig, -101, "Server Did Not Report Size");
    otter_pull_close(&rig->pull);
    pull_rig_answer(rig, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n");
    pull_rig_failed(rig, -9, "HTTP error: Transfer-Encoding not supported");
    assert_int_equal(rig->stream.begins, 0);
}

/* --- File system and version --------------------------------------------- */

static void test_pull_file_system_is_taken_without_restart(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    rig->config.mode = OTTER_PULL_FILE_SYSTEM;
    pull_rig_answer(rig, "HTTP/1.0 200 OK\r\nContent-Length: 1024001\r\n\r\n");
    pull_rig_failed(rig, -100, "Not Enough space");
    peer = pull_rig_ask(rig);
    pull_rig_has_line(rig, "x-ESP8266-mode: spiffs");
    rig->log[0] = '\0';
    pull_rig_say(rig, peer, "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    assert_false(pull_rig_finish(rig));
    pull_rig_logged(rig,
                    "start(100,3) progress(0,3) progress(3,3) end result(2)");
    assert_int_equal(rig->stream.info.kind, OTTER_UPDATE_FILE_SYSTEM);
    assert_memory_equal(rig->stream.data, "abc", 3);
}

static void test_pull_version_is_asked_for_alone(void **state)
{
    struct pull_rig *rig = *state;

    rig->config.mode = OTTER_PULL_VERSION;
    assert_int_equal(pull_rig_answer(rig, "HTTP/1.0 200 OK\r\n"
                                          "X-Version: DOOR-8\r\n\r\n"),
                     OTTER_PULL_OK);
    pull_rig_has_line(rig, "x-ESP8266-mode: version");
    assert_string_equal(otter_pull_available_version(&rig->pull), "DOOR-8");
    pull_rig_logged(rig, "result(2)");
    otter_pull_close(&rig->pull);
    pull_rig_answer(rig, "HTTP/1.0 200 OK\r\nx-version: \33[2J\r\n\r\n");
    assert_string_equal(otter_pull_available_version(&rig->pull), "?[2J");
    otter_pull_close(&rig->pull);
    pull_rig_answer(rig, "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nabcd");
    pull_rig_failed(rig, -109, "");
    assert_string_equal(otter_pull_available_version(&rig->pull), "");
    assert_int_equal(rig->stream.begins, 0);
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, pull_rig_setup, pull_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_pull_rows_give_result_number_and_text),
        TEST(test_pull_last_error_is_reset_at_the_start),
        TEST(test_pull_rows_connection_failed),
        TEST(test_pull_rows_send_header_failed),
        TEST(test_pull_rows_not_enough_ram),
        TEST(test_pull_rows_read_timeout_after_8_s),
        TEST(test_pull_200_calls_back_in_the_cores_order),
        TEST(test_pull_x_md5_any_case_once_and_whole),
        TEST(test_pull_x_md5_must_be_hexadecimal_and_not_empty),
        TEST(test_pull_configured_md5_wins),
        TEST(test_pull_without_md5_expects_none),
        TEST(test_pull_silent_server_is_error_6_after_60_s),
        TEST(test_pull_body_that_breaks_off_is_error_6),
        TEST(test_pull_longer_body_is_cut_at_its_length),
        TEST(test_pull_chunked_body_is_refused),
        TEST(test_pull_file_system_is_taken_without_restart),
        TEST(test_pull_version_is_asked_for_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
