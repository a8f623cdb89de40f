/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the whole push device.  The input is a script, a letter for each
 * thing that hosts, time, the stream and the application can do (see `play`).
 * Whatever the script, the stream is used as its contract says, an update is
 * committed only when all announced bytes are there and on_start agreed, and
 * afterwards the device comes back to idle by itself and takes a right update
 * from its owner. */
#include "device/transport/push.h"
#include "tests/support/fake_net.h"
#include "tests/support/fake_stream.h"
#include "tests/support/sim_board.h"

#include "format/error.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MD5_TEXT "0123456789abcdef0123456789abcdef"
#define INVITE   "0 48231 5000 " MD5_TEXT "\n"
#define UPLOADS  100000u /* bytes at most that a script sends in all */
#define PEERS    16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Protocol 1.4's vector: password 123. */
static const uint8_t nonce[16] = {0x25, 0xd5, 0x5a, 0xd2, 0x83, 0xaa,
                                  0x40, 0x0a, 0xf4, 0x64, 0xc7, 0x6d,
                                  0x71, 0x3c, 0x07, 0xad};
static const char answer[] = "200 120b5493fc60b02f169375acf67aa081 "
                             "61312c52aaa75e328987179e2bf7ed46\n";
static const char wrong[] = "200 120b5493fc60b02f169375acf67aa081 "
                            "00000000000000000000000000000000\n";

static struct otter_push push;
static struct otter_push_config config;
static struct fake_stream stream;
static struct fake_peer *peer; /* of the newest connection */
static uint32_t uploaded;
static jmp_buf restart;

/* What the callbacks do and saw. */
static struct {
    int decline;
    bool close;  /* the next callback closes */
    bool reopen; /* and opens again */
    bool agreed; /* on_start said yes to the running update */
    uint32_t ended;
    uint32_t done;
    uint32_t total;
} app;

static void expect(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "fuzz_push: %s\n", what);
        abort();
    }
}

static bool udp_broken; /* so that the device may fail to open */

static void open_device(void)
{
    expect(otter_push_init(&push, &config) == 0 || udp_broken, "init");
}

static void in_callback(void)
{
    if (app.close) {
        app.close = false;
        otter_push_close(&push);
        if (app.reopen) {
            open_device();
        }
    }
}

static int on_start(void *user, uint32_t kind, uint32_t size)
{
    (void)user;
    expect(stream.running, "on_start before begin");
    expect(kind == stream.info.kind && size == stream.info.size, "on_start");
    app.agreed = app.decline == 0;
    app.done = 0;
    app.total = size;
    in_callback();
    return app.decline;
}

static void on_progress(void *user, uint32_t done, uint32_t total)
{
    (void)user;
    expect(app.agreed, "progress without on_start");
    expect(total == app.total && done >= app.done && done <= total,
           "progress");
    app.done = done;
    in_callback();
}

static void on_end(void *user)
{
    (void)user;
    expect(app.agreed && app.done == app.total, "on_end");
    app.agreed = false;
    app.ended++;
    in_callback();
}

static void on_error(void *user, int error)
{
    (void)user;
    expect(error >= OTTER_PUSH_ERROR_AUTH && error <= OTTER_PUSH_ERROR_END,
           "error number");
    expect(otter_push_reason(&push) < 0, "reason");
    in_callback();
}

static const struct otter_events events = {NULL, on_start, on_progress, on_end,
                                           on_error};

/* One poll; a restart of the board is a new start of the device. */
static void poll(void)
{
    uint32_t commits = stream.commits;

    otter_sim_board.random_script = nonce;
    otter_sim_board.random_script_len = sizeof nonce;
    if (setjmp(restart) != 0) {
        expect(!config.stay_running, "restart");
        expect(!stream.running, "restart in an update");
        otter_push_close(&push);
        open_device();
    } else {
        (void)otter_push_poll(&push);
    }
    if (stream.commits > commits) {
        expect(app.agreed, "commit without on_start");
        expect(stream.len == stream.info.size, "commit of a part");
    }
}

static void pass(uint32_t ms)
{
    otter_sim_board.now_ms += ms;
    poll();
}

static void say(const char *ip, const void *text, uint32_t len)
{
    struct otter_addr from = fake_addr(ip, 40000);

    fake_net_send(&from, 8266, text, len);
}

