/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP/1.x parser: framing, refusals, and the same result wherever the
 * bytes are split. */
#include "codec/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What a parse gave, as text, so that two parses are compared at once. */
struct transcript {
    char text[2048];
    struct otter_http http;
    int error;
};

static void note(struct transcript *t, const char *a, const char *b)
{
    size_t used = strlen(t->text);

    snprintf(t->text + used, sizeof t->text - used, "%s|%s\n", a, b);
}

static int on_start(void *user, const char *first, const char *second,
                    int minor)
{
    note(user, first, second);
    return minor < 2 ? 0 : OTTER_ERR_INVALID;
}

static int on_header(void *user, const char *name, const char *value)
{
    note(user, name, value);
    return 0;
}

static const struct otter_http_events events = {.start = on_start,
                                                .header = on_header};

/* Feeds `text` in pieces of `step` bytes and notes everything. */
static void parse(struct transcript *t, enum otter_http_side side,
                  const char *text, size_t len, size_t step)
{
    char line[128];
    struct otter_http_config config = {side,    line, sizeof line,
                                       &events, t,    false};
    char payload[1024] = "";
    size_t payload_len = 0;
    size_t at = 0;

    memset(t, 0, sizeof *t);
    otter_http_init(&t->http, &config);
    while (at < len && t->error >= 0 && !otter_http_done(&t->http)) {
        size_t n = len - at < step ? len - at : step;
        const uint8_t *body;
        uint32_t body_len;

        if (!otter_http_head_done(&t->http)) {
            t->error = otter_http_head(&t->http, text + at, (uint32_t)n);
        } else {
            t->error = otter_http_body(&t->http, text + at, (uint32_t)n, &body,
                                       &body_len);
            if (t->error >= 0 && payload_len + body_len < sizeof payload) {
                memcpy(payload + payload_len, body, body_len);
                payload_len += body_len;
            }
        }
        at += t->error > 0 ? (size_t)t->error : 0;
    }
    payload[payload_len] = '\0';
    note(t, "body", payload);
    note(t, "rest", text + at);
}

/* Parses at every step width and demands one result. */
static void parse_all(struct transcript *t, enum otter_http_side side,
                      const char *text)
{
    struct transcript other;

    parse(t, side, text, strlen(text), strlen(text));
    for (size_t step = 1; step < strlen(text); step++) {
        parse(&other, side, text, strlen(text), step);
        assert_int_equal(other.error < 0, t->error < 0);
        if (t->error >= 0) {
            assert_string_equal(other.text, t->text);
        } else {
            assert_int_equal(other.error, t->error);
        }
    }
}

static void test_http_request_with_length_gives_body(void **state)
{
    struct transcript t;

    (void)state;
    parse_all(&t, OTTER_HTTP_REQUEST,
              "POST /update?x=1 HTTP/1.1\r\nHost: a\r\n"
              "content-length:  5 \r\nExpect: 100-continue\r\n\r\nhelloGET");
    assert_string_equal(t.text, "POST|/update?x=1\nHost|a\n"
                                "content-length|5\nExpect|100-continue\n"
                                "body|hello\nrest|GET\n");
    assert_true(t.http.keep_alive && t.http.expect_continue);
    assert_int_equal(t.http.framing, OTTER_HTTP_LENGTH);
}

static void test_http_request_without_length_has_no_body(void **state)
{
    struct transcript t;

    (void)state;
    parse_all(&t, OTTER_HTTP_REQUEST, "\r\nGET / HTTP/1.0\r\n\r\nrest");
    assert_string_equal(t.text, "GET|/\nbody|\nrest|rest\n");
    assert_false(t.http.keep_alive);
}

static void test_http_response_without_length_lasts_to_close(void **state)
{
    struct transcript t;

    (void)state;
    parse_all(&t, OTTER_HTTP_RESPONSE, "HTTP/1.1 200 OK\nA:b\n\nabc");
    assert_string_equal(t.text, "200|OK\nA|b\nbody|abc\nrest|\n");
    assert_int_equal(t.http.framing, OTTER_HTTP_TO_CLOSE);
    assert_false(otter_http_done(&t.http));
}

static void test_http_response_304_ignores_its_length(void **state)
{
    struct transcript t;

    (void)state;
    parse_all(&t, OTTER_HTTP_RESPONSE,
              "HTTP/1.0 304\r\nContent-Length: 7\r\n\r\n");
    assert_true(otter_http_done(&t.http));
    assert_int_equal(t.http.status, 304);
}

static void test_http_chunks_are_joined(void **state)
{
    struct transcript t;

    (void)state;
    parse_all(&t, OTTER_HTTP_RESPONSE,
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
              "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrail: er\r\n\r\nX");
    assert_string_equal(t.text, "200|OK\nTransfer-Encoding|chunked\n"
                                "body|abc0123456789\nrest|X\n");
    assert_true(otter_http_done(&t.http));
}

