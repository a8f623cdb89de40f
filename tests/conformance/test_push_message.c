/* SPDX-License-Identifier: Apache-2.0
 *
 * Push messages against protocol 1.2 to 1.6 and the tables of section 10:
 * items 2 and 3 (authentication), 6 (invitations), 7 (auth answers) and 8
 * (count streams). */
#include "format/push_message.h"

#include "format/hex.h"

#include <openssl/evp.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MD5 "0123456789abcdef0123456789abcdef"

/* Gives the parser a heap copy of exactly `len` bytes, so that the sanitizer
 * sees every byte read behind the end. */
static int parse_invitation(const char *datagram, size_t len,
                            struct otter_push_invitation *out)
{
    char *copy = malloc(len != 0 ? len : 1);
    int error;

    assert_non_null(copy);
    memcpy(copy, datagram, len);
    error = otter_push_parse_invitation(copy, (uint32_t)len, out);
    free(copy);
    return error;
}

struct invitation_case {
    const char *datagram;
    int error;
    uint32_t command;
    uint16_t port;
    uint32_t size;
};

static const struct invitation_case invitation_cases[] = {
    /* Section 10 item 6, in its order. */
    {"0 1 1 " MD5 "\n", 0, 0, 1, 1},
    {"0 1 1 " MD5, 0, 0, 1, 1},
    {"0 1 1 0123456789abcdef0123456789abcde\n", OTTER_ERR_SYNTAX, 0, 0, 0},
    {"7 1 1 " MD5 "\n", OTTER_ERR_KIND, 0, 0, 0},
    {"hello\n", OTTER_ERR_SYNTAX, 0, 0, 0},
    {"000 080 5 " MD5 "\r\n", 0, 0, 80, 5},
    {"0 1 1234567890123456 " MD5 "\n", 0, 0, 1, 0},
    {"100 8266 4096 " MD5 "\n", 0, 100, 8266, 4096},
    {"200 " MD5 " " MD5 "\n", OTTER_ERR_KIND, 0, 0, 0},
    /* The number reader of 1.3. */
    {"0 48231 349248 " MD5 "\n", 0, 0, 48231, 349248},
    {"   0    1    1 " MD5 "\n", 0, 0, 1, 1},
    {"0 65537 1 " MD5 "\n", 0, 0, 1, 1},
    {"0 70000 1 " MD5 "\n", 0, 0, 4464, 1},
    {"0 1 999999999999999 " MD5 "\n", 0, 0, 1, 2147483647},
    {"0 1 2147483648 " MD5 "\n", 0, 0, 1, 2147483647},
    {"0 1 2147483647 " MD5 "\n", 0, 0, 1, 2147483647},
    {"0 1 000000000000005 " MD5 "\n", 0, 0, 1, 5},
    {"4294967296 1 1 " MD5 "\n", OTTER_ERR_KIND, 0, 0, 0},
    {"1234567890123456 1 1 " MD5 "\n", 0, 0, 1, 1},
    {"-0 1 1 " MD5 "\n", OTTER_ERR_SYNTAX, 0, 0, 0},
    {"+0 1 1 " MD5 "\n", OTTER_ERR_SYNTAX, 0, 0, 0},
    {"0\t1 1 " MD5 "\n", OTTER_ERR_SYNTAX, 0, 0, 0},
    /* The one skipped byte may be anything, also a digit of the digest. */
    {"0 1 1x" MD5 "\n", 0, 0, 1, 1},
    {"0 1 1\n" MD5 "\n", 0, 0, 1, 1},
    {"0 1 1" MD5 "\n", OTTER_ERR_SYNTAX, 0, 0, 0},
    /* White space around the digest goes, inside it stays. */
    {"0 1 1 \t\v\f " MD5 " \r\t \n", 0, 0, 1, 1},
    {"0 1 1 0123456789abcdef 123456789abcdef\n", 0, 0, 1, 1},
    {"0 1 1 " MD5 "0\n", OTTER_ERR_SYNTAX, 0, 0, 0},
    {"0 1 1 " MD5 "\nmore", 0, 0, 1, 1},
    {"0 1 1 any text of 32 characters passes\n", 0, 0, 1, 1},
    {"0 1 1 but one of 33 characters does not\n", OTTER_ERR_SYNTAX, 0, 0, 0},
    /* Cut datagrams. */
    {"", OTTER_ERR_SYNTAX, 0, 0, 0},
    {"0", OTTER_ERR_SYNTAX, 0, 0, 0},
    {"0 1 1", OTTER_ERR_SYNTAX, 0, 0, 0},
    {"0 1 1 ", OTTER_ERR_SYNTAX, 0, 0, 0},
    {"    ", OTTER_ERR_SYNTAX, 0, 0, 0},
};

