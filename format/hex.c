/* SPDX-License-Identifier: Apache-2.0
 *
 * Hexadecimal text. */
#include "format/hex.h"

#include "format/error.h"

/* The value of a digit, or -1. */
static int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

void otter_hex_encode(char *out, const void *data, uint32_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;

    for (uint32_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

int otter_hex_decode(void *out, const char *text, uint32_t len)
{
    uint8_t *bytes = out;

    for (uint32_t i = 0; i < len; i++) {
        int high = digit_value(text[0]);
        int low = high < 0 ? -1 : digit_value(text[1]);

        if (low < 0) {
            return OTTER_ERR_SYNTAX;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    return 0;
}
