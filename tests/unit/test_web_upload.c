/* SPDX-License-Identifier: Apache-2.0
 *
 * Uploads by the update page: forms, raw bodies, what is enforced, how each
 * failure is answered, and what stalls or goes away. */
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

#define MD5    "00112233445566778899AABBCCDDEEFF"
#define SHA256 "0123456789abcdef" MD5 "fedcba9876543210"
#define FORM   WEB_RIG_FILE("firmware", "12345") WEB_RIG_END
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

static void test_web_upload_form_is_committed_and_restarts(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;

    web_rig_open(rig);
    peer = web_rig_post(rig, WEB_RIG_HEAD, FORM, 200);
    web_rig_has(rig, "Content-Type: text/html\r\n");
    web_rig_has(rig, "Content-Length: 74\r\n");
    web_rig_has(rig, "Connection: close\r\n");
    web_rig_has(rig, "\r\n\r\n" OK_TEXT);
    web_rig_arrived(rig, "12345");
    assert_int_equal(rig->stream.info.kind, OTTER_UPDATE_SKETCH);
    assert_int_equal(rig->stream.info.size, OTTER_SIZE_UNKNOWN);
    assert_int_equal(rig->stream.info.most, 142); /* the whole form */
    web_rig_logged(rig, "start(0,-1) progress(0,142) progress(5,5) end");
    assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
    expect_restart(rig);
}

/* Every way to split the request at one place, and byte by byte. */
static void test_web_upload_may_arrive_in_any_pieces(void **state)
{
    struct web_rig *rig = *state;
    char text[1024];
    size_t len;

    snprintf(text, sizeof text,
             WEB_RIG_HEAD WEB_RIG_TYPE "Content-Length: %zu\r\n\r\n%s",
             strlen(FORM), FORM);
    len = strlen(text);
    rig->config.stay_running = true;
    web_rig_open(rig);
    for (size_t at = 0; at < len; at++) {
        struct fake_peer *peer = web_rig_dial();

        fake_peer_send(peer, text, (uint32_t)at);
        web_rig_run(rig, 2);
        fake_peer_send(peer, text + at, (uint32_t)(len - at));
        web_rig_run(rig, 12);
        web_rig_read(rig, peer);
        web_rig_has(rig, OK_TEXT);
        web_rig_arrived(rig, "12345");
        assert_int_equal(rig->stream.commits, at + 1);
        rig->log[0] = '\0';
    }
}

static void test_web_upload_field_name_decides_the_kind(void **state)
{
    static const struct {
        const char *form;
        uint32_t kind;
    } rows[] = {
        {WEB_RIG_FILE("filesystem", "x") WEB_RIG_END, 100},
        {WEB_RIG_FILE("firmware", "x") WEB_RIG_END, 0},
        {WEB_RIG_FILE("image", "x") WEB_RIG_END, 0},
        {WEB_RIG_FILE("update", "x") WEB_RIG_END, 0},
        {WEB_RIG_FILE("", "x") WEB_RIG_END, 0},
        {WEB_RIG_FILE("firmware", "") WEB_RIG_FILE("filesystem", "x")
             WEB_RIG_END,
         100},
        {WEB_RIG_FILE("firmware", "x") WEB_RIG_FILE("filesystem", "")
             WEB_RIG_END,
         0},
    };
    struct web_rig *rig = *state;

    rig->config.stay_running = true;
    web_rig_open(rig);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        web_rig_post(rig, WEB_RIG_HEAD, rows[i].form, 200);
        assert_int_equal(rig->stream.info.kind, rows[i].kind);
        web_rig_run(rig, 10);
    }
}

