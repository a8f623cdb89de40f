/* SPDX-License-Identifier: Apache-2.0
 *
 * DNS messages: what the writer writes the reader reads, and no malformed
 * message is read beyond its bytes or for ever. */
#include "codec/dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAME(...) (&(const struct otter_dns_name){{__VA_ARGS__}})

/* A message in memory of exactly its length, so that the address sanitizer
 * sees each byte that is read beyond it. */
struct message {
    uint8_t *bytes;
    struct otter_dns_reader reader;
};

static void open_message(struct message *m, const void *bytes, uint32_t len)
{
    m->bytes = malloc(len > 0 ? len : 1);
    assert_non_null(m->bytes);
    memcpy(m->bytes, bytes, len);
    assert_int_equal(otter_dns_open(&m->reader, m->bytes, len), 0);
}

static void close_message(struct message *m)
{
    free(m->bytes);
}

/* Header with one question and no records. */
#define ONE_QUESTION "\0\0\0\0\0\1\0\0\0\0\0\0"

static int first_question(const void *bytes, uint32_t len, char *text,
                          uint32_t size)
{
    struct message m;
    struct otter_dns_question q;
    int result;

    open_message(&m, bytes, len);
    result = otter_dns_next_question(&m.reader, &q);
    if (result == 0) {
        assert_true(otter_dns_name_text(&m.reader, q.name, text, size) >= 0);
    }
    close_message(&m);
    return result;
}

static uint32_t write_sample(uint8_t *buf, uint32_t size)
{
    struct otter_dns_writer w;

    assert_int_equal(otter_dns_begin(&w, buf, size, 0x1234, 0x8400), 0);
    assert_int_equal(
        otter_dns_put_question(&w, NAME("_arduino._tcp", "local"), 12, 0x8001),
        0);
    otter_dns_begin_record(&w, OTTER_DNS_ANSWER,
                           NAME("_arduino._tcp", "local"), OTTER_DNS_PTR,
                           OTTER_DNS_IN, 4500);
    otter_dns_put_name(&w, NAME("Lamp", "_arduino._tcp", "local"), true);
    assert_int_equal(otter_dns_end_record(&w), 0);
    otter_dns_begin_record(&w, OTTER_DNS_ADDITIONAL,
                           NAME("Lamp", "_arduino._tcp.local"), OTTER_DNS_SRV,
                           0x8001, 120);
    otter_dns_put_u16(&w, 0);
    otter_dns_put_u16(&w, 0);
    otter_dns_put_u16(&w, 8266);
    otter_dns_put_name(&w, NAME("Lamp.local"), true);
    assert_int_equal(otter_dns_end_record(&w), 0);
    otter_dns_begin_record(&w, OTTER_DNS_ADDITIONAL,
                           NAME("Lamp", "_arduino._tcp.local"), OTTER_DNS_TXT,
                           0x8001, 4500);
    otter_dns_put_bytes(&w, "\3a=1\0\2b=", 8);
    assert_int_equal(otter_dns_end_record(&w), 0);
    assert_int_equal(otter_dns_written(&w), 4);
    return otter_dns_finish(&w);
}

