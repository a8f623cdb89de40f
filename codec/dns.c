/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of DNS messages: header, questions, records and what is in their
 * data.  Every length in a message is checked against the message. */
#include "codec/dns.h"
#include "codec/dns_internal.h"
#include "format/bytes.h"

#include <stddef.h>

#define TOP_BIT       0x8000u
#define QUESTION_SIZE 4u  /* after the name: type, class */
#define RECORD_SIZE   10u /* after the name: type, class, TTL, length */
#define SRV_FIXED     6u  /* before the target: priority, weight, port */

int otter_dns_open(struct otter_dns_reader *reader, const void *msg,
                   uint32_t len)
{
    const uint8_t *bytes = msg;

    if (len < OTTER_DNS_HEADER_SIZE) {
        return OTTER_ERR_SYNTAX;
    }
    reader->msg = bytes;
    reader->len = len;
    reader->id = otter_load_be16(bytes);
    reader->flags = otter_load_be16(bytes + 2);
    reader->at = OTTER_DNS_HEADER_SIZE;
    for (uint32_t i = 0; i < OTTER_DNS_SECTIONS; i++) {
        reader->count[i] = otter_load_be16(bytes + 4 + 2 * i);
        reader->taken[i] = 0;
    }
    return 0;
}

/* Moves past the name at the reader's place, which must be well-formed and
 * have `more` bytes after it. */
static int pass_name(struct otter_dns_reader *reader, uint32_t more)
{
    struct otter__dns_walk walk =
        otter__dns_walk_from(reader->msg, reader->len, reader->at);
    uint32_t end = 0;
    const uint8_t *label;
    int len;

    do {
        len = otter__dns_walk_label(&walk, &label);
        if (len < 0) {
            return len;
        }
        if (walk.hops == 0) {
            end = walk.at;
        }
    } while (len > 0);
    if (walk.hops > 0) {
        end = end == 0 ? reader->at : end;
        end += 2;
    }
    if (reader->len - end < more) {
        return OTTER_ERR_SYNTAX;
    }
    reader->at = end;
    return 0;
}

/* A malformed message yields nothing further. */
static int fail(struct otter_dns_reader *reader)
{
    reader->at = reader->len;
    return OTTER_ERR_SYNTAX;
}

int otter_dns_next_question(struct otter_dns_reader *reader,
                            struct otter_dns_question *question)
{
    const uint8_t *p;

    if (reader->taken[OTTER_DNS_QUESTION] ==
        reader->count[OTTER_DNS_QUESTION]) {
        return OTTER_ERR_NO_DATA;
    }
    question->name = reader->at;
    if (pass_name(reader, QUESTION_SIZE) != 0) {
        return fail(reader);
    }
    p = reader->msg + reader->at;
    question->type = otter_load_be16(p);
    question->klass = (uint16_t)(otter_load_be16(p + 2) & ~TOP_BIT);
    question->unicast = (otter_load_be16(p + 2) & TOP_BIT) != 0;
    reader->at += QUESTION_SIZE;
    reader->taken[OTTER_DNS_QUESTION]++;
    return 0;
}

/* The section of the next record; the count of sections at the end. */
static enum otter_dns_section next_section(
    const struct otter_dns_reader *reader)
{
    enum otter_dns_section section = OTTER_DNS_ANSWER;

    while (section < OTTER_DNS_SECTIONS &&
           reader->taken[section] == reader->count[section]) {
        section++;
    }
    return section;
}

int otter_dns_next_record(struct otter_dns_reader *reader,
                          struct otter_dns_record *record)
{
    struct otter_dns_question question;
    const uint8_t *p;
    int error;

    do {
        error = otter_dns_next_question(reader, &question);
    } while (error == 0);
    if (error != OTTER_ERR_NO_DATA) {
        return error;
    }
    record->section = next_section(reader);
    if (record->section == OTTER_DNS_SECTIONS) {
        return OTTER_ERR_NO_DATA;
    }
    record->name = reader->at;
    if (pass_name(reader, RECORD_SIZE) != 0) {
        return fail(reader);
    }
    p = reader->msg + reader->at;
    record->type = otter_load_be16(p);
    record->klass = (uint16_t)(otter_load_be16(p + 2) & ~TOP_BIT);
    record->flush = (otter_load_be16(p + 2) & TOP_BIT) != 0;
    record->ttl = otter_load_be32(p + 4);
    record->data_len = otter_load_be16(p + 8);
    record->data = reader->at + RECORD_SIZE;
    if (reader->len - record->data < record->data_len) {
        return fail(reader);
    }
    reader->at = record->data + record->data_len;
    reader->taken[record->section]++;
    return 0;
}

