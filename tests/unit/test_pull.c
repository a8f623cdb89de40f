/* SPDX-License-Identifier: Apache-2.0
 *
 * Pull's configuration: what is refused, where a URL leads, what the request
 * then says, redirects and credentials. */
#include "tests/support/pull_rig.h"
#include "tests/support/sim_board.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* --- Configurations ------------------------------------------------------ */

static void refused(struct pull_rig *rig)
{
    struct otter_pull pull;

    assert_int_equal(otter_pull_init(&pull, &rig->config), OTTER_ERR_INVALID);
    assert_int_equal(otter_pull_poll(&pull), OTTER_ERR_STATE);
    assert_int_equal(otter_pull_start(&pull), OTTER_ERR_STATE);
}

static void test_pull_all_zero_is_refused(void **state)
{
    struct otter_pull_config config = {.stream = NULL};
    struct otter_pull pull;

    (void)state;
    assert_int_equal(otter_pull_init(&pull, &config), OTTER_ERR_INVALID);
}

#define REFUSE(field, value)                                                  \
    do {                                                                      \
        struct otter_pull_config good = rig->config;                          \
                                                                              \
        rig->config.field = (value);                                          \
        refused(rig);                                                         \
        rig->config = good;                                                   \
    } while (0)

static void test_pull_bad_configurations_are_refused(void **state)
{
    struct pull_rig *rig = *state;
    char text[600];

    REFUSE(stream, NULL);
    REFUSE(figures, NULL);
    REFUSE(mode, (enum otter_pull_mode)3);
    REFUSE(url, NULL);
    REFUSE(interval_s, OTTER_PULL_INTERVAL_MAX + 1);
    REFUSE(version, "1\r\nx-Evil: 1");
    REFUSE(authorization, "Basic x\n");
    REFUSE(user_name, "a:b");
    REFUSE(user_name, "a\1");
    REFUSE(password, "without a user");
    REFUSE(md5, PULL_RIG_MD5 "0");
    REFUSE(md5, "0123456789abcdef0123456789abcde");
    REFUSE(md5, "0123456789abcdef0123456789abcdeg");
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    REFUSE(authorization, text);
    REFUSE(version, text);
    REFUSE(user_name, text);
    rig->config.user_name = "user";
    REFUSE(authorization, "Bearer x"); /* both */
    rig->config.password = text + sizeof text - OTTER_PULL_SECRET_MAX;
    refused(rig); /* together they are too long */
    rig->config.password = "short";
    pull_rig_open(rig);
}

static void test_pull_spoilt_configuration_is_refused_by_start(void **state)
{
    struct pull_rig *rig = *state;

    pull_rig_open(rig);
    rig->config.url = "https://update.example/";
    assert_int_equal(otter_pull_start(&rig->pull), OTTER_ERR_INVALID);
    assert_int_equal(otter_pull_poll(&rig->pull), 0);
    rig->config.url = PULL_RIG_URL;
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    assert_int_equal(otter_pull_start(&rig->pull), OTTER_ERR_BUSY);
}

/* --- URLs ---------------------------------------------------------------- */

struct url {
    const char *url;
    const char *get;  /* NULL: refused */
    const char *host; /* header */
    uint16_t port;
};

static const struct url urls[] = {
    {"http://update.example", "/", "update.example", 80},
    {"http://update.example/", "/", "update.example", 80},
    {"HTTP://update.example/a?b=c&d#e", "/a?b=c&d", "update.example", 80},
    {"http://update.example?b=/c", "/?b=/c", "update.example", 80},
    {"http://update.example#x", "/", "update.example", 80},
    {"http://update.example:8080/a", "/a", "update.example:8080", 8080},
    {"http://update.example:80/a", "/a", "update.example", 80},
    {"http://update.example:443/a", "/a", "update.example", 443},
    {"http://update.example:/a", "/a", "update.example", 80},
    {"http://192.168.1.9:65535/a", "/a", "192.168.1.9:65535", 65535},
    {"https://update.example/", NULL, NULL, 0},
    {"ftp://update.example/", NULL, NULL, 0},
    {"update.example/", NULL, NULL, 0},
    {"http:/update.example/", NULL, NULL, 0},
    {"http:///x", NULL, NULL, 0},
    {"http://:80/x", NULL, NULL, 0},
    {"", NULL, NULL, 0},
    {"http://update.example:0/", NULL, NULL, 0},
    {"http://update.example:65536/", NULL, NULL, 0},
    {"http://update.example:99999999999/", NULL, NULL, 0},
    {"http://update.example:8x/", NULL, NULL, 0},
    {"http://update.example/a b", NULL, NULL, 0},
    {"http://update.example/a\r\nX: y", NULL, NULL, 0},
    {"http://update. example/", NULL, NULL, 0},
    {"http://[::1", NULL, NULL, 0},
    {"http://[::1]x/", NULL, NULL, 0},
    {"http://[]/", NULL, NULL, 0},
};