static void test_dns_message_is_read_as_written(void **state)
{
    uint8_t buf[256];
    struct message m;
    struct otter_dns_question q;
    struct otter_dns_record r;
    char text[OTTER_DNS_TEXT_SIZE];
    uint32_t target;

    (void)state;
    open_message(&m, buf, write_sample(buf, sizeof buf));
    assert_int_equal(m.reader.id, 0x1234);
    assert_int_equal(m.reader.flags, 0x8400);
    assert_int_equal(otter_dns_next_question(&m.reader, &q), 0);
    assert_true(q.unicast);
    assert_int_equal(q.klass, OTTER_DNS_IN);
    assert_true(
        otter_dns_name_is(&m.reader, q.name, NAME("_ARDUINO", "_tcp.LOCAL")));
    assert_false(otter_dns_name_is(&m.reader, q.name, NAME("_arduino._tcp")));
    assert_false(
        otter_dns_name_is(&m.reader, q.name, NAME("_arduino._tcp.local.x")));

    assert_int_equal(otter_dns_next_record(&m.reader, &r), 0);
    assert_int_equal(r.section, OTTER_DNS_ANSWER);
    assert_int_equal(r.ttl, 4500);
    assert_false(r.flush);
    assert_true(otter_dns_name_same(&m.reader, r.name, q.name));
    assert_int_equal(otter_dns_target(&m.reader, &r, &target), 0);
    assert_int_equal(otter_dns_name_text(&m.reader, target, text, sizeof text),
                     24);
    assert_string_equal(text, "Lamp._arduino._tcp.local");

    assert_int_equal(otter_dns_next_record(&m.reader, &r), 0);
    assert_int_equal(r.section, OTTER_DNS_ADDITIONAL);
    assert_true(r.flush);
    assert_int_equal(otter_dns_srv_port(&m.reader, &r), 8266);
    assert_int_equal(otter_dns_target(&m.reader, &r, &target), 0);
    assert_true(otter_dns_name_is(&m.reader, target, NAME("lamp.local")));

    assert_int_equal(otter_dns_next_record(&m.reader, &r), 0);
    assert_int_equal(otter_dns_srv_port(&m.reader, &r), 0);
    assert_int_equal(otter_dns_target(&m.reader, &r, &target),
                     OTTER_ERR_SYNTAX);
    assert_int_equal(otter_dns_next_record(&m.reader, &r), OTTER_ERR_NO_DATA);
    close_message(&m);
}

static void test_dns_writer_uses_pointers_for_repeated_names(void **state)
{
    uint8_t buf[256];
    uint32_t len = write_sample(buf, sizeof buf);

    (void)state;
    /* The text "_arduino" is on the wire once, "Lamp" twice: the instance's
     * label and the host's have different suffixes. */
    assert_int_equal(len, 12 + (21 + 4) + (2 + 10 + 7) + (2 + 10 + 6 + 7) +
                              (2 + 10 + 8));
}

static void test_dns_text_strings_are_walked(void **state)
{
    uint8_t buf[256];
    struct message m;
    struct otter_dns_record r;
    const uint8_t *text;
    uint32_t len;
    uint32_t pos = 0;

    (void)state;
    open_message(&m, buf, write_sample(buf, sizeof buf));
    do {
        assert_int_equal(otter_dns_next_record(&m.reader, &r), 0);
    } while (r.type != OTTER_DNS_TXT);
    assert_int_equal(otter_dns_next_text(&m.reader, &r, &pos, &text, &len), 0);
    assert_int_equal(len, 3);
    assert_memory_equal(text, "a=1", 3);
    assert_int_equal(otter_dns_next_text(&m.reader, &r, &pos, &text, &len), 0);
    assert_int_equal(len, 0);
    assert_int_equal(otter_dns_next_text(&m.reader, &r, &pos, &text, &len), 0);
    assert_memory_equal(text, "b=", 2);
    assert_int_equal(otter_dns_next_text(&m.reader, &r, &pos, &text, &len),
                     OTTER_ERR_NO_DATA);
    r.data_len--;
    pos = 5;
    assert_int_equal(otter_dns_next_text(&m.reader, &r, &pos, &text, &len),
                     OTTER_ERR_SYNTAX);
    close_message(&m);
}

/* Reads everything there is; returns the last result. */
static int read_all(struct otter_dns_reader *reader)
{
    struct otter_dns_record r;
    int result;

    while ((result = otter_dns_next_record(reader, &r)) == 0) {
        char text[OTTER_DNS_TEXT_SIZE];
        uint32_t target;

        assert_true(otter_dns_name_text(reader, r.name, text, sizeof text) >=
                    0);
        if (otter_dns_target(reader, &r, &target) == 0) {
            assert_true(
                otter_dns_name_text(reader, target, text, sizeof text) >= 0);
        }
    }
    return result;
}

static void test_dns_message_cut_anywhere_is_an_error(void **state)
{
    uint8_t buf[256];
    uint32_t len = write_sample(buf, sizeof buf);
    struct otter_dns_reader reader;

    (void)state;
    for (uint32_t cut = 0; cut < len; cut++) {
        struct message m;

        if (cut < OTTER_DNS_HEADER_SIZE) {
            assert_int_equal(otter_dns_open(&reader, buf, cut),
                             OTTER_ERR_SYNTAX);
            continue;
        }
        open_message(&m, buf, cut);
        assert_int_equal(read_all(&m.reader), OTTER_ERR_SYNTAX);
        assert_int_equal(read_all(&m.reader), OTTER_ERR_SYNTAX);
        close_message(&m);
    }
}

