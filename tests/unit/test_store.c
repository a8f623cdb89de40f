/* SPDX-License-Identifier: Apache-2.0
 *
 * The store on a real database in a folder of its own: what was acknowledged
 * is there after the process was killed, versions are checked, and values are
 * never SQL. */
#include "server/store/devices.h"
#include "server/store/firmware.h"
#include "server/store/releases.h"
#include "server/store/tokens.h"

#include "format/error.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MAC  0x18FEAABBCCDDull
#define EVIL "x'); DROP TABLE device; --\"%s"

struct rig {
    char dir[64];
    struct otterd_store *store;
};

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    strcpy(rig->dir, "/tmp/otter-store-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    assert_int_equal(otterd_store_open(&rig->store, rig->dir), 0);
    *state = rig;
    return 0;
}

static void empty(const char *dir)
{
    char path[512];
    struct dirent *entry;
    DIR *list = opendir(dir);

    if (list == NULL) {
        return;
    }
    while ((entry = readdir(list)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        unlink(path);
    }
    closedir(list);
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    char path[128];

    otterd_store_close(rig->store);
    snprintf(path, sizeof path, "%s/firmware", rig->dir);
    empty(path);
    rmdir(path);
    empty(rig->dir);
    assert_int_equal(rmdir(rig->dir), 0);
    free(rig);
    return 0;
}

static struct otterd_sighting make_sighting(const char *version, int64_t at)
{
    struct otterd_sighting s = {.mac = MAC,
                                .at = at,
                                .new_state = OTTERD_PENDING,
                                .verdict = OTTERD_HELD,
                                .mode = OTTERD_VERSION,
                                .address = "192.0.2.7",
                                .product = "lamp",
                                .reason = "A reason.",
                                .headers = "x-a: " EVIL "\n"};

    snprintf(s.version, sizeof s.version, "%s", version);
    return s;
}

static void append(void *user, const struct otterd_history_row *row)
{
    char *text = user;

    snprintf(text + strlen(text), 400 - strlen(text), "%d %s %s;",
             (int)row->at, row->event, row->version);
}

static void test_store_sightings_make_device_and_history(void **state)
{
    struct rig *rig = *state;
    struct otterd_sighting list[] = {
        make_sighting("1", 10), make_sighting("1", 11),
        make_sighting(EVIL, 12), make_sighting("1", 13)};
    struct otterd_device_view view;
    char text[400] = "";

    assert_int_equal(otterd_device_look(rig->store, MAC, &view),
                     OTTER_ERR_NO_DATA);
    assert_int_equal(otterd_device_saw(rig->store, list, 4), 0);
    assert_int_equal(otterd_device_look(rig->store, MAC, &view), 0);
    assert_int_equal(view.device.state, OTTERD_PENDING);
    assert_int_equal(view.first_seen, 10);
    assert_int_equal(view.last.at, 13);
    assert_int_equal(view.requests, 4);
    assert_int_equal(view.last.verdict, OTTERD_HELD);
    assert_int_equal(view.last.mode, OTTERD_VERSION);
    assert_string_equal(view.last.address, "192.0.2.7");
    assert_string_equal(view.last.product, "lamp");
    assert_string_equal(view.last.reason, "A reason.");
    assert_string_equal(view.last.headers, "x-a: " EVIL "\n");
    assert_int_equal(
        otterd_device_history(rig->store, MAC, 0, 9, append, text), 0);
    assert_string_equal(text, "13 reported 1;12 reported " EVIL
                              ";10 reported 1;10 asked 1;");
}

static void test_store_sighting_keeps_what_people_decided(void **state)
{
    struct rig *rig = *state;
    struct otterd_sighting s = make_sighting("1", 10);
    struct otterd_device device;

    assert_int_equal(otterd_device_find(rig->store, MAC, &device), 0);
    assert_int_equal(device.state, OTTERD_UNKNOWN);
    assert_int_equal(
        otterd_device_set_state(rig->store, MAC, OTTERD_BLOCKED, "test"), 0);
    s.new_state = OTTERD_ACCEPTED;
    assert_int_equal(otterd_device_saw(rig->store, &s, 1), 0);
    assert_int_equal(otterd_device_find(rig->store, MAC, &device), 0);
    assert_int_equal(device.state, OTTERD_BLOCKED);
}

static int64_t add_release(struct rig *rig, enum otterd_target target,
                           const char *value, const char *version)
{
    struct otterd_firmware firmware = {.name = "f",
                                       .filename = "f.bin",
                                       .size = 5,
                                       .flash_size = 1u << 20,
                                       .md5 = "m",
                                       .sha256 = "s"};
    struct otterd_release release = {.target = target, .priority = 3};
    int64_t id;
    int64_t replaced;
    int64_t again;

    snprintf(firmware.version, sizeof firmware.version, "%s", version);
    snprintf(release.target_value, sizeof release.target_value, "%s", value);
    assert_int_equal(otterd_firmware_add(rig->store, &firmware, &id), 0);
    assert_int_equal(otterd_firmware_add(rig->store, &firmware, &again), 0);
    assert_int_equal(id, again);
    assert_int_equal(otterd_release_add(rig->store, &release, id, NULL, "test",
                                        &again, &replaced),
                     0);
    return again;
}

static size_t find(struct rig *rig, struct otterd_release *first)
{
    struct otterd_ask ask = {.mac = MAC};
    struct otterd_release *list;
    size_t count;

    assert_int_equal(otterd_release_find(rig->store, &ask, &list, &count), 0);
    if (count > 0) {
        *first = list[0];
    }
    free(list);
    return count;
}

static void test_store_releases_are_found_replaced_and_withdrawn(void **state)
{
    struct rig *rig = *state;
    struct otterd_release found;
    int64_t own;

    assert_int_equal(find(rig, &found), 0);
    add_release(rig, OTTERD_TARGET_MAC, "18feaabbccde", "other");
    assert_int_equal(find(rig, &found), 0);
    add_release(rig, OTTERD_TARGET_MAC, "18feaabbccdd", "1");
    own = add_release(rig, OTTERD_TARGET_MAC, "18feaabbccdd", "2");
    assert_int_equal(find(rig, &found), 1);
    assert_int_equal(found.id, own);
    assert_string_equal(found.version, "2");
    assert_string_equal(found.file_name, "f.bin");
    assert_string_equal(found.target_value, "18feaabbccdd");
    assert_string_equal(found.md5, "m");
    assert_string_equal(found.sha256, "s");
    assert_int_equal(found.size, 5);
    assert_int_equal(found.flash_size, 1u << 20);
    assert_int_equal(found.priority, 3);
    for (int i = 0; i < 9; i++) {
        add_release(rig, OTTERD_TARGET_TAG, EVIL, "3");
    }
    assert_int_equal(find(rig, &found), 10);
    assert_int_equal(
        otterd_release_set_state(rig->store, own, OTTERD_PAUSED, "test"), 0);
    assert_int_equal(find(rig, &found), 10);
    assert_int_equal(
        otterd_release_set_state(rig->store, own, OTTERD_WITHDRAWN, "test"),
        0);
    assert_int_equal(find(rig, &found), 9);
    assert_int_equal(
        otterd_release_set_state(rig->store, 999, OTTERD_PAUSED, "test"),
        OTTER_ERR_NO_DATA);
}

static void test_store_tokens_are_checked_and_not_kept(void **state)
{
    struct rig *rig = *state;
    char token[OTTERD_TOKEN_SIZE];
    char other[OTTERD_TOKEN_SIZE];
    char session[OTTERD_SESSION_SIZE];
    struct otterd_token who;
    static char bytes[1 << 20];
    char path[128];
    size_t size;
    FILE *file;

    assert_int_equal(otterd_token_first(rig->store, token), 1);
    assert_int_equal(strlen(token), OTTERD_TOKEN_SIZE - 1);
    assert_memory_equal(token, "otter_", 6);
    assert_int_equal(otterd_token_check(rig->store, token, &who), 0);
    assert_int_equal(who.scope, OTTERD_SCOPE_ADMIN);
    assert_string_equal(who.name, "administrator");
    assert_int_equal(otterd_token_first(rig->store, other), 0);
    assert_int_equal(otterd_session_open(rig->store, who.id, session), 0);
    assert_int_equal(otterd_session_check(rig->store, session, &who), 0);
    assert_string_equal(who.name, "administrator");
    snprintf(path, sizeof path, "%s/otterd.db-wal", rig->dir);
    file = fopen(path, "rb");
    assert_non_null(file);
    size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_non_null(memmem(bytes, size, "administrator", 13));
    assert_null(memmem(bytes, size, token + 6, 20));
    assert_null(memmem(bytes, size, session, 20));
    assert_int_equal(otterd_session_check(rig->store, token, &who),
                     OTTER_ERR_AUTH);
    assert_int_equal(otterd_token_check(rig->store, session, &who),
                     OTTER_ERR_AUTH);
    token[20] = token[20] == '0' ? '1' : '0';
    assert_int_equal(otterd_token_check(rig->store, token, &who),
                     OTTER_ERR_AUTH);
    assert_int_equal(otterd_token_check(rig->store, EVIL, &who),
                     OTTER_ERR_AUTH);
}

static void test_store_last_administrator_stays(void **state)
{
    struct rig *rig = *state;
    char token[OTTERD_TOKEN_SIZE];
    char session[OTTERD_SESSION_SIZE];
    struct otterd_token who;
    int64_t second;

    assert_int_equal(otterd_token_first(rig->store, token), 1);
    assert_int_equal(otterd_token_check(rig->store, token, &who), 0);
    assert_int_equal(otterd_session_open(rig->store, who.id, session), 0);
    assert_int_equal(otterd_token_remove(rig->store, who.id, "test"),
                     OTTER_ERR_DECLINED);
    assert_int_equal(otterd_token_check(rig->store, token, &who), 0);
    assert_int_equal(otterd_token_remove(rig->store, 99, "test"),
                     OTTER_ERR_NO_DATA);
    assert_int_equal(otterd_token_create(rig->store, "b", OTTERD_SCOPE_ADMIN,
                                         "test", &second, token),
                     0);
    assert_int_equal(otterd_token_remove(rig->store, who.id, "test"), 0);
    /* Its sessions are over, too. */
    assert_int_equal(otterd_session_check(rig->store, session, &who),
                     OTTER_ERR_AUTH);
    assert_int_equal(otterd_token_check(rig->store, token, &who), 0);
}

/* A process that makes changes and tells after each, until it is killed. */
static void change_for_ever(const char *dir, int out)
{
    struct otterd_store *store;
    uint64_t mac = 0;

    if (otterd_store_open(&store, dir) != 0) {
        _exit(1);
    }
    while (otterd_device_set_state(store, ++mac, OTTERD_ACCEPTED, "child") ==
           0) {
        if (write(out, &mac, sizeof mac) != sizeof mac) {
            break;
        }
    }
    _exit(1);
}

static void kill_one(struct rig *rig, int changes)
{
    struct otterd_device device;
    uint64_t last = 0;
    uint64_t mac;
    int ends[2];
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        change_for_ever(rig->dir, ends[1]);
    }
    close(ends[1]);
    for (int i = 0; i < changes; i++) {
        assert_int_equal(read(ends[0], &mac, sizeof mac), sizeof mac);
    }
    kill(child, SIGKILL);
    do { /* what it had still acknowledged */
        last = mac;
    } while (read(ends[0], &mac, sizeof mac) == sizeof mac);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ends[0]);

    assert_int_equal(otterd_store_open(&rig->store, rig->dir), 0);
    for (mac = 1; mac <= last; mac++) {
        assert_int_equal(otterd_device_find(rig->store, mac, &device), 0);
        assert_int_equal(device.state, OTTERD_ACCEPTED);
    }
    otterd_store_close(rig->store);
    rig->store = NULL;
}