static void test_push_invitation_table(void **state)
{
    (void)state;
    for (size_t i = 0;
         i < sizeof invitation_cases / sizeof invitation_cases[0]; i++) {
        const struct invitation_case *c = &invitation_cases[i];
        struct otter_push_invitation got;
        int error = parse_invitation(c->datagram, strlen(c->datagram), &got);

        if (error != c->error) {
            fail_msg("case %zu \"%s\": %d, not %d", i, c->datagram, error,
                     c->error);
        }
        if (error == 0) {
            assert_int_equal(got.command, c->command);
            assert_int_equal(got.port, c->port);
            assert_int_equal(got.size, c->size);
            assert_int_equal(strlen(got.md5), 32);
        }
    }
}

static void test_push_invitation_digest_is_kept_as_sent(void **state)
{
    static const char nul[] = "0 1 1 " MD5 "\0tail";
    struct otter_push_invitation got;

    (void)state;
    assert_int_equal(parse_invitation(nul, sizeof nul - 1, &got), 0);
    assert_string_equal(got.md5, MD5);
    assert_int_equal(
        parse_invitation("0 1 1 ABCDEF6789abcdef0123456789abcdef\n", 39, &got),
        0);
    assert_string_equal(got.md5, "ABCDEF6789abcdef0123456789abcdef");
}

static void test_push_invitation_every_prefix_stays_inside(void **state)
{
    static const char whole[] = "0 48231 349248 " MD5 "\n";
    struct otter_push_invitation got;

    (void)state;
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        int want = len >= sizeof whole - 2 ? 0 : OTTER_ERR_SYNTAX;

        assert_int_equal(parse_invitation(whole, len, &got), want);
    }
}

static void test_push_invitation_format_is_the_example(void **state)
{
    struct otter_push_invitation invitation = {
        .command = 0, .port = 48231, .size = 349248, .md5 = MD5};
    struct otter_push_invitation back;
    char out[OTTER_PUSH_MESSAGE_MAX];
    uint32_t len;

    (void)state;
    len = otter_push_format_invitation(&invitation, out, sizeof out);
    assert_string_equal(out, "0 48231 349248 " MD5 "\n");
    assert_int_equal(len, strlen(out));
    invitation.command = 100;
    invitation.size = 2147483647;
    invitation.port = 65535;
    len = otter_push_format_invitation(&invitation, out, sizeof out);
    assert_int_equal(otter_push_parse_invitation(out, len, &back), 0);
    assert_int_equal(back.command, 100);
    assert_int_equal(back.size, 2147483647);
    assert_int_equal(back.port, 65535);
}

/* ---- Authentication ---- */

static void digest_hex(const EVP_MD *kind, const char *text, char *out)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    assert_int_equal(EVP_Digest(text, strlen(text), digest, &len, kind, NULL),
                     1);
    otter_hex_encode(out, digest, len);
}

