/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP/1.x push parser: one function per state, chosen by a table. */
#include "codec/http.h"

#include <string.h>

enum state {
    STATE_FIRST_LINE,
    STATE_HEADER,
    STATE_LENGTH,
    STATE_TO_CLOSE,
    STATE_CHUNK_SIZE,
    STATE_CHUNK_DATA,
    STATE_CHUNK_END,
    STATE_TRAILER,
    STATE_DONE
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The characters that a token may consist of (RFC 9110 section 5.6.2). */
static bool is_token(char c)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && memchr(marks, c, sizeof marks - 1) != NULL);
}

bool otter_http_same(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return *a == '\0' && *b == '\0';
}

bool otter_http_list_has(const char *value, const char *token)
{
    uint32_t want = (uint32_t)strlen(token);

    while (*value != '\0') {
        uint32_t len = 0;
        uint32_t same = 0;

        while (is_blank(*value) || *value == ',') {
            value++;
        }
        while (value[len] != '\0' && value[len] != ',') {
            same += len < want && lower(value[len]) == lower(token[len]);
            len++;
        }
        while (len > 0 && is_blank(value[len - 1])) {
            len--;
        }
        if (want > 0 && len == want && same >= want) {
            return true;
        }
        value += len;
        while (*value != '\0' && *value != ',') {
            value++;
        }
    }
    return false;
}

