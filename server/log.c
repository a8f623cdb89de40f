/* SPDX-License-Identifier: Apache-2.0
 *
 * Making a line of an event, and writing it. */
#include "server/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct line {
    char *out;
    size_t len;
};

static struct {
    enum otterd_log_level level;
    bool json;
    bool journal;
} log_settings = {.level = OTTERD_LOG_INFO};

static void put(struct line *line, const char *text)
{
    size_t len = strlen(text);

    /* Room is kept for a closing quote, a brace, the newline and the NUL. */
    if (len > OTTERD_LOG_LINE - 8 - line->len) {
        len = OTTERD_LOG_LINE - 8 - line->len;
    }
    memcpy(line->out + line->len, text, len);
    line->len += len;
}

/* JSON has no \x, and wants text: bytes above ASCII are shown as Latin-1. */
static void put_quoted(struct line *line, const char *text, bool json)
{
    put(line, "\"");
    for (size_t i = 0; text[i] != '\0' && i < OTTERD_LOG_VALUE; i++) {
        unsigned char c = (unsigned char)text[i];
        char piece[8] = {(char)c};

        if (c == '"' || c == '\\') {
            snprintf(piece, sizeof piece, "\\%c", c);
        } else if (c == '\n') {
            memcpy(piece, "\\n", 3);
        } else if (c < 0x20 || c > 0x7e) {
            snprintf(piece, sizeof piece, json ? "\\u%04x" : "\\x%02x", c);
        }
        /* A piece is whole or not there. */
        if (line->len + strlen(piece) > OTTERD_LOG_LINE - 16) {
            break;
        }
        put(line, piece);
    }
    line->out[line->len++] = '"';
}

static bool is_bare(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (text[i] <= 0x20 || text[i] > 0x7e || strchr("\"\\=", text[i])) {
            return false;
        }
    }
    return len > 0 && len <= OTTERD_LOG_VALUE;
}

static void put_field(struct line *line, bool json,
                      const struct otterd_log_field *field)
{
    char number[24];

    /* A field that would not fit is left out whole. */
    if (line->len + strlen(field->key) > OTTERD_LOG_LINE - 64) {
        return;
    }
    if (line->len > (json ? 1u : 0u)) {
        put(line, json ? "," : " ");
    }
    put(line, json ? "\"" : "");
    put(line, field->key);
    put(line, json ? "\":" : "=");
    if (field->text == NULL) {
        snprintf(number, sizeof number, "%" PRId64, field->number);
        put(line, number);
    } else if (!json && is_bare(field->text)) {
        if (line->len + strlen(field->text) > OTTERD_LOG_LINE - 16) {
            put(line, "...");
        } else {
            put(line, field->text);
        }
    } else {
        put_quoted(line, field->text, json);
    }
}

size_t otterd_log_format(char out[OTTERD_LOG_LINE], bool json,
                         const char *time, enum otterd_log_level level,
                         const char *event,
                         const struct otterd_log_field *fields)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    struct line line = {out, 0};
    struct otterd_log_field field;

    put(&line, json ? "{" : "");
    if (time != NULL) {
        field = otterd_log_text("time", time);
        put_field(&line, json, &field);
    }
    field = otterd_log_text("level", levels[level]);
    put_field(&line, json, &field);
    field = otterd_log_text("event", event);
    put_field(&line, json, &field);
    for (; fields->key != NULL; fields++) {
        put_field(&line, json, fields);
    }
    put(&line, json ? "}" : "");
    out[line.len] = '\0';
    return line.len;
}

/* systemd says in JOURNAL_STREAM which file stderr is when it is the
 * journal's. */
static bool is_journal(void)
{
    const char *said = getenv("JOURNAL_STREAM");
    struct stat status;
    char own[64];

    if (said == NULL || fstat(STDERR_FILENO, &status) != 0) {
        return false;
    }
    snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)status.st_dev,
             (uintmax_t)status.st_ino);
    return strcmp(said, own) == 0;
}

void otterd_log_setup(enum otterd_log_level level, bool json)
{
    log_settings.level = level;
    log_settings.json = json;
    log_settings.journal = is_journal();
}

bool otterd_log_wants(enum otterd_log_level level)
{
    return level <= log_settings.level;
}

void otterd_log_fields(enum otterd_log_level level, const char *event,
                       const struct otterd_log_field *fields)
{
    static const char *const marks[] = {"<3>", "<4>", "<6>", "<7>"};
    char line[3 + OTTERD_LOG_LINE];
    char text[24];
    time_t now = time(NULL);
    struct tm utc;
    size_t len = 0;

    if (!otterd_log_wants(level)) {
        return;
    }
    if (log_settings.journal) {
        memcpy(line, marks[level], 3);
        len = 3;
    }
    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    len += otterd_log_format(line + len, log_settings.json,
                             log_settings.journal ? NULL : text, level, event,
                             fields);
    line[len++] = '\n';
    /* When nobody reads the log there is nobody to tell. */
    if (write(STDERR_FILENO, line, len) < 0) {
        return;
    }
}
