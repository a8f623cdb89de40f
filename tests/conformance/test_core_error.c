/* SPDX-License-Identifier: Apache-2.0
 *
 * The core's error numbers and texts: the tables of protocol 2.1, 1.5 and
 * 5.3, row by row. */
#include "format/core_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define E "0123456789abcdef0123456789abcdef"
#define C "fedcba9876543210fedcba9876543210"

/* Printed forms, typed from protocol 1.7 and 2.1; real flash 1 MiB,
 * configured 4 MiB. */
static const struct {
    int error;
    const char *printed;
} update_rows[] = {
    {OTTER_OK, "ERROR[0]: No Error\n"},
    {OTTER_ERR_FLASH_PROGRAM, "ERROR[1]: Flash Write Failed\n"},
    {OTTER_ERR_FLASH_ERASE, "ERROR[2]: Flash Erase Failed\n"},
    {OTTER_ERR_FLASH_READ, "ERROR[3]: Flash Read Failed\n"},
    {OTTER_ERR_SPACE, "ERROR[4]: Not Enough Space\n"},
    {OTTER_ERR_SIZE, "ERROR[5]: Bad Size Given\n"},
    {OTTER_ERR_TIMEOUT, "ERROR[6]: Stream Read Timeout\n"},
    {OTTER_ERR_DIGEST, "ERROR[7]: MD5 verification failed: expected: " E
                       ", calculated: " C "\n"},
    {OTTER_ERR_FLASH_CONFIG,
     "ERROR[8]: Flash config wrong: real: 1048576, SDK: 4194304\n"},
    {OTTER_ERR_NEW_FLASH_CONFIG,
     "ERROR[9]: new Flash config wrong, real size: 1048576\n"},
    {OTTER_ERR_MAGIC, "ERROR[10]: Magic byte is not 0xE9\n"},
    {OTTER_ERR_BOOTSTRAP, "ERROR[11]: Invalid bootstrapping state, reset "
                          "ESP8266 before updating\n"},
    {OTTER_ERR_SIGNATURE, "ERROR[12]: Signature verification failed\n"},
    {OTTER_ERR_NO_DATA, "ERROR[13]: No data supplied\n"},
    {OTTER_ERR_NO_MEMORY, "ERROR[14]: Out of memory\n"},
    {OTTER_ERR_BUSY, "ERROR[15]: Update already running\n"},
    {OTTER_ERR_KIND, "ERROR[16]: Unknown update command\n"},
    /* Ours, where the core has none. */
    {OTTER_ERR_BOARD, "ERROR[140]: the image is for another board\n"},
    {OTTER_ERR_DECLINED, "ERROR[108]: the application declined the update\n"},
    {-9999, "ERROR[100]: unknown error\n"},
    {12345, "ERROR[100]: unknown error\n"},
};

static const struct otter_error_detail values = {
    .real_size = 1048576,
    .configured_size = 4194304,
    .expected = E,
    .calculated = C,
};

static void test_core_error_update_rows_print_as_specified(void **state)
{
    char out[OTTER_CORE_ERROR_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof update_rows / sizeof update_rows[0]; i++) {
        struct otter_error_detail detail = values;

        detail.error = update_rows[i].error;
        assert_int_equal(otter_core_update_print(&detail, out, sizeof out),
                         strlen(update_rows[i].printed));
        assert_string_equal(out, update_rows[i].printed);
    }
}

/* 2.1's words name two MD5s; without them the digest was another one. */
static void test_core_error_other_digests_have_own_words(void **state)
{
    struct otter_error_detail detail = {.error = OTTER_ERR_DIGEST};
    char out[OTTER_CORE_ERROR_TEXT_MAX];

    (void)state;
    otter_core_update_print(&detail, out, sizeof out);
    assert_string_equal(out, "ERROR[133]: the digest does not match\n");
    otter_core_http_print(7, &detail, out, sizeof out);
    assert_string_equal(out,
                        "Update error: ERROR[133]: the digest does not match");
}

static const int all_errors[] = {
#define NUMBER(symbol, number, text) (number),
    OTTER_ERRORS(NUMBER)
#undef NUMBER
};

#define ERRORS (sizeof all_errors / sizeof all_errors[0])

/* No two causes share a number on the wire, except the two that are the
 * core's one "Stream Read Timeout". */
static void test_core_error_update_numbers_tell_causes_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < ERRORS; i++) {
        int number = otter_core_update_from_error(all_errors[i]);

        assert_true((number > 0 && number <= 16) || number > 100);
        for (size_t j = 0; j < i; j++) {
            if (all_errors[i] == OTTER_ERR_STREAM &&
                all_errors[j] == OTTER_ERR_TIMEOUT) {
                continue;
            }
            assert_int_not_equal(number,
                                 otter_core_update_from_error(all_errors[j]));
        }
    }
}

static void test_core_error_update_every_text_fits_with_line_end(void **state)
{
    char out[OTTER_CORE_ERROR_TEXT_MAX];
    uint32_t number;

    (void)state;
    for (size_t i = 0; i < ERRORS; i++) {
        struct otter_error_detail detail = values;
        uint32_t len;

        detail.error = all_errors[i];
        detail.real_size = UINT32_MAX;
        detail.configured_size = UINT32_MAX;
        len = otter_core_update_print(&detail, out, sizeof out);
        assert_true(len < sizeof out - 1);
        assert_int_equal(out[len - 1], '\n');
        assert_int_equal(otter_core_update_number(out, &number), 0);
        assert_int_equal(number, otter_core_update_from_error(all_errors[i]));
        len =
            otter_core_http_print(otter_core_update_from_error(all_errors[i]),
                                  &detail, out, sizeof out);
        assert_true(len < sizeof out - 1);
    }
}

