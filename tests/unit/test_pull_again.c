/* SPDX-License-Identifier: Apache-2.0
 *
 * Downloads that a run before this one has begun: what the stream has kept is
 * gone on with when the offer is the same file, asked for like any other. */
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
#define KEPT 8192u
#define ETAG "ETag: \"v1\"\r\n"
#define MD5  "x-MD5: " PULL_RIG_MD5 "\r\n"

static const uint8_t key[8] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

/* A run whose stream has kept the first bytes; up to the first request. */
static struct fake_peer *begin(struct pull_rig *rig, uint32_t kept)
{
    rig->stream.kept = kept;
    for (uint32_t i = 0; i < kept; i++) {
        rig->stream.data[i] = pull_rig_byte(i);
    }
    pull_rig_open(rig);
    return pull_rig_ask(rig);
}

static void part(struct pull_rig *rig, struct fake_peer *peer, uint32_t first)
{
    char head[400];

    snprintf(head, sizeof head,
             "HTTP/1.0 206 Partial Content\r\nContent-Length: %u\r\n"
             "Content-Range: bytes %u-%u/%u\r\n" ETAG MD5 "\r\n",
             SIZE - first, first, SIZE - 1, SIZE);
    pull_rig_say(rig, peer, head);
    pull_rig_body(peer, first, SIZE - first);
}

static void test_again_asks_as_ever_and_then_for_the_rest(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer = begin(rig, KEPT);

    pull_rig_lacks_line(rig, "Range");
    pull_rig_say(rig, peer, pull_rig_head(SIZE, ETAG MD5));
    pull_rig_run(rig, 2);
    assert_int_equal(fake_peer_end(peer), FAKE_END_ABORT);
    peer = pull_rig_asked(rig);
    pull_rig_has_line(rig, "Range: bytes=8192-");
    pull_rig_has_line(rig, "If-Range: \"v1\"");
    pull_rig_has_line(rig, "x-ESP8266-STA-MAC: 18:FE:AA:AA:AA:AA");
    part(rig, peer, KEPT);
    assert_true(pull_rig_finish(rig));
    pull_rig_arrived(rig, SIZE);
    assert_int_equal(rig->stream.begins, 1);
    assert_memory_equal(rig->stream.key, key, sizeof key);
    assert_int_equal(rig->stream.digest.bytes[15], 0xef);
    assert_ptr_equal(strstr(rig->log, "start(0,20000) progress(0,20000) "),
                     rig->log);
    assert_non_null(strstr(rig->log, "progress(20000,20000) end result(2)"));
}

static void test_again_with_all_bytes_there_asks_for_none(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer = begin(rig, SIZE);

    pull_rig_say(rig, peer, pull_rig_head(SIZE, ETAG MD5));
    assert_true(pull_rig_finish(rig));
    assert_null(fake_net_dialled());
    assert_int_equal(fake_peer_end(peer), FAKE_END_ABORT);
    pull_rig_arrived(rig, SIZE);
    pull_rig_logged(rig, "start(0,20000) progress(0,20000) "
                         "progress(20000,20000) end result(2)");
}

/* Without a digest nobody would notice a mixture; without a strong ETag the
 * server cannot be asked for the rest of this very file. */
static void test_again_needs_digest_and_etag(void **state)
{
    static const char *const less[] = {
        "", ETAG, MD5, "ETag: W/\"v1\"\r\n" MD5,
        "Last-Modified: Sun, 22 Nov 2026 17:32:21 GMT\r\n" MD5};
    struct pull_rig *rig = *state;

    for (size_t i = 0; i < sizeof less / sizeof less[0]; i++) {
        struct fake_peer *peer = begin(rig, KEPT);

        pull_rig_say(rig, peer, pull_rig_head(SIZE, less[i]));
        pull_rig_run(rig, 2);
        assert_false(rig->stream.keyed);
        pull_rig_body(peer, 0, SIZE);
        assert_true(pull_rig_finish(rig));
        pull_rig_arrived(rig, SIZE);
        otter_pull_close(&rig->pull);
    }
}

static void test_again_configured_digest_is_the_key(void **state)
{
    static const char md5[] = "ffeeddccbbaa99887766554433221100";
    static const uint8_t name[8] = {0xff, 0xee, 0xdd, 0xcc,
                                    0xbb, 0xaa, 0x99, 0x88};
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    rig->config.md5 = md5;
    peer = begin(rig, KEPT);
    pull_rig_say(rig, peer, pull_rig_head(SIZE, ETAG MD5));
    peer = pull_rig_asked(rig);
    pull_rig_has_line(rig, "Range: bytes=8192-");
    assert_memory_equal(rig->stream.key, name, sizeof name);
    otter_pull_close(&rig->pull);
}

/* Nothing is kept of what is offered now: one request, as ever. */
static void test_again_with_nothing_kept_takes_the_body_at_once(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer = begin(rig, 0);

    pull_rig_say(rig, peer, pull_rig_head(SIZE, ETAG MD5));
    pull_rig_run(rig, 2);
    assert_true(rig->stream.keyed);
    pull_rig_body(peer, 0, SIZE);
    assert_true(pull_rig_finish(rig));
    assert_null(fake_net_dialled());
    pull_rig_arrived(rig, SIZE);
}

