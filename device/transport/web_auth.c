/* SPDX-License-Identifier: Apache-2.0
 *
 * Nonces and credentials.  A nonce is the hexadecimal form of
 *
 *   made_ms (4 bytes)  number (4)  SHA-256(secret, made_ms, number) (first 8)
 */
#include "device/transport/web_auth.h"

#include "codec/http_auth.h"
#include "format/bytes.h"
#include "format/hex.h"
#include "hal/board.h"
#include "hal/clock.h"

#include <bearssl.h>
#include <string.h>

#define NONCE_BYTES 16u

/* The digest library behind the codec's interface. */

static void md5_start(void *context)
{
    br_md5_init(context);
}

static void md5_update(void *context, const void *data, uint32_t len)
{
    br_md5_update(context, data, len);
}

static void md5_finish(void *context, uint8_t *out)
{
    br_md5_out(context, out);
}

static void sha256_start(void *context)
{
    br_sha256_init(context);
}

static void sha256_update(void *context, const void *data, uint32_t len)
{
    br_sha256_update(context, data, len);
}

static void sha256_finish(void *context, uint8_t *out)
{
    br_sha256_out(context, out);
}

/* --- Nonces ------------------------------------------------------------- */

void otter__web_auth_init(struct otter_web_auth *auth)
{
    memset(auth, 0, sizeof *auth);
    auth->mark_ms = otter_clock_ms();
}

static void write_nonce(const struct otter_web_auth *auth, uint32_t made_ms,
                        uint32_t number, char out[2 * NONCE_BYTES + 1])
{
    br_sha256_context context;
    uint8_t bytes[8 + br_sha256_SIZE];

    otter_store_le32(bytes, made_ms);
    otter_store_le32(bytes + 4, number);
    br_sha256_init(&context);
    br_sha256_update(&context, auth->secret, sizeof auth->secret);
    br_sha256_update(&context, bytes, 8);
    br_sha256_out(&context, bytes + 8);
    otter_hex_encode(out, bytes, NONCE_BYTES);
}

/* Nonces up to that number are good no more. */
static void forget(struct otter_web_auth *auth, uint32_t number)
{
    auth->forgot = number;
    for (uint32_t i = 0; i < OTTER_WEB_NONCES; i++) {
        if (auth->used[i].number <= number) {
            auth->used[i].number = 0;
        }
    }
}

/* Without it an old nonce would look new when the clock has wrapped. */
void otter__web_auth_tick(struct otter_web_auth *auth)
{
    if (otter_clock_since(auth->mark_ms) >= OTTER_WEB_NONCE_MS) {
        if (auth->marked > auth->forgot) {
            forget(auth, auth->marked);
        }
        auth->marked = auth->made;
        auth->mark_ms = otter_clock_ms();
    }
}

/* The row of a nonce.  A new one may take the place of the oldest, which is
 * then forgotten, and with it all that are older. */
static struct otter_web_nonce *row_of(struct otter_web_auth *auth,
                                      uint32_t number)
{
    struct otter_web_nonce *oldest = auth->used;

    for (uint32_t i = 0; i < OTTER_WEB_NONCES; i++) {
        if (auth->used[i].number == number) {
            return &auth->used[i];
        }
        if (auth->used[i].number < oldest->number) {
            oldest = &auth->used[i];
        }
    }
    if (number < oldest->number) {
        return NULL; /* it would be forgotten at once */
    }
    if (oldest->number != 0) {
        forget(auth, oldest->number);
    }
    oldest->number = number;
    oldest->count = 0;
    return oldest;
}

