/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of the DNS, label by label: from text with its escapes, and from a
 * message with its pointers.  A pointer must go below the place where the run
 * of labels that holds it starts, so every walk ends. */
#include "codec/dns_internal.h"

#include <string.h>

#define NAME_MAX_BYTES 255u

uint8_t otter__dns_small(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

static bool same_bytes(const uint8_t *a, const uint8_t *b, uint32_t len,
                       bool fold)
{
    for (uint32_t i = 0; i < len; i++) {
        if (fold ? otter__dns_small(a[i]) != otter__dns_small(b[i])
                 : a[i] != b[i]) {
            return false;
        }
    }
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The byte after a backslash; moves `*at` past it.  Negative: none. */
static int escaped(const char **at)
{
    const char *p = *at;
    int value;

    if (!is_digit(p[0])) {
        *at = p + 1;
        return p[0] == '\0' ? OTTER_ERR_INVALID : (uint8_t)p[0];
    }
    if (!is_digit(p[1]) || !is_digit(p[2])) {
        return OTTER_ERR_INVALID;
    }
    value = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
    *at = p + 3;
    return value <= 255 ? value : OTTER_ERR_INVALID;
}

/* Steps to the next piece when this one is used up; false at the end. */
static bool text_more(struct otter__dns_text *text)
{
    const uint32_t pieces =
        sizeof text->name->piece / sizeof text->name->piece[0];

    if (text->at != NULL && *text->at == '\0') {
        text->piece++;
        text->at = NULL;
    }
    if (text->at == NULL) {
        if (text->piece >= pieces || text->name->piece[text->piece] == NULL) {
            return false;
        }
        text->at = text->name->piece[text->piece];
    }
    return *text->at != '\0';
}

int otter__dns_text_label(struct otter__dns_text *text,
                          uint8_t label[OTTER_DNS_LABEL_MAX])
{
    int len = 0;

    if (!text_more(text)) {
        return 0;
    }
    while (*text->at != '\0' && *text->at != '.') {
        int c = (uint8_t)*text->at++;

        if (c == '\\') {
            c = escaped(&text->at);
        }
        if (c < 0 || len == (int)OTTER_DNS_LABEL_MAX) {
            return OTTER_ERR_INVALID;
        }
        label[len++] = (uint8_t)c;
    }
    if (*text->at == '.') {
        text->at++;
    }
    return len > 0 ? len : OTTER_ERR_INVALID;
}

struct otter__dns_walk otter__dns_walk_from(const uint8_t *msg, uint32_t len,
                                            uint32_t at)
{
    struct otter__dns_walk walk = {msg, len, at, at, 0, 0};

    return walk;
}

int otter__dns_walk_label(struct otter__dns_walk *walk, const uint8_t **label)
{
    uint32_t len;

    while (walk->at < walk->len && walk->msg[walk->at] >= 0xc0) {
        uint32_t target;

        if (walk->len - walk->at < 2) {
            return OTTER_ERR_SYNTAX;
        }
        target = (uint32_t)(walk->msg[walk->at] & 0x3f) << 8 |
                 walk->msg[walk->at + 1];
        if (target < OTTER_DNS_HEADER_SIZE || target >= walk->limit ||
            ++walk->hops > OTTER_DNS_HOPS_MAX) {
            return OTTER_ERR_SYNTAX;
        }
        walk->at = target;
        walk->limit = target;
    }
    if (walk->at >= walk->len) {
        return OTTER_ERR_SYNTAX;
    }
    len = walk->msg[walk->at];
    walk->total += len + 1;
    if (len > OTTER_DNS_LABEL_MAX || walk->len - walk->at - 1 < len ||
        walk->total > NAME_MAX_BYTES) {
        return OTTER_ERR_SYNTAX;
    }
    *label = walk->msg + walk->at + 1;
    walk->at += 1 + len;
    return (int)len;
}

bool otter__dns_same(struct otter__dns_walk walk, struct otter__dns_text text,
                     bool fold)
{
    uint8_t want[OTTER_DNS_LABEL_MAX];
    const uint8_t *have;
    int want_len;
    int have_len;

    do {
        want_len = otter__dns_text_label(&text, want);
        have_len = otter__dns_walk_label(&walk, &have);
        if (want_len < 0 || want_len != have_len ||
            !same_bytes(want, have, (uint32_t)have_len, fold)) {
            return false;
        }
    } while (have_len > 0);
    return true;
}

bool otter_dns_name_is(const struct otter_dns_reader *reader, uint32_t at,
                       const struct otter_dns_name *name)
{
    struct otter__dns_text text = {name, 0, NULL};

    return otter__dns_same(otter__dns_walk_from(reader->msg, reader->len, at),
                           text, true);
}

bool otter_dns_name_same(const struct otter_dns_reader *reader, uint32_t a,
                         uint32_t b)
{
    struct otter__dns_walk walk_a =
        otter__dns_walk_from(reader->msg, reader->len, a);
    struct otter__dns_walk walk_b =
        otter__dns_walk_from(reader->msg, reader->len, b);
    const uint8_t *label_a;
    const uint8_t *label_b;
    int len;

    do {
        len = otter__dns_walk_label(&walk_a, &label_a);
        if (len < 0 || len != otter__dns_walk_label(&walk_b, &label_b) ||
            !same_bytes(label_a, label_b, (uint32_t)len, true)) {
            return false;
        }
    } while (len > 0);
    return true;
}

/* Writes one byte of a label as text; returns how many characters. */
static uint32_t put_escaped(uint8_t byte, char out[4])
{
    if (byte == '.' || byte == '\\') {
        out[0] = '\\';
        out[1] = (char)byte;
        return 2;
    }
    if (byte < 0x20 || byte == 0x7f) {
        out[0] = '\\';
        out[1] = (char)('0' + byte / 100);
        out[2] = (char)('0' + byte / 10 % 10);
        out[3] = (char)('0' + byte % 10);
        return 4;
    }
    out[0] = (char)byte;
    return 1;
}

int otter_dns_name_text(const struct otter_dns_reader *reader, uint32_t at,
                        char *out, uint32_t size)
{
    struct otter__dns_walk walk =
        otter__dns_walk_from(reader->msg, reader->len, at);
    uint32_t used = 0;
    const uint8_t *label;
    int len;

    if (size == 0) {
        return OTTER_ERR_TOO_LONG;
    }
    out[0] = '\0';
    while ((len = otter__dns_walk_label(&walk, &label)) > 0) {
        if (used > 0) {
            if (size - used < 2) {
                return OTTER_ERR_TOO_LONG;
            }
            out[used++] = '.';
        }
        for (int i = 0; i < len; i++) {
            char text[4];
            uint32_t n = put_escaped(label[i], text);

            if (size - used <= n) {
                return OTTER_ERR_TOO_LONG;
            }
            memcpy(out + used, text, n);
            used += n;
        }
        out[used] = '\0';
    }
    return len < 0 ? len : (int)used;
}

int otter_dns_name_label(const struct otter_dns_reader *reader, uint32_t at,
                         const uint8_t **label, uint32_t *len)
{
    struct otter__dns_walk walk =
        otter__dns_walk_from(reader->msg, reader->len, at);
    int n = otter__dns_walk_label(&walk, label);

    if (n <= 0) {
        return OTTER_ERR_SYNTAX;
    }
    *len = (uint32_t)n;
    return 0;
}

int otter_dns_name_wire(const struct otter_dns_name *name, void *out,
                        uint32_t size)
{
    struct otter__dns_text text = {name, 0, NULL};
    uint8_t *to = out;
    uint32_t used = 0;
    int len;

    do {
        uint8_t label[OTTER_DNS_LABEL_MAX];

        len = otter__dns_text_label(&text, label);
        if (len < 0 || used + (uint32_t)len + 1 > NAME_MAX_BYTES) {
            return OTTER_ERR_INVALID;
        }
        if (size - used < (uint32_t)len + 1) {
            return OTTER_ERR_TOO_LONG;
        }
        to[used++] = (uint8_t)len;
        memcpy(to + used, label, (uint32_t)len);
        used += (uint32_t)len;
    } while (len > 0);
    return (int)used;
}
