/* SPDX-License-Identifier: Apache-2.0
 *
 * The update page's test rig. */
#include "tests/support/web_rig.h"
#include "tests/support/sim_board.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void note(struct web_rig *rig, const char *name, const char *format,
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
    struct web_rig *rig = user;

    note(rig, "start", "start(%u,%d)", kind, (int)size);
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

static void tell_status(void *user, struct otter_web_status *out)
{
    struct web_rig *rig = user;

    *out = rig->status;
}

static int confirm(void *user)
{
    struct web_rig *rig = user;

    note(rig, "confirm", "confirm");
    return rig->confirmed;
}

static int revert(void *user)
{
    struct web_rig *rig = user;

    note(rig, "revert", "revert");
    return rig->confirmed;
}

int web_rig_setup(void **state)
{
    struct web_rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    fake_net_reset();
    otter_sim_board_open(4096);
    otter_sim_board.now_ms = UINT32_MAX - 1500;
    fake_stream_init(&rig->stream);
    rig->events.user = rig;
    rig->events.on_start = on_start;
    rig->events.on_progress = on_progress;
    rig->events.on_end = on_end;
    rig->events.on_error = on_error;
    rig->config.stream = &rig->stream.stream;
    rig->config.events = &rig->events;
    rig->config.status = tell_status;
    rig->config.confirm = confirm;
    rig->config.revert = revert;
    rig->config.user = rig;
    rig->config.allow_unauthenticated = true;
    *state = rig;
    return 0;
}

int web_rig_teardown(void **state)
{
    struct web_rig *rig = *state;

    otter_web_close(&rig->web);
    assert_int_equal(fake_net_open(), 0);
    assert_false(rig->stream.running);
    assert_true(fake_net_power_save());
    fake_net_reset();
    otter_sim_board_close();
    free(rig);
    return 0;
}

void web_rig_open(struct web_rig *rig)
{
    assert_int_equal(otter_web_init(&rig->web, &rig->config), 0);
}

bool web_rig_run(struct web_rig *rig, uint32_t ms)
{
    if (setjmp(rig->restart) != 0) {
        otter_sim_board.on_restart = NULL;
        return true;
    }
    otter_sim_board.on_restart = &rig->restart;
    for (uint32_t i = 0; i < ms; i++) {
        otter_sim_board.now_ms++;
        (void)otter_web_poll(&rig->web);
    }
    otter_sim_board.on_restart = NULL;
    return false;
}

struct fake_peer *web_rig_dial(void)
{
    struct otter_addr from = fake_addr(WEB_RIG_HOST, 50000);
    struct fake_peer *peer = fake_net_dial(&from, 80);

    assert_non_null(peer);
    return peer;
}

void web_rig_say(struct web_rig *rig, struct fake_peer *peer, const char *text)
{
    fake_peer_send(peer, text, (uint32_t)strlen(text));
    assert_false(web_rig_run(rig, 20));
}

void web_rig_read(struct web_rig *rig, struct fake_peer *peer)
{
    uint32_t len = fake_peer_recv(peer, rig->answer, sizeof rig->answer - 1);

    rig->answer[len] = '\0';
}

struct fake_peer *web_rig_ask(struct web_rig *rig, const char *text,
                              int status)
{
    struct fake_peer *peer = web_rig_dial();
    char line[24];

    web_rig_say(rig, peer, text);
    web_rig_read(rig, peer);
    snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    if (strncmp(rig->answer, line, strlen(line)) != 0) {
        fail_msg("status is not %d: %s\nof: %s", status, rig->answer, text);
    }
    return peer;
}

struct fake_peer *web_rig_post(struct web_rig *rig, const char *head,
                               const char *form, int status)
{
    char text[8192];

    assert_true(snprintf(text, sizeof text,
                         "%s" WEB_RIG_TYPE "Content-Length: %zu\r\n\r\n%s",
                         head, strlen(form), form) < (int)sizeof text);
    return web_rig_ask(rig, text, status);
}

void web_rig_has(struct web_rig *rig, const char *text)
{
    if (strstr(rig->answer, text) == NULL) {
        fail_msg("\"%s\" is missing in: %s", text, rig->answer);
    }
}

void web_rig_has_not(struct web_rig *rig, const char *text)
{
    if (strstr(rig->answer, text) != NULL) {
        fail_msg("\"%s\" is in: %s", text, rig->answer);
    }
}

void web_rig_logged(struct web_rig *rig, const char *text)
{
    assert_string_equal(rig->log, text);
    rig->log[0] = '\0';
}

void web_rig_arrived(struct web_rig *rig, const char *text)
{
    assert_int_equal(rig->stream.len, strlen(text));
    assert_memory_equal(rig->stream.data, text, strlen(text));
}
