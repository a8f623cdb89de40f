/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may use the update page: Basic and Digest authentication (RFC 7617, RFC
 * 7616) against one user name and password.  A nonce carries the time of its
 * making under a secret of this start of the board, so that none has to be
 * remembered until it is used; it is good for OTTER_WEB_NONCE_MS, and each of
 * its counts is taken once, so that nobody who listens can use a request's
 * credentials for another.  Part of web.h; a sketch does not use it. */
#ifndef OTTER_DEVICE_TRANSPORT_WEB_AUTH_H
#define OTTER_DEVICE_TRANSPORT_WEB_AUTH_H

#include "format/compiler.h"
#include "format/error.h"
#include "format/text.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_WEB_REALM    "Login Required" /* the core's (protocol 4.2) */
#define OTTER_WEB_NONCE_MS 300000u          /* that a nonce is good for */
#define OTTER_WEB_NONCES   4u               /* in use at a time */

/* A nonce that somebody has used. */
struct otter_web_nonce {
    uint32_t made_ms;
    uint32_t number; /* 0: the row is free */
    uint32_t count;  /* the last one that was used */
};

struct otter_web_auth {
    /* private */
    bool has_secret;
    uint32_t made;   /* nonces so far */
    uint32_t forgot; /* nonces up to this number are good no more */
    uint32_t marked; /* how many there were at mark_ms */
    uint32_t mark_ms;
    uint8_t secret[16];
    struct otter_web_nonce used[OTTER_WEB_NONCES];
};

/* What an Authorization header was worth. */
enum otter_web_login {
    OTTER_WEB_LOGIN_NONE, /* there was none, or of no scheme that we know */
    OTTER_WEB_LOGIN_WRONG,
    OTTER_WEB_LOGIN_STALE, /* right, but the nonce is used up or too old */
    OTTER_WEB_LOGIN_RIGHT
};

/* What the credentials of a request are compared with, all borrowed. */
struct otter_web_account {
    const char *user_name;
    const char *password;
    const char *method; /* "POST" */
    const char *target; /* as the request line has it */
    bool digest_only;
};

void otter__web_auth_init(struct otter_web_auth *auth);

/* Time passes; to be called often. */
void otter__web_auth_tick(struct otter_web_auth *auth);

/* Looks at the value of an Authorization header. */
enum otter_web_login otter__web_auth_check(
    struct otter_web_auth *auth, const struct otter_web_account *account,
    const char *value);

/* Appends the WWW-Authenticate headers of a 401.  Without randomness there is
 * no Digest in them. */
void otter__web_auth_challenge(struct otter_web_auth *auth, bool stale,
                               bool digest_only, struct otter_text *out);

OTTER_END_DECLS

#endif
