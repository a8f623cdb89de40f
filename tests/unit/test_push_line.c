/* SPDX-License-Identifier: Apache-2.0
 *
 * What a line of progress says: bytes, rate, remaining time, and a bar that
 * fits its terminal and never claims to be complete. */
#include "host/push_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct otter_push_job job = {.size = 409600, .limits = {.tries = 5}};

static struct otter_push_target sending(uint32_t done)
{
    return (struct otter_push_target){
        .name = "kitchen",
        .phase = OTTER_PUSH_RUNNING,
        .session = {.job = &job,
                    .state = OTTER_PUSH_SESSION_SENDING,
                    .done = done,
                    .sending_at_ms = 1000},
    };
}

static void test_push_line_has_bytes_rate_and_time(void **state)
{
    struct otter_push_target target = sending(102400);
    char text[OTTER_PUSH_LINE_SIZE];

    (void)state;
    otter_push_line_format(text, 79, &target, 3000);
    assert_string_equal(text, "kitchen  [====>           ]  25%  100.0 KiB "
                              "of 400.0 KiB  50.0 KiB/s  0:06 left");
    assert_int_equal(strlen(text), 79);
}

static void test_push_line_fits_every_width(void **state)
{
    struct otter_push_target target = sending(409600);
    char text[OTTER_PUSH_LINE_SIZE];

    (void)state;
    for (unsigned width = 1; width < 200; width++) {
        otter_push_line_format(text, width, &target, 3000);
        assert_true(strlen(text) <= width);
    }
}

static void test_push_line_without_width_has_no_bar(void **state)
{
    struct otter_push_target target = sending(204800);
    char text[OTTER_PUSH_LINE_SIZE];

    (void)state;
    otter_push_line_format(text, 0, &target, 3000);
    assert_string_equal(text, "kitchen   50%  200.0 KiB of 400.0 KiB  "
                              "100.0 KiB/s  0:02 left");
}

static void test_push_line_is_never_complete(void **state)
{
    struct otter_push_target target = sending(409600);
    char text[OTTER_PUSH_LINE_SIZE];

    (void)state;
    otter_push_line_format(text, 120, &target, 3000);
    assert_non_null(strstr(text, " 99%"));
    assert_null(strstr(text, "100%"));
}

static void test_push_line_before_the_first_byte(void **state)
{
    struct otter_push_target target = sending(0);
    char text[OTTER_PUSH_LINE_SIZE];

    (void)state;
    otter_push_line_format(text, 120, &target, 1000);
    assert_non_null(strstr(text, "  0%  0 B of 400.0 KiB  0 B/s  --:-- left"));
}

static void test_push_line_names_the_state(void **state)
{
    struct otter_push_target target = sending(0);
    char text[OTTER_PUSH_LINE_SIZE];

    (void)state;
    target.session.state = OTTER_PUSH_SESSION_INVITING;
    target.session.round_tries = 2;
    otter_push_line_format(text, 79, &target, 1000);
    assert_string_equal(text, "kitchen  inviting, try 2 of 5");
    otter_push_line_format(text, 10, &target, 1000);
    assert_string_equal(text, "kitchen  i");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push_line_has_bytes_rate_and_time),
        cmocka_unit_test(test_push_line_fits_every_width),
        cmocka_unit_test(test_push_line_without_width_has_no_bar),
        cmocka_unit_test(test_push_line_is_never_complete),
        cmocka_unit_test(test_push_line_before_the_first_byte),
        cmocka_unit_test(test_push_line_names_the_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
