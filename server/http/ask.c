/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading what devices say. */
#include "server/http/ask.h"

#include "format/hex.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum field {
    FIELD_STA_MAC,
    FIELD_AP_MAC,
    FIELD_FREE_SPACE,
    FIELD_SKETCH_SIZE,
    FIELD_CHIP_SIZE,
    FIELD_SDK_VERSION, /* both scripts want all up to here */
    FIELD_VERSION,     /* and the manual's this one */
    FIELD_MODE,        /* and today's these two */
    FIELD_SKETCH_MD5
};

static const char *const prefixes[2] = {"x-ESP8266-", "x-ESP32-"};
static const char *const agents[2] = {"ESP8266-http-Update",
                                      "ESP32-http-Update"};
static const char *const names[OTTERD_FIELDS] = {
    "STA-MAC",     "AP-MAC",  "free-space", "sketch-size", "chip-size",
    "sdk-version", "version", "mode",       "sketch-md5"};

/* Repeated headers are one list with commas, as the script sees them. */
static void keep(char *out, size_t size, bool again, const char *value)
{
    size_t len = again ? strlen(out) : 0;
    size_t n;

    for (const char *comma = ", "; again && *comma != '\0'; comma++) {
        if (len < size - 1) {
            out[len++] = *comma;
        }
    }
    n = strnlen(value, size - 1 - len);
    memcpy(out + len, value, n);
    out[len + n] = '\0';
}

/* A line for people, in printable ASCII; only whole lines. */
static void note(struct otterd_heard *heard, const char *name,
                 const char *value)
{
    size_t name_len = strlen(name);
    size_t value_len = strlen(value);
    size_t need = name_len + 2 + value_len + 1;
    char *line = heard->lines + heard->lines_len;

    if (need >= sizeof heard->lines - heard->lines_len) {
        return;
    }
    memcpy(line, name, name_len);
    memcpy(line + name_len, ": ", 2);
    memcpy(line + name_len + 2, value, value_len);
    for (size_t i = 0; i < need - 1; i++) {
        if (line[i] < 0x20 || line[i] > 0x7e) {
            line[i] = '?';
        }
    }
    line[need - 1] = '\n';
    line[need] = '\0';
    heard->lines_len += need;
}

static void keep_field(struct otterd_heard *heard, int family,
                       const char *name, const char *value)
{
    for (int i = 0; i < OTTERD_FIELDS; i++) {
        if (((name[0] ^ names[i][0]) & ~0x20) == 0 &&
            strcasecmp(name, names[i]) == 0) {
            keep(heard->fields[family][i], OTTERD_TEXT_MAX,
                 heard->has[family][i], value);
            heard->has[family][i] = true;
            return;
        }
    }
}

/* The others that matter; false: not for the registry. */
static bool keep_other(struct otterd_heard *heard, const char *name,
                       const char *value)
{
    if (strcasecmp(name, "User-Agent") == 0) {
        keep(heard->agent, sizeof heard->agent, heard->agent[0] != '\0',
             value);
    } else if (strcasecmp(name, "Range") == 0) {
        keep(heard->range, sizeof heard->range, heard->range[0] != '\0',
             value);
    } else if (strcasecmp(name, "If-Range") == 0) {
        keep(heard->if_range, sizeof heard->if_range,
             heard->if_range[0] != '\0', value);
    } else if (strcasecmp(name, "Authorization") == 0 ||
               strcasecmp(name, "Cookie") == 0) {
        return false; /* secrets */
    }
    return true;
}

void otterd_heard_add(struct otterd_heard *heard, const char *name,
                      const char *value)
{
    value = value == NULL ? "" : value;
    if ((name[0] | 0x20) != 'x') { /* most of them are */
        if (keep_other(heard, name, value)) {
            note(heard, name, value);
        }
        return;
    }
    note(heard, name, value);
    if (strcasecmp(name, "x-Otter-Status") == 0) {
        keep(heard->status, sizeof heard->status, heard->status[0] != '\0',
             value);
        return;
    }
    if (strcasecmp(name, "x-Otter-Other-Version") == 0) {
        keep(heard->other, sizeof heard->other, heard->other[0] != '\0',
             value);
        return;
    }
    for (int family = 0; family < 2; family++) {
        size_t len = strlen(prefixes[family]);

        if (strncasecmp(name, prefixes[family], len) == 0) {
            keep_field(heard, family, name + len, value);
            return;
        }
    }
}

static bool read_number(const char *text, uint32_t *out)
{
    uint64_t value = 0;

    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(*text - '0');
        if (value > UINT32_MAX) {
            return false;
        }
    }
    *out = (uint32_t)value;
    return true;
}

/* The form in which devices write it and the script knows it. */
static bool read_mac(const char *text, uint64_t *mac)
{
    if (strlen(text) != 17) {
        return false;
    }
    *mac = 0;
    for (int i = 0; i < 17; i += 3) {
        unsigned char byte;

        if (islower((unsigned char)text[i]) ||
            islower((unsigned char)text[i + 1]) ||
            (i < 15 && text[i + 2] != ':') ||
            otter_hex_decode(&byte, text + i, 1) != 0) {
            return false;
        }
        *mac = *mac << 8 | byte;
    }
    return true;
}

