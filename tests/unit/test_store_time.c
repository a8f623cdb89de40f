/* SPDX-License-Identifier: Apache-2.0
 *
 * What the store lets go of as time passes: sessions that are over, old
 * events, uploads that nobody finished. */
#include "server/store/devices.h"
#include "server/store/firmware.h"
#include "server/store/tokens.h"

#include "format/error.h"
#include "tests/unit/store_rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MAC 0x18FEAABBCCDDull

/* Changes the database behind the store's back. */
static void change(struct rig *rig, const char *sql)
{
    char path[128];
    sqlite3 *db;

    snprintf(path, sizeof path, "%s/otterd.db", rig->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_session_is_over_after_twelve_hours(void **state)
{
    struct rig *rig = *state;
    char token[OTTERD_TOKEN_SIZE];
    char session[OTTERD_SESSION_SIZE];
    char other[OTTERD_SESSION_SIZE];
    struct otterd_token who;

    assert_int_equal(otterd_token_first(rig->store, token), 1);
    assert_int_equal(otterd_session_open(rig->store, 1, session), 0);
    change(rig, "UPDATE session SET created = created - 43190");
    assert_int_equal(otterd_session_check(rig->store, session, &who), 0);
    change(rig, "UPDATE session SET created = created - 10");
    assert_int_equal(otterd_session_check(rig->store, session, &who),
                     OTTER_ERR_AUTH);
    /* The next login clears it away. */
    assert_int_equal(otterd_session_open(rig->store, 1, other), 0);
    change(rig, "UPDATE session SET created = created + 43200");
    assert_int_equal(otterd_session_check(rig->store, session, &who),
                     OTTER_ERR_AUTH);
    assert_int_equal(otterd_session_check(rig->store, other, &who), 0);
}

static void test_tokens_and_sessions_are_bounded(void **state)
{
    struct rig *rig = *state;
    char token[OTTERD_TOKEN_SIZE];
    char session[OTTERD_SESSION_SIZE];
    struct otterd_token who;
    int64_t id;

    assert_int_equal(otterd_token_first(rig->store, token), 1);
    assert_int_equal(otterd_session_open(rig->store, 1, session), 0);
    change(rig, "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1"
                " FROM n WHERE i < 500) INSERT INTO token (hash, name, scope,"
                " created) SELECT 'h' || i, 'n', 0, 1 FROM n");
    change(rig, "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1"
                " FROM n WHERE i < 501) INSERT INTO session SELECT 's' || i,"
                " 1, (SELECT max(created) FROM session) + i FROM n");
    assert_int_equal(otterd_token_create(rig->store, "a", OTTERD_SCOPE_READ,
                                         "test", &id, token),
                     OTTER_ERR_TOO_LONG);
    assert_int_equal(otterd_session_check(rig->store, session, &who), 0);
    assert_int_equal(otterd_session_open(rig->store, 1, token), 0);
    assert_int_equal(otterd_session_check(rig->store, session, &who),
                     OTTER_ERR_AUTH);
}

struct seen {
    int count;
    int64_t newest;
    int64_t oldest;
};

static void see(void *user, const struct otterd_history_row *row)
{
    struct seen *seen = user;

    if (seen->count++ == 0) {
        seen->newest = row->at;
    }
    seen->oldest = row->at;
}

static void test_history_keeps_the_newest_events(void **state)
{
    struct rig *rig = *state;
    static struct otterd_sighting list[300];
    struct otterd_sighting other = {.mac = MAC + 1, .at = 7};
    struct seen seen = {0, 0, 0};

    for (int i = 0; i < 300; i++) {
        list[i].mac = MAC;
        list[i].at = 1000 + i;
        snprintf(list[i].version, sizeof list[i].version, "%d", i);
    }
    assert_int_equal(otterd_device_saw(rig->store, &other, 1), 0);
    assert_int_equal(otterd_device_saw(rig->store, list, 300), 0);
    assert_int_equal(
        otterd_device_history(rig->store, MAC, 0, 1000, see, &seen), 0);
    assert_int_equal(seen.count, 200);
    assert_int_equal(seen.newest, 1299);
    assert_int_equal(seen.oldest, 1100);
    seen.count = 0;
    assert_int_equal(
        otterd_device_history(rig->store, MAC + 1, 0, 1000, see, &seen), 0);
    assert_int_equal(seen.count, 2);
}

static bool exists(struct rig *rig, const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/firmware/%s", rig->dir, name);
    return access(path, F_OK) == 0;
}

static void test_abandoned_uploads_are_swept(void **state)
{
    static const char *const names[] = {".new-old", ".new-fresh", "0123"};
    struct rig *rig = *state;
    char path[128];

    otterd_firmware_sweep(rig->dir, rig->store); /* no folder yet */
    snprintf(path, sizeof path, "%s/firmware", rig->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    for (int i = 0; i < 3; i++) {
        struct timespec times[2] = {{time(NULL) - 7200, 0},
                                    {time(NULL) - 7200, 0}};
        int fd;

        snprintf(path, sizeof path, "%s/firmware/%s", rig->dir, names[i]);
        fd = open(path, O_CREAT | O_WRONLY, 0600);
        assert_true(fd >= 0);
        if (i != 1) {
            assert_int_equal(futimens(fd, times), 0);
        }
        close(fd);
    }
    otterd_firmware_sweep(rig->dir, rig->store);
    assert_false(exists(rig, names[0]));
    assert_true(exists(rig, names[1]));
    assert_true(exists(rig, names[2]));
}

#define CASE(test)                                                            \
    cmocka_unit_test_setup_teardown(test, store_rig_setup, store_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_session_is_over_after_twelve_hours),
        CASE(test_tokens_and_sessions_are_bounded),
        CASE(test_history_keeps_the_newest_events),
        CASE(test_abandoned_uploads_are_swept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
