/* SPDX-License-Identifier: Apache-2.0
 *
 * The connection, its statements, settings, paths and the audit log. */
#include "server/store/store_internal.h"

#include "format/error.h"
#include "server/store/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUSY_MS 10000

int64_t otterd__store_now(void)
{
    return (int64_t)time(NULL);
}

int otterd__store_failed(struct otterd_store *store)
{
    snprintf(store->error, sizeof store->error, "%s",
             sqlite3_errmsg(store->db));
    return OTTER_ERR_STATE;
}

const char *otterd_store_error(const struct otterd_store *store)
{
    return store == NULL ? "no memory" : store->error;
}

static sqlite3_stmt *statement_of(struct otterd_store *store,
                                  enum otterd__query query)
{
    sqlite3_stmt **slot = &store->statements[query];

    if (*slot == NULL && sqlite3_prepare_v3(store->db, otterd__sql[query], -1,
                                            SQLITE_PREPARE_PERSISTENT, slot,
                                            NULL) != SQLITE_OK) {
        otterd__store_failed(store);
    }
    return *slot;
}

sqlite3_stmt *otterd__store_query(struct otterd_store *store,
                                  enum otterd__query query, const char *types,
                                  ...)
{
    sqlite3_stmt *statement = statement_of(store, query);
    int rc = SQLITE_OK;
    va_list args;

    va_start(args, types);
    for (int i = 0; statement != NULL && types[i] != '\0'; i++) {
        if (types[i] == 'i') {
            rc |= sqlite3_bind_int64(statement, i + 1, va_arg(args, int64_t));
        } else {
            rc |=
                sqlite3_bind_text(statement, i + 1, va_arg(args, const char *),
                                  -1, SQLITE_STATIC);
        }
    }
    va_end(args);
    if (rc != SQLITE_OK) {
        otterd__store_failed(store);
        return NULL;
    }
    return statement;
}

int otterd__store_row(struct otterd_store *store, sqlite3_stmt *statement)
{
    int rc;
    int err;

    if (statement == NULL) {
        return OTTER_ERR_STATE;
    }
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        return 0;
    }
    err = rc == SQLITE_DONE ? OTTER_ERR_NO_DATA : otterd__store_failed(store);
    sqlite3_reset(statement);
    return err;
}

int otterd__store_run(struct otterd_store *store, sqlite3_stmt *statement)
{
    int err = otterd__store_row(store, statement);

    return err == OTTER_ERR_NO_DATA ? 0 : err;
}

void otterd__store_text(char *out, size_t size, sqlite3_stmt *statement,
                        int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    size_t len = (size_t)sqlite3_column_bytes(statement, column);

    len = text == NULL ? 0 : strnlen((const char *)text, len);
    len = len < size ? len : size - 1;
    memcpy(out, text == NULL ? (const unsigned char *)"" : text, len);
    out[len] = '\0';
}

int otterd_store_begin(struct otterd_store *store)
{
    return otterd__store_run(store,
                             otterd__store_query(store, OTTERD_Q_BEGIN, ""));
}

int otterd_store_commit(struct otterd_store *store)
{
    return otterd__store_run(store,
                             otterd__store_query(store, OTTERD_Q_COMMIT, ""));
}

void otterd_store_cancel(struct otterd_store *store)
{
    char error[sizeof store->error];

    if (sqlite3_get_autocommit(store->db)) {
        return;
    }
    /* The failure that led here is what people want to read. */
    memcpy(error, store->error, sizeof error);
    if (otterd__store_run(
            store, otterd__store_query(store, OTTERD_Q_CANCEL, "")) == 0) {
        memcpy(store->error, error, sizeof error);
    }
}

int otterd__change_begin(struct otterd_store *store, bool *own)
{
    *own = sqlite3_get_autocommit(store->db) != 0;
    return *own ? otterd_store_begin(store) : 0;
}

