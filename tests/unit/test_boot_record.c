/* SPDX-License-Identifier: Apache-2.0
 *
 * The record log's decisions, on two sectors of bytes: what is newest, what
 * is torn, where the next record goes. */
#include "format/boot_record.h"
#include "format/crc32.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SLOTS (OTTER_BOOT_LOG_SECTORS * OTTER_BOOT_SLOTS)

static struct otter_boot_record flash[SLOTS];
static struct otter_boot_log session;

static int set_up(void **state)
{
    (void)state;
    memset(flash, 0xff, sizeof flash);
    otter_boot_log_begin(&session);
    return 0;
}

/* Power came up: reads the log anew. */
static void scan(void)
{
    otter_boot_log_begin(&session);
    for (uint32_t i = 0; i < SLOTS; i++) {
        session.slot = flash[i];
        otter_boot_log_look(&session, i);
    }
    otter_boot_log_judge(&session);
}

/* Appends the session's record; returns the slot. */
static uint32_t append(uint32_t record_state)
{
    uint32_t slot;

    session.record.state = record_state;
    slot = otter_boot_log_next(&session);
    if (slot % OTTER_BOOT_SLOTS == 0) {
        memset(&flash[slot], 0xff, OTTER_BOOT_SLOTS * sizeof flash[0]);
    }
    flash[slot] = session.record;
    session.slot = flash[slot];
    assert_true(otter_boot_log_written(&session));
    return slot;
}

static void test_record_of_an_empty_log_is_none(void **state)
{
    (void)state;
    scan();
    assert_int_equal(session.record.state, OTTER_BOOT_NONE);
    assert_int_equal(append(OTTER_BOOT_DONE), 0);
    assert_int_equal(session.record.generation, 1);
    assert_true(session.record.flags & OTTER_BOOT_AFFIRMED);
    scan();
    assert_int_equal(session.record.state, OTTER_BOOT_DONE);
    assert_false(session.dirty);
}

static void test_record_bytes_are_as_documented(void **state)
{
    const uint8_t *bytes = (const uint8_t *)&flash[0];

    (void)state;
    scan();
    session.record.target.addr = 0x00123000;
    session.record.tries = 5;
    append(OTTER_BOOT_COPY);
    assert_memory_equal(bytes, "OTB1\x01\0\0\0\x01\0\0\0\x05\0\0\0", 16);
    assert_memory_equal(bytes + 24, "\0\x30\x12\0", 4);
    assert_int_equal(flash[0].crc, otter_crc32(OTTER_CRC32_INIT, bytes, 124));
    for (uint32_t i = 0; i < OTTER_BOOT_MARKS; i++) {
        assert_int_equal(flash[0].mark[i], UINT32_MAX);
    }
}

static void test_record_newest_is_the_last_of_the_higher_generation(
    void **state)
{
    (void)state;
    scan();
    for (uint32_t i = 0; i < 70; i++) {
        uint32_t slot;

        session.record.counter = i;
        slot = append(OTTER_BOOT_DONE);
        assert_int_equal(slot, i % SLOTS);
        assert_int_equal(session.record.generation, 1 + i / OTTER_BOOT_SLOTS);
    }
    scan();
    assert_int_equal(session.record.counter, 69);
    assert_int_equal(session.newest, 69 % SLOTS);
    assert_false(session.dirty);
}

static void test_record_first_append_of_a_session_leaves_a_slot(void **state)
{
    (void)state;
    scan();
    append(OTTER_BOOT_DONE);
    append(OTTER_BOOT_DONE);
    scan();
    assert_int_equal(append(OTTER_BOOT_DONE), 3);
    assert_int_equal(append(OTTER_BOOT_DONE), 4);
}

/* A record whose program lost power may be in the first free slot and not be
 * seen: that slot is spoiled, and seen from then on. */
static void test_record_first_free_slot_of_a_session_is_spoiled(void **state)
{
    (void)state;
    scan();
    assert_false(otter_boot_log_spoils(&session)); /* an erase comes first */
    append(OTTER_BOOT_DONE);
    append(OTTER_BOOT_DONE);
    assert_false(otter_boot_log_spoils(&session));
    for (uint32_t i = 2; i < OTTER_BOOT_SLOTS; i++) { /* and power fails */
        scan();
        assert_false(session.dirty);
        assert_true(otter_boot_log_spoils(&session));
        assert_int_equal(otter_boot_log_free(&session), i);
        flash[i].magic = 0;
    }
    scan();
    assert_false(otter_boot_log_spoils(&session));
    assert_int_equal(append(OTTER_BOOT_DONE), OTTER_BOOT_SLOTS);
    scan();
    assert_int_equal(otter_boot_log_free(&session), OTTER_BOOT_SLOTS + 1);
    flash[OTTER_BOOT_SLOTS + 1].magic = 0;
    assert_int_equal(append(OTTER_BOOT_DONE), OTTER_BOOT_SLOTS + 2);
    scan();
    assert_false(session.dirty);
}

