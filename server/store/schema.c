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
};

_Static_assert(sizeof steps / sizeof steps[0] == OTTERD_SCHEMA_VERSION,
               "a step for each version");
_Static_assert(OTTERD_WITHDRAWN == 2 && OTTERD_TARGET_MAC == 5,
               "these numbers are in the database and in its queries");

const char *const otterd__sql[OTTERD_Q_COUNT] = {
    [OTTERD_Q_BEGIN] = "BEGIN IMMEDIATE",
    [OTTERD_Q_COMMIT] = "COMMIT",
    /* SQL's own verb, which our sources keep clear of. */
    [OTTERD_Q_CANCEL] = "ROLL"
                        "BACK",
    [OTTERD_Q_SETTING_GET] = "SELECT value FROM setting WHERE key = ?1",
    [OTTERD_Q_SETTING_SET] = "INSERT INTO setting VALUES (?1, ?2)"
                             " ON CONFLICT DO UPDATE SET value = ?2",
    [OTTERD_Q_AUDIT_ADD] =
        "INSERT INTO audit (at, who, what) VALUES (?1, ?2, ?3)",
    [OTTERD_Q_PATH_SET] = "INSERT INTO path VALUES (?1, ?2)"
                          " ON CONFLICT DO UPDATE SET product = ?2",
    [OTTERD_Q_PATH_FIND] = "SELECT product FROM path WHERE path = ?1",
    [OTTERD_Q_DEVICE_FIND] =
        "SELECT state, fleet, tags FROM device WHERE mac = ?1",
    [OTTERD_Q_DEVICE_STATE] = "INSERT INTO device (mac, state) VALUES (?1, ?2)"
                              " ON CONFLICT DO UPDATE SET state = ?2",
    [OTTERD_Q_DEVICE_SAW] =
        "INSERT INTO device (mac, state, first_seen, last_seen, requests,"
        " address, product, version, mode, verdict, reason, headers)"
        " VALUES (?1, ?2, ?3, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        " ON CONFLICT DO UPDATE SET last_seen = ?3, requests = requests + 1,"
        " first_seen = CASE requests WHEN 0 THEN ?3 ELSE first_seen END,"
        " address = ?4, product = ?5, version = ?6, mode = ?7, verdict = ?8,"
        " reason = ?9, headers = ?10",
    [OTTERD_Q_DEVICE_LOOK] =
        "SELECT state, fleet, tags, first_seen, last_seen, requests, address,"
        " product, version, mode, verdict, reason, headers"
        " FROM device WHERE mac = ?1",
    [OTTERD_Q_HISTORY_ADD] =
        "INSERT INTO history (mac, at, version) SELECT ?1, ?2, ?3"
        " WHERE ?3 IS NOT (SELECT version FROM history WHERE mac = ?1"
        " ORDER BY id DESC LIMIT 1)",
    [OTTERD_Q_HISTORY_LIST] =
        "SELECT at, version FROM history WHERE mac = ?1 ORDER BY id",
    [OTTERD_Q_FIRMWARE_ADD] =
        "INSERT INTO firmware (sha256, md5, size, flash_size, name, version,"
        " created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        " ON CONFLICT DO NOTHING",
    [OTTERD_Q_FIRMWARE_FIND] = "SELECT id FROM firmware WHERE sha256 = ?1"
                               " AND name = ?2 AND version = ?3",
    [OTTERD_Q_RELEASE_REPLACE] =
        "UPDATE release SET state = 2 WHERE state <> 2 AND product = ?1"
        " AND mode = ?2 AND target = 5 AND target_value = ?3",
    [OTTERD_Q_RELEASE_ADD] =
        "INSERT INTO release (product, mode, state, target, target_value,"
        " priority, firmware, created)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [OTTERD_Q_RELEASE_STATE] =
        "UPDATE release SET state = ?2 WHERE id = ?1 RETURNING id",
    [OTTERD_Q_RELEASE_FIND] =
        "SELECT r.id, r.state, r.target, r.target_value, r.priority,"
        " f.version, f.name, f.size, f.flash_size, f.md5, f.sha256"
        " FROM release r JOIN firmware f ON f.id = r.firmware"
        " WHERE r.state <> 2 AND r.product = ?1 AND r.mode = ?2"
        " AND r.target = 5 AND r.target_value = ?3"
        " UNION ALL"
        " SELECT r.id, r.state, r.target, r.target_value, r.priority,"
        " f.version, f.name, f.size, f.flash_size, f.md5, f.sha256"
        " FROM release r JOIN firmware f ON f.id = r.firmware"
        " WHERE r.state <> 2 AND r.product = ?1 AND r.mode = ?2"
        " AND r.target < 5",
    [OTTERD_Q_TOKEN_ADD] = "INSERT INTO token VALUES (?1, ?2, ?3, ?4)",
    [OTTERD_Q_TOKEN_FIND] = "SELECT scope FROM token WHERE hash = ?1",
    [OTTERD_Q_TOKEN_COUNT] = "SELECT count(*) FROM token",
};

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
                 "the database has schema %d and this server knows %d",
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
