/* SPDX-License-Identifier: Apache-2.0
 *
 * The update page: what is answered to which request, the status, other
 * sites' pages, confirm and revert. */
#include "tests/support/sim_board.h"
#include "tests/support/web_rig.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: 192.168.1.77\r\n\r\n"

static void test_web_config_unsafe_is_refused(void **state)
{
    struct web_rig *rig = *state;
    char path[50] = "/";
    struct otter_web_config good = rig->config;

    memset(&rig->config, 0, sizeof rig->config);
    assert_int_equal(otter_web_init(&rig->web, &rig->config),
                     OTTER_ERR_INVALID);
    rig->config.stream = good.stream;
    assert_int_equal(otter_web_init(&rig->web, &rig->config),
                     OTTER_ERR_INVALID);
    rig->config.password = "x";
    assert_int_equal(otter_web_init(&rig->web, &rig->config),
                     OTTER_ERR_INVALID);
    rig->config.user_name = "a:b";
    assert_int_equal(otter_web_init(&rig->web, &rig->config),
                     OTTER_ERR_INVALID);
    rig->config.user_name = "a";
    rig->config.password = "";
    rig->config.allow_unauthenticated = true;
    assert_int_equal(otter_web_init(&rig->web, &rig->config),
                     OTTER_ERR_INVALID);
    rig->config = good;
    memset(path + 1, 'p', 48);
    rig->config.path = path;
    assert_int_equal(otter_web_init(&rig->web, &rig->config),
                     OTTER_ERR_INVALID);
    rig->config.path = "/update/";
    assert_int_equal(otter_web_init(&rig->web, &rig->config),
                     OTTER_ERR_INVALID);
    assert_int_equal(otter_web_poll(&rig->web), OTTER_ERR_STATE);
    fake_net_fail(FAKE_LISTENER_OPEN, OTTER_ERR_ADDRESS_IN_USE);
    rig->config = good;
    assert_int_equal(otter_web_init(&rig->web, &rig->config),
                     OTTER_ERR_ADDRESS_IN_USE);
    assert_int_equal(otter_web_poll(&rig->web), OTTER_ERR_STATE);
}

