/* SPDX-License-Identifier: Apache-2.0
 *
 * What a device says in its request headers (protocol 5.1), and whether the
 * manual's script would listen to it (5.4).  Takes headers one by one, knows
 * no socket, and believes nothing: values that are too long, repeated or
 * malformed are kept only so far that they equal nothing valid. */
#ifndef OTTER_SERVER_HTTP_ASK_H
#define OTTER_SERVER_HTTP_ASK_H

#include "server/store/store.h"

#include <stdbool.h>

#define OTTERD_FIELDS      9
#define OTTERD_REFUSAL_MAX 256 /* text of a refusal with NUL */

/* The headers of a request that matter.  Start from all zero. */
struct otterd_heard {
    char agent[OTTERD_TEXT_MAX];
    char range[OTTERD_TEXT_MAX];
    char if_range[OTTERD_TEXT_MAX + 8];
    char status[OTTERD_TEXT_MAX]; /* x-Otter-Status */
    char other[OTTERD_TEXT_MAX];  /* x-Otter-Other-Version */
    /* private: of the ESP8266 and, with the same ends, of the ESP32 */
    char fields[2][OTTERD_FIELDS][OTTERD_TEXT_MAX];
    bool has[2][OTTERD_FIELDS];
    size_t lines_len;
    char lines[OTTERD_HEADERS_MAX];
};

/* What the script would say instead of sending something. */
enum otterd_gate {
    OTTERD_GATE_OPEN,
    OTTERD_GATE_AGENT,  /* no such user agent */
    OTTERD_GATE_HEADER, /* one of the headers that the dialect wants */
    OTTERD_GATE_MAC,    /* no MAC that is known */
    OTTERD_GATE_MODE    /* nothing of that kind */
};

/* Takes one header.  Both texts are copied; `value` may be NULL. */
void otterd_heard_add(struct otterd_heard *heard, const char *name,
                      const char *value);

/* Judges and translates them; `ask->product` and `ask->dialect`, which is not
 * the default, are the caller's. */
enum otterd_gate otterd_heard_ask(const struct otterd_heard *heard,
                                  struct otterd_ask *ask);

/* What a request is told that stays before a gate: the text, which may be
 * empty, and the status. */
unsigned otterd_heard_refuse(const struct otterd_heard *heard,
                             enum otterd_dialect dialect,
                             enum otterd_gate gate,
                             char text[OTTERD_REFUSAL_MAX]);

/* Reads a Range header for `size` bytes.  1: one range, in first and last;
 * 0: to be ignored; -1: outside the file. */
int otterd_range_read(const char *text, uint32_t size, uint32_t *first,
                      uint32_t *last);

#endif