static void test_pull_urls_lead_where_they_say(void **state)
{
    struct pull_rig *rig = *state;

    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        const struct url *url = &urls[i];
        char line[80];

        rig->config.url = url->url;
        if (url->get == NULL) {
            refused(rig);
            continue;
        }
        pull_rig_open(rig);
        assert_int_equal(fake_peer_addr(pull_rig_ask(rig)).port, url->port);
        snprintf(line, sizeof line, "GET %s HTTP/1.0\r\n", url->get);
        assert_memory_equal(rig->request, line, strlen(line));
        snprintf(line, sizeof line, "Host: %s", url->host);
        pull_rig_has_line(rig, line);
        otter_pull_close(&rig->pull);
    }
}

static void test_pull_ipv6_address_keeps_its_brackets_in_the_header(
    void **state)
{
    struct pull_rig *rig = *state;
    struct otter_addr server = fake_addr(PULL_RIG_SERVER, 0);

    fake_net_add_name("fe80::1", &server);
    rig->config.url = "http://[fe80::1]:8080/a";
    pull_rig_open(rig);
    assert_int_equal(fake_peer_addr(pull_rig_ask(rig)).port, 8080);
    pull_rig_has_line(rig, "Host: [fe80::1]:8080");
}

/* update(host, port, path) of the core. */
static void test_pull_host_port_and_path_need_no_url(void **state)
{
    struct pull_rig *rig = *state;

    rig->config.url = NULL;
    rig->config.host = PULL_RIG_NAME;
    rig->config.port = 8000;
    rig->config.path = "bin/a.bin";
    pull_rig_open(rig);
    assert_int_equal(fake_peer_addr(pull_rig_ask(rig)).port, 8000);
    assert_memory_equal(rig->request, "GET /bin/a.bin HTTP/1.0\r\n", 25);
    pull_rig_has_line(rig, "Host: update.example:8000");
    otter_pull_close(&rig->pull);

    rig->config.port = 0;
    rig->config.path = NULL;
    pull_rig_open(rig);
    assert_int_equal(fake_peer_addr(pull_rig_ask(rig)).port, 80);
    assert_memory_equal(rig->request, "GET / HTTP/1.0\r\n", 16);
    otter_pull_close(&rig->pull);

    rig->config.path = "/a b";
    refused(rig);
    rig->config.path = "/";
    rig->config.host = "";
    refused(rig);
}

static void test_pull_longest_path_fits(void **state)
{
    struct pull_rig *rig = *state;
    char path[OTTER_PULL_PATH_MAX + 2];

    memset(path, 'p', sizeof path);
    path[0] = '/';
    path[OTTER_PULL_PATH_MAX] = '\0';
    rig->config.url = NULL;
    rig->config.host = PULL_RIG_NAME;
    rig->config.path = path;
    pull_rig_open(rig);
    pull_rig_ask(rig);
    assert_memory_equal(rig->request + 4, path, OTTER_PULL_PATH_MAX);
    assert_memory_equal(rig->request + 4 + OTTER_PULL_PATH_MAX,
                        " HTTP/1.0\r\n", 11);
    otter_pull_close(&rig->pull);
    path[OTTER_PULL_PATH_MAX] = 'p';
    path[OTTER_PULL_PATH_MAX + 1] = '\0';
    refused(rig);
}

/* --- What the request says ----------------------------------------------- */

