/* SPDX-License-Identifier: Apache-2.0
 *
 * The push device against the tables of section 10, items 6 and 7, datagram
 * by datagram. */
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

/* --- Section 10 item 6 -------------------------------------------------- */

struct parser_case {
    const char *datagram;
    const char *reply; /* NULL: none */
    uint32_t command;
    uint32_t size;
    uint16_t port;
};

static void test_push_device_parser_table(void **state)
{
    static const struct parser_case table[] = {
        {"0 1 1 " MD5_TEXT "\n", "OK", 0, 1, 1},
        {"0 1 1 " MD5_TEXT, "OK", 0, 1, 1},
        {"0 1 1 0123456789abcdef0123456789abcde\n", NULL, 0, 0, 0},
        {"7 1 1 " MD5_TEXT "\n", NULL, 0, 0, 0},
        {"hello\n", NULL, 0, 0, 0},
        {"000 080 5 " MD5_TEXT "\r\n", "OK", 0, 5, 80},
        {"0 1 1234567890123456 " MD5_TEXT "\n",
         "ERR: ERROR[5]: Bad Size Given\n", 0, 0, 0},
        {"100 8266 4096 " MD5_TEXT "\n", "OK", 100, 4096, 8266},
        {"200 " MD5_TEXT " " MD5_TEXT "\n", NULL, 0, 0, 0},
    };
    struct push_rig *rig = *state;

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct fake_peer *peer;

        push_rig_open(rig);
        rig->stream.begin_error =
            i == 6 ? OTTER_ERR_SIZE : 0; /* as the updater would */
        push_rig_say(rig, table[i].datagram);
        push_rig_hears_nothing();
        push_rig_run(rig, 1);
        if (table[i].reply == NULL) {
            push_rig_hears_nothing();
        } else {
            push_rig_hears(table[i].reply);
            assert_int_equal(rig->stream.info.kind, table[i].command);
            assert_int_equal(rig->stream.info.size, table[i].size);
            assert_int_equal(otter_push_command(&rig->push), table[i].command);
        }
        push_rig_run(rig, 100);
        peer = fake_net_dialled();
        if (table[i].port != 0) {
            assert_int_equal(fake_peer_addr(peer).port, table[i].port);
        } else {
            assert_null(peer);
        }
        otter_push_close(&rig->push);
    }
}

/* --- Section 10 item 7 -------------------------------------------------- */

static void challenged(struct push_rig *rig)
{
    static const uint8_t nonce[16] = {0x25, 0xd5, 0x5a, 0xd2, 0x83, 0xaa,
                                      0x40, 0x0a, 0xf4, 0x64, 0xc7, 0x6d,
                                      0x71, 0x3c, 0x07, 0xad};

    otter_sim_board.random_script = nonce;
    otter_sim_board.random_script_len = sizeof nonce;
    otter_push_close(&rig->push);
    push_rig_open(rig);
    push_rig_say(rig, "0 48231 349248 " MD5_TEXT "\n");
    push_rig_hears("AUTH " PUSH_RIG_NONCE);
}

/* Silence, and IDLE: the next invitation is answered. */
static void test_push_device_waitauth_silence_rows(void **state)
{
    static const char *const table[] = {
        "0 48231 349248 " MD5_TEXT "\n", /* new invitation */
        "200 " PUSH_RIG_CNONCE " " PUSH_RIG_RESPONSE
        "\r\n", /* 33 characters */
        "200 " PUSH_RIG_CNONCE " 61312c52aaa75e328987179e2bf7ed4\n",
        "200 120b5493fc60b02f169375acf67aa08 " PUSH_RIG_RESPONSE "\n",
        "200 \n",
        "hello\n",
        "",
    };
    struct push_rig *rig = *state;

    rig->config.password = PUSH_RIG_PASSWORD;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct fake_datagram datagram;

        challenged(rig);
        push_rig_say(rig, table[i]);
        push_rig_run(rig, 2);
        push_rig_hears_nothing();
        push_rig_say(rig, PUSH_RIG_ANSWER); /* too late */
        push_rig_run(rig, 2);
        push_rig_hears_nothing();
        push_rig_logged(rig, "");
        push_rig_say(rig, "0 48231 349248 " MD5_TEXT "\n");
        assert_true(fake_net_take(&datagram));
        assert_memory_equal(datagram.data, "AUTH ", 5);
    }
}

static void test_push_device_waitauth_uppercase_answer_is_refused(void **state)
{
    struct push_rig *rig = *state;

    rig->config.password = PUSH_RIG_PASSWORD;
    challenged(rig);
    push_rig_say(rig,
                 "200 " PUSH_RIG_CNONCE " 61312C52AAA75E328987179E2BF7ED46\n");
    push_rig_hears("Authentication Failed");
    push_rig_logged(rig, "error(0)");
}

static void test_push_device_waitauth_right_answer_waits_for_the_loop(
    void **state)
{
    struct push_rig *rig = *state;

    rig->config.password = PUSH_RIG_PASSWORD;
    challenged(rig);
    push_rig_say(rig, PUSH_RIG_ANSWER);
    push_rig_hears_nothing();
    push_rig_run(rig, 1);
    push_rig_hears("OK");
    rig->stream.begin_error = OTTER_ERR_SPACE;
    challenged(rig);
    push_rig_say(rig, PUSH_RIG_ANSWER);
    push_rig_hears_nothing();
    push_rig_run(rig, 1);
    push_rig_hears("ERR: ERROR[4]: Not Enough Space\n");
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, push_rig_setup, push_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_push_device_parser_table),
        TEST(test_push_device_waitauth_silence_rows),
        TEST(test_push_device_waitauth_uppercase_answer_is_refused),
        TEST(test_push_device_waitauth_right_answer_waits_for_the_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
