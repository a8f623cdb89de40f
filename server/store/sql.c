/* SPDX-License-Identifier: Apache-2.0
 *
 * The SQL of every query.  Values come in as parameters, never as text. */
#include "server/store/store_internal.h"

#include "server/delivery.h"

_Static_assert(OTTERD_WITHDRAWN == 2 && OTTERD_TARGET_MAC == 5 &&
                   OTTERD_FILE_SYSTEM == 1 && OTTERD_PENDING == 1 &&
                   OTTERD_COUNT_OFFERED == 1 && OTTERD_COUNT_DOWNLOADED == 2 &&
                   OTTERD_COUNT_INSTALLED == 4 && OTTERD_COUNT_FAILED == 8,
               "these numbers are in the database and in its queries");

#define DEVICE_COLUMNS                                                        \
    "SELECT mac, state, fleet, tags, name, fs_version, first_seen,"           \
    " last_seen, requests, address, product, version, mode, verdict, status," \
    " answer, reason, headers, dialect FROM device"

/* ?2 state, ?3 version, ?4 group, ?5 tag, ?6 the text that is looked for with
 * ?7 ?8 as digits of a MAC, see search.c. */
#define DEVICE_FILTER                                                         \
    " AND (?3 IS NULL OR version = ?3) AND (?4 IS NULL OR fleet = ?4)"        \
    " AND (?5 IS NULL OR instr(' ' || tags || ' ', ' ' || ?5 || ' '))"        \
    " AND (?6 IS NULL OR otterd_search(?6, ?7, ?8, mac, version, name,"       \
    " address, fleet, tags, product)) ORDER BY mac LIMIT ?9"

#define FIRMWARE_COLUMNS                                                      \
    "SELECT id, name, version, board, filename, notes, kind, gzip, size,"     \
    " flash_size, md5, image_md5, sha256, created, author, chip, image_size"  \
    " FROM firmware"

/* What the decision needs, in the order that release.c reads it. */
#define RELEASE_COLUMNS                                                       \
    "SELECT r.id, r.state, r.target, r.target_value, r.priority,"             \
    " f.version, f.filename, f.size, f.flash_size, f.md5, f.image_md5,"       \
    " f.sha256, f.chip, f.image_size"
#define RELEASE_FROM " FROM release r JOIN firmware f ON f.id = r.firmware"
#define RELEASE_VIEW                                                          \
    RELEASE_COLUMNS                                                           \
    ", r.product, r.mode, r.firmware, f.name, r.notes, r.created, r.author,"  \
    " r.offered, r.downloaded, r.installed, r.failed" RELEASE_FROM

