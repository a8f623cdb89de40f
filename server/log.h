/* SPDX-License-Identifier: Apache-2.0
 *
 * The server's log: one line for each event on stderr, as key=value or as
 * JSON.  Whatever a value holds, it stays inside its line and its quotes and
 * is printable ASCII, so nobody can forge an event or move a terminal's
 * cursor by what he sends.
 *
 *     time=2026-11-27T22:30:00Z level=info event=listening port=8266
 *
 * Under systemd the journal knows the time, and gets the level as it wants
 * it: "<6>" in front.  A line is written by one call and is at most
 * OTTERD_LOG_LINE bytes; longer values are cut. */
#ifndef OTTER_SERVER_LOG_H
#define OTTER_SERVER_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTTERD_LOG_LINE  4096
#define OTTERD_LOG_VALUE 512 /* bytes of a value that are kept */

enum otterd_log_level {
    OTTERD_LOG_ERROR,
    OTTERD_LOG_WARNING,
    OTTERD_LOG_INFO,
    OTTERD_LOG_DEBUG
};

struct otterd_log_field {
    const char *key;  /* ours, a word */
    const char *text; /* NULL: the number counts */
    int64_t number;
};

/* What is written from now on; before, it is info and above as text.  Not
 * while other threads log. */
void otterd_log_setup(enum otterd_log_level level, bool json);

/* Whether events of this level are written. */
bool otterd_log_wants(enum otterd_log_level level);

/* Writes an event; `fields` ends with a key of NULL.  Callable from any
 * thread. */
void otterd_log_fields(enum otterd_log_level level, const char *event,
                       const struct otterd_log_field *fields);

/* The same, with any number of fields made by the two functions below. */
#define otterd_log(level, event, ...)                                         \
    otterd_log_fields(                                                        \
        level, event,                                                         \
        (const struct otterd_log_field[]){__VA_ARGS__, {NULL, NULL, 0}})

static inline struct otterd_log_field otterd_log_text(const char *key,
                                                      const char *text)
{
    return (struct otterd_log_field){key, text == NULL ? "" : text, 0};
}

static inline struct otterd_log_field otterd_log_number(const char *key,
                                                        int64_t number)
{
    return (struct otterd_log_field){key, NULL, number};
}

/* Makes a line of an event, without its newline: what otterd_log_fields
 * writes, for its test. */
size_t otterd_log_format(char line[OTTERD_LOG_LINE], bool json,
                         const char *time, enum otterd_log_level level,
                         const char *event,
                         const struct otterd_log_field *fields);

#endif
