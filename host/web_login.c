/* SPDX-License-Identifier: Apache-2.0
 *
 * Challenges in, credentials out. */
#include "host/web_login.h"

#include "codec/base64.h"
#include "codec/http.h"
#include "format/error.h"
#include "host/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define TOKEN_SIZE 24
#define VALUE_SIZE 256

/* --- Challenges ---------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == ',';
}

/* Copies up to a byte of `stops`; what does not fit is cut.  Returns what
 * follows. */
static const char *token(const char *text, const char *stops, char *out,
                         size_t size)
{
    size_t len = strcspn(text, stops);

    snprintf(out, size, "%.*s", (int)len, text);
    return text + len;
}

/* The value behind '=': a token or a quoted text. */
static const char *value_of(const char *text, char out[VALUE_SIZE])
{
    size_t used = 0;

    if (*text != '"') {
        return token(text, " \t,", out, VALUE_SIZE);
    }
    for (text++; *text != '\0' && *text != '"'; text++) {
        if (*text == '\\' && text[1] != '\0') {
            text++;
        }
        if (used + 1 < VALUE_SIZE) {
            out[used++] = *text;
        }
    }
    out[used] = '\0';
    return *text == '"' ? text + 1 : text;
}

static bool copy(char *out, size_t size, const char *value)
{
    return (size_t)snprintf(out, size, "%s", value) < size;
}

/* False: with this the challenge cannot be answered. */
static bool take_parameter(struct otter_web_login *c, const char *name,
                           const char *value)
{
    if (otter_http_same(name, "realm")) {
        return copy(c->realm, sizeof c->realm, value);
    }
    if (otter_http_same(name, "nonce")) {
        return copy(c->nonce, sizeof c->nonce, value);
    }
    if (otter_http_same(name, "opaque")) {
        return copy(c->opaque, sizeof c->opaque, value);
    }
    if (otter_http_same(name, "stale")) {
        c->stale = otter_http_same(value, "true");
    } else if (otter_http_same(name, "qop")) {
        c->qop = otter_http_list_has(value, "auth");
        return c->qop;
    } else if (otter_http_same(name, "algorithm")) {
        c->sha256 = otter_http_same(value, "SHA-256");
        return c->sha256 || otter_http_same(value, "MD5");
    }
    return true;
}

static int rank(const struct otter_web_login *c)
{
    return c->scheme == OTTER_HTTP_AUTH_DIGEST  ? 2 + c->sha256
           : c->scheme == OTTER_HTTP_AUTH_BASIC ? 1
                                                : 0;
}

/* Reads one challenge; returns what follows it. */
static const char *read_challenge(const char *text, struct otter_web_login *c)
{
    char name[TOKEN_SIZE];
    char value[VALUE_SIZE];
    bool good = true;

    text = token(text, " \t,=", name, sizeof name);
    c->scheme = otter_http_same(name, "Digest")  ? OTTER_HTTP_AUTH_DIGEST
                : otter_http_same(name, "Basic") ? OTTER_HTTP_AUTH_BASIC
                                                 : OTTER_HTTP_AUTH_NONE;
    for (;;) {
        const char *next;

        while (is_blank(*text)) {
            text++;
        }
        next = token(text, " \t,=", name, sizeof name);
        if (*next != '=') {
            break; /* the next scheme, or the end */
        }
        text = value_of(next + 1, value);
        good &= take_parameter(c, name, value);
    }
    if (!good || (c->scheme == OTTER_HTTP_AUTH_DIGEST && c->nonce[0] == 0)) {
        c->scheme = OTTER_HTTP_AUTH_NONE;
    }
    return text;
}

void otter_web_login_reset(struct otter_web_login *login)
{
    *login = (struct otter_web_login){0};
}

void otter_web_login_challenge(struct otter_web_login *login,
                               const char *value)
{
    const char *text = value;

    while (*text != '\0') {
        struct otter_web_login one = {0};
        const char *next = read_challenge(text, &one);

        if (rank(&one) > rank(login)) {
            *login = one;
        }
        if (next == text) {
            return;
        }
        text = next;
    }
}

/* --- Credentials --------------------------------------------------------- */

struct hash {
    EVP_MD_CTX *context;
    const EVP_MD *kind;
};

static void hash_start(void *context)
{
    struct hash *hash = context;

    EVP_DigestInit_ex(hash->context, hash->kind, NULL);
}

static void hash_update(void *context, const void *data, uint32_t len)
{
    struct hash *hash = context;

    EVP_DigestUpdate(hash->context, data, len);
}

