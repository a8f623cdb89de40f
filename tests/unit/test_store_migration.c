/* SPDX-License-Identifier: Apache-2.0
 *
 * Databases of older servers are brought up to date with all that is in them.
 * Each version is written out here as SQL of its own and is never changed. */
#include "server/store/devices.h"
#include "server/store/firmware.h"
#include "server/store/tokens.h"

#include "format/error.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MAC 0x18FE34000001ull
#define TOKEN                                                                 \
    "otter_00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char version_1[] =
    "PRAGMA journal_mode = WAL;"
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
    " who TEXT NOT NULL, what TEXT NOT NULL);"
    "PRAGMA user_version = 1;"
    "INSERT INTO setting VALUES ('policy', 'accept');"
    "INSERT INTO path VALUES ('/update.php', 'lamp');"
    "INSERT INTO device VALUES (27480073175041, 2, 'lab', 'a b', 100, 200, 7,"
    " '192.0.2.1', 'lamp', '1.0', 0, 0, 'A reason.',"
    " 'x-ESP8266-STA-MAC: 18:FE:34:00:00:01' || char(10));"
    "INSERT INTO history VALUES (1, 27480073175041, 100, '0.9');"
    "INSERT INTO history VALUES (2, 27480073175041, 200, '1.0');"
    "INSERT INTO firmware VALUES (3, 'aa', 'bb', 5, 4194304, '2.0.bin',"
    " '2.0', 300);"
    "INSERT INTO firmware VALUES (4, 'cc', 'dd', 6, 0, '2.0.bin', '2.0',"
    " 301);"
    "INSERT INTO release VALUES (9, 'lamp', 0, 0, 5, '18fe34000001', 1, 3,"
    " 400);"
    "INSERT INTO token VALUES ('"
    "ba712bf43ec823bd18983d42869d594d197ae7862b8581066e35c8625fc47289', 'old',"
    " 2, 500);"
    "INSERT INTO audit VALUES (1, 600, 'import', 'something');";

struct rig {
    char dir[64];
    struct otterd_store *store;
};

static void open_old(struct rig *rig, const char *sql)
{
    char path[128];
    char *error = NULL;
    sqlite3 *db;

    strcpy(rig->dir, "/tmp/otter-old-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    snprintf(path, sizeof path, "%s/otterd.db", rig->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s", error);
    }
    sqlite3_close(db);
    assert_int_equal(otterd_store_open(&rig->store, rig->dir), 0);
}

/* Closes, and has SQLite look whether all of it is sound. */
static void close_sound(struct rig *rig)
{
    static const char *const checks[] = {"PRAGMA integrity_check",
                                         "PRAGMA foreign_key_check"};
    char path[128];
    sqlite3 *db;

    otterd_store_close(rig->store);
    snprintf(path, sizeof path, "%s/otterd.db", rig->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *row;

        assert_int_equal(sqlite3_prepare_v2(db, checks[i], -1, &row, NULL),
                         SQLITE_OK);
        if (i == 0) {
            assert_int_equal(sqlite3_step(row), SQLITE_ROW);
            assert_string_equal(sqlite3_column_text(row, 0), "ok");
        } else {
            assert_int_equal(sqlite3_step(row), SQLITE_DONE);
        }
        sqlite3_finalize(row);
    }
    sqlite3_close(db);
    unlink(path);
    assert_int_equal(rmdir(rig->dir), 0);
}

static void append(void *user, const struct otterd_history_row *row)
{
    char *text = user;

    snprintf(text + strlen(text), 100 - strlen(text), "%d %s %s;",
             (int)row->at, row->event, row->version);
}