static void test_record_damage_of_any_bit_is_found(void **state)
{
    (void)state;
    scan();
    session.record.counter = 1;
    append(OTTER_BOOT_TRIAL);
    session.record.counter = 2;
    append(OTTER_BOOT_TRIAL);
    for (uint32_t bit = 0; bit < 128 * 8; bit++) {
        uint8_t *bytes = (uint8_t *)&flash[1];

        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        scan();
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(session.record.counter, 1);
        assert_true(session.dirty);
        assert_int_equal(session.used, 2); /* the torn slot is left behind */
    }
}

static void test_record_done_after_a_trial_needs_affirming(void **state)
{
    (void)state;
    scan();
    append(OTTER_BOOT_COPY);
    append(OTTER_BOOT_TRIAL);
    append(OTTER_BOOT_DONE);
    scan();
    assert_true(session.dirty);
    append(OTTER_BOOT_DONE);
    assert_true(session.record.flags & OTTER_BOOT_AFFIRMED);
    scan();
    assert_false(session.dirty);
}

static void test_record_unwritten_done_does_not_affirm_itself(void **state)
{
    (void)state;
    scan();
    append(OTTER_BOOT_TRIAL);
    session.record.state = OTTER_BOOT_DONE;
    assert_int_equal(otter_boot_log_next(&session), 1);
    memset(&session.slot, 0, sizeof session.slot); /* it did not take */
    assert_false(otter_boot_log_written(&session));
    assert_int_equal(otter_boot_log_next(&session), 2);
    assert_false(session.record.flags & OTTER_BOOT_AFFIRMED);
}

static void test_record_torn_first_record_forces_a_switch(void **state)
{
    (void)state;
    scan();
    for (uint32_t i = 0; i < 3; i++) {
        append(OTTER_BOOT_DONE);
    }
    flash[16].generation = 2; /* of a switch that power interrupted */
    scan();
    assert_true(session.dirty);
    assert_int_equal(append(OTTER_BOOT_DONE), 16);
    assert_int_equal(session.record.generation, 2);
}

static void test_record_of_a_stock_program_must_be_alone(void **state)
{
    (void)state;
    scan();
    for (uint32_t i = 0; i < OTTER_BOOT_SLOTS; i++) {
        append(OTTER_BOOT_DONE);
    }
    session.record.flags |= OTTER_BOOT_STOCK;
    assert_int_equal(append(OTTER_BOOT_DONE), 16);
    scan();
    assert_true(session.dirty);
    memset(&flash[0], 0xff, OTTER_BOOT_SLOTS * sizeof flash[0]);
    scan();
    assert_false(session.dirty);
}

static void test_record_progress_is_the_last_mark_or_what_it_says(void **state)
{
    (void)state;
    scan();
    session.record.tries = 3;
    append(OTTER_BOOT_COPY);
    scan();
    assert_int_equal(session.record.tries, 3);
    flash[0].mark[7] = 0; /* marks before it may have been lost */
    scan();
    assert_int_equal(session.record.tries, 8);
    flash[0].mark[31] = 0xfffffffe;
    scan();
    assert_int_equal(session.record.tries, 32);
}

static void test_record_chunks_cover_the_image(void **state)
{
    struct otter_boot_image image = {0};

    (void)state;
    assert_int_equal(otter_boot_chunk(0), 0);
    assert_int_equal(otter_boot_chunk(1), 0x1000);
    assert_int_equal(otter_boot_chunk(32 * 0x1000), 0x1000);
    assert_int_equal(otter_boot_chunk(32 * 0x1000 + 1), 0x2000);
    assert_int_equal(otter_boot_chunk(1044464), 0x8000);
    image.size = 33 * 0x1000;
    image.addr = 0x3000;
    assert_false(otter_boot_overlap_is_safe(&image));
    image.addr = 0x4000;
    assert_true(otter_boot_overlap_is_safe(&image));
    image.addr = image.size;
    assert_true(otter_boot_overlap_is_safe(&image));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_record_of_an_empty_log_is_none),
        TEST(test_record_bytes_are_as_documented),
        TEST(test_record_newest_is_the_last_of_the_higher_generation),
        TEST(test_record_first_append_of_a_session_leaves_a_slot),
        TEST(test_record_first_free_slot_of_a_session_is_spoiled),
        TEST(test_record_damage_of_any_bit_is_found),
        TEST(test_record_done_after_a_trial_needs_affirming),
        TEST(test_record_unwritten_done_does_not_affirm_itself),
        TEST(test_record_torn_first_record_forces_a_switch),
        TEST(test_record_of_a_stock_program_must_be_alone),
        TEST(test_record_progress_is_the_last_mark_or_what_it_says),
        TEST(test_record_chunks_cover_the_image),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
