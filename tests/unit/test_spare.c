/* SPDX-License-Identifier: Apache-2.0
 *
 * How much of a machine the account of sightings takes. */
#include "server/http/spare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MS ((int64_t)1000000)

#define BEGIN                                                                 \
    {                                                                         \
        .up_ms = 5000, .idle_ms = 9000, .own_ms = 70                          \
    }

/* Rest after `worked` when in 1 s of two cores so much was idle, and so much
 * this process's. */
static int64_t rest_after(int64_t worked, int64_t idle_ms, int64_t own_ms)
{
    const struct otterd_use begin = BEGIN;
    const struct otterd_use now = {.up_ms = begin.up_ms + 1000,
                                   .idle_ms = begin.idle_ms + idle_ms,
                                   .own_ms = begin.own_ms + own_ms};
    struct otterd_spare spare;

    otterd_spare_begin(&spare, 2, &begin);
    otterd_spare_see(&spare, &now);
    return otterd_spare_rest(&spare, worked);
}

static void test_busy_answering_gives_a_two_hundredth(void **state)
{
    (void)state;
    assert_int_equal(rest_after(10 * MS, 0, 2000), 1990 * MS);
    assert_int_equal(rest_after(10 * MS, 600, 500), 1990 * MS);
    assert_int_equal(rest_after(10 * MS, -5, 9000),
                     1990 * MS); /* odd clocks */
}

static void test_idle_machine_gives_a_quarter(void **state)
{
    (void)state;
    assert_int_equal(rest_after(10 * MS, 2000, 0), 30 * MS);
    assert_int_equal(rest_after(10 * MS, 1200, 800), 30 * MS);
    assert_int_equal(rest_after(10 * MS, 9999, 0), 30 * MS);
}

/* Others have their own share by the kernel. */
static void test_others_work_costs_no_account(void **state)
{
    (void)state;
    assert_int_equal(rest_after(10 * MS, 0, 0), 30 * MS);
    assert_int_equal(rest_after(10 * MS, 0, 499), 30 * MS);
}

static void test_less_rest_the_more_is_idle(void **state)
{
    int64_t last = rest_after(10 * MS, 650, 600);

    (void)state;
    for (int64_t idle = 700; idle <= 1150; idle += 50) {
        int64_t rest = rest_after(10 * MS, idle, 600);

        assert_true(rest < last);
        last = rest;
    }
}

static void test_rest_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(rest_after(0, 2000, 0), OTTERD_REST_MIN_MS * MS);
    assert_int_equal(rest_after(1, 0, 2000), OTTERD_REST_MIN_MS * MS);
    assert_int_equal(rest_after(60 * MS, 0, 2000), OTTERD_REST_MAX_MS * MS);
}

static void test_short_spans_count_to_the_next(void **state)
{
    const struct otterd_use begin = BEGIN;
    struct otterd_use now = begin;
    struct otterd_spare spare;

    (void)state;
    otterd_spare_begin(&spare, 1, &begin);
    now.up_ms += 150;
    now.own_ms += 150;
    otterd_spare_see(&spare, &now);
    assert_int_equal(otterd_spare_rest(&spare, 10 * MS), 30 * MS);
    now.up_ms += 150;
    otterd_spare_see(&spare, &now); /* 300 ms, 150 of them its own */
    assert_int_equal(otterd_spare_rest(&spare, 10 * MS), 1990 * MS);
}

static void test_uptime_is_read(void **state)
{
    static const char *const bad[] = {"",        "x",    "1",
                                      "1.5 2.5", "1.50", "-1.00 2.00",
                                      "1.50 x",  "1 2",  "1.00 2"};
    int64_t up = 0;
    int64_t idle = 0;

    (void)state;
    assert_true(otterd_uptime_read("27654.10 24318.84\n", &up, &idle));
    assert_int_equal(up, 27654100);
    assert_int_equal(idle, 24318840);
    assert_true(otterd_uptime_read("0.05 0.00\n", &up, &idle));
    assert_int_equal(up, 50);
    assert_int_equal(idle, 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(otterd_uptime_read(bad[i], &up, &idle));
    }
}

static void test_this_machine_is_read(void **state)
{
    struct otterd_spare spare;

    (void)state;
    otterd_spare_begin_here(&spare, OTTERD_UPTIME);
    assert_true(spare.sees_all);
    assert_true(spare.use.up_ms > 0);
    spare.use.up_ms = spare.use.idle_ms = 0; /* as if it had just started */
    otterd_spare_see_here(&spare);
    assert_true(spare.use.up_ms > 0);
    assert_in_range(spare.idle, 0, 1000);
}

/* This process has not worked for long, so all is idle. */
static void test_process_is_alone_where_the_machine_is_hidden(void **state)
{
    struct otterd_spare spare;

    (void)state;
    otterd_spare_begin_here(&spare, "/proc/no-such-file");
    assert_false(spare.sees_all);
    spare.use.up_ms -= 1000000;
    spare.use.idle_ms -= 1000000 * (int64_t)spare.cores;
    otterd_spare_see_here(&spare);
    assert_in_range(spare.idle, 990, 1000);
    assert_in_range(spare.own, 0, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_busy_answering_gives_a_two_hundredth),
        cmocka_unit_test(test_idle_machine_gives_a_quarter),
        cmocka_unit_test(test_others_work_costs_no_account),
        cmocka_unit_test(test_less_rest_the_more_is_idle),
        cmocka_unit_test(test_rest_is_bounded),
        cmocka_unit_test(test_short_spans_count_to_the_next),
        cmocka_unit_test(test_uptime_is_read),
        cmocka_unit_test(test_this_machine_is_read),
        cmocka_unit_test(test_process_is_alone_where_the_machine_is_hidden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
