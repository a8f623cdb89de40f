/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's side of HTTP authentication: understands what a server asks
 * for and writes the Authorization header.  Of several challenges the
 * strongest is taken: Digest with SHA-256, Digest with MD5, Basic.  The stock
 * update page offers Basic only (protocol 4.2). */
#ifndef OTTER_HOST_WEB_LOGIN_H
#define OTTER_HOST_WEB_LOGIN_H

#include "codec/http_auth.h"
#include "format/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTTER_WEB_REALM_SIZE  128
#define OTTER_WEB_HEADER_SIZE 1280

struct otter_web_login {
    /* What the server asked for last. */
    enum otter_http_scheme scheme; /* NONE: nothing that is known here */
    bool sha256;
    bool qop;
    bool stale; /* the password was right, the nonce too old */
    char realm[OTTER_WEB_REALM_SIZE];
    char nonce[OTTER_HTTP_NONCE_MAX + 1];
    char opaque[OTTER_HTTP_NONCE_MAX + 1];

    /* private */
    uint32_t count; /* requests with this nonce */
};

/* Before the challenges of one answer are added. */
void otter_web_login_reset(struct otter_web_login *login);

/* Takes the value of one WWW-Authenticate header, which may hold several
 * challenges.  What is malformed is passed over. */
void otter_web_login_challenge(struct otter_web_login *login,
                               const char *value);

/* Writes "Authorization: ...\r\n" for one request, or nothing when nothing
 * was asked for.
 * OTTER_ERR_TOO_LONG: user or password are longer than HTTP's fields here.
 * OTTER_ERR_NO_MEMORY, OTTER_ERR_RANDOM. */
OTTER_MUST_CHECK int otter_web_login_header(
    struct otter_web_login *login, const char *user, const char *password,
    const char *method, const char *target, char out[OTTER_WEB_HEADER_SIZE]);

#endif