/* What is not configured comes from the board. */
static int own_figures(void *user, struct otter_pull_figures *figures)
{
    (void)user;
    figures->reason = "caf\xc3\xa9\r\nx";
    figures->status = OTTER_PULL_STATUS_REVERTED;
    figures->other_version = "2.0";
    return 0;
}

static void test_pull_board_gives_what_the_application_does_not(void **state)
{
    struct pull_rig *rig = *state;

    rig->config.figures = own_figures;
    pull_rig_open(rig);
    pull_rig_ask(rig);
    pull_rig_has_line(rig, "x-ESP8266-Chip-ID: 66051");
    pull_rig_has_line(rig, "x-ESP8266-STA-MAC: 5C:CF:7F:01:02:03");
    pull_rig_has_line(rig, "x-ESP8266-AP-MAC: 5E:CF:7F:01:02:03");
    pull_rig_has_line(rig, "x-ESP8266-sdk-version: otter");
    pull_rig_has_line(rig, "x-ESP8266-free-space: 0");
    pull_rig_lacks_line(rig, "x-ESP8266-sketch-md5");
    pull_rig_lacks_line(rig, "x-ESP8266-version");
    pull_rig_lacks_line(rig, "x-Otter");
    pull_rig_lacks_line(rig, "Range");
    pull_rig_lacks_line(rig, "Authorization");
}

static void test_pull_report_is_sent_when_configured(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    rig->config.figures = own_figures;
    rig->config.report = true;
    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    pull_rig_has_line(rig, "x-Otter-Board: sim");
    pull_rig_has_line(rig, "x-Otter-Status: reverted");
    pull_rig_has_line(rig, "x-Otter-Other-Version: 2.0");
    pull_rig_has_line(rig, "x-Otter-Reason: caf????x");
    pull_rig_lacks_line(rig, "x-Otter-Last-Error");
    assert_string_equal(strstr(rig->request, "Content-Length"),
                        "Content-Length: 0\r\n\r\n"); /* stays the last */
    pull_rig_say(rig, peer, "HTTP/1.0 200 OK\r\n\r\n");
    pull_rig_finish(rig);

    /* The error stays to be told until a server has answered. */
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    pull_rig_run(rig, 5);
    fake_peer_refuse(fake_net_dialled());
    pull_rig_finish(rig);
    assert_int_equal(otter_pull_last_error(&rig->pull), -1);
    peer = pull_rig_ask(rig);
    pull_rig_has_line(rig, "x-Otter-Last-Error: -101");
    pull_rig_say(rig, peer, "HTTP/1.0 304 Not Modified\r\n\r\n");
    pull_rig_finish(rig);
    pull_rig_ask(rig);
    pull_rig_lacks_line(rig, "x-Otter-Last-Error");
}

static void test_pull_long_texts_of_the_application_are_cut(void **state)
{
    struct pull_rig *rig = *state;
    char text[2000];

    memset(text, 't', sizeof text);
    text[sizeof text - 1] = '\0';
    rig->config.report = true;
    rig->figures.sdk_version = text;
    rig->figures.reason = text;
    rig->figures.other_version = text;
    pull_rig_open(rig);
    pull_rig_ask(rig);
    memcpy(text, "x-ESP8266-sdk-version: ", 23);
    text[23 + 128] = '\0';
    pull_rig_has_line(rig, text);
}

static void test_pull_figures_that_are_not_ready_are_waited_for(void **state)
{
    struct pull_rig *rig = *state;
    uint32_t polls = rig->stream.polls;

    rig->figures_pending = 100;
    pull_rig_open(rig);
    pull_rig_ask(rig);
    assert_int_equal(rig->stream.polls - polls, 100); /* who computes them */
    otter_pull_close(&rig->pull);

    rig->figures_pending = UINT32_MAX;
    pull_rig_open(rig);
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    pull_rig_run(rig, OTTER_PULL_FIGURES_MS + 2);
    pull_rig_logged(rig, "error(104) result(0)");
    rig->figures_pending = 0;

    rig->figures_error = OTTER_ERR_FLASH_READ;
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    pull_rig_finish(rig);
    pull_rig_logged(rig, "error(3) result(0)");
}

/* --- Credentials --------------------------------------------------------- */

