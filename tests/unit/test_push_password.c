/* SPDX-License-Identifier: Apache-2.0
 *
 * Passwords of a push device: challenge, answer, and the wait that follows
 * wrong answers. */
#include "tests/support/push_rig.h"
#include "tests/support/sim_board.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define INVITE     "0 48231 5000 0123456789abcdef0123456789abcdef\n"
#define THIEF      "192.168.1.66"
#define THIEF_PORT 50066

static int setup(void **state)
{
    struct push_rig *rig;

    push_rig_setup(state);
    rig = *state;
    rig->config.allow_unauthenticated = false;
    rig->config.password = PUSH_RIG_PASSWORD;
    return 0;
}

/* The device asks for a password; the nonce is the first of the script. */
static void challenged(struct push_rig *rig)
{
    push_rig_open(rig);
    push_rig_say(rig, INVITE);
    push_rig_hears("AUTH " PUSH_RIG_NONCE);
}

static void accepted(struct push_rig *rig)
{
    push_rig_run(rig, 1);
    push_rig_hears("OK");
    push_rig_logged(rig, "start(0,5000)");
}

/* --- Challenge and answer ----------------------------------------------- */

/* Protocol 1.4, test vector. */
static void test_push_password_right_answer_starts_the_update(void **state)
{
    struct push_rig *rig = *state;

    challenged(rig);
    assert_true(otter_push_auth_required(&rig->push));
    push_rig_say(rig, PUSH_RIG_ANSWER);
    push_rig_hears_nothing(); /* nothing until the next poll */
    accepted(rig);
}

static void test_push_password_password_hash_is_used_as_it_is(void **state)
{
    struct push_rig *rig = *state;

    rig->config.password = NULL;
    rig->config.password_hash = PUSH_RIG_HASH;
    challenged(rig);
    push_rig_say(rig, PUSH_RIG_ANSWER);
    accepted(rig);
}

/* platformio/platform-espressif8266 #159: the trap of setPasswordHash. */
static void test_push_password_uppercase_hash_does_not_match(void **state)
{
    struct push_rig *rig = *state;

    rig->config.password = NULL;
    rig->config.password_hash = "202CB962AC59075B964B07152D234B70";
    challenged(rig);
    push_rig_say(rig, PUSH_RIG_ANSWER);
    push_rig_hears("Authentication Failed");
}

/* Protocol 1.9: the empty password is a password.  response =
 * md5("d41d8cd98f00b204e9800998ecf8427e:" nonce ":" cnonce) */
static void test_push_password_empty_password_is_asked_for(void **state)
{
    struct push_rig *rig = *state;

    rig->config.password = "";
    challenged(rig);
    push_rig_say(rig,
                 "200 " PUSH_RIG_CNONCE " EMPTYRESPONSEEMPTYRESPONSEEMPTYR\n");
    push_rig_hears("Authentication Failed");
    otter_push_close(&rig->push);
    otter_sim_board.random_script -= 16;
    otter_sim_board.random_script_len = 16;
    rig->log[0] = '\0';
    challenged(rig);
    push_rig_say(rig,
                 "200 " PUSH_RIG_CNONCE " 7d8570a96810450fcb203a31eab0edb5\n");
    accepted(rig);
}

static void test_push_password_wrong_answer_is_refused(void **state)
{
    struct push_rig *rig = *state;

    challenged(rig);
    push_rig_say(rig, PUSH_RIG_WRONG);
    push_rig_hears("Authentication Failed");
    push_rig_logged(rig, "error(0)");
    assert_int_equal(otter_push_reason(&rig->push), OTTER_ERR_AUTH);
    push_rig_run(rig, 200);
    assert_int_equal(rig->stream.begins, 0);
}

/* Each nonce is for one answer. */
static void test_push_password_nonce_is_used_once(void **state)
{
    struct push_rig *rig = *state;
    struct fake_datagram datagram;

    challenged(rig);
    push_rig_say(rig, PUSH_RIG_WRONG);
    push_rig_hears("Authentication Failed");
    push_rig_say(rig, PUSH_RIG_ANSWER);
    push_rig_hears_nothing();
    push_rig_say(rig, INVITE);
    assert_true(fake_net_take(&datagram));
    assert_int_equal(datagram.len, 37);
    assert_string_not_equal(datagram.data, "AUTH " PUSH_RIG_NONCE);
    push_rig_say(rig, PUSH_RIG_ANSWER);
    push_rig_hears("Authentication Failed");
}

/* The whole answer counts, to its last digit. */
static void test_push_password_answer_with_one_wrong_digit_is_refused(
    void **state)
{
    struct push_rig *rig = *state;

    for (uint32_t i = 0; i < 32; i++) {
        char answer[] = PUSH_RIG_ANSWER;
        char *digit = &answer[4 + 33 + i];

        otter_sim_board.random_script_len = 16;
        otter_sim_board.random_script -= i == 0 ? 0 : 16;
        challenged(rig);
        *digit = *digit == '0' ? '1' : '0';
        push_rig_say(rig, answer);
        push_rig_hears("Authentication Failed");
        otter_push_close(&rig->push);
    }
}

