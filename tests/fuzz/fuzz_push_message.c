/* SPDX-License-Identifier: Apache-2.0
 *
 * Every parser of the push protocol on the same bytes.  What the device's
 * parsers accept survives formatting and parsing again, what is shown to
 * people is printable, and a result stream gives the same outcome however it
 * is split. */
#include "format/core_error.h"
#include "format/push_message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                      \
    do {                                                                      \
        if (!(condition)) {                                                   \
            abort();                                                          \
        }                                                                     \
    } while (0)

static void check_printable(const char *text, size_t size)
{
    size_t len = strlen(text);

    CHECK(len < size);
    for (size_t i = 0; i < len; i++) {
        CHECK(text[i] >= 0x20 && text[i] <= 0x7E);
    }
}

static void try_invitation(const uint8_t *data, uint32_t len)
{
    struct otter_push_invitation got;
    struct otter_push_invitation back;
    char out[OTTER_PUSH_MESSAGE_MAX];

    if (otter_push_parse_invitation(data, len, &got) != 0) {
        return;
    }
    CHECK(got.command == 0 || got.command == 100);
    CHECK(got.size <= 2147483647);
    CHECK(strlen(got.md5) == 32);
    len = otter_push_format_invitation(&got, out, sizeof out);
    CHECK(otter_push_parse_invitation(out, len, &back) == 0);
    CHECK(back.command == got.command && back.port == got.port);
    CHECK(back.size == got.size && strcmp(back.md5, got.md5) == 0);
}

static void try_answer(const uint8_t *data, uint32_t len, uint32_t digits)
{
    struct otter_push_auth_answer got;
    struct otter_push_auth_answer back;
    char out[OTTER_PUSH_MESSAGE_MAX];

    if (otter_push_parse_auth_answer(data, len, digits, &got) != 0) {
        return;
    }
    CHECK(strlen(got.cnonce) == digits && strlen(got.response) == digits);
    len = otter_push_format_auth_answer(&got, out, sizeof out);
    CHECK(otter_push_parse_auth_answer(out, len, digits, &back) == 0);
    CHECK(strcmp(back.cnonce, got.cnonce) == 0);
    CHECK(strcmp(back.response, got.response) == 0);
}

static void try_reply(const uint8_t *data, uint32_t len)
{
    struct otter_push_reply got;
    size_t nonce;

    otter_push_parse_reply(data, len, &got);
    nonce = strlen(got.nonce);
    CHECK(nonce == 0 || nonce == 32 || nonce == 64);
    CHECK(nonce == 0 || got.kind == OTTER_PUSH_REPLY_AUTH);
    check_printable(got.nonce, sizeof got.nonce);
    check_printable(got.text, sizeof got.text);
}

static void try_result(const uint8_t *data, uint32_t len)
{
    struct otter_push_result whole;
    struct otter_push_result split;
    uint32_t number;

    otter_push_result_init(&whole);
    otter_push_result_init(&split);
    otter_push_result_feed(&whole, data, len);
    for (uint32_t i = 0; i < len; i++) {
        otter_push_result_feed(&split, data + i, 1);
    }
    CHECK(whole.outcome == split.outcome);
    CHECK(otter_push_result_close(&whole) == otter_push_result_close(&split));
    CHECK(strcmp(whole.text, split.text) == 0);
    CHECK(whole.outcome != OTTER_PUSH_WAITING);
    check_printable(whole.text, sizeof whole.text);
    if (otter_core_update_number(whole.text, &number) == 0) {
        CHECK(number < 1000000000);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t len = (uint32_t)size;

    try_invitation(data, len);
    try_answer(data, len, 32);
    try_answer(data, len, 64);
    try_reply(data, len);
    try_result(data, len);
    return 0;
}
