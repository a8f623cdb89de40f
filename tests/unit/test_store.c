/* SPDX-License-Identifier: Apache-2.0
 *
 * The store on a real database in a folder of its own: what was acknowledged
 * is there after the process was killed, versions are checked, and values are
 * never SQL. */
#include "server/store/firmware.h"
#include "server/store/store.h"

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

static void append(void *user, int64_t at, const char *version)
{
    char *text = user;

    snprintf(text + strlen(text), 200 - strlen(text), "%d=%s ", (int)at,
             version);
}

static void test_store_sightings_make_device_and_history(void **state)
{
    struct rig *rig = *state;
    struct otterd_sighting list[] = {
        make_sighting("1", 10), make_sighting("1", 11),
        make_sighting(EVIL, 12), make_sighting("1", 13)};
    struct otterd_device_view view;
    char text[200] = "";

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
    assert_int_equal(otterd_device_history(rig->store, MAC, append, text), 0);
    assert_string_equal(text, "10=1 12=" EVIL " 13=1 ");
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
    struct otterd_firmware firmware = {.name = "f.bin",
                                       .size = 5,
                                       .flash_size = 1u << 20,
                                       .md5 = "m",
                                       .sha256 = "s"};
    struct otterd_release release = {.target = target, .priority = 3};
    int64_t id;
    int64_t again;

    snprintf(firmware.version, sizeof firmware.version, "%s", version);
    snprintf(release.target_value, sizeof release.target_value, "%s", value);
    assert_int_equal(otterd_firmware_add(rig->store, &firmware, &id), 0);
    assert_int_equal(otterd_firmware_add(rig->store, &firmware, &again), 0);
    assert_int_equal(id, again);
    assert_int_equal(
        otterd_release_add(rig->store, &release, id, "test", &again), 0);
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
    enum otterd_scope scope;
    static char bytes[1 << 20];
    char path[128];
    int64_t count;
    size_t size;
    FILE *file;

    assert_int_equal(
        otterd_token_create(rig->store, "first", OTTERD_SCOPE_ADMIN, token),
        0);
    assert_int_equal(strlen(token), OTTERD_TOKEN_SIZE - 1);
    assert_int_equal(otterd_token_check(rig->store, token, &scope), 0);
    assert_int_equal(scope, OTTERD_SCOPE_ADMIN);
    assert_int_equal(otterd_token_count(rig->store, &count), 0);
    assert_int_equal(count, 1);
    snprintf(path, sizeof path, "%s/otterd.db-wal", rig->dir);
    file = fopen(path, "rb");
    assert_non_null(file);
    size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_non_null(memmem(bytes, size, "first", 5));
    assert_null(memmem(bytes, size, token + 6, 64));
    token[20] = token[20] == '0' ? '1' : '0';
    assert_int_equal(otterd_token_check(rig->store, token, &scope),
                     OTTER_ERR_AUTH);
    assert_int_equal(otterd_token_check(rig->store, EVIL, &scope),
                     OTTER_ERR_AUTH);
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
    char product[OTTERD_TEXT_MAX];

    assert_int_equal(otterd_setting_get(rig->store, "a", "none", value), 0);
    assert_string_equal(value, "none");
    assert_int_equal(otterd_setting_set(rig->store, "a", "1"), 0);
    assert_int_equal(otterd_setting_set(rig->store, "a", EVIL), 0);
    assert_int_equal(otterd_setting_get(rig->store, "a", "none", value), 0);
    assert_string_equal(value, EVIL);
    assert_int_equal(otterd_path_find(rig->store, "/x", product),
                     OTTER_ERR_NO_DATA);
    assert_int_equal(otterd_path_set(rig->store, "/x", "lamp"), 0);
    assert_int_equal(otterd_path_find(rig->store, "/x", product), 0);
    assert_string_equal(product, "lamp");
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

static void test_firmware_is_kept_and_opened(void **state)
{
    struct rig *rig = *state;
    struct otterd_firmware f = {.name = "a"};
    static const char gzip[] = "\x1f\x8b and more";
    char back[sizeof gzip];
    int fd;

    assert_int_equal(otterd_firmware_inspect("", 0, &f), OTTER_ERR_SIZE);
    assert_int_equal(otterd_firmware_inspect("no image", 8, &f),
                     OTTER_ERR_MAGIC);
    assert_int_equal(otterd_firmware_inspect("\xE9", 1, &f), OTTER_ERR_SHORT);
    assert_int_equal(otterd_firmware_inspect(gzip, sizeof gzip, &f), 0);
    assert_int_equal(f.size, sizeof gzip);
    assert_int_equal(f.flash_size, 0);
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(otterd_firmware_keep(rig->dir, gzip, &f), 0);
    }
    fd = otterd_firmware_open(rig->dir, f.sha256, f.size);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, back, sizeof back), sizeof back);
    assert_memory_equal(back, gzip, sizeof gzip);
    close(fd);
    assert_int_equal(otterd_firmware_open(rig->dir, f.sha256, f.size + 1),
                     OTTER_ERR_SHORT);
    assert_int_equal(otterd_firmware_open(rig->dir, "none", 1),
                     OTTER_ERR_STATE);
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
        CASE(test_firmware_is_kept_and_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
