/* SPDX-License-Identifier: Apache-2.0
 *
 * The head of a request: what is kept of it, and what is done about it.  Who
 * may do it is decided here, before anything of the body is read. */
#include "device/transport/web_internal.h"

#include "format/hex.h"
#include "hal/clock.h"

#include <string.h>

/* Pieces of a head that are read in one step. */
#define READS_MAX 16u

/* --- What is kept ------------------------------------------------------- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static bool copy(char *out, uint32_t size, const char *text)
{
    uint32_t len = (uint32_t)strlen(text);

    if (len >= size) {
        return false;
    }
    memcpy(out, text, len + 1);
    return true;
}

static int on_start(void *user, const char *method, const char *target,
                    int minor)
{
    static const char *const methods[] = {"", "GET", "HEAD", "POST",
                                          "OPTIONS"};
    struct otter_web_conn *c = user;

    (void)minor;
    for (uint8_t i = OTTER__WEB_GET; i <= OTTER__WEB_OPTIONS; i++) {
        if (strlen(methods[i]) == strlen(method) &&
            memcmp(methods[i], method, strlen(method)) == 0) {
            c->method = i;
        }
    }
    c->long_target = !copy(c->head.target, sizeof c->head.target, target);
    return 0;
}

static bool ends_in(const char *text, uint32_t len, const char *suffix)
{
    uint32_t n = (uint32_t)strlen(suffix);

    if (len < n) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (lower(text[len - n + i]) != suffix[i]) {
            return false;
        }
    }
    return true;
}

/* A host that nobody on the Internet can make a name for. */
static bool is_local(const char *host, const char *configured)
{
    static const char *const suffixes[] = {".local", ".lan", ".home",
                                           ".internal", ".home.arpa"};
    uint32_t len = 0;
    bool name = false; /* something but digits and dots */
    bool dot = false;

    while (host[len] != '\0' && host[len] != ':') {
        dot |= host[len] == '.';
        name |= host[len] != '.' && (host[len] < '0' || host[len] > '9');
        len++;
    }
    if (host[0] == '[' || (!name && dot) || !dot) {
        return len > 0;
    }
    for (uint32_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        if (ends_in(host, len, suffixes[i])) {
            return true;
        }
    }
    return configured != NULL && strlen(configured) == len &&
           ends_in(host, len, configured);
}

/* Host and Origin must name the same host and port, in whatever order they
 * come: the first is kept for the second. */
static void compare_authority(struct otter_web_conn *c, const char *authority)
{
    if (c->has_host && c->has_origin) {
        c->foreign |= !otter_http_same(authority, c->head.authority);
    } else if (!copy(c->head.authority, sizeof c->head.authority, //
                     authority)) {
        c->foreign = true;
    }
}

static int take_host(struct otter_web_conn *c, const char *value)
{
    if (c->has_host || value == NULL) {
        return OTTER_ERR_SYNTAX;
    }
    c->has_host = true;
    c->local_host = is_local(value, c->web->config->host_name);
    compare_authority(c, value);
    return 0;
}

static int take_origin(struct otter_web_conn *c, const char *value)
{
    const char *welcome = c->web->config->allow_origin;
    const char *authority = value;

    if (c->has_origin || value == NULL) {
        return OTTER_ERR_SYNTAX;
    }
    c->has_origin = true;
    c->welcome = welcome != NULL && ((welcome[0] == '*' && //
                                      welcome[1] == '\0') ||
                                     otter_http_same(welcome, value));
    while (*authority != '\0' && *authority != ':') {
        authority++;
    }
    if (authority[0] == '\0' || authority[1] != '/' || authority[2] != '/') {
        c->foreign = true; /* "null" */
        return 0;
    }
    compare_authority(c, authority + 3);
    return 0;
}

static int take_login(struct otter_web_conn *c, const char *value)
{
    static const char *const methods[] = {"", "GET", "HEAD", "POST",
                                          "OPTIONS"};
    const struct otter_web_config *config = c->web->config;
    const struct otter_web_account account = {
        .user_name = config->user_name,
        .password = config->password,
        .method = methods[c->method],
        .target = c->head.target,
        .digest_only = config->digest_only,
    };

    if (c->has_login) {
        return OTTER_ERR_SYNTAX;
    }
    c->has_login = true;
    if (config->password != NULL) {
        c->login =
            (uint8_t)(value != NULL ? otter__web_auth_check(&c->web->auth,
                                                            &account, value)
                                    : OTTER_WEB_LOGIN_WRONG);
    }
    return 0;
}

static int take_type(struct otter_web_conn *c, const char *value)
{
    if (c->head.type[0] != '\0') {
        return OTTER_ERR_SYNTAX;
    }
    if (value == NULL || value[0] == '\0' ||
        !copy(c->head.type, sizeof c->head.type, value)) {
        (void)copy(c->head.type, sizeof c->head.type, "?");
    }
    return 0;
}

