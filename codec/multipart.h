/* SPDX-License-Identifier: Apache-2.0
 *
 * A streaming parser for multipart/form-data bodies (RFC 7578), as browsers
 * and curl send files.  Bytes are fed as they arrive, split anywhere; nothing
 * is allocated and nothing of a file is held back but what may be the start
 * of a boundary.  Parts may carry any headers in any order, text fields may
 * stand before the file.  The core's parser corrupts the data when a part has
 * one header more than it expects (protocol 4.4); this one does not.
 *
 *   PREAMBLE -> (HEADERS -> DATA)* -> END
 *
 * It does not decode transfer encodings, which RFC 7578 forbids anyway. */
#ifndef OTTER_CODEC_MULTIPART_H
#define OTTER_CODEC_MULTIPART_H

#include "format/compiler.h"
#include "format/error.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_MULTIPART_BOUNDARY_MAX 70u /* characters (RFC 2046 5.1.1) */
#define OTTER_MULTIPART_HEADERS_MAX  16u /* header lines of one part */
#define OTTER_MULTIPART_NAME_MAX     31u /* longer names are cut */

enum otter_multipart_event {
    OTTER_MULTIPART_NONE,     /* more bytes are needed */
    OTTER_MULTIPART_PART,     /* a part begins: name, is_file, filename */
    OTTER_MULTIPART_DATA,     /* `data`, `data_len` are bytes of the part */
    OTTER_MULTIPART_PART_END, /* the part is complete */
    OTTER_MULTIPART_END       /* the closing boundary was seen */
};

struct otter_multipart {
    /* Of the current part, valid from PART on. */
    char name[OTTER_MULTIPART_NAME_MAX + 1];
    char filename[OTTER_MULTIPART_NAME_MAX + 1];
    bool is_file; /* it has a file name, even an empty one */

    /* Of a DATA event.  Lies in the bytes that were fed or in this struct;
     * valid until the next feed. */
    const uint8_t *data;
    uint32_t data_len;

    /* private */
    char *line;
    uint32_t line_size;
    uint32_t used;
    int error;
    uint8_t state;
    uint8_t matched; /* bytes of the delimiter that were seen */
    uint8_t held;    /* bytes of the delimiter that turned out to be data */
    uint8_t headers;
    bool named;
    bool cut; /* the header line is longer than the buffer */
    bool in_part;
    bool told; /* the END event was given */
    uint8_t delimiter_len;
    char delimiter[4 + OTTER_MULTIPART_BOUNDARY_MAX + 1];
};

/* Prepares for a body whose Content-Type header has this value; `line` is a
 * buffer for one header line of a part, borrowed until the last feed, and
 * `line_size` its bytes.
 * OTTER_ERR_INVALID: not multipart/form-data.  OTTER_ERR_SYNTAX: no usable
 * boundary in it. */
OTTER_MUST_CHECK int otter_multipart_init(struct otter_multipart *multipart,
                                          const char *content_type, char *line,
                                          uint32_t line_size);

/* A header line longer than the buffer is cut: of a Content-Disposition the
 * name must fit, the file name need not.
 *
 * Feeds bytes and stops at the first event.  Returns how many were taken,
 * possibly 0 beside an event; call again with the rest until `*event` is NONE
 * and all are taken.  Bytes after END are taken and ignored.
 * OTTER_ERR_SYNTAX: not what RFC 7578 allows.  OTTER_ERR_TOO_LONG: too many
 * header lines, or a Content-Disposition cut before the file name.  Sticky. */
OTTER_MUST_CHECK int otter_multipart_feed(struct otter_multipart *multipart,
                                          const void *data, uint32_t len,
                                          enum otter_multipart_event *event);

/* The closing boundary was seen: the body is complete. */
bool otter_multipart_done(const struct otter_multipart *multipart);

/* Finds parameter `name` in a header value such as `form-data; name="a"` and
 * copies its text, unquoted and cut to `size` with its NUL.  Returns the whole
 * length of the text.  OTTER_ERR_NO_DATA: no such parameter.
 * OTTER_ERR_SYNTAX: the value is malformed. */
OTTER_MUST_CHECK int otter_multipart_parameter(const char *value,
                                               const char *name, char *out,
                                               uint32_t size);

OTTER_END_DECLS

#endif
