/* SPDX-License-Identifier: Apache-2.0
 *
 * Recorded runs of the core's httpUpdate sketch against the manual's script
 * under PHP, played again: this device sends the same request to the byte and
 * comes to the same end.  The messages are in the table; where the recordings
 * themselves are at hand (OTTER_SHARED names the folder that has them) the
 * table is compared with them.  The recordings have size and first bytes of
 * the image only, so the stream behind the device is the scripted one. */
#include "tests/support/pull_rig.h"

#include "format/error.h"
#include "format/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REQUEST(mac, version)                                                 \
    "GET /update.php HTTP/1.0\r\n"                                            \
    "Host: 127.0.0.1:8081\r\n"                                                \
    "User-Agent: ESP8266-http-Update\r\n"                                     \
    "Connection: close\r\n"                                                   \
    "x-ESP8266-Chip-ID: 15602487\r\n"                                         \
    "x-ESP8266-STA-MAC: 18:FE:AA:AA:AA:" mac "\r\n"                           \
    "x-ESP8266-AP-MAC: 1A:FE:AA:AA:AA:" mac "\r\n"                            \
    "x-ESP8266-free-space: 2744320\r\n"                                       \
    "x-ESP8266-sketch-size: 400000\r\n"                                       \
    "x-ESP8266-sketch-md5: c722ab5a998d8efd4fc15d53f58b63dd\r\n"              \
    "x-ESP8266-chip-size: 4194304\r\n"                                        \
    "x-ESP8266-sdk-version: 2.5.0\r\n"                                        \
    "x-ESP8266-mode: sketch\r\n" version "Content-Length: 0\r\n"              \
    "\r\n"

#define VERSION(version) "x-ESP8266-version: " version "\r\n"

#define ANSWER(status, date, more)                                            \
    "HTTP/1.0 " status "\r\n"                                                 \
    "Host: 127.0.0.1:8081\r\n"                                                \
    "Date: Sun, 22 Nov 2026 17:" date " GMT\r\n"                              \
    "Connection: close\r\n"                                                   \
    "X-Powered-By: PHP/8.2.36\r\n" more "\r\n"

#define TEXT "Content-type: text/plain; charset=utf8\r\n"
#define FILE_200(date, md5)                                                   \
    ANSWER("200 OK", date,                                                    \
           "Content-Type: application/octet-stream\r\n"                       \
           "Content-Disposition: attachment; "                                \
           "filename=DOOR-7-g14f53a19bin\r\n"                                 \
           "Content-Length: 409600\r\n"                                       \
           "x-MD5: " md5 "\r\n")

struct trace {
    const char *name;
    const char *request;
    const char *answer;
    const char *body;    /* text, or ... */
    char head[33];       /* ... the first bytes of 409600, as hex */
    const char *version; /* of the sketch that asks */
    uint8_t mac;         /* last byte */
    enum otter_pull_result result;
    int number;
    int write_error; /* what the updater behind the sketch said */
    int end_error;
    const char *log;
};

#define START "start(0,409600) "

static const struct trace traces[] = {
    {.name = "ok",
     .request = REQUEST("AA", VERSION("DOOR-6-old")),
     .answer = FILE_200("32:19", "18e6fc043234acc7579183513fde9384"),
     .head = "e901024000f01040320cb766cb07d2c9",
     .version = "DOOR-6-old",
     .mac = 0xaa,
     .result = OTTER_PULL_OK,
     .log = "end result(2)"},
    {.name = "304",
     .request = REQUEST("AA", VERSION("DOOR-7-g14f53a19")),
     .answer = ANSWER("304 Not Modified", "32:21", TEXT),
     .version = "DOOR-7-g14f53a19",
     .mac = 0xaa,
     .result = OTTER_PULL_NO_UPDATE,
     .log = "result(1)"},
    {.name = "500",
     .request = REQUEST("CC", VERSION("DOOR-7-g14f53a19")),
     .answer = ANSWER("500 no version for ESP MAC", "10:24", TEXT),
     .version = "DOOR-7-g14f53a19",
     .mac = 0xcc,
     .number = OTTER_CORE_HTTP_SERVER_WRONG_HTTP_CODE,
     .log = "error(-104) result(0)"},
    {.name = "nover",
     .request = REQUEST("AA", ""),
     .answer = ANSWER("403 Forbidden", "10:25", TEXT),
     .body = "only for ESP8266 updater! (header)\n",
     .mac = 0xaa,
     .number = OTTER_CORE_HTTP_SERVER_FORBIDDEN,
     .log = "error(-103) result(0)"},
    {.name = "badmd5",
     .request = REQUEST("AA", VERSION("x")),
     .answer = FILE_200("10:27", "00000000000000000000000000000000"),
     .head = "e901024000f01040320cb766cb07d2c9",
     .version = "x",
     .mac = 0xaa,
     .number = OTTER_CORE_UPDATE_MD5,
     .end_error = OTTER_ERR_DIGEST,
     .log = "error(7) result(0)"},
    {.name = "badmagic",
     .request = REQUEST("AA", VERSION("x")),
     .answer = FILE_200("10:29", "56660f438a173b9337319258384b465d"),
     .head = "005d2aad9db1f9d62a8d700737917637",
     .version = "x",
     .mac = 0xaa,
     .number = OTTER_CORE_HTTP_BIN_VERIFY_HEADER_FAILED,
     .write_error = OTTER_ERR_MAGIC,
     .log = "start(0,409600) error(-106) result(0)"},
};

