/* SPDX-License-Identifier: Apache-2.0
 *
 * The decision, row by row: strangers, targets and their precedence, states,
 * versions, sizes. */
#include "server/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MAC   0x18FEAABBCCDDull
#define MAC_S "18feaabbccdd"

static struct otterd_ask make_ask(void)
{
    struct otterd_ask ask = {.mac = MAC,
                             .version = "1.0",
                             .has_free_space = true,
                             .free_space = 8192,
                             .has_chip_size = true,
                             .chip_size = 1u << 20};
    return ask;
}

static struct otterd_device make_device(void)
{
    struct otterd_device device = {.mac = MAC,
                                   .state = OTTERD_ACCEPTED,
                                   .group = "hall",
                                   .tags = "old beta"};
    return device;
}

static struct otterd_release make_release(int64_t id, enum otterd_target to,
                                          const char *value)
{
    struct otterd_release release = {.id = id,
                                     .target = to,
                                     .version = "2.0",
                                     .size = 8192,
                                     .flash_size = 1u << 20};

    snprintf(release.target_value, sizeof release.target_value, "%s", value);
    return release;
}

/* Decides with the usual device and one release. */
static struct otterd_decision one(const struct otterd_release *release)
{
    struct otterd_device device = make_device();
    struct otterd_ask ask = make_ask();
    struct otterd_decision out;

    otterd_decide(&ask, &device, release, 1, &out);
    return out;
}

static void test_decide_strangers_get_nothing(void **state)
{
    static const struct {
        enum otterd_device_state state;
        const char *reason;
    } rows[] = {
        {OTTERD_UNKNOWN, "The device is not registered."},
        {OTTERD_PENDING, "The device waits to be accepted."},
        {OTTERD_BLOCKED, "The device is blocked."},
        {(enum otterd_device_state)77, "The device is not registered."},
    };
    struct otterd_release all = make_release(1, OTTERD_TARGET_ALL, "");
    struct otterd_device device = make_device();
    struct otterd_ask ask = make_ask();
    struct otterd_decision out;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        device.state = rows[i].state;
        otterd_decide(&ask, &device, &all, 1, &out);
        assert_int_equal(out.verdict, OTTERD_NOT_KNOWN);
        assert_null(out.release);
        assert_string_equal(out.reason, rows[i].reason);
    }
}

