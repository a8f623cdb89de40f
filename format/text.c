/* SPDX-License-Identifier: Apache-2.0
 *
 * Short texts in bounded buffers. */
#include "format/text.h"

void otter_text_init(struct otter_text *text, char *buf, uint32_t size)
{
    text->buf = buf;
    text->size = size;
    text->len = 0;
    text->truncated = false;
    buf[0] = '\0';
}

void otter_text_char(struct otter_text *text, char c)
{
    if (text->size - text->len < 2) {
        text->truncated = true;
        return;
    }
    text->buf[text->len++] = c;
    text->buf[text->len] = '\0';
}

void otter_text_string(struct otter_text *text, const char *string)
{
    while (*string != '\0') {
        otter_text_char(text, *string++);
    }
}

void otter_text_decimal(struct otter_text *text, uint32_t value)
{
    char digits[10];
    uint32_t count = 0;

    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    while (count != 0) {
        otter_text_char(text, digits[--count]);
    }
}

void otter_text_hex32(struct otter_text *text, uint32_t value)
{
    for (int shift = 28; shift >= 0; shift -= 4) {
        otter_text_char(text, "0123456789abcdef"[value >> shift & 15]);
    }
}

void otter_text_foreign(struct otter_text *text, const void *data,
                        uint32_t len)
{
    const uint8_t *bytes = data;

    for (uint32_t i = 0; i < len; i++) {
        bool shown = bytes[i] >= 0x20 && bytes[i] <= 0x7E;

        otter_text_char(text, shown ? (char)bytes[i] : '?');
    }
}
