/* SPDX-License-Identifier: Apache-2.0
 *
 * Item 11 of protocol section 10 and the faults of 4.3, with the updater and
 * simulated flash behind the page.  What is refused changes nothing, and the
 * right upload goes through after it; what is taken lies in flash to the
 * byte, with the order to install it. */
#include "tests/support/sim_board.h"
#include "tests/support/test_image.h"
#include "tests/support/test_update.h"
#include "tests/support/web_rig.h"

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
#define SUCCESS    "Update Success! Rebooting..."
#define PART(name)                                                            \
    "Content-Disposition: form-data; name=\"" name "\"; "                     \
    "filename=\"f.bin\"\r\n"
#define TYPE  "Content-Type: application/octet-stream\r\n"
#define ADMIN "Authorization: Basic YWRtaW46YWRtaW4=\r\n"
#define WRONG "Authorization: Basic YWRtaW46ZmFsc2No\r\n"

static uint8_t *image;

static int setup(void **state)
{
    struct otter_test_image wanted = {
        .size = IMAGE_SIZE, .mode = 2, .nibble = 0, .seed = 7};
    struct web_rig *rig;

    web_rig_setup(state);
    rig = *state;
    otter_sim_board_close();
    otter_test_rig_open("1M64", 0x5000);
    rig->config.stream = otter_test_rig.stream;
    rig->config.stay_running = true;
    rig->events.on_progress = NULL; /* too many for the log */
    image = otter_test_image_make(&wanted);
    return 0;
}

static int teardown(void **state)
{
    free(image);
    image = NULL;
    return web_rig_teardown(state);
}

static void set_password(struct web_rig *rig)
{
    rig->config.user_name = "admin";
    rig->config.password = "admin";
}

/* A request with a body between two texts; the answer is in rig->answer. */
static void send(struct web_rig *rig, const char *login, const char *before,
                 const void *data, uint32_t len, const char *after)
{
    struct fake_peer *peer = web_rig_dial();
    char head[512];

    snprintf(head, sizeof head,
             WEB_RIG_HEAD "%s" WEB_RIG_TYPE "Content-Length: %zu\r\n\r\n",
             login, strlen(before) + len + strlen(after));
    fake_peer_send(peer, head, (uint32_t)strlen(head));
    fake_peer_send(peer, before, (uint32_t)strlen(before));
    if (len > 0) {
        fake_peer_send(peer, data, len);
    }
    fake_peer_send(peer, after, (uint32_t)strlen(after));
    assert_false(web_rig_run(rig, 4000));
    web_rig_read(rig, peer);
}

/* A form with one file whose part has this head. */
static void post(struct web_rig *rig, const char *login, const char *part,
                 const void *data, uint32_t len)
{
    char before[512];

    snprintf(before, sizeof before, "------edge\r\n%s\r\n", part);
    send(rig, login, before, data, len, "\r\n" WEB_RIG_END);
}

static void answered(struct web_rig *rig, int status, const char *text)
{
    char line[24];

    snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    web_rig_has(rig, line);
    web_rig_has(rig, text);
}

/* The order to install exactly the image is there; it is taken away. */
static void committed(struct web_rig *rig)
{
    uint32_t source, size;

    answered(rig, 200, SUCCESS);
    assert_true(otter_test_order(&source, &size));
    assert_int_equal(size, IMAGE_SIZE);
    assert_memory_equal(otter_sim_board.nor.bytes + source, image, IMAGE_SIZE);
    assert_true(otter_test_take_order());
}

static void refused(struct web_rig *rig, int status, const char *text)
{
    answered(rig, status, text);
    assert_false(otter_test_take_order());
    rig->log[0] = '\0';
    post(rig, rig->config.password != NULL ? ADMIN : "", PART("firmware"),
         image, IMAGE_SIZE);
    committed(rig);
}

static void test_web_item_11_field_names(void **state)
{
    static const char *const names[] = {PART("image"), PART("firmware"),
                                        PART("update"), PART("file")};
    struct web_rig *rig = *state;

    web_rig_open(rig);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        post(rig, "", names[i], image, IMAGE_SIZE);
        committed(rig);
    }
}