static void test_decide_targets_hit_and_miss(void **state)
{
    static const struct {
        enum otterd_target target;
        const char *hit;
        const char *miss;
    } rows[] = {
        {OTTERD_TARGET_CHIP_SIZE, "1048576", "4194304"},
        {OTTERD_TARGET_VERSION, "1.0", "1.00"},
        {OTTERD_TARGET_TAG, "beta", "bet"},
        {OTTERD_TARGET_TAG, "old", "old beta"},
        {OTTERD_TARGET_TAG, "old", ""},
        {OTTERD_TARGET_GROUP, "hall", "Hall"},
        {OTTERD_TARGET_MAC, "18FEAABBCCDD", "18feaabbccde"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct otterd_release release =
            make_release(1, rows[i].target, rows[i].hit);

        assert_int_equal(one(&release).verdict, OTTERD_OFFER);
        release = make_release(1, rows[i].target, rows[i].miss);
        assert_int_equal(one(&release).verdict, OTTERD_NOT_KNOWN);
        assert_string_equal(one(&release).reason,
                            "No release is meant for the device.");
    }
}

static void test_decide_many_releases_follow_precedence(void **state)
{
    /* Weakest first: each must win over all before it, in any order. */
    struct otterd_release list[] = {
        make_release(9, OTTERD_TARGET_ALL, ""),
        make_release(1, OTTERD_TARGET_ALL, ""),
        make_release(2, OTTERD_TARGET_ALL, ""),
        make_release(3, OTTERD_TARGET_CHIP_SIZE, "1048576"),
        make_release(4, OTTERD_TARGET_VERSION, "1.0"),
        make_release(5, OTTERD_TARGET_TAG, "beta"),
        make_release(6, OTTERD_TARGET_GROUP, "hall"),
        make_release(7, OTTERD_TARGET_MAC, MAC_S),
        make_release(8, OTTERD_TARGET_MAC, MAC_S),
    };
    size_t count = sizeof list / sizeof list[0];
    struct otterd_device device = make_device();
    struct otterd_ask ask = make_ask();
    struct otterd_release turned[sizeof list / sizeof list[0]];
    struct otterd_decision out;

    (void)state;
    list[0].priority = -1;
    for (size_t n = 1; n <= count; n++) {
        otterd_decide(&ask, &device, list, n, &out);
        assert_ptr_equal(out.release, &list[n - 1]);
        for (size_t i = 0; i < n; i++) {
            turned[i] = list[n - 1 - i];
        }
        otterd_decide(&ask, &device, turned, n, &out);
        assert_ptr_equal(out.release, &turned[0]);
    }
    list[3].priority = 1000; /* priority does not beat a closer target */
    otterd_decide(&ask, &device, list, count, &out);
    assert_int_equal(out.release->id, 8);
}

static void test_decide_same_version_is_current(void **state)
{
    struct otterd_release release = make_release(1, OTTERD_TARGET_ALL, "");
    struct otterd_decision out;

    (void)state;
    strcpy(release.version, "1.0");
    release.state = OTTERD_PAUSED;
    release.size = 1u << 24; /* nothing is sent, so nothing need fit */
    out = one(&release);
    assert_int_equal(out.verdict, OTTERD_CURRENT);
    assert_string_equal(
        out.reason,
        "The device runs version 1.0, which is the one meant for it.");
}

static void test_decide_paused_holds_withdrawn_is_absent(void **state)
{
    struct otterd_release release = make_release(1, OTTERD_TARGET_ALL, "");

    (void)state;
    release.state = OTTERD_PAUSED;
    assert_int_equal(one(&release).verdict, OTTERD_HELD);
    assert_string_equal(one(&release).reason,
                        "The release of version 2.0 is paused.");
    release.state = OTTERD_WITHDRAWN;
    assert_int_equal(one(&release).verdict, OTTERD_NOT_KNOWN);
}

static void test_decide_what_was_reverted_is_not_given_again(void **state)
{
    static const struct {
        int64_t took;
        const char *reverted;
        enum otterd_mode mode;
        enum otterd_verdict verdict;
    } rows[] = {
        {1, "2.0", OTTERD_SKETCH, OTTERD_HELD},
        {1, "2.0", OTTERD_VERSION, OTTERD_HELD},
        {1, "", OTTERD_SKETCH, OTTERD_OFFER},
        {1, "1.9", OTTERD_SKETCH, OTTERD_OFFER}, /* from an earlier one */
        {2, "2.0", OTTERD_SKETCH, OTTERD_OFFER}, /* released anew */
        {0, "2.0", OTTERD_SKETCH, OTTERD_OFFER},
    };
    struct otterd_release release = make_release(1, OTTERD_TARGET_ALL, "");
    struct otterd_device device = make_device();
    struct otterd_ask ask = make_ask();
    struct otterd_decision out;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        device.took = rows[i].took;
        ask.mode = rows[i].mode;
        strcpy(ask.reverted, rows[i].reverted);
        otterd_decide(&ask, &device, &release, 1, &out);
        assert_int_equal(out.verdict, rows[i].verdict);
        assert_ptr_equal(out.release, &release);
    }
}

static void test_decide_product_and_mode_must_match(void **state)
{
    struct otterd_release release = make_release(1, OTTERD_TARGET_ALL, "");
    struct otterd_device device = make_device();
    struct otterd_ask ask = make_ask();
    struct otterd_decision out;

    (void)state;
    strcpy(release.product, "lamp");
    assert_int_equal(one(&release).verdict, OTTERD_NOT_KNOWN);
    release.product[0] = '\0';
    release.mode = OTTERD_FILE_SYSTEM;
    assert_int_equal(one(&release).verdict, OTTERD_NOT_KNOWN);
    ask.mode = OTTERD_FILE_SYSTEM;
    ask.free_space = 0; /* the sketch's space says nothing of it */
    otterd_decide(&ask, &device, &release, 1, &out);
    assert_int_equal(out.verdict, OTTERD_OFFER);
    release.mode = OTTERD_SKETCH; /* never a sketch into the file system */
    otterd_decide(&ask, &device, &release, 1, &out);
    assert_int_equal(out.verdict, OTTERD_NOT_KNOWN);
    ask.mode = OTTERD_VERSION;
    ask.free_space = 8192;
    otterd_decide(&ask, &device, &release, 1, &out);
    assert_int_equal(out.verdict, OTTERD_OFFER);
}

