/* SPDX-License-Identifier: Apache-2.0
 *
 * Inflate against zlib's deflate: every kind of block, every optional header
 * field, input in pieces of every size, and damage of every byte. */
#include "codec/inflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#define OUT_MAX 150000u

/* What one run reads from and writes to. */
struct run {
    struct otter_inflate inflate;
    const uint8_t *in;
    uint32_t in_len;
    uint32_t in_piece; /* bytes a refill hands over at most */
    uint32_t in_pos;
    uint8_t *out;
    uint32_t out_len;
    uint32_t out_limit; /* flush fails beyond it */
    uint32_t last_len;  /* of the last flush */
    int error;          /* what a failing flush returns */
};

static uint8_t window[OTTER_INFLATE_WINDOW];
static uint8_t out[OUT_MAX];

static int refill(struct otter_inflate *inflate)
{
    struct run *run = inflate->user;
    uint32_t n = run->in_len - run->in_pos;

    n = n < run->in_piece ? n : run->in_piece;
    if (n == 0) {
        return OTTER_ERR_SHORT;
    }
    inflate->next = run->in + run->in_pos;
    inflate->end = inflate->next + n;
    run->in_pos += n;
    return 0;
}

static int flush(struct otter_inflate *inflate, uint8_t *data, uint32_t len)
{
    struct run *run = inflate->user;

    assert_true(len >= 1 && len <= OTTER_INFLATE_BLOCK);
    assert_true(data >= window && data + len <= window + sizeof window);
    assert_int_equal((data - window) % OTTER_INFLATE_BLOCK, 0);
    /* Only the last block may be short. */
    assert_int_equal(run->out_len % OTTER_INFLATE_BLOCK, 0);
    if (run->out_len + len > run->out_limit) {
        return run->error;
    }
    memcpy(run->out + run->out_len, data, len);
    run->out_len += len;
    return 0;
}

static struct run run;

static int unpack(const uint8_t *in, uint32_t len, uint32_t piece)
{
    memset(&run, 0xa5, sizeof run);
    memset(window, 0x5a, sizeof window);
    run.in = in;
    run.in_len = len;
    run.in_piece = piece;
    run.in_pos = 0;
    run.out = out;
    run.out_len = 0;
    run.out_limit = OUT_MAX;
    run.error = OTTER_ERR_SPACE;
    run.inflate.next = NULL;
    run.inflate.end = NULL;
    run.inflate.window = window;
    run.inflate.refill = refill;
    run.inflate.flush = flush;
    run.inflate.user = &run;
    return otter_inflate_gzip(&run.inflate);
}

static uint8_t packed[OUT_MAX + 1000];

/* Packs with zlib; returns the length. */
static uint32_t pack(const uint8_t *data, uint32_t len, int level,
                     int strategy, gz_header *head)
{
    z_stream z = {0};

    assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 9, strategy),
                     Z_OK);
    if (head != NULL) {
        assert_int_equal(deflateSetHeader(&z, head), Z_OK);
    }
    z.next_in = (z_const Bytef *)data;
    z.avail_in = len;
    z.next_out = packed;
    z.avail_out = sizeof packed;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return (uint32_t)z.total_out;
}

static uint8_t plain[OUT_MAX];

/* Data like a program: words from a small set, some noise, some runs; long
 * enough that matches reach back the whole window. */
static void fill_plain(uint32_t seed)
{
    for (uint32_t i = 0; i < sizeof plain; i++) {
        seed = seed * 1664525u + 1013904223u;
        if (seed >> 30 == 0) {
            plain[i] = (uint8_t)(seed >> 16);
        } else if (i > 40000 && seed >> 30 == 1) {
            plain[i] = plain[i - 32768];
        } else {
            plain[i] = (uint8_t)(i >= 12 ? plain[i - 12] : i);
        }
    }
}

static void check_round(uint32_t len, int level, int strategy, uint32_t piece)
{
    uint32_t size = pack(plain, len, level, strategy, NULL);

    assert_int_equal(unpack(packed, size, piece), 0);
    assert_int_equal(run.out_len, len);
    assert_int_equal(run.inflate.produced, len);
    assert_memory_equal(out, plain, len);
}

static void test_inflate_every_block_kind_gives_the_data(void **state)
{
    static const uint32_t lengths[] = {
        0, 1, 2, 255, 4095, 4096, 4097, 32767, 32768, 32769, 65536, 150000};

    (void)state;
    fill_plain(1);
    for (uint32_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        check_round(lengths[i], 0, Z_DEFAULT_STRATEGY, 4096); /* stored */
        check_round(lengths[i], 9, Z_FIXED, 4096);
        check_round(lengths[i], 9, Z_DEFAULT_STRATEGY, 4096); /* dynamic */
        check_round(lengths[i], 1, Z_HUFFMAN_ONLY, 4096);
        check_round(lengths[i], 6, Z_RLE, 4096);
    }
}

static void test_inflate_longest_matches_and_distances_are_right(void **state)
{
    (void)state;
    memset(plain, 'x', sizeof plain);
    check_round(sizeof plain, 9, Z_DEFAULT_STRATEGY, 4096); /* length 258 */
    fill_plain(7);
    memcpy(plain + 32768, plain, 32768); /* distance 32768 */
    check_round(sizeof plain, 9, Z_DEFAULT_STRATEGY, 1);
}

static void test_inflate_input_in_any_pieces_is_the_same(void **state)
{
    (void)state;
    fill_plain(3);
    for (uint32_t piece = 1; piece < 20; piece++) {
        check_round(20000, 9, Z_DEFAULT_STRATEGY, piece);
    }
}

