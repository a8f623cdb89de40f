/* SPDX-License-Identifier: Apache-2.0
 *
 * Push messages, bytes to struct and back.  All reading goes through one
 * cursor that cannot leave the datagram. */
#include "format/push_message.h"

#include "format/core_error.h"
#include "format/text.h"

#include <stddef.h>
#include <string.h>

#define INT_DIGITS  15u /* the core's buffer, without its NUL */
#define INT_LARGEST 2147483647u

/* What is left of a datagram. */
struct cursor {
    const uint8_t *p;
    const uint8_t *end;
};

static struct cursor cursor_at(const void *data, uint32_t len)
{
    struct cursor c = {data, data};

    c.end += len;
    return c;
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* The core's number reader (protocol 1.3). */
static uint32_t read_number(struct cursor *c)
{
    uint64_t value = 0;

    while (c->p != c->end && *c->p == ' ') {
        c->p++;
    }
    for (uint32_t digits = 0; digits <= INT_DIGITS; digits++) {
        if (c->p == c->end || !is_digit(*c->p)) {
            return value > INT_LARGEST ? INT_LARGEST : (uint32_t)value;
        }
        value = value * 10 + (uint64_t)(*c->p++ - '0');
    }
    return 0;
}

static void skip_byte(struct cursor *c)
{
    if (c->p != c->end) {
        c->p++;
    }
}

/* The bytes up to `stop`, NUL or the end of the datagram; what stopped it is
 * consumed. */
static struct cursor read_until(struct cursor *c, uint8_t stop)
{
    struct cursor field = {c->p, c->p};

    while (c->p != c->end && *c->p != stop && *c->p != 0) {
        c->p++;
    }
    field.end = c->p;
    skip_byte(c);
    return field;
}

static void trim(struct cursor *field)
{
    while (field->p != field->end && is_space(*field->p)) {
        field->p++;
    }
    while (field->p != field->end && is_space(field->end[-1])) {
        field->end--;
    }
}

/* Copies a field that must have exactly `want` bytes, NUL behind them. */
static int copy_exactly(char *out, struct cursor field, uint32_t want)
{
    if ((size_t)(field.end - field.p) != want) {
        return OTTER_ERR_SYNTAX;
    }
    memcpy(out, field.p, want);
    out[want] = '\0';
    return 0;
}

/* Skips `word` when the field begins with it. */
static bool skip_word(struct cursor *field, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(field->end - field->p) < len ||
        memcmp(field->p, word, len) != 0) {
        return false;
    }
    field->p += len;
    return true;
}

static bool is_word(struct cursor field, const char *word)
{
    return skip_word(&field, word) && field.p == field.end;
}

int otter_push_parse_invitation(const void *datagram, uint32_t len,
                                struct otter_push_invitation *out)
{
    struct cursor c = cursor_at(datagram, len);
    struct cursor md5;

    out->command = read_number(&c);
    if (out->command != OTTER_PUSH_COMMAND_SKETCH &&
        out->command != OTTER_PUSH_COMMAND_FILE_SYSTEM) {
        return OTTER_ERR_KIND;
    }
    out->port = (uint16_t)read_number(&c);
    out->size = read_number(&c);
    skip_byte(&c);
    md5 = read_until(&c, '\n');
    trim(&md5);
    return copy_exactly(out->md5, md5, OTTER_PUSH_DIGITS_MD5);
}

uint32_t otter_push_format_invitation(
    const struct otter_push_invitation *invitation, char *out, uint32_t size)
{
    struct otter_text text;

    otter_text_init(&text, out, size);
    otter_text_decimal(&text, invitation->command);
    otter_text_char(&text, ' ');
    otter_text_decimal(&text, invitation->port);
    otter_text_char(&text, ' ');
    otter_text_decimal(&text, invitation->size);
    otter_text_char(&text, ' ');
    otter_text_string(&text, invitation->md5);
    otter_text_char(&text, '\n');
    return text.len;
}

uint32_t otter_push_format_auth_request(const char *nonce, char *out,
                                        uint32_t size)
{
    struct otter_text text;

    otter_text_init(&text, out, size);
    otter_text_string(&text, "AUTH ");
    otter_text_string(&text, nonce);
    return text.len;
}

int otter_push_parse_auth_answer(const void *datagram, uint32_t len,
                                 uint32_t digits,
                                 struct otter_push_auth_answer *out)
{
    struct cursor c = cursor_at(datagram, len);
    struct cursor cnonce;
    struct cursor response;

    if (digits >= sizeof out->cnonce) {
        return OTTER_ERR_SYNTAX;
    }
    if (read_number(&c) != OTTER_PUSH_COMMAND_AUTH) {
        return OTTER_ERR_KIND;
    }
    skip_byte(&c);
    cnonce = read_until(&c, ' ');
    response = read_until(&c, '\n');
    if (copy_exactly(out->cnonce, cnonce, digits) != 0) {
        return OTTER_ERR_SYNTAX;
    }
    return copy_exactly(out->response, response, digits);
}

