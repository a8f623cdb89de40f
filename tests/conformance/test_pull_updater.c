/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of table 5.3 that the updater decides, with the updater and simulated
 * flash behind the pull client.  After each failure the right update goes
 * through, and the order to install it is there. */
#include "tests/support/pull_rig.h"
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

#define IMAGE_SIZE 20480u

static uint8_t *image; /* what the server has */
static char md5[33];   /* its digest */

static void digest(void)
{
    uint8_t bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    assert_int_equal(EVP_Digest(image, IMAGE_SIZE, bytes, &n, EVP_md5(), NULL),
                     1);
    for (unsigned i = 0; i < 16; i++) {
        snprintf(md5 + 2 * i, 3, "%02x", bytes[i]);
    }
}

static int setup(void **state)
{
    struct otter_test_image wanted = {
        .size = IMAGE_SIZE, .mode = 2, .nibble = 0, .seed = 5};
    struct pull_rig *rig;

    pull_rig_setup(state);
    rig = *state;
    otter_sim_board_close();
    otter_test_rig_open("1M64", 0x5000);
    rig->config.stream = otter_test_rig.stream;
    rig->config.stay_running = true;
    rig->figures.free_space =
        otter_updater_free_space(&otter_test_rig.updater);
    image = otter_test_image_make(&wanted);
    digest();
    pull_rig_open(rig);
    return 0;
}

static int teardown(void **state)
{
    free(image);
    image = NULL;
    return pull_rig_teardown(state);
}

/* Asks and is offered `size` bytes of the image under this x-MD5. */
static void update(struct pull_rig *rig, const char *x_md5, uint32_t size)
{
    struct fake_peer *peer = pull_rig_ask(rig);
    char more[60];

    snprintf(more, sizeof more, "x-MD5: %s\r\n", x_md5);
    pull_rig_say(rig, peer, pull_rig_head(size, more));
    fake_peer_send(peer, image, size);
    pull_rig_finish(rig);
}

static void update_succeeds(struct pull_rig *rig)
{
    uint32_t source, size;

    image[0] = 0xe9;
    image[3] &= 15;
    digest();
    update(rig, md5, IMAGE_SIZE);
    assert_int_equal(otter_pull_last_result(&rig->pull), OTTER_PULL_OK);
    assert_true(otter_test_order(&source, &size));
    assert_int_equal(size, IMAGE_SIZE);
    assert_memory_equal(otter_sim_board.nor.bytes + source, image, IMAGE_SIZE);
}

static void fails(struct pull_rig *rig, int number, const char *text)
{
    pull_rig_failed(rig, number, text);
    assert_false(otter_test_take_order());
    otter_sim_board.strapped_for_download = false;
    update_succeeds(rig);
}

static void test_pull_updater_takes_a_right_image(void **state)
{
    struct pull_rig *rig = *state;

    update_succeeds(rig);
    assert_non_null(strstr(rig->log, "progress(20480,20480) end result(2)"));
}

static void test_pull_updater_wrong_first_byte_is_106(void **state)
{
    struct pull_rig *rig = *state;

    image[0] = 0xe8;
    digest();
    update(rig, md5, IMAGE_SIZE);
    pull_rig_logged(rig, "start(0,20480) error(-106) result(0)");
    fails(rig, -106, "Verify Bin Header Failed");
}

static void test_pull_updater_larger_flash_is_107(void **state)
{
    struct pull_rig *rig = *state;

    image[3] |= 0x40; /* 4 MiB */
    digest();
    update(rig, md5, IMAGE_SIZE);
    pull_rig_logged(rig, "start(0,20480) error(-107) result(0)");
    fails(rig, -107, "New Binary Does Not Fit Flash Size");
}

static void test_pull_updater_refuses_to_begin(void **state)
{
    struct pull_rig *rig = *state;

    otter_sim_board.strapped_for_download = true;
    update(rig, md5, IMAGE_SIZE);
    pull_rig_logged(rig, "error(11) result(0)");
    fails(rig, 11,
          "Update error: ERROR[11]: Invalid bootstrapping state, reset "
          "ESP8266 before updating");
}

