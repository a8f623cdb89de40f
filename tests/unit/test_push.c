/* SPDX-License-Identifier: Apache-2.0
 *
 * Push without passwords, as it goes when nothing goes wrong, and what it
 * refuses before the upload begins.  The clock wraps in the middle of every
 * update here. */
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

static const uint8_t md5_bytes[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
                                      0xcd, 0xef, 0x01, 0x23, 0x45, 0x67,
                                      0x89, 0xab, 0xcd, 0xef};

/* --- Configuration ------------------------------------------------------ */

static int init_result(struct push_rig *rig)
{
    int error = otter_push_init(&rig->push, &rig->config);

    otter_push_close(&rig->push);
    return error;
}

static void test_push_config_all_zero_is_refused(void **state)
{
    struct push_rig *rig = *state;

    memset(&rig->config, 0, sizeof rig->config);
    assert_int_equal(init_result(rig), OTTER_ERR_INVALID);
    assert_int_equal(otter_push_poll(&rig->push), OTTER_ERR_STATE);
}

static void test_push_config_without_password_must_say_so(void **state)
{
    struct push_rig *rig = *state;

    rig->config.allow_unauthenticated = false;
    assert_int_equal(init_result(rig), OTTER_ERR_INVALID);
    rig->config.password = "x";
    assert_int_equal(init_result(rig), 0);
    rig->config.allow_unauthenticated = true;
    rig->config.password = NULL;
    assert_int_equal(init_result(rig), 0);
}

static void test_push_config_that_contradicts_itself_is_refused(void **state)
{
    struct push_rig *rig = *state;

    rig->config.password = "123";
    rig->config.password_hash = PUSH_RIG_HASH;
    assert_int_equal(init_result(rig), OTTER_ERR_INVALID);
    rig->config.password = NULL;
    rig->config.password_hash = "202cb962ac59075b964b07152d234b7";
    assert_int_equal(init_result(rig), OTTER_ERR_INVALID);
    rig->config.password_hash = PUSH_RIG_HASH "0";
    assert_int_equal(init_result(rig), OTTER_ERR_INVALID);
    rig->config.password_hash = "";
    assert_int_equal(init_result(rig), OTTER_ERR_INVALID);
    rig->config.password_hash = PUSH_RIG_HASH;
    assert_int_equal(init_result(rig), 0);
}

static void test_push_host_name_defaults_to_the_chip_id(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    assert_string_equal(otter_push_host_name(&rig->push), "esp8266-010203");
    otter_push_close(&rig->push);
    rig->config.host_name = "";
    push_rig_open(rig);
    assert_string_equal(otter_push_host_name(&rig->push), "esp8266-010203");
    otter_push_close(&rig->push);
    rig->config.host_name = "lamp";
    push_rig_open(rig);
    assert_string_equal(otter_push_host_name(&rig->push), "lamp");
    otter_push_close(&rig->push);
    rig->config.host_name = "0123456789012345678901234567890123456789"
                            "012345678901234567890123";
    assert_int_equal(init_result(rig), OTTER_ERR_INVALID);
}

static void test_push_port_is_8266_unless_configured(void **state)
{
    struct push_rig *rig = *state;
    struct otter_addr from = fake_addr(PUSH_RIG_HOST, PUSH_RIG_UDP_PORT);
    struct fake_datagram datagram;

    push_rig_open(rig);
    assert_int_equal(otter_push_port(&rig->push), 8266);
    otter_push_close(&rig->push);
    rig->config.port = 3232;
    push_rig_open(rig);
    assert_int_equal(otter_push_port(&rig->push), 3232);
    fake_net_send(&from, 3232, "0 1 5 " MD5_TEXT "\n", 39);
    push_rig_run(rig, 2);
    assert_true(fake_net_take(&datagram));
    assert_int_equal(datagram.from_port, 3232);
}