static void test_http_ambiguous_messages_are_refused(void **state)
{
    static const char *const bad[] = {
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: \r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\n"
        "Transfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET /a b HTTP/1.1\r\n\r\n",
        "G(T / HTTP/1.1\r\n\r\n",
        "GET  HTTP/1.1\r\n\r\n",
        "GET /\r\n\r\n",
        "\x16\x03\x01\x02\r\n\r\n",
    };
    struct transcript t;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        parse_all(&t, OTTER_HTTP_REQUEST, bad[i]);
        if (t.error != OTTER_ERR_SYNTAX) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

static void test_http_bad_responses_are_refused(void **state)
{
    static const char *const bad[] = {
        "HTTP/1.1 99 X\r\n\r\n",
        "HTTP/1.1 2000 X\r\n\r\n",
        "HTTP/1.1 abc X\r\n\r\n",
        "HTTP/3.1 200 X\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
    };
    struct transcript t;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        parse_all(&t, OTTER_HTTP_RESPONSE, bad[i]);
        if (t.error != OTTER_ERR_SYNTAX) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

static void test_http_limits_are_errors(void **state)
{
    struct transcript t;
    char text[4096] = "GET / HTTP/1.1\r\n";

    (void)state;
    memset(text + 16, 'a', 200);
    parse(&t, OTTER_HTTP_REQUEST, text, strlen(text), 7);
    assert_int_equal(t.error, OTTER_ERR_TOO_LONG);

    strcpy(text, "GET / HTTP/1.1\r\n");
    for (unsigned i = 0; i <= OTTER_HTTP_HEADERS_MAX; i++) {
        strcat(text, "A: b\r\n");
    }
    parse(&t, OTTER_HTTP_REQUEST, text, strlen(text), strlen(text));
    assert_int_equal(t.error, OTTER_ERR_TOO_LONG);

    parse_all(&t, OTTER_HTTP_REQUEST,
              "POST / HTTP/1.1\r\nContent-Length: 4294967296\r\n\r\n");
    assert_int_equal(t.error, OTTER_ERR_TOO_LONG);
    parse_all(&t, OTTER_HTTP_RESPONSE,
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
              "100000000\r\n");
    assert_int_equal(t.error, OTTER_ERR_TOO_LONG);
}

/* What is passed over is noted as `name|...`; the rest must be complete. */
static int on_long_header(void *user, const char *name)
{
    note(user, name, "...");
    return otter_http_same(name, "x-md5") ? OTTER_ERR_DIGEST : 0;
}

static int parse_long(struct transcript *t, const char *name, size_t step)
{
    static const struct otter_http_events with_long = {
        .start = on_start, .header = on_header, .long_header = on_long_header};
    char line[32];
    struct otter_http_config config = {.side = OTTER_HTTP_RESPONSE,
                                       .line = line,
                                       .line_size = sizeof line,
                                       .events = &with_long,
                                       .user = t};
    char text[256];
    size_t len;
    size_t at = 0;

    snprintf(text, sizeof text,
             "HTTP/1.1 200 OK\r\n%s: %080d\r\nContent-Length: 1\r\n\r\n", name,
             0);
    len = strlen(text);
    memset(t, 0, sizeof *t);
    otter_http_init(&t->http, &config);
    while (at < len && t->error >= 0) {
        size_t n = len - at < step ? len - at : step;

        t->error = otter_http_head(&t->http, text + at, (uint32_t)n);
        at += n;
    }
    return t->error < 0 ? t->error : 0;
}

static void test_http_long_headers_are_passed_over_when_allowed(void **state)
{
    struct transcript t;

    (void)state;
    for (size_t step = 1; step < 140; step++) {
        assert_int_equal(parse_long(&t, "Set-Cookie", step), 0);
        assert_string_equal(t.text,
                            "200|OK\nSet-Cookie|...\nContent-Length|1\n");
        assert_true(otter_http_head_done(&t.http));
        assert_int_equal(t.http.length, 1);
    }
    assert_int_equal(parse_long(&t, "X-MD5", 9), OTTER_ERR_DIGEST);
    assert_int_equal(parse_long(&t, "content-length", 9), OTTER_ERR_TOO_LONG);
    assert_int_equal(parse_long(&t, "Transfer-Encoding", 9),
                     OTTER_ERR_TOO_LONG);
    assert_int_equal(parse_long(&t, "a b", 9), OTTER_ERR_SYNTAX);
    assert_int_equal(parse_long(&t, "a-name-that-is-longer-than-the-line", 9),
                     OTTER_ERR_SYNTAX);
}

static void test_http_head_response_has_no_body(void **state)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    char line[64];
    struct otter_http_config config = {
        OTTER_HTTP_RESPONSE, line, sizeof line, NULL, NULL, true};
    struct otter_http http;

    (void)state;
    otter_http_init(&http, &config);
    assert_int_equal(otter_http_head(&http, text, sizeof text - 1),
                     sizeof text - 1);
    assert_true(otter_http_done(&http));
    assert_int_equal(http.length, 9);
}

static void test_http_connection_lists_are_understood(void **state)
{
    struct transcript t;

    (void)state;
    parse_all(&t, OTTER_HTTP_REQUEST,
              "GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n");
    assert_true(t.http.keep_alive);
    parse_all(&t, OTTER_HTTP_REQUEST,
              "GET / HTTP/1.1\r\nConnection: upgrade ,close\r\n\r\n");
    assert_false(t.http.keep_alive);
    assert_false(otter_http_list_has("closed, clos", "close"));
    assert_false(otter_http_list_has("", "close"));
    assert_false(otter_http_list_has("a,,b", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_request_with_length_gives_body),
        cmocka_unit_test(test_http_request_without_length_has_no_body),
        cmocka_unit_test(test_http_response_without_length_lasts_to_close),
        cmocka_unit_test(test_http_response_304_ignores_its_length),
        cmocka_unit_test(test_http_chunks_are_joined),
        cmocka_unit_test(test_http_ambiguous_messages_are_refused),
        cmocka_unit_test(test_http_bad_responses_are_refused),
        cmocka_unit_test(test_http_limits_are_errors),
        cmocka_unit_test(test_http_long_headers_are_passed_over_when_allowed),
        cmocka_unit_test(test_http_head_response_has_no_body),
        cmocka_unit_test(test_http_connection_lists_are_understood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