static void test_web_upload_raw_body(void **state)
{
    struct web_rig *rig = *state;

    rig->config.stay_running = true;
    web_rig_open(rig);
    web_rig_ask(rig, RAW("Content-Length: 6\r\n", "abc\r\nd"), 200);
    web_rig_arrived(rig, "abc\r\nd");
    assert_int_equal(rig->stream.info.size, 6);
    web_rig_logged(rig, "start(0,6) progress(0,6) progress(6,6) end");
    web_rig_run(rig, 10);
    web_rig_ask(rig,
                "POST /update?filesystem HTTP/1.1\r\nHost: d.local\r\n"
                "Content-Type: application/octet-stream\r\n"
                "Transfer-Encoding: chunked\r\n\r\n"
                "3\r\nabc\r\n4;x=y\r\nd\r\ne\r\n0\r\nTrailer: z\r\n\r\n",
                200);
    web_rig_arrived(rig, "abcd\r\ne");
    assert_int_equal(rig->stream.info.kind, OTTER_UPDATE_FILE_SYSTEM);
    assert_int_equal(rig->stream.info.size, OTTER_SIZE_UNKNOWN);
}

static void test_web_upload_form_in_chunks(void **state)
{
    struct web_rig *rig = *state;
    char text[2048] =
        WEB_RIG_HEAD WEB_RIG_TYPE "Transfer-Encoding: chunked\r\n\r\n";

    for (const char *c = FORM; *c != '\0'; c++) {
        size_t used = strlen(text);

        snprintf(text + used, sizeof text - used, "1\r\n%c\r\n", *c);
    }
    strcat(text, "0\r\n\r\n");
    web_rig_open(rig);
    web_rig_ask(rig, text, 200);
    web_rig_arrived(rig, "12345");
    expect_restart(rig);
}

static void test_web_upload_expect_continue_is_answered(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;

    rig->config.stay_running = true;
    web_rig_open(rig);
    peer = web_rig_ask(
        rig, RAW("Expect: 100-continue\r\nContent-Length: 3\r\n", ""), 100);
    web_rig_has(rig, "HTTP/1.1 100 Continue\r\n\r\n");
    web_rig_say(rig, peer, "abc");
    web_rig_read(rig, peer);
    web_rig_has(rig, "HTTP/1.1 200 OK\r\n");
    web_rig_has_not(rig, "100 Continue");
    web_rig_run(rig, 10);

    /* A raw body that will not fit is refused before it is sent. */
    rig->stream.begin_error = OTTER_ERR_SPACE;
    rig->stream.detail.error = OTTER_ERR_SPACE;
    web_rig_ask(rig, RAW("Expect: 100-continue\r\nContent-Length: 3\r\n", ""),
                413);
    web_rig_has(rig, "Update error: ERROR[4]: Not Enough Space\n");
}

static void expect_digest(struct web_rig *rig, enum otter_digest_kind kind)
{
    assert_int_equal(rig->stream.digest.kind, kind);
    assert_int_equal(
        rig->stream.digest.bytes[kind == OTTER_DIGEST_MD5 ? 1 : 8],
        kind == OTTER_DIGEST_MD5 ? 0x11 : 0x00);
    memset(&rig->stream.digest, 0xee, sizeof rig->stream.digest);
    web_rig_run(rig, 10);
}

static void test_web_upload_digests_are_handed_on(void **state)
{
    struct web_rig *rig = *state;

    rig->config.stay_running = true;
    web_rig_open(rig);
    web_rig_post(rig, WEB_RIG_HEAD "x-MD5: " MD5 "\r\n", FORM, 200);
    expect_digest(rig, OTTER_DIGEST_MD5);
    web_rig_post(rig, WEB_RIG_HEAD "X-SHA256: " SHA256 "\r\n", FORM, 200);
    expect_digest(rig, OTTER_DIGEST_SHA256);
    web_rig_post(rig, WEB_RIG_HEAD, WEB_RIG_FIELD("md5", MD5) FORM, 200);
    expect_digest(rig, OTTER_DIGEST_MD5);
    web_rig_post(rig, WEB_RIG_HEAD,
                 WEB_RIG_FILE("image", "12345") WEB_RIG_FIELD("sha256", SHA256)
                     WEB_RIG_END,
                 200);
    expect_digest(rig, OTTER_DIGEST_SHA256);
    web_rig_ask(rig, RAW("x-md5: " MD5 "\r\nContent-Length: 1\r\n", "x"), 200);
    expect_digest(rig, OTTER_DIGEST_MD5);
    web_rig_post(rig, WEB_RIG_HEAD, WEB_RIG_FIELD("md5", "") FORM, 200);
    assert_int_equal(rig->stream.digest.bytes[0], 0xee);
}