static void test_web_item_11_extra_part_headers(void **state)
{
    struct web_rig *rig = *state;

    web_rig_open(rig);
    post(rig, "",
         "X-Before: 1\r\n" TYPE PART("firmware") "Content-Length: 20480\r\n"
                                                 "X-After: 2\r\n",
         image, IMAGE_SIZE);
    committed(rig);
}

static void test_web_item_11_empty_file(void **state)
{
    struct web_rig *rig = *state;

    web_rig_open(rig);
    post(rig, "", PART("firmware") TYPE, "", 0);
    refused(rig, 400, "Update error: ERROR[13]: No data supplied\n");
}

/* The core takes nothing from it and restarts. */
static void test_web_item_11_field_that_is_no_file(void **state)
{
    struct web_rig *rig = *state;

    web_rig_open(rig);
    post(rig, "", "Content-Disposition: form-data; name=\"firmware\"\r\n",
         image, 1000);
    assert_null(strstr(rig->log, "start"));
    refused(rig, 400, "Update error: ERROR[13]");
}

/* The core answers the first with 401 though no password is set, and the
 * second, after anybody's upload, with a restart (4.3). */
static void test_web_item_11_post_without_a_file(void **state)
{
    struct web_rig *rig = *state;

    web_rig_open(rig);
    web_rig_ask(rig, WEB_RIG_HEAD "Content-Length: 0\r\n\r\n", 400);
    web_rig_has(rig, "ERROR[13]");
    set_password(rig);
    web_rig_ask(rig, WEB_RIG_HEAD "Content-Length: 0\r\n\r\n", 401);
    post(rig, ADMIN, PART("firmware"), image, IMAGE_SIZE);
    committed(rig);
    rig->log[0] = '\0';
    web_rig_ask(rig, WEB_RIG_HEAD "Content-Length: 0\r\n\r\n", 401);
    assert_false(web_rig_run(rig, 2000));
    web_rig_ask(rig, WEB_RIG_HEAD ADMIN "Content-Length: 0\r\n\r\n", 400);
    web_rig_ask(rig, WEB_RIG_HEAD ADMIN "\r\n", 411);
    assert_false(web_rig_run(rig, 2000));
    web_rig_logged(rig, "");
    assert_false(otter_test_take_order());
}

static void test_web_item_11_options_needs_no_password(void **state)
{
    struct web_rig *rig = *state;

    set_password(rig);
    web_rig_open(rig);
    web_rig_ask(rig, "OPTIONS /update HTTP/1.1\r\nHost: a\r\n\r\n", 200);
    web_rig_has(rig, "\r\n\r\ny");
    web_rig_has_not(rig, "Access-Control"); /* the core lets every site in */
    rig->config.allow_origin = "*";
    web_rig_ask(rig, "OPTIONS /update HTTP/1.1\r\nHost: a\r\n\r\n", 200);
    web_rig_has(rig, "Access-Control-Allow-Headers: *\r\n"
                     "Access-Control-Allow-Origin: *\r\n");
}

static void test_web_item_11_get_with_a_wrong_password(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;

    set_password(rig);
    web_rig_open(rig);
    peer = web_rig_dial();
    web_rig_say(rig, peer, "GET /update HTTP/1.1\r\nHost: a\r\n" WRONG "\r\n");
    assert_false(web_rig_run(rig, OTTER_WEB_WRONG_MS));
    web_rig_read(rig, peer);
    answered(rig, 401, "WWW-Authenticate: Basic realm=\"Login Required\"\r\n");
    web_rig_has_not(rig, "<form");
    web_rig_ask(rig, "GET /update HTTP/1.1\r\nHost: a\r\n" ADMIN "\r\n", 200);
    web_rig_has(rig, "<form");
}

/* 4.3: the core reads all of the body before it says 401. */
static void test_web_password_comes_before_the_body(void **state)
{
    struct web_rig *rig = *state;

    set_password(rig);
    web_rig_open(rig);
    web_rig_ask(rig, WEB_RIG_HEAD WEB_RIG_TYPE "Content-Length: 20700\r\n\r\n",
                401);
}