static void test_dns_pointer_that_does_not_go_back_is_refused(void **state)
{
    static const struct {
        const char *bytes;
        uint32_t len;
    } cases[] = {
        {ONE_QUESTION "\xc0\x0c\0\1\0\1", 18},      /* to itself */
        {ONE_QUESTION "\1a\xc0\x0c\0\1\0\1", 20},   /* into its own run */
        {ONE_QUESTION "\xc0\x0e\1a\0\0\1\0\1", 21}, /* forward */
        {ONE_QUESTION "\xc0\x04\0\1\0\1", 18},      /* into the header */
        {ONE_QUESTION "\x40\x61\0\0\1\0\1", 19},    /* unknown kind */
        {ONE_QUESTION "\xc0", 13},                  /* cut off */
        {ONE_QUESTION "\xff\xff\0\1\0\1", 18},      /* outside */
    };
    char text[OTTER_DNS_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(
            first_question(cases[i].bytes, cases[i].len, text, sizeof text),
            OTTER_ERR_SYNTAX);
    }
}

/* A chain of `hops` pointers, each to the one before, in a record's data that
 * nothing else reads; the question that comes after them starts it. */
static int read_chain(uint32_t hops, char *text)
{
    uint8_t buf[256] = {0, 0, 0, 0, 0, 2};
    uint32_t at = 12;
    struct message m;
    struct otter_dns_question q;
    int result;

    memcpy(buf + at, "\1a\0\0\1\0\1", 7);
    at += 7;
    for (uint32_t i = 1; i < hops; i++) {
        /* Pretend that each pointer is part of a longer first question. */
        buf[at] = 0xc0;
        buf[at + 1] = (uint8_t)(i == 1 ? 12 : at - 2);
        at += 2;
    }
    buf[at] = 0xc0;
    buf[at + 1] = (uint8_t)(hops == 1 ? 12 : at - 2);
    open_message(&m, buf, at + 6);
    m.reader.at = at;
    result = otter_dns_next_question(&m.reader, &q);
    if (result == 0) {
        assert_int_equal(otter_dns_name_text(&m.reader, q.name, text, 16), 1);
    }
    close_message(&m);
    return result;
}

static void test_dns_pointers_are_followed_up_to_the_limit(void **state)
{
    char text[16] = "";

    (void)state;
    assert_int_equal(read_chain(1, text), 0);
    assert_string_equal(text, "a");
    assert_int_equal(read_chain(OTTER_DNS_HOPS_MAX, text), 0);
    assert_int_equal(read_chain(OTTER_DNS_HOPS_MAX + 1, text),
                     OTTER_ERR_SYNTAX);
}

static void test_dns_name_longer_than_255_bytes_is_refused(void **state)
{
    uint8_t buf[400];
    char text[OTTER_DNS_TEXT_SIZE];
    char label[64];
    uint32_t at = 12;
    uint8_t wire[300];

    (void)state;
    memset(buf, 'x', sizeof buf);
    memcpy(buf, ONE_QUESTION, 12);
    for (int i = 0; i < 3; i++, at += 64) {
        buf[at] = 63;
    }
    buf[at] = 61; /* 3 * 64 + 62 + 1 = 255 */
    buf[at + 62] = 0;
    memset(buf + at + 63, 0, 4);
    assert_int_equal(first_question(buf, at + 67, text, sizeof text), 0);
    assert_int_equal(strlen(text), 3 * 64 + 61);
    buf[at] = 62;
    buf[at + 63] = 0;
    assert_int_equal(first_question(buf, at + 68, text, sizeof text),
                     OTTER_ERR_SYNTAX);

    memset(label, 'x', 63);
    label[63] = '\0';
    assert_int_equal(
        otter_dns_name_wire(NAME(label, label, label, "b"), wire, sizeof wire),
        3 * 64 + 3);
    assert_int_equal(otter_dns_name_wire(NAME(label, label, label, label),
                                         wire, sizeof wire),
                     OTTER_ERR_INVALID);
    assert_int_equal(otter_dns_name_wire(NAME(label), wire, 64),
                     OTTER_ERR_TOO_LONG);
}