static void test_pull_updater_digest_differs_is_7(void **state)
{
    struct pull_rig *rig = *state;
    char text[200];

    snprintf(text, sizeof text,
             "Update error: ERROR[7]: MD5 verification failed: expected: "
             "00000000000000000000000000000000, calculated: %s",
             md5);
    update(rig, "00000000000000000000000000000000", IMAGE_SIZE);
    assert_non_null(strstr(rig->log, "(20480,20480) error(7) result(0)"));
    fails(rig, 7, text);
}

static void test_pull_updater_flash_that_cannot_be_read_is_3(void **state)
{
    struct pull_rig *rig = *state;

    otter_sim_board.read_fails_addr = 512 * 1024;
    otter_sim_board.read_fails_len = 512 * 1024;
    update(rig, md5, IMAGE_SIZE);
    pull_rig_failed(rig, 3, "Update error: ERROR[3]: Flash Read Failed");
    otter_sim_board.read_fails_len = 0;
    update_succeeds(rig);
}

/* The body goes on behind the image's own end. */
static void test_pull_updater_half_an_image_is_refused(void **state)
{
    struct pull_rig *rig = *state;

    update(rig, md5, IMAGE_SIZE / 2);
    fails(rig, 145,
          "Update error: ERROR[145]: the image is not whole or malformed");
}

static void test_pull_updater_uppercase_md5_is_the_same(void **state)
{
    struct pull_rig *rig = *state;

    for (char *c = md5; *c != '\0'; c++) {
        *c = (char)(*c >= 'a' ? *c - 'a' + 'A' : *c);
    }
    update(rig, md5, IMAGE_SIZE);
    assert_int_equal(otter_pull_last_result(&rig->pull), OTTER_PULL_OK);
}

/* Twenty cuts of one download, and the flash holds the file. */
static void test_pull_updater_resumed_download_is_exact(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer = pull_rig_ask(rig);
    char head[300];
    uint32_t source, size;

    snprintf(head, sizeof head, "ETag: \"%s\"\r\nx-MD5: %s\r\n", md5, md5);
    pull_rig_say(rig, peer, pull_rig_head(IMAGE_SIZE, head));
    for (uint32_t at = 0; at < IMAGE_SIZE;) {
        uint32_t len = 700 + at % 333;

        len = len < IMAGE_SIZE - at ? len : IMAGE_SIZE - at;
        fake_peer_send(peer, image + at, len);
        fake_peer_close(peer);
        at += len;
        if (at < IMAGE_SIZE) {
            peer = pull_rig_asked(rig);
            snprintf(head, sizeof head, "Range: bytes=%u-", at);
            pull_rig_has_line(rig, head);
            snprintf(head, sizeof head,
                     "HTTP/1.0 206 Part\r\nContent-Length: %u\r\n"
                     "Content-Range: bytes %u-%u/%u\r\nETag: \"%s\"\r\n\r\n",
                     IMAGE_SIZE - at, at, IMAGE_SIZE - 1, IMAGE_SIZE, md5);
            pull_rig_say(rig, peer, head);
        }
    }
    pull_rig_finish(rig);
    assert_int_equal(otter_pull_last_result(&rig->pull), OTTER_PULL_OK);
    assert_true(otter_test_order(&source, &size));
    assert_memory_equal(otter_sim_board.nor.bytes + source, image, IMAGE_SIZE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_pull_updater_takes_a_right_image),
        TEST(test_pull_updater_wrong_first_byte_is_106),
        TEST(test_pull_updater_larger_flash_is_107),
        TEST(test_pull_updater_refuses_to_begin),
        TEST(test_pull_updater_digest_differs_is_7),
        TEST(test_pull_updater_flash_that_cannot_be_read_is_3),
        TEST(test_pull_updater_half_an_image_is_refused),
        TEST(test_pull_updater_uppercase_md5_is_the_same),
        TEST(test_pull_updater_resumed_download_is_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
