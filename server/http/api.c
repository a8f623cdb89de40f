/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests to the API: routing, rights, bodies, and answers over HTTP. */
#include "server/http/api.h"
#include "server/api/handlers.h"
#include "server/api/routes.h"
#include "server/http/calls.h"
#include "server/log.h"

#include "format/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What is read of a body that nobody wants any more, so that the client has
 * time to hear why. */
#define DROP_MAX (2 * (uint64_t)OTTERD_FIRMWARE_MAX)

static const char *header(const struct otterd_http_call *http,
                          const char *name)
{
    return MHD_lookup_connection_value(http->connection, MHD_HEADER_KIND,
                                       name);
}

static void end_call(struct otterd_exchange *exchange, bool complete)
{
    struct otterd_http_call *http = (struct otterd_http_call *)exchange;

    (void)complete;
    otterd_call_release(&http->call);
    free(http->body);
    free(http);
}

/* ---- Who calls ---- */

/* Checks a token or a session with a store for reading. */
static int check_secret(struct otterd_http_call *http, const char *secret,
                        bool session)
{
    struct otterd_reader *reader = otterd__reader(http->server);
    struct otterd_token *who = &http->call.who;
    int err = session ? otterd_session_check(reader->store, secret, who)
                      : otterd_token_check(reader->store, secret, who);

    if (err != 0 && err != OTTER_ERR_AUTH) {
        otterd_log(OTTERD_LOG_ERROR, "store",
                   otterd_log_text("why", otterd_store_error(reader->store)));
    }
    pthread_mutex_unlock(&reader->lock);
    return err;
}

/* The bearer's token, or NULL. */
static const char *bearer(const struct otterd_http_call *http)
{
    const char *text = header(http, "Authorization");

    if (text == NULL || strncasecmp(text, "Bearer ", 7) != 0) {
        return NULL;
    }
    return text + 7 + strspn(text + 7, " ");
}

static int identify(struct otterd_http_call *http, bool *by_cookie)
{
    const char *secret = bearer(http);

    *by_cookie = false;
    if (secret != NULL) {
        return check_secret(http, secret, false);
    }
    secret = MHD_lookup_connection_value(http->connection, MHD_COOKIE_KIND,
                                         OTTERD_SESSION_NAME);
    if (secret == NULL || strlen(secret) >= sizeof http->call.session) {
        return OTTER_ERR_AUTH;
    }
    strcpy(http->call.session, secret);
    *by_cookie = true;
    return check_secret(http, secret, true);
}

/* A page of another site can make a browser send the cookie, not this header.
 */
static bool is_forged(const struct otterd_http_call *http, const char *method)
{
    return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
           header(http, "X-Otter-Console") == NULL;
}

/* Somebody has a token that is none: a guess, or one that was taken back. */
static void log_refused(const struct otterd_http_call *http)
{
    char address[OTTERD_ADDRESS_MAX];

    if (bearer(http) != NULL) {
        otterd__address_of(http->server, http->connection, address);
        otterd_log(OTTERD_LOG_WARNING, "token",
                   otterd_log_text("address", address),
                   otterd_log_text("why", "it is not known"));
    }
}

static bool authorize(struct otterd_http_call *http, const char *method)
{
    struct otterd_call *call = &http->call;
    bool by_cookie;
    int err = identify(http, &by_cookie);

    if (err == OTTER_ERR_AUTH) {
        log_refused(http);
        otterd_problem(call, 401,
                       "This needs a token: Authorization: Bearer otter_... "
                       "The one that came is unknown or over, or there was "
                       "none.");
    } else if (err != 0) {
        otterd_problem(call, 503,
                       "The database cannot be read just now; try "
                       "again.");
    } else if (by_cookie && is_forged(http, method)) {
        otterd_problem(call, 403,
                       "A change in a console's session needs the header "
                       "X-Otter-Console: 1.");
    } else if (!otterd_route_allows(call->route, call->who.scope)) {
        otterd_problem(call, 403,
                       "This needs a token with the scope %s; yours (%s) has "
                       "%s.",
                       call->route->scope, call->who.name,
                       otterd_scope_name(call->who.scope));
    } else {
        return true;
    }
    return false;
}

/* A form of another site can send a body, but not call it JSON. */
static bool check_login(struct otterd_http_call *http)
{
    const char *type = header(http, "Content-Type");

    if (header(http, "X-Otter-Console") != NULL ||
        (type != NULL && strncasecmp(type, "application/json", 16) == 0)) {
        return true;
    }
    otterd_problem(&http->call, 415,
                   "Send the token as Content-Type: application/json.");
    return false;
}

/* ---- Beginning ---- */