#define TRACES (sizeof traces / sizeof traces[0])
#define SIZE   409600u
#define CHUNK  1460u

static void send_body(struct pull_rig *rig, struct fake_peer *peer,
                      const struct trace *trace)
{
    uint8_t chunk[CHUNK] = {0};

    if (trace->body != NULL) {
        fake_peer_send(peer, trace->body, (uint32_t)strlen(trace->body));
    }
    if (trace->head[0] == '\0') {
        return;
    }
    assert_int_equal(otter_hex_decode(chunk, trace->head, 16), 0);
    for (uint32_t at = 0; at < SIZE; at += CHUNK) {
        fake_peer_send(peer, chunk, SIZE - at < CHUNK ? SIZE - at : CHUNK);
        pull_rig_run(rig, 1);
    }
}

static void replay(struct pull_rig *rig, const struct trace *trace)
{
    struct fake_peer *peer;
    struct otter_addr server;
    const char *log = rig->log;

    rig->config.url = "http://127.0.0.1:8081/update.php";
    rig->config.version = trace->version;
    rig->config.stay_running = true;
    rig->figures.sta_mac[5] = trace->mac;
    rig->figures.ap_mac[5] = trace->mac;
    rig->stream.fail_at = trace->write_error != 0 ? 4 : 0;
    rig->stream.write_error = trace->write_error;
    rig->stream.end_error = trace->end_error;
    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    server = fake_peer_addr(peer);
    assert_int_equal(server.port, 8081);
    assert_string_equal(rig->request, trace->request);
    fake_peer_send(peer, trace->answer, (uint32_t)strlen(trace->answer));
    send_body(rig, peer, trace);
    fake_peer_close(peer);
    pull_rig_finish(rig);
    assert_int_equal(otter_pull_last_result(&rig->pull), trace->result);
    assert_int_equal(otter_pull_last_error(&rig->pull), trace->number);
    if (trace->head[0] != '\0' && trace->write_error == 0) {
        assert_int_equal(rig->stream.len, SIZE);
        log = strstr(rig->log, "progress(409600,409600) ");
        assert_non_null(log);
        log += strlen("progress(409600,409600) ");
    }
    assert_string_equal(log, trace->log);
    otter_pull_close(&rig->pull);
    rig->log[0] = '\0';
}

static void test_pull_trace_device_gives_its_side(void **state)
{
    for (size_t i = 0; i < TRACES; i++) {
        replay(*state, &traces[i]);
    }
}

/* --- The recordings ------------------------------------------------------ */

/* Copies the rest of the line; "\r" and "\n" are written out in it. */
static void rest_of(const char *at, char *out, size_t size)
{
    size_t len = 0;

    for (; *at != '\0' && *at != '\n'; at++) {
        assert_true(len + 1 < size);
        if (at[0] == '\\' && (at[1] == 'n' || at[1] == 'r')) {
            out[len++] = at[1] == 'n' ? '\n' : '\r';
            at++;
        } else {
            out[len++] = *at;
        }
    }
    out[len] = '\0';
}

static bool compare(const struct trace *trace)
{
    const char *shared = getenv("OTTER_SHARED");
    const char *expected[] = {trace->request, trace->answer, trace->body};
    size_t seen = 0;
    char line[4096], text[4096];
    FILE *file;

    snprintf(line, sizeof line, "%s/data/traces/http-%s.txt",
             shared != NULL ? shared : OTTER_SHARED_DEFAULT, trace->name);
    file = fopen(line, "r");
    if (file == NULL) {
        return false;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        const char *at = strstr(line, " text ");
        const char *head = strstr(line, " first hex ");

        if (at != NULL) {
            rest_of(at + 6, text, sizeof text);
            assert_true(seen < 3 && expected[seen] != NULL);
            assert_string_equal(text, expected[seen]);
            seen++;
        } else if (head != NULL) {
            rest_of(head + 11, text, sizeof text);
            assert_string_equal(text, trace->head);
        }
    }
    fclose(file);
    assert_int_equal(seen, trace->body != NULL ? 3 : 2);
    return true;
}

static void test_pull_trace_table_equals_the_recordings(void **state)
{
    (void)state;
    for (size_t i = 0; i < TRACES; i++) {
        if (!compare(&traces[i])) {
            skip();
        }
    }
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, pull_rig_setup, pull_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_pull_trace_device_gives_its_side),
        TEST(test_pull_trace_table_equals_the_recordings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