/* Bytes before the name in the data of a record.  Negative: there is none. */
static int before_name(const struct otter_dns_record *record)
{
    uint32_t fixed;

    switch (record->type) {
    case OTTER_DNS_PTR:
    case OTTER_DNS_CNAME:
    case OTTER_DNS_NSEC:
        fixed = 0;
        break;
    case OTTER_DNS_SRV:
        fixed = SRV_FIXED;
        break;
    default:
        return OTTER_ERR_SYNTAX;
    }
    return record->data_len > fixed ? (int)fixed : OTTER_ERR_SYNTAX;
}

/* Moves a copy of the reader to the name in a record's data, cut off where
 * the data end. */
static struct otter_dns_reader at_data(const struct otter_dns_reader *reader,
                                       const struct otter_dns_record *record,
                                       uint32_t skip)
{
    struct otter_dns_reader inner = *reader;

    inner.at = record->data + skip;
    inner.len = record->data + record->data_len;
    return inner;
}

int otter_dns_target(const struct otter_dns_reader *reader,
                     const struct otter_dns_record *record, uint32_t *at)
{
    struct otter_dns_reader inner;
    int skip = before_name(record);

    if (skip < 0 || record->type == OTTER_DNS_NSEC) {
        return OTTER_ERR_SYNTAX;
    }
    inner = at_data(reader, record, (uint32_t)skip);
    *at = inner.at;
    if (pass_name(&inner, 0) != 0 || inner.at != inner.len) {
        return OTTER_ERR_SYNTAX;
    }
    return 0;
}

uint16_t otter_dns_srv_port(const struct otter_dns_reader *reader,
                            const struct otter_dns_record *record)
{
    if (record->type != OTTER_DNS_SRV || record->data_len < SRV_FIXED) {
        return 0;
    }
    return otter_load_be16(reader->msg + record->data + 4);
}

int otter_dns_next_text(const struct otter_dns_reader *reader,
                        const struct otter_dns_record *record, uint32_t *pos,
                        const uint8_t **text, uint32_t *len)
{
    uint32_t left = record->data_len - *pos;

    if (left == 0 || record->type != OTTER_DNS_TXT) {
        return OTTER_ERR_NO_DATA;
    }
    *text = reader->msg + record->data + *pos + 1;
    *len = (*text)[-1];
    if (*len >= left) {
        return OTTER_ERR_SYNTAX;
    }
    *pos += 1 + *len;
    return 0;
}

/* --- Comparing ---------------------------------------------------------- */

/* What is left of the bytes that a record is compared with. */
struct rest {
    const uint8_t *at;
    uint32_t len;
    int result; /* of the comparison so far */
};

/* Compares the next bytes of the record; false when the result is clear. */
static bool compare(struct rest *rest, const uint8_t *bytes, uint32_t len,
                    bool fold)
{
    for (uint32_t i = 0; i < len; i++) {
        int have = fold ? otter__dns_small(bytes[i]) : bytes[i];
        int want;

        if (rest->len == 0) {
            rest->result = 1;
            return false;
        }
        want = fold ? otter__dns_small(*rest->at) : *rest->at;
        if (have != want) {
            rest->result = have < want ? -1 : 1;
            return false;
        }
        rest->at++;
        rest->len--;
    }
    return true;
}

/* Compares the name at the reader's place, uncompressed. */
static bool compare_name(struct rest *rest,
                         const struct otter_dns_reader *inner, bool fold)
{
    struct otter__dns_walk walk =
        otter__dns_walk_from(inner->msg, inner->len, inner->at);
    const uint8_t *label;
    int len;

    do {
        len = otter__dns_walk_label(&walk, &label);
        if (len < 0) {
            return true;
        }
        /* The length byte lies before the label and is no letter. */
        if (!compare(rest, label - 1, (uint32_t)len + 1, fold)) {
            return false;
        }
    } while (len > 0);
    return true;
}

int otter_dns_data_compare(const struct otter_dns_reader *reader,
                           const struct otter_dns_record *record,
                           const void *data, uint32_t len, bool fold)
{
    struct rest rest = {data, len, 0};
    const uint8_t *bytes = reader->msg + record->data;
    int skip = before_name(record);

    if (skip < 0) {
        if (!compare(&rest, bytes, record->data_len, false)) {
            return rest.result;
        }
    } else {
        struct otter_dns_reader inner =
            at_data(reader, record, (uint32_t)skip);

        if (!compare(&rest, bytes, (uint32_t)skip, false) ||
            !compare_name(&rest, &inner, fold)) {
            return rest.result;
        }
        if (pass_name(&inner, 0) == 0 &&
            !compare(&rest, inner.msg + inner.at, inner.len - inner.at,
                     false)) {
            return rest.result;
        }
    }
    return rest.len > 0 ? -1 : 0;
}