static void test_decide_image_too_large_is_held_with_numbers(void **state)
{
    struct otterd_release release = make_release(1, OTTERD_TARGET_ALL, "");
    struct otterd_device device = make_device();
    struct otterd_ask ask = make_ask();
    struct otterd_decision out;

    (void)state;
    release.size = 8193; /* rounds up to three sectors */
    out = one(&release);
    assert_int_equal(out.verdict, OTTERD_HELD);
    assert_string_equal(out.reason,
                        "The image needs 12288 bytes of staging space and the "
                        "device has 8192.");
    ask.has_free_space = false;
    otterd_decide(&ask, &device, &release, 1, &out);
    assert_int_equal(out.verdict, OTTERD_OFFER);
    release.size = UINT32_MAX;
    assert_int_equal(one(&release).verdict, OTTERD_HELD);

    release.size = 8192;
    release.flash_size = 1u << 22;
    out = one(&release);
    assert_int_equal(out.verdict, OTTERD_HELD);
    assert_string_equal(out.reason,
                        "The image is built for 4194304 bytes of flash and "
                        "the device has 1048576.");
    ask = make_ask();
    ask.has_chip_size = false;
    otterd_decide(&ask, &device, &release, 1, &out);
    assert_int_equal(out.verdict, OTTERD_OFFER);
    strcpy(release.target_value, "0");
    release.target = OTTERD_TARGET_CHIP_SIZE; /* not known is no size */
    otterd_decide(&ask, &device, &release, 1, &out);
    assert_int_equal(out.verdict, OTTERD_NOT_KNOWN);
}

/* What is packed is staged as it is and must fit unpacked as well. */
static void test_decide_packed_image_too_large_unpacked_is_held(void **state)
{
    static const struct {
        uint32_t image_size;
        uint32_t chip_size;   /* 0: not told */
        uint32_t sketch_size; /* 0: not told */
        const char *why;      /* NULL: it fits */
    } rows[] = {
        {20480, 1u << 20, 12288, NULL}, /* all below the file system */
        {20480, 1u << 20, 8193, NULL},  /* what runs has whole sectors, too */
        {20481, 1u << 20, 12288,
         "Unpacked, the image needs 24576 bytes of flash and the device has "
         "20480 below its file system."},
        {20480, 1u << 20, 8192,
         "Unpacked, the image needs 20480 bytes of flash and the device has "
         "16384 below its file system."},
        {20481, 1u << 20, 0, NULL},
        {1u << 20, 1u << 20, 0, NULL},
        {(1u << 20) + 1, 1u << 20, 0,
         "Unpacked, the image needs 1052672 bytes of flash and the device has "
         "1048576."},
        {(1u << 20) + 1, 0, 0, NULL},
        {0, 1u << 20, 1, NULL}, /* not known */
        {UINT32_MAX, 1u << 20, UINT32_MAX,
         "Unpacked, the image needs 4294967296 bytes of flash and the device "
         "has 1048576."},
        {UINT32_MAX, 0, UINT32_MAX, NULL},
    };
    struct otterd_release release = make_release(1, OTTERD_TARGET_ALL, "");
    struct otterd_device device = make_device();
    struct otterd_decision out;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct otterd_ask ask = make_ask();

        release.image_size = rows[i].image_size;
        ask.has_chip_size = rows[i].chip_size != 0;
        ask.chip_size = rows[i].chip_size;
        ask.has_sketch_size = rows[i].sketch_size != 0;
        ask.sketch_size = rows[i].sketch_size;
        otterd_decide(&ask, &device, &release, 1, &out);
        if (out.verdict !=
            (rows[i].why != NULL ? OTTERD_HELD : OTTERD_OFFER)) {
            fail_msg("row %zu: %s", i, out.reason);
        }
        if (rows[i].why != NULL) {
            assert_string_equal(out.reason, rows[i].why);
        }
        ask.has_free_space = false; /* nothing to add to */
        otterd_decide(&ask, &device, &release, 1, &out);
        assert_int_equal(out.verdict,
                         rows[i].why == NULL || strstr(rows[i].why, "below")
                             ? OTTERD_OFFER
                             : OTTERD_HELD);
    }
}

