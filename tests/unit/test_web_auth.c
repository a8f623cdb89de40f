/* SPDX-License-Identifier: Apache-2.0
 *
 * Passwords of the update page: Basic and Digest, nonces that end, counts
 * that are taken once.  Responses are computed here, with OpenSSL. */
#include "tests/support/sim_board.h"
#include "tests/support/web_rig.h"

#include "format/error.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define STATUS "GET /update/status HTTP/1.1\r\nHost: x\r\n"
#define BASIC  "Authorization: Basic b3R0ZXI6c2VjcmV0\r\n" /* otter:secret */

static int setup(void **state)
{
    struct web_rig *rig;

    web_rig_setup(state);
    rig = *state;
    rig->config.user_name = "otter";
    rig->config.password = "secret";
    rig->config.allow_unauthenticated = false;
    web_rig_open(rig);
    return 0;
}

static void hash(const char *algorithm, const char *text, char out[65])
{
    const EVP_MD *md =
        strcmp(algorithm, "MD5") == 0 ? EVP_md5() : EVP_sha256();
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len;

    assert_true(EVP_Digest(text, strlen(text), digest, &len, md, NULL));
    for (unsigned i = 0; i < len; i++) {
        sprintf(out + 2 * i, "%02x", digest[i]);
    }
}

/* The nonce of the 401 in rig->answer. */
static void take_nonce(struct web_rig *rig, char out[33])
{
    const char *at = strstr(rig->answer, "nonce=\"");

    assert_non_null(at);
    assert_int_equal(sscanf(at, "nonce=\"%32[0-9a-f]\"", out), 1);
    assert_int_equal(strlen(out), 32);
}

static void fresh_nonce(struct web_rig *rig, char out[33])
{
    fake_peer_close(web_rig_ask(rig, STATUS "\r\n", 401));
    web_rig_run(rig, 1);
    take_nonce(rig, out);
}

struct login {
    const char *algorithm;
    const char *user;
    const char *password;
    const char *nonce;
    const char *uri; /* in the header and in the digest */
    unsigned count;
    const char *method; /* in the digest */
};

/* The answer to a wrong password takes its time. */
static void ask_patiently(struct web_rig *rig, const char *text, int status)
{
    struct fake_peer *peer = web_rig_dial();
    char line[24];

    web_rig_say(rig, peer, text);
    web_rig_run(rig, OTTER_WEB_WRONG_MS);
    web_rig_read(rig, peer);
    snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    web_rig_has(rig, line);
    fake_peer_close(peer);
    web_rig_run(rig, 1);
}

/* A request with a Digest header; the status that it gets. */
static void ask(struct web_rig *rig, const struct login *login, int status)
{
    char text[600];
    char a1[65];
    char a2[65];
    char response[65];

    snprintf(text, sizeof text, "%s:Login Required:%s", login->user,
             login->password);
    hash(login->algorithm, text, a1);
    snprintf(text, sizeof text, "%s:%s", login->method, login->uri);
    hash(login->algorithm, text, a2);
    snprintf(text, sizeof text, "%s:%s:%08x:c0ffee:auth:%s", a1, login->nonce,
             login->count, a2);
    hash(login->algorithm, text, response);
    snprintf(text, sizeof text,
             STATUS "Authorization: Digest username=\"%s\", realm=\"Login "
                    "Required\", nonce=\"%s\", uri=\"%s\", algorithm=%s, "
                    "qop=auth, nc=%08x, cnonce=\"c0ffee\", "
                    "response=\"%s\"\r\n\r\n",
             login->user, login->nonce, login->uri, login->algorithm,
             login->count, response);
    ask_patiently(rig, text, status);
}

static struct login right(const char *nonce)
{
    return (struct login){.algorithm = "SHA-256",
                          .user = "otter",
                          .password = "secret",
                          .nonce = nonce,
                          .uri = "/update/status",
                          .count = 1,
                          .method = "GET"};
}

static void test_web_auth_challenge_offers_the_schemes(void **state)
{
    struct web_rig *rig = *state;

    web_rig_ask(rig, STATUS "\r\n", 401);
    web_rig_has(rig, "Content-Type: text/html\r\n");
    web_rig_has(rig, "WWW-Authenticate: Basic realm=\"Login Required\"\r\n");
    web_rig_has(rig, "WWW-Authenticate: Digest realm=\"Login Required\", "
                     "qop=\"auth\", algorithm=SHA-256, nonce=\"");
    web_rig_has(rig, "algorithm=MD5, nonce=\"");
    web_rig_has(rig, "Content-Length: 0\r\n");
    web_rig_has_not(rig, "stale");
    rig->config.digest_only = true;
    web_rig_ask(rig, STATUS "\r\n", 401);
    web_rig_has_not(rig, "Basic");
    web_rig_has(rig, "algorithm=MD5, nonce=\"");
}

