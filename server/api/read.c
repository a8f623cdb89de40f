/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading parameters and members of bodies. */
#include "server/api/handlers.h"
#include "server/import.h"
#include "server/log.h"

#include "format/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     1000

static bool read_integer(const char *text, int64_t *out)
{
    uint64_t value = 0;

    if (*text == '\0' || strlen(text) > 18) {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(*text - '0');
    }
    *out = (int64_t)value;
    return true;
}

bool otterd_arg_id(struct otterd_call *call, const char *what, int64_t *id)
{
    if (!read_integer(call->arg, id)) {
        otterd_problem(call, 404,
                       "\"%.40s\" is no id of a %s; ids are whole numbers.",
                       call->arg, what);
        return false;
    }
    return true;
}

bool otterd_arg_mac(struct otterd_call *call, uint64_t *mac)
{
    if (otterd_mac_read(call->arg, mac) != 0) {
        otterd_problem(call, 400,
                       "\"%.40s\" is no MAC; write six pairs of hexadecimal "
                       "digits, like 18:FE:34:00:00:01.",
                       call->arg);
        return false;
    }
    return true;
}

bool otterd_query_id(struct otterd_call *call, const char *key, int64_t *out)
{
    const char *text = otterd_query(call, key);

    if (text != NULL && (!read_integer(text, out) || *out < 1)) {
        otterd_problem(call, 400, "%s is an id, a whole number from 1.", key);
        return false;
    }
    return true;
}

bool otterd_query_limit(struct otterd_call *call, int64_t *limit)
{
    const char *text = otterd_query(call, "limit");

    *limit = LIMIT_DEFAULT;
    if (text != NULL &&
        (!read_integer(text, limit) || *limit < 1 || *limit > LIMIT_MAX)) {
        otterd_problem(call, 400, "limit is a number from 1 to %d.",
                       LIMIT_MAX);
        return false;
    }
    return true;
}

bool otterd_query_page(struct otterd_call *call, int64_t *limit,
                       int64_t *after)
{
    const char *text = otterd_query(call, "after");

    *after = 0;
    if (!otterd_query_limit(call, limit)) {
        return false;
    }
    if (text != NULL && (!read_integer(text, after) || *after < 1)) {
        otterd_problem(call, 400,
                       "after is what \"next\" said in the list before.");
        return false;
    }
    return true;
}

bool otterd_is_clean(const char *text, bool lines)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == 0x7f || (c < 0x20 && !(lines && (c == '\n' || c == '\t')))) {
            return false;
        }
    }
    return true;
}

static bool take_text(struct otterd_call *call, const char *key,
                      const char *text, size_t size, bool lines)
{
    if (strlen(text) >= size) {
        otterd_problem(call, 400, "%s is longer than %zu bytes.", key,
                       size - 1);
        return false;
    }
    if (!otterd_is_clean(text, lines)) {
        otterd_problem(call, 400, "%s has control characters in it.", key);
        return false;
    }
    return true;
}

/* Says which words there are. */
static bool take_word(struct otterd_call *call, const char *key,
                      const char *text, const char *const *words, int *out)
{
    char known[128] = "";

    for (int i = 0; words[i] != NULL; i++) {
        if (words[i][0] != '\0' && strcmp(words[i], text) == 0) {
            *out = i;
            return true;
        }
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s",
                 known[0] != '\0' ? ", " : "", words[i]);
    }
    otterd_problem(call, 400, "%s cannot be \"%.40s\"; it is one of: %s.", key,
                   text, known);
    return false;
}

bool otterd_query_text(struct otterd_call *call, const char *key, size_t size,
                       bool lines, const char **out)
{
    *out = otterd_query(call, key);
    return *out == NULL || take_text(call, key, *out, size, lines);
}

bool otterd_query_word(struct otterd_call *call, const char *key,
                       const char *const *words, int *out)
{
    const char *text = otterd_query(call, key);

    return text == NULL || take_word(call, key, text, words, out);
}

