/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's answers to a question for the password: the vectors of protocol
 * 1.4 (section 10 item 2) and 1.11 (item 3). */
#include "host/digest.h"
#include "host/push_auth.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ABABABAB "abababababababababababababababab"
#define CDCDCDCD "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"

static void assert_response(const char *password, const char *nonce,
                            const char *cnonce, bool stored_md5,
                            const char *response)
{
    struct otter_push_auth_answer answer = {.cnonce = ""};

    strcpy(answer.cnonce, cnonce);
    assert_int_equal(
        otter_push_auth_respond(&answer, nonce, password, stored_md5), 0);
    assert_string_equal(answer.cnonce, cnonce);
    assert_string_equal(answer.response, response);
}

static void test_push_auth_md5_vector_matches(void **state)
{
    (void)state;
    assert_response("123", "25d55ad283aa400af464c76d713c07ad",
                    "120b5493fc60b02f169375acf67aa081", false,
                    "61312c52aaa75e328987179e2bf7ed46");
}

static void test_push_auth_stored_md5_does_not_touch_md5_scheme(void **state)
{
    (void)state;
    assert_response("123", "25d55ad283aa400af464c76d713c07ad",
                    "120b5493fc60b02f169375acf67aa081", true,
                    "61312c52aaa75e328987179e2bf7ed46");
}

static const char nonce64[] =
    "78377b525757b494427f89014f97d79928f3938d14eb51e20fb5dec9834eb304";
static const char cnonce64[] =
    "39b6bd4f2bfa336bf00c37bed108afda082f6fe23601bf8b81d71d4bed28f1c3";

static void test_push_auth_pbkdf2_vector_matches(void **state)
{
    (void)state;
    assert_response(
        "123", nonce64, cnonce64, false,
        "77336891fc3a31d9814d52a8e847bff1fe9568f3e0a4302b6f38024a9295d719");
}

static void test_push_auth_pbkdf2_legacy_vector_matches(void **state)
{
    (void)state;
    assert_response(
        "123", nonce64, cnonce64, true,
        "9183a62949f054b386b78debf1d88672dc341dff89402f983242f0a26816e0dd");
}

static void test_push_auth_pbkdf2_third_party_vector_matches(void **state)
{
    (void)state;
    assert_response(
        "a-real-password", ABABABAB ABABABAB, CDCDCDCD CDCDCDCD, false,
        "4d63ba8b1efa8949a0c5caefe7e8bc77db582e5531bdf2667c663394b4551b93");
}

static void assert_key(const char *stored, const char *nonce,
                       const char *cnonce, const char *key)
{
    char salt[2 * OTTER_SHA256_HEX_SIZE];
    char computed[OTTER_SHA256_HEX_SIZE];

    strcpy(salt, nonce);
    strcat(salt, ":");
    strcat(salt, cnonce);
    assert_int_equal(otter_digest_pbkdf2(computed, stored, salt, 10000), 0);
    assert_string_equal(computed, key);
}

static void test_digest_pbkdf2_keys_of_the_vectors_match(void **state)
{
    (void)state;
    assert_key(
        "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3",
        nonce64, cnonce64,
        "c55b4adabf156adfbfc3e35860be92778c4bbf33db97d8bb9d151fe22f566898");
    assert_key(
        "202cb962ac59075b964b07152d234b70", nonce64, cnonce64,
        "1f06cbaf36894392a1de5fbfff6d0c81b527d138bc3c451bd3bcb415d58b8dd5");
}

static void test_digest_of_the_vectors_inputs_match(void **state)
{
    static const char parts[] = "sketch.bin349248"
                                "0123456789abcdef0123456789abcdef192.168.1.50";
    char hex[OTTER_SHA256_HEX_SIZE];

    (void)state;
    assert_int_equal(otter_digest_md5(hex, "123", 3), 0);
    assert_string_equal(hex, "202cb962ac59075b964b07152d234b70");
    assert_int_equal(otter_digest_md5(hex, parts, strlen(parts)), 0);
    assert_string_equal(hex, "120b5493fc60b02f169375acf67aa081");
    assert_int_equal(otter_digest_sha256(hex, "nonce", 5), 0);
    assert_string_equal(hex, nonce64);
    assert_int_equal(otter_digest_md5(hex, "", 0), 0);
    assert_string_equal(hex, "d41d8cd98f00b204e9800998ecf8427e");
}

static void test_push_auth_nonce_of_other_length_is_refused(void **state)
{
    struct otter_push_auth_answer answer;

    (void)state;
    assert_int_equal(otter_push_auth_answer(&answer, "12345", "123", false),
                     OTTER_ERR_SYNTAX);
    assert_int_equal(otter_push_auth_answer(&answer, "", "123", false),
                     OTTER_ERR_SYNTAX);
}

static void test_push_auth_cnonce_is_fresh_and_lowercase(void **state)
{
    struct otter_push_auth_answer a;
    struct otter_push_auth_answer b;

    (void)state;
    assert_int_equal(otter_push_auth_answer(&a, nonce64, "x", false), 0);
    assert_int_equal(otter_push_auth_answer(&b, nonce64, "x", false), 0);
    assert_int_equal(strlen(a.cnonce), 64);
    assert_int_equal(strspn(a.cnonce, "0123456789abcdef"), 64);
    assert_string_not_equal(a.cnonce, b.cnonce);
    assert_int_equal(otter_push_auth_answer(
                         &a, "25d55ad283aa400af464c76d713c07ad", "x", false),
                     0);
    assert_int_equal(strlen(a.cnonce), 32);
    assert_int_equal(strlen(a.response), 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push_auth_md5_vector_matches),
        cmocka_unit_test(test_push_auth_stored_md5_does_not_touch_md5_scheme),
        cmocka_unit_test(test_push_auth_pbkdf2_vector_matches),
        cmocka_unit_test(test_push_auth_pbkdf2_legacy_vector_matches),
        cmocka_unit_test(test_push_auth_pbkdf2_third_party_vector_matches),
        cmocka_unit_test(test_digest_pbkdf2_keys_of_the_vectors_match),
        cmocka_unit_test(test_digest_of_the_vectors_inputs_match),
        cmocka_unit_test(test_push_auth_nonce_of_other_length_is_refused),
        cmocka_unit_test(test_push_auth_cnonce_is_fresh_and_lowercase),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