static void test_web_upload_broken_digests_are_refused(void **state)
{
    static const char *const heads[] = {
        WEB_RIG_HEAD "x-MD5: 0011\r\n",
        WEB_RIG_HEAD "x-MD5: \r\n",
        WEB_RIG_HEAD "x-MD5: 0011223344556677889900112233445g\r\n",
        WEB_RIG_HEAD "x-SHA256: " MD5 "\r\n",
    };
    struct web_rig *rig = *state;

    web_rig_open(rig);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        web_rig_post(rig, heads[i], FORM, 400);
    }
    web_rig_post(rig, WEB_RIG_HEAD, WEB_RIG_FIELD("md5", "00") FORM, 400);
    web_rig_post(rig, WEB_RIG_HEAD, WEB_RIG_FIELD("sha256", SHA256 "0") FORM,
                 400);
    web_rig_post(rig, WEB_RIG_HEAD, WEB_RIG_FIELD("size", "1x") FORM, 400);
    assert_int_equal(rig->stream.begins, 0);
    rig->stream.expect_error = OTTER_ERR_INVALID;
    web_rig_post(rig, WEB_RIG_HEAD, WEB_RIG_FIELD("md5", MD5) FORM, 500);
    assert_int_equal(rig->stream.aborts, 1);
}

static void test_web_upload_announced_size_is_held(void **state)
{
    static const struct {
        const char *form;
        int status;
    } rows[] = {
        {WEB_RIG_FIELD("size", "5") FORM, 200},
        {WEB_RIG_FIELD("size", "4") FORM, 400},
        {WEB_RIG_FIELD("size", "6") FORM, 400},
        {WEB_RIG_FILE("image", "12345") WEB_RIG_FIELD("size", "5") WEB_RIG_END,
         200},
        {WEB_RIG_FILE("image", "12345") WEB_RIG_FIELD("size", "4") WEB_RIG_END,
         400},
    };
    struct web_rig *rig = *state;

    rig->config.stay_running = true;
    web_rig_open(rig);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        web_rig_post(rig, WEB_RIG_HEAD, rows[i].form, rows[i].status);
        web_rig_run(rig, 10);
    }
    assert_int_equal(rig->stream.commits, 2);
}

/* Each ends without a commit, and the next upload is taken. */
static void test_web_upload_incomplete_forms_are_refused(void **state)
{
    static const struct {
        const char *form;
        int status;
        const char *text;
    } rows[] = {
        {WEB_RIG_END, 400, "ERROR[13]: No data supplied"},
        {WEB_RIG_FIELD("a", "b") WEB_RIG_END, 400, "ERROR[13]"},
        {WEB_RIG_FILE("firmware", "") WEB_RIG_END, 400, "ERROR[13]"},
        {WEB_RIG_FILE("firmware", "12345"), 400, "ERROR[144]"},
        {"------edge\r\n", 400, "ERROR[144]"},
        {"", 400, "ERROR[13]"},
        {"nothing of a form", 400, "ERROR[144]"},
        {"------edge\r\nX: y\r\n\r\nz", 400, "ERROR[116]"},
        {WEB_RIG_FILE("a", "1") WEB_RIG_FILE("b", "2") WEB_RIG_END, 400,
         "ERROR[116]"},
    };
    struct web_rig *rig = *state;

    rig->config.stay_running = true;
    web_rig_open(rig);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        web_rig_post(rig, WEB_RIG_HEAD, rows[i].form, rows[i].status);
        web_rig_has(rig, rows[i].text);
        web_rig_has(rig, "Content-Type: text/plain\r\n");
        web_rig_has(rig, "Connection: close\r\n");
        assert_false(rig->stream.running);
    }
    assert_int_equal(rig->stream.commits, 0);
    web_rig_post(rig, WEB_RIG_HEAD, FORM, 200);
}

