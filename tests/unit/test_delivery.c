/* SPDX-License-Identifier: Apache-2.0
 *
 * What a server concludes about a release at a device from what it sees. */
#include "server/delivery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ALL                                                                   \
    (OTTERD_COUNT_OFFERED | OTTERD_COUNT_DOWNLOADED | OTTERD_COUNT_INSTALLED)

static struct otterd_delivery downloaded(void)
{
    struct otterd_delivery d = {.release = 0};

    assert_int_equal(otterd_delivery_offer(&d, 7, "2", 0),
                     OTTERD_EVENT_OFFERED);
    assert_int_equal(d.counted, OTTERD_COUNT_OFFERED);
    assert_int_equal(otterd_delivery_done(&d, 7), OTTERD_EVENT_DOWNLOADED);
    assert_int_equal(d.counted,
                     OTTERD_COUNT_OFFERED | OTTERD_COUNT_DOWNLOADED);
    return d;
}

static void test_delivery_without_status_is_installed(void **state)
{
    struct otterd_delivery d = downloaded();

    (void)state;
    assert_int_equal(otterd_delivery_ask(&d, "2", ""), OTTERD_EVENT_INSTALLED);
    assert_int_equal(d.counted, ALL);
    assert_int_equal(otterd_delivery_ask(&d, "2", ""), OTTERD_EVENT_NONE);
}

static void test_delivery_on_trial_is_confirmed(void **state)
{
    struct otterd_delivery d = downloaded();

    (void)state;
    assert_int_equal(otterd_delivery_ask(&d, "2", "trial"),
                     OTTERD_EVENT_TRIAL);
    assert_int_equal(d.counted & OTTERD_COUNT_INSTALLED, 0);
    assert_int_equal(otterd_delivery_ask(&d, "2", "trial"), OTTERD_EVENT_NONE);
    assert_int_equal(otterd_delivery_ask(&d, "2", "confirmed"),
                     OTTERD_EVENT_CONFIRMED);
    assert_int_equal(d.counted, ALL);
}

static void test_delivery_reverted_fails_and_may_succeed_later(void **state)
{
    struct otterd_delivery d = downloaded();

    (void)state;
    assert_int_equal(otterd_delivery_ask(&d, "2", "trial"),
                     OTTERD_EVENT_TRIAL);
    assert_int_equal(otterd_delivery_ask(&d, "1", "reverted"),
                     OTTERD_EVENT_REVERTED);
    assert_true(d.counted & OTTERD_COUNT_FAILED);
    /* It is offered again, and it is not another device. */
    assert_int_equal(otterd_delivery_offer(&d, 7, "2", 0), OTTERD_EVENT_NONE);
    assert_int_equal(otterd_delivery_ask(&d, "1", "reverted"),
                     OTTERD_EVENT_NONE);
    assert_int_equal(otterd_delivery_done(&d, 7), OTTERD_EVENT_DOWNLOADED);
    assert_int_equal(otterd_delivery_ask(&d, "2", "confirmed"),
                     OTTERD_EVENT_CONFIRMED);
    assert_int_equal(d.counted, ALL);
}

static void test_delivery_with_another_version_after_it_failed(void **state)
{
    struct otterd_delivery d = downloaded();

    (void)state;
    assert_int_equal(otterd_delivery_ask(&d, "1", ""), OTTERD_EVENT_FAILED);
    assert_true(d.counted & OTTERD_COUNT_FAILED);
    assert_int_equal(otterd_delivery_ask(&d, "1", ""), OTTERD_EVENT_NONE);
}

static void test_delivery_that_is_only_offered_waits(void **state)
{
    struct otterd_delivery d = {.release = 0};

    (void)state;
    assert_int_equal(otterd_delivery_ask(&d, "1", ""), OTTERD_EVENT_NONE);
    assert_int_equal(otterd_delivery_done(&d, 7), OTTERD_EVENT_NONE);
    assert_int_equal(otterd_delivery_offer(&d, 7, "2", 0),
                     OTTERD_EVENT_OFFERED);
    assert_int_equal(otterd_delivery_ask(&d, "1", "reverted"),
                     OTTERD_EVENT_NONE);
    assert_int_equal(otterd_delivery_offer(&d, 7, "2", 0), OTTERD_EVENT_NONE);
    /* The end of the download was not seen, but there it is. */
    assert_int_equal(otterd_delivery_ask(&d, "2", ""), OTTERD_EVENT_INSTALLED);
    assert_int_equal(d.counted, ALL);
}

static void test_delivery_of_another_release_begins_anew(void **state)
{
    struct otterd_delivery d = downloaded();

    (void)state;
    assert_int_equal(otterd_delivery_offer(&d, 8, "3", 0),
                     OTTERD_EVENT_OFFERED);
    assert_int_equal(d.counted, OTTERD_COUNT_OFFERED);
    assert_int_equal(otterd_delivery_done(&d, 7), OTTERD_EVENT_NONE);
    assert_int_equal(otterd_delivery_ask(&d, "2", ""), OTTERD_EVENT_NONE);
    assert_int_equal(otterd_delivery_done(&d, 8), OTTERD_EVENT_DOWNLOADED);
    assert_int_equal(otterd_delivery_ask(&d, "3", ""), OTTERD_EVENT_INSTALLED);
    /* Somebody flashed the old one: it is offered once more. */
    assert_int_equal(otterd_delivery_ask(&d, "1", ""), OTTERD_EVENT_NONE);
    assert_int_equal(otterd_delivery_offer(&d, 8, "3", 0),
                     OTTERD_EVENT_OFFERED);
    assert_int_equal(d.counted, ALL);
}

static void test_delivery_that_comes_back_is_no_other_device(void **state)
{
    struct otterd_delivery d = downloaded();
    unsigned counted = d.counted;

    (void)state;
    assert_int_equal(otterd_delivery_offer(&d, 8, "3", 0),
                     OTTERD_EVENT_OFFERED);
    assert_int_equal(otterd_delivery_offer(&d, 7, "2", counted),
                     OTTERD_EVENT_OFFERED);
    assert_int_equal(d.state, OTTERD_DELIVERY_OFFERED);
    assert_int_equal(d.counted, counted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delivery_without_status_is_installed),
        cmocka_unit_test(test_delivery_on_trial_is_confirmed),
        cmocka_unit_test(test_delivery_reverted_fails_and_may_succeed_later),
        cmocka_unit_test(test_delivery_with_another_version_after_it_failed),
        cmocka_unit_test(test_delivery_that_is_only_offered_waits),
        cmocka_unit_test(test_delivery_of_another_release_begins_anew),
        cmocka_unit_test(test_delivery_that_comes_back_is_no_other_device),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
