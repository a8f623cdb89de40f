/* SPDX-License-Identifier: Apache-2.0
 *
 * Values, pairs and JSON. */
#define _XOPEN_SOURCE 700 /* strptime */
#include "host/show.h"

#include "host/device.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_WIDTH 12

void otter_show_clean(FILE *out, const char *text)
{
    size_t len = strlen(text);
    char *clean = malloc(len + 1);

    if (clean != NULL) {
        otter_device_copy(clean, len + 1, text, len);
        fputs(clean, out);
        free(clean);
    }
}

const char *otter_show_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

const char *otter_show_value(char cell[OTTER_SHOW_CELL], const json_t *object,
                             const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (json_is_integer(value)) {
        snprintf(cell, OTTER_SHOW_CELL, "%" JSON_INTEGER_FORMAT,
                 json_integer_value(value));
    } else if (json_is_boolean(value)) {
        snprintf(cell, OTTER_SHOW_CELL, "%s",
                 json_is_true(value) ? "yes" : "no");
    } else if (json_is_string(value) && json_string_length(value) > 0) {
        return json_string_value(value);
    } else {
        snprintf(cell, OTTER_SHOW_CELL, "-");
    }
    return cell;
}

const char *otter_show_texts(char cell[OTTER_SHOW_CELL], const json_t *object,
                             const char *key)
{
    const json_t *array = json_object_get(object, key);
    const json_t *value;
    size_t at = 0;
    size_t i;

    memcpy(cell, "-", 2);
    json_array_foreach(array, i, value)
    {
        const char *text = json_string_value(value);
        size_t len = text != NULL ? strlen(text) : 0;

        if (len == 0 || at + 2 + len >= OTTER_SHOW_CELL) {
            continue;
        }
        if (at > 0) {
            memcpy(cell + at, ", ", 2);
            at += 2;
        }
        memcpy(cell + at, text, len + 1);
        at += len;
    }
    return cell;
}

/* Reads a time of the API; false: it is none. */
static bool read_time(struct tm *tm, const char *text)
{
    const char *end;

    *tm = (struct tm){0};
    end = strptime(text, "%Y-%m-%dT%H:%M:%S", tm);
    return end != NULL && strcmp(end, "Z") == 0;
}

const char *otter_show_time(char cell[OTTER_SHOW_CELL], const json_t *object,
                            const char *key)
{
    const char *text = otter_show_text(object, key);
    struct tm tm;

    if (read_time(&tm, text)) {
        strftime(cell, OTTER_SHOW_CELL, "%Y-%m-%d %H:%M:%S", &tm);
    } else {
        snprintf(cell, OTTER_SHOW_CELL, "%s", *text ? text : "-");
    }
    return cell;
}

const char *otter_show_ago(char cell[OTTER_SHOW_CELL], const json_t *object,
                           const char *key)
{
    static const struct {
        long long seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    const char *text = otter_show_text(object, key);
    struct tm tm;
    long long ago;
    size_t unit = 0;

    if (!read_time(&tm, text)) {
        snprintf(cell, OTTER_SHOW_CELL, "%s", *text ? text : "never");
        return cell;
    }
    ago = (long long)time(NULL) - (long long)timegm(&tm);
    if (ago < 1) { /* the server's clock may be ahead */
        snprintf(cell, OTTER_SHOW_CELL, "now");
        return cell;
    }
    while (ago < units[unit].seconds) {
        unit++;
    }
    snprintf(cell, OTTER_SHOW_CELL, "%lld %s ago", ago / units[unit].seconds,
             units[unit].name);
    return cell;
}

void otter_show_pair(const char *name, const char *value)
{
    if (*value == '\0' || strcmp(value, "-") == 0) {
        return;
    }
    printf("%-*s  ", NAME_WIDTH, name);
    otter_show_clean(stdout, value);
    putchar('\n');
}

void otter_show_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    putchar('\n');
}