/* The nonce is ours, fresh, and was not used with this count or a later. */
static bool use_nonce(struct otter_web_auth *auth,
                      const struct otter_http_credentials *from)
{
    char ours[2 * NONCE_BYTES + 1];
    uint8_t bytes[NONCE_BYTES];
    uint8_t nc[4];
    struct otter_web_nonce *row;
    uint32_t made_ms;
    uint32_t number;
    uint32_t count;

    if (!auth->has_secret || strlen(from->nonce) != 2 * NONCE_BYTES ||
        otter_hex_decode(bytes, from->nonce, NONCE_BYTES) != 0 ||
        strlen(from->nc) != 8 || otter_hex_decode(nc, from->nc, 4) != 0) {
        return false;
    }
    made_ms = otter_load_le32(bytes);
    number = otter_load_le32(bytes + 4);
    count = otter_load_be32(nc);
    write_nonce(auth, made_ms, number, ours);
    if (!otter_http_auth_equal(from->nonce, ours) || number <= auth->forgot ||
        otter_clock_since(made_ms) >= OTTER_WEB_NONCE_MS) {
        return false;
    }
    row = row_of(auth, number);
    if (row == NULL || count <= row->count) {
        return false;
    }
    row->count = count;
    return true;
}

/* --- Credentials -------------------------------------------------------- */

static bool response_fits(const struct otter_web_account *account,
                          const struct otter_http_credentials *from)
{
    union {
        br_md5_context md5;
        br_sha256_context sha256;
    } context;
    const struct otter_hash md5 = {"MD5",     16,         &context.md5,
                                   md5_start, md5_update, md5_finish};
    const struct otter_hash sha256 = {"SHA-256",       32,
                                      &context.sha256, sha256_start,
                                      sha256_update,   sha256_finish};

    return otter_http_auth_verify(from->sha256 ? &sha256 : &md5, from,
                                  OTTER_WEB_REALM, account->user_name,
                                  account->password, account->method);
}

static enum otter_web_login check_digest(
    struct otter_web_auth *auth, const struct otter_web_account *account,
    const struct otter_http_credentials *from)
{
    if (!from->qop || !otter_http_auth_equal(from->uri, account->target) ||
        !response_fits(account, from)) {
        return OTTER_WEB_LOGIN_WRONG;
    }
    return use_nonce(auth, from) ? OTTER_WEB_LOGIN_RIGHT
                                 : OTTER_WEB_LOGIN_STALE;
}

enum otter_web_login otter__web_auth_check(
    struct otter_web_auth *auth, const struct otter_web_account *account,
    const char *value)
{
    struct otter_http_credentials from;
    bool user_fits;

    if (otter_http_auth_parse(value, &from) != 0) {
        return OTTER_WEB_LOGIN_WRONG;
    }
    if (from.scheme == OTTER_HTTP_AUTH_DIGEST) {
        return check_digest(auth, account, &from);
    }
    if (from.scheme != OTTER_HTTP_AUTH_BASIC || account->digest_only) {
        return OTTER_WEB_LOGIN_NONE;
    }
    user_fits = otter_http_auth_equal(from.user, account->user_name);
    return otter_http_auth_equal(from.password, account->password) && user_fits
               ? OTTER_WEB_LOGIN_RIGHT
               : OTTER_WEB_LOGIN_WRONG;
}

static void challenge_digest(const char *algorithm, const char *nonce,
                             bool stale, struct otter_text *out)
{
    otter_text_string(out, "WWW-Authenticate: Digest realm=\"" OTTER_WEB_REALM
                           "\", qop=\"auth\", algorithm=");
    otter_text_string(out, algorithm);
    otter_text_string(out, ", nonce=\"");
    otter_text_string(out, nonce);
    otter_text_string(out, stale ? "\", stale=true\r\n" : "\"\r\n");
}

void otter__web_auth_challenge(struct otter_web_auth *auth, bool stale,
                               bool digest_only, struct otter_text *out)
{
    char nonce[2 * NONCE_BYTES + 1];

    if (!auth->has_secret) {
        auth->has_secret =
            otter_board_random(auth->secret, sizeof auth->secret) == 0;
    }
    if (auth->has_secret) {
        write_nonce(auth, otter_clock_ms(), ++auth->made, nonce);
        challenge_digest("SHA-256", nonce, stale, out);
        challenge_digest("MD5", nonce, stale, out);
    }
    if (!digest_only) {
        otter_text_string(out, "WWW-Authenticate: Basic realm=\"" //
                          OTTER_WEB_REALM "\"\r\n");
    }
}
