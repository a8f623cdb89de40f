/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/1.x messages, one push parser for requests and responses (RFC 9112).
 * Bytes are fed as they arrive, split anywhere; nothing is allocated: one line
 * at a time lies in a buffer that the caller owns.  The parser decides the
 * framing of the body (length, chunks, until close, none) and refuses what
 * two programs could read in two ways: differing lengths, a length beside
 * chunks, bare CR, folded lines, blanks before the colon.
 *
 *   LINE -> HEADER* -> BODY (length | chunked | until close) -> DONE
 *
 * It does not send anything and knows nothing of URLs or credentials. */
#ifndef OTTER_CODEC_HTTP_H
#define OTTER_CODEC_HTTP_H

#include "format/compiler.h"
#include "format/error.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_HTTP_HEADERS_MAX 64u /* header lines in one message */

enum otter_http_side { OTTER_HTTP_REQUEST, OTTER_HTTP_RESPONSE };

enum otter_http_framing {
    OTTER_HTTP_NO_BODY,
    OTTER_HTTP_LENGTH,  /* `length` bytes follow */
    OTTER_HTTP_CHUNKED, /* Transfer-Encoding: chunked */
    OTTER_HTTP_TO_CLOSE /* a response without a length */
};

struct otter_http;

/* What the parser tells its owner while it is fed.  Texts end in NUL, lie in
 * the line buffer and are valid during the call.  A value other than 0 stops
 * the parser with that error. */
struct otter_http_events {
    /* The request line ("GET", "/update?x=1") or the status line ("304",
     * "Not Modified"); `minor` is the HTTP minor version, 0 or 1. */
    int (*start)(void *user, const char *first, const char *second, int minor);

    /* One header, blanks around the value removed. */
    int (*header)(void *user, const char *name, const char *value);

    /* A header that does not fit the line buffer; 0 passes it over.  NULL
     * refuses such a message, as are headers that decide the framing. */
    int (*long_header)(void *user, const char *name);
};

struct otter_http_config {
    enum otter_http_side side;
    char *line;         /* buffer for one line, borrowed */
    uint32_t line_size; /* bytes; longer lines: OTTER_ERR_TOO_LONG */
    const struct otter_http_events *events; /* borrowed; members may be NULL */
    void *user;                             /* handed to the events */
    bool head_request; /* response to HEAD: it has no body whatever it says */
};

struct otter_http {
    /* Valid once the head is complete. */
    int status; /* of a response, 100 to 599 */
    int minor;  /* HTTP minor version */
    enum otter_http_framing framing;
    uint32_t length;      /* bytes of body when framing is LENGTH */
    bool has_length;      /* the message named a Content-Length */
    bool keep_alive;      /* the sender allows another message */
    bool expect_continue; /* the client waits for 100 Continue */

    /* private */
    const struct otter_http_config *config;
    int error;
    uint8_t state;
    bool chunked;
    bool coding_unknown;
    bool saw_cr;
    bool skipping;    /* the rest of a header that is passed over */
    uint32_t used;    /* bytes in the line buffer */
    uint32_t headers; /* header lines so far */
    uint32_t left;    /* bytes left of the body or chunk */
};

/* Starts to parse a message; `config` is borrowed until the last call. */
void otter_http_init(struct otter_http *http,
                     const struct otter_http_config *config);

/* Feeds bytes of the head.  Returns how many were taken: all, or those up to
 * the end of the head, after which otter_http_head_done is true and the rest
 * goes to otter_http_body.
 * OTTER_ERR_SYNTAX: not HTTP, or ambiguous.  OTTER_ERR_TOO_LONG: a line longer
 * than the buffer or too many headers.  Otherwise an event's error.  Sticky.
 */
OTTER_MUST_CHECK int otter_http_head(struct otter_http *http, const void *data,
                                     uint32_t len);

/* Feeds bytes after the head.  Returns how many were taken; `*body` and
 * `*body_len` are the piece of payload among them, which lies in `data`; the
 * length may be 0.  Call again with the rest.  OTTER_ERR_SYNTAX: broken
 * chunks.  Sticky. */
OTTER_MUST_CHECK int otter_http_body(struct otter_http *http, const void *data,
                                     uint32_t len, const uint8_t **body,
                                     uint32_t *body_len);

/* The head is complete; the framing fields are valid. */
bool otter_http_head_done(const struct otter_http *http);

/* The whole message was parsed.  Never true for TO_CLOSE: its end is the end
 * of the connection. */
bool otter_http_done(const struct otter_http *http);

/* Two header names or tokens are the same, ASCII letters in any case. */
bool otter_http_same(const char *a, const char *b);

/* True when the comma-separated list `value` holds `token`, in any case. */
bool otter_http_list_has(const char *value, const char *token);

/* Reads a whole decimal number: digits only, at least one, fits 32 bits.
 * OTTER_ERR_SYNTAX: it is not.  OTTER_ERR_TOO_LONG: larger than 2^32-1. */
OTTER_MUST_CHECK int otter_http_number(const char *text, uint32_t *out);

OTTER_END_DECLS

#endif
