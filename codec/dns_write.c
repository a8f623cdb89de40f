/* SPDX-License-Identifier: Apache-2.0
 *
 * The writer of DNS messages.  Names are compressed against every name that
 * the message has so far, in the same case only, so that no name changes its
 * look on the way. */
#include "codec/dns.h"
#include "codec/dns_internal.h"
#include "format/bytes.h"

#include <string.h>

#define POINTER      0xc000u
#define POINTER_MAX  0x3fffu
#define NAME_LIMIT   254u /* bytes of a name without its closing zero */
#define LENGTH_FIELD 2u   /* bytes, just before the data of a record */

int otter_dns_begin(struct otter_dns_writer *writer, void *buf, uint32_t size,
                    uint16_t id, uint16_t flags)
{
    if (size < OTTER_DNS_HEADER_SIZE) {
        return OTTER_ERR_TOO_LONG;
    }
    memset(writer, 0, sizeof *writer);
    writer->buf = buf;
    writer->size = size;
    writer->len = OTTER_DNS_HEADER_SIZE;
    otter_store_be16(writer->buf, id);
    otter_store_be16(writer->buf + 2, flags);
    return 0;
}

void otter_dns_begin_reply(struct otter_dns_writer *writer, void *buf,
                           uint32_t size,
                           const struct otter_dns_reader *reader,
                           uint16_t flags)
{
    memset(writer, 0, sizeof *writer);
    writer->buf = buf;
    writer->size = size;
    writer->len = reader->at;
    writer->count[OTTER_DNS_QUESTION] = reader->taken[OTTER_DNS_QUESTION];
    otter_store_be16(writer->buf + 2, flags);
}

/* Room for `len` more bytes, or NULL from the first that does not fit on. */
static uint8_t *room(struct otter_dns_writer *writer, uint32_t len)
{
    uint8_t *at = writer->buf + writer->len;

    if (writer->full || writer->size - writer->len < len) {
        writer->full = true;
        return NULL;
    }
    writer->len += len;
    return at;
}

void otter_dns_put_bytes(struct otter_dns_writer *writer, const void *data,
                         uint32_t len)
{
    uint8_t *at = room(writer, len);

    if (at != NULL && len > 0) {
        memcpy(at, data, len);
    }
}

void otter_dns_put_u16(struct otter_dns_writer *writer, uint16_t value)
{
    uint8_t *at = room(writer, 2);

    if (at != NULL) {
        otter_store_be16(at, value);
    }
}

/* Where the message has the name that is left in `text`; 0: nowhere.  What a
 * record that was left out has noted does no harm: the bytes decide. */
static uint16_t find(const struct otter_dns_writer *writer,
                     struct otter__dns_text text)
{
    for (uint32_t i = 0; i < writer->known_count; i++) {
        struct otter__dns_walk walk =
            otter__dns_walk_from(writer->buf, writer->len, writer->known[i]);

        if (otter__dns_same(walk, text, false)) {
            return writer->known[i];
        }
    }
    return 0;
}

static void remember(struct otter_dns_writer *writer)
{
    if (writer->known_count < OTTER_DNS_KNOWN_NAMES &&
        writer->len <= POINTER_MAX) {
        writer->known[writer->known_count++] = (uint16_t)writer->len;
    }
}

void otter_dns_put_name(struct otter_dns_writer *writer,
                        const struct otter_dns_name *name, bool compress)
{
    struct otter__dns_text text = {name, 0, NULL};
    uint32_t total = 0;

    for (;;) {
        struct otter__dns_text suffix = text;
        uint8_t label[OTTER_DNS_LABEL_MAX + 1];
        int len = otter__dns_text_label(&text, label + 1);
        uint16_t known;

        if (len < 0 || (total += (uint32_t)len + 1) > NAME_LIMIT + 1) {
            writer->full = true;
            return;
        }
        if (len == 0) {
            otter_dns_put_bytes(writer, "", 1);
            return;
        }
        known = compress ? find(writer, suffix) : 0;
        if (known != 0) {
            otter_dns_put_u16(writer, (uint16_t)(POINTER | known));
            return;
        }
        remember(writer);
        label[0] = (uint8_t)len;
        otter_dns_put_bytes(writer, label, (uint32_t)len + 1);
    }
}

static void start_entry(struct otter_dns_writer *writer,
                        enum otter_dns_section section)
{
    writer->start = writer->len;
    writer->full = section < writer->section;
    if (!writer->full) {
        writer->section = (uint8_t)section;
    }
}

static int end_entry(struct otter_dns_writer *writer)
{
    if (writer->full) {
        writer->len = writer->start;
        writer->full = false;
        return OTTER_ERR_TOO_LONG;
    }
    writer->count[writer->section]++;
    return 0;
}

int otter_dns_put_question(struct otter_dns_writer *writer,
                           const struct otter_dns_name *name, uint16_t type,
                           uint16_t klass)
{
    start_entry(writer, OTTER_DNS_QUESTION);
    otter_dns_put_name(writer, name, true);
    otter_dns_put_u16(writer, type);
    otter_dns_put_u16(writer, klass);
    return end_entry(writer);
}

void otter_dns_begin_record(struct otter_dns_writer *writer,
                            enum otter_dns_section section,
                            const struct otter_dns_name *name, uint16_t type,
                            uint16_t klass, uint32_t ttl)
{
    start_entry(writer, section);
    otter_dns_put_name(writer, name, true);
    otter_dns_put_u16(writer, type);
    otter_dns_put_u16(writer, klass);
    otter_dns_put_u16(writer, (uint16_t)(ttl >> 16));
    otter_dns_put_u16(writer, (uint16_t)ttl);
    otter_dns_put_u16(writer, 0);
    writer->data = writer->len;
}

int otter_dns_end_record(struct otter_dns_writer *writer)
{
    if (!writer->full) {
        otter_store_be16(writer->buf + writer->data - LENGTH_FIELD,
                         (uint16_t)(writer->len - writer->data));
    }
    return end_entry(writer);
}

uint32_t otter_dns_finish(struct otter_dns_writer *writer)
{
    for (uint32_t i = 0; i < OTTER_DNS_SECTIONS; i++) {
        otter_store_be16(writer->buf + 4 + 2 * i, writer->count[i]);
    }
    return writer->len;
}

uint32_t otter_dns_written(const struct otter_dns_writer *writer)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < OTTER_DNS_SECTIONS; i++) {
        sum += writer->count[i];
    }
    return sum;
}