static void test_web_upload_other_types_are_refused(void **state)
{
    static const char *const types[] = {
        "", "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: multipart/form-data\r\n",
        "Content-Type: application/octet-stream\r\n"
        "Content-Encoding: gzip\r\n"};
    struct web_rig *rig = *state;

    web_rig_open(rig);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        char text[300];

        snprintf(text, sizeof text,
                 WEB_RIG_HEAD "%sContent-Length: 1\r\n\r\nx", types[i]);
        web_rig_ask(rig, text, 415);
    }
    assert_int_equal(rig->stream.begins, 0);
}

/* Where the stream fails, with what, and the answer to it. */
static void test_web_upload_stream_errors_have_their_status(void **state)
{
    static const struct {
        int error;
        int status;
        const char *text;
    } rows[] = {
        {OTTER_ERR_SPACE, 413, "ERROR[4]: Not Enough Space"},
        {OTTER_ERR_MAGIC, 422, "ERROR[10]: Magic byte is not 0xE9"},
        {OTTER_ERR_DIGEST, 422, "ERROR[133]: "},
        {OTTER_ERR_IMAGE, 422, "ERROR[145]: "},
        {OTTER_ERR_BOARD, 422, "ERROR[140]: "},
        {OTTER_ERR_CHIP, 422, "ERROR[141]: "},
        {OTTER_ERR_LOADER, 422, "ERROR[142]: "},
        {OTTER_ERR_GZIP, 422, "ERROR[147]: "},
        {OTTER_ERR_NEW_FLASH_CONFIG, 422, "ERROR[9]: "},
        {OTTER_ERR_SIGNATURE, 422, "ERROR[12]: "},
        {OTTER_ERR_NO_DATA, 400, "ERROR[13]: No data supplied"},
        {OTTER_ERR_SHORT, 400, "ERROR[144]: "},
        {OTTER_ERR_SIZE, 400, "ERROR[5]: Bad Size Given"},
        {OTTER_ERR_BOOTSTRAP, 503, "ERROR[11]: "},
        {OTTER_ERR_FLASH_PROGRAM, 500, "ERROR[1]: Flash Write Failed"},
        {OTTER_ERR_FLASH_ERASE, 500, "ERROR[2]: Flash Erase Failed"},
        {OTTER_ERR_RECORD, 500, "ERROR[148]: "},
    };
    struct web_rig *rig = *state;

    rig->config.stay_running = true;
    web_rig_open(rig);
    for (size_t i = 0; i < 4 * sizeof rows / sizeof rows[0]; i++) {
        int error = rows[i / 4].error;
        char log[40];

        fake_stream_init(&rig->stream);
        rig->stream.detail.error = error;
        rig->stream.begin_error = i % 4 == 0 ? error : 0;
        rig->stream.fail_at = i % 4 == 1;
        rig->stream.write_error = error;
        rig->stream.poll_error = i % 4 == 2 ? error : 0;
        rig->stream.end_error = i % 4 == 3 ? error : 0;
        rig->log[0] = '\0';
        web_rig_post(rig, WEB_RIG_HEAD,
                     WEB_RIG_FILE("firmware", "1234567890") WEB_RIG_END,
                     rows[i / 4].status);
        web_rig_has(rig, "Update error: ");
        web_rig_has(rig, rows[i / 4].text);
        snprintf(log, sizeof log, "error(%d)", error);
        assert_non_null(strstr(rig->log, log));
        assert_null(strstr(rig->log, "end"));
        assert_int_equal(otter_web_reason(&rig->web), error);
        assert_true(fake_net_power_save());
    }
}