static enum MHD_Result add_parameter(void *user, enum MHD_ValueKind kind,
                                     const char *key, size_t key_size,
                                     const char *value, size_t value_size)
{
    struct otterd_call *call = user;
    json_t *check = json_string(value == NULL ? "" : value);
    json_t *check_key = json_string(key);

    (void)kind;
    if (check == NULL || check_key == NULL || strlen(key) != key_size ||
        strlen(value == NULL ? "" : value) != value_size) {
        otterd_problem(call, 400, "The %s%.40s is not in UTF-8.",
                       check_key == NULL ? "name of a parameter"
                                         : "parameter ",
                       check_key == NULL ? "" : key);
    } else if (call->query_count == OTTERD_QUERY_MAX) {
        otterd_problem(call, 400, "There are more than %d parameters.",
                       OTTERD_QUERY_MAX);
    } else if (otterd_query(call, key) != NULL) {
        otterd_problem(call, 400, "The parameter %.40s is there twice.", key);
    } else {
        call->query[call->query_count++] =
            (struct otterd_param){key, value == NULL ? "" : value};
    }
    json_decref(check);
    json_decref(check_key);
    return call->status == 0 ? MHD_YES : MHD_NO;
}

static bool find_route(struct otterd_http_call *http, const char *url,
                       const char *method)
{
    struct otterd_call *call = &http->call;
    size_t base = strlen(OTTERD_API_BASE);

    http->allowed[0] = '\0';
    if (strncmp(url, OTTERD_API_BASE, base) == 0) {
        call->route =
            otterd_route_find(method, url + base, call->arg, http->allowed);
    }
    if (call->route != NULL) {
        return true;
    }
    if (http->allowed[0] != '\0') {
        otterd_problem(call, 405, "%.100s has the methods %s.", url,
                       http->allowed);
    } else {
        otterd_problem(call, 404,
                       "There is nothing at %.100s. " OTTERD_API_BASE
                       "/openapi.json tells what there is.",
                       url);
    }
    return false;
}

static void begin_upload(struct otterd_http_call *http)
{
    const char *text = header(http, "Content-Length");
    const char *type = header(http, "Content-Type");
    int err;

    if (type != NULL && strncasecmp(type, "multipart/", 10) == 0) {
        otterd_problem(&http->call, 415,
                       "Send the file itself as the body, not as a part of a "
                       "form: curl --data-binary @FILE.");
        return;
    }

    if (text != NULL && strtoull(text, NULL, 10) > OTTERD_FIRMWARE_MAX) {
        otterd_problem(&http->call, 413,
                       "The file has %.20s bytes; a firmware has %u at most.",
                       text, OTTERD_FIRMWARE_MAX);
        return;
    }
    err = otterd_upload_begin(&http->call.upload, http->server->dir);
    if (err != 0) {
        otterd_problem(&http->call, errno == ENOSPC ? 507 : 503,
                       "The file could not be taken: %s.", strerror(errno));
    }
}

static void check(struct otterd_http_call *http, const char *url,
                  const char *method)
{
    struct otterd_call *call = &http->call;

    call->secure = otterd__is_secure(http->server, http->connection);
    if (!find_route(http, url, method)) {
        return;
    }
    if (call->route->scope != NULL               ? !authorize(http, method)
        : call->route->kind == OTTERD_ROUTE_JSON ? !check_login(http)
                                                 : false) {
        return;
    }
    MHD_get_connection_values_n(http->connection, MHD_GET_ARGUMENT_KIND,
                                add_parameter, call);
    if (call->status == 0 && call->route->kind == OTTERD_ROUTE_FILE) {
        begin_upload(http);
    }
}

/* ---- Bodies ---- */

static void take_json(struct otterd_http_call *http, const char *data,
                      size_t len)
{
    /* Whoever has not said who he is may keep less memory busy. */
    size_t most =
        http->call.route->scope == NULL ? OTTERD_LOGIN_MAX : OTTERD_BODY_MAX;
    char *grown;

    if (http->len + len > most) {
        otterd_problem(&http->call, 413,
                       "The body is longer than %zu bytes; no request needs "
                       "that.",
                       most);
        return;
    }
    grown = realloc(http->body, http->len + len);
    if (grown == NULL) {
        otterd_problem(&http->call, 503, "No memory; try again.");
        return;
    }
    memcpy(grown + http->len, data, len);
    http->body = grown;
    http->len += len;
}

static void take_file(struct otterd_http_call *http, const char *data,
                      size_t len)
{
    int err = otterd_upload_write(http->call.upload, data, len);

    if (err == OTTER_ERR_TOO_LONG) {
        otterd_problem(&http->call, 413,
                       "The file is longer than %u bytes, the largest flash "
                       "there is.",
                       OTTERD_FIRMWARE_MAX);
    } else if (err != 0) {
        otterd_problem(&http->call, errno == ENOSPC ? 507 : 503,
                       "The file could not be taken: %s.", strerror(errno));
    }
}

