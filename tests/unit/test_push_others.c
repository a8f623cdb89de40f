/* SPDX-License-Identifier: Apache-2.0
 *
 * Push while others talk to the device: a second inviter, repeated and
 * changed invitations, noise, and a socket that is lost. */
#include "tests/support/push_rig.h"
#include "tests/support/sim_board.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MD5_TEXT "0123456789abcdef0123456789abcdef"
#define INVITE   "0 48231 5000 " MD5_TEXT "\n"

/* --- Others who talk to the device -------------------------------------- */

/* The next try of a host that got its error must not find the device busy
 * with the last one; another host's does, for as long as the text takes. */
static void test_push_host_that_failed_may_invite_again_at_once(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer = push_rig_receiving(rig, 4500);

    rig->stream.poll_error = OTTER_ERR_FLASH_PROGRAM;
    push_rig_run(rig, 1);
    rig->stream.poll_error = 0;
    push_rig_say(rig, "noise");
    assert_int_equal(fake_peer_end(peer), FAKE_END_OPEN);
    push_rig_say_from(rig, "192.168.1.66", 40200, INVITE);
    push_rig_hears_at("192.168.1.66", 40200,
                      "ERR: ERROR[15]: Update already running\n");
    assert_int_equal(fake_peer_end(peer), FAKE_END_OPEN);
    push_rig_say_from(rig, PUSH_RIG_HOST, 40999, INVITE);
    push_rig_reads(peer, "ERROR[1]: Flash Write Failed\n");
    assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
    push_rig_run(rig, 1);
    push_rig_hears_at(PUSH_RIG_HOST, 40999, "OK");
}

/* Table 1.7, "another update is in progress": in the core the running one is
 * destroyed, here it goes on. */
static void test_push_second_inviter_is_told_and_the_update_goes_on(
    void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer = push_rig_receiving(rig, 2000);

    push_rig_say_from(rig, "192.168.1.66", 40200,
                      "0 11111 7000 ffffffffffffffffffffffffffffffff\n");
    push_rig_hears_at("192.168.1.66", 40200,
                      "ERR: ERROR[15]: Update already running\n");
    /* the same machine with another file */
    push_rig_say_from(rig, PUSH_RIG_HOST, 40999,
                      "0 11111 7000 ffffffffffffffffffffffffffffffff\n");
    push_rig_hears_at(PUSH_RIG_HOST, 40999,
                      "ERR: ERROR[15]: Update already running\n");
    push_rig_hears_nothing();
    push_rig_logged(rig, "");
    push_rig_upload(peer, 2000, 3000);
    assert_true(push_rig_run(rig, 3000));
    push_rig_arrived(rig, 5000);
    assert_int_equal(otter_push_command(&rig->push), 0);
}

/* Only the very same invitation is a repetition. */
static void test_push_changed_invitation_of_the_host_is_answered(void **state)
{
    static const char *const texts[] = {
        "100 48231 5000 " MD5_TEXT "\n",
        "0 48232 5000 " MD5_TEXT "\n",
        "0 48231 5001 " MD5_TEXT "\n",
        "0 48231 5000 1123456789abcdef0123456789abcdef\n",
    };
    struct push_rig *rig = *state;

    push_rig_receiving(rig, 2000);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        push_rig_say(rig, texts[i]);
        push_rig_hears("ERR: ERROR[15]: Update already running\n");
    }
}

/* Protocol 1.12 step 2: the host repeats its invitation. */
static void test_push_repeated_invitation_changes_nothing(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    push_rig_say(rig, INVITE);
    push_rig_say(rig, INVITE); /* before the stream began */
    push_rig_hears("OK");
    push_rig_say(rig, INVITE);
    push_rig_run(rig, 100);
    push_rig_say(rig, INVITE);
    peer = fake_net_dialled();
    fake_peer_accept(peer);
    push_rig_say(rig, INVITE);
    push_rig_upload(peer, 0, 5000);
    push_rig_say(rig, INVITE);
    push_rig_run(rig, 500);
    push_rig_say(rig, INVITE);
    assert_true(push_rig_run(rig, 3000));
    push_rig_hears_nothing();
    assert_null(fake_net_dialled());
    assert_int_equal(rig->stream.begins, 1);
    assert_int_equal(rig->stream.commits, 1);
}

