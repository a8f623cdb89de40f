/* SPDX-License-Identifier: Apache-2.0
 *
 * The API's tokens, sessions, settings, paths and audit log. */
#include "server/api/handlers.h"

#include "format/error.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void otterd_api_me(struct otterd_call *call)
{
    otterd_answer(call, 200,
                  json_pack("{s:o, s:s}", "name",
                            otterd_show_text(call->who.name), "scope",
                            otterd_scope_name(call->who.scope)));
}

/* ---- Sessions of the console ---- */

static void set_cookie(struct otterd_call *call, const char *session,
                       int seconds)
{
    snprintf(call->cookie, sizeof call->cookie,
             OTTERD_SESSION_NAME
             "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s",
             session, seconds, call->secure ? "; Secure" : "");
}

void otterd_api_session_open(struct otterd_call *call)
{
    char session[OTTERD_SESSION_SIZE];
    struct otterd_token token;
    const char *text;
    int err;

    if (!otterd_body_only(call, "token") ||
        !otterd_body_needs(call, "token") ||
        !otterd_body_text(call, "token", 256, false, &text)) {
        return;
    }
    err = otterd_token_check(call->store, text, &token);
    if (err == OTTER_ERR_AUTH) {
        otterd_problem(call, 401,
                       "This token is not known. Take one that the server "
                       "printed at its first start or that an administrator "
                       "made.");
        return;
    }
    if (err == 0) {
        err = otterd_session_open(call->store, token.id, session);
    }
    if (err != 0) {
        otterd_answer_store(call, err);
        return;
    }
    set_cookie(call, session, OTTERD_SESSION_HOURS * 3600);
    call->status = 204;
}

void otterd_api_session_close(struct otterd_call *call)
{
    int err = call->session[0] == '\0'
                  ? 0
                  : otterd_session_close(call->store, call->session);

    if (err != 0) {
        otterd_answer_store(call, err);
        return;
    }
    set_cookie(call, "", 0);
    call->status = 204;
}

/* ---- Tokens ---- */

static void append_token(void *user, const struct otterd_token *token)
{
    json_array_append_new(user, otterd_show_token(token));
}

static int list_tokens(struct otterd_store *store, int64_t after,
                       int64_t limit, json_t *rows)
{
    return otterd_token_list(store, after, limit, append_token, rows);
}

void otterd_api_tokens(struct otterd_call *call)
{
    otterd_answer_list(call, "tokens", list_tokens);
}

void otterd_api_token_add(struct otterd_call *call)
{
    char secret[OTTERD_TOKEN_SIZE];
    struct otterd_token token = {.id = 0};
    int scope = OTTERD_SCOPE_READ;
    const char *name;
    int err;

    if (!otterd_body_only(call, "name scope") ||
        !otterd_body_needs(call, "name") ||
        !otterd_body_needs(call, "scope") ||
        !otterd_body_text(call, "name", OTTERD_TEXT_MAX, false, &name) ||
        !otterd_body_word(
            call, "scope",
            (const char *const[]){"read", "operate", "admin", NULL}, &scope)) {
        return;
    }
    if (name[strspn(name, " ")] == '\0') {
        otterd_problem(call, 400,
                       "The token needs a name, by which the audit log tells "
                       "who changed what.");
        return;
    }
    token.scope = (enum otterd_scope)scope;
    err = otterd_token_create(call->store, name, token.scope, call->who.name,
                              &token.id, secret);
    if (err == OTTER_ERR_TOO_LONG) {
        otterd_problem(call, 409,
                       "There are %d tokens already. Remove those that nobody "
                       "uses.",
                       OTTERD_TOKENS_MAX);
        return;
    }
    if (err != 0) {
        otterd_answer_store(call, err);
        return;
    }
    /* Not the secret, which is for the caller alone. */
    call->event = "token";
    call->told = json_pack("{s:I, s:o, s:s}", "id", (json_int_t)token.id,
                           "name", otterd_show_text(name), "scope",
                           otterd_scope_name(token.scope));
    otterd_answer(call, 201,
                  json_pack("{s:I, s:o, s:s, s:s}", "id", (json_int_t)token.id,
                            "name", otterd_show_text(name), "scope",
                            otterd_scope_name(token.scope), "token", secret));
}

