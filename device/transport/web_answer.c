/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers.  The head and short texts are built in the connection's buffer;
 * the page, the form and the status follow in pieces, each built when the one
 * before it is written. */
#include "device/transport/web_internal.h"

#include "format/core_error.h"
#include "format/text.h"
#include "hal/board.h"
#include "hal/clock.h"

#include <string.h>

/* Around a chunk of the status: three digits and two line ends. */
#define CHUNK_HEAD 5u
#define CHUNK_TAIL 2u

#define UPDATE_ERROR "Update error: "

static const char html[] = "text/html";
static const char plain[] = "text/plain";

/* What a browser may do with the page: nothing but its own. */
static const char page_policy[] =
    "Cache-Control: no-cache\r\n"
    "Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; connect-src 'self'; img-src data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'\r\n";

/* For clients that do not take gzip: forms as the core has them. */
static const char form[] =
    "<!DOCTYPE html><html lang=en><meta charset=utf-8>"
    "<title>Update</title>"
    "<form method=POST enctype=multipart/form-data>Firmware:<br>"
    "<input type=file accept=.bin,.bin.gz name=firmware>"
    "<input type=submit value=\"Update Firmware\"></form>"
    "<form method=POST enctype=multipart/form-data>FileSystem:<br>"
    "<input type=file accept=.bin,.bin.gz name=filesystem>"
    "<input type=submit value=\"Update FileSystem\"></form></html>\n";

_Static_assert(sizeof form < sizeof(struct otter_web_head),
               "the form is one piece");

/* --- Heads -------------------------------------------------------------- */

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {302, "Found"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
    };

    for (uint32_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Unknown";
}

static void line(struct otter_text *out, const char *name, const char *value)
{
    otter_text_string(out, name);
    otter_text_string(out, value);
    otter_text_string(out, "\r\n");
}

/* Pages of other sites, where the configuration lets them in. */
static void allow_others(const struct otter_web_conn *c,
                         struct otter_text *out)
{
    const char *origin = c->web->config->allow_origin;

    if (origin == NULL) {
        return;
    }
    if (origin[0] == '*' && origin[1] == '\0') {
        line(out, "Access-Control-Allow-Headers: ", "*");
    } else {
        line(out, "Access-Control-Allow-Headers: ",
             "Authorization, Content-Type, x-MD5, x-SHA256");
        line(out, "Vary: ", "Origin");
    }
    line(out, "Access-Control-Allow-Origin: ", origin);
}

/* The head up to the headers of this one answer. */
static void start_head(struct otter_web_conn *c, struct otter_text *out,
                       int status, const char *type)
{
    otter_text_init(out, c->out, sizeof c->out);
    otter_text_string(out, "HTTP/1.1 ");
    otter_text_decimal(out, (uint32_t)status);
    otter_text_char(out, ' ');
    line(out, reason_of(status), "");
    line(out, "Content-Type: ", type);
    if (c->method == OTTER__WEB_POST || c->method == OTTER__WEB_OPTIONS ||
        c->route == OTTER__WEB_STATUS) {
        allow_others(c, out);
    }
    if (status == 503) {
        line(out, "Retry-After: ", "30");
    }
}

/* The rest of it; `text` is the body, or NULL: it comes in pieces. */
static void end_head(struct otter_web_conn *c, struct otter_text *out,
                     uint32_t length, const char *text)
{
    if (c->chunked) {
        line(out, "Transfer-Encoding: ", "chunked");
    } else if (text != NULL || length > 0) {
        otter_text_string(out, "Content-Length: ");
        otter_text_decimal(out,
                           text != NULL ? (uint32_t)strlen(text) : length);
        line(out, "", "");
    }
    line(out, "X-Content-Type-Options: ", "nosniff");
    if (c->close) {
        line(out, "Connection: ", "close");
    } else {
        line(out, "Connection: ", "keep-alive");
        line(out, "Keep-Alive: ", "timeout=5");
    }
    line(out, "", "");
    if (text != NULL && !c->head_only) {
        otter_text_string(out, text);
    }
    c->off = 0;
    c->len = (uint16_t)out->len;
    otter__web_enter(c, OTTER__WEB_SEND);
}

/* --- Answers ------------------------------------------------------------ */

void otter__web_answer(struct otter_web_conn *c, int status, const char *type,
                       const char *text)
{
    struct otter_text out;

    start_head(c, &out, status, type);
    if (status == 405) {
        line(&out, "Allow: ",
             c->route == OTTER__WEB_PAGE ? "GET, HEAD, POST, OPTIONS"
             : c->route == OTTER__WEB_ROOT || c->route == OTTER__WEB_STATUS
                 ? "GET, HEAD, OPTIONS"
                 : "POST, OPTIONS");
    }
    end_head(c, &out, 0, text);
}