static void test_push_password_without_randomness_asks_nobody(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    otter_sim_board.random_fails = true;
    push_rig_say(rig, INVITE);
    push_rig_hears("ERR: ERROR[109]: no randomness is available\n");
    push_rig_logged(rig, "error(0)");
    assert_int_equal(otter_push_reason(&rig->push), OTTER_ERR_RANDOM);
    push_rig_say(rig, PUSH_RIG_ANSWER);
    push_rig_hears_nothing();
    otter_sim_board.random_fails = false;
    push_rig_say(rig, INVITE);
    push_rig_hears("AUTH " PUSH_RIG_NONCE);
}

/* Departure from protocol 1.8, "WAITAUTH lifetime: unlimited". */
static void test_push_password_challenge_lapses_after_10_s(void **state)
{
    struct push_rig *rig = *state;

    challenged(rig);
    push_rig_run(rig, 9999);
    push_rig_say(rig, PUSH_RIG_ANSWER);
    accepted(rig);
    otter_push_close(&rig->push);
    otter_sim_board.random_script -= 16;
    otter_sim_board.random_script_len = 16;
    push_rig_hears_nothing();
    challenged(rig);
    push_rig_run(rig, 10000);
    push_rig_say(rig, PUSH_RIG_ANSWER);
    push_rig_run(rig, 5);
    push_rig_hears_nothing();
    push_rig_logged(rig, "");
}

/* A host that repeats itself while the application's loop is busy must not
 * break its own challenge; what comes after the challenge does (table of
 * protocol 10 item 7). */
static void test_push_password_repetitions_that_wait_are_dropped(void **state)
{
    struct push_rig *rig = *state;
    struct otter_addr host = fake_addr(PUSH_RIG_HOST, PUSH_RIG_UDP_PORT);

    push_rig_open(rig);
    for (int i = 0; i < 3; i++) {
        fake_net_send(&host, 8266, INVITE, sizeof INVITE - 1);
    }
    push_rig_run(rig, 5);
    push_rig_hears("AUTH " PUSH_RIG_NONCE);
    push_rig_hears_nothing();
    push_rig_say(rig, PUSH_RIG_ANSWER);
    accepted(rig);
}

/* The reply goes where the invitation came from; the answer's port does not
 * matter (protocol 1.3). */
static void test_push_password_reply_goes_to_the_invitations_port(void **state)
{
    struct push_rig *rig = *state;

    challenged(rig);
    push_rig_say_from(rig, PUSH_RIG_HOST, 50999, PUSH_RIG_ANSWER);
    accepted(rig);
}

static void test_push_password_answer_from_another_machine_is_not_counted(
    void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    for (int i = 0; i < 10; i++) {
        struct fake_datagram datagram;

        push_rig_say(rig, INVITE);
        assert_true(fake_net_take(&datagram));
        assert_int_equal(datagram.len, 37);
        push_rig_say_from(rig, THIEF, THIEF_PORT, PUSH_RIG_WRONG);
        push_rig_hears_nothing();
    }
    push_rig_logged(rig, "");
}

/* --- The wait ----------------------------------------------------------- */

/* One wrong answer from `ip`. */
static void guess(struct push_rig *rig, const char *ip)
{
    struct fake_datagram datagram;

    push_rig_say_from(rig, ip, THIEF_PORT, INVITE);
    assert_true(fake_net_take(&datagram));
    assert_int_equal(datagram.len, 37);
    assert_memory_equal(datagram.data, "AUTH ", 5);
    push_rig_say_from(rig, ip, THIEF_PORT, PUSH_RIG_WRONG);
    push_rig_hears_at(ip, THIEF_PORT, "Authentication Failed");
}

/* `ip` is told to wait for so many seconds. */
static void must_wait(struct push_rig *rig, const char *ip, unsigned seconds)
{
    char text[64];

    snprintf(text, sizeof text, "ERR: wrong passwords, wait %u s\n", seconds);
    push_rig_say_from(rig, ip, THIEF_PORT, INVITE);
    push_rig_hears_at(ip, THIEF_PORT, text);
    push_rig_hears_nothing();
}

static void test_push_password_wait_grows_to_30_s(void **state)
{
    static const unsigned waits[] = {1, 2, 4, 8, 16, 30, 30, 30};
    struct push_rig *rig = *state;

    push_rig_open(rig);
    guess(rig, THIEF);
    guess(rig, THIEF);
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        guess(rig, THIEF);
        must_wait(rig, THIEF, waits[i]);
        push_rig_run(rig, waits[i] * 1000 - 1);
        must_wait(rig, THIEF, 1);
        push_rig_run(rig, 1);
    }
}

/* A counter that overflows would forgive. */
static void test_push_password_wait_stays_after_many_guesses(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    for (int i = 0; i < 300; i++) {
        guess(rig, THIEF);
        if (i >= 10) {
            must_wait(rig, THIEF, 30);
        }
        otter_sim_board.now_ms += 30000;
    }
}

