/* SPDX-License-Identifier: Apache-2.0
 *
 * The port, the places for connections, their timers, and the restart.  What
 * requests mean is for the other files. */
#include "device/transport/web.h"
#include "device/transport/web_internal.h"

#include "codec/http_auth.h"
#include "hal/board.h"
#include "hal/clock.h"

#include <string.h>

/* What web may take of the transports' 8 KiB, with 32-bit pointers. */
#define SIZE_MAX_BYTES 4096u

#define REOPEN_MS  1000u /* how often a lost listener is tried again */
#define ACCEPT_MAX 4u    /* connections taken in one poll */
#define PATH_MAX   47u

_Static_assert(sizeof(void *) > 4 ||
                   sizeof(struct otter_web) <= SIZE_MAX_BYTES,
               "web keeps to its share of the transports' memory");

/* --- Shared with the other files ---------------------------------------- */

void otter__web_enter(struct otter_web_conn *c, enum otter_web_state state)
{
    c->state = (uint8_t)state;
    c->since_ms = otter_clock_ms();
    c->moved_ms = c->since_ms;
}

bool otter__web_passed(const struct otter_web_conn *c, uint32_t ms)
{
    return otter_clock_since(c->since_ms) >= ms;
}

void otter__web_drop(struct otter_web_conn *c)
{
    otter_conn_close(c->conn);
    c->conn = NULL;
    c->state = OTTER__WEB_FREE;
}

/* --- Newcomers ---------------------------------------------------------- */

/* A place whose connection may go: it has not sent a request, or only a part
 * of one, for a while.  The one that has waited longest. */
static struct otter_web_conn *spare_place(struct otter_web *web)
{
    struct otter_web_conn *spare = NULL;

    for (uint32_t i = 0; i < OTTER_WEB_CONNS; i++) {
        struct otter_web_conn *c = &web->conns[i];

        if (c->state == OTTER__WEB_HEAD &&
            otter__web_passed(c, c->any ? OTTER_WEB_LATE_MS
                                        : OTTER_WEB_SPARE_MS) &&
            (spare == NULL || otter_clock_since(c->since_ms) >
                                  otter_clock_since(spare->since_ms))) {
            spare = c;
        }
    }
    return spare;
}

static struct otter_web_conn *place(struct otter_web *web)
{
    struct otter_web_conn *c;

    for (uint32_t i = 0; i < OTTER_WEB_CONNS; i++) {
        if (web->conns[i].state == OTTER__WEB_FREE) {
            return &web->conns[i];
        }
    }
    c = spare_place(web);
    if (c != NULL) {
        otter__web_drop(c);
    }
    return c;
}

static void refuse(struct otter_conn *conn)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\n"
                               "Retry-After: 1\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n";
    int n = otter_conn_write(conn, text, sizeof text - 1);

    (void)n; /* a new connection takes that much, or it is gone */
    otter_conn_close(conn);
}

static void lose_listener(struct otter_web *web)
{
    otter_listener_close(web->listener);
    web->listener = NULL;
    web->listener_ms = otter_clock_ms();
}

static void take_connections(struct otter_web *web)
{
    for (uint32_t i = 0; i < ACCEPT_MAX; i++) {
        struct otter_web_conn *c;
        struct otter_conn *conn;
        struct otter_addr peer;
        int error = otter_listener_accept(web->listener, &conn, &peer);

        if (error == OTTER_ERR_AGAIN || error == OTTER_ERR_NO_MEMORY) {
            return;
        }
        if (error != 0) {
            lose_listener(web);
            return;
        }
        c = place(web);
        if (c == NULL) {
            refuse(conn);
            continue;
        }
        c->conn = conn;
        c->web = web;
        otter__web_request_start(c);
    }
}

static int open_listener(struct otter_web *web)
{
    web->listener_ms = otter_clock_ms();
    return otter_listener_open(&web->listener, web->port);
}

/* --- The end of an update ----------------------------------------------- */

/* The answer is out, as far as it will get. */
static void start_restart(struct otter_web_conn *c)
{
    struct otter_web *web = c->web;
    const struct otter_events *events = web->config->events;
    bool updated = web->updated;

    otter__web_drop(c);
    web->updated = false;
    web->restarts = true;
    web->restart_ms = otter_clock_ms();
    if (updated && events != NULL && events->on_end != NULL) {
        events->on_end(events->user);
    }
}

static void restart(struct otter_web *web)
{
    if (web->config->stay_running) {
        web->restarts = false;
    } else if (otter_clock_since(web->restart_ms) >= OTTER_WEB_RESTART_MS) {
        otter_board_restart();
    }
}

/* --- One step of a connection ------------------------------------------- */

static void step_wait(struct otter_web_conn *c)
{
    if (otter__web_passed(c, OTTER_WEB_WRONG_MS)) {
        otter__web_answer_login(c);
    }
}

