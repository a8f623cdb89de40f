/* SPDX-License-Identifier: Apache-2.0
 *
 * Recorded runs of curl against the core's WebUpdater sketch, played again:
 * with the settings that make it speak like the core (status 200 for
 * failures, pages of every site let in) this device gives the same status
 * line, the core's headers in their order, and the same body.  What differs is
 * named here: headers of our own, how long a connection is kept, the forms'
 * design, Digest offered beside Basic, and that 401 comes before the body.
 * The messages are in the table; where the recordings themselves are at hand
 * (OTTER_SHARED names the folder that has them) the table is compared with
 * them.  They have size and first bytes of the image only, so the stream
 * behind the device is the scripted one. */
#include "tests/support/web_rig.h"

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

#define REQUEST(method, login, more)                                          \
    method " /update HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n" login              \
           "User-Agent: curl/7.88.1\r\nAccept: */*\r\n" more "\r\n"
#define FORM(length, boundary)                                                \
    "Content-Length: " length "\r\nContent-Type: multipart/form-data; "       \
    "boundary=------------------------" boundary "\r\n"
#define PART(boundary, name)                                                  \
    "--------------------------" boundary "\r\nContent-Disposition: "         \
    "form-data; name=\"image\"; filename=\"" name "\"\r\n"                    \
    "Content-Type: application/octet-stream\r\n\r\n"
#define END(boundary) "\r\n--------------------------" boundary "--\r\n"
#define ANSWER(status, more)                                                  \
    "HTTP/1.1 " status "\r\nContent-Type: text/html\r\n" more                 \
    "Connection: keep-alive\r\nKeep-Alive: timeout=2000\r\n\r\n"
#define CORS                                                                  \
    "Access-Control-Allow-Headers: *\r\nAccess-Control-Allow-Origin: *\r\n"
#define LOGIN                                                                 \
    ANSWER("401 Unauthorized",                                                \
           CORS "WWW-Authenticate: Basic realm=\"Login Required\"\r\n"        \
                "Content-Length: 0\r\n")
#define SUCCESS                                                               \
    "<META http-equiv=\"refresh\" content=\"15;URL=/\">"                      \
    "Update Success! Rebooting..."

struct trace {
    const char *name;
    const char *request;
    const char *part; /* how the body begins, NULL: there is none */
    const char *end;  /* ... and ends */
    char head[33];    /* the file's first bytes as hex */
    uint32_t size;    /* of the file */
    const char *answer;
    const char *body; /* NULL: the page, which is our own */
    bool password;
    int end_error; /* what the updater behind the sketch said */
};

#define HEAD_400K       "e901024000f01040320cb766cb07d2c9"
#define AUTH_BOUNDARY   "7d81915a08277804"
#define MAGIC_BOUNDARY  "2a0de4a66727d149"
#define NOAUTH_BOUNDARY "a1ce5aae72dac06a"
#define OK_BOUNDARY     "ddb930cf62b602d5"