static void hash_finish(void *context, uint8_t *out)
{
    struct hash *hash = context;

    EVP_DigestFinal_ex(hash->context, out, NULL);
}

static int respond(const struct otter_http_credentials *c, const char *realm,
                   const char *password, const char *method, char out[65])
{
    struct hash hash = {.context = EVP_MD_CTX_new(),
                        .kind = c->sha256 ? EVP_sha256() : EVP_md5()};
    const struct otter_hash how = {
        .algorithm = c->sha256 ? "SHA-256" : "MD5",
        .size = c->sha256 ? 32 : 16,
        .context = &hash,
        .start = hash_start,
        .update = hash_update,
        .finish = hash_finish,
    };

    if (!hash.context) {
        return OTTER_ERR_NO_MEMORY;
    }
    otter_http_auth_response(&how, c, realm, password, method, out);
    EVP_MD_CTX_free(hash.context);
    return 0;
}

/* A text between quotes, as RFC 9110 wants it. */
static void quote(char *out, size_t size, const char *text)
{
    size_t used = 0;

    for (; *text != '\0' && used + 3 < size; text++) {
        if (*text == '"' || *text == '\\') {
            out[used++] = '\\';
        }
        out[used++] = *text;
    }
    out[used] = '\0';
}

static int write_digest(struct otter_web_login *login, const char *user,
                        const char *password, const char *method,
                        const char *target, char out[OTTER_WEB_HEADER_SIZE])
{
    struct otter_http_credentials c = {.scheme = OTTER_HTTP_AUTH_DIGEST,
                                       .sha256 = login->sha256,
                                       .qop = login->qop};
    char quoted[2 * OTTER_HTTP_USER_MAX + 4];
    char realm[2 * OTTER_WEB_REALM_SIZE + 2];
    char nonce[2 * OTTER_HTTP_NONCE_MAX + 4];
    char opaque[2 * OTTER_HTTP_NONCE_MAX + 4];
    char response[65];
    char more[128] = "";
    int len;
    int error = otter_digest_random(c.cnonce, 16);

    if (!copy(c.user, sizeof c.user, user) ||
        !copy(c.uri, sizeof c.uri, target)) {
        return OTTER_ERR_TOO_LONG;
    }
    copy(c.nonce, sizeof c.nonce, login->nonce);
    snprintf(c.nc, sizeof c.nc, "%08x", ++login->count);
    error =
        error ? error : respond(&c, login->realm, password, method, response);
    if (error) {
        return error;
    }
    quote(quoted, sizeof quoted, user);
    quote(realm, sizeof realm, login->realm);
    quote(nonce, sizeof nonce, c.nonce);
    quote(opaque, sizeof opaque, login->opaque);
    if (login->qop) {
        snprintf(more, sizeof more, ", qop=auth, nc=%s, cnonce=\"%s\"", c.nc,
                 c.cnonce);
    }
    len = snprintf(
        out, OTTER_WEB_HEADER_SIZE,
        "Authorization: Digest username=\"%s\", realm=\"%s\", "
        "nonce=\"%s\", uri=\"%s\", algorithm=%s, response=\"%s\"%s%s%s%s"
        "\r\n",
        quoted, realm, nonce, target, c.sha256 ? "SHA-256" : "MD5", response,
        more, opaque[0] ? ", opaque=\"" : "", opaque, opaque[0] ? "\"" : "");
    return len < OTTER_WEB_HEADER_SIZE ? 0 : OTTER_ERR_TOO_LONG;
}

static int write_basic(const char *user, const char *password,
                       char out[OTTER_WEB_HEADER_SIZE])
{
    char both[2 * OTTER_HTTP_USER_MAX + 2];
    char text[OTTER_BASE64_SIZE(sizeof both)];

    if (strlen(user) > OTTER_HTTP_USER_MAX ||
        strlen(password) > OTTER_HTTP_USER_MAX) {
        return OTTER_ERR_TOO_LONG;
    }
    snprintf(both, sizeof both, "%s:%s", user, password);
    otter_base64_encode(both, (uint32_t)strlen(both), text);
    snprintf(out, OTTER_WEB_HEADER_SIZE, "Authorization: Basic %s\r\n", text);
    return 0;
}

int otter_web_login_header(struct otter_web_login *login, const char *user,
                           const char *password, const char *method,
                           const char *target, char out[OTTER_WEB_HEADER_SIZE])
{
    out[0] = '\0';
    switch (login->scheme) {
    case OTTER_HTTP_AUTH_BASIC:
        return write_basic(user, password, out);
    case OTTER_HTTP_AUTH_DIGEST:
        return write_digest(login, user, password, method, target, out);
    default:
        return 0;
    }
}