static void upload(uint32_t len)
{
    uint8_t bytes[256] = {0xe9};

    while (peer != NULL && len > 0 && uploaded < UPLOADS) {
        uint32_t n = len < sizeof bytes ? len : sizeof bytes;

        fake_peer_send(peer, bytes, n);
        uploaded += n;
        len -= n;
    }
}

/* What the device wrote is text of the kinds that protocol 1.2 knows. */
static void read_peer(void)
{
    char text[512];
    uint32_t n = peer != NULL ? fake_peer_recv(peer, text, sizeof text) : 0;

    for (uint32_t i = 0; i < n; i++) {
        expect(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'),
               "text on TCP");
    }
}

static void read_datagrams(void)
{
    struct fake_datagram datagram;

    while (fake_net_take(&datagram)) {
        expect(memcmp(datagram.data, "OK", 3) == 0 ||
                   memcmp(datagram.data, "AUTH ", 5) == 0 ||
                   memcmp(datagram.data, "ERR: ", 5) == 0 ||
                   strcmp(datagram.data, "Authentication Failed") == 0,
               "datagram");
    }
}

/* Takes the newest connection; older ones were given up. */
static bool take_connection(void)
{
    struct fake_peer *next = fake_net_dialled();

    peer = next;
    while (next != NULL) {
        peer = next;
        next = fake_net_dialled();
    }
    return peer != NULL;
}

static void script_stream(uint8_t how)
{
    static const int errors[] = {0,
                                 OTTER_ERR_SPACE,
                                 OTTER_ERR_BUSY,
                                 OTTER_ERR_FLASH_ERASE,
                                 OTTER_ERR_DIGEST,
                                 OTTER_ERR_PENDING};
    int error = errors[how / 8 % 5];

    switch (how % 8) {
    case 0:
        stream.begin_error = error;
        break;
    case 1:
        stream.expect_error = error;
        break;
    case 2:
        stream.fail_at = error != 0 ? 1u + how * 16u : 0;
        stream.write_error = error;
        break;
    case 3:
        stream.poll_error = how / 8 % 2 != 0 ? error : OTTER_ERR_PENDING;
        break;
    case 4:
        stream.end_error = error;
        break;
    case 5:
        stream.room = how;
        break;
    case 6:
        stream.stuck = !stream.stuck;
        break;
    default:
        stream.begin_pending = how / 8;
        stream.end_pending = how / 8;
        break;
    }
    stream.detail.error = error;
}

/* The network's failures last until the script mends them. */
static void script_net(uint8_t how)
{
    enum fake_call call = (enum fake_call)(how / 2 % FAKE_LISTENER_OPEN);

    udp_broken = call == FAKE_UDP_OPEN ? how % 2 != 0 : udp_broken;
    fake_net_fail(call, how % 2 != 0 ? OTTER_ERR_NETWORK : 0);
}

/* The peer's end of the connection. */
static void script_peer(uint8_t how)
{
    if (peer == NULL) {
        return;
    }
    switch (how % 6) {
    case 0:
        fake_peer_close(peer);
        break;
    case 1:
        fake_peer_reset(peer);
        break;
    case 2:
        fake_peer_set_window(peer, how);
        break;
    case 3:
        fake_peer_hold_acks(peer, how / 8 % 2 != 0);
        break;
    case 4:
        fake_peer_set_window(peer, UINT32_MAX);
        break;
    default:
        read_peer();
        break;
    }
}

static void script_app(uint8_t how)
{
    switch (how % 6) {
    case 0:
        otter_push_close(&push);
        open_device();
        break;
    case 1:
        app.decline = how / 8 % 2;
        break;
    case 2:
        app.close = true;
        app.reopen = true;
        break;
    case 3:
        config.stay_running = !config.stay_running;
        break;
    case 4: /* a password, or none any more */
        otter_push_close(&push);
        config.password = config.password == NULL ? "123" : NULL;
        open_device();
        break;
    default:
        otter_sim_board.random_fails = how / 8 % 2 != 0;
        break;
    }
}

/* Handles one letter; `rest` is what follows it.  Returns how much of the
 * rest belonged to it. */
