/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the update page's server.  The first byte of the input chooses the
 * configuration, the rest is what two clients send, byte for byte:
 *
 *   0x1b  the other client has the word   0x1c  resets the connection
 *   0x1d  a second passes                 0x1e  closes it
 *   0x1f  600 bytes of a file
 *
 * Whatever they send: each answer is whole HTTP of a status that exists; the
 * stream is used as its contract says; an update is committed only when the
 * application agreed; nobody updates who does not know the password, which
 * no input does; when all are silent the device comes to rest with nothing
 * held; and a right upload then goes through. */
#include "device/transport/web.h"
#include "tests/support/fake_net.h"
#include "tests/support/fake_stream.h"
#include "tests/support/sim_board.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REST_MS 200000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct otter_web web;
static struct otter_web_config config;
static struct fake_stream stream;
static char password[33];

struct client {
    struct fake_peer *peer; /* NULL: not connected */
    struct otter_http http; /* of the answer that comes */
    struct otter_http_config http_config;
    char line[512];
    bool begun;
};

static struct client clients[2];

/* What the callbacks do and saw. */
static struct {
    int decline;
    bool agreed; /* on_start said yes to the update under way */
    uint32_t done;
    uint32_t ends;
    uint32_t orders; /* confirm and revert */
    bool restarted;
} app;

static void expect(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "fuzz_web: %s\n", what);
        abort();
    }
}

/* --- The application ----------------------------------------------------- */

static int on_start(void *user, uint32_t kind, uint32_t size)
{
    (void)user;
    expect(stream.running, "on_start before begin");
    expect(kind == stream.info.kind && size == stream.info.size, "on_start");
    expect(stream.len == 0, "bytes before on_start");
    app.agreed = app.decline == 0;
    app.done = 0;
    return app.decline;
}

static void on_progress(void *user, uint32_t done, uint32_t total)
{
    (void)user;
    (void)total;
    expect(app.agreed && done >= app.done && done <= stream.len, "progress");
    app.done = done;
}

static void on_end(void *user)
{
    (void)user;
    app.ends++;
    expect(app.ends == stream.commits, "on_end without a commit");
}

static void on_error(void *user, int error)
{
    (void)user;
    expect(error < 0, "on_error without an error");
    app.agreed = false;
}

static void tell_status(void *user, struct otter_web_status *out)
{
    (void)user;
    out->name = "\"\\\x01\xff";
    out->version = "1.0.0";
    out->on_trial = true;
    out->can_revert = true;
}

static int order(void *user)
{
    (void)user;
    app.orders++;
    return app.decline;
}

static const struct otter_events events = {NULL, on_start, on_progress, on_end,
                                           on_error};

/* --- The device ---------------------------------------------------------- */

static int poll(uint32_t ms)
{
    static jmp_buf restart;
    uint32_t commits = stream.commits;
    int result;

    if (setjmp(restart) != 0) {
        otter_sim_board.on_restart = NULL;
        app.restarted = true;
        otter_web_close(&web);
        expect(otter_web_init(&web, &config) == 0, "init after a restart");
        return OTTER_ERR_PENDING;
    }
    otter_sim_board.on_restart = &restart;
    otter_sim_board.now_ms += ms;
    result = otter_web_poll(&web);
    otter_sim_board.on_restart = NULL;
    if (stream.commits > commits) {
        expect(app.agreed, "commit without on_start");
        expect(stream.info.size == OTTER_SIZE_UNKNOWN ||
                   stream.len == stream.info.size,
               "commit of a part");
        app.agreed = false;
    }
    return result;
}

static void open_web(uint8_t flags)
{
    memset(&config, 0, sizeof config);
    memset(&app, 0, sizeof app);
    memset(clients, 0, sizeof clients);
    config.stream = &stream.stream;
    config.events = &events;
    config.status = tell_status;
    config.confirm = order;
    config.revert = order;
    if ((flags & 1) != 0) {
        for (size_t i = 0; i + 1 < sizeof password; i++) {
            password[i] = (char)('a' + rand() % 26);
        }
        config.user_name = "admin";
        config.password = password;
        config.digest_only = (flags & 2) != 0;
    }
    config.allow_unauthenticated = true;
    config.core_status = (flags & 4) != 0;
    config.stay_running = (flags & 8) != 0;
    config.allow_origin = (flags & 16) != 0 ? "*" : NULL;
    app.decline = (flags & 32) != 0 ? OTTER_ERR_DECLINED : 0;
    stream.room = (flags & 64) != 0 ? 700 : 0;
    stream.end_pending = (flags & 128) != 0 ? 5 : 0;
    expect(otter_web_init(&web, &config) == 0, "init");
}

/* --- The clients --------------------------------------------------------- */