static void test_pull_authorization_is_basic_or_raw(void **state)
{
    struct pull_rig *rig = *state;

    rig->config.user_name = "Aladdin";
    rig->config.password = "open sesame"; /* RFC 7617's example */
    pull_rig_open(rig);
    pull_rig_ask(rig);
    assert_non_null(strstr(rig->request,
                           "User-Agent: ESP8266-http-Update\r\n"
                           "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
                           "\r\nConnection: close\r\n"));
    otter_pull_close(&rig->pull);

    rig->config.user_name = NULL;
    rig->config.password = NULL;
    rig->config.url = "http://Aladdin:open%20@update.example/x";
    pull_rig_open(rig);
    pull_rig_ask(rig);
    pull_rig_has_line(rig, "Authorization: Basic QWxhZGRpbjpvcGVuJTIw");
    pull_rig_has_line(rig, "Host: update.example");
    otter_pull_close(&rig->pull);

    rig->config.authorization = "Bearer abc.def";
    pull_rig_open(rig);
    pull_rig_ask(rig);
    pull_rig_has_line(rig, "Authorization: Bearer abc.def");
}

/* --- Redirects ----------------------------------------------------------- */

static struct fake_peer *redirect(struct pull_rig *rig, struct fake_peer *peer,
                                  int status, const char *location)
{
    char answer[700];

    snprintf(answer, sizeof answer,
             "HTTP/1.0 %d Elsewhere\r\nLocation: %s\r\n"
             "Content-Length: 5\r\n\r\nmoved",
             status, location);
    pull_rig_say(rig, peer, answer);
    return pull_rig_asked(rig);
}

static void test_pull_redirects_keep_the_identification(void **state)
{
    static const int statuses[] = {301, 302, 303, 307, 308};
    struct pull_rig *rig = *state;

    rig->config.follow_redirects = true;
    rig->config.version = "1.0";
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct fake_peer *peer, *next;

        pull_rig_open(rig);
        peer = pull_rig_ask(rig);
        next = redirect(rig, peer, statuses[i], "/new?x=1");
        assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
        assert_memory_equal(rig->request, "GET /new?x=1 HTTP/1.0\r\n", 23);
        pull_rig_has_line(rig, "Host: update.example");
        pull_rig_has_line(rig, "x-ESP8266-STA-MAC: 18:FE:AA:AA:AA:AA");
        pull_rig_has_line(rig, "x-ESP8266-version: 1.0");
        pull_rig_say(rig, next, pull_rig_head(1000, ""));
        pull_rig_body(next, 0, 1000);
        assert_true(pull_rig_finish(rig));
        pull_rig_arrived(rig, 1000);
        otter_pull_close(&rig->pull);
    }
    assert_int_equal(rig->stream.commits, 5);
}

static void test_pull_credentials_stay_with_their_host_and_port(void **state)
{
    struct pull_rig *rig = *state;
    struct otter_addr other = fake_addr("192.168.1.60", 0);
    struct otter_addr to;
    struct fake_peer *peer;

    fake_net_add_name("cdn.example", &other);
    fake_net_add_name("UPDATE.example", &other); /* names have no case */
    rig->config.follow_redirects = true;
    rig->config.user_name = "a";
    rig->config.password = "b";
    pull_rig_open(rig);
    peer = redirect(rig, pull_rig_ask(rig), 302, "/same");
    pull_rig_has_line(rig, "Authorization: Basic YTpi");
    peer = redirect(rig, peer, 302, "http://UPDATE.example:80/same");
    pull_rig_has_line(rig, "Authorization: Basic YTpi");
    peer = redirect(rig, peer, 302, "http://update.example:81/port");
    pull_rig_lacks_line(rig, "Authorization");
    peer = redirect(rig, peer, 302, "http://cdn.example/x");
    pull_rig_lacks_line(rig, "Authorization");
    pull_rig_has_line(rig, "Host: cdn.example");
    to = fake_peer_addr(peer);
    assert_memory_equal(to.ip, other.ip, 4);
    peer = redirect(rig, peer, 302, "/path/of/cdn");
    pull_rig_lacks_line(rig, "Authorization");
    pull_rig_has_line(rig, "Host: cdn.example");
    assert_memory_equal(rig->request, "GET /path/of/cdn HTTP/1.0", 25);
    peer = redirect(rig, peer, 302, "//update.example/back");
    pull_rig_has_line(rig, "Authorization: Basic YTpi");
    pull_rig_has_line(rig, "Host: update.example");
}