static void test_store_killed_loses_nothing_acknowledged(void **state)
{
    struct rig *rig = *state;

    otterd_store_close(rig->store);
    rig->store = NULL;
    for (int i = 1; i <= 10; i++) {
        kill_one(rig, i * 7);
    }
}

static void set_version(struct rig *rig, const char *sql)
{
    char path[128];
    sqlite3 *db;

    otterd_store_close(rig->store);
    snprintf(path, sizeof path, "%s/otterd.db", rig->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_store_of_a_newer_server_is_refused(void **state)
{
    struct rig *rig = *state;

    set_version(rig, "PRAGMA user_version = 99");
    assert_int_equal(otterd_store_open(&rig->store, rig->dir),
                     OTTER_ERR_INVALID);
    assert_non_null(strstr(otterd_store_error(rig->store), "schema 99"));
}

static void test_store_failed_migration_changes_nothing(void **state)
{
    struct rig *rig = *state;

    /* Version 0 with a table in the way of the first step. */
    set_version(rig, "DROP TABLE setting; PRAGMA user_version = 0");
    assert_int_equal(otterd_store_open(&rig->store, rig->dir),
                     OTTER_ERR_STATE);
    assert_non_null(strstr(otterd_store_error(rig->store), "path"));
    set_version(rig, "CREATE TABLE setting (k)"); /* so it is not there */
    assert_int_equal(otterd_store_open(&rig->store, rig->dir),
                     OTTER_ERR_STATE);
}

static void test_store_settings_and_paths(void **state)
{
    struct rig *rig = *state;
    char value[OTTERD_VALUE_MAX];
    struct otterd_path path = {.path = "/x", .product = "lamp"};

    assert_int_equal(otterd_setting_get(rig->store, "a", "none", value), 0);
    assert_string_equal(value, "none");
    assert_int_equal(otterd_setting_set(rig->store, "a", "1"), 0);
    assert_int_equal(otterd_setting_set(rig->store, "a", EVIL), 0);
    assert_int_equal(otterd_setting_get(rig->store, "a", "none", value), 0);
    assert_string_equal(value, EVIL);
    assert_int_equal(otterd_path_find(rig->store, "/x", &path),
                     OTTER_ERR_NO_DATA);
    assert_int_equal(otterd_path_set(rig->store, &path), 0);
    memset(&path, 0, sizeof path);
    assert_int_equal(otterd_path_find(rig->store, "/x", &path), 0);
    assert_string_equal(path.product, "lamp");
    assert_int_equal(otterd_path_remove(rig->store, "/x"), 0);
    assert_int_equal(otterd_path_remove(rig->store, "/x"), OTTER_ERR_NO_DATA);
}

static void test_store_transaction_cancelled_leaves_nothing(void **state)
{
    struct rig *rig = *state;
    char value[OTTERD_VALUE_MAX];

    assert_int_equal(otterd_store_begin(rig->store), 0);
    assert_int_equal(otterd_setting_set(rig->store, "a", "1"), 0);
    otterd_store_cancel(rig->store);
    otterd_store_cancel(rig->store); /* harmless */
    assert_int_equal(otterd_setting_get(rig->store, "a", "", value), 0);
    assert_string_equal(value, "");
}

/* Uploads bytes; the error of finishing, and 0 when they were kept. */
static int upload(struct rig *rig, const void *data, size_t size,
                  enum otterd_claim claim, struct otterd_firmware *f,
                  char problem[OTTERD_PROBLEM_MAX])
{
    struct otterd_upload *upload;
    int err;

    problem[0] = '\0';
    assert_int_equal(otterd_upload_begin(&upload, rig->dir), 0);
    assert_int_equal(otterd_upload_write(upload, data, size / 2), 0);
    assert_int_equal(otterd_upload_write(upload, (const char *)data + size / 2,
                                         size - size / 2),
                     0);
    err = otterd_upload_finish(upload, claim, f, problem);
    if (err == 0) {
        assert_int_equal(otterd_upload_keep(upload), 0);
    }
    otterd_upload_free(upload);
    return err;
}

/* The firmware folder holds so many files, those of uploads included. */
static int count_files(struct rig *rig)
{
    char path[128];
    struct dirent *entry;
    int count = 0;
    DIR *list;

    snprintf(path, sizeof path, "%s/firmware", rig->dir);
    list = opendir(path);
    assert_non_null(list);
    while ((entry = readdir(list)) != NULL) {
        count += strcmp(entry->d_name, ".") != 0 &&
                 strcmp(entry->d_name, "..") != 0;
    }
    closedir(list);
    return count;
}

static void test_firmware_is_kept_and_opened(void **state)
{
    struct rig *rig = *state;
    struct otterd_firmware f = {.id = 0};
    static char files[8192] = "\1\0\0\0\0\0\0\0littlefs";
    static char back[sizeof files];
    char problem[OTTERD_PROBLEM_MAX];
    int fd;

    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(
            upload(rig, files, sizeof files, OTTERD_CLAIM_NONE, &f, problem),
            0);
    }
    assert_int_equal(count_files(rig), 1);
    assert_int_equal(f.kind, OTTERD_FILE_SYSTEM);
    assert_int_equal(f.size, sizeof files);
    assert_int_equal(f.flash_size, 0);
    fd = otterd_firmware_open(rig->dir, f.sha256, f.size);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, back, sizeof back), sizeof back);
    assert_memory_equal(back, files, sizeof files);
    close(fd);
    assert_int_equal(otterd_firmware_open(rig->dir, f.sha256, f.size + 1),
                     OTTER_ERR_SHORT);
    assert_int_equal(otterd_firmware_open(rig->dir, "none", 1),
                     OTTER_ERR_STATE);
    assert_int_equal(otterd_firmware_delete(rig->dir, f.sha256), 0);
    assert_int_equal(otterd_firmware_delete(rig->dir, f.sha256), 0);
    assert_int_equal(count_files(rig), 0);
}