static int on_status(void *user, const char *first, const char *second,
                     int minor)
{
    (void)user;
    (void)minor;
    expect(strlen(first) == 3 && second[0] != '\0', "status line");
    expect(strcmp(second, "Unknown") != 0, "a status without a name");
    return 0;
}

static const struct otter_http_events answer_events = {on_status, NULL, NULL};

/* A parser that has nothing in common with the device's side of it but the
 * code of the message syntax. */
static void begin_answer(struct client *c)
{
    c->http_config.side = OTTER_HTTP_RESPONSE;
    c->http_config.line = c->line;
    c->http_config.line_size = sizeof c->line;
    c->http_config.events = &answer_events;
    c->begun = false;
    otter_http_init(&c->http, &c->http_config);
}

/* Answers to HEAD have a length and no body: where the next answer begins
 * cannot be seen without looking at the requests, so that input with HEAD is
 * read without a parser. */
static void read_answer(struct client *c, bool parse)
{
    uint8_t data[2048];
    uint32_t len = fake_peer_recv(c->peer, data, sizeof data);
    uint32_t at = 0;

    while (parse && at < len) {
        const uint8_t *body;
        uint32_t body_len;
        int n = otter_http_head_done(&c->http)
                    ? otter_http_body(&c->http, data + at, len - at, &body,
                                      &body_len)
                    : otter_http_head(&c->http, data + at, len - at);

        expect(n >= 0, "an answer that is not HTTP");
        at += (uint32_t)n;
        c->begun = true;
        if (otter_http_done(&c->http)) {
            begin_answer(c);
        }
    }
}

static bool connect_client(struct client *c)
{
    struct otter_addr from = fake_addr("192.168.1.50", 50000);

    if (c->peer != NULL && fake_peer_end(c->peer) != FAKE_END_OPEN) {
        c->peer = NULL;
    }
    if (c->peer == NULL) {
        c->peer = fake_net_dial(&from, 80);
        begin_answer(c);
    }
    return c->peer != NULL;
}

static void play(struct client *c, uint8_t byte, bool parse)
{
    static const uint8_t file[600] = {0xe9};

    switch (byte) {
    case 0x1c:
        fake_peer_reset(c->peer);
        c->peer = NULL;
        break;
    case 0x1d:
        break;
    case 0x1e:
        fake_peer_close(c->peer);
        (void)poll(1);
        c->peer = NULL;
        break;
    case 0x1f:
        fake_peer_send(c->peer, file, sizeof file);
        break;
    default:
        fake_peer_send(c->peer, &byte, 1);
        break;
    }
    (void)poll(byte == 0x1d ? 1000 : 1);
    if (c->peer != NULL) {
        read_answer(c, parse);
    }
}

/* Nobody says anything more. */
static void come_to_rest(void)
{
    uint32_t ms = 0;

    while (poll(ms < 1000 ? 10 : 100) == OTTER_ERR_PENDING) {
        ms += ms < 1000 ? 10 : 100;
        expect(ms < REST_MS, "it does not come to rest");
    }
    expect(fake_net_open() == 1, "a connection is left open");
    expect(!stream.running, "the stream is left begun");
    expect(fake_net_power_save(), "power saving is left off");
}

static void right_upload(void)
{
    static const char text[] =
        "POST /update HTTP/1.1\r\nHost: 192.168.1.77\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: 4\r\n\r\n"
        "\xe9\1\1\1";
    uint32_t commits = stream.commits;

    app.decline = 0;
    config.password = NULL;
    config.user_name = NULL;
    clients[0].peer = NULL;
    expect(connect_client(&clients[0]), "no connection");
    fake_peer_send(clients[0].peer, text, sizeof text - 1);
    come_to_rest();
    expect(stream.commits == commits + 1 && stream.len == 4,
           "a right upload is not taken");
}

static bool has(const uint8_t *data, size_t size, const char *word)
{
    return memmem(data, size, word, strlen(word)) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t speaker = 0;
    bool parse;

    if (size < 1 || size > 16384) {
        return 0;
    }
    srand(1);
    fake_net_reset();
    otter_sim_board_open(4096);
    fake_stream_init(&stream);
    open_web(data[0]);
    parse = !has(data, size, "HEAD");
    for (size_t i = 1; i < size; i++) {
        if (data[i] == 0x1b) {
            speaker ^= 1;
        } else if (connect_client(&clients[speaker])) {
            play(&clients[speaker], data[i], parse);
        }
    }
    come_to_rest();
    if ((data[0] & 1) != 0) {
        expect(stream.begins == 0 && app.orders == 0,
               "somebody without the password changed something");
    }
    right_upload();
    otter_web_close(&web);
    fake_net_reset();
    otter_sim_board_close();
    return 0;
}