static void test_pull_credentials_in_a_redirect_are_its_own(void **state)
{
    struct pull_rig *rig = *state;

    rig->config.follow_redirects = true;
    rig->config.authorization = "Bearer own";
    pull_rig_open(rig);
    redirect(rig, pull_rig_ask(rig), 302, "http://x:y@192.168.1.61/");
    pull_rig_has_line(rig, "Authorization: Basic eDp5");
}

static void test_pull_eleventh_redirect_fails(void **state)
{
    struct pull_rig *rig = *state;
    struct fake_peer *peer;

    rig->config.follow_redirects = true;
    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    for (int i = 0; i < 10; i++) {
        peer = redirect(rig, peer, 302, "/again");
    }
    pull_rig_say(rig, peer, "HTTP/1.0 302 Found\r\nLocation: /x\r\n\r\n");
    pull_rig_finish(rig);
    pull_rig_failed(rig, -104, "Wrong HTTP Code");
    pull_rig_ask(rig); /* and the next run begins at the beginning */
    assert_memory_equal(rig->request, "GET /update.php ", 16);
}

static void test_pull_redirects_that_lead_nowhere_fail(void **state)
{
    static const char *const bad[] = {
        "",     "https://update.example/", "new.bin", "ftp://x/", "http://",
        "/a b", "http://x:99999/",
    };
    struct pull_rig *rig = *state;
    char answer[1000];
    char path[600];

    rig->config.follow_redirects = true;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(answer, sizeof answer,
                 "HTTP/1.0 302 Found\r\nLocation: %s\r\n\r\n", bad[i]);
        pull_rig_answer(rig, answer);
        pull_rig_failed(rig, -104, "Wrong HTTP Code");
        otter_pull_close(&rig->pull);
    }
    memset(path, 'p', sizeof path);
    path[0] = '/';
    path[OTTER_PULL_URL_MAX + 1] = '\0'; /* one more than fits */
    snprintf(answer, sizeof answer,
             "HTTP/1.0 302 Found\r\nLocation: %s\r\n\r\n", path);
    pull_rig_answer(rig, answer);
    pull_rig_failed(rig, -104, "Wrong HTTP Code");
    otter_pull_close(&rig->pull);
    pull_rig_answer(rig, "HTTP/1.0 302 Found\r\nLocation: /a\r\n"
                         "Location: /b\r\n\r\n");
    pull_rig_failed(rig, -104, "Wrong HTTP Code");
    otter_pull_close(&rig->pull);
    pull_rig_answer(rig, "HTTP/1.0 302 Found\r\n\r\n");
    pull_rig_failed(rig, -104, "Wrong HTTP Code");
    otter_pull_close(&rig->pull);
    /* What is no redirect leads nowhere. */
    pull_rig_answer(rig, "HTTP/1.0 404 Not Found\r\nLocation: /a\r\n\r\n");
    pull_rig_failed(rig, -102, "File Not Found (404)");
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, pull_rig_setup, pull_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_pull_all_zero_is_refused),
        TEST(test_pull_bad_configurations_are_refused),
        TEST(test_pull_spoilt_configuration_is_refused_by_start),
        TEST(test_pull_urls_lead_where_they_say),
        TEST(test_pull_ipv6_address_keeps_its_brackets_in_the_header),
        TEST(test_pull_host_port_and_path_need_no_url),
        TEST(test_pull_longest_path_fits),
        TEST(test_pull_board_gives_what_the_application_does_not),
        TEST(test_pull_report_is_sent_when_configured),
        TEST(test_pull_long_texts_of_the_application_are_cut),
        TEST(test_pull_figures_that_are_not_ready_are_waited_for),
        TEST(test_pull_authorization_is_basic_or_raw),
        TEST(test_pull_redirects_keep_the_identification),
        TEST(test_pull_credentials_stay_with_their_host_and_port),
        TEST(test_pull_credentials_in_a_redirect_are_its_own),
        TEST(test_pull_eleventh_redirect_fails),
        TEST(test_pull_redirects_that_lead_nowhere_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