void otterd_api_token_remove(struct otterd_call *call)
{
    int64_t id;
    int err;

    if (!otterd_arg_id(call, "token", &id)) {
        return;
    }
    err = otterd_token_remove(call->store, id, call->who.name);
    if (err == OTTER_ERR_DECLINED) {
        otterd_problem(call, 409,
                       "It is the last token of an administrator; without "
                       "one nobody could make tokens. Make another first.");
    } else if (err != 0) {
        otterd_answer_error(call, err, "token");
    } else {
        call->status = 204;
        call->gone = json_pack("{s:I}", "token", (json_int_t)id);
    }
}

/* ---- Settings ---- */

static const struct setting {
    const char *key;
    const char *fallback;
    const char *const *words;
} settings[] = {
    {"policy", "pending", (const char *const[]){"pending", "accept", NULL}},
    {"dialect", "manual", (const char *const[]){"manual", "current", NULL}},
};

#define SETTINGS (sizeof settings / sizeof settings[0])

void otterd_api_settings(struct otterd_call *call)
{
    json_t *answer = json_object();

    for (size_t i = 0; i < SETTINGS; i++) {
        char value[OTTERD_VALUE_MAX];
        int err = otterd_setting_get(call->store, settings[i].key,
                                     settings[i].fallback, value);

        if (err != 0) {
            json_decref(answer);
            otterd_answer_store(call, err);
            return;
        }
        json_object_set_new(answer, settings[i].key, otterd_show_text(value));
    }
    otterd_answer(call, 200, answer);
}

static int set_settings(struct otterd_call *call, const int *chosen)
{
    int err = otterd_store_begin(call->store);

    for (size_t i = 0; err == 0 && i < SETTINGS; i++) {
        if (chosen[i] < 0) {
            continue;
        }
        err = otterd_setting_set(call->store, settings[i].key,
                                 settings[i].words[chosen[i]]);
        if (err == 0) {
            err = otterd_audit_say(call->store, call->who.name, "%s %s",
                                   settings[i].key,
                                   settings[i].words[chosen[i]]);
        }
    }
    if (err == 0) {
        err = otterd_store_commit(call->store);
    }
    if (err != 0) {
        otterd_store_cancel(call->store);
    }
    return err;
}

void otterd_api_settings_change(struct otterd_call *call)
{
    int chosen[SETTINGS];
    int err;

    if (!otterd_body_only(call, "policy dialect")) {
        return;
    }
    for (size_t i = 0; i < SETTINGS; i++) {
        chosen[i] = -1;
        if (!otterd_body_word(call, settings[i].key, settings[i].words,
                              &chosen[i])) {
            return;
        }
    }
    err = set_settings(call, chosen);
    if (err != 0) {
        otterd_answer_store(call, err);
        return;
    }
    call->event = "settings";
    otterd_api_settings(call);
}

/* ---- Paths ---- */

static json_t *show_path(const struct otterd_path *path)
{
    return json_pack("{s:o, s:o, s:o}", "path", otterd_show_text(path->path),
                     "product", otterd_show_text(path->product), "dialect",
                     path->dialect == OTTERD_DIALECT_DEFAULT
                         ? json_null()
                         : json_string(otterd_dialect_name(path->dialect)));
}

static void append_path(void *user, const struct otterd_path *path)
{
    json_array_append_new(user, show_path(path));
}

void otterd_api_paths(struct otterd_call *call)
{
    const char *after;
    int64_t limit;
    json_t *rows;
    int err;

    if (!otterd_query_limit(call, &limit) ||
        !otterd_query_text(call, "after", OTTERD_URL_MAX, false, &after)) {
        return;
    }
    rows = json_array();
    err = otterd_path_list(call->store, after, limit + 1, append_path, rows);
    otterd_answer_page(call, err, "paths", rows, limit, "path");
}

/* What stands for one byte in a URL, %2F, or NULL. */
static const char *find_escape(const char *path)
{
    const char *at = path;

    while ((at = strchr(at, '%')) != NULL) {
        if (isxdigit((unsigned char)at[1]) && isxdigit((unsigned char)at[2])) {
            return at;
        }
        at++;
    }
    return NULL;
}