int otterd__change_end(struct otterd_store *store, bool own, int err)
{
    if (err == 0 && own) {
        err = otterd_store_commit(store);
    }
    if (err != 0 && own) {
        otterd_store_cancel(store);
    }
    return err;
}

/* A new database is its folder's owner's, and SQLite gives its log the owner
 * of the database. */
static int make_database(const char *path, const char *dir)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int err;

    if (fd < 0) {
        return 0; /* it is there; what else is wrong SQLite will say */
    }
    err = otterd_owner_file(fd, dir);
    close(fd);
    return err;
}

static int open_database(struct otterd_store *store, const char *dir)
{
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/otterd.db", dir);
    int err;

    if (len < 0 || (size_t)len >= sizeof path) {
        snprintf(store->error, sizeof store->error, "the path is too long");
        return OTTER_ERR_TOO_LONG;
    }
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        snprintf(store->error, sizeof store->error,
                 "the folder cannot be made: %s", strerror(errno));
        return OTTER_ERR_STATE;
    }
    if (make_database(path, dir) != 0) {
        snprintf(store->error, sizeof store->error,
                 "the database cannot be made: %s", strerror(errno));
        return OTTER_ERR_STATE;
    }
    if (sqlite3_open_v2(path, &store->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                            SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(store->db, BUSY_MS) != SQLITE_OK ||
        sqlite3_exec(store->db,
                     "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
                     NULL, NULL, NULL) != SQLITE_OK) {
        return otterd__store_failed(store);
    }
    err = otterd__store_migrate(store);
    if (err == 0) {
        err = otterd__search_prepare(store);
    }
    /* Not before: a step may replace a table that others refer to. */
    if (err == 0 && sqlite3_exec(store->db, "PRAGMA foreign_keys = ON", NULL,
                                 NULL, NULL) != SQLITE_OK) {
        err = otterd__store_failed(store);
    }
    return err;
}

/* Its statistics of memory would have all threads meet at one lock. */
static void prepare_sqlite(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int otterd_store_open(struct otterd_store **out, const char *dir)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char why[sizeof(*out)->error];
    int err;

    pthread_once(&once, prepare_sqlite);
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    err = open_database(*out, dir);
    if (err != 0) {
        memcpy(why, (*out)->error, sizeof why);
        snprintf((*out)->error, sizeof(*out)->error, "%.120s (%.120s)", why,
                 dir);
    }
    return err;
}

void otterd_store_close(struct otterd_store *store)
{
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; i < OTTERD_Q_COUNT; i++) {
        sqlite3_finalize(store->statements[i]);
    }
    sqlite3_close(store->db);
    otterd__view_forget(&store->view);
    free(store);
}

/* One text by one key. */
static int find_text(struct otterd_store *store, enum otterd__query query,
                     const char *key, char *out, size_t size)
{
    sqlite3_stmt *row = otterd__store_query(store, query, "s", key);
    int err = otterd__store_row(store, row);

    if (err != 0) {
        return err;
    }
    if ((size_t)sqlite3_column_bytes(row, 0) >= size) {
        err = OTTER_ERR_TOO_LONG;
    } else {
        otterd__store_text(out, size, row, 0);
    }
    sqlite3_reset(row);
    return err;
}

int otterd_setting_get(struct otterd_store *store, const char *key,
                       const char *fallback, char out[OTTERD_VALUE_MAX])
{
    struct otterd__view *view = &store->view;
    bool kept = view->open && strcmp(key, "policy") == 0;
    int err = 0;

    if (kept && view->has_policy) {
        memcpy(out, view->policy, sizeof view->policy);
        return 0;
    }
    err = find_text(store, OTTERD_Q_SETTING_GET, key, out, OTTERD_VALUE_MAX);
    if (err == OTTER_ERR_NO_DATA) {
        snprintf(out, OTTERD_VALUE_MAX, "%s", fallback);
        err = 0;
    }
    if (err == 0 && kept) {
        memcpy(view->policy, out, sizeof view->policy);
        view->has_policy = true;
    }
    return err;
}