/* 4.3: with the closing boundary the core takes half a file. */
static void test_web_truncated_bodies_are_refused(void **state)
{
    struct web_rig *rig = *state;

    web_rig_open(rig);
    post(rig, "", PART("firmware"), image, IMAGE_SIZE / 2);
    refused(rig, 422, "Update error: ERROR[145]");
    send(rig, "", "------edge\r\n" PART("firmware") "\r\n", image, IMAGE_SIZE,
         "");
    refused(rig, 400, "Update error: ERROR[144]");
    send(rig, "",
         WEB_RIG_FIELD("size",
                       "20481") "------edge\r\n" PART("firmware") "\r\n",
         image, IMAGE_SIZE, "\r\n" WEB_RIG_END);
    refused(rig, 400, "Update error: ERROR[144]");
}

/* 4.3: the core only prints that a file system does not begin. */
static void test_web_file_system_that_does_not_fit_is_413(void **state)
{
    struct web_rig *rig = *state;
    static uint8_t large[0x10001];

    web_rig_open(rig);
    post(rig, "", PART("filesystem"), large, sizeof large);
    refused(rig, 413, "Update error: ERROR[4]: Not Enough Space\n");
}

/* 4.3, 2.4: no digest at all in the core's form. */
static void test_web_digests_are_enforced(void **state)
{
    struct web_rig *rig = *state;
    unsigned char bytes[EVP_MAX_MD_SIZE];
    char field[256], hex[65];
    unsigned n = 0;

    web_rig_open(rig);
    EVP_Digest(image, IMAGE_SIZE, bytes, &n, EVP_sha256(), NULL);
    for (unsigned i = 0; i < 32; i++) {
        snprintf(hex + 2 * i, 3, "%02X", bytes[i]);
    }
    for (int wrong = 1; wrong >= 0; wrong--) {
        hex[5] ^= 1; /* wrong, and right again */
        snprintf(field, sizeof field,
                 WEB_RIG_FIELD("sha256", "%s") "------edge\r\n%s\r\n", hex,
                 PART("firmware"));
        send(rig, "", field, image, IMAGE_SIZE, "\r\n" WEB_RIG_END);
        if (wrong) {
            refused(rig, 422, "Update error: ERROR[133]");
        } else {
            committed(rig);
        }
    }
    send(rig, "x-MD5: 00000000000000000000000000000000\r\n",
         "------edge\r\n" PART("firmware") "\r\n", image, IMAGE_SIZE,
         "\r\n" WEB_RIG_END);
    refused(rig, 422, "Update error: ERROR[7]: MD5 verification failed");
}

static void test_web_images_that_cannot_run_are_422(void **state)
{
    struct web_rig *rig = *state;

    web_rig_open(rig);
    image[0] = 0xe8;
    post(rig, "", PART("firmware"), image, IMAGE_SIZE);
    image[0] = 0xe9;
    refused(rig, 422, "Update error: ERROR[10]: Magic byte is not 0xE9\n");
    image[3] |= 0x40; /* 4 MiB */
    post(rig, "", PART("firmware"), image, IMAGE_SIZE);
    image[3] &= 15;
    refused(rig, 422, "Update error: ERROR[9]: new Flash config wrong");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_web_item_11_field_names),
        TEST(test_web_item_11_extra_part_headers),
        TEST(test_web_item_11_empty_file),
        TEST(test_web_item_11_field_that_is_no_file),
        TEST(test_web_item_11_post_without_a_file),
        TEST(test_web_item_11_options_needs_no_password),
        TEST(test_web_item_11_get_with_a_wrong_password),
        TEST(test_web_password_comes_before_the_body),
        TEST(test_web_truncated_bodies_are_refused),
        TEST(test_web_file_system_that_does_not_fit_is_413),
        TEST(test_web_digests_are_enforced),
        TEST(test_web_images_that_cannot_run_are_422),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
