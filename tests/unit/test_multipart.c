/* SPDX-License-Identifier: Apache-2.0
 *
 * The multipart parser: what browsers and curl send, split at every byte. */
#include "codec/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TYPE "multipart/form-data; boundary=XbX"
#define FILE_HEAD                                                             \
    "Content-Disposition: form-data; name=\"firmware\"; "                     \
    "filename=\"f.bin\"\r\n"

struct transcript {
    char text[4096];
    size_t used;
    struct otter_multipart parser;
    int error;
};

static void put(struct transcript *t, const void *bytes, size_t len)
{
    assert_true(t->used + len < sizeof t->text);
    memcpy(t->text + t->used, bytes, len);
    t->used += len;
    t->text[t->used] = '\0';
}

static void put_event(struct transcript *t, enum otter_multipart_event event)
{
    struct otter_multipart *m = &t->parser;
    char line[120];

    switch (event) {
    case OTTER_MULTIPART_PART:
        snprintf(line, sizeof line, "<%s|%s|%d>", m->name, m->filename,
                 m->is_file);
        put(t, line, strlen(line));
        break;
    case OTTER_MULTIPART_DATA:
        put(t, m->data, m->data_len);
        break;
    case OTTER_MULTIPART_PART_END:
        put(t, "</>", 3);
        break;
    case OTTER_MULTIPART_END:
        put(t, ".", 1);
        break;
    default:
        break;
    }
}

static void parse(struct transcript *t, const char *type, const char *body,
                  size_t len, size_t width)
{
    char line[96];
    size_t at = 0;

    memset(t, 0, sizeof *t);
    t->error = otter_multipart_init(&t->parser, type, line, sizeof line);
    while (t->error == 0) {
        size_t n = len - at < width ? len - at : width;
        enum otter_multipart_event event;
        int taken =
            otter_multipart_feed(&t->parser, body + at, (uint32_t)n, &event);

        if (taken < 0) {
            t->error = taken;
            break;
        }
        put_event(t, event);
        at += (size_t)taken;
        if (event == OTTER_MULTIPART_NONE && at == len) {
            break;
        }
    }
}

static void parse_all(struct transcript *t, const char *body)
{
    struct transcript other;
    size_t len = strlen(body);

    parse(t, TYPE, body, len, len);
    for (size_t width = 1; width < len; width++) {
        parse(&other, TYPE, body, len, width);
        assert_int_equal(other.error, t->error);
        if (t->error == 0) {
            assert_string_equal(other.text, t->text);
        }
    }
}

static void test_multipart_file_is_given_as_sent(void **state)
{
    struct transcript t;

    (void)state;
    parse_all(&t, "--XbX\r\n" FILE_HEAD
                  "Content-Type: application/octet-stream\r\n\r\n"
                  "a\r\nb\r\n--Xb\r\n--XbY\r\r\n\r\n--XbX--\r\nepilogue");
    assert_string_equal(t.text,
                        "<firmware|f.bin|1>a\r\nb\r\n--Xb\r\n--XbY\r\r\n</>.");
    assert_true(otter_multipart_done(&t.parser));
}

static void test_multipart_text_fields_and_extra_headers_are_fine(void **state)
{
    struct transcript t;

    (void)state;
    parse_all(&t, "preamble\r\n--XbX \t\r\n"
                  "X-One: 1\r\ncontent-disposition:form-data;name=md5\r\n"
                  "X-Two: 2\r\n\r\nabc\r\n--XbX\r\n"
                  "Content-Type: a/b\r\n"
                  "Content-Disposition: form-data; filename=\"q\\\"x\" ; "
                  "name=\"filesystem\"\r\nX: y\r\n\r\n\r\n--XbX--");
    assert_string_equal(t.text, "<md5||0>abc</><filesystem|q\"x|1></>.");
}

static void test_multipart_almost_boundaries_are_data(void **state)
{
    struct transcript t;

    (void)state;
    parse_all(&t, "--XbX\r\n" FILE_HEAD "\r\n"
                  "\r\n--XbX-q\r\n--XbXq\r\r\n--XbX-\r\n--XbX--");
    assert_string_equal(t.text, "<firmware|f.bin|1>\r\n--XbX-q\r\n--XbXq\r"
                                "\r\n--XbX-</>.");
}

static void test_multipart_data_like_the_first_boundary_is_data(void **state)
{
    struct transcript t;

    (void)state;
    parse_all(&t, "--XbX\r\n" FILE_HEAD "\r\n--XbX--\r\n--XbX--");
    assert_string_equal(t.text, "<firmware|f.bin|1>--XbX--</>.");
}

static void test_multipart_truncated_body_is_not_done(void **state)
{
    struct transcript t;

    (void)state;
    parse_all(&t, "--XbX\r\n" FILE_HEAD "\r\nabc\r\n--Xb");
    assert_string_equal(t.text, "<firmware|f.bin|1>abc");
    assert_false(otter_multipart_done(&t.parser));
}