int otterd_setting_set(struct otterd_store *store, const char *key,
                       const char *value)
{
    return otterd__store_run(
        store,
        otterd__store_query(store, OTTERD_Q_SETTING_SET, "ss", key, value));
}

int otterd_audit_add(struct otterd_store *store, const char *who,
                     const char *what)
{
    return otterd__store_run(
        store, otterd__store_query(store, OTTERD_Q_AUDIT_ADD, "iss",
                                   otterd__store_now(), who, what));
}

int otterd_audit_say(struct otterd_store *store, const char *who,
                     const char *format, ...)
{
    char what[501];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return otterd_audit_add(store, who, what);
}

int otterd_audit_list(struct otterd_store *store, int64_t after, int64_t limit,
                      void (*each)(void *user,
                                   const struct otterd_audit_row *row),
                      void *user)
{
    sqlite3_stmt *row =
        otterd__store_query(store, OTTERD_Q_AUDIT_LIST, "ii", after, limit);
    int err;

    while ((err = otterd__store_row(store, row)) == 0) {
        const struct otterd_audit_row entry = {
            .id = sqlite3_column_int64(row, 0),
            .at = sqlite3_column_int64(row, 1),
            .who = (const char *)sqlite3_column_text(row, 2),
            .what = (const char *)sqlite3_column_text(row, 3)};

        each(user, &entry);
    }
    return err == OTTER_ERR_NO_DATA ? 0 : err;
}

static const char *const dialects[] = {"", "manual", "current"};

const char *otterd_dialect_name(enum otterd_dialect dialect)
{
    return dialects[dialect];
}

int otterd_dialect_read(const char *text, enum otterd_dialect *out)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, dialects[i]) == 0) {
            *out = (enum otterd_dialect)i;
            return 0;
        }
    }
    return OTTER_ERR_SYNTAX;
}

int otterd_path_set(struct otterd_store *store, const struct otterd_path *path)
{
    return otterd__store_run(
        store, otterd__store_query(store, OTTERD_Q_PATH_SET, "ssi", path->path,
                                   path->product, (int64_t)path->dialect));
}

static void read_path(struct otterd_path *out, sqlite3_stmt *row)
{
    otterd__store_text(out->path, sizeof out->path, row, 0);
    otterd__store_text(out->product, sizeof out->product, row, 1);
    out->dialect = (enum otterd_dialect)sqlite3_column_int(row, 2);
}

int otterd_path_find(struct otterd_store *store, const char *path,
                     struct otterd_path *out)
{
    struct otterd_path *kept = &store->view.paths[otterd__view_slot(path)];
    sqlite3_stmt *row;
    int err;

    if (store->view.open && kept->path[0] != '\0' &&
        strcmp(kept->path, path) == 0) {
        *out = *kept;
        return 0;
    }
    row = otterd__store_query(store, OTTERD_Q_PATH_FIND, "s", path);
    err = otterd__store_row(store, row);
    if (err == 0) {
        read_path(out, row);
        sqlite3_reset(row);
        if (store->view.open) {
            *kept = *out;
        }
    }
    return err;
}

int otterd_path_remove(struct otterd_store *store, const char *path)
{
    sqlite3_stmt *row =
        otterd__store_query(store, OTTERD_Q_PATH_REMOVE, "s", path);
    int err = otterd__store_row(store, row);

    sqlite3_reset(row);
    return err;
}

int otterd_path_list(struct otterd_store *store, const char *after,
                     int64_t limit,
                     void (*each)(void *user, const struct otterd_path *path),
                     void *user)
{
    sqlite3_stmt *row =
        otterd__store_query(store, OTTERD_Q_PATH_LIST, "si", after, limit);
    int err;

    while ((err = otterd__store_row(store, row)) == 0) {
        struct otterd_path path;

        read_path(&path, row);
        each(user, &path);
    }
    return err == OTTER_ERR_NO_DATA ? 0 : err;
}