int otter_http_number(const char *text, uint32_t *out)
{
    uint32_t value = 0;

    if (*text == '\0') {
        return OTTER_ERR_SYNTAX;
    }
    for (; *text != '\0'; text++) {
        uint32_t digit = (uint32_t)(*text - '0');

        if (*text < '0' || *text > '9') {
            return OTTER_ERR_SYNTAX;
        }
        if (value > (UINT32_MAX - digit) / 10) {
            return OTTER_ERR_TOO_LONG;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return 0;
}

void otter_http_init(struct otter_http *http,
                     const struct otter_http_config *config)
{
    memset(http, 0, sizeof *http);
    http->config = config;
    http->state = STATE_FIRST_LINE;
}

static int event_start(struct otter_http *http, const char *first,
                       const char *second)
{
    const struct otter_http_events *events = http->config->events;

    if (events == NULL || events->start == NULL) {
        return 0;
    }
    return events->start(http->config->user, first, second, http->minor);
}

/* "HTTP/1.x" and nothing else. */
static int parse_version(struct otter_http *http, const char *text)
{
    if (memcmp(text, "HTTP/1.", 7) != 0 || text[7] < '0' || text[7] > '9' ||
        text[8] != '\0') {
        return OTTER_ERR_SYNTAX;
    }
    http->minor = text[7] == '0' ? 0 : 1;
    http->keep_alive = http->minor == 1;
    return 0;
}

static int request_line(struct otter_http *http, char *line)
{
    char *target = strchr(line, ' ');
    char *version = target != NULL ? strchr(target + 1, ' ') : NULL;
    int error;

    if (version == NULL || target == line || version == target + 1 ||
        strlen(version + 1) != 8) {
        return OTTER_ERR_SYNTAX;
    }
    *target = '\0';
    *version = '\0';
    for (const char *c = line; *c != '\0'; c++) {
        if (!is_token(*c)) {
            return OTTER_ERR_SYNTAX;
        }
    }
    error = parse_version(http, version + 1);
    return error != 0 ? error : event_start(http, line, target + 1);
}

static int status_line(struct otter_http *http, char *line)
{
    uint32_t status;
    char *code = line + 9;
    char *reason;
    int error;

    if (strlen(line) < 12 || line[8] != ' ' ||
        (line[12] != ' ' && line[12] != '\0')) {
        return OTTER_ERR_SYNTAX;
    }
    reason = line[12] == ' ' ? line + 13 : line + 12;
    line[8] = '\0';
    line[12] = '\0';
    error = parse_version(http, line);
    if (error != 0 || otter_http_number(code, &status) != 0 || status < 100 ||
        status > 599) {
        return OTTER_ERR_SYNTAX;
    }
    http->status = (int)status;
    return event_start(http, code, reason);
}

static int first_line(struct otter_http *http)
{
    char *line = http->config->line;

    if (http->used == 0 && http->config->side == OTTER_HTTP_REQUEST) {
        return 0; /* an empty line before a request is passed over */
    }
    http->state = STATE_HEADER;
    return http->config->side == OTTER_HTTP_REQUEST ? request_line(http, line)
                                                    : status_line(http, line);
}

static int content_length(struct otter_http *http, const char *value)
{
    uint32_t length;
    int error = otter_http_number(value, &length);

    if (error != 0) {
        return error;
    }
    if (http->has_length && http->length != length) {
        return OTTER_ERR_SYNTAX;
    }
    http->has_length = true;
    http->length = length;
    return 0;
}

/* Headers that decide the framing. */
static int understand(struct otter_http *http, const char *name,
                      const char *value)
{
    if (otter_http_same(name, "Content-Length")) {
        return content_length(http, value);
    }
    if (otter_http_same(name, "Transfer-Encoding")) {
        http->coding_unknown |= !otter_http_same(value, "chunked");
        http->coding_unknown |= http->chunked;
        http->chunked = true;
    } else if (otter_http_same(name, "Connection")) {
        if (otter_http_list_has(value, "close")) {
            http->keep_alive = false;
        } else if (otter_http_list_has(value, "keep-alive")) {
            http->keep_alive = true;
        }
    } else if (otter_http_same(name, "Expect")) {
        http->expect_continue = otter_http_same(value, "100-continue");
    }
    return 0;
}

static int header_line(struct otter_http *http)
{
    const struct otter_http_events *events = http->config->events;
    char *name = http->config->line;
    char *colon = name;
    char *value;
    uint32_t len;
    int error;

    if (++http->headers > OTTER_HTTP_HEADERS_MAX) {
        return OTTER_ERR_TOO_LONG;
    }
    while (is_token(*colon)) {
        colon++;
    }
    if (*colon != ':' || colon == name) {
        return OTTER_ERR_SYNTAX;
    }
    *colon = '\0';
    value = colon + 1;
    while (is_blank(*value)) {
        value++;
    }
    for (len = (uint32_t)strlen(value); len > 0 && is_blank(value[len - 1]);) {
        value[--len] = '\0';
    }
    error = understand(http, name, value);
    if (error == 0 && events != NULL && events->header != NULL) {
        error = events->header(http->config->user, name, value);
    }
    return error;
}

static bool never_has_body(const struct otter_http *http)
{
    return http->config->side == OTTER_HTTP_RESPONSE &&
           (http->config->head_request || http->status < 200 ||
            http->status == 204 || http->status == 304);
}

/* The empty line after the headers: what follows? */
static int head_end(struct otter_http *http)
{
    if (http->chunked && (http->has_length || http->coding_unknown)) {
        return OTTER_ERR_SYNTAX;
    }
    http->left = http->length;
    if (never_has_body(http)) {
        http->framing = OTTER_HTTP_NO_BODY;
        http->state = STATE_DONE;
    } else if (http->chunked) {
        http->framing = OTTER_HTTP_CHUNKED;
        http->state = STATE_CHUNK_SIZE;
    } else if (http->has_length) {
        http->framing = OTTER_HTTP_LENGTH;
        http->state = http->length > 0 ? STATE_LENGTH : STATE_DONE;
    } else if (http->config->side == OTTER_HTTP_REQUEST) {
        http->framing = OTTER_HTTP_NO_BODY;
        http->state = STATE_DONE;
    } else {
        http->framing = OTTER_HTTP_TO_CLOSE;
        http->state = STATE_TO_CLOSE;
        http->keep_alive = false;
    }
    return 0;
}

static int chunk_size(struct otter_http *http)
{
    const char *line = http->config->line;
    uint32_t size = 0;
    uint32_t digits = 0;

    for (;; line++, digits++) {
        char c = lower(*line);
        uint32_t digit;

        if (c >= '0' && c <= '9') {
            digit = (uint32_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (uint32_t)(c - 'a') + 10;
        } else {
            break;
        }
        if (digits == 8) {
            return OTTER_ERR_TOO_LONG;
        }
        size = size << 4 | digit;
    }
    if (digits == 0 || (*line != '\0' && *line != ';' && !is_blank(*line))) {
        return OTTER_ERR_SYNTAX;
    }
    http->left = size;
    http->state = size > 0 ? STATE_CHUNK_DATA : STATE_TRAILER;
    return 0;
}

static int line_done(struct otter_http *http)
{
    switch (http->state) {
    case STATE_FIRST_LINE:
        return first_line(http);
    case STATE_HEADER:
        return http->used > 0 ? header_line(http) : head_end(http);
    case STATE_CHUNK_SIZE:
        return chunk_size(http);
    case STATE_CHUNK_END:
        http->state = STATE_CHUNK_SIZE;
        return http->used > 0 ? OTTER_ERR_SYNTAX : 0;
    default: /* STATE_TRAILER: read and forgotten */
        if (++http->headers > OTTER_HTTP_HEADERS_MAX) {
            return OTTER_ERR_TOO_LONG;
        }
        if (http->used == 0) {
            http->state = STATE_DONE;
        }
        return 0;
    }
}

static bool decides_framing(const char *name)
{
    return otter_http_same(name, "Content-Length") ||
           otter_http_same(name, "Transfer-Encoding") ||
           otter_http_same(name, "Connection") ||
           otter_http_same(name, "Expect");
}

/* The buffer is full.  A header may be passed over if its owner says so. */
static int line_too_long(struct otter_http *http)
{
    const struct otter_http_events *events = http->config->events;
    char *colon = http->config->line;
    int error;

    if (http->state != STATE_HEADER || events == NULL ||
        events->long_header == NULL) {
        return OTTER_ERR_TOO_LONG;
    }
    http->config->line[http->used] = '\0';
    while (is_token(*colon)) {
        colon++;
    }
    if (*colon != ':' || colon == http->config->line) {
        return OTTER_ERR_SYNTAX;
    }
    *colon = '\0';
    if (decides_framing(http->config->line)) {
        return OTTER_ERR_TOO_LONG;
    }
    error = events->long_header(http->config->user, http->config->line);
    http->skipping = error == 0;
    http->used = 0;
    return error;
}

static int skipped_header(struct otter_http *http)
{
    http->skipping = false;
    return ++http->headers > OTTER_HTTP_HEADERS_MAX ? OTTER_ERR_TOO_LONG : 0;
}

/* One byte of a line; calls line_done at its end. */
static int line_byte(struct otter_http *http, char c)
{
    int error;

    if (c == '\n') {
        http->config->line[http->used] = '\0';
        http->saw_cr = false;
        error = http->skipping ? skipped_header(http) : line_done(http);
        http->used = 0;
        return error;
    }
    if (http->saw_cr || c == '\0') {
        return OTTER_ERR_SYNTAX;
    }
    if (c == '\r') {
        http->saw_cr = true;
        return 0;
    }
    if (http->skipping) {
        return 0;
    }
    if (http->used + 1 >= http->config->line_size) {
        return line_too_long(http);
    }
    http->config->line[http->used++] = c;
    return 0;
}

static bool in_lines(const struct otter_http *http)
{
    return http->state == STATE_CHUNK_SIZE || http->state == STATE_CHUNK_END ||
           http->state == STATE_TRAILER;
}

int otter_http_head(struct otter_http *http, const void *data, uint32_t len)
{
    const char *bytes = data;
    uint32_t taken = 0;

    while (taken < len && http->error == 0 && !otter_http_head_done(http)) {
        http->error = line_byte(http, bytes[taken++]);
    }
    return http->error != 0 ? http->error : (int)taken;
}

int otter_http_body(struct otter_http *http, const void *data, uint32_t len,
                    const uint8_t **body, uint32_t *body_len)
{
    const uint8_t *bytes = data;
    uint32_t taken = 0;

    *body_len = 0;
    while (taken < len && http->error == 0 && in_lines(http)) {
        http->error = line_byte(http, (char)bytes[taken++]);
    }
    *body = bytes + taken;
    if (http->error != 0) {
        return http->error;
    }
    len -= taken;
    if (http->state == STATE_TO_CLOSE) {
        *body_len = len;
    } else if (http->state == STATE_LENGTH ||
               http->state == STATE_CHUNK_DATA) {
        *body_len = len < http->left ? len : http->left;
        http->left -= *body_len;
        if (http->left == 0) {
            http->state =
                http->state == STATE_LENGTH ? STATE_DONE : STATE_CHUNK_END;
        }
    }
    return (int)(taken + *body_len);
}

bool otter_http_head_done(const struct otter_http *http)
{
    return http->state != STATE_FIRST_LINE && http->state != STATE_HEADER;
}

bool otter_http_done(const struct otter_http *http)
{
    return http->error == 0 && http->state == STATE_DONE;
}
