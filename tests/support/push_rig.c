/* SPDX-License-Identifier: Apache-2.0
 *
 * The push device's test rig. */
#include "tests/support/push_rig.h"
#include "tests/support/sim_board.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t nonce[16] = {0x25, 0xd5, 0x5a, 0xd2, 0x83, 0xaa,
                                  0x40, 0x0a, 0xf4, 0x64, 0xc7, 0x6d,
                                  0x71, 0x3c, 0x07, 0xad};

static void note(struct push_rig *rig, const char *name, const char *format,
                 ...)
{
    size_t len = strlen(rig->log);
    va_list arguments;

    assert_true(len + 100 < sizeof rig->log);
    if (len > 0) {
        rig->log[len++] = ' ';
    }
    va_start(arguments, format);
    vsnprintf(rig->log + len, sizeof rig->log - len, format, arguments);
    va_end(arguments);
    if (rig->on_callback != NULL) {
        rig->on_callback(rig, name);
    }
}

static int on_start(void *user, uint32_t kind, uint32_t size)
{
    struct push_rig *rig = user;

    note(rig, "start", "start(%u,%u)", kind, size);
    return rig->decline;
}

static void on_progress(void *user, uint32_t done, uint32_t total)
{
    note(user, "progress", "progress(%u,%u)", done, total);
}

static void on_end(void *user)
{
    note(user, "end", "end");
}

static void on_error(void *user, int error)
{
    note(user, "error", "error(%d)", error);
}

int push_rig_setup(void **state)
{
    struct push_rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    fake_net_reset();
    otter_sim_board_open(4096);
    otter_sim_board.now_ms = UINT32_MAX - 1500;
    otter_sim_board.random_script = nonce;
    otter_sim_board.random_script_len = sizeof nonce;
    fake_stream_init(&rig->stream);
    rig->events.user = rig;
    rig->events.on_start = on_start;
    rig->events.on_progress = on_progress;
    rig->events.on_end = on_end;
    rig->events.on_error = on_error;
    rig->config.stream = &rig->stream.stream;
    rig->config.events = &rig->events;
    rig->config.allow_unauthenticated = true;
    *state = rig;
    return 0;
}

int push_rig_teardown(void **state)
{
    struct push_rig *rig = *state;

    otter_push_close(&rig->push);
    assert_int_equal(fake_net_open(), 0);
    assert_false(rig->stream.running);
    assert_true(fake_net_power_save());
    fake_net_reset();
    otter_sim_board_close();
    free(rig);
    return 0;
}

void push_rig_open(struct push_rig *rig)
{
    assert_int_equal(otter_push_init(&rig->push, &rig->config), 0);
}

bool push_rig_run(struct push_rig *rig, uint32_t ms)
{
    if (setjmp(rig->restart) != 0) {
        otter_sim_board.on_restart = NULL;
        return true;
    }
    otter_sim_board.on_restart = &rig->restart;
    for (uint32_t i = 0; i < ms; i++) {
        otter_sim_board.now_ms++;
        (void)otter_push_poll(&rig->push);
    }
    otter_sim_board.on_restart = NULL;
    return false;
}

void push_rig_say_from(struct push_rig *rig, const char *ip, uint16_t port,
                       const char *text)
{
    struct otter_addr from = fake_addr(ip, port);

    fake_net_send(&from, 8266, text, (uint32_t)strlen(text));
    (void)otter_push_poll(&rig->push);
}

void push_rig_say(struct push_rig *rig, const char *text)
{
    push_rig_say_from(rig, PUSH_RIG_HOST, PUSH_RIG_UDP_PORT, text);
}

void push_rig_hears_at(const char *ip, uint16_t port, const char *text)
{
    struct otter_addr to = fake_addr(ip, port);
    struct fake_datagram datagram;

    assert_true(fake_net_take(&datagram));
    assert_string_equal(datagram.data, text);
    assert_int_equal(datagram.len, strlen(text));
    assert_memory_equal(datagram.to.ip, to.ip, 4);
    assert_int_equal(datagram.to.port, port);
    assert_int_equal(datagram.from_port, 8266);
}

void push_rig_hears(const char *text)
{
    push_rig_hears_at(PUSH_RIG_HOST, PUSH_RIG_UDP_PORT, text);
}

void push_rig_hears_nothing(void)
{
    struct fake_datagram datagram;

    if (fake_net_take(&datagram)) {
        fail_msg("the device sent: %s", datagram.data);
    }
}

void push_rig_logged(struct push_rig *rig, const char *text)
{
    assert_string_equal(rig->log, text);
    rig->log[0] = '\0';
}

struct fake_peer *push_rig_connect(struct push_rig *rig, uint32_t size)
{
    struct fake_peer *peer;
    char text[80];

    snprintf(text, sizeof text, "0 %d %u 0123456789abcdef0123456789abcdef\n",
             PUSH_RIG_TCP_PORT, size);
    push_rig_say(rig, text);
    push_rig_run(rig, 1);
    push_rig_hears("OK");
    push_rig_run(rig, 100);
    peer = fake_net_dialled();
    assert_non_null(peer);
    fake_peer_accept(peer);
    push_rig_run(rig, 1);
    return peer;
}

static uint8_t pattern(uint32_t at)
{
    return (uint8_t)(at * 7 + (at >> 8) * 13 + 1);
}

void push_rig_upload(struct fake_peer *peer, uint32_t at, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        uint8_t byte = pattern(at + i);

        fake_peer_send(peer, &byte, 1);
    }
}

struct fake_peer *push_rig_receiving(struct push_rig *rig, uint32_t uploaded)
{
    struct fake_peer *peer;
    char buf[64];

    push_rig_open(rig);
    peer = push_rig_connect(rig, 5000);
    push_rig_upload(peer, 0, uploaded);
    push_rig_run(rig, 2);
    fake_peer_text(peer, buf, sizeof buf);
    rig->log[0] = '\0';
    return peer;
}

void push_rig_arrived(struct push_rig *rig, uint32_t len)
{
    assert_int_equal(rig->stream.len, len);
    for (uint32_t i = 0; i < len; i++) {
        assert_int_equal(rig->stream.data[i], pattern(i));
    }
}

void push_rig_reads(struct fake_peer *peer, const char *text)
{
    char buf[8192];

    fake_peer_text(peer, buf, sizeof buf);
    assert_string_equal(buf, text);
}