static void test_push_init_fails_as_the_socket_does(void **state)
{
    struct push_rig *rig = *state;

    fake_net_fail(FAKE_UDP_OPEN, OTTER_ERR_ADDRESS_IN_USE);
    assert_int_equal(init_result(rig), OTTER_ERR_ADDRESS_IN_USE);
    assert_int_equal(otter_push_poll(&rig->push), OTTER_ERR_STATE);
}

static void test_push_struct_keeps_to_its_size(void **state)
{
    (void)state;
    assert_true(sizeof(struct otter_push) <= 1024);
}

/* --- A whole update ----------------------------------------------------- */

static void test_push_update_follows_the_protocol_to_the_restart(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    push_rig_say(rig, "0 48231 3500 " MD5_TEXT "\n");
    push_rig_hears_nothing(); /* not before the next poll (protocol 1.3) */
    push_rig_logged(rig, "");
    assert_int_equal(otter_push_poll(&rig->push), OTTER_ERR_PENDING);
    push_rig_hears("OK");
    push_rig_logged(rig, "start(0,3500)");
    assert_int_equal(rig->stream.info.kind, OTTER_UPDATE_SKETCH);
    assert_int_equal(rig->stream.info.size, 3500);
    assert_int_equal(rig->stream.digest.kind, OTTER_DIGEST_MD5);
    assert_memory_equal(rig->stream.digest.bytes, md5_bytes, 16);

    push_rig_run(rig, 99);
    assert_null(fake_net_dialled());
    push_rig_run(rig, 1);
    peer = fake_net_dialled();
    assert_non_null(peer);
    assert_int_equal(fake_peer_addr(peer).port, 48231);
    assert_memory_equal(fake_peer_addr(peer).ip, "\xc0\xa8\x01\x32", 4);
    push_rig_logged(rig, "progress(0,3500)");

    fake_peer_accept(peer);
    push_rig_run(rig, 10);
    push_rig_reads(peer, "");
    push_rig_upload(peer, 0, 1460);
    push_rig_run(rig, 1);
    push_rig_reads(peer, "1460");
    push_rig_upload(peer, 1460, 1460);
    push_rig_run(rig, 5);
    push_rig_reads(peer, "1460");
    push_rig_upload(peer, 2920, 580);
    push_rig_run(rig, 3); /* the count, end, flush */
    push_rig_reads(peer, "580");
    push_rig_logged(rig, "progress(1460,3500) progress(2920,3500) "
                         "progress(3500,3500)");
    push_rig_arrived(rig, 3500);
    assert_int_equal(rig->stream.commits, 1);

    push_rig_run(rig, 999);
    push_rig_reads(peer, "");
    push_rig_run(rig, 2);
    push_rig_reads(peer, "OK");
    push_rig_run(rig, 999);
    assert_int_equal(fake_peer_end(peer), FAKE_END_OPEN);
    push_rig_logged(rig, "");
    push_rig_run(rig, 1);
    assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
    push_rig_logged(rig, "end");
    assert_false(push_rig_run(rig, 99));
    assert_true(push_rig_run(rig, 1));
    assert_int_equal(otter_sim_board.restarts, 1);
    push_rig_logged(rig, "");
}

static void finish_upload(struct push_rig *rig, struct fake_peer *peer,
                          uint32_t size)
{
    push_rig_upload(peer, 0, size);
    push_rig_run(rig, 2500);
}

static void test_push_staying_running_takes_the_next_update(void **state)
{
    struct push_rig *rig = *state;

    rig->config.stay_running = true;
    push_rig_open(rig);
    finish_upload(rig, push_rig_connect(rig, 100), 100);
    push_rig_logged(rig, "start(0,100) progress(0,100) progress(100,100) end");
    assert_int_equal(otter_push_poll(&rig->push), 0);
    finish_upload(rig, push_rig_connect(rig, 200), 200);
    push_rig_logged(rig, "start(0,200) progress(0,200) progress(200,200) end");
    assert_int_equal(rig->stream.commits, 2);
    assert_int_equal(otter_sim_board.restarts, 0);
}