static void test_dns_name_text_escapes_and_is_read_back(void **state)
{
    static const uint8_t query[] = ONE_QUESTION "\7a.b\\c\1\xc3\2ok\0\0\1\0\1";
    char text[OTTER_DNS_TEXT_SIZE];
    uint8_t wire[32];
    struct message m;
    struct otter_dns_question q;
    const uint8_t *label;
    uint32_t len;

    (void)state;
    open_message(&m, query, sizeof query - 1);
    assert_int_equal(otter_dns_next_question(&m.reader, &q), 0);
    assert_int_equal(otter_dns_name_text(&m.reader, q.name, text, sizeof text),
                     15);
    assert_string_equal(text, "a\\.b\\\\c\\001\xc3.ok");
    assert_true(otter_dns_name_is(&m.reader, q.name, NAME(text)));
    assert_int_equal(otter_dns_name_wire(NAME(text), wire, sizeof wire), 12);
    assert_memory_equal(wire, query + 12, 12);
    assert_int_equal(otter_dns_name_label(&m.reader, q.name, &label, &len), 0);
    assert_int_equal(len, 7);
    for (uint32_t size = 0; size <= 15; size++) {
        assert_int_equal(otter_dns_name_text(&m.reader, q.name, text, size),
                         OTTER_ERR_TOO_LONG);
    }
    close_message(&m);
}

static void test_dns_text_that_is_no_name_is_refused(void **state)
{
    static const char *const bad[] = {".a",   "a..b",  "a\\",
                                      "\\25", "\\2x4", "\\256"};
    uint8_t wire[32];
    char label[66];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(otter_dns_name_wire(NAME(bad[i]), wire, sizeof wire),
                         OTTER_ERR_INVALID);
    }
    memset(label, 'a', 64);
    label[64] = '\0';
    assert_int_equal(otter_dns_name_wire(NAME(label), wire, sizeof wire),
                     OTTER_ERR_INVALID);
    assert_int_equal(otter_dns_name_wire(NAME("a.b."), wire, sizeof wire), 5);
}

static void test_dns_record_that_does_not_fit_is_left_out_whole(void **state)
{
    uint8_t whole[256];
    uint32_t len = write_sample(whole, sizeof whole);

    (void)state;
    for (uint32_t size = OTTER_DNS_HEADER_SIZE; size < len; size++) {
        uint8_t *buf = malloc(size);
        struct otter_dns_writer w;
        struct otter_dns_reader r;
        int first;

        assert_non_null(buf);
        assert_int_equal(otter_dns_begin(&w, buf, size, 0, 0), 0);
        first = otter_dns_put_question(&w, NAME("_arduino._tcp.local"), 12, 1);
        assert_true(first == 0 || first == OTTER_ERR_TOO_LONG);
        otter_dns_begin_record(&w, OTTER_DNS_ANSWER,
                               NAME("Lamp", "_arduino._tcp.local"),
                               OTTER_DNS_SRV, 1, 120);
        otter_dns_put_bytes(&w, "\0\0\0\0\x20\x4a", 6);
        otter_dns_put_name(&w, NAME("Lamp", "local"), false);
        first = otter_dns_end_record(&w);
        assert_true(first == 0 || first == OTTER_ERR_TOO_LONG);
        assert_int_equal(otter_dns_open(&r, buf, otter_dns_finish(&w)), 0);
        assert_int_equal(read_all(&r), OTTER_ERR_NO_DATA);
        assert_int_equal(r.at, r.len);
        free(buf);
    }
}

static void test_dns_sections_out_of_order_are_refused(void **state)
{
    uint8_t buf[128];
    struct otter_dns_writer w;

    (void)state;
    assert_int_equal(otter_dns_begin(&w, buf, sizeof buf, 0, 0), 0);
    otter_dns_begin_record(&w, OTTER_DNS_ADDITIONAL, NAME("a"), 1, 1, 1);
    assert_int_equal(otter_dns_end_record(&w), 0);
    otter_dns_begin_record(&w, OTTER_DNS_ANSWER, NAME("b"), 1, 1, 1);
    assert_int_equal(otter_dns_end_record(&w), OTTER_ERR_TOO_LONG);
    otter_dns_begin_record(&w, OTTER_DNS_ADDITIONAL, NAME("c"), 1, 1, 1);
    assert_int_equal(otter_dns_end_record(&w), 0);
    assert_int_equal(otter_dns_written(&w), 2);
}