static void take_digest(struct otter_web_conn *c, const char *value,
                        enum otter_digest_kind kind, uint8_t *out,
                        uint32_t size)
{
    if (value == NULL || strlen(value) != 2 * size ||
        otter_hex_decode(out, value, size) != 0) {
        c->no_digest = true;
    } else {
        c->digests |= (uint8_t)(1u << kind);
    }
}

static int on_header(void *user, const char *name, const char *value)
{
    struct otter_web_conn *c = user;

    if (otter_http_same(name, "Host")) {
        return take_host(c, value);
    }
    if (otter_http_same(name, "Origin")) {
        return take_origin(c, value);
    }
    if (otter_http_same(name, "Authorization")) {
        return take_login(c, value);
    }
    if (otter_http_same(name, "Content-Type")) {
        return take_type(c, value);
    }
    if (otter_http_same(name, "Accept-Encoding")) {
        c->gzip = value != NULL && otter_http_list_has(value, "gzip");
    } else if (otter_http_same(name, "Content-Encoding")) {
        c->encoded = value == NULL || !otter_http_same(value, "identity");
    } else if (otter_http_same(name, "Sec-Fetch-Site")) {
        c->foreign |= value != NULL &&
                      !otter_http_same(value, "same-origin") &&
                      !otter_http_same(value, "none");
    } else if (otter_http_same(name, "x-MD5")) {
        take_digest(c, value, OTTER_DIGEST_MD5, c->head.md5,
                    sizeof c->head.md5);
    } else if (otter_http_same(name, "x-SHA256")) {
        take_digest(c, value, OTTER_DIGEST_SHA256, c->head.sha256,
                    sizeof c->head.sha256);
    }
    return 0;
}

/* Browsers bring along what is none of ours. */
static int on_long_header(void *user, const char *name)
{
    return on_header(user, name, NULL);
}

static const struct otter_http_events events = {on_start, on_header,
                                                on_long_header};

void otter__web_request_start(struct otter_web_conn *c)
{
    struct otter_conn *conn = c->conn;
    struct otter_web *web = c->web;

    memset(c, 0, sizeof *c);
    c->conn = conn;
    c->web = web;
    c->http_config.side = OTTER_HTTP_REQUEST;
    c->http_config.line = c->head.line;
    c->http_config.line_size = sizeof c->head.line;
    c->http_config.events = &events;
    c->http_config.user = c;
    otter_http_init(&c->http, &c->http_config);
    otter__web_enter(c, OTTER__WEB_HEAD);
}

/* --- What is asked for -------------------------------------------------- */

/* The text at `*text` begins with `prefix`, which is passed over. */
static bool passes(const char **text, const char *prefix)
{
    uint32_t len = (uint32_t)strlen(prefix);

    if (strlen(*text) < len || memcmp(*text, prefix, len) != 0) {
        return false;
    }
    *text += len;
    return true;
}

/* The path ends here: at the end or before a query. */
static bool ends(const char *text)
{
    return *text == '\0' || *text == '?';
}

static enum otter_web_route below_page(const char *rest)
{
    static const struct {
        const char *name;
        enum otter_web_route route;
    } names[] = {{"/status", OTTER__WEB_STATUS},
                 {"/confirm", OTTER__WEB_CONFIRM},
                 {"/revert", OTTER__WEB_REVERT}};

    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *text = rest;

        if (passes(&text, names[i].name) && ends(text)) {
            return names[i].route;
        }
    }
    return OTTER__WEB_NOWHERE;
}

static void find_route(struct otter_web_conn *c)
{
    const struct otter_web_config *config = c->web->config;
    const char *text = c->head.target;
    enum otter_web_route route = OTTER__WEB_NOWHERE;

    if (c->long_target) {
        return;
    }
    if (passes(&text, "http://")) {
        while (*text != '\0' && *text != '/') {
            text++;
        }
    }
    if (text[0] == '/' && ends(text + 1)) {
        route = OTTER__WEB_ROOT;
    } else if (passes(&text, otter_web_path(c->web))) {
        route = ends(text) ? OTTER__WEB_PAGE : below_page(text);
    }
    c->query_fs = passes(&text, "?filesystem") && *text == '\0';
    if ((route == OTTER__WEB_CONFIRM && config->confirm == NULL) ||
        (route == OTTER__WEB_REVERT && config->revert == NULL)) {
        route = OTTER__WEB_NOWHERE;
    }
    c->route = (uint8_t)route;
}

static bool method_fits(const struct otter_web_conn *c)
{
    switch (c->method) {
    case OTTER__WEB_GET:
    case OTTER__WEB_HEAD_ONLY:
        return c->route == OTTER__WEB_ROOT || c->route == OTTER__WEB_PAGE ||
               c->route == OTTER__WEB_STATUS;
    case OTTER__WEB_POST:
        return c->route == OTTER__WEB_PAGE || c->route == OTTER__WEB_CONFIRM ||
               c->route == OTTER__WEB_REVERT;
    default:
        return c->method == OTTER__WEB_OPTIONS;
    }
}

/* A web page elsewhere must not change the device, neither by a form nor
 * under a name of its own that it made point here. */
