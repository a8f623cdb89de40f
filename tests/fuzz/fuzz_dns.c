/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the reader of DNS messages: whatever the bytes, it ends, stays
 * inside of them, and a name that it accepts survives the way to text and
 * back to the wire. */
#include "codec/dns.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int condition)
{
    if (!condition) {
        abort();
    }
}

static void check_name(const struct otter_dns_reader *reader, uint32_t at)
{
    char text[OTTER_DNS_TEXT_SIZE];
    uint8_t wire[256];
    struct otter_dns_name name = {{text}};
    const uint8_t *label;
    uint32_t len;
    int result = otter_dns_name_text(reader, at, text, sizeof text);

    expect(result >= 0);
    expect((size_t)result == strlen(text));
    expect(otter_dns_name_is(reader, at, &name));
    expect(otter_dns_name_same(reader, at, at));
    expect(otter_dns_name_wire(&name, wire, sizeof wire) > 0);
    if (otter_dns_name_label(reader, at, &label, &len) == 0) {
        expect(len == wire[0] && memcmp(label, wire + 1, len) == 0);
    } else {
        expect(result == 0);
    }
}

static void check_record(const struct otter_dns_reader *reader,
                         const struct otter_dns_record *record)
{
    const uint8_t *text;
    uint32_t len;
    uint32_t pos = 0;
    uint32_t target;

    check_name(reader, record->name);
    if (otter_dns_target(reader, record, &target) == 0) {
        check_name(reader, target);
    }
    while (otter_dns_next_text(reader, record, &pos, &text, &len) == 0) {
        expect(text + len <= reader->msg + reader->len);
    }
    (void)otter_dns_srv_port(reader, record);
    (void)otter_dns_data_compare(reader, record, reader->msg, reader->len,
                                 true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct otter_dns_reader reader;
    struct otter_dns_question question;
    struct otter_dns_record record;

    if (size > 9000 || otter_dns_open(&reader, data, (uint32_t)size) != 0) {
        return 0;
    }
    while (otter_dns_next_question(&reader, &question) == 0) {
        check_name(&reader, question.name);
    }
    while (otter_dns_next_record(&reader, &record) == 0) {
        check_record(&reader, &record);
    }
    for (uint32_t at = 0; at < reader.len + 2; at++) {
        char text[64];

        expect(otter_dns_name_text(&reader, at, text, sizeof text) <
               (int)sizeof text);
    }
    return 0;
}