static void test_inflate_optional_header_fields_are_skipped(void **state)
{
    Bytef extra[] = "four";
    Bytef name[] = "Blink.ino.bin";
    Bytef comment[] = "a comment";

    (void)state;
    fill_plain(4);
    for (int fields = 0; fields < 16; fields++) {
        gz_header head = {0};
        uint32_t size;

        head.extra = (fields & 1) != 0 ? extra : NULL;
        head.extra_len = 4;
        head.name = (fields & 2) != 0 ? name : NULL;
        head.comment = (fields & 4) != 0 ? comment : NULL;
        head.hcrc = (fields & 8) != 0;
        size = pack(plain, 9000, 9, Z_DEFAULT_STRATEGY, &head);
        assert_int_equal(unpack(packed, size, 100), 0);
        assert_memory_equal(out, plain, 9000);
    }
}

static void test_inflate_bytes_after_the_member_are_left_alone(void **state)
{
    uint32_t size;

    (void)state;
    fill_plain(5);
    size = pack(plain, 5000, 9, Z_DEFAULT_STRATEGY, NULL);
    memset(packed + size, 0x1f, 16);
    assert_int_equal(unpack(packed, size + 16, 4096), 0);
    assert_ptr_equal(run.inflate.next, packed + size);
}

static void test_inflate_cut_input_reports_what_refill_said(void **state)
{
    uint32_t size;

    (void)state;
    fill_plain(6);
    size = pack(plain, 2000, 9, Z_DEFAULT_STRATEGY, NULL);
    for (uint32_t len = 0; len < size; len++) {
        int error = unpack(packed, len, 512);

        assert_int_equal(error, OTTER_ERR_SHORT);
    }
}

static void test_inflate_every_damaged_bit_is_found(void **state)
{
    uint32_t size;
    uint32_t found = 0;

    (void)state;
    fill_plain(8);
    size = pack(plain, 1500, 9, Z_DEFAULT_STRATEGY, NULL);
    for (uint32_t bit = 0; bit < size * 8; bit++) {
        int error;

        packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        error = unpack(packed, size, 4096);
        packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (error == 0) {
            /* Header bytes that say nothing about the data, padding, another
             * way to say the same: then the data must be whole. */
            assert_int_equal(run.out_len, 1500);
            assert_memory_equal(out, plain, 1500);
        } else {
            found++;
        }
    }
    assert_true(found > size * 8 * 9 / 10);
}

static void test_inflate_damage_of_every_kind_ends(void **state)
{
    uint32_t seed = 99;

    (void)state;
    fill_plain(9);
    for (uint32_t round = 0; round < 3000; round++) {
        uint32_t size =
            round % 100 == 0
                ? pack(plain, 2000 + round, round % 3 == 0 ? 1 : 9,
                       round % 5 == 0 ? Z_FIXED : Z_DEFAULT_STRATEGY, NULL)
                : 1500;

        for (uint32_t i = 0; i < 4; i++) {
            seed = seed * 1664525u + 1013904223u;
            packed[(seed >> 8) % size] ^= (uint8_t)(seed >> 24);
        }
        packed[0] = 0x1f;
        packed[1] = 0x8b;
        packed[2] = 8;
        packed[3] = 0;
        assert_int_not_equal(unpack(packed, size, 777), OTTER_ERR_PENDING);
    }
}

static void test_inflate_match_before_the_first_byte_is_refused(void **state)
{
    /* Fixed code, one match of length 3 at distance 1, nothing before it. */
    static const uint8_t bytes[] = {0x1f, 0x8b, 8, 0, 0, 0,    0,    0,
                                    0,    3,    3, 2, 0, 0x6d, 0x6d, 0x6d};

    (void)state;
    assert_int_equal(unpack(bytes, sizeof bytes, 4096), OTTER_ERR_GZIP);
    assert_int_equal(run.out_len, 0);
}

static void test_inflate_other_files_are_refused(void **state)
{
    static const uint8_t image[32] = {0xe9, 1, 2, 0x40};
    static const uint8_t method[18] = {0x1f, 0x8b, 7};

    (void)state;
    assert_int_equal(unpack(image, sizeof image, 4096), OTTER_ERR_GZIP);
    assert_int_equal(unpack(method, sizeof method, 4096), OTTER_ERR_GZIP);
    assert_int_equal(unpack(image, 0, 4096), OTTER_ERR_SHORT);
}

static void test_inflate_failing_flush_ends_at_once(void **state)
{
    uint32_t size;

    (void)state;
    fill_plain(10);
    size = pack(plain, 100000, 9, Z_DEFAULT_STRATEGY, NULL);
    (void)unpack(packed, 0, 1);
    run.in_len = size;
    run.in_piece = 4096;
    run.in_pos = 0;
    run.out_limit = 8192;
    run.inflate.next = NULL;
    run.inflate.end = NULL;
    assert_int_equal(otter_inflate_gzip(&run.inflate), OTTER_ERR_SPACE);
    assert_int_equal(run.out_len, 8192);
    assert_int_equal(run.inflate.produced, 12288);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inflate_every_block_kind_gives_the_data),
        cmocka_unit_test(test_inflate_longest_matches_and_distances_are_right),
        cmocka_unit_test(test_inflate_input_in_any_pieces_is_the_same),
        cmocka_unit_test(test_inflate_optional_header_fields_are_skipped),
        cmocka_unit_test(test_inflate_bytes_after_the_member_are_left_alone),
        cmocka_unit_test(test_inflate_cut_input_reports_what_refill_said),
        cmocka_unit_test(test_inflate_every_damaged_bit_is_found),
        cmocka_unit_test(test_inflate_damage_of_every_kind_ends),
        cmocka_unit_test(test_inflate_match_before_the_first_byte_is_refused),
        cmocka_unit_test(test_inflate_other_files_are_refused),
        cmocka_unit_test(test_inflate_failing_flush_ends_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