static void test_push_noise_during_an_update_is_ignored(void **state)
{
    struct push_rig *rig = *state;
    static const char *const noise[] = {
        "",
        "hello\n",
        "200 " PUSH_RIG_CNONCE " " PUSH_RIG_RESPONSE "\n",
        "7 1 1 " MD5_TEXT "\n",
        "0 1 1 short\n",
    };
    struct fake_peer *peer = push_rig_receiving(rig, 2000);

    for (size_t i = 0; i < sizeof noise / sizeof noise[0]; i++) {
        push_rig_say_from(rig, "192.168.1.66", 40200, noise[i]);
    }
    push_rig_hears_nothing();
    push_rig_upload(peer, 2000, 3000);
    assert_true(push_rig_run(rig, 3000));
    push_rig_arrived(rig, 5000);
}

static void test_push_datagram_that_is_too_long_is_no_message(void **state)
{
    struct push_rig *rig = *state;
    char text[300];

    push_rig_open(rig);
    memset(text, ' ', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text, INVITE, strlen(INVITE) - 1);
    push_rig_say(rig, text);
    push_rig_run(rig, 5);
    push_rig_hears_nothing();
    push_rig_logged(rig, "");
}

/* --- The socket --------------------------------------------------------- */

static void test_push_lost_socket_is_opened_again(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    fake_net_fail(FAKE_UDP_RECV, OTTER_ERR_NETWORK);
    fake_net_fail(FAKE_UDP_OPEN, OTTER_ERR_NETWORK);
    push_rig_run(rig, 1);
    fake_net_fail(FAKE_UDP_RECV, 0);
    assert_int_equal(fake_net_open(), 0);
    push_rig_run(rig, 2000);
    assert_int_equal(fake_net_open(), 0);
    fake_net_fail(FAKE_UDP_OPEN, 0);
    push_rig_run(rig, 1000);
    assert_int_equal(fake_net_open(), 1);
    push_rig_connect(rig, 5000);
}

static void test_push_lost_socket_does_not_disturb_the_update(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer = push_rig_receiving(rig, 2000);

    fake_net_fail(FAKE_UDP_RECV, OTTER_ERR_NETWORK);
    push_rig_upload(peer, 2000, 3000);
    assert_true(push_rig_run(rig, 3000));
    push_rig_arrived(rig, 5000);
    fake_net_fail(FAKE_UDP_RECV, 0);
}

/* A datagram that cannot be sent is a lost one; the host asks again, and its
 * listener counts as OK. */
static void test_push_lost_ok_is_made_up_for_by_the_connection(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    fake_net_fail(FAKE_UDP_SEND, OTTER_ERR_NETWORK);
    push_rig_say(rig, INVITE);
    push_rig_run(rig, 101);
    peer = fake_net_dialled();
    assert_non_null(peer);
    fake_peer_accept(peer);
    push_rig_upload(peer, 0, 5000);
    assert_true(push_rig_run(rig, 3000));
    push_rig_arrived(rig, 5000);
    fake_net_fail(FAKE_UDP_SEND, 0);
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, push_rig_setup, push_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_push_host_that_failed_may_invite_again_at_once),
        TEST(test_push_second_inviter_is_told_and_the_update_goes_on),
        TEST(test_push_changed_invitation_of_the_host_is_answered),
        TEST(test_push_repeated_invitation_changes_nothing),
        TEST(test_push_noise_during_an_update_is_ignored),
        TEST(test_push_datagram_that_is_too_long_is_no_message),
        TEST(test_push_lost_socket_is_opened_again),
        TEST(test_push_lost_socket_does_not_disturb_the_update),
        TEST(test_push_lost_ok_is_made_up_for_by_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