/* Paths that the server needs itself cannot be given to devices. */
static bool check_path(struct otterd_call *call, const char *path)
{
    static const char *const own[] = {"/healthz", "/metrics"};

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (strcmp(path, own[i]) == 0) {
            otterd_problem(call, 409, "%s is the server's own.", path);
            return false;
        }
    }
    if (strncmp(path, "/api/", 5) == 0 || strncmp(path, "/console", 8) == 0) {
        otterd_problem(call, 409,
                       "What begins with /api/ or /console is the server's "
                       "own.");
        return false;
    }
    if (path[0] != '/' || strpbrk(path, "?#") != NULL) {
        otterd_problem(call, 400,
                       "path begins with / and has no ? and # in it, like "
                       "/update.php.");
        return false;
    }
    if (find_escape(path) != NULL) {
        otterd_problem(call, 400,
                       "path is compared with what a URL means: write the "
                       "character that %.3s stands for.",
                       find_escape(path));
        return false;
    }
    return true;
}

static int set_path(struct otterd_call *call, const struct otterd_path *path)
{
    int err = otterd_store_begin(call->store);

    if (err == 0) {
        err = otterd_path_set(call->store, path);
    }
    if (err == 0) {
        err = otterd_audit_say(
            call->store, call->who.name, "path %s product \"%s\"%s%s",
            path->path, path->product, path->dialect != 0 ? " dialect " : "",
            otterd_dialect_name(path->dialect));
    }
    if (err == 0) {
        err = otterd_store_commit(call->store);
    }
    if (err != 0) {
        otterd_store_cancel(call->store);
    }
    return err;
}

void otterd_api_path_set(struct otterd_call *call)
{
    static const char *const words[] = {"manual", "current", NULL};
    struct otterd_path path = {.dialect = OTTERD_DIALECT_DEFAULT};
    const char *product;
    const char *text;
    int dialect = -1;
    int err;

    if (json_is_null(json_object_get(call->body, "dialect"))) {
        json_object_del(call->body, "dialect");
    }
    if (!otterd_body_only(call, "path product dialect") ||
        !otterd_body_needs(call, "path") ||
        !otterd_body_text(call, "path", OTTERD_URL_MAX, false, &text) ||
        !otterd_body_text(call, "product", OTTERD_TEXT_MAX, false, &product) ||
        !otterd_body_word(call, "dialect", words, &dialect) ||
        !check_path(call, text)) {
        return;
    }
    snprintf(path.path, sizeof path.path, "%s", text);
    snprintf(path.product, sizeof path.product, "%s",
             product != NULL ? product : "");
    path.dialect = (enum otterd_dialect)(dialect + 1);
    err = set_path(call, &path);
    if (err != 0) {
        otterd_answer_store(call, err);
        return;
    }
    call->event = "path";
    otterd_answer(call, 200, show_path(&path));
}

void otterd_api_path_remove(struct otterd_call *call)
{
    const char *path = otterd_query(call, "path");
    int err;

    if (path == NULL) {
        otterd_problem(call, 400, "Say which: ?path=/update.php.");
        return;
    }
    err = otterd_store_begin(call->store);
    if (err == 0) {
        err = otterd_path_remove(call->store, path);
    }
    if (err == 0) {
        err = otterd_audit_say(call->store, call->who.name,
                               "path %.200s removed", path);
    }
    if (err == 0) {
        err = otterd_store_commit(call->store);
    }
    if (err == 0) {
        call->status = 204;
        call->gone = json_pack("{s:o}", "path", otterd_show_text(path));
        return;
    }
    otterd_store_cancel(call->store);
    if (err == OTTER_ERR_NO_DATA) {
        otterd_problem(call, 404, "No product is served at %.200s.", path);
    } else {
        otterd_answer_store(call, err);
    }
}

/* ---- The audit log ---- */

static void append_audit(void *user, const struct otterd_audit_row *row)
{
    json_array_append_new(user, json_pack("{s:I, s:o, s:o, s:o}", "id",
                                          (json_int_t)row->id, "at",
                                          otterd_show_time(row->at), "who",
                                          otterd_show_text(row->who), "what",
                                          otterd_show_text(row->what)));
}

static int list_audit(struct otterd_store *store, int64_t after, int64_t limit,
                      json_t *rows)
{
    return otterd_audit_list(store, after, limit, append_audit, rows);
}

void otterd_api_audit(struct otterd_call *call)
{
    otterd_answer_list(call, "audit", list_audit);
}
