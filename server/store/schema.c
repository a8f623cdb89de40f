/* SPDX-License-Identifier: Apache-2.0
 *
 * The database's schema as a list of steps; step n leads from version n to
 * n + 1 and is never changed once released.  All missing steps are one
 * transaction. */
#include "server/store/store_internal.h"

#include "format/error.h"

#include <stdio.h>

static const char *const steps[] = {
    "CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE path (path TEXT PRIMARY KEY, product TEXT NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE device (mac INTEGER PRIMARY KEY, state INTEGER NOT NULL,"
    " fleet TEXT NOT NULL DEFAULT '', tags TEXT NOT NULL DEFAULT '',"
    " first_seen INTEGER NOT NULL DEFAULT 0,"
    " last_seen INTEGER NOT NULL DEFAULT 0,"
    " requests INTEGER NOT NULL DEFAULT 0,"
    " address TEXT NOT NULL DEFAULT '', product TEXT NOT NULL DEFAULT '',"
    " version TEXT NOT NULL DEFAULT '', mode INTEGER NOT NULL DEFAULT 0,"
    " verdict INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',"
    " headers TEXT NOT NULL DEFAULT '');"
    "CREATE TABLE history (id INTEGER PRIMARY KEY, mac INTEGER NOT NULL,"
    " at INTEGER NOT NULL, version TEXT NOT NULL);"
    "CREATE INDEX history_mac ON history (mac, id);"
    "CREATE TABLE firmware (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL,"
    " md5 TEXT NOT NULL, size INTEGER NOT NULL, flash_size INTEGER NOT NULL,"
    " name TEXT NOT NULL, version TEXT NOT NULL, created INTEGER NOT NULL,"
    " UNIQUE (sha256, name, version));"
    "CREATE TABLE release (id INTEGER PRIMARY KEY, product TEXT NOT NULL,"
    " mode INTEGER NOT NULL, state INTEGER NOT NULL, target INTEGER NOT NULL,"
    " target_value TEXT NOT NULL, priority INTEGER NOT NULL,"
    " firmware INTEGER NOT NULL REFERENCES firmware (id),"
    " created INTEGER NOT NULL);"
    "CREATE INDEX release_target ON release (product, mode, target,"
    " target_value) WHERE state <> 2;"
    "CREATE TABLE token (hash TEXT PRIMARY KEY, name TEXT NOT NULL,"
    " scope INTEGER NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE audit (id INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
    " who TEXT NOT NULL, what TEXT NOT NULL);",
    /* 2: the API's. */
    "INSERT OR IGNORE INTO path VALUES ('/update', '');"
    "ALTER TABLE path ADD COLUMN dialect INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE device ADD COLUMN name TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE device ADD COLUMN fs_version TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE device ADD COLUMN status TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE device ADD COLUMN answer INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE device ADD COLUMN dialect INTEGER NOT NULL DEFAULT 1;"
    "UPDATE device SET answer = CASE verdict WHEN 0 THEN 200 WHEN 3 THEN 500"
    " ELSE 304 END WHERE requests > 0;"
    "CREATE INDEX device_state ON device (state, mac);"
    "ALTER TABLE history ADD COLUMN event TEXT NOT NULL DEFAULT 'reported';"
    "ALTER TABLE history ADD COLUMN detail TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE delivery (mac INTEGER NOT NULL, mode INTEGER NOT NULL,"
    " release INTEGER NOT NULL, version TEXT NOT NULL,"
    " state INTEGER NOT NULL, counted INTEGER NOT NULL,"
    " PRIMARY KEY (mac, mode)) WITHOUT ROWID;"
    "CREATE TABLE firmware2 (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL,"
    " md5 TEXT NOT NULL, image_md5 TEXT NOT NULL DEFAULT '',"
    " size INTEGER NOT NULL, flash_size INTEGER NOT NULL,"
    " chip INTEGER NOT NULL DEFAULT 0,"
    " kind INTEGER NOT NULL, gzip INTEGER NOT NULL, name TEXT NOT NULL,"
    " version TEXT NOT NULL, board TEXT NOT NULL, filename TEXT NOT NULL,"
    " notes TEXT NOT NULL, created INTEGER NOT NULL, author TEXT NOT NULL,"
    " removed INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE (sha256, kind, name, version, filename));"
    "INSERT INTO firmware2 (id, sha256, md5, image_md5, size, flash_size,"
    " chip, kind, gzip, name, version, board, filename, notes, created, "
    "author)"
    " SELECT id, sha256, md5, CASE flash_size WHEN 0 THEN '' ELSE md5 END,"
    " size, flash_size, flash_size > 0, 0, flash_size = 0, name,"
    " version, '', name, '', created, 'import' FROM firmware;"
    "DROP TABLE firmware;"
    "ALTER TABLE firmware2 RENAME TO firmware;"
    "ALTER TABLE release ADD COLUMN notes TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE release ADD COLUMN author TEXT NOT NULL DEFAULT 'import';"
    "ALTER TABLE release ADD COLUMN offered INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE release ADD COLUMN downloaded INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE release ADD COLUMN installed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE release ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX release_firmware ON release (firmware);"
    "CREATE TABLE token2 (id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE,"
    " name TEXT NOT NULL, scope INTEGER NOT NULL, created INTEGER NOT NULL);"
    "INSERT INTO token2 (hash, name, scope, created)"
    " SELECT hash, name, scope, created FROM token ORDER BY created;"
    "DROP TABLE token;"
    "ALTER TABLE token2 RENAME TO token;"
    "CREATE TABLE session (hash TEXT PRIMARY KEY, token INTEGER NOT NULL"
    " REFERENCES token (id) ON DELETE CASCADE, created INTEGER NOT NULL)"
    " WITHOUT ROWID;",
    /* 3: how far each release is at each of its devices; `delivery` knows the
     * newest alone. */
    "CREATE TABLE step (release INTEGER NOT NULL, mac INTEGER NOT NULL,"
    " event TEXT NOT NULL, version TEXT NOT NULL, at INTEGER NOT NULL,"
    " PRIMARY KEY (release, mac)) WITHOUT ROWID;"
    "CREATE INDEX step_mac ON step (mac);"
    "INSERT INTO step SELECT d.release, d.mac, CASE d.state WHEN 1 THEN"
    " 'offered' WHEN 2 THEN 'downloaded' WHEN 3 THEN 'trial' WHEN 4 THEN"
    " 'installed' ELSE 'failed' END, CASE d.mode WHEN 1 THEN v.fs_version"
    " ELSE v.version END, v.last_seen FROM delivery d JOIN device v"
    " ON v.mac = d.mac WHERE d.release <> 0 AND d.state <> 0;",
    /* 4: what is packed has another size in flash; a device counts once for
     * each of its releases.  For what was counted before, the step tells as
     * much as is certain. */
    "ALTER TABLE firmware ADD COLUMN image_size INTEGER NOT NULL DEFAULT 0;"
    "UPDATE firmware SET image_size = size WHERE NOT gzip;"
    "ALTER TABLE step ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;"
    "UPDATE step SET counted = CASE event WHEN 'offered' THEN 1"
    " WHEN 'downloaded' THEN 3 WHEN 'trial' THEN 3 WHEN 'installed' THEN 7"
    " WHEN 'confirmed' THEN 7 ELSE 11 END;"
    "UPDATE step SET counted = d.counted FROM delivery d"
    " WHERE d.release = step.release AND d.mac = step.mac;",
};

