/* SPDX-License-Identifier: Apache-2.0
 *
 * The API without HTTP: the OpenAPI document is held to the table of routes,
 * routes are found, and bodies that are not as they should be are refused
 * before a handler sees them. */
#include "server/api/handlers.h"
#include "server/api/routes.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

static json_t *document(void)
{
    json_error_t error;
    json_t *doc = json_loadb(otterd_openapi, otterd_openapi_size,
                             JSON_REJECT_DUPLICATES, &error);

    if (doc == NULL) {
        fail_msg("openapi.json:%d: %s", error.line, error.text);
    }
    return doc;
}

/* The operation of a route in the document. */
static json_t *operation(json_t *doc, const struct otterd_route *route)
{
    char method[8];
    size_t i;

    for (i = 0; route->method[i] != '\0'; i++) {
        method[i] = (char)(route->method[i] | 0x20);
    }
    method[i] = '\0';
    return json_object_get(
        json_object_get(json_object_get(doc, "paths"), route->path), method);
}

/* The names of an operation's parameters that are in `place`. */
static void names_of(json_t *operation, const char *place, char out[256])
{
    json_t *parameter;
    size_t i;

    out[0] = '\0';
    json_array_foreach(json_object_get(operation, "parameters"), i, parameter)
    {
        const char *in = json_string_value(json_object_get(parameter, "in"));

        assert_non_null(json_object_get(parameter, "schema"));
        if (strcmp(in, place) == 0) {
            snprintf(out + strlen(out), 256 - strlen(out), "%s%s",
                     out[0] != '\0' ? " " : "",
                     json_string_value(json_object_get(parameter, "name")));
        }
    }
}

static void check_body(json_t *op, const struct otterd_route *route)
{
    json_t *content =
        json_object_get(json_object_get(op, "requestBody"), "content");

    switch (route->kind) {
    case OTTERD_ROUTE_JSON:
        assert_non_null(json_object_get(content, "application/json"));
        break;
    case OTTERD_ROUTE_FILE:
        assert_non_null(json_object_get(content, "application/octet-stream"));
        break;
    default:
        assert_null(content);
    }
}

static void check_operation(json_t *doc, const struct otterd_route *route)
{
    json_t *op = operation(doc, route);
    const char *scope = json_string_value(json_object_get(op, "x-scope"));
    const char *brace = strchr(route->path, '{');
    json_t *responses = json_object_get(op, "responses");
    char names[256];

    if (op == NULL) {
        fail_msg("%s %s is not described", route->method, route->path);
    }
    if (route->scope == NULL) {
        assert_null(scope);
        assert_int_equal(json_array_size(json_object_get(op, "security")), 0);
        assert_non_null(json_object_get(op, "security"));
    } else {
        assert_string_equal(scope, route->scope);
        assert_null(json_object_get(op, "security"));
        assert_non_null(json_object_get(responses, "401"));
        assert_non_null(json_object_get(responses, "403"));
    }
    names_of(op, "query", names);
    assert_string_equal(names, route->query);
    names_of(op, "path", names);
    assert_int_equal(strlen(names),
                     brace == NULL ? 0 : strcspn(brace + 1, "}"));
    assert_true(brace == NULL ||
                strncmp(brace + 1, names, strlen(names)) == 0);
    check_body(op, route);
    assert_non_null(json_object_get(op, "summary"));
    if (route->kind != OTTERD_ROUTE_TEXT) { /* what needs the database */
        assert_non_null(json_object_get(responses, "503"));
    }
    assert_true(json_object_get(responses, "200") != NULL ||
                json_object_get(responses, "201") != NULL ||
                json_object_get(responses, "204") != NULL);
}

static void test_api_document_describes_every_route(void **state)
{
    json_t *doc = document();

    (void)state;
    for (size_t i = 0; i < otterd_route_count; i++) {
        check_operation(doc, &otterd_routes[i]);
    }
    json_decref(doc);
}

