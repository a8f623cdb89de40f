/* SPDX-License-Identifier: Apache-2.0
 *
 * The request (protocol 5.1): one function for each line and a table in the
 * core's order.  Lines go into the buffer as many at a time as fit, so that
 * the whole costs two segments and no more memory than one line. */
#include "device/transport/pull_internal.h"

#include "codec/base64.h"
#include "format/text.h"
#include "hal/board.h"

#include <string.h>

#define VALUE_MAX 128u /* characters of a text from the application */

/* What the lines are made of. */
struct request {
    const struct otter_pull *pull;
    const struct otter_pull_config *config;
    const struct otter_pull_figures *figures;
    struct otter__pull_target target;
};

static void put_bytes(struct otter_text *text, const char *data, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        otter_text_char(text, data[i]);
    }
}

/* A text of the application's, cut to fit; nothing when there is none. */
static void put_foreign(struct otter_text *text, const char *name,
                        const char *value)
{
    if (value != NULL && value[0] != '\0') {
        uint32_t len = (uint32_t)strlen(value);

        otter_text_string(text, name);
        otter_text_foreign(text, value, len < VALUE_MAX ? len : VALUE_MAX);
        otter_text_string(text, "\r\n");
    }
}

static void put_number(struct otter_text *text, const char *name,
                       uint32_t value)
{
    otter_text_string(text, name);
    otter_text_decimal(text, value);
    otter_text_string(text, "\r\n");
}

/* "AA:BB:CC:DD:EE:FF" */
static void put_mac(struct otter_text *text, const char *name,
                    const uint8_t mac[6])
{
    static const char digits[] = "0123456789ABCDEF";

    otter_text_string(text, name);
    for (int i = 0; i < 6; i++) {
        if (i > 0) {
            otter_text_char(text, ':');
        }
        otter_text_char(text, digits[mac[i] >> 4]);
        otter_text_char(text, digits[mac[i] & 15]);
    }
    otter_text_string(text, "\r\n");
}

/* Three bytes at a time, so that no buffer is needed. */
struct base64_group {
    uint8_t bytes[3];
    uint32_t count;
};

static void flush_group(struct otter_text *text, struct base64_group *group)
{
    char out[OTTER_BASE64_SIZE(3)];

    if (group->count > 0) {
        otter_base64_encode(group->bytes, group->count, out);
        otter_text_string(text, out);
        group->count = 0;
    }
}

static void put_base64(struct otter_text *text, struct base64_group *group,
                       const char *data, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        group->bytes[group->count++] = (uint8_t)data[i];
        if (group->count == 3) {
            flush_group(text, group);
        }
    }
}

/* --- The lines ----------------------------------------------------------- */

static void line_get(const struct request *r, struct otter_text *text)
{
    const struct otter__pull_target *to = &r->target;

    otter_text_string(text, "GET ");
    if (to->path_len == 0 || to->path[0] != '/') {
        otter_text_char(text, '/');
    }
    put_bytes(text, to->path, to->path_len);
    otter_text_string(text, " HTTP/1.0\r\n");
}

static bool is_ipv6(const struct otter__pull_target *to)
{
    return memchr(to->host, ':', to->host_len) != NULL;
}

static void line_host(const struct request *r, struct otter_text *text)
{
    const struct otter__pull_target *to = &r->target;

    otter_text_string(text, "Host: ");
    otter_text_string(text, is_ipv6(to) ? "[" : "");
    put_bytes(text, to->host, to->host_len);
    otter_text_string(text, is_ipv6(to) ? "]" : "");
    if (to->port != 80 && to->port != 443) {
        otter_text_char(text, ':');
        otter_text_decimal(text, to->port);
    }
    otter_text_string(text, "\r\n");
}

static void line_agent(const struct request *r, struct otter_text *text)
{
    (void)r;
    otter_text_string(text, "User-Agent: ESP8266-http-Update\r\n");
}

/* Nobody but the configured server sees credentials that were configured; a
 * redirect's own URL may bring others. */
static void line_authorization(const struct request *r,
                               struct otter_text *text)
{
    const struct otter_pull_config *config = r->config;
    struct base64_group group = {.count = 0};
    bool own = r->target.own;

    if (own && config->authorization != NULL) {
        otter_text_string(text, "Authorization: ");
        otter_text_string(text, config->authorization);
    } else if (own && config->user_name != NULL) {
        otter_text_string(text, "Authorization: Basic ");
        put_base64(text, &group, config->user_name,
                   (uint32_t)strlen(config->user_name));
        put_base64(text, &group, ":", 1);
        if (config->password != NULL) {
            put_base64(text, &group, config->password,
                       (uint32_t)strlen(config->password));
        }
    } else if (r->target.user != NULL) {
        otter_text_string(text, "Authorization: Basic ");
        put_base64(text, &group, r->target.user, r->target.user_len);
    } else {
        return;
    }
    flush_group(text, &group);
    otter_text_string(text, "\r\n");
}

static void line_connection(const struct request *r, struct otter_text *text)
{
    (void)r;
    otter_text_string(text, "Connection: close\r\n");
}

static void line_chip_id(const struct request *r, struct otter_text *text)
{
    put_number(text, "x-ESP8266-Chip-ID: ", r->figures->chip_id);
}

