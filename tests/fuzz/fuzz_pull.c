/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes what the pull client makes of its server.  The first byte of the
 * input chooses the configuration, the rest is what the server sends, byte
 * for byte, to one connection after the other:
 *
 *   0x1c  resets the connection         0x1d  a second passes
 *   0x1e  closes it, the next follows   0x1f  600 bytes of a file
 *
 * Whatever it sends: the stream is used as its contract says, an update is
 * committed only when the application agreed and all bytes are there, in the
 * order of one file; every run ends by itself with one result and leaves
 * nothing held; and a right answer to the next request goes through. */
#include "device/transport/pull.h"
#include "tests/support/fake_net.h"
#include "tests/support/fake_stream.h"
#include "tests/support/sim_board.h"

#include "format/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLLS_MAX 2000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct otter_pull pull;
static struct otter_pull_config config;
static struct fake_stream stream;
static struct fake_peer *peer; /* of the newest connection */

/* What the callbacks do and saw. */
static struct {
    int decline;
    bool agreed; /* on_start said yes to the update under way */
    uint32_t total;
    uint32_t done;
    uint32_t results;
    uint32_t errors;
    bool ended;
} app;

static void expect(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "fuzz_pull: %s\n", what);
        abort();
    }
}

static int on_start(void *user, uint32_t kind, uint32_t size)
{
    (void)user;
    expect(stream.running, "on_start before begin");
    expect(kind == stream.info.kind && size == stream.info.size, "on_start");
    expect(stream.len ==
               (stream.keyed && stream.kept <= size ? stream.kept : 0),
           "bytes before on_start");
    app.agreed = app.decline == 0;
    app.total = size;
    app.done = 0;
    return app.decline;
}

static void on_progress(void *user, uint32_t done, uint32_t total)
{
    (void)user;
    expect(app.agreed && total == app.total, "progress");
    expect(done >= app.done && done <= stream.len, "progress goes back");
    app.done = done;
}

static void on_end(void *user)
{
    (void)user;
    expect(app.agreed && app.done == app.total && !app.ended, "on_end");
    app.ended = true;
}

static void on_error(void *user, int error)
{
    (void)user;
    expect(error != 0 && error == otter_pull_last_error(&pull), "on_error");
    app.errors++;
}

static void on_result(void *user, enum otter_pull_result result)
{
    char text[OTTER_CORE_ERROR_TEXT_MAX];

    (void)user;
    app.results++;
    expect(result == otter_pull_last_result(&pull), "result");
    if (config.mode != OTTER_PULL_VERSION) {
        expect((result == OTTER_PULL_OK) == app.ended, "OK without an end");
    }
    expect((result == OTTER_PULL_FAILED) ==
               (otter_pull_last_error(&pull) != 0),
           "error number");
    (void)otter_pull_error_text(&pull, text, sizeof text);
    expect(strlen(otter_pull_available_version(&pull)) < 512, "version");
}

static int figures(void *user, struct otter_pull_figures *out)
{
    (void)user;
    out->free_space = 100000;
    out->file_system_size = 100000;
    return 0;
}

static const struct otter_events events = {NULL, on_start, on_progress, on_end,
                                           on_error};

static bool poll(uint32_t ms)
{
    uint32_t commits = stream.commits;
    bool busy;

    otter_sim_board.now_ms += ms;
    busy = otter_pull_poll(&pull) == OTTER_ERR_PENDING;
    if (stream.commits > commits) {
        expect(app.agreed, "commit without on_start");
        expect(stream.len == stream.info.size, "commit of a part");
    }
    return busy;
}

static void open_client(uint8_t flags)
{
    memset(&config, 0, sizeof config);
    memset(&app, 0, sizeof app);
    config.stream = &stream.stream;
    config.events = &events;
    config.mode = (enum otter_pull_mode)((flags & 3) % 3);
    config.url = "http://me:secret@192.168.1.50/update";
    config.follow_redirects = (flags & 4) != 0;
    config.md5 = (flags & 8) != 0 ? "0123456789abcdef0123456789abcdef" : NULL;
    config.report = (flags & 16) != 0;
    config.figures = figures;
    config.on_result = on_result;
    config.stay_running = true;
    app.decline = (flags & 32) != 0 ? OTTER_ERR_DECLINED : 0;
    stream.room = (flags & 64) != 0 ? 700 : 0;
    stream.end_pending = (flags & 128) != 0 ? 5 : 0;
    stream.kept = (flags & 16) != 0 ? 600 : 0; /* of a run before this one */
    peer = NULL;
    expect(otter_pull_init(&pull, &config) == 0, "init");
    expect(otter_pull_start(&pull) == 0, "start");
}