static const struct trace traces[] = {
    {.name = "ok",
     .request = REQUEST("POST", "", FORM("165849", OK_BOUNDARY)),
     .part = PART(OK_BOUNDARY, "real.bin"),
     .end = END(OK_BOUNDARY),
     .head = "e902024074f4104000f01040500d0000",
     .size = 165648,
     .answer = ANSWER("200 OK", CORS "Content-Length: 74\r\n"),
     .body = SUCCESS},
    {.name = "badmagic",
     .request = REQUEST("POST", "", FORM("409805", MAGIC_BOUNDARY)),
     .part = PART(MAGIC_BOUNDARY, "badmagic.bin"),
     .end = END(MAGIC_BOUNDARY),
     .head = "005d2aad9db1f9d62a8d700737917637",
     .size = 409600,
     .answer = ANSWER("200 OK", CORS "Content-Length: 48\r\n"),
     .body = "Update error: ERROR[10]: Magic byte is not 0xE9\n",
     .end_error = OTTER_ERR_MAGIC},
    {.name = "auth",
     .request = REQUEST("POST", "Authorization: Basic YWRtaW46YWRtaW4=\r\n",
                        FORM("409805", AUTH_BOUNDARY)),
     .part = PART(AUTH_BOUNDARY, "fake400k.bin"),
     .end = END(AUTH_BOUNDARY),
     .head = HEAD_400K,
     .size = 409600,
     .answer = ANSWER("200 OK", CORS "Content-Length: 74\r\n"),
     .body = SUCCESS,
     .password = true},
    {.name = "noauth",
     .request = REQUEST("POST", "", FORM("409805", NOAUTH_BOUNDARY)),
     .part = PART(NOAUTH_BOUNDARY, "fake400k.bin"),
     .end = END(NOAUTH_BOUNDARY),
     .head = HEAD_400K,
     .size = 409600,
     .answer = LOGIN,
     .body = "",
     .password = true},
    {.name = "digest", /* curl's first round, which sends no body */
     .request = REQUEST("POST", "", "Content-Length: 0\r\n"),
     .answer = LOGIN,
     .body = "",
     .password = true},
    {.name = "get",
     .request = REQUEST("GET", "", ""),
     .answer = ANSWER("200 OK", "Content-Length: 664\r\n")},
};

#define TRACES (sizeof traces / sizeof traces[0])
#define CHUNK  1460u

/* --- Our side ------------------------------------------------------------ */

/* Sends the body as the recording did, until the device has answered. */
static void send_body(struct web_rig *rig, struct fake_peer *peer,
                      const struct trace *trace)
{
    uint8_t chunk[CHUNK] = {0};

    if (trace->part == NULL) {
        return;
    }
    fake_peer_send(peer, trace->part, (uint32_t)strlen(trace->part));
    assert_int_equal(otter_hex_decode(chunk, trace->head, 16), 0);
    for (uint32_t at = 0; at < trace->size; at += CHUNK) {
        if (fake_peer_end(peer) != FAKE_END_OPEN) {
            return;
        }
        fake_peer_send(peer, chunk,
                       trace->size - at < CHUNK ? trace->size - at : CHUNK);
        assert_false(web_rig_run(rig, 3));
        memset(chunk, 0, 16);
    }
    fake_peer_send(peer, trace->end, (uint32_t)strlen(trace->end));
}

/* The next line of a head, without its end; NULL behind the last. */
static const char *next_line(const char **at, char line[256])
{
    const char *end = strstr(*at, "\r\n");
    size_t len = end != NULL ? (size_t)(end - *at) : 0;

    if (len == 0) {
        return NULL;
    }
    assert_true(len < 256);
    memcpy(line, *at, len);
    line[len] = '\0';
    *at = end + 2;
    return line;
}

static bool is_free(const char *line)
{
    return strncmp(line, "Connection: ", 12) == 0 ||
           strncmp(line, "Keep-Alive: ", 12) == 0;
}

/* Every line of the core's head is in ours, in the same order. */
static void compare_heads(const char *ours, const char *cores, bool page)
{
    char line[256], own[256];

    while (next_line(&cores, line) != NULL) {
        if (is_free(line) ||
            (page && strncmp(line, "Content-Length", 14) == 0)) {
            continue;
        }
        do {
            if (next_line(&ours, own) == NULL) {
                fail_msg("the header is missing: %s", line);
            }
        } while (strcmp(own, line) != 0);
    }
}

static void check_forms(struct web_rig *rig)
{
    web_rig_has(rig, "method=POST enctype=multipart/form-data");
    web_rig_has(rig, "name=firmware");
    web_rig_has(rig, "value=\"Update Firmware\"");
    web_rig_has(rig, "name=filesystem");
    web_rig_has(rig, "value=\"Update FileSystem\"");
    web_rig_has(rig, "accept=.bin,.bin.gz");
}