int otter__web_status_of(int error)
{
    switch (error) {
    case OTTER_ERR_BUSY:
        return 409;
    case OTTER_ERR_SPACE:
        return 413;
    case OTTER_ERR_DECLINED:
    case OTTER_ERR_BOOTSTRAP:
        return 503;
    case OTTER_ERR_TIMEOUT:
        return 408;
    case OTTER_ERR_SYNTAX:
    case OTTER_ERR_TOO_LONG:
    case OTTER_ERR_SIZE:
    case OTTER_ERR_NO_DATA:
    case OTTER_ERR_SHORT:
    case OTTER_ERR_KIND:
        return 400;
    case OTTER_ERR_DIGEST:
    case OTTER_ERR_MAGIC:
    case OTTER_ERR_IMAGE:
    case OTTER_ERR_CHECKSUM:
    case OTTER_ERR_GZIP:
    case OTTER_ERR_BOARD:
    case OTTER_ERR_CHIP:
    case OTTER_ERR_LOADER:
    case OTTER_ERR_NEW_FLASH_CONFIG:
    case OTTER_ERR_SIGNATURE:
        return 422;
    default:
        return 500;
    }
}

void otter__web_answer_error(struct otter_web_conn *c, int status,
                             const struct otter_error_detail *detail)
{
    char text[sizeof UPDATE_ERROR + OTTER_CORE_ERROR_TEXT_MAX];
    bool core = c->web->config->core_status;

    memcpy(text, UPDATE_ERROR, sizeof UPDATE_ERROR);
    (void)otter_core_update_print(detail, text + sizeof UPDATE_ERROR - 1,
                                  OTTER_CORE_ERROR_TEXT_MAX);
    otter__web_answer(c, core ? 200 : status, core ? html : plain, text);
}

void otter__web_answer_login(struct otter_web_conn *c)
{
    struct otter_text out;

    start_head(c, &out, 401, html);
    otter__web_auth_challenge(&c->web->auth, c->login == OTTER_WEB_LOGIN_STALE,
                              c->web->config->digest_only, &out);
    end_head(c, &out, 0, "");
}

void otter__web_answer_options(struct otter_web_conn *c)
{
    otter__web_answer(c, 200, html, "y");
}

void otter__web_answer_root(struct otter_web_conn *c)
{
    struct otter_text out;

    start_head(c, &out, 302, plain);
    line(&out, "Location: ", otter_web_path(c->web));
    end_head(c, &out, 0, "");
}

void otter__web_answer_page(struct otter_web_conn *c)
{
    struct otter_text out;

    start_head(c, &out, 200, html);
    otter_text_string(&out, page_policy);
    line(&out, "Vary: ", "Accept-Encoding");
    if (c->gzip) {
        line(&out, "Content-Encoding: ", "gzip");
    }
    c->piece = c->gzip ? OTTER__WEB_PAGE_PIECE : OTTER__WEB_FORM_PIECE;
    c->body_off = 0;
    end_head(c, &out, c->gzip ? otter__web_page_size : sizeof form - 1, NULL);
}

void otter__web_answer_status(struct otter_web_conn *c)
{
    struct otter_text out;

    c->chunked = c->http.minor > 0;
    start_head(c, &out, 200, "application/json");
    line(&out, "Cache-Control: ", "no-store");
    c->piece = OTTER__WEB_STATUS_IDENTITY;
    end_head(c, &out, 0, NULL);
}

/* --- Pieces ------------------------------------------------------------- */

/* Words only: see web_internal.h.  Through a volatile pointer, or the
 * compiler would read the bytes that it needs. */
static bool page_piece(struct otter_web_conn *c)
{
    const volatile uint32_t *words = otter__web_page;
    uint32_t at = c->body_off;
    uint32_t len = 0;

    while (len + 4 <= sizeof c->out && at + len < otter__web_page_size) {
        uint32_t word = words[(at + len) / 4];

        for (uint32_t i = 0; i < 4 && at + len < otter__web_page_size; i++) {
            c->out[len++] = (char)(uint8_t)(word >> 8 * i);
        }
    }
    c->body_off = (uint16_t)(at + len);
    c->len = (uint16_t)len;
    return len > 0;
}

static bool form_piece(struct otter_web_conn *c)
{
    memcpy(c->out, form, sizeof form - 1);
    c->len = sizeof form - 1;
    c->piece = OTTER__WEB_NO_PIECE;
    return true;
}

static void json_text(struct otter_text *out, const char *name,
                      const char *value)
{
    otter_text_string(out, name);
    if (value == NULL) {
        otter_text_string(out, "null");
        return;
    }
    otter_text_char(out, '"');
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\') {
            otter_text_char(out, '\\');
        }
        otter_text_foreign(out, value, 1);
    }
    otter_text_char(out, '"');
}

static void json_number(struct otter_text *out, const char *name,
                        uint32_t value)
{
    otter_text_string(out, name);
    otter_text_decimal(out, value);
}

static void json_bool(struct otter_text *out, const char *name, bool value)
{
    otter_text_string(out, name);
    otter_text_string(out, value ? "true" : "false");
}

