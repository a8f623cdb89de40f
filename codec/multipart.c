/* SPDX-License-Identifier: Apache-2.0
 *
 * The multipart parser.  The delimiter is CR LF "--" boundary; a boundary
 * holds no CR, so after a mismatch the only place where a new match can begin
 * is the byte at hand: no table of partial matches is needed. */
#include "codec/multipart.h"

#include "codec/http.h"

#include <string.h>

enum state {
    STATE_DATA,    /* also the preamble: `in_part` tells */
    STATE_AFTER,   /* the delimiter was seen, what follows decides */
    STATE_DASH,    /* ... and one dash */
    STATE_PADDING, /* ... and blanks */
    STATE_CR,      /* ... and CR */
    STATE_HEADERS,
    STATE_END
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Copies a quoted string or a token to `out`; returns the end of it in `value`
 * and its length, or NULL for a string that is not closed. */
static const char *copy_text(const char *value, char *out, uint32_t size,
                             int *len)
{
    bool quoted = *value == '"';
    uint32_t used = 0;

    *len = 0;
    value += quoted;
    while (*value != '\0' &&
           (quoted ? *value != '"' : *value != ';' && !is_blank(*value))) {
        if (quoted && *value == '\\' &&
            (value[1] == '"' || value[1] == '\\')) {
            value++;
        }
        if (used + 1 < size) {
            out[used++] = *value;
        }
        value++;
        (*len)++;
    }
    if (size > 0) {
        out[used] = '\0';
    }
    if (quoted && *value++ != '"') {
        return NULL;
    }
    return value;
}

/* Length of the parameter's name at `value` if it is `name`, else 0. */
static uint32_t name_is(const char *value, uint32_t len, const char *name)
{
    char word[16];

    if (len >= sizeof word) {
        return 0;
    }
    memcpy(word, value, len);
    word[len] = '\0';
    return otter_http_same(word, name) ? len : 0;
}

int otter_multipart_parameter(const char *value, const char *name, char *out,
                              uint32_t size)
{
    char unused[1];

    while (*value != '\0' && *value != ';') {
        value++;
    }
    while (*value == ';') {
        uint32_t len = 0;
        bool wanted;
        int text_len;

        do {
            value++;
        } while (is_blank(*value));
        while (value[len] != '\0' && value[len] != '=' && value[len] != ';') {
            len++;
        }
        if (value[len] != '=') {
            value += len; /* a parameter without a value, or nothing */
            continue;
        }
        wanted = name_is(value, len, name) > 0;
        value = copy_text(value + len + 1, wanted ? out : unused,
                          wanted ? size : sizeof unused, &text_len);
        if (value == NULL) {
            return OTTER_ERR_SYNTAX;
        }
        if (wanted) {
            return text_len;
        }
        while (is_blank(*value)) {
            value++;
        }
    }
    return *value == '\0' ? OTTER_ERR_NO_DATA : OTTER_ERR_SYNTAX;
}

/* The media type of a Content-Type value is `type`. */
static bool media_type_is(const char *value, const char *type)
{
    uint32_t len = 0;
    char word[24];

    while (value[len] != '\0' && value[len] != ';' && !is_blank(value[len])) {
        len++;
    }
    if (len >= sizeof word) {
        return false;
    }
    memcpy(word, value, len);
    word[len] = '\0';
    return otter_http_same(word, type);
}

int otter_multipart_init(struct otter_multipart *multipart,
                         const char *content_type, char *line,
                         uint32_t line_size)
{
    struct otter_multipart *m = multipart;
    int len;

    memset(m, 0, sizeof *m);
    m->line = line;
    m->line_size = line_size;
    if (!media_type_is(content_type, "multipart/form-data")) {
        m->error = OTTER_ERR_INVALID;
        return m->error;
    }
    memcpy(m->delimiter, "\r\n--", 4);
    len = otter_multipart_parameter(content_type, "boundary", m->delimiter + 4,
                                    sizeof m->delimiter - 4);
    if (len < 1 || len > (int)OTTER_MULTIPART_BOUNDARY_MAX ||
        strchr(m->delimiter + 4, '\r') != NULL) {
        m->error = OTTER_ERR_SYNTAX;
        return m->error;
    }
    m->delimiter_len = (uint8_t)(4 + len);
    m->matched = 2; /* the body starts as if after CR LF */
    return 0;
}

/* Bytes of the delimiter that were held back are data after all. */
static void release(struct otter_multipart *m, uint8_t count)
{
    m->held = count;
    m->matched = 0;
    m->state = STATE_DATA;
}

/* Finds the end of a run of bytes that are surely data. */
static uint32_t plain_run(const uint8_t *bytes, uint32_t len)
{
    const uint8_t *cr = memchr(bytes, '\r', len);

    return cr != NULL ? (uint32_t)(cr - bytes) : len;
}

static enum otter_multipart_event give(struct otter_multipart *m,
                                       const uint8_t *data, uint32_t len)
{
    m->data = data;
    m->data_len = len;
    return m->in_part && len > 0 ? OTTER_MULTIPART_DATA : OTTER_MULTIPART_NONE;
}

static uint32_t state_data(struct otter_multipart *m, const uint8_t *bytes,
                           uint32_t len, enum otter_multipart_event *event)
{
    if (m->matched == 0) {
        uint32_t run = plain_run(bytes, len);

        if (run > 0) {
            *event = give(m, bytes, run);
            return run;
        }
        m->matched = 1;
        return 1;
    }
    if (bytes[0] != (uint8_t)m->delimiter[m->matched]) {
        release(m, m->matched);
        return 0;
    }
    if (++m->matched == m->delimiter_len) {
        m->state = STATE_AFTER;
    }
    return 1;
}

/* The delimiter is complete: CR LF starts a part, "--" ends the body, blanks
 * may stand between.  Anything else was data that looked like a delimiter. */
static uint32_t state_after(struct otter_multipart *m, uint8_t c,
                            enum otter_multipart_event *event)
{
    (void)event;
    if (c == '-') {
        m->state = STATE_DASH;
    } else if (is_blank((char)c)) {
        m->state = STATE_PADDING;
    } else if (c == '\r') {
        m->state = STATE_CR;
    } else {
        release(m, m->delimiter_len);
        return 0;
    }
    return 1;
}

static void end_part(struct otter_multipart *m,
                     enum otter_multipart_event *event)
{
    if (m->in_part) {
        *event = OTTER_MULTIPART_PART_END;
    }
    m->in_part = false;
}

static uint32_t state_dash(struct otter_multipart *m, uint8_t c,
                           enum otter_multipart_event *event)
{
    if (c != '-') {
        m->delimiter[m->delimiter_len] = '-';
        release(m, (uint8_t)(m->delimiter_len + 1));
        return 0;
    }
    m->state = STATE_END;
    end_part(m, event);
    if (*event == OTTER_MULTIPART_NONE) {
        *event = OTTER_MULTIPART_END;
        m->told = true;
    }
    return 1;
}

static uint32_t state_padding(struct otter_multipart *m, uint8_t c,
                              enum otter_multipart_event *event)
{
    (void)event;
    if (c == '\r') {
        m->state = STATE_CR;
    } else if (!is_blank((char)c)) {
        m->error = OTTER_ERR_SYNTAX;
    }
    return 1;
}

static uint32_t state_cr(struct otter_multipart *m, uint8_t c,
                         enum otter_multipart_event *event)
{
    if (c != '\n') {
        m->error = OTTER_ERR_SYNTAX;
        return 0;
    }
    end_part(m, event);
    m->state = STATE_HEADERS;
    m->used = 0;
    m->headers = 0;
    m->named = false;
    m->is_file = false;
    m->name[0] = '\0';
    m->filename[0] = '\0';
    return 1;
}

/* Content-Disposition: form-data; name="..."; filename="..." */
static int disposition(struct otter_multipart *m, const char *value)
{
    int name =
        otter_multipart_parameter(value, "name", m->name, sizeof m->name);
    int file = otter_multipart_parameter(value, "filename", m->filename,
                                         sizeof m->filename);

    if (file == OTTER_ERR_NO_DATA) {
        file = otter_multipart_parameter(value, "filename*", m->filename,
                                         sizeof m->filename);
    }
    if (m->named || name < 0 || (file == OTTER_ERR_SYNTAX && !m->cut)) {
        return OTTER_ERR_SYNTAX;
    }
    if (m->cut && file == OTTER_ERR_NO_DATA) {
        return OTTER_ERR_TOO_LONG; /* nobody knows what was cut off */
    }
    m->named = true;
    m->is_file = file != OTTER_ERR_NO_DATA;
    return 0;
}

static int header_line(struct otter_multipart *m)
{
    char *colon = strchr(m->line, ':');

    if (++m->headers > OTTER_MULTIPART_HEADERS_MAX) {
        return OTTER_ERR_TOO_LONG;
    }
    if (colon == NULL || colon == m->line) {
        return OTTER_ERR_SYNTAX;
    }
    *colon = '\0';
    return otter_http_same(m->line, "Content-Disposition")
               ? disposition(m, colon + 1)
               : 0;
}

static uint32_t state_headers(struct otter_multipart *m, uint8_t c,
                              enum otter_multipart_event *event)
{
    if (c != '\n') {
        if (c == '\0') {
            m->error = OTTER_ERR_SYNTAX;
        } else if (m->used + 1 >= m->line_size) {
            m->cut = true;
        } else {
            m->line[m->used++] = (char)c;
        }
        return 1;
    }
    if (m->used > 0 && m->line[m->used - 1] == '\r') {
        m->used--;
    }
    m->line[m->used] = '\0';
    if (m->used > 0) {
        m->used = 0;
        m->error = header_line(m);
        m->cut = false;
        return 1;
    }
    if (!m->named) {
        m->error = OTTER_ERR_SYNTAX;
        return 1;
    }
    m->in_part = true;
    m->state = STATE_DATA;
    m->matched = 0;
    *event = OTTER_MULTIPART_PART;
    return 1;
}

static uint32_t step(struct otter_multipart *m, const uint8_t *bytes,
                     uint32_t len, enum otter_multipart_event *event)
{
    switch (m->state) {
    case STATE_DATA:
        return state_data(m, bytes, len, event);
    case STATE_AFTER:
        return state_after(m, bytes[0], event);
    case STATE_DASH:
        return state_dash(m, bytes[0], event);
    case STATE_PADDING:
        return state_padding(m, bytes[0], event);
    case STATE_CR:
        return state_cr(m, bytes[0], event);
    case STATE_HEADERS:
        return state_headers(m, bytes[0], event);
    default:
        return len;
    }
}

int otter_multipart_feed(struct otter_multipart *multipart, const void *data,
                         uint32_t len, enum otter_multipart_event *event)
{
    struct otter_multipart *m = multipart;
    const uint8_t *bytes = data;
    uint32_t taken = 0;

    *event = OTTER_MULTIPART_NONE;
    if (m->state == STATE_END && m->error == 0 && !m->told) {
        m->told = true;
        *event = OTTER_MULTIPART_END;
        return 0;
    }
    while (m->error == 0 && *event == OTTER_MULTIPART_NONE) {
        if (m->held > 0) {
            *event = give(m, (const uint8_t *)m->delimiter, m->held);
            m->held = 0;
        } else if (taken < len) {
            taken += step(m, bytes + taken, len - taken, event);
        } else {
            break;
        }
    }
    return m->error != 0 ? m->error : (int)taken;
}

bool otter_multipart_done(const struct otter_multipart *multipart)
{
    return multipart->error == 0 && multipart->state == STATE_END;
}