static void test_store_of_version_1_keeps_its_devices(void **state)
{
    struct otterd_device_view view;
    char text[100] = "";
    struct rig rig;

    (void)state;
    open_old(&rig, version_1);
    assert_int_equal(otterd_device_look(rig.store, MAC, &view), 0);
    assert_int_equal(view.device.state, OTTERD_ACCEPTED);
    assert_string_equal(view.device.group, "lab");
    assert_string_equal(view.device.tags, "a b");
    assert_string_equal(view.name, "");
    assert_int_equal(view.first_seen, 100);
    assert_int_equal(view.last.at, 200);
    assert_int_equal(view.requests, 7);
    assert_string_equal(view.last.version, "1.0");
    assert_int_equal(view.last.answer, 200);
    assert_non_null(strstr(view.last.headers, "STA-MAC"));
    assert_int_equal(otterd_device_history(rig.store, MAC, 0, 9, append, text),
                     0);
    assert_string_equal(text, "200 reported 1.0;100 reported 0.9;");
    close_sound(&rig);
}

static void test_store_of_version_1_keeps_its_releases(void **state)
{
    struct otterd_ask ask = {.mac = MAC, .product = "lamp"};
    struct otterd_release_view view;
    struct otterd_firmware firmware;
    struct otterd_release *list;
    struct rig rig;
    size_t count;

    (void)state;
    open_old(&rig, version_1);
    assert_int_equal(otterd_firmware_get(rig.store, 4, &firmware), 0);
    assert_true(firmware.gzip);
    assert_int_equal(otterd_firmware_get(rig.store, 3, &firmware), 0);
    assert_string_equal(firmware.filename, "2.0.bin");
    assert_string_equal(firmware.version, "2.0");
    assert_string_equal(firmware.sha256, "aa");
    assert_int_equal(firmware.flash_size, 4194304);
    assert_false(firmware.gzip);
    assert_int_equal(firmware.chip, OTTERD_ESP8266);
    assert_int_equal(otterd_release_get(rig.store, 9, &view), 0);
    assert_int_equal(view.firmware, 3);
    assert_int_equal(view.release.priority, 1);
    assert_int_equal(view.offered, 0);
    assert_int_equal(otterd_release_find(rig.store, &ask, &list, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(list[0].id, 9);
    assert_string_equal(list[0].file_name, "2.0.bin");
    free(list);
    close_sound(&rig);
}

static void test_store_of_version_1_keeps_the_rest(void **state)
{
    char value[OTTERD_VALUE_MAX];
    char token[OTTERD_TOKEN_SIZE];
    struct otterd_token who;
    struct otterd_path path;
    struct rig rig;

    (void)state;
    open_old(&rig, version_1);
    assert_int_equal(otterd_token_check(rig.store, TOKEN, &who), 0);
    assert_string_equal(who.name, "old");
    assert_int_equal(who.scope, OTTERD_SCOPE_ADMIN);
    assert_int_equal(who.created, 500);
    assert_int_equal(otterd_token_first(rig.store, token), 0);
    assert_int_equal(otterd_setting_get(rig.store, "policy", "", value), 0);
    assert_string_equal(value, "accept");
    assert_int_equal(otterd_path_find(rig.store, "/update.php", &path), 0);
    assert_string_equal(path.product, "lamp");
    assert_int_equal(path.dialect, OTTERD_DIALECT_MANUAL);
    /* What was built in is now written down. */
    assert_int_equal(otterd_path_find(rig.store, "/update", &path), 0);
    assert_string_equal(path.product, "");
    close_sound(&rig);
}

/* Of version 2 what later steps read. */
static const char version_2[] =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE device (mac INTEGER PRIMARY KEY, state INTEGER NOT NULL,"
    " fleet TEXT NOT NULL DEFAULT '', tags TEXT NOT NULL DEFAULT '',"
    " first_seen INTEGER NOT NULL DEFAULT 0,"
    " last_seen INTEGER NOT NULL DEFAULT 0,"
    " requests INTEGER NOT NULL DEFAULT 0,"
    " address TEXT NOT NULL DEFAULT '', product TEXT NOT NULL DEFAULT '',"
    " version TEXT NOT NULL DEFAULT '', mode INTEGER NOT NULL DEFAULT 0,"
    " verdict INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',"
    " headers TEXT NOT NULL DEFAULT '', dialect INTEGER NOT NULL DEFAULT 1,"
    " name TEXT NOT NULL DEFAULT '', fs_version TEXT NOT NULL DEFAULT '',"
    " status TEXT NOT NULL DEFAULT '', answer INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE delivery (mac INTEGER NOT NULL, mode INTEGER NOT NULL,"
    " release INTEGER NOT NULL, version TEXT NOT NULL,"
    " state INTEGER NOT NULL, counted INTEGER NOT NULL,"
    " PRIMARY KEY (mac, mode)) WITHOUT ROWID;"
    "CREATE TABLE firmware (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL,"
    " md5 TEXT NOT NULL, image_md5 TEXT NOT NULL DEFAULT '',"
    " size INTEGER NOT NULL, flash_size INTEGER NOT NULL,"
    " chip INTEGER NOT NULL DEFAULT 0,"
    " kind INTEGER NOT NULL, gzip INTEGER NOT NULL, name TEXT NOT NULL,"
    " version TEXT NOT NULL, board TEXT NOT NULL, filename TEXT NOT NULL,"
    " notes TEXT NOT NULL, created INTEGER NOT NULL, author TEXT NOT NULL,"
    " removed INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE (sha256, kind, name, version, filename));"
    "PRAGMA user_version = 2;"
    "INSERT INTO device (mac, state, last_seen, version, fs_version, name)"
    " VALUES (1, 2, 100, '1.0', 'f1', 'one'), (2, 2, 200, '2.0', 'f2', ''),"
    " (3, 2, 300, '2.0', '', ''), (4, 2, 400, '1.5', '', ''),"
    " (5, 2, 500, '1.0', '', '');"
    "INSERT INTO delivery VALUES (1, 0, 7, '2.0', 1, 1),"
    " (2, 0, 7, '2.0', 4, 7), (2, 1, 8, 'f3', 2, 3), (3, 0, 7, '2.0', 3, 3),"
    " (4, 0, 7, '2.0', 5, 11), (5, 0, 0, '', 0, 0);";

static void append_step(void *user, const struct otterd_release_device *d)
{
    char *text = user;

    snprintf(text + strlen(text), 200 - strlen(text), "%d %s %s %s %d;",
             (int)d->mac, d->name, d->state, d->version, (int)d->at);
}

static void test_store_of_version_2_knows_how_far_each_device_is(void **state)
{
    char text[200] = "";
    struct rig rig;

    (void)state;
    open_old(&rig, version_2);
    assert_int_equal(
        otterd_release_devices(rig.store, 7, -1, 99, NULL, append_step, text),
        0);
    assert_string_equal(text, "1 one offered 1.0 100;2  installed 2.0 200;"
                              "3  trial 2.0 300;4  failed 1.5 400;");
    text[0] = '\0';
    assert_int_equal(
        otterd_release_devices(rig.store, 8, -1, 99, NULL, append_step, text),
        0);
    assert_string_equal(text, "2  downloaded f2 200;");
    text[0] = '\0';
    assert_int_equal(
        otterd_release_devices(rig.store, 7, 1, 1, NULL, append_step, text),
        0);
    assert_string_equal(text, "2  installed 2.0 200;");
    close_sound(&rig);
}

/* Of version 3 what later steps read. */
static const char version_3[] =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE delivery (mac INTEGER NOT NULL, mode INTEGER NOT NULL,"
    " release INTEGER NOT NULL, version TEXT NOT NULL,"
    " state INTEGER NOT NULL, counted INTEGER NOT NULL,"
    " PRIMARY KEY (mac, mode)) WITHOUT ROWID;"
    "CREATE TABLE step (release INTEGER NOT NULL, mac INTEGER NOT NULL,"
    " event TEXT NOT NULL, version TEXT NOT NULL, at INTEGER NOT NULL,"
    " PRIMARY KEY (release, mac)) WITHOUT ROWID;"
    "CREATE INDEX step_mac ON step (mac);"
    "CREATE TABLE firmware (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL,"
    " md5 TEXT NOT NULL, image_md5 TEXT NOT NULL DEFAULT '',"
    " size INTEGER NOT NULL, flash_size INTEGER NOT NULL,"
    " chip INTEGER NOT NULL DEFAULT 0,"
    " kind INTEGER NOT NULL, gzip INTEGER NOT NULL, name TEXT NOT NULL,"
    " version TEXT NOT NULL, board TEXT NOT NULL, filename TEXT NOT NULL,"
    " notes TEXT NOT NULL, created INTEGER NOT NULL, author TEXT NOT NULL,"
    " removed INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE (sha256, kind, name, version, filename));"
    "PRAGMA user_version = 3;"
    "INSERT INTO firmware (id, sha256, md5, size, flash_size, kind, gzip,"
    " name, version, board, filename, notes, created, author) VALUES"
    " (1, 'a', 'b', 500, 4194304, 0, 0, 'n', '1', '', 'f', '', 1, 'w'),"
    " (2, 'c', 'd', 300, 4194304, 0, 1, 'n', '2', '', 'f', '', 1, 'w'),"
    " (3, 'e', 'f', 400, 0, 1, 0, 'n', '3', '', 'f', '', 1, 'w');"
    "INSERT INTO step VALUES (7, 1, 'offered', '1.0', 100),"
    " (7, 2, 'downloaded', '1.0', 100), (7, 3, 'trial', '2.0', 100),"
    " (7, 4, 'installed', '2.0', 100), (7, 5, 'confirmed', '2.0', 100),"
    " (7, 6, 'reverted', '1.0', 100), (7, 7, 'failed', '1.0', 100),"
    " (8, 7, 'offered', '1.0', 200), (8, 8, 'trial', '1.0', 200);"
    /* The last one had failed before, which only its delivery knows. */
    "INSERT INTO delivery VALUES (7, 0, 8, '3.0', 1, 1),"
    " (8, 0, 8, '3.0', 3, 11), (8, 1, 7, 'f', 1, 1);";

static unsigned counted_of(struct rig *rig, int release, int mac)
{
    char path[128];
    char sql[96];
    sqlite3 *db;
    sqlite3_stmt *row;
    unsigned counted;

    snprintf(path, sizeof path, "%s/otterd.db", rig->dir);
    snprintf(sql, sizeof sql,
             "SELECT counted FROM step WHERE release = %d AND mac = %d",
             release, mac);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    counted = (unsigned)sqlite3_column_int(row, 0);
    sqlite3_finalize(row);
    sqlite3_close(db);
    return counted;
}

static void test_store_of_version_3_knows_what_is_counted(void **state)
{
    static const unsigned of_7[] = {1, 3, 3, 7, 7, 11, 11};
    struct rig rig;

    (void)state;
    open_old(&rig, version_3);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(counted_of(&rig, 7, i + 1), of_7[i]);
    }
    assert_int_equal(counted_of(&rig, 8, 7), 1);
    assert_int_equal(counted_of(&rig, 8, 8), 11);
    close_sound(&rig);
}

static void test_store_of_version_3_knows_the_size_of_plain_images(
    void **state)
{
    static const uint32_t sizes[] = {500, 0, 400};
    struct otterd_firmware firmware;
    struct rig rig;

    (void)state;
    open_old(&rig, version_3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(otterd_firmware_get(rig.store, i + 1, &firmware), 0);
        assert_int_equal(firmware.image_size, sizes[i]);
    }
    close_sound(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_of_version_1_keeps_its_devices),
        cmocka_unit_test(test_store_of_version_1_keeps_its_releases),
        cmocka_unit_test(test_store_of_version_1_keeps_the_rest),
        cmocka_unit_test(test_store_of_version_2_knows_how_far_each_device_is),
        cmocka_unit_test(test_store_of_version_3_knows_what_is_counted),
        cmocka_unit_test(
            test_store_of_version_3_knows_the_size_of_plain_images),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
