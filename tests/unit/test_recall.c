/* SPDX-License-Identifier: Apache-2.0
 *
 * What is remembered of requests counts as long as what it was decided from
 * stays as it was, and not a moment longer. */
#include "server/http/recall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MAC   0x18FEAABBCCDDull
#define OTHER (MAC + 1)
#define FAR   (MAC + 65536) /* of the same lot */

static const struct otterd_recall_key key = {{7, 8}};

static const struct otterd_recalled current = {.verdict = OTTERD_CURRENT};

static int setup(void **state)
{
    struct otterd_recall *recall;

    assert_int_equal(otterd_recall_start(&recall, 2, 3600000), 0);
    *state = recall;
    return 0;
}

static int setup_brief(void **state)
{
    struct otterd_recall *recall;

    assert_int_equal(otterd_recall_start(&recall, 2, 20), 0);
    *state = recall;
    return 0;
}

static int teardown(void **state)
{
    otterd_recall_stop(*state);
    return 0;
}

/* A request that is decided at this age of the database. */
static void decide(struct otterd_recall *recall,
                   const struct otterd_recall_key *of, int64_t audit,
                   enum otterd_verdict verdict)
{
    struct otterd_recall_moment moment = otterd_recall_moment(recall);
    const struct otterd_recalled told = {
        .verdict = verdict,
        .dialect = OTTERD_DIALECT_CURRENT,
        .release = {.id = 12, .version = "2.0", .size = 4096}};

    otterd_recall_saw(recall, &moment, audit);
    otterd_recall_keep(recall, of, &moment, audit, MAC, &told);
}

static void assert_found(struct otterd_recall *recall,
                         const struct otterd_recall_key *of,
                         enum otterd_verdict wanted)
{
    struct otterd_recalled told;

    memset(&told, 0, sizeof told);
    assert_true(otterd_recall_find(recall, of, &told));
    assert_int_equal(told.verdict, wanted);
    assert_int_equal(told.dialect, OTTERD_DIALECT_CURRENT);
    if (wanted == OTTERD_OFFER) {
        assert_int_equal(told.release.id, 12);
        assert_string_equal(told.release.version, "2.0");
        assert_int_equal(told.release.size, 4096);
    }
}

static void assert_not_found(struct otterd_recall *recall,
                             const struct otterd_recall_key *of)
{
    struct otterd_recalled told;

    assert_false(otterd_recall_find(recall, of, &told));
}

static void test_what_was_said_is_found_again(void **state)
{
    const struct otterd_recall_key half = {{7, 9}};
    const struct otterd_recall_key half_too = {{6, 8}};

    assert_not_found(*state, &key);
    decide(*state, &key, 3, OTTERD_CURRENT);
    assert_found(*state, &key, OTTERD_CURRENT);
    assert_found(*state, &key, OTTERD_CURRENT);
    assert_not_found(*state, &half);
    assert_not_found(*state, &half_too);
    decide(*state, &key, 3, OTTERD_HELD);
    assert_found(*state, &key, OTTERD_HELD);
}

/* As it is in the audit log's age at which it was made. */
static void test_offer_comes_with_its_release(void **state)
{
    const struct otterd_recall_key of_old = {{9, 9}};

    decide(*state, &of_old, 3, OTTERD_OFFER);
    assert_found(*state, &of_old, OTTERD_OFFER);
    decide(*state, &key, 4, OTTERD_OFFER);
    assert_found(*state, &key, OTTERD_OFFER);
    assert_not_found(*state, &of_old);
}

static void test_newer_takes_the_place_of_older(void **state)
{
    const struct otterd_recall_key rival = {{7 + ((uint64_t)1 << 40), 8}};

    decide(*state, &key, 3, OTTERD_CURRENT);
    decide(*state, &rival, 3, OTTERD_HELD);
    assert_found(*state, &rival, OTTERD_HELD);
    assert_not_found(*state, &key);
}

static void test_change_by_others_ends_it(void **state)
{
    struct otterd_recall_moment moment;

    decide(*state, &key, 3, OTTERD_CURRENT);
    moment = otterd_recall_moment(*state);
    otterd_recall_saw(*state, &moment, 4);
    assert_not_found(*state, &key);
    decide(*state, &key, 4, OTTERD_HELD);
    assert_found(*state, &key, OTTERD_HELD);
}

/* It was decided before the change and kept after it. */
static void test_late_decision_does_not_count(void **state)
{
    struct otterd_recall_moment early = otterd_recall_moment(*state);
    struct otterd_recall_moment moment = otterd_recall_moment(*state);

    otterd_recall_saw(*state, &moment, 4);
    otterd_recall_saw(*state, &early, 3);
    otterd_recall_keep(*state, &key, &early, 3, MAC, &current);
    assert_not_found(*state, &key);
}

static void test_doubt_ends_it_until_somebody_looks(void **state)
{
    struct otterd_recall_moment early;

    decide(*state, &key, 3, OTTERD_CURRENT);
    early = otterd_recall_moment(*state);
    otterd_recall_doubt(*state);
    assert_not_found(*state, &key);
    otterd_recall_saw(*state, &early, 3); /* before the doubt */
    assert_not_found(*state, &key);
    early = otterd_recall_moment(*state);
    otterd_recall_saw(*state, &early, 3);
    assert_found(*state, &key, OTTERD_CURRENT);
}

static void test_move_of_the_device_ends_it(void **state)
{
    struct otterd_recall_moment early;

    decide(*state, &key, 3, OTTERD_CURRENT);
    otterd_recall_moved(*state, OTHER);
    assert_found(*state, &key, OTTERD_CURRENT);
    otterd_recall_moved(*state, MAC);
    assert_not_found(*state, &key);
    early = otterd_recall_moment(*state);
    otterd_recall_moved(*state, MAC);
    otterd_recall_keep(*state, &key, &early, 3, MAC, &current);
    assert_not_found(*state, &key);
    decide(*state, &key, 3, OTTERD_CURRENT);
    assert_found(*state, &key, OTTERD_CURRENT);
    otterd_recall_moved(*state, FAR);
    assert_not_found(*state, &key);
}

/* It ends by itself; the test's own time limit is the only one here. */
static void test_nothing_is_believed_for_long(void **state)
{
    struct otterd_recalled told;

    decide(*state, &key, 3, OTTERD_CURRENT);
    while (otterd_recall_find(*state, &key, &told)) {
    }
    assert_not_found(*state, &key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_said_is_found_again,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_offer_comes_with_its_release,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_newer_takes_the_place_of_older,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_change_by_others_ends_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_late_decision_does_not_count,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_doubt_ends_it_until_somebody_looks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_move_of_the_device_ends_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_believed_for_long,
                                        setup_brief, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