static void write_identity(const struct otter_web_status *status,
                           struct otter_text *out)
{
    json_text(out, "{\"name\":", status->name);
    json_text(out, ",\"version\":", status->version);
    json_text(out, ",\"board\":", otter_board_name());
    json_text(out, ",\"chip\":", otter_board_chip());
    otter_text_string(out, ",\"boot_id\":\"");
    otter_text_hex32(out, otter_board_boot_id());
    otter_text_string(out, "\"");
}

static void write_flash(const struct otter_web_status *status,
                        struct otter_text *out)
{
    json_number(out, ",\"flash_size\":", status->flash_size);
    json_number(out, ",\"sketch_size\":", status->sketch_size);
    json_number(out, ",\"free_space\":", status->free_space);
    json_number(out, ",\"fs_size\":", status->fs_size);
}

static void write_trial(const struct otter_web_config *config,
                        const struct otter_web_status *status,
                        struct otter_text *out)
{
    json_bool(out, ",\"on_trial\":", status->on_trial);
    json_number(out, ",\"tries_left\":", status->tries_left);
    json_bool(
        out, ",\"can_confirm\":", status->on_trial && config->confirm != NULL);
    json_bool(
        out, ",\"can_revert\":", status->can_revert && config->revert != NULL);
    json_text(out, ",\"previous_version\":", status->previous_version);
    json_text(out, ",\"reverted\":", status->reason);
}

static const char *update_state(const struct otter_web *web)
{
    if (web->restarts || web->updated) {
        return "restarting";
    }
    if (web->upload.conn == NULL) {
        return "idle";
    }
    return web->upload.conn->state == OTTER__WEB_END ? "verifying"
                                                     : "receiving";
}

static void write_update(const struct otter_web *web, struct otter_text *out)
{
    char text[OTTER_CORE_ERROR_TEXT_MAX];

    json_text(out, ",\"update\":", update_state(web));
    json_number(out, ",\"done\":", web->upload.done);
    json_number(out, ",\"total\":", web->upload.total);
    if (web->last.error != 0) {
        uint32_t len = otter_core_update_print(&web->last, text, sizeof text);

        text[len - 1] = '\0'; /* the line end */
    }
    json_text(out, ",\"refused\":", web->last.error != 0 ? text : NULL);
    otter_text_string(out, "}\n");
}

static void write_status(struct otter_web_conn *c, struct otter_text *out)
{
    const struct otter_web_config *config = c->web->config;
    struct otter_web_status status = {0};

    if (config->status != NULL) {
        config->status(config->user, &status);
    }
    switch (c->piece) {
    case OTTER__WEB_STATUS_IDENTITY:
        write_identity(&status, out);
        break;
    case OTTER__WEB_STATUS_FLASH:
        write_flash(&status, out);
        break;
    case OTTER__WEB_STATUS_TRIAL:
        write_trial(config, &status, out);
        break;
    case OTTER__WEB_STATUS_UPDATE:
        write_update(c->web, out);
        break;
    default: /* nothing: the last chunk is empty */
        break;
    }
}

static bool status_piece(struct otter_web_conn *c)
{
    static const char digits[] = "0123456789abcdef";
    bool last = c->piece == OTTER__WEB_STATUS_END;
    uint32_t head = c->chunked ? CHUNK_HEAD : 0;
    struct otter_text out;

    otter_text_init(&out, c->out + head, sizeof c->out - head - CHUNK_TAIL);
    write_status(c, &out);
    if (c->chunked) {
        c->out[0] = digits[out.len >> 8 & 15];
        c->out[1] = digits[out.len >> 4 & 15];
        c->out[2] = digits[out.len & 15];
        memcpy(c->out + 3, "\r\n", 2);
        memcpy(c->out + head + out.len, "\r\n", CHUNK_TAIL);
    }
    c->len = (uint16_t)(head + out.len + (c->chunked ? CHUNK_TAIL : 0));
    c->piece = last ? OTTER__WEB_NO_PIECE : (uint8_t)(c->piece + 1);
    return true;
}

/* Fills `out` again.  False: that was all. */
static bool next_piece(struct otter_web_conn *c)
{
    c->off = 0;
    c->len = 0;
    if (c->head_only || c->piece == OTTER__WEB_NO_PIECE) {
        return false;
    }
    if (c->piece == OTTER__WEB_PAGE_PIECE) {
        return page_piece(c);
    }
    return c->piece == OTTER__WEB_FORM_PIECE ? form_piece(c) : status_piece(c);
}

bool otter__web_answer_step(struct otter_web_conn *c)
{
    do {
        while (c->off < c->len) {
            int n = otter_conn_write(c->conn, c->out + c->off,
                                     (uint32_t)(c->len - c->off));

            if (n < 0) {
                c->close = true;
                return true;
            }
            if (n == 0) {
                return false;
            }
            c->off = (uint16_t)(c->off + n);
            c->moved_ms = otter_clock_ms();
        }
    } while (next_piece(c));
    return true;
}
