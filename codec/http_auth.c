/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials out of an Authorization header, and the arithmetic of HTTP
 * Digest. */
#include "codec/http_auth.h"

#include "codec/base64.h"
#include "codec/http.h"
#include "format/hex.h"

#include <string.h>

/* One key="value" or key=token of a list; returns what follows it, NULL at a
 * malformed one.  A value that does not fit sets *too_long. */
static const char *next_pair(const char *text, char *key, uint32_t key_size,
                             char *value, uint32_t value_size, bool *too_long)
{
    uint32_t used = 0;
    bool quoted;

    while (*text != '=' && *text != '\0' && *text != ' ' && *text != ',') {
        if (used + 1 < key_size) {
            key[used++] = *text;
        }
        text++;
    }
    key[used] = '\0';
    if (*text++ != '=' || used == 0) {
        return NULL;
    }
    quoted = *text == '"';
    text += quoted;
    used = 0;
    *too_long = false;
    while (*text != '\0' && (quoted ? *text != '"' : *text != ',')) {
        if (quoted && *text == '\\' && text[1] != '\0') {
            text++;
        }
        if (used + 1 < value_size) {
            value[used++] = *text;
        } else {
            *too_long = true;
        }
        text++;
    }
    while (!quoted && used > 0 && value[used - 1] == ' ') {
        used--;
    }
    value[used] = '\0';
    if (quoted && *text++ != '"') {
        return NULL;
    }
    while (*text == ' ' || *text == ',' || *text == '\t') {
        text++;
    }
    return text;
}

static int copy_field(char *out, uint32_t size, const char *value)
{
    uint32_t len = (uint32_t)strlen(value);

    if (len >= size) {
        return OTTER_ERR_TOO_LONG;
    }
    memcpy(out, value, len + 1);
    return 0;
}

static int take_field(struct otter_http_credentials *out, const char *key,
                      const char *value)
{
    const struct {
        const char *key;
        char *place;
        uint32_t size;
    } fields[] = {
        {"username", out->user, sizeof out->user},
        {"nonce", out->nonce, sizeof out->nonce},
        {"cnonce", out->cnonce, sizeof out->cnonce},
        {"uri", out->uri, sizeof out->uri},
        {"nc", out->nc, sizeof out->nc},
        {"response", out->response, sizeof out->response},
    };

    for (uint32_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (otter_http_same(key, fields[i].key)) {
            return copy_field(fields[i].place, fields[i].size, value);
        }
    }
    if (otter_http_same(key, "qop")) {
        out->qop = otter_http_same(value, "auth");
        out->scheme = out->qop ? out->scheme : OTTER_HTTP_AUTH_NONE;
    } else if (otter_http_same(key, "algorithm")) {
        out->sha256 = otter_http_same(value, "SHA-256");
        if (!out->sha256 && !otter_http_same(value, "MD5")) {
            out->scheme = OTTER_HTTP_AUTH_NONE;
        }
    }
    return 0;
}

static int parse_digest(const char *text, struct otter_http_credentials *out)
{
    out->scheme = OTTER_HTTP_AUTH_DIGEST;
    while (*text != '\0') {
        char key[12];
        char value[OTTER_HTTP_URI_MAX + 1];
        bool too_long;
        int error;

        text =
            next_pair(text, key, sizeof key, value, sizeof value, &too_long);
        if (text == NULL) {
            return OTTER_ERR_SYNTAX;
        }
        error = too_long ? OTTER_ERR_TOO_LONG : take_field(out, key, value);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

static int parse_basic(const char *text, struct otter_http_credentials *out)
{
    char both[2 * OTTER_HTTP_USER_MAX + 2];
    int len = otter_base64_decode(text, both, sizeof both - 1);
    char *colon;

    if (len < 0) {
        return len;
    }
    both[len] = '\0';
    colon = strchr(both, ':');
    if (colon == NULL || strlen(both) != (uint32_t)len) {
        return OTTER_ERR_SYNTAX;
    }
    *colon = '\0';
    out->scheme = OTTER_HTTP_AUTH_BASIC;
    if (copy_field(out->user, sizeof out->user, both) != 0) {
        return OTTER_ERR_TOO_LONG;
    }
    return copy_field(out->password, sizeof out->password, colon + 1);
}

int otter_http_auth_parse(const char *value,
                          struct otter_http_credentials *out)
{
    char scheme[8];
    uint32_t len = 0;

    memset(out, 0, sizeof *out);
    while (value[len] != '\0' && value[len] != ' ') {
        len++;
    }
    if (len >= sizeof scheme) {
        return 0;
    }
    memcpy(scheme, value, len);
    scheme[len] = '\0';
    value += len;
    while (*value == ' ') {
        value++;
    }
    if (otter_http_same(scheme, "Basic")) {
        return parse_basic(value, out);
    }
    return otter_http_same(scheme, "Digest") ? parse_digest(value, out) : 0;
}

/* Hashes texts joined by ':' and writes the digest as hex. */
static void hash_join(const struct otter_hash *hash, const char *const *texts,
                      uint32_t count, char *out)
{
    uint8_t digest[32];

    hash->start(hash->context);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) {
            hash->update(hash->context, ":", 1);
        }
        hash->update(hash->context, texts[i], (uint32_t)strlen(texts[i]));
    }
    hash->finish(hash->context, digest);
    otter_hex_encode(out, digest, hash->size);
}

void otter_http_auth_response(const struct otter_hash *hash,
                              const struct otter_http_credentials *from,
                              const char *realm, const char *password,
                              const char *method, char *out)
{
    char secret[65];
    char request[65];
    const char *const a1[] = {from->user, realm, password};
    const char *const a2[] = {method, from->uri};
    const char *const with_qop[] = {secret,       from->nonce, from->nc,
                                    from->cnonce, "auth",      request};
    const char *const without_qop[] = {secret, from->nonce, request};

    hash_join(hash, a1, 3, secret);
    hash_join(hash, a2, 2, request);
    if (from->qop) {
        hash_join(hash, with_qop, 6, out);
    } else {
        hash_join(hash, without_qop, 3, out);
    }
}

bool otter_http_auth_equal(const char *sent, const char *wanted)
{
    uint32_t len = (uint32_t)strlen(sent);
    uint32_t wanted_len = (uint32_t)strlen(wanted);
    uint32_t differ = len ^ wanted_len;

    for (uint32_t i = 0; i < len; i++) {
        /* The byte after the last of `wanted` is its NUL: never beyond. */
        uint32_t at = i < wanted_len ? i : wanted_len;

        differ |= (uint32_t)(uint8_t)(sent[i] ^ wanted[at]);
    }
    return differ == 0;
}

bool otter_http_auth_verify(const struct otter_hash *hash,
                            const struct otter_http_credentials *from,
                            const char *realm, const char *user,
                            const char *password, const char *method)
{
    char wanted[65];
    bool user_fits = otter_http_auth_equal(from->user, user);

    otter_http_auth_response(hash, from, realm, password, method, wanted);
    return otter_http_auth_equal(from->response, wanted) && user_fits &&
           from->scheme == OTTER_HTTP_AUTH_DIGEST;
}
