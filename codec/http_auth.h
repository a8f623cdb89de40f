/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP authentication: Basic (RFC 7617) and Digest with MD5 or SHA-256 (RFC
 * 7616), the parts that are pure text. The digest itself is passed in, so
 * that device and host bring their own library.  Nonces, their age and who
 * may do what are the caller's matter. */
#ifndef OTTER_CODEC_HTTP_AUTH_H
#define OTTER_CODEC_HTTP_AUTH_H

#include "format/compiler.h"
#include "format/error.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

/* A digest function.  `context` is borrowed and used by one computation at a
 * time. */
struct otter_hash {
    const char *algorithm; /* "MD5" or "SHA-256", as HTTP names it */
    uint32_t size;         /* bytes of output, 16 or 32 */
    void *context;
    void (*start)(void *context);
    void (*update)(void *context, const void *data, uint32_t len);
    void (*finish)(void *context, uint8_t *out);
};

enum otter_http_scheme {
    OTTER_HTTP_AUTH_NONE, /* a scheme that is not known here */
    OTTER_HTTP_AUTH_BASIC,
    OTTER_HTTP_AUTH_DIGEST
};

#define OTTER_HTTP_USER_MAX   63u /* longer user names or passwords fail */
#define OTTER_HTTP_NONCE_MAX  64u
#define OTTER_HTTP_CNONCE_MAX 64u
#define OTTER_HTTP_URI_MAX    127u

/* What an Authorization header says. */
struct otter_http_credentials {
    enum otter_http_scheme scheme;
    char user[OTTER_HTTP_USER_MAX + 1];
    /* Basic */
    char password[OTTER_HTTP_USER_MAX + 1];
    /* Digest */
    bool sha256; /* algorithm=SHA-256; MD5 otherwise */
    bool qop;    /* qop=auth; the old form without it otherwise */
    char nonce[OTTER_HTTP_NONCE_MAX + 1];
    char cnonce[OTTER_HTTP_CNONCE_MAX + 1];
    char uri[OTTER_HTTP_URI_MAX + 1];
    char nc[9];        /* 8 hex digits */
    char response[65]; /* lowercase hex; other letters never match */
};

/* Parses the value of an Authorization header.
 * OTTER_ERR_SYNTAX: malformed.  OTTER_ERR_TOO_LONG: a field is longer than
 * its place.  A scheme or digest variant that is not known gives scheme NONE
 * and 0. */
OTTER_MUST_CHECK int otter_http_auth_parse(const char *value,
                                           struct otter_http_credentials *out);

/* The response that a client who knows the password must have sent, as
 * lowercase hex with NUL; `out` gets 2 * hash->size + 1 bytes. */
void otter_http_auth_response(const struct otter_hash *hash,
                              const struct otter_http_credentials *from,
                              const char *realm, const char *password,
                              const char *method, char *out);

/* True when the Digest credentials fit; compares in constant time.  The
 * caller has checked the nonce and that `uri` is the request's target. */
bool otter_http_auth_verify(const struct otter_hash *hash,
                            const struct otter_http_credentials *from,
                            const char *realm, const char *user,
                            const char *password, const char *method);

/* Equal texts, in a time that depends on the length of `sent` only. */
bool otter_http_auth_equal(const char *sent, const char *wanted);

OTTER_END_DECLS

#endif