/* A member that is a text, or NULL when it is not there. */
static bool member_text(struct otterd_call *call, const char *key,
                        const char **out)
{
    json_t *value = json_object_get(call->body, key);

    *out = NULL;
    if (value == NULL) {
        return true;
    }
    if (!json_is_string(value)) {
        otterd_problem(call, 400, "%s must be a text.", key);
        return false;
    }
    *out = json_string_value(value);
    return true;
}

bool otterd_body_text(struct otterd_call *call, const char *key, size_t size,
                      bool lines, const char **out)
{
    return member_text(call, key, out) &&
           (*out == NULL || take_text(call, key, *out, size, lines));
}

bool otterd_body_word(struct otterd_call *call, const char *key,
                      const char *const *words, int *out)
{
    const char *text;

    return member_text(call, key, &text) &&
           (text == NULL || take_word(call, key, text, words, out));
}

bool otterd_body_number(struct otterd_call *call, const char *key,
                        int64_t least, int64_t most, int64_t *out)
{
    json_t *value = json_object_get(call->body, key);

    if (value == NULL) {
        return true;
    }
    if (!json_is_integer(value) || json_integer_value(value) < least ||
        json_integer_value(value) > most) {
        otterd_problem(call, 400,
                       "%s must be a whole number from %" PRId64 " to %" PRId64
                       ".",
                       key, least, most);
        return false;
    }
    *out = json_integer_value(value);
    return true;
}

bool otterd_body_needs(struct otterd_call *call, const char *key)
{
    if (json_object_get(call->body, key) == NULL) {
        otterd_problem(call, 400, "The body needs the member \"%s\".", key);
        return false;
    }
    return true;
}

bool otterd_is_header_word(const char *text, size_t size)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (text[i] <= 0x20 || text[i] > 0x7e || strchr("/\"\\;", text[i])) {
            return false;
        }
    }
    return len > 0 && len < size - 1;
}

void otterd_answer_store(struct otterd_call *call, int err)
{
    const char *why = err == OTTER_ERR_STATE ? otterd_store_error(call->store)
                                             : otter_error_text(err);

    otterd_log(OTTERD_LOG_ERROR, "store", otterd_log_text("why", why));
    otterd_problem(call, 503,
                   "The database could not do it: %s. Nothing was changed; "
                   "try again, and look into the server's log.",
                   why);
}

void otterd_answer_error(struct otterd_call *call, int err, const char *what)
{
    if (err == OTTER_ERR_NO_DATA) {
        otterd_problem(call, 404, "There is no %s %.40s.", what, call->arg);
    } else {
        otterd_answer_store(call, err);
    }
}

void otterd_answer_page(struct otterd_call *call, int err, const char *name,
                        json_t *rows, int64_t limit, const char *key)
{
    json_t *next = json_null();

    if (err != 0) {
        json_decref(rows);
        otterd_answer_store(call, err);
        return;
    }
    if ((int64_t)json_array_size(rows) > limit) {
        json_t *last;

        json_array_remove(rows, (size_t)limit);
        last = json_object_get(json_array_get(rows, (size_t)limit - 1), key);
        if (json_is_integer(last)) {
            char text[24];

            snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT,
                     json_integer_value(last));
            next = json_string(text);
        } else {
            next = json_incref(last);
        }
    }
    otterd_answer(call, 200,
                  json_pack("{s:o, s:o}", name, rows, "next", next));
}

void otterd_answer_list(struct otterd_call *call, const char *name,
                        int (*list)(struct otterd_store *store, int64_t after,
                                    int64_t limit, json_t *rows))
{
    int64_t limit;
    int64_t after;
    json_t *rows;
    int err;

    if (!otterd_query_page(call, &limit, &after)) {
        return;
    }
    rows = json_array();
    err = list(call->store, after, limit + 1, rows);
    otterd_answer_page(call, err, name, rows, limit, "id");
}