/* The request came whole, says what it must, and tells no secrets to others.
 */
static void read_request(void)
{
    char text[4096];
    struct otter_addr to = fake_peer_addr(peer);
    struct otter_addr own = fake_addr("192.168.1.50", 80);

    for (int i = 0; i < 20; i++) {
        (void)poll(1);
    }
    fake_peer_text(peer, text, sizeof text);
    expect(memcmp(text, "GET /", 5) == 0, "request");
    expect(strstr(text, "\r\nContent-Length: 0\r\n\r\n") != NULL, "its end");
    expect(strstr(text, "\r\nAuthorization: Basic bWU6c2VjcmV0\r\n") == NULL ||
               (memcmp(to.ip, own.ip, 4) == 0 && to.port == 80),
           "credentials told");
}

static bool connected(void)
{
    struct fake_peer *next = fake_net_dialled();

    if (next != NULL) {
        peer = next;
        fake_peer_accept(peer);
        read_request();
    }
    return peer != NULL && fake_peer_end(peer) == FAKE_END_OPEN;
}

/* Waits until a connection is there for the next bytes.  False: the run is
 * over. */
static bool await_connection(void)
{
    for (uint32_t i = 0; i < 10000; i++) {
        if (connected()) {
            return true;
        }
        if (!poll(10)) {
            return false;
        }
    }
    expect(false, "neither a connection nor an end");
    return false;
}

static void hang_up(bool reset)
{
    if (reset) {
        fake_peer_reset(peer);
    } else {
        fake_peer_close(peer);
    }
    for (int i = 0; i < 200 && fake_peer_end(peer) == FAKE_END_OPEN; i++) {
        (void)poll(1);
    }
    peer = NULL;
}

static void play(uint8_t byte)
{
    static const uint8_t file[600] = {0xe9};

    switch (byte) {
    case 0x1c:
    case 0x1e:
        hang_up(byte == 0x1c);
        break;
    case 0x1d:
        (void)poll(1000);
        break;
    case 0x1f:
        fake_peer_send(peer, file, sizeof file);
        (void)poll(1);
        break;
    default:
        fake_peer_send(peer, &byte, 1);
        break;
    }
}

/* The server says no more, and closes what is opened. */
static void run_out(void)
{
    uint32_t polls = 0;

    while (poll(10)) {
        if (connected()) {
            fake_peer_close(peer);
        }
        expect(++polls < POLLS_MAX, "the run does not end");
    }
    expect(app.results == 1, "one result for one run");
    expect(app.errors <= 1, "more than one error");
    expect(fake_net_open() == 0, "a connection is left open");
    expect(!stream.running, "the stream is left begun");
    expect(fake_net_power_save(), "power saving is left off");
}

static void right_update(void)
{
    static const char head[] = "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\n"
                               "\xe9\1\1\1";

    app.agreed = false;
    app.ended = false;
    app.results = 0;
    app.errors = 0;
    app.decline = 0;
    config.mode = OTTER_PULL_SKETCH;
    expect(otter_pull_start(&pull) == 0, "start again");
    expect(await_connection(), "no request");
    fake_peer_send(peer, head, sizeof head - 1);
    run_out();
    expect(app.ended && stream.len == 4, "a right update is not taken");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 65536) {
        return 0;
    }
    fake_net_reset();
    otter_sim_board_open(4096);
    fake_stream_init(&stream);
    open_client(data[0]);
    for (size_t i = 1; i < size && await_connection(); i++) {
        play(data[i]);
    }
    run_out();
    right_update();
    otter_pull_close(&pull);
    fake_net_reset();
    otter_sim_board_close();
    return 0;
}