static void test_api_document_describes_nothing_else(void **state)
{
    json_t *doc = document();
    json_t *ids = json_object();
    const char *path;
    json_t *methods;
    size_t count = 0;

    (void)state;
    json_object_foreach(json_object_get(doc, "paths"), path, methods)
    {
        const char *method;
        json_t *op;

        json_object_foreach(methods, method, op)
        {
            char arg[OTTERD_API_PATH_MAX];
            char allowed[64];
            char upper[8] = "";
            const char *id =
                json_string_value(json_object_get(op, "operationId"));

            for (size_t i = 0; method[i] != '\0'; i++) {
                upper[i] = (char)(method[i] & ~0x20);
            }
            if (otterd_route_find(upper, path, arg, allowed) == NULL) {
                fail_msg("there is no route %s %s", method, path);
            }
            assert_null(json_object_get(ids, id));
            json_object_set_new(ids, id, json_true());
            count++;
        }
    }
    assert_int_equal(count, otterd_route_count);
    json_decref(ids);
    json_decref(doc);
}

/* Every $ref leads somewhere. */
static void check_refs(json_t *doc, json_t *node)
{
    const char *key;
    json_t *value;
    size_t i;

    json_array_foreach(node, i, value)
    {
        check_refs(doc, value);
    }
    json_object_foreach(node, key, value)
    {
        if (strcmp(key, "$ref") == 0) {
            char path[128];
            char *rest = path;
            char *part;
            json_t *at = doc;

            snprintf(path, sizeof path, "%s", json_string_value(value));
            assert_string_equal(strsep(&rest, "/"), "#");
            while ((part = strsep(&rest, "/")) != NULL) {
                at = json_object_get(at, part);
            }
            if (at == NULL) {
                fail_msg("%s leads nowhere", json_string_value(value));
            }
        } else {
            check_refs(doc, value);
        }
    }
}

static void test_api_document_is_whole(void **state)
{
    json_t *doc = document();

    (void)state;
    assert_string_equal(json_string_value(json_object_get(doc, "openapi")),
                        "3.1.0");
    check_refs(doc, doc);
    json_decref(doc);
}

/* The members of what a route answers with 200. */
static json_t *members_of(json_t *doc, const struct otterd_route *route)
{
    const char *name = json_string_value(json_object_get(
        json_object_get(
            json_object_get(
                json_object_get(
                    json_object_get(
                        json_object_get(operation(doc, route), "responses"),
                        "200"),
                    "content"),
                "application/json"),
            "schema"),
        "$ref"));

    return name == NULL
               ? NULL
               : json_object_get(
                     json_object_get(
                         json_object_get(json_object_get(doc, "components"),
                                         "schemas"),
                         strrchr(name, '/') + 1),
                     "properties");
}

static void test_api_lists_all_come_in_pages(void **state)
{
    json_t *doc = document();
    int lists = 0;

    (void)state;
    for (size_t i = 0; i < otterd_route_count; i++) {
        const struct otterd_route *route = &otterd_routes[i];

        if (json_object_get(members_of(doc, route), "next") != NULL) {
            lists++;
            assert_non_null(strstr(route->query, "limit after"));
        }
    }
    assert_int_equal(lists, 8);
    json_decref(doc);
}

