/* SPDX-License-Identifier: Apache-2.0
 *
 * Base64, Basic and Digest: the worked examples of RFC 4648, 7617, 2617 and
 * 7616, and headers that are malformed. */
#include "codec/base64.h"
#include "codec/http_auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <bearssl.h>
#include <cmocka.h>

static void start(void *context)
{
    br_hash_compat_context *hc = context;

    hc->vtable->init(&hc->vtable);
}

static void update(void *context, const void *data, uint32_t len)
{
    br_hash_compat_context *hc = context;

    hc->vtable->update(&hc->vtable, data, len);
}

static void finish(void *context, uint8_t *out)
{
    br_hash_compat_context *hc = context;

    hc->vtable->out(&hc->vtable, out);
}

static struct otter_hash make_hash(br_hash_compat_context *hc, bool sha256)
{
    struct otter_hash hash = {"MD5", 16, hc, start, update, finish};

    hc->vtable = sha256 ? &br_sha256_vtable : &br_md5_vtable;
    hash.algorithm = sha256 ? "SHA-256" : "MD5";
    hash.size = sha256 ? 32 : 16;
    return hash;
}

static void test_base64_rfc_examples_both_ways(void **state)
{
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    char text[16];

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const char *plain = pairs[i][0];
        int len;

        otter_base64_encode(plain, (uint32_t)strlen(plain), text);
        assert_string_equal(text, pairs[i][1]);
        len = otter_base64_decode(pairs[i][1], text, sizeof text);
        assert_int_equal(len, strlen(plain));
        assert_memory_equal(text, plain, strlen(plain));
    }
}

static void test_base64_malformed_is_refused(void **state)
{
    static const char *const bad[] = {
        "Zg",   "Zg=",      "Z===", "====", "Zh==",
        "Zm9=", "Zg==Zg==", "Zm 9", "Zm-v"};
    char out[16];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(otter_base64_decode(bad[i], out, sizeof out),
                         OTTER_ERR_SYNTAX);
    }
    assert_int_equal(otter_base64_decode("Zm9vYmFy", out, 5),
                     OTTER_ERR_TOO_LONG);
}

static void test_http_auth_basic_is_decoded(void **state)
{
    struct otter_http_credentials c;

    (void)state;
    assert_int_equal(
        otter_http_auth_parse("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", &c), 0);
    assert_int_equal(c.scheme, OTTER_HTTP_AUTH_BASIC);
    assert_string_equal(c.user, "Aladdin");
    assert_string_equal(c.password, "open sesame");
    assert_int_equal(otter_http_auth_parse("basic  Og==", &c), 0);
    assert_string_equal(c.user, "");
    assert_int_equal(otter_http_auth_parse("Basic Zm9v", &c),
                     OTTER_ERR_SYNTAX);
    assert_int_equal(otter_http_auth_parse("Basic AGE6Yg==", &c),
                     OTTER_ERR_SYNTAX);
    assert_int_equal(otter_http_auth_parse("Bearer abc", &c), 0);
    assert_int_equal(c.scheme, OTTER_HTTP_AUTH_NONE);
}

static void verify(const char *header, bool sha256, const char *realm,
                   const char *password)
{
    struct otter_http_credentials c;
    br_hash_compat_context hc;
    struct otter_hash hash = make_hash(&hc, sha256);

    assert_int_equal(otter_http_auth_parse(header, &c), 0);
    assert_int_equal(c.scheme, OTTER_HTTP_AUTH_DIGEST);
    assert_int_equal(c.sha256, sha256);
    assert_true(
        otter_http_auth_verify(&hash, &c, realm, "Mufasa", password, "GET"));
    assert_false(
        otter_http_auth_verify(&hash, &c, realm, "Mufasa", password, "POST"));
    assert_false(
        otter_http_auth_verify(&hash, &c, realm, "mufasa", password, "GET"));
    assert_false(
        otter_http_auth_verify(&hash, &c, realm, "Mufasa", "", "GET"));
    c.response[0] ^= 1;
    assert_false(
        otter_http_auth_verify(&hash, &c, realm, "Mufasa", password, "GET"));
}

#define RFC7616                                                               \
    "username=\"Mufasa\", realm=\"http-auth@example.org\", "                  \
    "uri=\"/dir/index.html\", "                                               \
    "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "                \
    "nc=00000001, cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", "  \
    "qop=auth, "

static void test_http_auth_digest_rfc_examples(void **state)
{
    (void)state;
    verify("Digest " RFC7616 "algorithm=MD5, "
           "response=\"8ca523f5e9506fed4657c9700eebdbec\"",
           false, "http-auth@example.org", "Circle of Life");
    verify("digest " RFC7616 "algorithm=SHA-256, response=\"753927fa0e85d155"
           "564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", opaque=\"x\"",
           true, "http-auth@example.org", "Circle of Life");
    verify("Digest username=\"Mufasa\",realm=\"testrealm@host.com\","
           "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\","
           "uri=\"/dir/index.html\",qop=\"auth\",nc=00000001,"
           "cnonce=\"0a4f113b\",response=\"6629fae49393a05397450978507c4ef1\"",
           false, "testrealm@host.com", "Circle Of Life");
    verify("Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
           "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", "
           "uri=\"/dir/index.html\", "
           "response=\"1949323746fe6a43ef61f9606e7febea\"",
           false, "testrealm@host.com", "CircleOfLife");
}

static void test_http_auth_malformed_digest_is_refused(void **state)
{
    struct otter_http_credentials c;
    char header[400] = "Digest username=\"";

    (void)state;
    assert_int_equal(otter_http_auth_parse("Digest username", &c),
                     OTTER_ERR_SYNTAX);
    assert_int_equal(otter_http_auth_parse("Digest username=\"a", &c),
                     OTTER_ERR_SYNTAX);
    assert_int_equal(otter_http_auth_parse("Digest =a", &c), OTTER_ERR_SYNTAX);
    memset(header + strlen(header), 'a', 300);
    strcat(header, "\"");
    assert_int_equal(otter_http_auth_parse(header, &c), OTTER_ERR_TOO_LONG);
    assert_int_equal(otter_http_auth_parse("Digest nc=123456789", &c),
                     OTTER_ERR_TOO_LONG);
    assert_int_equal(otter_http_auth_parse("Digest qop=auth-int", &c), 0);
    assert_int_equal(c.scheme, OTTER_HTTP_AUTH_NONE);
    assert_int_equal(otter_http_auth_parse("Digest algorithm=SHA-512", &c), 0);
    assert_int_equal(c.scheme, OTTER_HTTP_AUTH_NONE);
}

static void test_http_auth_equal_needs_same_length(void **state)
{
    (void)state;
    assert_true(otter_http_auth_equal("", ""));
    assert_true(otter_http_auth_equal("abc", "abc"));
    assert_false(otter_http_auth_equal("ab", "abc"));
    assert_false(otter_http_auth_equal("abc", "ab"));
    assert_false(otter_http_auth_equal("", "a"));
    assert_false(otter_http_auth_equal("abd", "abc"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_rfc_examples_both_ways),
        cmocka_unit_test(test_base64_malformed_is_refused),
        cmocka_unit_test(test_http_auth_basic_is_decoded),
        cmocka_unit_test(test_http_auth_digest_rfc_examples),
        cmocka_unit_test(test_http_auth_malformed_digest_is_refused),
        cmocka_unit_test(test_http_auth_equal_needs_same_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