static enum MHD_Result take(struct otterd_http_call *http, const char *data,
                            size_t *len)
{
    http->taken += *len;
    if (http->phase == OTTERD_CALL_READS) {
        if (http->call.route->kind == OTTERD_ROUTE_JSON) {
            take_json(http, data, *len);
        } else if (http->call.route->kind == OTTERD_ROUTE_FILE) {
            take_file(http, data, *len);
        }
        if (http->call.status != 0) {
            http->phase = OTTERD_CALL_KNOWN;
            otterd_upload_free(http->call.upload);
            http->call.upload = NULL;
        }
    }
    *len = 0;
    return http->taken > DROP_MAX ? MHD_NO : MHD_YES;
}

/* ---- Answers ---- */

static struct MHD_Response *make_file(struct otterd_call *call)
{
    struct MHD_Response *response =
        MHD_create_response_from_fd(call->fd_size, call->fd);
    char line[OTTERD_FILE_NAME_MAX + 32];

    if (response == NULL) {
        return NULL;
    }
    call->fd = -1; /* the response's now */
    snprintf(line, sizeof line, "attachment; filename=%s", call->filename);
    MHD_add_response_header(response, "Content-Disposition", line);
    MHD_add_response_header(response, "Content-Type",
                            "application/octet-stream");
    return response;
}

static struct MHD_Response *make_json(struct otterd_call *call)
{
    char *text =
        call->answer == NULL ? NULL : json_dumps(call->answer, JSON_COMPACT);
    size_t len = text == NULL ? 0 : strlen(text);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);

    if (response == NULL) {
        free(text);
    } else if (text != NULL) {
        MHD_add_response_header(response, "Content-Type",
                                otterd_call_type(call));
    }
    return response;
}

static struct MHD_Response *make_openapi(void)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        otterd_openapi_size, (void *)(uintptr_t)otterd_openapi,
        MHD_RESPMEM_PERSISTENT);

    if (response != NULL) {
        MHD_add_response_header(response, "Content-Type", "application/json");
    }
    return response;
}

static enum MHD_Result answer(struct otterd_http_call *http)
{
    struct otterd_call *call = &http->call;
    struct MHD_Response *response =
        call->fd >= 0 ? make_file(call) : make_json(call);

    if (response == NULL) {
        return MHD_NO;
    }
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (call->cookie[0] != '\0') {
        MHD_add_response_header(response, "Set-Cookie", call->cookie);
    }
    if (call->status == 401) {
        MHD_add_response_header(response, "WWW-Authenticate",
                                "Bearer realm=\"otterd\"");
    }
    if (call->status == 405) {
        MHD_add_response_header(response, "Allow", http->allowed);
    }
    return otterd__send(http->server, http->connection, call->status,
                        response);
}

static enum MHD_Result answer_events(struct otterd_http_call *http)
{
    struct MHD_Response *response;
    struct otterd_wants wants;

    if (!otterd_query_known(&http->call) ||
        !otterd_query_wants(&http->call, &wants)) {
        return answer(http);
    }
    response = otterd__make_events(http, &wants);
    if (response != NULL) {
        return otterd__send(http->server, http->connection, MHD_HTTP_OK,
                            response);
    }
    otterd_problem(&http->call, 503,
                   "%d already listen to events, which is as many as may. "
                   "Close some, or try again later.",
                   OTTERD_HUB_LISTENERS);
    return answer(http);
}

/* The whole request is there. */
static enum MHD_Result finish(struct otterd_http_call *http)
{
    if (http->phase != OTTERD_CALL_READS) {
        return answer(http);
    }
    switch (http->call.route->kind) {
    case OTTERD_ROUTE_EVENTS:
        return answer_events(http);
    case OTTERD_ROUTE_TEXT:
        return otterd__send(http->server, http->connection, MHD_HTTP_OK,
                            make_openapi());
    default:
        if (otterd_calls_add(http->server->calls, http)) {
            return MHD_YES;
        }
        otterd_problem(&http->call, 503, "The server ends just now.");
        return answer(http);
    }
}

static enum MHD_Result begin(struct otterd_server *server,
                             struct MHD_Connection *connection,
                             const char *url, const char *method, void **state)
{
    struct otterd_http_call *http = calloc(1, sizeof *http);
    const char *expect;

    if (http == NULL) {
        return MHD_NO;
    }
    otterd_call_init(&http->call);
    http->exchange.end = end_call;
    http->server = server;
    http->connection = connection;
    *state = &http->exchange;
    check(http, url, method);
    if (http->call.status != 0) {
        http->phase = OTTERD_CALL_KNOWN;
        expect = header(http, "Expect");
        if (expect != NULL && strcasecmp(expect, "100-continue") == 0) {
            return answer(http); /* the client waits with its body */
        }
    }
    return MHD_YES;
}

enum MHD_Result otterd__answer_api(struct otterd_server *server,
                                   struct MHD_Connection *connection,
                                   const char *url, const char *method,
                                   const char *data, size_t *len, void **state)
{
    if (*state == NULL) {
        return begin(server, connection, url, method, state);
    }
    if (*len > 0) {
        return take(*state, data, len);
    }
    return finish(*state);
}
