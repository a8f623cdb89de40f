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

/* Rest after 10 ms of work when of two cores so much was idle for 1 s. */
static int64_t rest_after(int64_t idle_ms)
{
    struct otterd_spare spare;

    otterd_spare_begin(&spare, 2, 5000, 9000);
    otterd_spare_see(&spare, 6000, 9000 + idle_ms);
    return otterd_spare_rest(&spare, 10 * MS);
}

static void test_busy_machine_gives_a_fiftieth(void **state)
{
    (void)state;
    assert_int_equal(rest_after(0), 490 * MS);
    assert_int_equal(rest_after(600), 490 * MS);
    assert_int_equal(rest_after(-5), 490 * MS); /* a clock that went back */
}

static void test_idle_machine_gives_a_quarter(void **state)
{
    (void)state;
    assert_int_equal(rest_after(2000), 30 * MS);
    assert_int_equal(rest_after(1200), 30 * MS);
    assert_int_equal(rest_after(9999), 30 * MS);
}

static void test_less_rest_the_more_is_idle(void **state)
{
    int64_t last = rest_after(700);

    (void)state;
    for (int64_t idle = 750; idle <= 1150; idle += 50) {
        int64_t rest = rest_after(idle);

        assert_true(rest < last);
        last = rest;
    }
}

static void test_others_get_their_turn(void **state)
{
    struct otterd_spare spare;

    (void)state;
    otterd_spare_begin(&spare, 1, 0, 0);
    otterd_spare_see(&spare, 1000, 1000);
    assert_int_equal(otterd_spare_rest(&spare, 0), OTTERD_REST_MIN_MS * MS);
    assert_int_equal(otterd_spare_rest(&spare, 1), OTTERD_REST_MIN_MS * MS);
}

static void test_busy_until_there_is_enough_to_tell(void **state)
{
    struct otterd_spare spare;

    (void)state;
    otterd_spare_begin(&spare, 1, 1000, 1000);
    assert_int_equal(otterd_spare_rest(&spare, 10 * MS), 490 * MS);
    otterd_spare_see(&spare, 1020, 1020);
    assert_int_equal(otterd_spare_rest(&spare, 10 * MS), 490 * MS);
    otterd_spare_see(&spare, 1220, 1220);
    assert_int_equal(otterd_spare_rest(&spare, 10 * MS), 30 * MS);
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
    assert_true(spare.up_ms > 0);
    spare.up_ms = 0; /* as if the machine had only started */
    spare.idle_ms = 0;
    otterd_spare_see_here(&spare);
    assert_true(spare.up_ms > 0);
    assert_in_range(spare.idle, 0, 1000);
}

/* This process has not worked for long, so all is idle. */
static void test_process_is_alone_where_the_machine_is_hidden(void **state)
{
    struct otterd_spare spare;

    (void)state;
    otterd_spare_begin_here(&spare, "/proc/no-such-file");
    assert_false(spare.sees_all);
    spare.up_ms -= 1000000;
    spare.idle_ms -= 1000000 * (int64_t)spare.cores;
    otterd_spare_see_here(&spare);
    assert_in_range(spare.idle, 990, 1000);
    assert_int_equal(otterd_spare_rest(&spare, 10 * MS), 30 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_busy_machine_gives_a_fiftieth),
        cmocka_unit_test(test_idle_machine_gives_a_quarter),
        cmocka_unit_test(test_less_rest_the_more_is_idle),
        cmocka_unit_test(test_others_get_their_turn),
        cmocka_unit_test(test_busy_until_there_is_enough_to_tell),
        cmocka_unit_test(test_uptime_is_read),
        cmocka_unit_test(test_this_machine_is_read),
        cmocka_unit_test(test_process_is_alone_where_the_machine_is_hidden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
