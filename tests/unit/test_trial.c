/* SPDX-License-Identifier: Apache-2.0
 *
 * Confirm, revert and status, with the real boot loader at each restart. */
#include "device/updater/trial.h"
#include "format/descriptor.h"
#include "format/error.h"
#include "format/loader_config.h"
#include "tests/unit/boot_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct otter_trial trial;
static struct otter_trial_status status;

/* Restarts the board; then the program looks at its trial. */
static void restart(void)
{
    start();
    assert_int_equal(otter_trial_open(&trial), 0);
    otter_trial_status(&trial, &status);
}

/* The updater's way to say what runs, and that nothing else is stored. */
static int say(const struct otter_boot_image *running, bool incomplete)
{
    trial.on_trial = false;
    trial.running = *running;
    memset(&trial.previous, 0, sizeof trial.previous);
    return otter__trial_say_fs(&trial, incomplete);
}

/* The updater's way to ask for the new image, the old one retained. */
static void ask_for_new(uint32_t flags)
{
    struct otter_boot_image from = image(SLOT_A, file_old, OLD_SIZE);
    struct otter_boot_image to = image(SLOT_B, file_new, NEW_SIZE);

    assert_int_equal(otter_trial_open(&trial), 0);
    assert_int_equal(say(&from, false), 0);
    assert_int_equal(otter__trial_ask(&trial, &to, &from, flags), 0);
}

static void test_trial_confirmed_program_stays(void **state)
{
    (void)state;
    ask_for_new(0);
    restart();
    assert_true(status.on_trial);
    assert_true(status.has_log);
    assert_int_equal(status.loader_version, OTTER_LOADER_VERSION);
    assert_int_equal(status.tries_left, OTTER_BOOT_TRIES - 1);
    assert_true(status.can_revert);
    assert_int_equal(otter_trial_confirm(&trial), 0);
    assert_int_equal(otter_trial_confirm(&trial), 0); /* nothing to do */
    for (int i = 0; i < 5; i++) {
        restart();
        assert_false(status.on_trial);
        assert_int_equal(status.tries_left, 0);
        assert_int_equal(status.reason, OTTER_BOOT_REASON_NONE);
        check_installed(file_new, NEW_SIZE);
    }
}

/* A record that nobody sees may have been begun in the first free slot. */
static void test_trial_record_is_not_written_where_one_was_begun(void **state)
{
    uint32_t slot;

    (void)state;
    ask_for_new(0);
    restart();
    scan();
    slot = app.newest + 1;
    assert_int_equal(otter_trial_confirm(&trial), 0);
    assert_memory_equal(flash(LOG + slot * OTTER_BOOT_SLOT_SIZE),
                        "\0\0\0\0\xff\xff\xff\xff", 8);
}

static void test_trial_unconfirmed_program_is_reverted_and_says_why(
    void **state)
{
    (void)state;
    ask_for_new(0);
    for (uint32_t i = 0; i < OTTER_BOOT_TRIES; i++) {
        restart();
        assert_true(status.on_trial);
    }
    restart();
    assert_false(status.on_trial);
    assert_int_equal(status.reason, OTTER_BOOT_REASON_UNCONFIRMED);
    check_installed(file_old, OLD_SIZE);
}

static void test_trial_revert_comes_and_goes(void **state)
{
    (void)state;
    ask_for_new(0);
    restart();
    assert_int_equal(otter_trial_confirm(&trial), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(otter_trial_revert(&trial), 0);
        assert_int_equal(otter_trial_revert(&trial), OTTER_ERR_STATE);
        restart();
        check_installed(file_old, OLD_SIZE);
        assert_int_equal(status.reason, OTTER_BOOT_REASON_REQUESTED);
        assert_false(status.on_trial);
        assert_int_equal(otter_trial_revert(&trial), 0);
        restart();
        check_installed(file_new, NEW_SIZE);
    }
}

static void test_trial_revert_while_on_trial_goes_back(void **state)
{
    (void)state;
    ask_for_new(0);
    restart();
    assert_int_equal(otter_trial_revert(&trial), 0);
    restart();
    check_installed(file_old, OLD_SIZE);
    assert_true(status.can_revert);
}

static void test_trial_revert_without_a_retained_image_is_refused(void **state)
{
    struct otter_boot_image from = image(0, file_old, OLD_SIZE);
    struct otter_boot_image to = image(SLOT_B, file_new, NEW_SIZE);

    (void)state;
    assert_int_equal(otter_trial_open(&trial), 0);
    assert_int_equal(otter_trial_revert(&trial), OTTER_ERR_STATE);
    assert_int_equal(say(&from, false), 0);
    assert_int_equal(otter__trial_ask(&trial, &to, &from, 0), 0);
    restart();
    assert_false(status.can_revert);
    assert_false(status.on_trial);
    assert_int_equal(otter_trial_revert(&trial), OTTER_ERR_STATE);
}

static void test_trial_next_order_forgets_the_reason(void **state)
{
    (void)state;
    ask_for_new(0);
    restart();
    assert_int_equal(otter_trial_revert(&trial), 0);
    restart();
    ask_for_new(0);
    restart();
    assert_int_equal(status.reason, OTTER_BOOT_REASON_NONE);
}

static void test_trial_file_system_update_is_noted(void **state)
{
    struct otter_boot_image from = image(SLOT_A, file_old, OLD_SIZE);

    (void)state;
    assert_int_equal(otter_trial_open(&trial), 0);
    assert_int_equal(say(&from, true), 0);
    restart();
    assert_true(status.file_system_incomplete);
    ask_for_new(0); /* by the program that found it incomplete */
    assert_int_equal(say(&from, false), 0);
    restart();
    assert_false(status.file_system_incomplete);
}