static void step_send(struct otter_web_conn *c)
{
    if (!otter__web_answer_step(c)) {
        if (otter_clock_since(c->moved_ms) < OTTER_WEB_SEND_MS) {
            return;
        }
        c->close = true;
    }
    if (c->restart) {
        otter__web_enter(c, OTTER__WEB_FLUSH);
    } else if (c->close) {
        otter__web_drop(c);
    } else {
        otter__web_request_start(c);
    }
}

static void step_flush(struct otter_web_conn *c)
{
    if (otter_conn_unsent(c->conn) == 0 ||
        otter__web_passed(c, OTTER_WEB_FLUSH_MS)) {
        start_restart(c);
    }
}

static void (*const steps[OTTER__WEB_STATES])(struct otter_web_conn *) = {
    [OTTER__WEB_HEAD] = otter__web_request_step,
    [OTTER__WEB_WAIT] = step_wait,
    [OTTER__WEB_RECEIVE] = otter__web_upload_receive,
    [OTTER__WEB_END] = otter__web_upload_end,
    [OTTER__WEB_SEND] = step_send,
    [OTTER__WEB_FLUSH] = step_flush,
};

/* --- Public functions --------------------------------------------------- */

static bool valid_word(const char *word)
{
    uint32_t len = (uint32_t)strlen(word);

    return len >= 1 && len <= OTTER_HTTP_USER_MAX;
}

static bool valid_account(const struct otter_web_config *config)
{
    if (config->password == NULL) {
        return config->user_name == NULL && config->allow_unauthenticated;
    }
    return config->user_name != NULL && valid_word(config->user_name) &&
           memchr(config->user_name, ':', strlen(config->user_name)) == NULL &&
           valid_word(config->password);
}

static bool valid_path(const char *path)
{
    uint32_t len = (uint32_t)strlen(path);

    return path[0] == '/' && len > 1 && len <= PATH_MAX &&
           path[len - 1] != '/';
}

int otter_web_init(struct otter_web *web,
                   const struct otter_web_config *config)
{
    int error;

    memset(web, 0, sizeof *web);
    if (config->stream == NULL || !valid_account(config) ||
        (config->path != NULL && !valid_path(config->path))) {
        return OTTER_ERR_INVALID;
    }
    web->stream = config->stream;
    web->port = config->port != 0 ? config->port : OTTER_WEB_PORT;
    otter__web_auth_init(&web->auth);
    error = open_listener(web);
    if (error == 0) {
        web->config = config;
    }
    return error;
}

/* A callback may close the device, and open it again: then the token that
 * lies in it is no more. */
static int work(struct otter_web *web)
{
    const void *outer = web->token;
    int result = 0;

    web->token = &result;
    for (uint32_t i = 0; i < OTTER_WEB_CONNS; i++) {
        struct otter_web_conn *c = &web->conns[i];

        if (c->state != OTTER__WEB_FREE) {
            steps[c->state](c);
            if (web->token != &result) {
                return web->config == NULL ? OTTER_ERR_STATE
                                           : OTTER_ERR_PENDING;
            }
        }
        if (c->state != OTTER__WEB_FREE) {
            result = OTTER_ERR_PENDING;
        }
    }
    web->token = outer;
    return web->restarts ? OTTER_ERR_PENDING : result;
}

int otter_web_poll(struct otter_web *web)
{
    if (web->config == NULL) {
        return OTTER_ERR_STATE;
    }
    otter__web_auth_tick(&web->auth);
    if (web->restarts) {
        restart(web);
    }
    if (web->listener != NULL) {
        take_connections(web);
    } else if (otter_clock_since(web->listener_ms) >= REOPEN_MS &&
               open_listener(web) != 0) {
        web->listener = NULL;
    }
    return work(web);
}

void otter_web_close(struct otter_web *web)
{
    if (web->config == NULL) {
        return;
    }
    otter__web_upload_give_up(web, OTTER_ERR_DECLINED);
    web->config = NULL;
    web->token = NULL;
    web->restarts = false;
    for (uint32_t i = 0; i < OTTER_WEB_CONNS; i++) {
        if (web->conns[i].state != OTTER__WEB_FREE) {
            otter__web_drop(&web->conns[i]);
        }
    }
    if (web->listener != NULL) {
        otter_listener_close(web->listener);
        web->listener = NULL;
    }
}

uint16_t otter_web_port(const struct otter_web *web)
{
    return web->port;
}

const char *otter_web_path(const struct otter_web *web)
{
    return web->config != NULL && web->config->path != NULL ? web->config->path
                                                            : OTTER_WEB_PATH;
}

int otter_web_reason(const struct otter_web *web)
{
    return web->last.error;
}