static void test_firmware_that_cannot_run_is_refused(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *bytes;
        size_t size;
        enum otterd_claim claim;
        const char *problem;
    } rows[] = {
        {"", 0, OTTERD_CLAIM_NONE, "empty"},
        {"no image", 8, OTTERD_CLAIM_NONE, "begins with 0x6e"},
        {"\x7f"
         "ELF\1\1",
         6, OTTERD_CLAIM_NONE, "ELF"},
        {"\xE9", 1, OTTERD_CLAIM_SKETCH, "cut"},
        {"\xE9\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, OTTERD_CLAIM_NONE,
         "application image"},
        {"\x1f\x8b and more", 11, OTTERD_CLAIM_NONE, "gzip"},
        {"\x1f\x8b", 2, OTTERD_CLAIM_NONE, "gzip"},
        {"\x1f\x8b", 2, OTTERD_CLAIM_FILES, "without gzip"},
        {"12345678littlefs", 16, OTTERD_CLAIM_NONE, "multiple of 4096"},
    };
    char problem[OTTERD_PROBLEM_MAX];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct otterd_firmware f = {.id = 0};

        assert_int_equal(upload(rig, rows[i].bytes, rows[i].size,
                                rows[i].claim, &f, problem),
                         OTTER_ERR_INVALID);
        if (strstr(problem, rows[i].problem) == NULL) {
            fail_msg("row %zu: %s", i, problem);
        }
    }
    assert_int_equal(count_files(rig), 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_store_sightings_make_device_and_history),
        CASE(test_store_sighting_keeps_what_people_decided),
        CASE(test_store_releases_are_found_replaced_and_withdrawn),
        CASE(test_store_tokens_are_checked_and_not_kept),
        CASE(test_store_killed_loses_nothing_acknowledged),
        CASE(test_store_of_a_newer_server_is_refused),
        CASE(test_store_failed_migration_changes_nothing),
        CASE(test_store_settings_and_paths),
        CASE(test_store_transaction_cancelled_leaves_nothing),
        CASE(test_store_last_administrator_stays),
        CASE(test_firmware_is_kept_and_opened),
        CASE(test_firmware_that_cannot_run_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