/* A server that ignores Range gives the whole file, once more: it is taken,
 * not asked for again. */
static void test_again_server_without_ranges_gives_all(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer = begin(rig, KEPT);

    pull_rig_say(rig, peer, pull_rig_head(SIZE, ETAG MD5));
    peer = pull_rig_asked(rig);
    pull_rig_say(rig, peer, pull_rig_head(SIZE, ETAG MD5));
    pull_rig_run(rig, 2);
    assert_false(rig->stream.keyed);
    pull_rig_body(peer, 0, SIZE);
    assert_true(pull_rig_finish(rig));
    pull_rig_arrived(rig, SIZE);
    assert_int_equal(rig->stream.begins, 2);
}

/* A part that does not fit is not taken, and not asked for again. */
static void test_again_part_of_another_file_is_not_mixed_in(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer = begin(rig, KEPT);

    pull_rig_say(rig, peer, pull_rig_head(SIZE, ETAG MD5));
    peer = pull_rig_asked(rig);
    pull_rig_say(rig, peer,
                 "HTTP/1.0 206 Partial Content\r\nContent-Length: 11808\r\n"
                 "Content-Range: bytes 8192-19999/20000\r\n"
                 "ETag: \"v2\"\r\n\r\n");
    pull_rig_body(peer, KEPT, SIZE - KEPT);
    peer = pull_rig_asked(rig);
    pull_rig_lacks_line(rig, "Range");
    pull_rig_say(rig, peer, pull_rig_head(SIZE, ETAG MD5));
    pull_rig_run(rig, 2);
    assert_false(rig->stream.keyed);
    pull_rig_body(peer, 0, SIZE);
    assert_true(pull_rig_finish(rig));
    pull_rig_arrived(rig, SIZE);
}

/* The file changes between the two requests: the new one has its own key. */
static void test_again_changed_file_is_taken_from_its_first_byte(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer = begin(rig, KEPT);

    pull_rig_say(rig, peer, pull_rig_head(SIZE, ETAG MD5));
    peer = pull_rig_asked(rig);
    rig->stream.kept = 0;
    pull_rig_say(rig, peer,
                 pull_rig_head(500, "ETag: \"v2\"\r\nx-MD5: "
                                    "ffffffffffffffffffffffffffffffff\r\n"));
    pull_rig_run(rig, 2);
    assert_true(rig->stream.keyed);
    assert_int_equal(rig->stream.key[0], 0xff);
    pull_rig_body(peer, 0, 500);
    assert_true(pull_rig_finish(rig));
    pull_rig_arrived(rig, 500);
}

static void test_again_declined_or_withdrawn_asks_for_no_rest(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    rig->decline = OTTER_ERR_DECLINED;
    peer = begin(rig, KEPT);
    pull_rig_say(rig, peer, pull_rig_head(SIZE, ETAG MD5));
    assert_false(pull_rig_finish(rig));
    assert_null(fake_net_dialled());
    assert_int_equal(rig->stream.aborts, 1);
    otter_pull_close(&rig->pull);
    peer = begin(rig, KEPT);
    pull_rig_say(rig, peer, "HTTP/1.0 304 Not Modified\r\n\r\n");
    assert_false(pull_rig_finish(rig));
    assert_int_equal(otter_pull_last_result(&rig->pull), OTTER_PULL_NO_UPDATE);
    assert_int_equal(rig->stream.begins, 1);
}

/* It leads through the redirect once more. */
static void test_again_rest_is_asked_for_at_the_configured_url(void **state)
{
    static const char found[] = "HTTP/1.0 302 Found\r\nLocation: /f\r\n\r\n";
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    rig->config.follow_redirects = true;
    peer = begin(rig, KEPT);
    pull_rig_say(rig, peer, found);
    peer = pull_rig_asked(rig);
    pull_rig_say(rig, peer, pull_rig_head(SIZE, ETAG MD5));
    peer = pull_rig_asked(rig);
    assert_memory_equal(rig->request, "GET /update.php ", 16);
    pull_rig_say(rig, peer, found);
    peer = pull_rig_asked(rig);
    assert_memory_equal(rig->request, "GET /f ", 7);
    pull_rig_has_line(rig, "Range: bytes=8192-");
    part(rig, peer, KEPT);
    assert_true(pull_rig_finish(rig));
    pull_rig_arrived(rig, SIZE);
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, pull_rig_setup, pull_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_again_asks_as_ever_and_then_for_the_rest),
        TEST(test_again_with_all_bytes_there_asks_for_none),
        TEST(test_again_needs_digest_and_etag),
        TEST(test_again_configured_digest_is_the_key),
        TEST(test_again_with_nothing_kept_takes_the_body_at_once),
        TEST(test_again_server_without_ranges_gives_all),
        TEST(test_again_part_of_another_file_is_not_mixed_in),
        TEST(test_again_changed_file_is_taken_from_its_first_byte),
        TEST(test_again_declined_or_withdrawn_asks_for_no_rest),
        TEST(test_again_rest_is_asked_for_at_the_configured_url),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