static void test_push_auth_md5_vector(void **state)
{
    char stored[65];
    char nonce[65];
    char cnonce[65];
    char response[65];
    char challenge[OTTER_PUSH_CHALLENGE_MAX];

    (void)state;
    digest_hex(EVP_md5(), "123", stored);
    assert_string_equal(stored, "202cb962ac59075b964b07152d234b70");
    digest_hex(EVP_md5(), "12345678", nonce);
    assert_string_equal(nonce, "25d55ad283aa400af464c76d713c07ad");
    digest_hex(EVP_md5(), "sketch.bin349248" MD5 "192.168.1.50", cnonce);
    assert_string_equal(cnonce, "120b5493fc60b02f169375acf67aa081");
    otter_push_format_challenge(stored, nonce, cnonce, challenge,
                                sizeof challenge);
    digest_hex(EVP_md5(), challenge, response);
    assert_string_equal(response, "61312c52aaa75e328987179e2bf7ed46");
}

static void expect_sha256(const char *stored, const char *nonce,
                          const char *cnonce, const char *key,
                          const char *response)
{
    char challenge[OTTER_PUSH_CHALLENGE_MAX];
    unsigned char derived[32];
    char hex[65];
    const char *salt;

    otter_push_format_challenge("", nonce, cnonce, challenge,
                                sizeof challenge);
    salt = challenge + 1;
    assert_int_equal(PKCS5_PBKDF2_HMAC(stored, (int)strlen(stored),
                                       (const unsigned char *)salt,
                                       (int)strlen(salt), 10000, EVP_sha256(),
                                       sizeof derived, derived),
                     1);
    otter_hex_encode(hex, derived, sizeof derived);
    assert_string_equal(hex, key);
    assert_int_equal(otter_push_format_challenge(key, nonce, cnonce, challenge,
                                                 sizeof challenge),
                     OTTER_PUSH_CHALLENGE_MAX - 1);
    digest_hex(EVP_sha256(), challenge, hex);
    assert_string_equal(hex, response);
}

static void test_push_auth_sha256_vectors(void **state)
{
    char nonce[65];
    char cnonce[65];
    char stored[65];

    (void)state;
    digest_hex(EVP_sha256(), "nonce", nonce);
    digest_hex(EVP_sha256(), "cnonce", cnonce);
    expect_sha256(
        "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3",
        nonce, cnonce,
        "c55b4adabf156adfbfc3e35860be92778c4bbf33db97d8bb9d151fe22f566898",
        "77336891fc3a31d9814d52a8e847bff1fe9568f3e0a4302b6f38024a9295d719");
    expect_sha256(
        "202cb962ac59075b964b07152d234b70", nonce, cnonce,
        "1f06cbaf36894392a1de5fbfff6d0c81b527d138bc3c451bd3bcb415d58b8dd5",
        "9183a62949f054b386b78debf1d88672dc341dff89402f983242f0a26816e0dd");
    for (size_t i = 0; i < 64; i += 2) {
        memcpy(nonce + i, "ab", 2);
        memcpy(cnonce + i, "cd", 2);
    }
    digest_hex(EVP_sha256(), "a-real-password", stored);
    expect_sha256(
        stored, nonce, cnonce,
        "b7a2bf1029f505602abfc2362e593d50150a2407c9095f96f5c6efe9789e21d6",
        "4d63ba8b1efa8949a0c5caefe7e8bc77db582e5531bdf2667c663394b4551b93");
}

#define CNONCE   "120b5493fc60b02f169375acf67aa081"
#define RESPONSE "61312c52aaa75e328987179e2bf7ed46"

