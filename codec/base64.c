/* SPDX-License-Identifier: Apache-2.0
 *
 * Base64, both ways, without tables larger than the alphabet. */
#include "codec/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789+/";

void otter_base64_encode(const void *data, uint32_t len, char *out)
{
    const uint8_t *in = data;

    for (uint32_t i = 0; i < len; i += 3) {
        uint32_t left = len - i;
        uint32_t word = (uint32_t)in[i] << 16;

        word |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        word |= left > 2 ? (uint32_t)in[i + 2] : 0;
        *out++ = alphabet[word >> 18];
        *out++ = alphabet[word >> 12 & 63];
        *out++ = '=';
        *out++ = '=';
        if (left > 1) {
            out[-2] = alphabet[word >> 6 & 63];
        }
        if (left > 2) {
            out[-1] = alphabet[word & 63];
        }
    }
    *out = '\0';
}

/* Value of one character, or -1. */
static int value_of(char c)
{
    const char *at = c != '\0' ? strchr(alphabet, c) : NULL;

    return at != NULL ? (int)(at - alphabet) : -1;
}

/* Decodes four characters to `out`; returns 1 to 3, or OTTER_ERR_SYNTAX. */
static int decode_group(const char *text, uint8_t out[3])
{
    uint32_t word = 0;
    int count = 4;

    while (count > 2 && text[count - 1] == '=') {
        count--;
    }
    for (int i = 0; i < 4; i++) {
        int value = i < count ? value_of(text[i]) : 0;

        if (value < 0) {
            return OTTER_ERR_SYNTAX;
        }
        word = word << 6 | (uint32_t)value;
    }
    out[0] = (uint8_t)(word >> 16);
    out[1] = (uint8_t)(word >> 8);
    out[2] = (uint8_t)word;
    for (int i = count - 1; i < 3; i++) {
        if (out[i] != 0) {
            return OTTER_ERR_SYNTAX;
        }
    }
    return count - 1;
}

int otter_base64_decode(const char *text, void *out, uint32_t size)
{
    uint8_t *bytes = out;
    uint32_t len = (uint32_t)strlen(text);
    uint32_t used = 0;

    if (len % 4 != 0) {
        return OTTER_ERR_SYNTAX;
    }
    for (uint32_t i = 0; i < len; i += 4) {
        uint8_t group[3];
        int count = decode_group(text + i, group);

        if (count < 0 || (count < 3 && i + 4 != len)) {
            return OTTER_ERR_SYNTAX;
        }
        if (used + (uint32_t)count > size) {
            return OTTER_ERR_TOO_LONG;
        }
        memcpy(bytes + used, group, (uint32_t)count);
        used += (uint32_t)count;
    }
    return (int)used;
}