static void test_push_file_system_command_reaches_stream_and_query(
    void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    assert_int_equal(otter_push_command(&rig->push), 0);
    push_rig_say(rig, "100 48231 4096 " MD5_TEXT "\n");
    push_rig_run(rig, 1);
    push_rig_logged(rig, "start(100,4096)");
    assert_int_equal(otter_push_command(&rig->push), 100);
    assert_int_equal(rig->stream.info.kind, OTTER_UPDATE_FILE_SYSTEM);
}

static void test_push_works_without_callbacks(void **state)
{
    struct push_rig *rig = *state;
    static const struct otter_events none = {0};

    rig->config.events = NULL;
    push_rig_open(rig);
    push_rig_say(rig, "0 48231 5 " MD5_TEXT "\n");
    rig->stream.begin_error = OTTER_ERR_SPACE;
    push_rig_run(rig, 1);
    push_rig_hears("ERR: ERROR[4]: Not Enough Space\n");
    rig->stream.begin_error = 0;
    rig->config.events = &none;
    push_rig_upload(push_rig_connect(rig, 100), 0, 100);
    assert_true(push_rig_run(rig, 3000));
}

static void test_push_radio_stays_awake_during_the_update_only(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    rig->config.stay_running = true;
    push_rig_open(rig);
    push_rig_say(rig, "0 48231 100 " MD5_TEXT "\n");
    assert_true(fake_net_power_save());
    push_rig_run(rig, 1);
    assert_false(fake_net_power_save());
    push_rig_run(rig, 100);
    peer = fake_net_dialled();
    fake_peer_accept(peer);
    push_rig_upload(peer, 0, 100);
    push_rig_run(rig, 1500);
    assert_false(fake_net_power_save());
    push_rig_run(rig, 1000);
    assert_true(fake_net_power_save());
}

/* A transport that does not run the update must leave the radio to the one
 * that does. */
static void test_push_refused_for_another_transport_leaves_its_radio(
    void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    rig->stream.begin_error = OTTER_ERR_BUSY;
    otter_net_power_save(false);
    push_rig_say(rig, "0 48231 100 " MD5_TEXT "\n");
    push_rig_run(rig, 1);
    push_rig_hears("ERR: ERROR[15]: Update already running\n");
    assert_false(fake_net_power_save());
    otter_net_power_save(true);
}

static void test_push_result_waits_for_acknowledgements_300_ms_at_most(
    void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    peer = push_rig_connect(rig, 100);
    fake_peer_hold_acks(peer, true);
    push_rig_upload(peer, 0, 100);
    push_rig_run(rig, 1 + 1 + 300 + 999);
    push_rig_reads(peer, "100");
    push_rig_run(rig, 2);
    push_rig_reads(peer, "OK");
    push_rig_run(rig, 299 + 999);
    assert_int_equal(fake_peer_end(peer), FAKE_END_OPEN);
    push_rig_run(rig, 1);
    assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
}

static void test_push_slow_stream_is_waited_for(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    rig->config.stay_running = true;
    rig->stream.begin_pending = 3;
    rig->stream.end_pending = 70000; /* ms, longer than any time-out */
    rig->stream.room = 100;          /* bytes a poll */
    push_rig_open(rig);
    push_rig_say(rig, "0 48231 1460 " MD5_TEXT "\n");
    push_rig_run(rig, 3);
    push_rig_hears_nothing();
    push_rig_run(rig, 1);
    push_rig_hears("OK");
    push_rig_run(rig, 100);
    peer = fake_net_dialled();
    fake_peer_accept(peer);
    push_rig_upload(peer, 0, 1460);
    push_rig_run(rig, 15);
    push_rig_reads(peer, ""); /* one count for the chunk, when it is taken */
    push_rig_run(rig, 1);
    push_rig_reads(peer, "1460");
    push_rig_run(rig, 70000);
    assert_int_equal(rig->stream.commits, 0);
    push_rig_run(rig, 3000);
    assert_int_equal(rig->stream.commits, 1);
    push_rig_reads(peer, "OK");
}