static void test_core_error_update_small_buffer_is_not_overrun(void **state)
{
    struct otter_error_detail detail = values;
    char out[20];

    (void)state;
    detail.error = OTTER_ERR_DIGEST;
    for (uint32_t size = 1; size < sizeof out; size++) {
        memset(out, '#', sizeof out);
        assert_int_equal(otter_core_update_print(&detail, out, size),
                         size - 1);
        assert_int_equal(out[size - 1], '\0');
        assert_int_equal(out[size], '#');
    }
}

static void test_core_error_update_unknown_number_is_unknown(void **state)
{
    (void)state;
    assert_string_equal(otter_core_update_text(17), "UNKNOWN");
    assert_string_equal(otter_core_update_text(-1), "UNKNOWN");
    assert_string_equal(otter_core_update_text(16), "Unknown update command");
}

static void test_core_error_number_is_read_from_its_form_only(void **state)
{
    static const char *const bad[] = {"",
                                      "ERROR",
                                      "ERROR[",
                                      "ERROR[]: x",
                                      "error[7]: x",
                                      "ERROR[7: x",
                                      "ERROR[-7]",
                                      "ERROR[1234567890]",
                                      " ERROR[7]",
                                      "ERROR7"};
    uint32_t number = 77;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(otter_core_update_number(bad[i], &number),
                         OTTER_ERR_SYNTAX);
    }
    assert_int_equal(number, 77);
    assert_int_equal(otter_core_update_number("ERROR[15]: x", &number), 0);
    assert_int_equal(number, 15);
}

static void test_core_error_push_texts_match_the_example_sketch(void **state)
{
    static const char *const texts[] = {"Auth Failed", "Begin Failed",
                                        "Connect Failed", "Receive Failed",
                                        "End Failed"};

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_string_equal(otter_push_error_text(i), texts[i]);
    }
    assert_int_equal(OTTER_PUSH_ERROR_ERASE_SETTINGS, 5);
    assert_string_equal(otter_push_error_text(6), "Unknown Error");
    assert_string_equal(otter_push_error_text(-1), "Unknown Error");
}

static const struct {
    int number;
    const char *printed;
} http_rows[] = {
    {0, ""},
    {-1, "HTTP error: connection failed"},
    {-2, "HTTP error: send header failed"},
    {-3, "HTTP error: send payload failed"},
    {-4, "HTTP error: not connected"},
    {-5, "HTTP error: connection lost"},
    {-6, "HTTP error: no stream"},
    {-7, "HTTP error: no HTTP server"},
    {-8, "HTTP error: not enough ram"},
    {-9, "HTTP error: Transfer-Encoding not supported"},
    {-10, "HTTP error: Stream write error"},
    {-11, "HTTP error: read Timeout"},
    {-12, "HTTP error: "},
    {-99, "HTTP error: "},
    {-100, "Not Enough space"},
    {-101, "Server Did Not Report Size"},
    {-102, "File Not Found (404)"},
    {-103, "Forbidden (403)"},
    {-104, "Wrong HTTP Code"},
    {-105, "Wrong MD5"},
    {-106, "Verify Bin Header Failed"},
    {-107, "New Binary Does Not Fit Flash Size"},
    {-108, "Unauthorized (401)"},
    {-109, ""},
};

static void test_core_error_http_rows_print_as_specified(void **state)
{
    struct otter_error_detail detail = values;
    char out[OTTER_CORE_ERROR_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof http_rows / sizeof http_rows[0]; i++) {
        otter_core_http_print(http_rows[i].number, NULL, out, sizeof out);
        assert_string_equal(out, http_rows[i].printed);
    }
    detail.error = OTTER_ERR_MAGIC;
    otter_core_http_print(10, &detail, out, sizeof out);
    assert_string_equal(out,
                        "Update error: ERROR[10]: Magic byte is not 0xE9");
}

static void test_core_error_http_numbers_for_our_errors(void **state)
{
    (void)state;
    assert_int_equal(otter_core_http_from_error(OTTER_ERR_CONNECT), -1);
    assert_int_equal(otter_core_http_from_error(OTTER_ERR_LOOKUP), -1);
    assert_int_equal(otter_core_http_from_error(OTTER_ERR_CLOSED), -5);
    assert_int_equal(otter_core_http_from_error(OTTER_ERR_SPACE), -100);
    assert_int_equal(otter_core_http_from_error(OTTER_ERR_SIZE), -101);
    assert_int_equal(otter_core_http_from_error(OTTER_ERR_MAGIC), -106);
    assert_int_equal(otter_core_http_from_error(OTTER_ERR_NEW_FLASH_CONFIG),
                     -107);
    assert_int_equal(otter_core_http_from_error(OTTER_ERR_AUTH), -108);
    assert_int_equal(otter_core_http_from_error(OTTER_ERR_DIGEST), 7);
    assert_int_equal(otter_core_http_from_error(OTTER_ERR_STREAM), 6);
    assert_int_equal(otter_core_http_from_error(OTTER_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_error_update_rows_print_as_specified),
        cmocka_unit_test(test_core_error_other_digests_have_own_words),
        cmocka_unit_test(test_core_error_update_numbers_tell_causes_apart),
        cmocka_unit_test(test_core_error_update_every_text_fits_with_line_end),
        cmocka_unit_test(test_core_error_update_small_buffer_is_not_overrun),
        cmocka_unit_test(test_core_error_update_unknown_number_is_unknown),
        cmocka_unit_test(test_core_error_number_is_read_from_its_form_only),
        cmocka_unit_test(test_core_error_push_texts_match_the_example_sketch),
        cmocka_unit_test(test_core_error_http_rows_print_as_specified),
        cmocka_unit_test(test_core_error_http_numbers_for_our_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
