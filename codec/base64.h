/* SPDX-License-Identifier: Apache-2.0
 *
 * Base64 with the standard alphabet and padding (RFC 4648 section 4). */
#ifndef OTTER_CODEC_BASE64_H
#define OTTER_CODEC_BASE64_H

#include "format/compiler.h"
#include "format/error.h"

#include <stdint.h>

OTTER_BEGIN_DECLS

/* Bytes that encoding `len` bytes needs, the NUL included. */
#define OTTER_BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1)

/* Encodes `len` bytes; `out` gets OTTER_BASE64_SIZE(len) bytes, NUL last. */
void otter_base64_encode(const void *data, uint32_t len, char *out);

/* Decodes a whole text; returns the number of bytes.
 * OTTER_ERR_SYNTAX: not base64, or bits set where padding demands none.
 * OTTER_ERR_TOO_LONG: more than `size` bytes. */
OTTER_MUST_CHECK int otter_base64_decode(const char *text, void *out,
                                         uint32_t size);

OTTER_END_DECLS

#endif