static void test_web_auth_without_randomness_only_basic(void **state)
{
    struct web_rig *rig = *state;

    otter_sim_board.random_fails = true;
    web_rig_ask(rig, STATUS "\r\n", 401);
    web_rig_has_not(rig, "Digest");
    web_rig_has(rig, "Basic");
    web_rig_ask(rig, STATUS BASIC "\r\n", 200);
    otter_sim_board.random_fails = false;
    web_rig_ask(rig, STATUS "\r\n", 401);
    web_rig_has(rig, "Digest");
}

static void test_web_auth_basic_right_and_wrong(void **state)
{
    static const char *const wrong[] = {
        "Authorization: Basic b3R0ZXI6c2VjcmV1\r\n", /* other password */
        "Authorization: Basic b3R0ZXM6c2VjcmV0\r\n", /* other user */
        "Authorization: Basic b3R0ZXI6c2VjcmU=\r\n", /* shorter */
        "Authorization: Basic b3R0ZXI6c2VjcmV0eA==\r\n",
        "Authorization: Basic !\r\n",
        "Authorization: Basic \r\n",
        "Authorization: Basic Og==\r\n",
    };
    struct web_rig *rig = *state;

    ask_patiently(rig, STATUS BASIC "\r\n", 200);
    ask_patiently(rig, STATUS "authorization: basic b3R0ZXI6c2VjcmV0\r\n\r\n",
                  200);
    ask_patiently(rig, STATUS "Authorization: Bearer x\r\n\r\n", 401);
    ask_patiently(rig, STATUS BASIC BASIC "\r\n", 400);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct fake_peer *peer = web_rig_dial();
        char text[200];

        snprintf(text, sizeof text, STATUS "%s\r\n", wrong[i]);
        web_rig_say(rig, peer, text);
        web_rig_run(rig, OTTER_WEB_WRONG_MS - 30);
        web_rig_read(rig, peer);
        assert_string_equal(rig->answer, ""); /* not so fast */
        web_rig_run(rig, 30);
        web_rig_read(rig, peer);
        web_rig_has(rig, "HTTP/1.1 401 ");
        fake_peer_close(peer);
        web_rig_run(rig, 1);
    }
    rig->config.digest_only = true;
    ask_patiently(rig, STATUS BASIC "\r\n", 401);
}

static void test_web_auth_every_route_asks(void **state)
{
    static const char *const requests[] = {"GET /update",
                                           "HEAD /update",
                                           "POST /update",
                                           "GET /update/status",
                                           "POST /update/confirm",
                                           "POST /update/revert",
                                           "GET /"};
    struct web_rig *rig = *state;

    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        char text[200];

        snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: x\r\n\r\n",
                 requests[i]);
        fake_peer_close(web_rig_ask(rig, text, 401));
        web_rig_run(rig, 1);
    }
    web_rig_ask(rig, "OPTIONS /update HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    web_rig_logged(rig, "");
}

static void test_web_auth_upload_is_refused_before_its_body(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;

    peer = web_rig_ask(rig,
                       WEB_RIG_HEAD WEB_RIG_TYPE
                       "Expect: 100-continue\r\nContent-Length: 400000\r\n"
                       "\r\n",
                       401);
    web_rig_has(rig, "Connection: close\r\n");
    assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
    web_rig_post(rig, WEB_RIG_HEAD BASIC,
                 WEB_RIG_FILE("firmware", "12345") WEB_RIG_END, 200);
    web_rig_arrived(rig, "12345");
}

static void test_web_auth_digest_right(void **state)
{
    struct web_rig *rig = *state;
    char nonce[33] = "";
    struct login login = right(nonce);

    rig->config.digest_only = true;
    fresh_nonce(rig, nonce);
    ask(rig, &login, 200);
    login.count = 2;
    login.algorithm = "MD5";
    ask(rig, &login, 200);
    fresh_nonce(rig, nonce);
    login.count = 17;
    ask(rig, &login, 200);
}

