/* SPDX-License-Identifier: Apache-2.0
 *
 * Short texts built into a caller's buffer, without stdio: messages, error
 * texts, console lines.  The text always ends in NUL and is never longer than
 * the buffer; what does not fit is dropped and remembered in `truncated`. */
#ifndef OTTER_FORMAT_TEXT_H
#define OTTER_FORMAT_TEXT_H

#include "format/compiler.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

struct otter_text {
    char *buf;      /* borrowed for the life of the text */
    uint32_t size;  /* bytes of buf, NUL included */
    uint32_t len;   /* characters so far, NUL not included */
    bool truncated; /* something did not fit */
};

/* Starts an empty text in `buf` of `size` >= 1 bytes. */
void otter_text_init(struct otter_text *text, char *buf, uint32_t size);

/* Each appends at the end. */
void otter_text_char(struct otter_text *text, char c);
void otter_text_string(struct otter_text *text, const char *string);
void otter_text_decimal(struct otter_text *text, uint32_t value);

/* The 8 lowercase digits of `value`, as printf's %08x. */
void otter_text_hex32(struct otter_text *text, uint32_t value);

/* Appends `len` bytes that came from somebody else: everything that is not
 * printable ASCII becomes '?', so that it can be shown on a terminal. */
void otter_text_foreign(struct otter_text *text, const void *data,
                        uint32_t len);

OTTER_END_DECLS

#endif