uint32_t otter_push_format_auth_answer(
    const struct otter_push_auth_answer *answer, char *out, uint32_t size)
{
    struct otter_text text;

    otter_text_init(&text, out, size);
    otter_text_decimal(&text, OTTER_PUSH_COMMAND_AUTH);
    otter_text_char(&text, ' ');
    otter_text_string(&text, answer->cnonce);
    otter_text_char(&text, ' ');
    otter_text_string(&text, answer->response);
    otter_text_char(&text, '\n');
    return text.len;
}

uint32_t otter_push_format_challenge(const char *key, const char *nonce,
                                     const char *cnonce, char *out,
                                     uint32_t size)
{
    struct otter_text text;

    otter_text_init(&text, out, size);
    otter_text_string(&text, key);
    otter_text_char(&text, ':');
    otter_text_string(&text, nonce);
    otter_text_char(&text, ':');
    otter_text_string(&text, cnonce);
    return text.len;
}

uint32_t otter_push_format_refusal(const struct otter_error_detail *detail,
                                   char *out, uint32_t size)
{
    struct otter_text text;

    otter_text_init(&text, out, size);
    otter_text_string(&text, "ERR: ");
    return text.len +
           otter_core_update_print(detail, out + text.len, size - text.len);
}

uint32_t otter_push_format_count(uint32_t count, char *out, uint32_t size)
{
    struct otter_text text;

    otter_text_init(&text, out, size);
    otter_text_decimal(&text, count);
    return text.len;
}

/* Takes the nonce of an AUTH datagram, if it is one that we can answer. */
static void read_nonce(struct otter_push_reply *out, struct cursor field)
{
    size_t len = (size_t)(field.end - field.p);

    out->nonce[0] = '\0';
    if (len != OTTER_PUSH_DIGITS_MD5 && len != OTTER_PUSH_DIGITS_SHA256) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (field.p[i] <= 0x20 || field.p[i] > 0x7E) {
            return;
        }
    }
    memcpy(out->nonce, field.p, len);
    out->nonce[len] = '\0';
}

void otter_push_parse_reply(const void *datagram, uint32_t len,
                            struct otter_push_reply *out)
{
    struct cursor c = cursor_at(datagram, len);
    struct otter_text text;

    trim(&c);
    out->nonce[0] = '\0';
    if (is_word(c, OTTER_PUSH_TEXT_OK)) {
        out->kind = OTTER_PUSH_REPLY_OK;
    } else if (is_word(c, OTTER_PUSH_TEXT_AUTH_FAILED)) {
        out->kind = OTTER_PUSH_REPLY_AUTH_FAILED;
    } else if (skip_word(&c, "AUTH ")) {
        out->kind = OTTER_PUSH_REPLY_AUTH;
        read_nonce(out, c);
    } else if (skip_word(&c, "ERR:")) {
        out->kind = OTTER_PUSH_REPLY_ERROR;
        trim(&c);
    } else {
        out->kind = OTTER_PUSH_REPLY_OTHER;
    }
    otter_text_init(&text, out->text, sizeof out->text);
    otter_text_foreign(&text, c.p, (uint32_t)(c.end - c.p));
}

void otter_push_result_init(struct otter_push_result *result)
{
    result->outcome = OTTER_PUSH_WAITING;
    result->text[0] = '\0';
    result->len = 0;
}

/* Adds one byte of the result. */
static void collect(struct otter_push_result *result, uint8_t byte)
{
    if (result->len < sizeof result->text - 1) {
        bool shown = byte >= 0x20 && byte <= 0x7E;

        result->text[result->len++] = shown ? (char)byte : '?';
        result->text[result->len] = '\0';
    }
    if (result->len == 2 && memcmp(result->text, "OK", 2) == 0) {
        result->outcome = OTTER_PUSH_SUCCESS;
    }
}

enum otter_push_outcome otter_push_result_feed(
    struct otter_push_result *result, const void *data, uint32_t len)
{
    const uint8_t *bytes = data;

    for (uint32_t i = 0; i < len; i++) {
        if (result->outcome != OTTER_PUSH_WAITING) {
            break;
        }
        if (result->len == 0 && (is_digit(bytes[i]) || is_space(bytes[i]))) {
            continue;
        }
        if (bytes[i] == '\n') {
            return otter_push_result_close(result);
        }
        if (bytes[i] == '\r') {
            continue; /* the oldest devices end the text in CR LF */
        }
        collect(result, bytes[i]);
    }
    return result->outcome;
}

bool otter_push_result_begun(const struct otter_push_result *result)
{
    return result->outcome == OTTER_PUSH_WAITING && result->len != 0;
}

enum otter_push_outcome otter_push_result_close(
    struct otter_push_result *result)
{
    if (result->outcome == OTTER_PUSH_WAITING) {
        result->outcome =
            result->len != 0 ? OTTER_PUSH_FAILURE : OTTER_PUSH_UNKNOWN;
    }
    return result->outcome;
}