static void test_web_auth_digest_wrong(void **state)
{
    struct web_rig *rig = *state;
    char nonce[33] = "";

    fresh_nonce(rig, nonce);
    for (int i = 0; i < 4; i++) {
        struct login login = right(nonce);

        switch (i) {
        case 0:
            login.password = "secreT";
            break;
        case 1:
            login.user = "other";
            break;
        case 2:
            login.uri = "/update";
            break;
        default:
            login.method = "POST";
            break;
        }
        ask(rig, &login, 401);
    }
}

static void test_web_auth_count_is_taken_once(void **state)
{
    struct web_rig *rig = *state;
    char nonce[33] = "";
    struct login login = right(nonce);

    fresh_nonce(rig, nonce);
    login.count = 5;
    ask(rig, &login, 200);
    ask(rig, &login, 401);
    web_rig_has(rig, "stale=true");
    login.count = 4;
    ask(rig, &login, 401);
    web_rig_has(rig, "stale=true");
    login.count = 6;
    ask(rig, &login, 200);
    login.count = 0;
    ask(rig, &login, 401);
}

static void test_web_auth_nonce_ends(void **state)
{
    struct web_rig *rig = *state;
    char nonce[33] = "";
    struct login login = right(nonce);

    fresh_nonce(rig, nonce);
    otter_sim_board.now_ms += OTTER_WEB_NONCE_MS - 100;
    ask(rig, &login, 200);
    otter_sim_board.now_ms += 100;
    login.count = 2;
    ask(rig, &login, 401);
    web_rig_has(rig, "stale=true");
    take_nonce(rig, nonce);
    login.count = 1;
    ask(rig, &login, 200);
}

/* After 49.7 days the clock says again what it said then. */
static void test_web_auth_nonce_does_not_come_back(void **state)
{
    struct web_rig *rig = *state;
    char nonce[33] = "";
    struct login login = right(nonce);

    fresh_nonce(rig, nonce);
    for (int i = 0; i < 20; i++) {
        otter_sim_board.now_ms += UINT32_MAX / 20;
        web_rig_run(rig, 1);
    }
    otter_sim_board.now_ms += UINT32_MAX % 20;
    ask(rig, &login, 401);
    web_rig_has(rig, "stale=true");
}

static void test_web_auth_foreign_nonces_are_stale(void **state)
{
    struct web_rig *rig = *state;
    char nonce[33] = "";
    struct login login = right(nonce);

    fresh_nonce(rig, nonce);
    for (unsigned i = 0; i < 32; i++) {
        char was = nonce[i];

        nonce[i] = was == '0' ? '1' : '0';
        ask(rig, &login, 401);
        web_rig_has(rig, "stale=true");
        nonce[i] = was;
    }
    login.nonce = "0123";
    ask(rig, &login, 401);
    login.nonce = nonce;
    ask(rig, &login, 200);

    /* One of an earlier start of the device. */
    otter_web_close(&rig->web);
    web_rig_open(rig);
    login.count = 2;
    ask(rig, &login, 401);
    web_rig_has(rig, "stale=true");
}

/* More clients than rows: the oldest must log in again, none gets a second
 * use of a count. */
static void test_web_auth_more_nonces_than_rows(void **state)
{
    enum { COUNT = OTTER_WEB_NONCES + 2 };
    struct web_rig *rig = *state;
    char nonces[COUNT][33];

    for (int i = 0; i < COUNT; i++) {
        struct login login;

        fresh_nonce(rig, nonces[i]);
        login = right(nonces[i]);
        ask(rig, &login, 200);
    }
    for (int i = 0; i < COUNT; i++) {
        struct login login = right(nonces[i]);

        ask(rig, &login, 401);
        web_rig_has(rig, "stale=true");
        login.count = 2;
        ask(rig, &login, i < COUNT - (int)OTTER_WEB_NONCES ? 401 : 200);
    }
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, setup, web_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_web_auth_challenge_offers_the_schemes),
        TEST(test_web_auth_without_randomness_only_basic),
        TEST(test_web_auth_basic_right_and_wrong),
        TEST(test_web_auth_every_route_asks),
        TEST(test_web_auth_upload_is_refused_before_its_body),
        TEST(test_web_auth_digest_right),
        TEST(test_web_auth_digest_wrong),
        TEST(test_web_auth_count_is_taken_once),
        TEST(test_web_auth_nonce_ends),
        TEST(test_web_auth_nonce_does_not_come_back),
        TEST(test_web_auth_foreign_nonces_are_stale),
        TEST(test_web_auth_more_nonces_than_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