/* A host that does not wait for counts gets one for each 4096 bytes, and no
 * poll moves more than that: the application's loop goes on. */
static void test_push_streaming_host_leaves_the_loop_its_turns(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    peer = push_rig_connect(rig, 20000);
    push_rig_upload(peer, 0, 20000);
    for (uint32_t turn = 1; turn <= 4; turn++) {
        uint32_t polls = rig->stream.polls;

        push_rig_run(rig, 1);
        push_rig_reads(peer, "4096");
        assert_int_equal(fake_peer_unread(peer), 20000 - turn * 4096);
        assert_int_equal(rig->stream.polls, polls + 1);
    }
    push_rig_run(rig, 1);
    push_rig_reads(peer, "3616");
    push_rig_arrived(rig, 20000);
}

/* Flow control is the TCP window's: what the stream cannot take stays in the
 * connection, but for one buffer. */
static void test_push_full_stream_leaves_bytes_in_the_connection(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    rig->stream.room = 64;
    push_rig_open(rig);
    peer = push_rig_connect(rig, 20000);
    push_rig_upload(peer, 0, 20000);
    push_rig_run(rig, 1);
    assert_int_equal(rig->stream.len, 64);
    assert_true(fake_peer_unread(peer) >= 20000 - sizeof rig->push.buf);
}

static void test_push_host_that_reads_no_counts_is_served(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    peer = push_rig_connect(rig, 20000);
    fake_peer_set_window(peer, 2); /* not even one count fits */
    push_rig_upload(peer, 0, 20000);
    push_rig_run(rig, 10);
    push_rig_arrived(rig, 20000);
    assert_int_equal(rig->stream.commits, 1);
    push_rig_reads(peer, "40");
    fake_peer_set_window(peer, 100);
    push_rig_run(rig, 100);
    push_rig_reads(peer, "9615904"); /* the rest in one count */
    push_rig_run(rig, 1200);
    push_rig_reads(peer, "OK");
}

static void test_push_count_goes_out_while_the_stream_verifies(void **state)
{
    struct push_rig *rig = *state;
    struct fake_peer *peer;

    push_rig_open(rig);
    rig->stream.end_pending = 1000;
    peer = push_rig_connect(rig, 5000);
    fake_peer_set_window(peer, 4); /* the first count fills it */
    push_rig_upload(peer, 0, 5000);
    push_rig_run(rig, 10);
    push_rig_reads(peer, "4096");
    push_rig_run(rig, 1);
    push_rig_reads(peer, "904");
    assert_int_equal(rig->stream.commits, 0);
}

/* --- Refusals before the upload ----------------------------------------- */

struct refusal {
    int error;
    const char *text;
};

/* Protocol 2.1 and 1.7, what begin can answer. */
static void test_push_begin_error_is_told_by_datagram(void **state)
{
    static const struct refusal table[] = {
        {OTTER_ERR_SIZE, "ERR: ERROR[5]: Bad Size Given\n"},
        {OTTER_ERR_SPACE, "ERR: ERROR[4]: Not Enough Space\n"},
        {OTTER_ERR_FLASH_CONFIG, "ERR: ERROR[8]: Flash config wrong: real: "
                                 "524288, SDK: 4194304\n"},
        {OTTER_ERR_BOOTSTRAP,
         "ERR: ERROR[11]: Invalid bootstrapping state, reset ESP8266 before "
         "updating\n"},
        {OTTER_ERR_BUSY, "ERR: ERROR[15]: Update already running\n"},
        {OTTER_ERR_KIND, "ERR: ERROR[16]: Unknown update command\n"},
    };
    struct push_rig *rig = *state;

    push_rig_open(rig);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        rig->stream.begin_error = table[i].error;
        rig->stream.detail.error = OTTER_ERR_FLASH_CONFIG;
        rig->stream.detail.real_size = 524288;
        rig->stream.detail.configured_size = 4194304;
        push_rig_say(rig, "0 48231 100 " MD5_TEXT "\n");
        push_rig_run(rig, 1);
        push_rig_hears(table[i].text);
        push_rig_logged(rig, "error(1)");
        assert_int_equal(otter_push_reason(&rig->push), table[i].error);
        assert_int_equal(otter_push_poll(&rig->push), 0);
    }
    rig->stream.begin_error = 0;
    push_rig_connect(rig, 100);
    assert_int_equal(rig->stream.aborts, 0);
}