static const struct {
    const char *datagram;
    int error;
} answer_cases[] = {
    {"200 " CNONCE " " RESPONSE "\n", 0},
    {"200 " CNONCE " " RESPONSE, 0},
    /* Section 10 item 7: a new invitation, CR LF. */
    {"0 48231 349248 " MD5 "\n", OTTER_ERR_KIND},
    {"200 " CNONCE " " RESPONSE "\r\n", OTTER_ERR_SYNTAX},
    {"  200 " CNONCE " " RESPONSE "\n", 0},
    {"200  " CNONCE " " RESPONSE "\n", OTTER_ERR_SYNTAX},
    {"200 " CNONCE "  " RESPONSE "\n", OTTER_ERR_SYNTAX},
    {"200 " CNONCE "\n" RESPONSE "\n", OTTER_ERR_SYNTAX},
    {"200 " CNONCE " " RESPONSE "0\n", OTTER_ERR_SYNTAX},
    {"200 " CNONCE "0 " RESPONSE "\n", OTTER_ERR_SYNTAX},
    {"200 " CNONCE, OTTER_ERR_SYNTAX},
    {"200", OTTER_ERR_SYNTAX},
    {"", OTTER_ERR_KIND},
    {"2000 " CNONCE " " RESPONSE "\n", OTTER_ERR_KIND},
    {"100 " CNONCE " " RESPONSE "\n", OTTER_ERR_KIND},
};

static void test_push_auth_answer_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answer_cases / sizeof answer_cases[0]; i++) {
        const char *datagram = answer_cases[i].datagram;
        struct otter_push_auth_answer got;
        int error = otter_push_parse_auth_answer(
            datagram, (uint32_t)strlen(datagram), 32, &got);

        if (error != answer_cases[i].error) {
            fail_msg("case %zu \"%s\": %d", i, datagram, error);
        }
        if (error == 0) {
            assert_string_equal(got.cnonce, CNONCE);
            assert_string_equal(got.response, RESPONSE);
        }
    }
}

/* Case is the comparison's matter: the parser hands uppercase through. */
static void test_push_auth_answer_case_is_kept(void **state)
{
    static const char upper[] =
        "200 " CNONCE " 61312C52AAA75E328987179E2BF7ED46\n";
    struct otter_push_auth_answer got;

    (void)state;
    assert_int_equal(
        otter_push_parse_auth_answer(upper, sizeof upper - 1, 32, &got), 0);
    assert_string_equal(got.response, "61312C52AAA75E328987179E2BF7ED46");
}

static void test_push_auth_answer_both_schemes_round_trip(void **state)
{
    struct otter_push_auth_answer answer;
    struct otter_push_auth_answer back;
    char out[OTTER_PUSH_MESSAGE_MAX];
    uint32_t len;

    (void)state;
    memset(&answer, 0, sizeof answer);
    memset(answer.cnonce, 'c', 64);
    memset(answer.response, 'd', 64);
    len = otter_push_format_auth_answer(&answer, out, sizeof out);
    assert_int_equal(len, 134); /* the largest message of 1.2 */
    assert_int_equal(otter_push_parse_auth_answer(out, len, 64, &back), 0);
    assert_string_equal(back.cnonce, answer.cnonce);
    assert_string_equal(back.response, answer.response);
    assert_int_equal(otter_push_parse_auth_answer(out, len, 32, &back),
                     OTTER_ERR_SYNTAX);
    assert_int_equal(otter_push_parse_auth_answer(out, len, 65, &back),
                     OTTER_ERR_SYNTAX);
}

/* ---- The device's replies ---- */

static void test_push_device_messages_match_the_grammar(void **state)
{
    struct otter_error_detail detail = {.error = OTTER_ERR_SPACE};
    char out[OTTER_PUSH_MESSAGE_MAX];

    (void)state;
    assert_int_equal(otter_push_format_auth_request(CNONCE, out, sizeof out),
                     37);
    assert_string_equal(out, "AUTH " CNONCE);
    assert_int_equal(strlen(OTTER_PUSH_TEXT_OK), 2);
    assert_int_equal(strlen(OTTER_PUSH_TEXT_AUTH_FAILED), 21);
    otter_push_format_refusal(&detail, out, sizeof out);
    assert_string_equal(out, "ERR: ERROR[4]: Not Enough Space\n");
    assert_int_equal(otter_push_format_count(1460, out, sizeof out), 4);
    assert_string_equal(out, "1460");
    assert_int_equal(otter_push_format_count(4294967295u, out, 11), 10);
    assert_string_equal(out, "4294967295");
}