static void test_push_password_owner_does_not_wait_for_a_guesser(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    otter_sim_board.random_script_len = 0;
    for (int i = 0; i < 3; i++) {
        guess(rig, THIEF);
    }
    must_wait(rig, THIEF, 1);
    otter_sim_board.random_script_len = 16;
    push_rig_say(rig, INVITE);
    push_rig_hears("AUTH " PUSH_RIG_NONCE);
    push_rig_say(rig, PUSH_RIG_ANSWER);
    rig->log[0] = '\0';
    accepted(rig);
}

static void test_push_password_nothing_makes_a_wait_longer(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    for (int i = 0; i < 8; i++) {
        guess(rig, THIEF);
        otter_sim_board.now_ms += 30000;
    }
    guess(rig, THIEF);
    for (unsigned second = 30; second > 0; second--) {
        must_wait(rig, THIEF, second);
        push_rig_say_from(rig, THIEF, THIEF_PORT, PUSH_RIG_WRONG);
        push_rig_say_from(rig, THIEF, THIEF_PORT, "noise");
        push_rig_hears_nothing();
        push_rig_run(rig, 1000);
    }
    guess(rig, THIEF);
}

static void test_push_password_right_answer_ends_the_row(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    otter_sim_board.random_script_len = 0;
    guess(rig, PUSH_RIG_HOST);
    guess(rig, PUSH_RIG_HOST);
    otter_sim_board.random_script_len = 16;
    push_rig_say(rig, INVITE);
    push_rig_hears("AUTH " PUSH_RIG_NONCE);
    push_rig_say(rig, PUSH_RIG_ANSWER);
    rig->log[0] = '\0';
    rig->decline = 1;
    push_rig_run(rig, 1);
    push_rig_hears("ERR: ERROR[108]: the application declined the update\n");
    guess(rig, PUSH_RIG_HOST);
    guess(rig, PUSH_RIG_HOST);
    guess(rig, PUSH_RIG_HOST);
    must_wait(rig, PUSH_RIG_HOST, 1);
}

static void test_push_password_row_is_forgotten_after_10_minutes(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    for (int i = 0; i < 8; i++) {
        guess(rig, THIEF);
        otter_sim_board.now_ms += 30000;
    }
    otter_sim_board.now_ms += 600000;
    guess(rig, THIEF);
    guess(rig, THIEF);
    guess(rig, THIEF);
    must_wait(rig, THIEF, 1);
}

/* Changing the address does not help for long: from the fourth on they share
 * a row. */
static void test_push_password_many_guessers_share_a_row(void **state)
{
    struct push_rig *rig = *state;
    char ip[16];
    unsigned waits = 0;

    push_rig_open(rig);
    for (int i = 0; i < 50; i++) {
        struct fake_datagram datagram;

        snprintf(ip, sizeof ip, "192.168.1.%d", 100 + i);
        push_rig_say_from(rig, ip, THIEF_PORT, INVITE);
        assert_true(fake_net_take(&datagram));
        if (strncmp(datagram.data, "AUTH ", 5) != 0) {
            assert_string_equal(datagram.data,
                                "ERR: wrong passwords, wait 1 s\n");
            waits++;
            continue;
        }
        push_rig_say_from(rig, ip, THIEF_PORT, PUSH_RIG_WRONG);
        push_rig_hears_at(ip, THIEF_PORT, "Authentication Failed");
    }
    assert_int_equal(waits, 50 - 3 - 3);
    /* who has a row of his own is not touched by the others */
    guess(rig, "192.168.1.100");
}

static void test_push_password_closing_forgets_the_rows(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    for (int i = 0; i < 3; i++) {
        guess(rig, THIEF);
    }
    must_wait(rig, THIEF, 1);
    otter_push_close(&rig->push);
    push_rig_open(rig);
    guess(rig, THIEF);
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, setup, push_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_push_password_right_answer_starts_the_update),
        TEST(test_push_password_password_hash_is_used_as_it_is),
        TEST(test_push_password_uppercase_hash_does_not_match),
        TEST(test_push_password_empty_password_is_asked_for),
        TEST(test_push_password_wrong_answer_is_refused),
        TEST(test_push_password_nonce_is_used_once),
        TEST(test_push_password_answer_with_one_wrong_digit_is_refused),
        TEST(test_push_password_without_randomness_asks_nobody),
        TEST(test_push_password_challenge_lapses_after_10_s),
        TEST(test_push_password_repetitions_that_wait_are_dropped),
        TEST(test_push_password_reply_goes_to_the_invitations_port),
        TEST(test_push_password_answer_from_another_machine_is_not_counted),
        TEST(test_push_password_wait_grows_to_30_s),
        TEST(test_push_password_wait_stays_after_many_guesses),
        TEST(test_push_password_owner_does_not_wait_for_a_guesser),
        TEST(test_push_password_nothing_makes_a_wait_longer),
        TEST(test_push_password_right_answer_ends_the_row),
        TEST(test_push_password_row_is_forgotten_after_10_minutes),
        TEST(test_push_password_many_guessers_share_a_row),
        TEST(test_push_password_closing_forgets_the_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