static void test_trial_incomplete_file_system_survives_an_update(void **state)
{
    struct otter_boot_image from = image(SLOT_A, file_old, OLD_SIZE);
    struct otter_boot_image to = image(SLOT_B, file_new, NEW_SIZE);

    (void)state;
    assert_int_equal(otter_trial_open(&trial), 0);
    assert_int_equal(say(&from, true), 0);
    assert_int_equal(otter__trial_ask(&trial, &to, &from, 0), 0);
    restart();
    assert_true(status.file_system_incomplete);
    assert_int_equal(otter_trial_confirm(&trial), 0);
    restart();
    assert_true(status.file_system_incomplete);
}

/* A descriptor at the start of the image's only segment. */
static void give_version(uint8_t *file, const char *version)
{
    struct otter_descriptor descriptor = {0};

    memcpy(descriptor.version, version, strlen(version));
    otter_descriptor_encode(&descriptor, file + SECTOR + 16);
}

static void test_trial_status_tells_both_versions(void **state)
{
    (void)state;
    give_version(file_old, "1.0.0");
    give_version(file_new, "1.1.0");
    put_flash(SLOT_A, file_old, OLD_SIZE);
    put_flash(SLOT_B, file_new, NEW_SIZE);
    put_flash(0, file_old, OLD_SIZE);
    ask_for_new(0);
    restart();
    assert_string_equal(status.version, "1.1.0");
    assert_string_equal(status.other_version, "1.0.0");
}

static void test_trial_under_another_loader_is_refused(void **state)
{
    (void)state;
    put32(flash(OTTER_LOADER_CONFIG_ADDR), 0x12345678);
    assert_int_equal(otter_trial_open(&trial), OTTER_ERR_LOADER);
    assert_int_equal(otter_trial_confirm(&trial), OTTER_ERR_LOADER);
    assert_int_equal(otter_trial_revert(&trial), OTTER_ERR_LOADER);
    assert_int_equal(otter__trial_say(&trial), OTTER_ERR_LOADER);
    otter_trial_status(&trial, &status);
    assert_int_equal(status.loader_version, 0);
    assert_false(status.has_log);
}

static void test_trial_log_outside_the_flash_is_refused(void **state)
{
    static const uint32_t addrs[] = {
        OTTER_LOADER_NO_LOG, 0,      100, FLASH - SECTOR, FLASH,
        0xfffff000,          LOG + 4};

    (void)state;
    for (uint32_t i = 0; i < sizeof addrs / sizeof addrs[0]; i++) {
        put32(flash(OTTER_LOADER_CONFIG_ADDR + 4), addrs[i]);
        assert_int_equal(otter_trial_open(&trial), OTTER_ERR_LOADER);
    }
    put32(flash(OTTER_LOADER_CONFIG_ADDR + 4), FLASH - 2 * SECTOR);
    memset(flash(FLASH - 2 * SECTOR), 0xff, 2 * SECTOR);
    assert_int_equal(otter_trial_open(&trial), 0);
    otter_sim_board.read_fails_addr = FLASH - 4;
    otter_sim_board.read_fails_len = 4;
    assert_int_equal(otter_trial_open(&trial), OTTER_ERR_FLASH_READ);
}

static int fail_program(struct otter_nor *nor, void *user,
                        enum otter_nor_operation operation, uint32_t addr,
                        const uint8_t *data, uint32_t len)
{
    (void)nor;
    (void)user;
    (void)operation;
    (void)addr;
    (void)data;
    (void)len;
    return 0; /* says yes and does nothing */
}

static void test_trial_confirm_that_does_not_take_leaves_the_trial(
    void **state)
{
    (void)state;
    ask_for_new(0);
    restart();
    otter_sim_board.nor.fault = fail_program;
    assert_int_equal(otter_trial_confirm(&trial), OTTER_ERR_FLASH_PROGRAM);
    otter_trial_status(&trial, &status);
    assert_true(status.on_trial);
    otter_sim_board.nor.fault = NULL;
    assert_int_equal(otter_trial_confirm(&trial), 0);
    restart();
    assert_false(status.on_trial);
}

static void test_trial_reasons_have_texts(void **state)
{
    (void)state;
    for (uint32_t i = 0; i <= OTTER_BOOT_REASON_FLASH; i++) {
        assert_string_not_equal(otter_trial_reason_text(i), "unknown");
    }
    assert_string_equal(otter_trial_reason_text(99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_trial_confirmed_program_stays),
        TEST(test_trial_record_is_not_written_where_one_was_begun),
        TEST(test_trial_unconfirmed_program_is_reverted_and_says_why),
        TEST(test_trial_revert_comes_and_goes),
        TEST(test_trial_revert_while_on_trial_goes_back),
        TEST(test_trial_revert_without_a_retained_image_is_refused),
        TEST(test_trial_next_order_forgets_the_reason),
        TEST(test_trial_file_system_update_is_noted),
        TEST(test_trial_incomplete_file_system_survives_an_update),
        TEST(test_trial_status_tells_both_versions),
        TEST(test_trial_under_another_loader_is_refused),
        TEST(test_trial_log_outside_the_flash_is_refused),
        TEST(test_trial_confirm_that_does_not_take_leaves_the_trial),
        TEST(test_trial_reasons_have_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