static bool is_forged(const struct otter_web_conn *c)
{
    if (c->welcome) {
        return false;
    }
    return c->foreign || (c->has_origin && !c->local_host &&
                          c->web->config->password == NULL);
}

/* --- What is done ------------------------------------------------------- */

static void command(struct otter_web_conn *c, int (*order)(void *user),
                    const char *done)
{
    struct otter_web *web = c->web;
    const void *token = web->token;
    bool revert = c->route == OTTER__WEB_REVERT;
    int error;

    if (web->upload.conn != NULL || web->restarts) {
        otter__web_answer(c, 409, "text/plain", "not during an update\n");
        return;
    }
    error = order(web->config->user);
    if (web->token != token) {
        return;
    }
    if (error != 0) {
        otter__web_answer(c, error == OTTER_ERR_STATE ? 409 : 500,
                          "text/plain", otter_error_text(error));
        return;
    }
    if (revert) {
        c->close = true;
        c->restart = true;
    }
    otter__web_answer(c, 200, "text/plain", done);
}

static void post(struct otter_web_conn *c, const uint8_t *data, uint32_t len)
{
    if (is_forged(c)) {
        otter__web_answer(c, 403, "text/plain",
                          "the request comes from a page of another site\n");
    } else if (c->route == OTTER__WEB_CONFIRM) {
        command(c, c->web->config->confirm, "Confirmed\n");
    } else if (c->route == OTTER__WEB_REVERT) {
        command(c, c->web->config->revert, "Reverting, rebooting...\n");
    } else {
        otter__web_upload_start(c, data, len);
    }
}

static void get(struct otter_web_conn *c)
{
    if (c->route == OTTER__WEB_ROOT) {
        otter__web_answer_root(c);
    } else if (c->route == OTTER__WEB_PAGE) {
        otter__web_answer_page(c);
    } else {
        otter__web_answer_status(c);
    }
}

/* The credentials are not good enough. */
static void ask_login(struct otter_web_conn *c)
{
    if (c->login == OTTER_WEB_LOGIN_WRONG) {
        otter__web_enter(c, OTTER__WEB_WAIT);
    } else {
        otter__web_answer_login(c);
    }
}

/* The head is complete; `data` came behind it. */
static void decide(struct otter_web_conn *c, const uint8_t *data, uint32_t len)
{
    c->body_left = len > 0 || !otter_http_done(&c->http);
    c->close = c->body_left || !c->http.keep_alive || c->http.minor == 0;
    c->head_only = c->method == OTTER__WEB_HEAD_ONLY;
    find_route(c);
    if (c->http.minor > 0 && !c->has_host) {
        c->close = true;
        otter__web_answer(c, 400, "text/plain", "no Host header\n");
    } else if (c->method == OTTER__WEB_OTHER) {
        otter__web_answer(c, 501, "text/plain", "unknown method\n");
    } else if (c->route == OTTER__WEB_NOWHERE) {
        otter__web_answer(c, c->long_target ? 414 : 404, "text/plain",
                          "nothing here\n");
    } else if (!method_fits(c)) {
        otter__web_answer(c, 405, "text/plain", "not this method\n");
    } else if (c->method == OTTER__WEB_OPTIONS) {
        otter__web_answer_options(c);
    } else if (c->web->config->password != NULL &&
               c->login != OTTER_WEB_LOGIN_RIGHT) {
        ask_login(c);
    } else if (c->method == OTTER__WEB_POST) {
        post(c, data, len);
    } else {
        get(c);
    }
}

static void refuse_head(struct otter_web_conn *c, int error)
{
    c->close = true;
    if (error == OTTER_ERR_TOO_LONG) {
        otter__web_answer(c, 431, "text/plain", "a line is too long\n");
    } else {
        otter__web_answer(c, 400, "text/plain", "malformed request\n");
    }
}

/* A connection between two requests just ends. */
static void give_up(struct otter_web_conn *c)
{
    if (c->any) {
        c->close = true;
        otter__web_answer(c, 408, "text/plain", "the request took too long\n");
    } else {
        otter__web_drop(c);
    }
}

void otter__web_request_step(struct otter_web_conn *c)
{
    uint8_t data[128];
    int n = 1;

    for (uint32_t i = 0; i < READS_MAX && n > 0; i++) {
        int taken;

        n = otter_conn_read(c->conn, data, sizeof data);
        if (n <= 0) {
            break;
        }
        if (!c->any) {
            c->any = true;
            c->since_ms = otter_clock_ms();
        }
        taken = otter_http_head(&c->http, data, (uint32_t)n);
        if (taken < 0) {
            refuse_head(c, taken);
            return;
        }
        if (otter_http_head_done(&c->http)) {
            decide(c, data + taken, (uint32_t)(n - taken));
            return;
        }
    }
    if (n < 0 && n != OTTER_ERR_AGAIN) {
        otter__web_drop(c);
    } else if (otter__web_passed(c, c->any ? OTTER_WEB_HEAD_MS
                                           : OTTER_WEB_IDLE_MS)) {
        give_up(c);
    }
}