static void line_sta_mac(const struct request *r, struct otter_text *text)
{
    put_mac(text, "x-ESP8266-STA-MAC: ", r->figures->sta_mac);
}

static void line_ap_mac(const struct request *r, struct otter_text *text)
{
    put_mac(text, "x-ESP8266-AP-MAC: ", r->figures->ap_mac);
}

static void line_free_space(const struct request *r, struct otter_text *text)
{
    put_number(text, "x-ESP8266-free-space: ", r->figures->free_space);
}

static void line_sketch_size(const struct request *r, struct otter_text *text)
{
    put_number(text, "x-ESP8266-sketch-size: ", r->figures->sketch_size);
}

static void line_sketch_md5(const struct request *r, struct otter_text *text)
{
    put_foreign(text, "x-ESP8266-sketch-md5: ", r->figures->sketch_md5);
}

static void line_chip_size(const struct request *r, struct otter_text *text)
{
    put_number(text, "x-ESP8266-chip-size: ", r->figures->chip_size);
}

static void line_sdk_version(const struct request *r, struct otter_text *text)
{
    put_foreign(text, "x-ESP8266-sdk-version: ", r->figures->sdk_version);
}

static void line_mode(const struct request *r, struct otter_text *text)
{
    static const char *const modes[] = {[OTTER_PULL_SKETCH] = "sketch",
                                        [OTTER_PULL_FILE_SYSTEM] = "spiffs",
                                        [OTTER_PULL_VERSION] = "version"};

    otter_text_string(text, "x-ESP8266-mode: ");
    otter_text_string(text, modes[r->config->mode]);
    otter_text_string(text, "\r\n");
}

static void line_version(const struct request *r, struct otter_text *text)
{
    const char *version = r->config->version;

    if (version != NULL && version[0] != '\0') {
        otter_text_string(text, "x-ESP8266-version: ");
        otter_text_string(text, version);
        otter_text_string(text, "\r\n");
    }
}

static void line_range(const struct request *r, struct otter_text *text)
{
    if (r->pull->begun) {
        otter_text_string(text, "Range: bytes=");
        otter_text_decimal(text, r->pull->done);
        otter_text_string(text, "-\r\nIf-Range: ");
        otter_text_string(text, r->pull->etag);
        otter_text_string(text, "\r\n");
    }
}

static void line_board(const struct request *r, struct otter_text *text)
{
    if (r->config->report) {
        put_foreign(text, "x-Otter-Board: ", otter_board_name());
    }
}

static void line_status(const struct request *r, struct otter_text *text)
{
    static const char *const names[] = {
        [OTTER_PULL_STATUS_UNKNOWN] = "",
        [OTTER_PULL_STATUS_INSTALLED] = "installed",
        [OTTER_PULL_STATUS_TRIAL] = "trial",
        [OTTER_PULL_STATUS_CONFIRMED] = "confirmed",
        [OTTER_PULL_STATUS_REVERTED] = "reverted"};

    if (r->config->report &&
        r->figures->status <= OTTER_PULL_STATUS_REVERTED) {
        put_foreign(text, "x-Otter-Status: ", names[r->figures->status]);
    }
}

static void line_other_version(const struct request *r,
                               struct otter_text *text)
{
    if (r->config->report) {
        put_foreign(text,
                    "x-Otter-Other-Version: ", r->figures->other_version);
    }
}

static void line_reason(const struct request *r, struct otter_text *text)
{
    if (r->config->report) {
        put_foreign(text, "x-Otter-Reason: ", r->figures->reason);
    }
}

/* The number of a run that failed since the server answered last. */
static void line_last_error(const struct request *r, struct otter_text *text)
{
    int number = r->pull->report_number;

    if (r->config->report && number != 0) {
        put_number(text,
                   number < 0 ? "x-Otter-Last-Error: -"
                              : "x-Otter-Last-Error: ",
                   (uint32_t)(number < 0 ? -number : number));
    }
}

static void line_length(const struct request *r, struct otter_text *text)
{
    (void)r;
    otter_text_string(text, "Content-Length: 0\r\n\r\n");
}

static void (*const lines[])(const struct request *, struct otter_text *) = {
    line_get,         line_host,        line_agent,         line_authorization,
    line_connection,  line_chip_id,     line_sta_mac,       line_ap_mac,
    line_free_space,  line_sketch_size, line_sketch_md5,    line_chip_size,
    line_sdk_version, line_mode,        line_version,       line_range,
    line_board,       line_status,      line_other_version, line_reason,
    line_last_error,  line_length,
};

#define LINES (sizeof lines / sizeof lines[0])

int otter__pull_request(struct otter_pull *pull,
                        const struct otter_pull_figures *figures)
{
    struct request request = {
        .pull = pull, .config = pull->config, .figures = figures};
    struct otter_text text;
    uint32_t good = 0;
    int error = otter__pull_target(pull, &request.target);

    if (error != 0) {
        return error;
    }
    otter_text_init(&text, (char *)pull->buf, sizeof pull->buf);
    while (pull->line < LINES) {
        lines[pull->line](&request, &text);
        if (text.truncated) {
            break;
        }
        good = text.len;
        pull->line++;
    }
    pull->buf_off = 0;
    pull->buf_len = (uint16_t)good;
    return text.truncated && good == 0 ? OTTER_ERR_TOO_LONG : 0;
}
