/* SPDX-License-Identifier: Apache-2.0
 *
 * The answer to a device's question for the password (protocol 1.4, 1.11).
 * The length of the nonce selects the scheme: 32 digits MD5, 64 digits
 * PBKDF2-HMAC-SHA256.  Pure computation: no message text, no socket. */
#ifndef OTTER_HOST_PUSH_AUTH_H
#define OTTER_HOST_PUSH_AUTH_H

#include "format/compiler.h"
#include "format/push_message.h"

#include <stdbool.h>

/* Fills answer->response for the given nonce, password and answer->cnonce.
 * stored_md5 is for devices with the PBKDF2 scheme that still keep the MD5 of
 * their password; the MD5 scheme ignores it.
 * OTTER_ERR_SYNTAX: the nonce has neither 32 nor 64 digits.
 * OTTER_ERR_NO_MEMORY: the library cannot compute. */
OTTER_MUST_CHECK int otter_push_auth_respond(
    struct otter_push_auth_answer *answer, const char *nonce,
    const char *password, bool stored_md5);

/* The same with a fresh random answer->cnonce of the nonce's length.
 * OTTER_ERR_RANDOM: the system offers no randomness. */
OTTER_MUST_CHECK int otter_push_auth_answer(
    struct otter_push_auth_answer *answer, const char *nonce,
    const char *password, bool stored_md5);

#endif