static void test_api_routes_are_found(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        const char *route; /* NULL: none */
        const char *arg;
        const char *allowed;
    } rows[] = {
        {"GET", "/devices", "/devices", "", ""},
        {"HEAD", "/devices", "/devices", "", ""},
        {"GET", "/devices/", NULL, NULL, ""},
        {"GET", "/devices/aa", "/devices/{mac}", "aa", ""},
        {"GET", "/devices/aa/", NULL, NULL, ""},
        {"GET", "/devices/aa/history", "/devices/{mac}/history", "aa", ""},
        {"GET", "/devices//history", NULL, NULL, ""},
        {"POST", "/devices/aa", NULL, NULL, "GET, PATCH, DELETE"},
        {"get", "/devices", NULL, NULL, "GET"},
        {"PUT", "/firmware", NULL, NULL, "GET, POST"},
        {"GET", "/firmware/../tokens", NULL, NULL, ""},
        {"GET", "", NULL, NULL, ""},
        {"GET", "/", NULL, NULL, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char arg[OTTERD_API_PATH_MAX];
        char allowed[64];
        const struct otterd_route *route =
            otterd_route_find(rows[i].method, rows[i].path, arg, allowed);

        if (rows[i].route == NULL) {
            assert_null(route);
            assert_string_equal(allowed, rows[i].allowed);
        } else {
            assert_non_null(route);
            assert_string_equal(route->path, rows[i].route);
            assert_string_equal(arg, rows[i].arg);
        }
    }
}

static void test_api_scopes_include_those_below(void **state)
{
    const struct otterd_route *route;
    char arg[OTTERD_API_PATH_MAX];
    char allowed[64];

    (void)state;
    route = otterd_route_find("PATCH", "/devices/x", arg, allowed);
    assert_false(otterd_route_allows(route, OTTERD_SCOPE_READ));
    assert_true(otterd_route_allows(route, OTTERD_SCOPE_OPERATE));
    assert_true(otterd_route_allows(route, OTTERD_SCOPE_ADMIN));
    route = otterd_route_find("GET", "/tokens", arg, allowed);
    assert_false(otterd_route_allows(route, OTTERD_SCOPE_OPERATE));
    assert_true(otterd_route_allows(route, OTTERD_SCOPE_ADMIN));
    route = otterd_route_find("POST", "/session", arg, allowed);
    assert_true(otterd_route_allows(route, OTTERD_SCOPE_READ));
}

static enum otterd_pace pace_of(const char *method, const char *path,
                                const char *key)
{
    struct otterd_call call;
    char allowed[64];

    otterd_call_init(&call);
    call.route = otterd_route_find(method, path, call.arg, allowed);
    if (key != NULL) {
        call.query[call.query_count++] = (struct otterd_param){key, "x"};
    }
    return otterd_call_pace(&call);
}

static void test_api_calls_have_the_pace_of_what_they_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < otterd_route_count; i++) {
        const struct otterd_route *route = &otterd_routes[i];

        assert_int_equal(pace_of(route->method, route->path, NULL),
                         strcmp(route->method, "GET") == 0
                             ? OTTERD_PACE_READ
                             : OTTERD_PACE_CHANGE);
    }
    assert_int_equal(pace_of("HEAD", "/me", NULL), OTTERD_PACE_READ);
    assert_int_equal(pace_of("GET", "/devices", "limit"), OTTERD_PACE_READ);
    assert_int_equal(pace_of("GET", "/devices", "state"), OTTERD_PACE_READ);
    assert_int_equal(pace_of("GET", "/devices", "q"), OTTERD_PACE_SEARCH);
    assert_int_equal(pace_of("GET", "/devices", "tag"), OTTERD_PACE_SEARCH);
    assert_int_equal(pace_of("GET", "/devices", "group"), OTTERD_PACE_SEARCH);
    assert_int_equal(pace_of("GET", "/devices", "version"),
                     OTTERD_PACE_SEARCH);
}

static void begin_upload(struct otterd_call *call, const char *dir,
                         const char *kind, const void *data, size_t len)
{
    char allowed[64];

    otterd_call_init(call);
    call->route = otterd_route_find("POST", "/firmware", call->arg, allowed);
    call->query[call->query_count++] = (struct otterd_param){"name", "lamp"};
    call->query[call->query_count++] = (struct otterd_param){"version", "2"};
    call->query[call->query_count++] = (struct otterd_param){"kind", kind};
    assert_int_equal(otterd_upload_begin(&call->upload, dir), 0);
    assert_int_equal(otterd_upload_write(call->upload, data, len), 0);
}