static void test_decide_file_system_larger_than_the_flash_is_held(void **state)
{
    struct otterd_release release = make_release(1, OTTERD_TARGET_ALL, "");
    struct otterd_device device = make_device();
    struct otterd_ask ask = make_ask();
    struct otterd_decision out;

    (void)state;
    ask.mode = OTTERD_FILE_SYSTEM;
    ask.has_sketch_size = true;
    ask.sketch_size = 4096;
    release.mode = OTTERD_FILE_SYSTEM;
    release.flash_size = 0;
    release.size = release.image_size = 1u
                                        << 20; /* where it lies is unknown */
    otterd_decide(&ask, &device, &release, 1, &out);
    assert_int_equal(out.verdict, OTTERD_OFFER);
    release.size = release.image_size = (1u << 20) + 4096;
    otterd_decide(&ask, &device, &release, 1, &out);
    assert_int_equal(out.verdict, OTTERD_HELD);
    assert_string_equal(out.reason, "The image needs 1052672 bytes of flash "
                                    "and the device has 1048576.");
}

/* Who only asks for the number is not promised what it would not be given. */
static void test_decide_query_for_what_does_not_fit_is_held(void **state)
{
    struct otterd_release release = make_release(1, OTTERD_TARGET_ALL, "");
    struct otterd_device device = make_device();
    struct otterd_ask ask = make_ask();
    struct otterd_decision out;

    (void)state;
    ask.mode = OTTERD_VERSION;
    release.size = 8193;
    otterd_decide(&ask, &device, &release, 1, &out);
    assert_int_equal(out.verdict, OTTERD_HELD);
    assert_non_null(strstr(out.reason, "12288 bytes of staging space"));
}

static void test_decide_offer_names_both_versions(void **state)
{
    struct otterd_release release = make_release(1, OTTERD_TARGET_ALL, "");
    struct otterd_device device = make_device();
    struct otterd_ask ask = make_ask();
    struct otterd_decision out;

    (void)state;
    assert_string_equal(one(&release).reason,
                        "The device runs version 1.0 and version 2.0 is meant "
                        "for it.");
    ask.version[0] = '\0';
    otterd_decide(&ask, &device, &release, 1, &out);
    assert_string_equal(out.reason,
                        "The device runs version (none) and version 2.0 is "
                        "meant for it.");
}