_Static_assert(sizeof steps / sizeof steps[0] == OTTERD_SCHEMA_VERSION,
               "a step for each version");

static int version_of(struct otterd_store *store, int *version)
{
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &statement,
                           NULL) != SQLITE_OK) {
        return otterd__store_failed(store);
    }
    *version = sqlite3_step(statement) == SQLITE_ROW
                   ? sqlite3_column_int(statement, 0)
                   : -1;
    return sqlite3_finalize(statement) == SQLITE_OK
               ? 0
               : otterd__store_failed(store);
}

static int take_steps(struct otterd_store *store, int version)
{
    char line[48];

    for (; version < OTTERD_SCHEMA_VERSION; version++) {
        if (sqlite3_exec(store->db, steps[version], NULL, NULL, NULL) !=
            SQLITE_OK) {
            return otterd__store_failed(store);
        }
    }
    snprintf(line, sizeof line, "PRAGMA user_version = %d", version);
    if (sqlite3_exec(store->db, line, NULL, NULL, NULL) != SQLITE_OK) {
        return otterd__store_failed(store);
    }
    return 0;
}

int otterd__store_migrate(struct otterd_store *store)
{
    int version = -1;
    int err = version_of(store, &version);

    if (err != 0 || version == OTTERD_SCHEMA_VERSION) {
        return err;
    }
    err = otterd_store_begin(store);
    if (err != 0) {
        return err;
    }
    /* Another process may have been faster. */
    err = version_of(store, &version);
    if (err == 0 && (version > OTTERD_SCHEMA_VERSION || version < 0)) {
        snprintf(store->error, sizeof store->error,
                 "the database has schema %d and this server knows %d; "
                 "use the newer server, or restore a backup",
                 version, OTTERD_SCHEMA_VERSION);
        err = OTTER_ERR_INVALID;
    }
    if (err == 0) {
        err = take_steps(store, version);
    }
    if (err == 0) {
        err = otterd_store_commit(store);
    }
    if (err != 0) {
        otterd_store_cancel(store);
    }
    return err;
}
