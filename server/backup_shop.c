/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder in which copies are made and read back, and the look into a
 * copied database. */
#include "server/backup_internal.h"

#include "format/error.h"
#include "server/store/owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int otterd__backup_failed(const char *what, const char *why)
{
    fprintf(stderr, "otterd: %s: %s\n", what, why);
    return OTTER_ERR_STATE;
}

bool otterd__path_join(char out[OTTERD_BACKUP_PATH], const char *folder,
                       const char *name)
{
    int len = snprintf(out, OTTERD_BACKUP_PATH, "%s/%s", folder, name);

    return len > 0 && len < OTTERD_BACKUP_PATH;
}

int otterd__sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);

    if (rc != 0) {
        otterd__backup_failed(path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return rc == 0 ? 0 : OTTER_ERR_STATE;
}

static void empty(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    char path[OTTERD_BACKUP_PATH];

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 &&
            strcmp(entry->d_name, "..") != 0 &&
            otterd__path_join(path, folder, entry->d_name) &&
            unlink(path) != 0 && errno == EISDIR) {
            empty(path);
            rmdir(path);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

int otterd__workshop_open(struct otterd_workshop *shop, const char *dir)
{
    char path[OTTERD_BACKUP_PATH];

    shop->dir = dir;
    shop->lock = -1;
    if (!otterd__path_join(shop->folder, dir, ".copy") ||
        !otterd__path_join(path, dir, ".copy.lock")) {
        return otterd__backup_failed(dir, "the path is too long");
    }
    shop->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (shop->lock < 0) {
        return otterd__backup_failed(path, strerror(errno));
    }
    if (flock(shop->lock, LOCK_EX | LOCK_NB) != 0) {
        close(shop->lock);
        shop->lock = -1;
        return otterd__backup_failed(
            dir, "another backup or restore is at work; wait for its end");
    }
    if (otterd_owner_file(shop->lock, dir) != 0) {
        return otterd__backup_failed(path, strerror(errno));
    }
    /* What a killed one has left. */
    empty(shop->folder);
    if (otterd_owner_mkdir(shop->folder, dir) != 0 && errno != EEXIST) {
        return otterd__backup_failed(shop->folder, strerror(errno));
    }
    if (!otterd__path_join(path, shop->folder, "firmware") ||
        otterd_owner_mkdir(path, shop->folder) != 0) {
        return otterd__backup_failed(shop->folder, strerror(errno));
    }
    return 0;
}

void otterd__workshop_close(struct otterd_workshop *shop)
{
    if (shop->lock >= 0) {
        empty(shop->folder);
        rmdir(shop->folder);
        /* The lock's file stays: removing it would let two in. */
        close(shop->lock);
    }
}

static int64_t number_of(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    int64_t number = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        number = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return number;
}

static int check_whole(sqlite3 *db, const char *path)
{
    sqlite3_stmt *statement;
    int err = 0;

    if (sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement,
                           NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW) {
        err = otterd__backup_failed(path, sqlite3_errmsg(db));
    } else {
        const char *said = (const char *)sqlite3_column_text(statement, 0);

        if (said == NULL || strcmp(said, "ok") != 0) {
            err =
                otterd__backup_failed(path, said == NULL ? "no memory" : said);
        }
    }
    sqlite3_finalize(statement);
    return err;
}

int otterd__copy_open(const struct otterd_workshop *shop, sqlite3 **db)
{
    char path[OTTERD_BACKUP_PATH];
    int err;

    *db = NULL;
    if (!otterd__path_join(path, shop->folder, "otterd.db")) {
        return otterd__backup_failed(shop->folder, "the path is too long");
    }
    if (sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        return otterd__backup_failed(path, sqlite3_errmsg(*db));
    }
    err = check_whole(*db, path);
    if (err == 0 && number_of(*db, "PRAGMA user_version") < 1) {
        err = otterd__backup_failed(path, "this is no database of otterd");
    }
    return err;
}

int otterd__copy_firmware(sqlite3 *db,
                          int (*each)(void *user, const char *sha256,
                                      int64_t size),
                          void *user)
{
    /* Later schemas remember firmware that was removed. */
    bool removes = number_of(db, "SELECT count(*) FROM "
                                 "pragma_table_info('firmware')"
                                 " WHERE name = 'removed'") > 0;
    const char *sql = removes ? "SELECT DISTINCT sha256, size FROM firmware"
                                " WHERE removed = 0"
                              : "SELECT DISTINCT sha256, size FROM firmware";
    sqlite3_stmt *statement;
    int err = 0;
    int rc;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
        return otterd__backup_failed("the copied database",
                                     sqlite3_errmsg(db));
    }
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *sha256 = (const char *)sqlite3_column_text(statement, 0);

        if (sha256 == NULL || strlen(sha256) != 64 ||
            strspn(sha256, "0123456789abcdef") != 64) {
            err = otterd__backup_failed("the copied database",
                                        "a firmware has no SHA-256");
        } else {
            err = each(user, sha256, sqlite3_column_int64(statement, 1));
        }
        if (err != 0) {
            break;
        }
    }
    if (err == 0 && rc != SQLITE_DONE) {
        err = otterd__backup_failed("the copied database", sqlite3_errmsg(db));
    }
    sqlite3_finalize(statement);
    return err;
}
