/* SPDX-License-Identifier: Apache-2.0
 *
 * The pull client's test rig. */
#include "tests/support/pull_rig.h"
#include "tests/support/sim_board.h"

#include "format/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void note(struct pull_rig *rig, const char *name, const char *format,
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
    struct pull_rig *rig = user;

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

static void on_result(void *user, enum otter_pull_result result)
{
    note(user, "result", "result(%d)", (int)result);
}

static int figures(void *user, struct otter_pull_figures *out)
{
    struct pull_rig *rig = user;

    if (rig->figures_pending > 0) {
        rig->figures_pending--;
        return OTTER_ERR_PENDING;
    }
    *out = rig->figures;
    return rig->figures_error;
}

/* Those of the recordings in protocol 5's traces. */
static void set_figures(struct otter_pull_figures *f)
{
    f->chip_id = 15602487;
    memcpy(f->sta_mac, "\x18\xfe\xaa\xaa\xaa\xaa", 6);
    memcpy(f->ap_mac, "\x1a\xfe\xaa\xaa\xaa\xaa", 6);
    f->free_space = 2744320;
    f->sketch_size = 400000;
    memcpy(f->sketch_md5, "c722ab5a998d8efd4fc15d53f58b63dd", 33);
    f->chip_size = 4194304;
    f->file_system_size = 1024000;
    f->sdk_version = "2.5.0";
}

int pull_rig_setup(void **state)
{
    struct pull_rig *rig = calloc(1, sizeof *rig);
    struct otter_addr server = fake_addr(PULL_RIG_SERVER, 0);

    assert_non_null(rig);
    fake_net_reset();
    fake_net_add_name(PULL_RIG_NAME, &server);
    otter_sim_board_open(4096);
    otter_sim_board.now_ms = UINT32_MAX - 1500;
    fake_stream_init(&rig->stream);
    rig->events.user = rig;
    rig->events.on_start = on_start;
    rig->events.on_progress = on_progress;
    rig->events.on_end = on_end;
    rig->events.on_error = on_error;
    set_figures(&rig->figures);
    rig->config.stream = &rig->stream.stream;
    rig->config.events = &rig->events;
    rig->config.url = PULL_RIG_URL;
    rig->config.figures = figures;
    rig->config.on_result = on_result;
    rig->config.user = rig;
    *state = rig;
    return 0;
}

int pull_rig_teardown(void **state)
{
    struct pull_rig *rig = *state;

    otter_pull_close(&rig->pull);
    assert_int_equal(fake_net_open(), 0);
    assert_false(rig->stream.running);
    assert_true(fake_net_power_save());
    fake_net_reset();
    otter_sim_board_close();
    free(rig);
    return 0;
}

void pull_rig_open(struct pull_rig *rig)
{
    assert_int_equal(otter_pull_init(&rig->pull, &rig->config), 0);
}

bool pull_rig_run(struct pull_rig *rig, uint32_t ms)
{
    if (setjmp(rig->restart) != 0) {
        otter_sim_board.on_restart = NULL;
        return true;
    }
    otter_sim_board.on_restart = &rig->restart;
    for (uint32_t i = 0; i < ms; i++) {
        otter_sim_board.now_ms++;
        (void)otter_pull_poll(&rig->pull);
    }
    otter_sim_board.on_restart = NULL;
    return false;
}

bool pull_rig_finish(struct pull_rig *rig)
{
    for (uint32_t ms = 0; ms < 120000; ms++) {
        if (otter_pull_wait_ms(&rig->pull) > 0) {
            return false;
        }
        if (pull_rig_run(rig, 1)) {
            return true;
        }
    }
    fail_msg("the run does not end");
    return false;
}

struct fake_peer *pull_rig_asked(struct pull_rig *rig)
{
    struct fake_peer *peer = fake_net_dialled();

    for (uint32_t ms = 0; ms < 120000 && peer == NULL; ms++) {
        pull_rig_run(rig, 1);
        peer = fake_net_dialled();
    }
    assert_non_null(peer);
    fake_peer_accept(peer);
    memset(rig->request, 0, sizeof rig->request);
    for (uint32_t ms = 0; ms < 100; ms++) {
        size_t len = strlen(rig->request);

        pull_rig_run(rig, 1);
        fake_peer_text(peer, rig->request + len,
                       (uint32_t)(sizeof rig->request - len));
        if (strstr(rig->request, "\r\n\r\n") != NULL) {
            pull_rig_run(rig, 1);
            return peer;
        }
    }
    fail_msg("no whole request: %s", rig->request);
    return NULL;
}

struct fake_peer *pull_rig_ask(struct pull_rig *rig)
{
    assert_int_equal(otter_pull_start(&rig->pull), 0);
    return pull_rig_asked(rig);
}

void pull_rig_say(struct pull_rig *rig, struct fake_peer *peer,
                  const char *text)
{
    fake_peer_send(peer, text, (uint32_t)strlen(text));
    pull_rig_run(rig, 1);
}

enum otter_pull_result pull_rig_answer(struct pull_rig *rig,
                                       const char *answer)
{
    struct fake_peer *peer;

    pull_rig_open(rig);
    peer = pull_rig_ask(rig);
    fake_peer_send(peer, answer, (uint32_t)strlen(answer));
    fake_peer_close(peer);
    pull_rig_finish(rig);
    assert_int_not_equal(fake_peer_end(peer), FAKE_END_OPEN);
    return otter_pull_last_result(&rig->pull);
}

void pull_rig_logged(struct pull_rig *rig, const char *text)
{
    assert_string_equal(rig->log, text);
    rig->log[0] = '\0';
}

void pull_rig_failed(struct pull_rig *rig, int number, const char *text)
{
    char words[OTTER_CORE_ERROR_TEXT_MAX];

    assert_int_equal(otter_pull_last_result(&rig->pull), OTTER_PULL_FAILED);
    assert_int_equal(otter_pull_last_error(&rig->pull), number);
    assert_int_equal(otter_pull_error_text(&rig->pull, words, sizeof words),
                     strlen(text));
    assert_string_equal(words, text);
}

static const char *find_line(struct pull_rig *rig, const char *begin)
{
    char text[256];

    snprintf(text, sizeof text, "\r\n%s", begin);
    return strstr(rig->request, text);
}

void pull_rig_has_line(struct pull_rig *rig, const char *line)
{
    char text[256];

    snprintf(text, sizeof text, "%s\r\n", line);
    if (find_line(rig, text) == NULL) {
        fail_msg("no line `%s` in\n%s", line, rig->request);
    }
}

void pull_rig_lacks_line(struct pull_rig *rig, const char *begin)
{
    if (find_line(rig, begin) != NULL) {
        fail_msg("a line `%s` in\n%s", begin, rig->request);
    }
}

const char *pull_rig_head(uint32_t length, const char *more)
{
    static char head[1024];

    snprintf(head, sizeof head,
             "HTTP/1.0 200 OK\r\nContent-Length: %u\r\n%s\r\n", length, more);
    return head;
}

uint8_t pull_rig_byte(uint32_t at)
{
    return at == 0 ? 0xe9 : (uint8_t)(at * 7 + (at >> 8) * 13 + 1);
}

void pull_rig_body(struct fake_peer *peer, uint32_t at, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        uint8_t byte = pull_rig_byte(at + i);

        fake_peer_send(peer, &byte, 1);
    }
}

void pull_rig_arrived(struct pull_rig *rig, uint32_t len)
{
    assert_int_equal(rig->stream.len, len);
    for (uint32_t i = 0; i < len; i++) {
        assert_int_equal(rig->stream.data[i], pull_rig_byte(i));
    }
}
