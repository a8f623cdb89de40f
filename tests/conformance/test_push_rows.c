/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of table 1.7, what the host sees in each failure, with the updater
 * and simulated flash behind the push device.  Where a row is departed from,
 * the test says so.  The row of signatures (error 12) comes with signed
 * images.  After each failure the next update goes through. */
#include "tests/support/push_rig.h"
#include "tests/support/sim_board.h"
#include "tests/support/test_image.h"
#include "tests/support/test_update.h"

#include "format/error.h"

#include <openssl/evp.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MD5_TEXT "0123456789abcdef0123456789abcdef"

#define IMAGE_SIZE 20480u

static uint8_t *image;         /* what is pushed */
static char image_md5[33];     /* its digest */
static struct fake_peer *peer; /* who pushes it */

static void digest(const uint8_t *data, uint32_t len, char out[33])
{
    uint8_t bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    assert_int_equal(EVP_Digest(data, len, bytes, &n, EVP_md5(), NULL), 1);
    for (unsigned i = 0; i < 16; i++) {
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
}

static void make_image(uint8_t nibble)
{
    struct otter_test_image wanted = {
        .size = IMAGE_SIZE, .mode = 2, .nibble = nibble, .seed = 5};

    free(image);
    image = otter_test_image_make(&wanted);
    digest(image, IMAGE_SIZE, image_md5);
}

static int setup_updater(void **state)
{
    struct push_rig *rig;
    uint32_t now_ms;

    push_rig_setup(state);
    rig = *state;
    now_ms = otter_sim_board.now_ms;
    otter_sim_board_close();
    otter_test_rig_open("1M64", 0x5000);
    otter_sim_board.now_ms = now_ms;
    rig->config.stream = otter_test_rig.stream;
    make_image(0);
    push_rig_open(rig);
    return 0;
}

static int teardown_updater(void **state)
{
    free(image);
    image = NULL;
    return push_rig_teardown(state); /* closes the board, too */
}

static void invite(struct push_rig *rig, uint32_t size, const char *md5)
{
    char text[100];

    snprintf(text, sizeof text, "0 %u %u %s\n", PUSH_RIG_TCP_PORT, size, md5);
    push_rig_say(rig, text);
    push_rig_run(rig, 1);
}

static void connect_peer(struct push_rig *rig, uint32_t size, const char *md5)
{
    invite(rig, size, md5);
    push_rig_hears("OK");
    push_rig_run(rig, 100);
    peer = fake_net_dialled();
    assert_non_null(peer);
    fake_peer_accept(peer);
    push_rig_run(rig, 1);
}

/* Polls until the device has written a result, and returns it without the
 * counts in front of it. */
static const char *result(struct push_rig *rig)
{
    static char text[1024];
    char *at = text;

    text[0] = '\0';
    for (int ms = 0; ms < 70000 && strpbrk(text, "OE") == NULL; ms++) {
        at += strlen(at);
        fake_peer_text(peer, at, (uint32_t)(text + sizeof text - at));
        if (push_rig_run(rig, 1)) {
            break;
        }
    }
    at = strpbrk(text, "OE");
    return at != NULL ? at : text;
}

/* A right update goes through afterwards: the order to install it is there,
 * and the board restarts. */
static void update_succeeds(struct push_rig *rig)
{
    push_rig_run(rig, 1100); /* the last report's end */
    make_image(0);
    connect_peer(rig, IMAGE_SIZE, image_md5);
    fake_peer_send(peer, image, IMAGE_SIZE);
    assert_true(push_rig_run(rig, 3000));
    assert_int_equal(otter_sim_board.rtc[0], 0xeb001000);
    assert_int_equal(otter_sim_board.rtc[4], IMAGE_SIZE);
    assert_memory_equal(otter_sim_board.nor.bytes + otter_sim_board.rtc[2],
                        image, IMAGE_SIZE);
}

/* Nothing was ordered. */
static void nothing_committed(void)
{
    assert_int_not_equal(otter_sim_board.rtc[0], 0xeb001000);
    assert_int_equal(otter_sim_board.restarts, 0);
}

static void test_push_rows_update_is_committed(void **state)
{
    update_succeeds(*state);
}

static void test_push_row_size_0(void **state)
{
    struct push_rig *rig = *state;

    invite(rig, 0, "d41d8cd98f00b204e9800998ecf8427e");
    push_rig_hears("ERR: ERROR[5]: Bad Size Given\n");
    push_rig_logged(rig, "error(1)");
    nothing_committed();
    update_succeeds(rig);
}

static void test_push_row_size_does_not_fit(void **state)
{
    struct push_rig *rig = *state;

    invite(rig, 3000016, MD5_TEXT);
    push_rig_hears("ERR: ERROR[4]: Not Enough Space\n");
    push_rig_logged(rig, "error(1)");
    update_succeeds(rig);
}

static void test_push_row_flash_smaller_than_configured(void **state)
{
    struct push_rig *rig = *state;
    uint32_t chip_size = otter_sim_board.chip_size;

    otter_sim_board.chip_size = 524288;
    otter_sim_board.nor.bytes[3] = 0x20; /* the sketch is for 1 MiB */
    invite(rig, IMAGE_SIZE, image_md5);
    push_rig_hears("ERR: ERROR[8]: Flash config wrong: real: 524288, SDK: "
                   "1048576\n");
    push_rig_logged(rig, "error(1)");
    otter_sim_board.chip_size = chip_size;
    update_succeeds(rig);
}

static void test_push_row_serial_download_mode(void **state)
{
    struct push_rig *rig = *state;

    otter_sim_board.strapped_for_download = true;
    invite(rig, IMAGE_SIZE, image_md5);
    push_rig_hears("ERR: ERROR[11]: Invalid bootstrapping state, reset "
                   "ESP8266 before updating\n");
    push_rig_logged(rig, "error(1)");
    otter_sim_board.strapped_for_download = false;
    update_succeeds(rig);
}

/* Held by another way to update.  Departure: the running one goes on. */
static void test_push_row_another_update(void **state)
{
    struct push_rig *rig = *state;
    struct otter_stream_info info = {.kind = OTTER_UPDATE_SKETCH,
                                     .size = IMAGE_SIZE};

    assert_int_equal(otter_stream_begin(otter_test_rig.stream, &info), 0);
    invite(rig, IMAGE_SIZE, image_md5);
    push_rig_hears("ERR: ERROR[15]: Update already running\n");
    push_rig_logged(rig, "error(1)");
    assert_int_equal(otter_stream_write(otter_test_rig.stream, image, 100),
                     100);
    otter_stream_abort(otter_test_rig.stream, OTTER_ERR_CLOSED);
    update_succeeds(rig);
}

static void test_push_row_wrong_password(void **state)
{
    struct push_rig *rig = *state;
    struct fake_datagram datagram;

    otter_push_close(&rig->push);
    rig->config.password = PUSH_RIG_PASSWORD;
    push_rig_open(rig);
    invite(rig, IMAGE_SIZE, image_md5);
    assert_true(fake_net_take(&datagram));
    push_rig_say(rig, PUSH_RIG_WRONG);
    push_rig_hears("Authentication Failed");
    push_rig_logged(rig, "error(0)");
    otter_push_close(&rig->push);
    rig->config.password = NULL;
    push_rig_open(rig);
    update_succeeds(rig);
}

static void test_push_row_host_port_unreachable(void **state)
{
    struct push_rig *rig = *state;

    invite(rig, IMAGE_SIZE, image_md5);
    push_rig_hears("OK");
    push_rig_run(rig, 5100);
    push_rig_hears_nothing();
    assert_non_null(fake_net_dialled());
    push_rig_logged(rig, "start(0,20480) progress(0,20480) error(2)");
    update_succeeds(rig);
}

static void test_push_row_md5_wrong(void **state)
{
    struct push_rig *rig = *state;
    char expected[200];

    connect_peer(rig, IMAGE_SIZE, MD5_TEXT);
    fake_peer_send(peer, image, IMAGE_SIZE);
    snprintf(expected, sizeof expected,
             "ERROR[7]: MD5 verification failed: expected: %s, calculated: "
             "%s\n",
             MD5_TEXT, image_md5);
    assert_string_equal(result(rig), expected);
    assert_non_null(strstr(rig->log, "progress(20480,20480) error(4)"));
    nothing_committed();
    rig->log[0] = '\0';
    update_succeeds(rig);
}

/* Departure: as soon as the byte is there, not at the end. */
static void test_push_row_first_byte_wrong(void **state)
{
    struct push_rig *rig = *state;

    image[0] = 0;
    digest(image, IMAGE_SIZE, image_md5);
    connect_peer(rig, IMAGE_SIZE, image_md5);
    fake_peer_send(peer, image, 1460);
    assert_string_equal(result(rig), "ERROR[10]: Magic byte is not 0xE9\n");
    push_rig_logged(rig, "start(0,20480) progress(0,20480) error(4)");
    assert_int_equal(otter_sim_board.counters.erases, 0);
    nothing_committed();
    update_succeeds(rig);
}

/* Departure: the same. */
static void test_push_row_image_for_larger_flash(void **state)
{
    struct push_rig *rig = *state;

    make_image(4);
    connect_peer(rig, IMAGE_SIZE, image_md5);
    fake_peer_send(peer, image, 1460);
    assert_string_equal(result(rig), "ERROR[9]: new Flash config wrong, real "
                                     "size: 1048576\n");
    push_rig_logged(rig, "start(0,20480) progress(0,20480) error(4)");
    nothing_committed();
    update_succeeds(rig);
}

/* Departure: a host that closed its side only reads why; in the core
 * "ERROR[0]: No Error". */
static void test_push_row_host_closes_early(void **state)
{
    struct push_rig *rig = *state;

    connect_peer(rig, IMAGE_SIZE, image_md5);
    fake_peer_send(peer, image, 10000);
    fake_peer_close(peer);
    assert_string_equal(result(rig), "ERROR[144]: the upload ended before the "
                                     "announced size\n");
    assert_non_null(strstr(rig->log, "error(4)"));
    nothing_committed();
    update_succeeds(rig);
}

static void test_push_row_host_closes_with_nothing_flushed(void **state)
{
    struct push_rig *rig = *state;

    connect_peer(rig, IMAGE_SIZE, image_md5);
    fake_peer_send(peer, image, 4096);
    fake_peer_close(peer);
    assert_string_equal(result(rig), "ERROR[13]: No data supplied\n");
    assert_non_null(strstr(rig->log, "error(4)"));
    nothing_committed();
    update_succeeds(rig);
}

static int failing; /* the operation that fails from now on */
static int fail_with;

static int nor_fault(struct otter_nor *nor, void *user,
                     enum otter_nor_operation operation, uint32_t addr,
                     const uint8_t *data, uint32_t len)
{
    otter_nor_fault *self = nor->fault;
    int error;

    (void)user;
    if ((int)operation == failing) {
        return fail_with;
    }
    nor->fault = NULL;
    error = operation == OTTER_NOR_ERASE
                ? otter_nor_erase(nor, addr)
                : otter_nor_program(nor, addr, data, len);
    nor->fault = self;
    return error;
}

static void test_push_row_flash_errors(void **state)
{
    static const struct {
        int operation;
        int error;
        const char *text;
    } table[] = {
        {OTTER_NOR_ERASE, OTTER_ERR_FLASH_ERASE,
         "ERROR[2]: Flash Erase Failed\n"},
        {OTTER_NOR_PROGRAM, OTTER_ERR_FLASH_PROGRAM,
         "ERROR[1]: Flash Write Failed\n"},
    };
    struct push_rig *rig = *state;

    for (size_t i = 0; i < 2; i++) {
        connect_peer(rig, IMAGE_SIZE, image_md5);
        failing = table[i].operation;
        fail_with = table[i].error;
        otter_sim_board.nor.fault = nor_fault;
        fake_peer_send(peer, image, IMAGE_SIZE);
        assert_string_equal(result(rig), table[i].text);
        assert_non_null(strstr(rig->log, "error(4)"));
        assert_null(strstr(rig->log, "progress(20480,20480)"));
        rig->log[0] = '\0';
        otter_sim_board.nor.fault = NULL;
        push_rig_run(rig, 1100);
    }
    nothing_committed();
    update_succeeds(rig);
}

static void test_push_row_host_sends_more(void **state)
{
    struct push_rig *rig = *state;

    connect_peer(rig, IMAGE_SIZE, image_md5);
    fake_peer_send(peer, image, IMAGE_SIZE);
    fake_peer_send(peer, image, 3000);
    assert_string_equal(result(rig), "OK");
    assert_int_equal(fake_peer_unread(peer), 3000);
    assert_int_equal(otter_sim_board.rtc[4], IMAGE_SIZE);
}

/* Departure: in the core for ever. */
static void test_push_row_host_sends_fewer_and_waits(void **state)
{
    struct push_rig *rig = *state;

    connect_peer(rig, IMAGE_SIZE, image_md5);
    fake_peer_send(peer, image, IMAGE_SIZE - 1);
    assert_string_equal(result(rig), "ERROR[6]: Stream Read Timeout\n");
    assert_non_null(strstr(rig->log, "error(3)"));
    nothing_committed();
    update_succeeds(rig);
}

/* The application's loop goes on during an update: no poll takes longer than
 * one sector's erase and program at the data sheet's maximum. */
static void test_push_rows_polls_are_short(void **state)
{
    struct push_rig *rig = *state;
    uint64_t longest = 0;
    uint32_t polls = 0;

    otter_sim_board.nor.timing = otter_nor_maximum;
    connect_peer(rig, IMAGE_SIZE, image_md5);
    fake_peer_send(peer, image, IMAGE_SIZE);
    while (otter_sim_board.rtc[0] != 0xeb001000) {
        uint64_t before = otter_sim_board.counters.time_us;

        assert_true(polls++ < 1000);
        push_rig_run(rig, 1);
        if (otter_sim_board.counters.time_us - before > longest) {
            longest = otter_sim_board.counters.time_us - before;
        }
    }
    assert_in_range(longest, 400000, 400000 + 16 * 3000);
    assert_true(polls >= IMAGE_SIZE / 4096);
}

int main(void)
{
#define ROW(name)                                                             \
    cmocka_unit_test_setup_teardown(name, setup_updater, teardown_updater)
    const struct CMUnitTest tests[] = {
        ROW(test_push_rows_update_is_committed),
        ROW(test_push_row_size_0),
        ROW(test_push_row_size_does_not_fit),
        ROW(test_push_row_flash_smaller_than_configured),
        ROW(test_push_row_serial_download_mode),
        ROW(test_push_row_another_update),
        ROW(test_push_row_wrong_password),
        ROW(test_push_row_host_port_unreachable),
        ROW(test_push_row_md5_wrong),
        ROW(test_push_row_first_byte_wrong),
        ROW(test_push_row_image_for_larger_flash),
        ROW(test_push_row_host_closes_early),
        ROW(test_push_row_host_closes_with_nothing_flushed),
        ROW(test_push_row_flash_errors),
        ROW(test_push_row_host_sends_more),
        ROW(test_push_row_host_sends_fewer_and_waits),
        ROW(test_push_rows_polls_are_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