static void test_decide_current_dialect_looks_at_the_sketch(void **state)
{
    static const char own[] = "0123456789abcdef0123456789abcdef";
    static const char other[] = "f123456789abcdef0123456789abcdef";
    static const struct {
        bool has_version;
        const char *version;
        const char *sketch_md5;
        const char *image_md5;
        enum otterd_mode mode;
        int64_t took;
        enum otterd_verdict verdict;
    } rows[] = {
        {true, "2.0", own, own, OTTERD_SKETCH, 0, OTTERD_CURRENT},
        {true, "1.0", own, own, OTTERD_SKETCH, 0, OTTERD_OFFER},
        {true, "2.0", other, own, OTTERD_SKETCH, 0, OTTERD_OFFER},
        {true, "2.0", other, own, OTTERD_VERSION, 0, OTTERD_OFFER},
        {true, "2.0", other, own, OTTERD_SKETCH, 2, OTTERD_OFFER},
        /* It took this release and flashed it with a patch. */
        {true, "2.0", other, own, OTTERD_SKETCH, 1, OTTERD_CURRENT},
        {true, "1.0", other, own, OTTERD_SKETCH, 1, OTTERD_OFFER},
        {false, "", own, own, OTTERD_SKETCH, 0, OTTERD_CURRENT},
        {false, "", other, own, OTTERD_SKETCH, 0, OTTERD_OFFER},
        {false, "", other, "", OTTERD_SKETCH, 0, OTTERD_CURRENT},
        {true, "2.0", "", own, OTTERD_SKETCH, 0, OTTERD_CURRENT},
        {true, "2.0", "0123456789ABCDEF0123456789ABCDEF", own, OTTERD_SKETCH,
         0, OTTERD_CURRENT},
        /* The sketch says nothing about the file system. */
        {true, "2.0", other, own, OTTERD_FILE_SYSTEM, 0, OTTERD_CURRENT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct otterd_release release = make_release(1, OTTERD_TARGET_ALL, "");
        struct otterd_device device = make_device();
        struct otterd_ask ask = make_ask();
        struct otterd_decision out;

        ask.dialect = OTTERD_DIALECT_CURRENT;
        ask.has_version = rows[i].has_version;
        ask.mode = rows[i].mode;
        release.mode = rows[i].mode == OTTERD_FILE_SYSTEM ? OTTERD_FILE_SYSTEM
                                                          : OTTERD_SKETCH;
        device.took = rows[i].took;
        snprintf(ask.version, sizeof ask.version, "%s", rows[i].version);
        snprintf(ask.sketch_md5, sizeof ask.sketch_md5, "%s",
                 rows[i].sketch_md5);
        snprintf(release.image_md5, sizeof release.image_md5, "%s",
                 rows[i].image_md5);
        otterd_decide(&ask, &device, &release, 1, &out);
        if (out.verdict != rows[i].verdict) {
            fail_msg("row %zu: %s", i, out.reason);
        }
        ask.dialect = OTTERD_DIALECT_MANUAL;
        otterd_decide(&ask, &device, &release, 1, &out);
        assert_int_equal(out.verdict, strcmp(rows[i].version, "2.0") == 0
                                          ? OTTERD_CURRENT
                                          : OTTERD_OFFER);
    }
}

static void test_decide_each_family_of_chips_gets_its_own(void **state)
{
    struct otterd_release list[2] = {make_release(1, OTTERD_TARGET_ALL, ""),
                                     make_release(2, OTTERD_TARGET_ALL, "")};
    struct otterd_device device = make_device();
    struct otterd_ask ask = make_ask();
    struct otterd_decision out;

    (void)state;
    list[0].chip = OTTERD_ESP8266;
    list[1].chip = OTTERD_ESP32;
    ask.chip = OTTERD_ESP8266;
    otterd_decide(&ask, &device, list, 2, &out);
    assert_int_equal(out.verdict, OTTERD_OFFER);
    assert_int_equal(out.release->id, 1);
    ask.chip = OTTERD_ESP32;
    otterd_decide(&ask, &device, list, 2, &out);
    assert_int_equal(out.release->id, 2);
    otterd_decide(&ask, &device, list, 1, &out);
    assert_int_equal(out.verdict, OTTERD_HELD);
    assert_string_equal(out.reason, "The image is for an ESP8266 and the "
                                    "device is an ESP32.");
    list[0].chip = OTTERD_CHIP_ANY; /* not known */
    otterd_decide(&ask, &device, list, 1, &out);
    assert_int_equal(out.verdict, OTTERD_OFFER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decide_strangers_get_nothing),
        cmocka_unit_test(test_decide_targets_hit_and_miss),
        cmocka_unit_test(test_decide_many_releases_follow_precedence),
        cmocka_unit_test(test_decide_same_version_is_current),
        cmocka_unit_test(test_decide_paused_holds_withdrawn_is_absent),
        cmocka_unit_test(test_decide_what_was_reverted_is_not_given_again),
        cmocka_unit_test(test_decide_product_and_mode_must_match),
        cmocka_unit_test(test_decide_image_too_large_is_held_with_numbers),
        cmocka_unit_test(test_decide_packed_image_too_large_unpacked_is_held),
        cmocka_unit_test(
            test_decide_file_system_larger_than_the_flash_is_held),
        cmocka_unit_test(test_decide_query_for_what_does_not_fit_is_held),
        cmocka_unit_test(test_decide_offer_names_both_versions),
        cmocka_unit_test(test_decide_current_dialect_looks_at_the_sketch),
        cmocka_unit_test(test_decide_each_family_of_chips_gets_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