/* Departure from protocol 1.3 step 4: the core finds out after the upload. */
static void test_push_digest_that_is_no_digest_is_refused(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    push_rig_say(rig, "0 48231 100 0123456789abcdefg1234567\033\377abcdef\n");
    push_rig_run(rig, 1);
    push_rig_hears("ERR: ERROR[7]: MD5 verification failed: expected: "
                   "0123456789abcdefg1234567??abcdef, calculated: \n");
    push_rig_logged(rig, "error(1)");
    assert_int_equal(rig->stream.aborts, 1);
    push_rig_say(rig, "0 48231 100 0123456789ABCDEF0123456789ABCDEF\n");
    push_rig_run(rig, 1);
    push_rig_hears("OK");
    assert_memory_equal(rig->stream.digest.bytes, md5_bytes, 16);
}

static void test_push_stream_without_digests_is_an_error(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    rig->stream.expect_error = OTTER_ERR_INVALID;
    push_rig_say(rig, "0 48231 100 " MD5_TEXT "\n");
    push_rig_run(rig, 1);
    push_rig_hears("ERR: ERROR[101]: invalid argument or configuration\n");
    push_rig_logged(rig, "error(1)");
    assert_int_equal(rig->stream.aborts, 1);
}

static void test_push_on_start_may_decline(void **state)
{
    struct push_rig *rig = *state;

    push_rig_open(rig);
    rig->decline = 1;
    push_rig_say(rig, "0 48231 100 " MD5_TEXT "\n");
    push_rig_run(rig, 1);
    push_rig_hears("ERR: ERROR[108]: the application declined the update\n");
    push_rig_logged(rig, "start(0,100)");
    assert_int_equal(rig->stream.aborts, 1);
    assert_int_equal(rig->stream.abort_error, OTTER_ERR_DECLINED);
    push_rig_run(rig, 200);
    assert_null(fake_net_dialled());
    rig->decline = 0;
    push_rig_connect(rig, 100);
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, push_rig_setup, push_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_push_config_all_zero_is_refused),
        TEST(test_push_config_without_password_must_say_so),
        TEST(test_push_config_that_contradicts_itself_is_refused),
        TEST(test_push_host_name_defaults_to_the_chip_id),
        TEST(test_push_port_is_8266_unless_configured),
        TEST(test_push_init_fails_as_the_socket_does),
        TEST(test_push_struct_keeps_to_its_size),
        TEST(test_push_update_follows_the_protocol_to_the_restart),
        TEST(test_push_staying_running_takes_the_next_update),
        TEST(test_push_file_system_command_reaches_stream_and_query),
        TEST(test_push_works_without_callbacks),
        TEST(test_push_radio_stays_awake_during_the_update_only),
        TEST(test_push_refused_for_another_transport_leaves_its_radio),
        TEST(test_push_result_waits_for_acknowledgements_300_ms_at_most),
        TEST(test_push_slow_stream_is_waited_for),
        TEST(test_push_streaming_host_leaves_the_loop_its_turns),
        TEST(test_push_full_stream_leaves_bytes_in_the_connection),
        TEST(test_push_host_that_reads_no_counts_is_served),
        TEST(test_push_count_goes_out_while_the_stream_verifies),
        TEST(test_push_begin_error_is_told_by_datagram),
        TEST(test_push_digest_that_is_no_digest_is_refused),
        TEST(test_push_stream_without_digests_is_an_error),
        TEST(test_push_on_start_may_decline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