const char *const otterd__sql[OTTERD_Q_COUNT] = {
    [OTTERD_Q_BEGIN] = "BEGIN IMMEDIATE",
    [OTTERD_Q_BEGIN_VIEW] = "BEGIN",
    [OTTERD_Q_LOOK] = "SELECT max(id) FROM audit",
    [OTTERD_Q_COMMIT] = "COMMIT",
    /* SQL's own verb, which our sources keep clear of. */
    [OTTERD_Q_CANCEL] = "ROLL"
                        "BACK",
    [OTTERD_Q_SETTING_GET] = "SELECT value FROM setting WHERE key = ?1",
    [OTTERD_Q_SETTING_SET] = "INSERT INTO setting VALUES (?1, ?2)"
                             " ON CONFLICT DO UPDATE SET value = ?2",
    [OTTERD_Q_AUDIT_ADD] =
        "INSERT INTO audit (at, who, what) VALUES (?1, ?2, ?3)",
    [OTTERD_Q_AUDIT_LIST] =
        "SELECT id, at, who, what FROM audit WHERE ?1 = 0 OR id < ?1"
        " ORDER BY id DESC LIMIT ?2",
    [OTTERD_Q_PATH_SET] =
        "INSERT INTO path (path, product, dialect) VALUES (?1, ?2, ?3)"
        " ON CONFLICT DO UPDATE SET product = ?2, dialect = ?3",
    [OTTERD_Q_PATH_FIND] =
        "SELECT path, product, CASE dialect WHEN 0 THEN coalesce((SELECT CASE"
        " value WHEN 'current' THEN 2 END FROM setting"
        " WHERE key = 'dialect'), 1) ELSE dialect END"
        " FROM path WHERE path = ?1",
    [OTTERD_Q_PATH_REMOVE] = "DELETE FROM path WHERE path = ?1 RETURNING path",
    [OTTERD_Q_PATH_LIST] =
        "SELECT path, product, dialect FROM path WHERE ?1 IS NULL OR path > ?1"
        " ORDER BY path LIMIT ?2",

    [OTTERD_Q_DEVICE_FIND] =
        "SELECT mac, state, fleet, tags FROM device WHERE mac = ?1",
    [OTTERD_Q_DEVICE_CHANGE] =
        "INSERT INTO device (mac, state, fleet, tags, name) VALUES (?1,"
        " CASE ?2 WHEN 0 THEN 1 ELSE ?2 END, coalesce(?3, ''),"
        " coalesce(?4, ''), coalesce(?5, '')) ON CONFLICT DO UPDATE SET"
        " state = CASE ?2 WHEN 0 THEN state ELSE ?2 END,"
        " fleet = coalesce(?3, fleet), tags = coalesce(?4, tags),"
        " name = coalesce(?5, name)",
    [OTTERD_Q_DEVICE_SAW] =
        "INSERT INTO device (mac, state, first_seen, last_seen, requests,"
        " address, product, version, fs_version, mode, verdict, reason,"
        " headers, status, answer, dialect)"
        " VALUES (?1, ?2, ?3, ?3, 1, ?4, ?5, CASE ?7 WHEN 1 THEN '' ELSE ?6"
        " END, CASE ?7 WHEN 1 THEN ?6 ELSE '' END, ?7, ?8, ?9, ?10, ?11, ?12,"
        " ?13)"
        " ON CONFLICT DO UPDATE SET last_seen = ?3, requests = requests + 1,"
        " first_seen = CASE requests WHEN 0 THEN ?3 ELSE first_seen END,"
        " address = ?4, product = ?5,"
        " version = CASE ?7 WHEN 1 THEN version ELSE ?6 END,"
        " fs_version = CASE ?7 WHEN 1 THEN ?6 ELSE fs_version END,"
        " mode = ?7, verdict = ?8, reason = ?9, headers = ?10, status = ?11,"
        " answer = ?12, dialect = ?13",
    [OTTERD_Q_DEVICE_KNEW] = "SELECT version, fs_version, status FROM device"
                             " WHERE mac = ?1 AND requests > 0",
    [OTTERD_Q_DEVICE_LOOK] = DEVICE_COLUMNS " WHERE mac = ?1",
    [OTTERD_Q_DEVICE_LIST] =
        DEVICE_COLUMNS " WHERE mac > ?1 AND ?2 = 0" DEVICE_FILTER,
    [OTTERD_Q_DEVICE_LIST_STATE] =
        DEVICE_COLUMNS " WHERE state = ?2 AND mac > ?1" DEVICE_FILTER,
    [OTTERD_Q_DEVICE_FORGET] =
        "DELETE FROM device WHERE mac = ?1 RETURNING mac",
    [OTTERD_Q_HISTORY_ADD] =
        "INSERT INTO history (mac, at, version, event, detail)"
        " VALUES (?1, ?2, ?3, ?4, ?5)",
    [OTTERD_Q_HISTORY_PRUNE] =
        "DELETE FROM history WHERE mac = ?1 AND id <= (SELECT id FROM history"
        " WHERE mac = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
    [OTTERD_Q_HISTORY_LIST] =
        "SELECT id, at, version, event, detail FROM history WHERE mac = ?1"
        " AND (?2 = 0 OR id < ?2) ORDER BY id DESC LIMIT ?3",
    [OTTERD_Q_HISTORY_FORGET] = "DELETE FROM history WHERE mac = ?1",
    [OTTERD_Q_DELIVERY_GET] =
        "SELECT release, version, state, counted FROM delivery"
        " WHERE mac = ?1 AND mode = ?2",
    [OTTERD_Q_DELIVERY_SET] =
        "INSERT INTO delivery (mac, mode, release, version, state, counted)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET"
        " release = ?3, version = ?4, state = ?5, counted = ?6",
    [OTTERD_Q_DELIVERY_FORGET] = "DELETE FROM delivery WHERE mac = ?1",

    [OTTERD_Q_STEP_SET] =
        "INSERT INTO step (release, mac, event, version, at, counted)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET"
        " event = ?3, version = ?4, at = ?5, counted = ?6",
    [OTTERD_Q_STEP_COUNTED] =
        "SELECT counted FROM step WHERE release = ?1 AND mac = ?2",
    [OTTERD_Q_STEP_UNCOUNT] =
        "UPDATE release SET offered = offered - (s.counted & 1 <> 0),"
        " downloaded = downloaded - (s.counted & 2 <> 0),"
        " installed = installed - (s.counted & 4 <> 0),"
        " failed = failed - (s.counted & 8 <> 0)"
        " FROM step s WHERE s.mac = ?1 AND release.id = s.release",
    [OTTERD_Q_STEP_LIST] =
        "SELECT s.mac, coalesce(d.name, ''), s.event, s.version, s.at"
        " FROM step s LEFT JOIN device d ON d.mac = s.mac"
        " WHERE s.release = ?1 AND s.mac > ?2 AND (?3 IS NULL OR"
        " s.event = ?3) ORDER BY s.mac LIMIT ?4",
    [OTTERD_Q_STEP_FORGET] = "DELETE FROM step WHERE mac = ?1",

    [OTTERD_Q_FIRMWARE_ADD] =
        "INSERT INTO firmware (sha256, md5, size, flash_size, kind, gzip,"
        " name, version, board, filename, notes, created, author, image_md5,"
        " chip, image_size)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
        " ?14, ?15, ?16)"
        " ON CONFLICT DO UPDATE SET removed = 0, board = ?9, notes = ?11,"
        " created = ?12, author = ?13 WHERE removed",
    /* An older server did not know as much of the same bytes. */
    [OTTERD_Q_FIRMWARE_LEARN] =
        "UPDATE firmware SET flash_size = ?2, gzip = ?3, image_md5 = ?4,"
        " chip = ?5, image_size = ?6 WHERE sha256 = ?1 AND kind = ?7 AND"
        " (flash_size, gzip, image_md5, chip, image_size) IS NOT"
        " (?2, ?3, ?4, ?5, ?6)",
    [OTTERD_Q_FIRMWARE_SAME] =
        "SELECT id FROM firmware WHERE sha256 = ?1 AND kind = ?2 AND name = ?3"
        " AND version = ?4 AND filename = ?5",
    [OTTERD_Q_FIRMWARE_GET] =
        FIRMWARE_COLUMNS " WHERE id = ?1 AND NOT removed",
    [OTTERD_Q_FIRMWARE_FIND] =
        FIRMWARE_COLUMNS " WHERE kind = ?1 AND name = ?2 AND version = ?3"
                         " AND NOT removed ORDER BY id DESC LIMIT 1",
    [OTTERD_Q_FIRMWARE_LIST] =
        FIRMWARE_COLUMNS " WHERE NOT removed AND (?1 = 0 OR id < ?1)"
                         " ORDER BY id DESC LIMIT ?2",
    [OTTERD_Q_FIRMWARE_USES] = "SELECT count(*) FROM release"
                               " WHERE firmware = ?1 AND state <> 2",
    [OTTERD_Q_FIRMWARE_REMOVE] =
        "UPDATE firmware SET removed = 1 WHERE id = ?1 AND NOT removed"
        " RETURNING id",
    [OTTERD_Q_FIRMWARE_FILE_USES] =
        "SELECT count(*) FROM firmware WHERE sha256 = ?1 AND NOT removed",
    [OTTERD_Q_FIRMWARE_FILE_REMOVED] =
        "SELECT count(*) FROM firmware WHERE sha256 = ?1 AND removed"
        " AND NOT EXISTS (SELECT 1 FROM firmware WHERE sha256 = ?1"
        " AND NOT removed)",

    [OTTERD_Q_RELEASE_REPLACE] =
        "UPDATE release SET state = 2 WHERE state <> 2 AND product = ?1"
        " AND mode = ?2 AND target = 5 AND target_value = ?3 RETURNING id",
    [OTTERD_Q_RELEASE_ADD] =
        "INSERT INTO release (product, mode, state, target, target_value,"
        " priority, firmware, created, notes, author)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [OTTERD_Q_RELEASE_STATE] =
        "UPDATE release SET state = ?2 WHERE id = ?1 RETURNING id",
    [OTTERD_Q_RELEASE_DESCRIBE] =
        "UPDATE release SET priority = ?2, notes = coalesce(?3, notes)"
        " WHERE id = ?1 RETURNING id",
    [OTTERD_Q_RELEASE_FIND_MAC] = RELEASE_COLUMNS RELEASE_FROM
    " WHERE r.state <> 2 AND r.product = ?1 AND r.mode = ?2"
    " AND r.target = 5 AND r.target_value = ?3",
    [OTTERD_Q_RELEASE_FIND_OTHER] = RELEASE_COLUMNS RELEASE_FROM
    " WHERE r.state <> 2 AND r.product = ?1 AND r.mode = ?2"
    " AND r.target < 5",
    [OTTERD_Q_RELEASE_HAS_MAC] =
        "SELECT 1 FROM release WHERE state <> 2 AND product = ?1"
        " AND mode = ?2 AND target = 5 LIMIT 1",
    [OTTERD_Q_RELEASE_GET] = RELEASE_VIEW " WHERE r.id = ?1",
    [OTTERD_Q_RELEASE_LIST] =
        RELEASE_VIEW " WHERE (?1 = 0 OR r.id < ?1) AND (?2 < 0 OR"
                     " r.state = ?2) AND (?3 IS NULL OR r.product = ?3)"
                     " ORDER BY r.id DESC LIMIT ?4",
    [OTTERD_Q_RELEASE_COUNT] =
        "UPDATE release SET offered = offered + ?2,"
        " downloaded = downloaded + ?3, installed = installed + ?4,"
        " failed = failed + ?5 WHERE id = ?1",

    [OTTERD_Q_TOKEN_ADD] = "INSERT INTO token (hash, name, scope, created)"
                           " VALUES (?1, ?2, ?3, ?4)",
    [OTTERD_Q_TOKEN_ALL] =
        "SELECT id, name, scope, created, hash FROM token ORDER BY id",
    [OTTERD_Q_TOKEN_LIST] =
        "SELECT id, name, scope, created FROM token WHERE id > ?1"
        " ORDER BY id LIMIT ?2",
    [OTTERD_Q_TOKEN_COUNT] = "SELECT count(*) FROM token",
    [OTTERD_Q_TOKEN_ADMINS] =
        "SELECT count(*) FROM token WHERE scope = 2 AND id <> ?1",
    [OTTERD_Q_TOKEN_REMOVE] = "DELETE FROM token WHERE id = ?1 RETURNING name",
    [OTTERD_Q_SESSION_ADD] = "INSERT INTO session VALUES (?1, ?2, ?3)",
    [OTTERD_Q_SESSION_ALL] =
        "SELECT t.id, t.name, t.scope, t.created, s.hash"
        " FROM session s JOIN token t ON t.id = s.token WHERE s.created > ?1",
    [OTTERD_Q_SESSION_PRUNE] =
        "DELETE FROM session WHERE created <= ?1 OR hash IN (SELECT hash"
        " FROM session ORDER BY created DESC LIMIT -1 OFFSET 499)",
    [OTTERD_Q_SESSION_REMOVE] = "DELETE FROM session WHERE hash = ?1",
};