static uint32_t play(uint8_t letter, const uint8_t *rest, uint32_t len)
{
    uint8_t argument = len > 0 ? rest[0] : 0;
    const uint8_t *end;

    switch (letter) {
    case 'i': /* the owner invites */
        say("192.168.1.50", INVITE, sizeof INVITE - 1);
        return 0;
    case 'j': /* somebody else does */
        say("192.168.1.66", INVITE, sizeof INVITE - 1);
        return 0;
    case 'a': /* right answer */
        say("192.168.1.50", answer, sizeof answer - 1);
        return 0;
    case 'w': /* wrong answer */
        say(argument % 2 != 0 ? "192.168.1.66" : "192.168.1.50", wrong,
            sizeof wrong - 1);
        return 1;
    case '"': /* any datagram, up to the next quote */
        end = memchr(rest, '"', len);
        len = end != NULL ? (uint32_t)(end - rest) : len;
        say("192.168.1.50", rest, len < 300 ? len : 300);
        return len + 1;
    case 't': /* milliseconds */
        pass(argument);
        return 1;
    case 'T': /* a hundred times as many */
        pass(argument * 100u);
        return 1;
    case 'y': /* the connection comes up, or is refused */
    case 'n':
        if (take_connection()) {
            (letter == 'y' ? fake_peer_accept : fake_peer_refuse)(peer);
        }
        return 0;
    case 'u': /* bytes come */
        upload(argument);
        return 1;
    case 'U':
        upload(argument * 100u);
        return 1;
    case 's':
        script_stream(argument);
        return 1;
    case 'p':
        script_peer(argument);
        return 1;
    case 'o':
        script_net(argument);
        return 1;
    case 'c':
        script_app(argument);
        return 1;
    default: /* time goes on */
        pass(1);
        return 0;
    }
}

/* Everything works again, and nobody says anything for as long as the longest
 * time-out takes.  The device must be idle by itself. */
static void settle(void)
{
    for (int call = 0; call < FAKE_LISTENER_OPEN; call++) {
        fake_net_fail((enum fake_call)call, 0);
    }
    udp_broken = false;
    otter_sim_board.random_fails = false;
    if (otter_push_poll(&push) == OTTER_ERR_STATE) {
        open_device();
    }
    stream.begin_pending = 0;
    stream.end_pending = 0;
    app.close = false;
    for (int i = 0; i < 600; i++) {
        pass(250);
    }
    read_datagrams();
    expect(otter_push_poll(&push) == 0, "not idle");
    expect(!stream.running, "the stream is held");
    expect(fake_net_open() == 1, "something is open");
    expect(fake_net_power_save(), "the radio is kept awake");
}

static void update_must_succeed(void)
{
    uint32_t ended = app.ended;
    uint32_t commits = stream.commits;

    fake_stream_init(&stream);
    stream.commits = commits;
    app.decline = 0;
    config.stay_running = true;
    play('i', NULL, 0);
    pass(1);
    play('a', NULL, 0);
    pass(1);
    pass(1);
    pass(100);
    play('y', NULL, 0);
    expect(peer != NULL, "no connection");
    uploaded = 0;
    upload(5000);
    for (int i = 0; i < 100; i++) {
        pass(100);
    }
    expect(app.ended == ended + 1, "the update did not end");
    expect(stream.len == 5000, "bytes are missing");
}

static void start(void)
{
    fake_net_reset();
    otter_sim_board_open(4096);
    otter_sim_board.now_ms = UINT32_MAX - 5000;
    otter_sim_board.on_restart = &restart;
    fake_stream_init(&stream);
    memset(&app, 0, sizeof app);
    memset(&config, 0, sizeof config);
    config.stream = &stream.stream;
    config.events = &events;
    config.allow_unauthenticated = true;
    peer = NULL;
    uploaded = 0;
    udp_broken = false;
    open_device();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t len = size < 4096 ? (uint32_t)size : 4096;
    uint32_t at = 0;

    start();
    while (at < len) {
        uint8_t letter = data[at++];
        uint32_t used = play(letter, data + at, len - at);

        at = used < len - at ? at + used : len;
        read_datagrams();
    }
    settle();
    update_must_succeed();
    otter_push_close(&push);
    expect(fake_net_open() == 0, "open after close");
    expect(fake_net_power_save(), "awake after close");
    fake_net_reset();
    otter_sim_board_close();
    return 0;
}