static void test_web_page_is_packed_html(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;
    uint8_t page[16384];
    uint32_t len;
    z_stream z = {0};
    const char *body;

    web_rig_open(rig);
    peer = web_rig_dial();
    web_rig_say(rig, peer,
                "GET /update HTTP/1.1\r\nHost: d.local\r\n"
                "Accept-Encoding: br, gzip\r\n\r\n");
    len = fake_peer_recv(peer, rig->answer, sizeof rig->answer - 1);
    rig->answer[len] = '\0';
    web_rig_has(rig, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n");
    web_rig_has(rig, "Content-Encoding: gzip\r\n");
    web_rig_has(rig, "frame-ancestors 'none'");
    body = strstr(rig->answer, "\r\n\r\n");
    assert_non_null(body);
    body += 4;
    z.next_in = (Bytef *)body;
    z.avail_in = (uInt)(len - (uint32_t)(body - rig->answer));
    assert_true(z.avail_in <= 4096);
    z.next_out = page;
    z.avail_out = sizeof page;
    assert_int_equal(inflateInit2(&z, 31), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    page[z.total_out] = '\0';
    inflateEnd(&z);
    assert_ptr_equal(strstr((char *)page, "<!DOCTYPE html>"), page);
    assert_non_null(strstr((char *)page, "name=firmware"));
}

static void test_web_page_plain_for_simple_clients(void **state)
{
    struct web_rig *rig = *state;

    web_rig_open(rig);
    web_rig_ask(rig, GET("/update"), 200);
    web_rig_has(rig, "Content-Type: text/html\r\n");
    web_rig_has_not(rig, "gzip");
    web_rig_has(rig, "name=firmware");
    web_rig_has(rig, "name=filesystem");
    web_rig_has(rig, "</html>\n");
}

static void test_web_connection_serves_one_request_after_another(void **state)
{
    struct web_rig *rig = *state;
    struct fake_peer *peer;

    web_rig_open(rig);
    peer = web_rig_ask(rig, GET("/update/status"), 200);
    for (int i = 0; i < 3; i++) {
        web_rig_has(rig, "Connection: keep-alive\r\n");
        web_rig_say(rig, peer, GET("/update"));
        web_rig_read(rig, peer);
        web_rig_has(rig, "HTTP/1.1 200 OK\r\n");
    }
    web_rig_say(rig, peer,
                "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    web_rig_read(rig, peer);
    web_rig_has(rig, "HTTP/1.1 302 Found\r\n");
    web_rig_has(rig, "Location: /update\r\n");
    web_rig_has(rig, "Connection: close\r\n");
    assert_int_equal(fake_peer_end(peer), FAKE_END_CLOSE);
}

static void test_web_requests_get_the_status_they_deserve(void **state)
{
    static const struct {
        const char *request;
        int status;
    } rows[] = {
        {GET("/elsewhere"), 404},
        {GET("/updates"), 404},
        {GET("/update/"), 404},
        {GET("/update/status?x=1"), 200},
        {GET("http://192.168.1.77/update/status"), 200},
        {GET("/update/confirm"), 405},
        {"POST /update/status HTTP/1.1\r\nHost: x\r\n\r\n", 405},
        {"DELETE /update HTTP/1.1\r\nHost: x\r\n\r\n", 501},
        {"POST /update HTTP/1.1\r\nHost: x\r\n\r\n", 411},
        {"GET /update HTTP/1.1\r\n\r\n", 400},
        {"GET /update HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
        {"GET /update HTTP/1.0\r\n\r\n", 200},
        {"GET /update HTTP/2.0\r\n\r\n", 400},
        {"GET /update HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", 400},
        {"nonsense\r\n\r\n", 400},
        {"HEAD /update HTTP/1.1\r\nHost: x\r\n\r\n", 200},
        {"OPTIONS /update HTTP/1.1\r\nHost: x\r\n\r\n", 200},
    };
    struct web_rig *rig = *state;

    web_rig_open(rig);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake_peer *peer =
            web_rig_ask(rig, rows[i].request, rows[i].status);

        web_rig_has(rig, "\r\n\r\n");
        fake_peer_close(peer);
        web_rig_run(rig, 1);
    }
    web_rig_logged(rig, "");
    assert_int_equal(rig->stream.begins, 0);
}

static void test_web_head_has_no_body(void **state)
{
    struct web_rig *rig = *state;

    web_rig_open(rig);
    web_rig_ask(rig, "HEAD /update HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    web_rig_has(rig, "Content-Length: ");
    web_rig_has_not(rig, "<");
    web_rig_ask(rig, "HEAD /update/status HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    web_rig_has_not(rig, "{");
}

static void test_web_long_lines(void **state)
{
    struct web_rig *rig = *state;
    char text[4096];
    char letters[1001];

    memset(letters, 'a', 1000);
    letters[1000] = '\0';
    web_rig_open(rig);
    snprintf(text, sizeof text,
             "GET /update HTTP/1.1\r\nHost: x\r\nCookie: %s\r\n\r\n", letters);
    web_rig_ask(rig, text, 200);
    snprintf(text, sizeof text, "GET /%s HTTP/1.1\r\nHost: x\r\n\r\n",
             letters);
    web_rig_ask(rig, text, 431);
    snprintf(text, sizeof text, "GET /%.100s HTTP/1.1\r\nHost: x\r\n\r\n",
             letters);
    web_rig_ask(rig, text, 414);
    snprintf(text, sizeof text, "GET /update HTTP/1.1\r\nHost: %s\r\n\r\n",
             letters);
    web_rig_ask(rig, text, 400);
}

static void test_web_status_tells_what_is_known(void **state)
{
    struct web_rig *rig = *state;

    otter_sim_board.boot_id = 0x12ab;
    rig->status.name = "te\"st\\";
    rig->status.version = "1.2.3";
    rig->status.flash_size = 4194304;
    rig->status.sketch_size = 300000;
    rig->status.free_space = 700416;
    rig->status.fs_size = 1048576;
    rig->status.on_trial = true;
    rig->status.tries_left = 2;
    rig->status.can_revert = true;
    rig->status.previous_version = "1.2.2";
    web_rig_open(rig);
    web_rig_ask(rig, "GET /update/status HTTP/1.0\r\n\r\n", 200);
    web_rig_has(rig, "Content-Type: application/json\r\n");
    web_rig_has(
        rig, "\r\n\r\n{\"name\":\"te\\\"st\\\\\",\"version\":\"1.2.3\","
             "\"board\":\"sim\",\"chip\":\"esp8266\",\"boot_id\":\"000012ab\","
             "\"flash_size\":4194304,\"sketch_size\":300000,"
             "\"free_space\":700416,\"fs_size\":1048576,\"on_trial\":true,"
             "\"tries_left\":2,\"can_confirm\":true,\"can_revert\":true,"
             "\"previous_version\":\"1.2.2\",\"reverted\":null,"
             "\"update\":\"idle\",\"done\":0,\"total\":0,\"refused\":null}\n");

    rig->config.confirm = NULL;
    rig->config.revert = NULL;
    rig->status.reason = "it crashed";
    web_rig_ask(rig, "GET /update/status HTTP/1.0\r\n\r\n", 200);
    web_rig_has(rig, "\"can_confirm\":false,\"can_revert\":false");
    web_rig_has(rig, "\"reverted\":\"it crashed\"");
    rig->config.status = NULL;
    web_rig_ask(rig, "GET /update/status HTTP/1.0\r\n\r\n", 200);
    web_rig_has(rig, "{\"name\":null,\"version\":null,");
}

/* Each piece of the status is a chunk: a client can join them. */
static void test_web_status_chunks_join(void **state)
{
    struct web_rig *rig = *state;
    char json[2048] = "";
    char *at;

    web_rig_open(rig);
    web_rig_ask(rig, GET("/update/status"), 200);
    web_rig_has(rig, "Transfer-Encoding: chunked\r\n");
    at = strstr(rig->answer, "\r\n\r\n") + 4;
    for (;;) {
        unsigned size;

        assert_int_equal(sscanf(at, "%3x", &size), 1);
        assert_memory_equal(at + 3, "\r\n", 2);
        strncat(json, at + 5, size);
        assert_memory_equal(at + 5 + size, "\r\n", 2);
        at += 7 + size;
        if (size == 0) {
            break;
        }
    }
    assert_string_equal(at, "");
    assert_int_equal(json[0], '{');
    assert_string_equal(json + strlen(json) - 2, "}\n");
}

static void test_web_confirm_and_revert(void **state)
{
    struct web_rig *rig = *state;

    web_rig_open(rig);
    web_rig_ask(rig, "POST /update/confirm HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    web_rig_logged(rig, "confirm");
    rig->confirmed = OTTER_ERR_STATE;
    web_rig_ask(rig, "POST /update/revert HTTP/1.1\r\nHost: x\r\n\r\n", 409);
    rig->confirmed = OTTER_ERR_FLASH_PROGRAM;
    web_rig_ask(rig, "POST /update/revert HTTP/1.1\r\nHost: x\r\n\r\n", 500);
    web_rig_has(rig, "flash write failed");
    assert_false(web_rig_run(rig, 3000));
    rig->confirmed = 0;
    web_rig_run(rig, OTTER_WEB_SPARE_MS);
    web_rig_ask(rig, "POST /update/revert HTTP/1.1\r\nHost: x\r\n\r\n", 200);
    assert_true(web_rig_run(rig, 3000));
    web_rig_logged(rig, "revert revert revert");
}

static void test_web_without_confirm_there_is_no_such_request(void **state)
{
    struct web_rig *rig = *state;

    rig->config.confirm = NULL;
    rig->config.revert = NULL;
    web_rig_open(rig);
    web_rig_ask(rig, "POST /update/confirm HTTP/1.1\r\nHost: x\r\n\r\n", 404);
    web_rig_ask(rig, "POST /update/revert HTTP/1.1\r\nHost: x\r\n\r\n", 404);
}

/* Host and Origin of a request that changes something, and its fate. */
static void test_web_other_sites_change_nothing(void **state)
{
    static const struct {
        const char *headers;
        int status;
    } rows[] = {
        {"Host: 192.168.1.77\r\n", 200},
        {"Host: 192.168.1.77\r\nOrigin: http://192.168.1.77\r\n", 200},
        {"Origin: http://192.168.1.77\r\nHost: 192.168.1.77\r\n", 200},
        {"Host: d.local:8080\r\nOrigin: http://D.local:8080\r\n", 200},
        {"Host: d.local:8080\r\nOrigin: http://d.local\r\n", 403},
        {"Host: d.local\r\nOrigin: http://evil.example\r\n", 403},
        {"Origin: http://evil.example\r\nHost: d.local\r\n", 403},
        {"Host: d.local\r\nOrigin: null\r\n", 403},
        {"Host: d.local\r\nOrigin: \r\n", 403},
        {"Host: d.local\r\nSec-Fetch-Site: cross-site\r\n", 403},
        {"Host: d.local\r\nSec-Fetch-Site: same-origin\r\n", 200},
        {"Host: evil.example\r\nOrigin: http://evil.example\r\n", 403},
        {"Host: evil.example\r\n", 200}, /* no browser */
        {"Host: 1.2.3.evil\r\nOrigin: http://1.2.3.evil\r\n", 403},
        {"Host: device\r\nOrigin: http://device\r\n", 200},
        {"Host: d.lan\r\nOrigin: http://d.lan\r\n", 200},
        {"Host: [fe80::1]:80\r\nOrigin: http://[fe80::1]:80\r\n", 200},
    };
    struct web_rig *rig = *state;

    web_rig_open(rig);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];

        snprintf(text, sizeof text, "POST /update/confirm HTTP/1.1\r\n%s\r\n",
                 rows[i].headers);
        fake_peer_close(web_rig_ask(rig, text, rows[i].status));
        web_rig_run(rig, 1);
        web_rig_has_not(rig, "Access-Control");
        web_rig_logged(rig, rows[i].status == 200 ? "confirm" : "");
    }
}

static void test_web_origin_configured_may(void **state)
{
    static const char request[] =
        "POST /update/confirm HTTP/1.1\r\nHost: device.example.com\r\n"
        "Origin: https://fleet.example.com\r\n\r\n";
    struct web_rig *rig = *state;

    web_rig_open(rig);
    web_rig_ask(rig, request, 403);
    rig->config.allow_origin = "https://fleet.example.com";
    web_rig_ask(rig, request, 200);
    web_rig_has(rig, "Access-Control-Allow-Origin: "
                     "https://fleet.example.com\r\n");
    web_rig_has(rig, "Vary: Origin\r\n");
    rig->config.allow_origin = "*";
    web_rig_ask(rig, request, 200);
    web_rig_has(rig, "Access-Control-Allow-Origin: *\r\n");
    web_rig_run(rig, OTTER_WEB_SPARE_MS); /* the places are all taken */
    rig->config.allow_origin = NULL;
    rig->config.host_name = "device.example.com";
    web_rig_ask(rig,
                "POST /update/confirm HTTP/1.1\r\nHost: device.example.com:81"
                "\r\nOrigin: http://device.example.com:81\r\n\r\n",
                200);
}

static void test_web_path_and_port_are_configured(void **state)
{
    struct web_rig *rig = *state;
    struct otter_addr from = fake_addr(WEB_RIG_HOST, 50000);

    rig->config.path = "/a/b";
    web_rig_open(rig);
    assert_string_equal(otter_web_path(&rig->web), "/a/b");
    assert_int_equal(otter_web_port(&rig->web), 80);
    web_rig_ask(rig, GET("/a/b/status"), 200);
    web_rig_ask(rig, GET("/update"), 404);
    web_rig_ask(rig, GET("/"), 302);
    web_rig_has(rig, "Location: /a/b\r\n");
    otter_web_close(&rig->web);
    rig->config.port = 8080;
    web_rig_open(rig);
    assert_null(fake_net_dial(&from, 80));
    assert_non_null(fake_net_dial(&from, 8080));
    assert_int_equal(otter_web_port(&rig->web), 8080);
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, web_rig_setup, web_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_web_config_unsafe_is_refused),
        TEST(test_web_page_is_packed_html),
        TEST(test_web_page_plain_for_simple_clients),
        TEST(test_web_connection_serves_one_request_after_another),
        TEST(test_web_requests_get_the_status_they_deserve),
        TEST(test_web_head_has_no_body),
        TEST(test_web_long_lines),
        TEST(test_web_status_tells_what_is_known),
        TEST(test_web_status_chunks_join),
        TEST(test_web_confirm_and_revert),
        TEST(test_web_without_confirm_there_is_no_such_request),
        TEST(test_web_other_sites_change_nothing),
        TEST(test_web_origin_configured_may),
        TEST(test_web_path_and_port_are_configured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