/* The manual's script does not look at the mode; today's knows two. */
static void read_mode(const char *text, struct otterd_ask *ask)
{
    if (strcmp(text, "spiffs") == 0 || strcmp(text, "littlefs") == 0) {
        ask->mode = OTTERD_FILE_SYSTEM;
    } else if (strcmp(text, "version") == 0) {
        ask->mode = OTTERD_VERSION;
    } else if (ask->dialect == OTTERD_DIALECT_CURRENT &&
               strcmp(text, "sketch") != 0) {
        ask->mode = OTTERD_VERSION;
        ask->odd_mode = true;
    } else {
        ask->mode = OTTERD_SKETCH;
    }
}

/* The family of headers that a request has, 2 for none. */
static int family_of(const struct otterd_heard *heard)
{
    int family = 0;

    while (family < 2 && strcmp(heard->agent, agents[family]) != 0) {
        family++;
    }
    return family;
}

static bool has_all(const struct otterd_heard *heard, int family,
                    enum otterd_dialect dialect)
{
    const bool *has = heard->has[family];

    for (int i = 0; i <= FIELD_SDK_VERSION; i++) {
        if (!has[i]) {
            return false;
        }
    }
    return dialect == OTTERD_DIALECT_CURRENT
               ? has[FIELD_MODE] && has[FIELD_SKETCH_MD5]
               : has[FIELD_VERSION];
}

enum otterd_gate otterd_heard_ask(const struct otterd_heard *heard,
                                  struct otterd_ask *ask)
{
    const char(*fields)[OTTERD_TEXT_MAX];
    int family = family_of(heard);

    if (family == 2) {
        return OTTERD_GATE_AGENT;
    }
    if (!has_all(heard, family, ask->dialect)) {
        return OTTERD_GATE_HEADER;
    }
    fields = heard->fields[family];
    ask->chip = family == 0 ? OTTERD_ESP8266 : OTTERD_ESP32;
    read_mode(fields[FIELD_MODE], ask);
    ask->has_version = heard->has[family][FIELD_VERSION];
    if (strlen(fields[FIELD_SKETCH_MD5]) == sizeof ask->sketch_md5 - 1) {
        memcpy(ask->sketch_md5, fields[FIELD_SKETCH_MD5],
               sizeof ask->sketch_md5);
    }
    if (strcmp(heard->status, "reverted") == 0) {
        memcpy(ask->reverted, heard->other, sizeof ask->reverted);
    }
    memcpy(ask->version, fields[FIELD_VERSION], sizeof ask->version);
    ask->has_free_space =
        read_number(fields[FIELD_FREE_SPACE], &ask->free_space);
    ask->has_sketch_size =
        read_number(fields[FIELD_SKETCH_SIZE], &ask->sketch_size);
    ask->has_chip_size = read_number(fields[FIELD_CHIP_SIZE], &ask->chip_size);
    return read_mac(fields[FIELD_STA_MAC], &ask->mac) ? OTTERD_GATE_OPEN
                                                      : OTTERD_GATE_MAC;
}

/* The words of today's documented script. */
static unsigned refuse_currently(const struct otterd_heard *heard,
                                 enum otterd_gate gate,
                                 char text[OTTERD_REFUSAL_MAX])
{
    int family = family_of(heard) & 1;

    switch (gate) {
    case OTTERD_GATE_AGENT:
        snprintf(text, OTTERD_REFUSAL_MAX,
                 "Only for ESP8266 updater!\n"
                 "User-Agent: %s != ESP8266-http-Update\n",
                 heard->agent);
        return 403;
    case OTTERD_GATE_HEADER:
        strcpy(text, "Only for ESP8266 updater! (header missing)\n");
        return 403;
    case OTTERD_GATE_MODE:
        snprintf(text, OTTERD_REFUSAL_MAX, "mode: %s not supported\n",
                 heard->fields[family][FIELD_MODE]);
        return 404;
    default:
        snprintf(text, OTTERD_REFUSAL_MAX,
                 "MAC %s not configured for updates\n",
                 heard->fields[family][FIELD_STA_MAC]);
        return 404;
    }
}

unsigned otterd_heard_refuse(const struct otterd_heard *heard,
                             enum otterd_dialect dialect,
                             enum otterd_gate gate,
                             char text[OTTERD_REFUSAL_MAX])
{
    text[0] = '\0';
    if (dialect == OTTERD_DIALECT_CURRENT) {
        return refuse_currently(heard, gate, text);
    }
    if (gate == OTTERD_GATE_AGENT) {
        strcpy(text, "only for ESP8266 updater!\n");
    } else if (gate == OTTERD_GATE_HEADER) {
        strcpy(text, "only for ESP8266 updater! (header)\n");
    } else {
        return 500;
    }
    return 403;
}

int otterd_range_read(const char *text, uint32_t size, uint32_t *first,
                      uint32_t *last)
{
    char from[OTTERD_TEXT_MAX];
    const char *dash;
    size_t len;

    if (strncmp(text, "bytes=", 6) != 0 || strlen(text) >= sizeof from - 1 ||
        (dash = strchr(text + 6, '-')) == NULL) {
        return 0;
    }
    len = (size_t)(dash - (text + 6));
    memcpy(from, text + 6, len);
    from[len] = '\0';
    *last = size - 1;
    if (len == 0) { /* the last so many */
        if (!read_number(dash + 1, first)) {
            return 0;
        }
        *first = *first >= size ? 0 : size - *first;
        return *first == size ? -1 : 1;
    }
    if (!read_number(from, first) ||
        (dash[1] != '\0' && !read_number(dash + 1, last)) ||
        (dash[1] != '\0' && *last < *first)) {
        return 0;
    }
    if (*first >= size) {
        return -1;
    }
    *last = *last >= size ? size - 1 : *last;
    return 1;
}