static void test_web_upload_core_status_answers_200(void **state)
{
    struct web_rig *rig = *state;

    rig->config.core_status = true;
    rig->stream.end_error = OTTER_ERR_MAGIC;
    rig->stream.detail.error = OTTER_ERR_MAGIC;
    web_rig_open(rig);
    web_rig_post(rig, WEB_RIG_HEAD, FORM, 200);
    web_rig_has(rig, "Content-Type: text/html\r\n");
    web_rig_has(rig, "\r\n\r\nUpdate error: ERROR[10]: Magic byte is not "
                     "0xE9\n");
    assert_false(web_rig_run(rig, 3000));
}

static void test_web_upload_refusal_shows_in_the_status(void **state)
{
    struct web_rig *rig = *state;

    rig->stream.end_error = OTTER_ERR_MAGIC;
    rig->stream.detail.error = OTTER_ERR_MAGIC;
    web_rig_open(rig);
    web_rig_post(rig, WEB_RIG_HEAD, FORM, 422);
    web_rig_ask(rig, "GET /update/status HTTP/1.0\r\n\r\n", 200);
    web_rig_has(rig, "\"refused\":\"ERROR[10]: Magic byte is not 0xE9\"}\n");
}

static void test_web_upload_declined_is_503(void **state)
{
    struct web_rig *rig = *state;

    rig->decline = 1;
    web_rig_open(rig);
    web_rig_post(rig, WEB_RIG_HEAD, FORM, 503);
    web_rig_has(rig, "Retry-After: 30\r\n");
    web_rig_has(rig, "Update error: ERROR[108]: the application declined");
    web_rig_logged(rig, "start(0,-1)");
    assert_int_equal(rig->stream.len, 0);
    assert_int_equal(rig->stream.abort_error, OTTER_ERR_DECLINED);
}

static void test_web_upload_only_one_at_a_time(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *first;

    rig->config.stay_running = true;
    web_rig_open(rig);
    first = web_rig_dial();
    web_rig_say(rig, first, RAW("Content-Length: 4\r\n", "ab"));
    web_rig_post(rig, WEB_RIG_HEAD, FORM, 409);
    web_rig_has(rig, "Update error: ERROR[15]: Update already running\n");
    web_rig_ask(rig, "POST /update/revert HTTP/1.1\r\nHost: x\r\n\r\n", 409);
    web_rig_ask(rig, "GET /update/status HTTP/1.0\r\n\r\n", 200);
    web_rig_has(rig, "\"update\":\"receiving\",\"done\":2,\"total\":4,");
    web_rig_say(rig, first, "cd");
    web_rig_read(rig, first);
    web_rig_has(rig, OK_TEXT);
    web_rig_arrived(rig, "abcd");

    /* The stream is another transport's. */
    web_rig_run(rig, 10);
    rig->log[0] = '\0';
    rig->stream.begin_error = OTTER_ERR_BUSY;
    rig->stream.detail.error = 0;
    web_rig_post(rig, WEB_RIG_HEAD, FORM, 409);
    web_rig_has(rig, "ERROR[15]");
    web_rig_logged(rig, "");
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, web_rig_setup, web_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_web_upload_form_is_committed_and_restarts),
        TEST(test_web_upload_may_arrive_in_any_pieces),
        TEST(test_web_upload_field_name_decides_the_kind),
        TEST(test_web_upload_raw_body),
        TEST(test_web_upload_form_in_chunks),
        TEST(test_web_upload_expect_continue_is_answered),
        TEST(test_web_upload_digests_are_handed_on),
        TEST(test_web_upload_broken_digests_are_refused),
        TEST(test_web_upload_announced_size_is_held),
        TEST(test_web_upload_incomplete_forms_are_refused),
        TEST(test_web_upload_other_types_are_refused),
        TEST(test_web_upload_stream_errors_have_their_status),
        TEST(test_web_upload_core_status_answers_200),
        TEST(test_web_upload_refusal_shows_in_the_status),
        TEST(test_web_upload_declined_is_503),
        TEST(test_web_upload_only_one_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
