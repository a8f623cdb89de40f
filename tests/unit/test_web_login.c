/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's answer to what web servers ask for: the strongest of several
 * challenges, and headers that the device's side of the arithmetic takes. */
#include "host/web_login.h"

#include "codec/http_auth.h"
#include "format/error.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PREFIX "Authorization: "

struct row {
    const char *values[3]; /* of WWW-Authenticate headers */
    enum otter_http_scheme scheme;
    bool sha256;
    const char *realm;
    const char *nonce;
};

static const struct row rows[] = {
    {{"Basic realm=\"Login Required\""},
     OTTER_HTTP_AUTH_BASIC,
     false,
     "Login Required",
     ""},
    {{"Basic realm=\"a\"", "Digest realm=\"b\", nonce=\"n\", qop=\"auth\"",
      "Digest realm=\"c\", nonce=\"m\", algorithm=SHA-256, qop=\"auth\""},
     OTTER_HTTP_AUTH_DIGEST,
     true,
     "c",
     "m"},
    {{"Digest realm=\"b\",nonce=\"n\",algorithm=\"MD5\",qop=auth,Basic "
      "realm=a"},
     OTTER_HTTP_AUTH_DIGEST,
     false,
     "b",
     "n"},
    {{"Negotiate, NTLM, Basic realm=\"x\", charset=\"UTF-8\""},
     OTTER_HTTP_AUTH_BASIC,
     false,
     "x",
     ""},
    {{"digest REALM=\"say \\\"x\\\"\" , NONCE=\"n,=\""},
     OTTER_HTTP_AUTH_DIGEST,
     false,
     "say \"x\"",
     "n,="},
    /* What cannot be answered is not there. */
    {{"Digest realm=\"b\", nonce=\"n\", algorithm=MD5-sess, qop=\"auth\"",
      "Digest realm=\"b\", nonce=\"n\", qop=\"auth-int\"",
      "Digest realm=\"b\""},
     OTTER_HTTP_AUTH_NONE,
     false,
     "",
     ""},
    {{"Negotiate abcdef==", "", "  ,,  "},
     OTTER_HTTP_AUTH_NONE,
     false,
     "",
     ""},
    {{"Basic", "Digest", "=\"\"="}, OTTER_HTTP_AUTH_BASIC, false, "", ""},
};

static void test_web_login_takes_the_strongest(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct otter_web_login login;

        otter_web_login_reset(&login);
        for (size_t n = 0; n < 3 && rows[i].values[n] != NULL; n++) {
            otter_web_login_challenge(&login, rows[i].values[n]);
        }
        assert_int_equal(login.scheme, rows[i].scheme);
        assert_int_equal(login.sha256, rows[i].sha256);
        assert_string_equal(login.realm, rows[i].realm);
        assert_string_equal(login.nonce, rows[i].nonce);
    }
}

static void test_web_login_stale_is_seen(void **state)
{
    struct otter_web_login login;

    (void)state;
    otter_web_login_reset(&login);
    otter_web_login_challenge(&login,
                              "Digest stale=TRUE, realm=\"x\", nonce=\"n\"");
    assert_true(login.stale);
    otter_web_login_reset(&login);
    otter_web_login_challenge(&login,
                              "Digest stale=false, realm=\"x\", nonce=\"n\"");
    assert_false(login.stale);
}

static void start(void *context)
{
    EVP_DigestInit_ex(*(EVP_MD_CTX **)context, NULL, NULL);
}

static void update(void *context, const void *data, uint32_t len)
{
    EVP_DigestUpdate(*(EVP_MD_CTX **)context, data, len);
}

static void finish(void *context, uint8_t *out)
{
    EVP_DigestFinal_ex(*(EVP_MD_CTX **)context, out, NULL);
}

static bool verify(const struct otter_http_credentials *c, const char *realm)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const struct otter_hash hash = {.algorithm = c->sha256 ? "SHA-256" : "MD5",
                                    .size = c->sha256 ? 32 : 16,
                                    .context = &context,
                                    .start = start,
                                    .update = update,
                                    .finish = finish};
    bool good;

    EVP_DigestInit_ex(context, c->sha256 ? EVP_sha256() : EVP_md5(), NULL);
    good = otter_http_auth_verify(&hash, c, realm, "an\"na", "geheim", "POST");
    EVP_MD_CTX_free(context);
    return good;
}

/* The device's parser reads what the host writes, request after request. */
static void test_web_login_header_is_understood(void **state)
{
    static const char *const challenges[] = {
        "Digest realm=\"r\\\"x\", nonce=\"n1\", qop=\"auth\", opaque=\"o\"",
        "Digest realm=\"r\\\"x\", nonce=\"n1\", algorithm=SHA-256, qop=auth",
        "Digest realm=\"r\\\"x\", nonce=\"n1\"", /* as of RFC 2069 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof challenges / sizeof challenges[0]; i++) {
        struct otter_web_login login;

        otter_web_login_reset(&login);
        otter_web_login_challenge(&login, challenges[i]);
        for (int n = 1; n <= 3; n++) {
            char header[OTTER_WEB_HEADER_SIZE];
            struct otter_http_credentials c;

            assert_int_equal(otter_web_login_header(&login, "an\"na", "geheim",
                                                    "POST", "/update", header),
                             0);
            assert_memory_equal(header, PREFIX, strlen(PREFIX));
            header[strlen(header) - 2] = '\0';
            assert_int_equal(
                otter_http_auth_parse(header + strlen(PREFIX), &c), 0);
            assert_string_equal(c.uri, "/update");
            assert_int_equal(c.nc[7] == '0' + n, c.qop);
            assert_true(verify(&c, "r\"x"));
        }
    }
}

static void test_web_login_too_long_is_refused(void **state)
{
    char name[OTTER_HTTP_USER_MAX + 2];
    char out[OTTER_WEB_HEADER_SIZE];
    struct otter_web_login login;

    (void)state;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (int digest = 0; digest < 2; digest++) {
        otter_web_login_reset(&login);
        otter_web_login_challenge(&login, digest ? "Digest nonce=\"n\""
                                                 : "Basic realm=\"x\"");
        assert_int_equal(
            otter_web_login_header(&login, name, "p", "GET", "/", out),
            OTTER_ERR_TOO_LONG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_web_login_takes_the_strongest),
        cmocka_unit_test(test_web_login_stale_is_seen),
        cmocka_unit_test(test_web_login_header_is_understood),
        cmocka_unit_test(test_web_login_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
