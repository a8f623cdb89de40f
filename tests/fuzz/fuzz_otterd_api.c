/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of otterd's API on a real store: "METHOD /path?query" in the first
 * line, then the body, by somebody who may do everything.  Whatever comes
 * there is an answer: JSON that can be written, a problem with its sentence
 * when it is none of the good ones, and never a transaction that stays open.
 * The store begins anew when it was changed, so an input means the same each
 * time; for that, and to see the transaction, this needs its inside. */
#include "server/api/routes.h"
#include "server/store/store_internal.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                      \
    do {                                                                      \
        if (!(condition)) {                                                   \
            abort();                                                          \
        }                                                                     \
    } while (0)

static char folder[64];
static struct otterd_store *store;
static sqlite3 *fresh; /* the store as it began */
static int changes;

static int remove_one(const char *path, const struct stat *status, int type,
                      struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static void remove_folder(void)
{
    otterd_store_close(store);
    sqlite3_close(fresh);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void copy(sqlite3 *to, sqlite3 *from)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");

    CHECK(backup != NULL);
    CHECK(sqlite3_backup_step(backup, -1) == SQLITE_DONE);
    CHECK(sqlite3_backup_finish(backup) == SQLITE_OK);
}

/* A device, a firmware, a release and a token to talk about. */
static void open_store(void)
{
    static const char things[] =
        "INSERT INTO device (mac, state) VALUES (1, 2);"
        "INSERT INTO firmware (sha256, md5, size, flash_size, kind, gzip,"
        " name, version, board, filename, notes, created, author) VALUES"
        " ('a', 'b', 9, 0, 0, 0, 'door', '1.0', '', 'f', '', 1, 'x');"
        "INSERT INTO release (product, mode, state, target, target_value,"
        " priority, firmware, created) VALUES ('', 0, 0, 0, '', 0, 1, 1);";
    char token[OTTERD_TOKEN_SIZE];
    /* Memory, where there is such a folder: the disk would be asked to sync
     * each change. */
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    snprintf(folder, sizeof folder, "%s/otterd-fuzz-XXXXXX", base);
    CHECK(mkdtemp(folder) != NULL);
    atexit(remove_folder);
    CHECK(otterd_store_open(&store, folder) == 0);
    CHECK(otterd_token_first(store, token) == 1);
    CHECK(sqlite3_exec(store->db, things, NULL, NULL, NULL) == SQLITE_OK);
    CHECK(sqlite3_open(":memory:", &fresh) == SQLITE_OK);
    copy(fresh, store->db);
    changes = sqlite3_total_changes(store->db);
}

/* key=value&key=value, as they are. */
static void read_query(struct otterd_call *call, char *text)
{
    char *rest = text;
    char *part;

    while ((part = strsep(&rest, "&")) != NULL &&
           call->query_count < OTTERD_QUERY_MAX) {
        char *value = strchr(part, '=');
        json_t *check;
        json_t *check_key;

        if (value != NULL) {
            *value++ = '\0';
        }
        check = json_string(value == NULL ? "" : value);
        check_key = json_string(part);
        if (check != NULL &&
            check_key != NULL) { /* HTTP's side lets only UTF-8 through */
            call->query[call->query_count++] =
                (struct otterd_param){part, value == NULL ? "" : value};
        }
        json_decref(check);
        json_decref(check_key);
    }
}

static void answer(struct otterd_call *call, const char *body, size_t len)
{
    if (call->route->kind == OTTERD_ROUTE_FILE) {
        CHECK(otterd_upload_begin(&call->upload, folder) == 0);
        if (otterd_upload_write(call->upload, body, len) != 0) {
            return;
        }
        body = NULL;
        len = 0;
    }
    if (call->route->answer == NULL) {
        return;
    }
    otterd_call_answer(call, body, len);
    /* 503: the store failed.  The one firmware has a row and no file. */
    CHECK(call->status >= 200 && call->status < 600);
    CHECK(call->status != 503 ||
          strcmp(call->route->path, "/firmware/{id}/file") == 0);
    if (call->answer != NULL) {
        char *text = json_dumps(call->answer, JSON_COMPACT);

        CHECK(text != NULL);
        free(text);
    }
    if (call->status >= 400) {
        const char *detail =
            json_string_value(json_object_get(call->answer, "detail"));

        CHECK(detail != NULL && strlen(detail) > 10);
    }
}

static void run(char *line, const char *body, size_t len)
{
    struct otterd_call call;
    char *path = strchr(line, ' ');
    char *query;
    char allowed[64];

    if (path == NULL) {
        return;
    }
    *path++ = '\0';
    query = strchr(path, '?');
    if (query != NULL) {
        *query++ = '\0';
    }
    otterd_call_init(&call);
    call.store = store;
    call.dir = folder;
    call.who.scope = OTTERD_SCOPE_ADMIN;
    strcpy(call.who.name, "fuzz");
    call.route = otterd_route_find(line, path, call.arg, allowed);
    if (call.route != NULL) {
        if (query != NULL) {
            read_query(&call, query);
        }
        answer(&call, body, len);
    }
    otterd_call_release(&call);
    CHECK(sqlite3_get_autocommit(store->db));
    if (sqlite3_total_changes(store->db) != changes) {
        copy(store->db, fresh);
        changes = sqlite3_total_changes(store->db);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    size_t len = end == NULL ? size : (size_t)(end - data);
    char line[512];

    if (store == NULL) {
        open_store();
    }
    if (len >= sizeof line || size - len > OTTERD_BODY_MAX) {
        return 0;
    }
    memcpy(line, data, len);
    line[len] = '\0';
    run(line, end == NULL ? "" : (const char *)end + 1,
        end == NULL ? 0 : size - len - 1);
    return 0;
}