static void replay(struct web_rig *rig, const struct trace *trace)
{
    struct fake_peer *peer;
    const char *body;

    rig->events.on_progress = NULL; /* too many for the log */
    rig->config.core_status = true;
    rig->config.allow_origin = "*";
    rig->config.stay_running = true;
    rig->config.user_name = trace->password ? "admin" : NULL;
    rig->config.password = trace->password ? "admin" : NULL;
    rig->stream.end_error = trace->end_error;
    web_rig_open(rig);
    peer = web_rig_dial();
    web_rig_say(rig, peer, trace->request);
    send_body(rig, peer, trace);
    assert_false(web_rig_run(rig, 3000));
    web_rig_read(rig, peer);
    body = strstr(rig->answer, "\r\n\r\n");
    assert_non_null(body);
    compare_heads(rig->answer, trace->answer, trace->body == NULL);
    if (trace->body != NULL) {
        assert_string_equal(body + 4, trace->body);
    } else {
        check_forms(rig);
    }
    if (strstr(trace->answer, "401") == NULL && trace->part != NULL) {
        assert_int_equal(rig->stream.len, trace->size);
    } else {
        assert_int_equal(rig->stream.len, 0);
    }
    otter_web_close(&rig->web);
    rig->stream.len = 0;
    rig->log[0] = '\0';
}

static void test_web_trace_device_gives_its_side(void **state)
{
    struct web_rig *rig = *state;

    for (size_t i = 0; i < TRACES; i++) {
        replay(rig, &traces[i]);
    }
}

/* --- The recordings ------------------------------------------------------ */

/* Copies up to `stop` or the end of the line; "\r" and "\n" are written out
 * in it. */
static void rest_of(const char *at, const char *stop, char *out, size_t size)
{
    size_t len = 0;

    for (; *at != '\0' && *at != '\n' && at != stop; at++) {
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

static void compare_line(const struct trace *trace, const char *line,
                         size_t *seen)
{
    const char *const texts[] = {trace->request, trace->answer, trace->body};
    const char *data = strstr(line, " first text ");
    const char *hex = strstr(line, " then hex ");
    const char *text = strstr(line, " text ");
    char got[2048];

    if (data != NULL && hex != NULL) {
        rest_of(data + 12, hex, got, sizeof got);
        assert_string_equal(got, trace->part);
        rest_of(hex + 10, NULL, got, sizeof got);
        assert_string_equal(got, trace->head);
    } else if (text != NULL && *seen < 3 && texts[*seen] != NULL) {
        rest_of(text + 6, NULL, got, sizeof got);
        assert_string_equal(got, texts[*seen]);
        (*seen)++;
    }
}

static bool compare(const struct trace *trace)
{
    const char *shared = getenv("OTTER_SHARED");
    bool has_body = trace->body != NULL && trace->body[0] != '\0';
    size_t seen = 0;
    char line[4096];
    FILE *file;

    snprintf(line, sizeof line, "%s/data/traces/web-%s.txt",
             shared != NULL ? shared : OTTER_SHARED_DEFAULT, trace->name);
    file = fopen(line, "r");
    if (file == NULL) {
        return false;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        compare_line(trace, line, &seen);
    }
    fclose(file);
    assert_int_equal(seen, has_body ? 3 : 2);
    return true;
}

static void test_web_trace_table_equals_the_recordings(void **state)
{
    (void)state;
    for (size_t i = 0; i < TRACES; i++) {
        if (!compare(&traces[i])) {
            skip();
        }
    }
}

/* What curl announced is what the table's pieces add up to. */
static void test_web_trace_bodies_have_their_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < TRACES; i++) {
        const char *length = strstr(traces[i].request, "Content-Length: ");

        if (traces[i].part != NULL) {
            assert_int_equal(strtoul(length + 16, NULL, 10),
                             strlen(traces[i].part) + traces[i].size +
                                 strlen(traces[i].end));
        }
    }
}

int main(void)
{
#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, web_rig_setup, web_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_web_trace_device_gives_its_side),
        TEST(test_web_trace_table_equals_the_recordings),
        TEST(test_web_trace_bodies_have_their_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