static void expect_reply(const char *datagram, enum otter_push_reply_kind kind,
                         const char *nonce, const char *text)
{
    struct otter_push_reply got;

    otter_push_parse_reply(datagram, (uint32_t)strlen(datagram), &got);
    assert_int_equal(got.kind, kind);
    assert_string_equal(got.nonce, nonce);
    assert_string_equal(got.text, text);
}

static void test_push_reply_kinds(void **state)
{
    (void)state;
    expect_reply("OK", OTTER_PUSH_REPLY_OK, "", "OK");
    expect_reply("OK\r\n", OTTER_PUSH_REPLY_OK, "", "OK");
    expect_reply("AUTH " CNONCE, OTTER_PUSH_REPLY_AUTH, CNONCE, CNONCE);
    expect_reply("AUTH " CNONCE RESPONSE, OTTER_PUSH_REPLY_AUTH,
                 CNONCE RESPONSE, CNONCE RESPONSE);
    expect_reply("AUTH 1234", OTTER_PUSH_REPLY_AUTH, "", "1234");
    expect_reply("AUTH 0123456789abcdef\t123456789abcdef",
                 OTTER_PUSH_REPLY_AUTH, "",
                 "0123456789abcdef?123456789abcdef");
    expect_reply("Authentication Failed", OTTER_PUSH_REPLY_AUTH_FAILED, "",
                 "Authentication Failed");
    expect_reply("ERR: ERROR[4]: Not Enough Space\n", OTTER_PUSH_REPLY_ERROR,
                 "", "ERROR[4]: Not Enough Space");
    expect_reply("OKAUTH " CNONCE, OTTER_PUSH_REPLY_OTHER, "",
                 "OKAUTH " CNONCE);
    expect_reply("", OTTER_PUSH_REPLY_OTHER, "", "");
    expect_reply("\x1b[2Jhello", OTTER_PUSH_REPLY_OTHER, "", "?[2Jhello");
}

/* ---- Counts and result, section 10 item 8 ---- */

/* Feeds `stream` in pieces of `step` bytes. */
static enum otter_push_outcome feed(struct otter_push_result *result,
                                    const char *stream, size_t step)
{
    size_t len = strlen(stream);

    otter_push_result_init(result);
    for (size_t at = 0; at < len; at += step) {
        size_t piece = len - at < step ? len - at : step;

        otter_push_result_feed(result, stream + at, (uint32_t)piece);
    }
    return result->outcome;
}