static void test_multipart_empty_form_ends(void **state)
{
    struct transcript t;

    (void)state;
    parse_all(&t, "--XbX--\r\n");
    assert_string_equal(t.text, ".");
}

static void test_multipart_broken_parts_are_refused(void **state)
{
    static const char *const bad[] = {
        "--XbX\r\nContent-Type: a/b\r\n\r\nabc\r\n--XbX--",
        "--XbX\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--XbX--",
        "--XbX\r\nContent-Disposition: form-data; name=\"a\r\n\r\n",
        "--XbX\r\n" FILE_HEAD FILE_HEAD "\r\n",
        "--XbX\r\nno colon\r\n\r\n",
        "--XbX\r\n: no name\r\n\r\n",
        "--XbX \tq\r\n",
        "--XbX\rq",
    };
    struct transcript t;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        parse_all(&t, bad[i]);
        if (t.error != OTTER_ERR_SYNTAX) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

static void test_multipart_limits_are_errors(void **state)
{
    struct transcript t;
    char body[2048] = "";

    (void)state;
    strcpy(body, "--XbX\r\n");
    for (unsigned i = 0; i <= OTTER_MULTIPART_HEADERS_MAX; i++) {
        strcat(body, "A: b\r\n");
    }
    parse(&t, TYPE, body, strlen(body), 11);
    assert_int_equal(t.error, OTTER_ERR_TOO_LONG);
}

/* The line buffer of these tests has 96 bytes. */
static void test_multipart_long_headers_are_cut(void **state)
{
    static const char letters[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    struct transcript t;
    char body[1024];

    (void)state;
    snprintf(body, sizeof body,
             "--XbX\r\nX-Long: %s%s\r\nContent-Disposition: form-data; "
             "name=\"f\"; filename=\"%s%s.bin\"\r\n\r\nbytes"
             "\r\n--XbX--",
             letters, letters, letters, letters);
    parse_all(&t, body);
    assert_int_equal(t.error, 0);
    assert_string_equal(t.text,
                        "<f|aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa|1>bytes</>.");

    snprintf(body, sizeof body,
             "--XbX\r\nContent-Disposition: form-data; x=\"%s%s\"; "
             "name=\"f\"; filename=\"a\"\r\n\r\n",
             letters, letters);
    parse_all(&t, body);
    assert_int_equal(t.error, OTTER_ERR_SYNTAX);

    snprintf(body, sizeof body,
             "--XbX\r\nContent-Disposition: form-data; name=\"f\"; x=%s; "
             "filename=\"a\"\r\n\r\n",
             letters);
    parse_all(&t, body);
    assert_int_equal(t.error, OTTER_ERR_TOO_LONG);
}

static void expect_type(const char *type, int error, const char *boundary)
{
    struct otter_multipart m;
    char line[8];

    assert_int_equal(otter_multipart_init(&m, type, line, sizeof line), error);
    if (error == 0) {
        assert_string_equal(m.delimiter + 4, boundary);
    }
}

static void test_multipart_content_types(void **state)
{
    (void)state;
    expect_type("multipart/form-data; boundary=abc", 0, "abc");
    expect_type("Multipart/Form-Data;charset=utf-8; Boundary=\"a b;c\" ; x=y",
                0, "a b;c");
    expect_type("multipart/form-data", OTTER_ERR_SYNTAX, "");
    expect_type("multipart/form-data; boundary=", OTTER_ERR_SYNTAX, "");
    expect_type("multipart/form-data; boundary=\"abc", OTTER_ERR_SYNTAX, "");
    expect_type("multipart/mixed; boundary=abc", OTTER_ERR_INVALID, "");
    expect_type("text/plain", OTTER_ERR_INVALID, "");
    expect_type("", OTTER_ERR_INVALID, "");
    expect_type("multipart/form-data; boundary="
                "0123456789012345678901234567890123456789"
                "0123456789012345678901234567890",
                OTTER_ERR_SYNTAX, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multipart_file_is_given_as_sent),
        cmocka_unit_test(
            test_multipart_text_fields_and_extra_headers_are_fine),
        cmocka_unit_test(test_multipart_almost_boundaries_are_data),
        cmocka_unit_test(test_multipart_data_like_the_first_boundary_is_data),
        cmocka_unit_test(test_multipart_truncated_body_is_not_done),
        cmocka_unit_test(test_multipart_empty_form_ends),
        cmocka_unit_test(test_multipart_broken_parts_are_refused),
        cmocka_unit_test(test_multipart_limits_are_errors),
        cmocka_unit_test(test_multipart_long_headers_are_cut),
        cmocka_unit_test(test_multipart_content_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
