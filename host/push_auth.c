/* SPDX-License-Identifier: Apache-2.0
 *
 * Both authentication schemes of the push protocol, host side. */
#include "host/push_auth.h"

#include "format/error.h"
#include "host/digest.h"

#include <openssl/crypto.h>
#include <string.h>

#define PBKDF2_ITERATIONS 10000 /* protocol 1.11 */

static int respond_md5(struct otter_push_auth_answer *answer,
                       const char *nonce, const char *password)
{
    char stored[OTTER_MD5_HEX_SIZE];
    char proof[OTTER_PUSH_CHALLENGE_MAX];
    int error = otter_digest_md5(stored, password, strlen(password));

    if (error) {
        return error;
    }
    otter_push_format_challenge(stored, nonce, answer->cnonce, proof,
                                sizeof proof);
    error = otter_digest_md5(answer->response, proof, strlen(proof));
    OPENSSL_cleanse(stored, sizeof stored);
    OPENSSL_cleanse(proof, sizeof proof);
    return error;
}

static int respond_pbkdf2(struct otter_push_auth_answer *answer,
                          const char *nonce, const char *password,
                          bool stored_md5)
{
    char stored[OTTER_SHA256_HEX_SIZE];
    char key[OTTER_SHA256_HEX_SIZE];
    char proof[OTTER_PUSH_CHALLENGE_MAX];
    size_t len = strlen(password);
    int error = stored_md5 ? otter_digest_md5(stored, password, len)
                           : otter_digest_sha256(stored, password, len);

    if (error) {
        return error;
    }
    otter_push_format_challenge("", nonce, answer->cnonce, proof,
                                sizeof proof);
    /* An empty key leaves ":nonce:cnonce", the salt behind its first colon. */
    error = otter_digest_pbkdf2(key, stored, proof + 1, PBKDF2_ITERATIONS);
    if (!error) {
        otter_push_format_challenge(key, nonce, answer->cnonce, proof,
                                    sizeof proof);
        error = otter_digest_sha256(answer->response, proof, strlen(proof));
    }
    OPENSSL_cleanse(stored, sizeof stored);
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(proof, sizeof proof);
    return error;
}

int otter_push_auth_respond(struct otter_push_auth_answer *answer,
                            const char *nonce, const char *password,
                            bool stored_md5)
{
    switch (strlen(nonce)) {
    case OTTER_PUSH_DIGITS_MD5:
        return respond_md5(answer, nonce, password);
    case OTTER_PUSH_DIGITS_SHA256:
        return respond_pbkdf2(answer, nonce, password, stored_md5);
    default:
        return OTTER_ERR_SYNTAX;
    }
}

int otter_push_auth_answer(struct otter_push_auth_answer *answer,
                           const char *nonce, const char *password,
                           bool stored_md5)
{
    size_t digits = strlen(nonce);
    int error;

    if (digits != OTTER_PUSH_DIGITS_MD5 &&
        digits != OTTER_PUSH_DIGITS_SHA256) {
        return OTTER_ERR_SYNTAX;
    }
    error = otter_digest_random(answer->cnonce, digits / 2);
    if (error) {
        return error;
    }
    return otter_push_auth_respond(answer, nonce, password, stored_md5);
}