static const struct {
    const char *stream;
    enum otter_push_outcome before; /* while the connection is open */
    enum otter_push_outcome after;  /* at close or after 1 s of silence */
    const char *text;
} result_cases[] = {
    {"1460OK", OTTER_PUSH_SUCCESS, OTTER_PUSH_SUCCESS, "OK"},
    {"53653638814601460OK", OTTER_PUSH_SUCCESS, OTTER_PUSH_SUCCESS, "OK"},
    {"1024OK", OTTER_PUSH_SUCCESS, OTTER_PUSH_SUCCESS, "OK"},
    {"10241024OK\n", OTTER_PUSH_SUCCESS, OTTER_PUSH_SUCCESS, "OK"},
    {"OK", OTTER_PUSH_SUCCESS, OTTER_PUSH_SUCCESS, "OK"},
    {"1460ERROR[7]: MD5 verification failed: expected: a, calculated: b\n",
     OTTER_PUSH_FAILURE, OTTER_PUSH_FAILURE,
     "ERROR[7]: MD5 verification failed: expected: a, calculated: b"},
    {"1460ERROR[10]: Magic byte is wrong, not 0xE9\r\n", OTTER_PUSH_FAILURE,
     OTTER_PUSH_FAILURE, "ERROR[10]: Magic byte is wrong, not 0xE9"},
    {"MD5 Check Failed\n", OTTER_PUSH_FAILURE, OTTER_PUSH_FAILURE,
     "MD5 Check Failed"},
    {"1460MD5 Check Failed", OTTER_PUSH_WAITING, OTTER_PUSH_FAILURE,
     "MD5 Check Failed"},
    {"1460", OTTER_PUSH_WAITING, OTTER_PUSH_UNKNOWN, ""},
    {"", OTTER_PUSH_WAITING, OTTER_PUSH_UNKNOWN, ""},
    {"1460O", OTTER_PUSH_WAITING, OTTER_PUSH_FAILURE, "O"},
    {"1460ok", OTTER_PUSH_WAITING, OTTER_PUSH_FAILURE, "ok"},
    {"1460\r\n1460\r\nOK", OTTER_PUSH_SUCCESS, OTTER_PUSH_SUCCESS, "OK"},
    {"12NOT OK\n", OTTER_PUSH_FAILURE, OTTER_PUSH_FAILURE, "NOT OK"},
    {"12\x1b[2J\x80\n", OTTER_PUSH_FAILURE, OTTER_PUSH_FAILURE, "?[2J?"},
    {"no\nOK", OTTER_PUSH_FAILURE, OTTER_PUSH_FAILURE, "no"},
};

static void test_push_result_table_in_pieces_of_every_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof result_cases / sizeof result_cases[0]; i++) {
        const char *stream = result_cases[i].stream;

        for (size_t step = 1; step <= strlen(stream) + 1; step++) {
            struct otter_push_result result;
            enum otter_push_outcome outcome = feed(&result, stream, step);

            if (outcome != result_cases[i].before) {
                fail_msg("case %zu \"%s\", pieces of %zu: %d", i, stream, step,
                         (int)outcome);
            }
            assert_int_equal(otter_push_result_close(&result),
                             result_cases[i].after);
            assert_string_equal(result.text, result_cases[i].text);
            assert_int_equal(otter_push_result_close(&result),
                             result_cases[i].after);
        }
    }
}

static void test_push_result_begun_only_inside_a_token(void **state)
{
    struct otter_push_result result;

    (void)state;
    feed(&result, "14601460", 3);
    assert_false(otter_push_result_begun(&result));
    otter_push_result_feed(&result, "MD5", 3);
    assert_true(otter_push_result_begun(&result));
    otter_push_result_close(&result);
    assert_false(otter_push_result_begun(&result));
}

static void test_push_result_endless_text_is_cut(void **state)
{
    struct otter_push_result result;
    char noise[1000];

    (void)state;
    memset(noise, 'x', sizeof noise);
    otter_push_result_init(&result);
    otter_push_result_feed(&result, noise, sizeof noise);
    assert_int_equal(otter_push_result_feed(&result, "\n", 1),
                     OTTER_PUSH_FAILURE);
    assert_int_equal(strlen(result.text), sizeof result.text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push_invitation_table),
        cmocka_unit_test(test_push_invitation_digest_is_kept_as_sent),
        cmocka_unit_test(test_push_invitation_every_prefix_stays_inside),
        cmocka_unit_test(test_push_invitation_format_is_the_example),
        cmocka_unit_test(test_push_auth_md5_vector),
        cmocka_unit_test(test_push_auth_sha256_vectors),
        cmocka_unit_test(test_push_auth_answer_table),
        cmocka_unit_test(test_push_auth_answer_case_is_kept),
        cmocka_unit_test(test_push_auth_answer_both_schemes_round_trip),
        cmocka_unit_test(test_push_device_messages_match_the_grammar),
        cmocka_unit_test(test_push_reply_kinds),
        cmocka_unit_test(test_push_result_table_in_pieces_of_every_size),
        cmocka_unit_test(test_push_result_begun_only_inside_a_token),
        cmocka_unit_test(test_push_result_endless_text_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
