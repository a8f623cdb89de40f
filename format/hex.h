/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes as hexadecimal text: digests, nonces and keys travel that way.  We
 * write lowercase (protocol 1.2) and read both. */
#ifndef OTTER_FORMAT_HEX_H
#define OTTER_FORMAT_HEX_H

#include "format/compiler.h"

#include <stdint.h>

OTTER_BEGIN_DECLS

/* Writes 2 * `len` lowercase digits and a NUL to `out`, whose size is
 * therefore at least 2 * `len` + 1.  `out` and `data` must not overlap. */
void otter_hex_encode(char *out, const void *data, uint32_t len);

/* Reads `len` bytes from exactly 2 * `len` digits at `text`, which needs no
 * NUL.  OTTER_ERR_SYNTAX: something is not a digit; `out` is then undefined.
 */
OTTER_MUST_CHECK int otter_hex_decode(void *out, const char *text,
                                      uint32_t len);

OTTER_END_DECLS

#endif