static void test_api_upload_is_looked_into_before_it_is_a_change(void **state)
{
    static const char files[8192] = "files";
    struct otterd_call call;
    char dir[SCRATCH_MAX];

    (void)state;
    scratch_make(dir);
    begin_upload(&call, dir, "filesystem", files, sizeof files);
    assert_int_equal(otterd_call_pace(&call), OTTERD_PACE_UPLOAD);
    otterd_call_look(&call);
    assert_int_equal(call.status, 0);
    assert_int_equal(otterd_call_pace(&call), OTTERD_PACE_CHANGE);
    assert_int_equal(call.seen->size, sizeof files);
    otterd_call_release(&call);

    begin_upload(&call, dir, "sketch", files, sizeof files);
    otterd_call_look(&call);
    assert_int_equal(call.status, 422);
    assert_null(call.upload); /* and its file with it */
    otterd_call_release(&call);
    scratch_remove(dir);
}

/* A body is refused before the store, which is not there, is asked. */
static void refused(const char *body, size_t len, const char *why)
{
    struct otterd_call call;
    char allowed[64];
    const char *detail;

    otterd_call_init(&call);
    call.route =
        otterd_route_find("PATCH", "/devices/18FE34000001", call.arg, allowed);
    otterd_call_answer(&call, body, len);
    assert_int_equal(call.status, 400);
    assert_string_equal(otterd_call_type(&call), "application/problem+json");
    detail = json_string_value(json_object_get(call.answer, "detail"));
    if (strstr(detail, why) == NULL) {
        fail_msg("%s: %s", body, detail);
    }
    otterd_call_release(&call);
}

static void test_api_bodies_that_are_wrong_are_refused(void **state)
{
    static const char *const rows[][2] = {
        {"", "no body"},
        {" ", "not JSON"},
        {"{", "not JSON"},
        {"[]", "must be a JSON object"},
        {"\"state\"", "not JSON"},
        {"{\"state\":\"accepted\"} {}", "not JSON"},
        {"{\"state\":\"pending\",\"state\":\"accepted\"}", "duplicate"},
        {"{\"a\":[[[[[[[[1]]]]]]]]}", "nested deeper"},
        {"{\"colour\":1}", "no member \"colour\""},
        {"{\"state\":1}", "must be a text"},
        {"{\"state\":\"gone\"}", "pending, accepted, blocked"},
        {"{\"state\":\"\"}", "pending, accepted, blocked"},
        {"{\"name\":\"a\\u0007\"}", "control"},
        {"{\"name\":\"a\\u0000b\"}", "not JSON"},
        {"{\"name\":\"\xff\"}", "not JSON"},
        {"{\"tags\":\"a\"}", "list"},
        {"{\"tags\":[\"a b\"]}", "list"},
        {"{\"tags\":[1]}", "list"},
        {"{\"tags\":[\"\"]}", "list"},
        {"{\"name\":\"0123456789012345678901234567890123456789012345678901"
         "23456789ABCD\"}",
         "longer than 63"},
    };
    char *deep = malloc(60001);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        refused(rows[i][0], strlen(rows[i][0]), rows[i][1]);
    }
    assert_non_null(deep);
    memset(deep, '[', 60000);
    deep[60000] = '\0';
    refused(deep, 60000, "nested deeper");
    free(deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_document_describes_every_route),
        cmocka_unit_test(test_api_document_describes_nothing_else),
        cmocka_unit_test(test_api_document_is_whole),
        cmocka_unit_test(test_api_lists_all_come_in_pages),
        cmocka_unit_test(test_api_routes_are_found),
        cmocka_unit_test(test_api_scopes_include_those_below),
        cmocka_unit_test(test_api_calls_have_the_pace_of_what_they_do),
        cmocka_unit_test(test_api_upload_is_looked_into_before_it_is_a_change),
        cmocka_unit_test(test_api_bodies_that_are_wrong_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