static void test_dns_reply_keeps_id_and_questions(void **state)
{
    uint8_t buf[128];
    struct otter_dns_writer w;
    struct otter_dns_reader r;
    struct otter_dns_question q;
    struct otter_dns_record record;

    (void)state;
    assert_int_equal(otter_dns_begin(&w, buf, sizeof buf, 77, 0), 0);
    assert_int_equal(otter_dns_put_question(&w, NAME("aB.local"), 1, 1), 0);
    assert_int_equal(otter_dns_open(&r, buf, otter_dns_finish(&w)), 0);
    assert_int_equal(otter_dns_next_question(&r, &q), 0);
    otter_dns_begin_reply(&w, buf, sizeof buf, &r, 0x8400);
    otter_dns_begin_record(&w, OTTER_DNS_ANSWER, NAME("ab.local"), 1, 1, 10);
    otter_dns_put_bytes(&w, "\1\2\3\4", 4);
    assert_int_equal(otter_dns_end_record(&w), 0);
    assert_int_equal(otter_dns_open(&r, buf, otter_dns_finish(&w)), 0);
    assert_int_equal(r.id, 77);
    assert_int_equal(r.flags, 0x8400);
    assert_int_equal(r.count[OTTER_DNS_QUESTION], 1);
    assert_int_equal(otter_dns_next_record(&r, &record), 0);
    assert_memory_equal(buf + record.data, "\1\2\3\4", 4);
}

static void test_dns_data_are_compared_as_uncompressed_bytes(void **state)
{
    uint8_t buf[256];
    struct message m;
    struct otter_dns_record r;
    uint8_t want[32] = {0, 0, 0, 0, 0x20, 0x4a};

    (void)state;
    open_message(&m, buf, write_sample(buf, sizeof buf));
    do {
        assert_int_equal(otter_dns_next_record(&m.reader, &r), 0);
    } while (r.type != OTTER_DNS_SRV);
    assert_int_equal(
        otter_dns_name_wire(NAME("Lamp.local"), want + 6, sizeof want - 6),
        12);
    assert_int_equal(otter_dns_data_compare(&m.reader, &r, want, 18, false),
                     0);
    assert_true(otter_dns_data_compare(&m.reader, &r, want, 17, false) > 0);
    assert_true(otter_dns_data_compare(&m.reader, &r, want, 19, false) < 0);
    want[7] = 'l';
    assert_true(otter_dns_data_compare(&m.reader, &r, want, 18, false) < 0);
    assert_int_equal(otter_dns_data_compare(&m.reader, &r, want, 18, true), 0);
    want[5] = 0x49;
    assert_true(otter_dns_data_compare(&m.reader, &r, want, 18, true) > 0);
    close_message(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dns_message_is_read_as_written),
        cmocka_unit_test(test_dns_writer_uses_pointers_for_repeated_names),
        cmocka_unit_test(test_dns_text_strings_are_walked),
        cmocka_unit_test(test_dns_message_cut_anywhere_is_an_error),
        cmocka_unit_test(test_dns_pointer_that_does_not_go_back_is_refused),
        cmocka_unit_test(test_dns_pointers_are_followed_up_to_the_limit),
        cmocka_unit_test(test_dns_name_longer_than_255_bytes_is_refused),
        cmocka_unit_test(test_dns_name_text_escapes_and_is_read_back),
        cmocka_unit_test(test_dns_text_that_is_no_name_is_refused),
        cmocka_unit_test(test_dns_record_that_does_not_fit_is_left_out_whole),
        cmocka_unit_test(test_dns_sections_out_of_order_are_refused),
        cmocka_unit_test(test_dns_reply_keeps_id_and_questions),
        cmocka_unit_test(test_dns_data_are_compared_as_uncompressed_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
