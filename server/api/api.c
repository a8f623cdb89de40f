/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls: their body, their answer, and problems. */
#include "server/api/api.h"
#include "server/api/handlers.h"
#include "server/api/routes.h"

#include "format/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void otterd_call_init(struct otterd_call *call)
{
    memset(call, 0, sizeof *call);
    call->fd = -1;
}

void otterd_call_release(struct otterd_call *call)
{
    json_decref(call->body);
    json_decref(call->answer);
    json_decref(call->gone);
    json_decref(call->told);
    otterd_upload_free(call->upload);
    free(call->seen);
    if (call->fd >= 0) {
        close(call->fd);
    }
    otterd_call_init(call);
}

/* The phrases of RFC 9110, as the title of a problem. */
static const char *phrase(unsigned status)
{
    static const struct {
        unsigned status;
        const char *phrase;
    } phrases[] = {{400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {409, "Conflict"},
                   {413, "Content Too Large"},
                   {415, "Unsupported Media Type"},
                   {422, "Unprocessable Content"},
                   {503, "Service Unavailable"},
                   {507, "Insufficient Storage"}};

    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        if (phrases[i].status == status) {
            return phrases[i].phrase;
        }
    }
    return "Error";
}

void otterd_problem(struct otterd_call *call, unsigned status,
                    const char *format, ...)
{
    char detail[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    otterd_answer(call, status,
                  json_pack("{s:s, s:s, s:i, s:o}", "type", "about:blank",
                            "title", phrase(status), "status", (int)status,
                            "detail", otterd_show_text(detail)));
    call->event = NULL;
}

void otterd_answer(struct otterd_call *call, unsigned status, json_t *answer)
{
    json_decref(call->answer);
    call->status = status;
    call->answer = answer;
}

const char *otterd_call_type(const struct otterd_call *call)
{
    return call->status >= 400 ? "application/problem+json"
                               : "application/json";
}

const char *otterd_query(const struct otterd_call *call, const char *key)
{
    for (size_t i = 0; i < call->query_count; i++) {
        if (strcmp(call->query[i].key, key) == 0) {
            return call->query[i].value;
        }
    }
    return NULL;
}

/* How deep the brackets of a JSON text are nested, in strings not counted. */
static int depth_of(const char *text, size_t len)
{
    bool in_string = false;
    int deepest = 0;
    int depth = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            deepest = ++depth > deepest ? depth : deepest;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return deepest;
}

static bool read_body(struct otterd_call *call, const char *text, size_t len)
{
    json_error_t error;

    if (len == 0) {
        otterd_problem(call, 400,
                       "The request has no body; it needs a JSON object. "
                       "See " OTTERD_API_BASE "/openapi.json.");
        return false;
    }
    if (depth_of(text, len) > OTTERD_BODY_DEPTH) {
        otterd_problem(call, 400,
                       "The body is nested deeper than %d levels; no request "
                       "needs that.",
                       OTTERD_BODY_DEPTH);
        return false;
    }
    call->body = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (call->body == NULL) {
        otterd_problem(call, 400,
                       "The body is not JSON: %s, at line %d, column %d.",
                       error.text, error.line, error.column);
        return false;
    }
    if (!json_is_object(call->body)) {
        otterd_problem(call, 400, "The body must be a JSON object, {...}.");
        return false;
    }
    return true;
}

/* A name among names that are separated by blanks. */
static bool lists(const char *names, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = names; *at != '\0';) {
        size_t word = strcspn(at, " ");

        if (word == len && memcmp(at, name, len) == 0) {
            return true;
        }
        at += word;
        at += strspn(at, " ");
    }
    return false;
}

/* A parameter that nobody reads would be a wish that is not heard. */
bool otterd_query_known(struct otterd_call *call)
{
    for (size_t i = 0; i < call->query_count; i++) {
        if (!lists(call->route->query, call->query[i].key)) {
            otterd_problem(
                call, 400, "There is no parameter \"%.40s\" here. Known: %s.",
                call->query[i].key,
                call->route->query[0] != '\0' ? call->route->query : "none");
            return false;
        }
    }
    return true;
}

bool otterd_body_only(struct otterd_call *call, const char *names)
{
    const char *key;
    json_t *value;

    json_object_foreach(call->body, key, value)
    {
        if (!lists(names, key)) {
            otterd_problem(call, 400,
                           "There is no member \"%.40s\" here. Known: %s.",
                           key, names);
            return false;
        }
    }
    return true;
}

static bool is_read(const struct otterd_call *call)
{
    return strcmp(call->route->method, "GET") == 0;
}

enum otterd_pace otterd_call_pace(const struct otterd_call *call)
{
    static const char *const filters[] = {"q", "version", "group", "tag"};

    if (!is_read(call)) {
        return call->upload != NULL && call->seen == NULL ? OTTERD_PACE_UPLOAD
                                                          : OTTERD_PACE_CHANGE;
    }
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        if (call->route->answer == otterd_api_devices &&
            otterd_query(call, filters[i]) != NULL) {
            return OTTERD_PACE_SEARCH;
        }
    }
    return OTTERD_PACE_READ;
}

/* Changes may come between the queries of a read, but are not seen. */
static void answer_read(struct otterd_call *call)
{
    int err = otterd_store_view(call->store);

    if (err != 0) {
        otterd_answer_store(call, err);
        return;
    }
    call->route->answer(call);
    otterd_store_view_end(call->store);
}

void otterd_call_look(struct otterd_call *call)
{
    if (otterd_query_known(call)) {
        otterd_api_firmware_look(call);
    }
    if (call->seen == NULL) {
        otterd_upload_free(call->upload);
        call->upload = NULL;
    }
}

void otterd_call_answer(struct otterd_call *call, const char *text, size_t len)
{
    if (!otterd_query_known(call)) {
        return;
    }
    if (call->route->kind == OTTERD_ROUTE_JSON &&
        !read_body(call, text, len)) {
        return;
    }
    if (is_read(call)) {
        answer_read(call);
    } else {
        call->route->answer(call);
    }
    /* What was not kept is gone before anybody hears of it. */
    otterd_upload_free(call->upload);
    call->upload = NULL;
    if (call->answer == NULL && call->fd < 0 && call->status != 204) {
        call->status = 503; /* no memory for the answer */
    }
}
