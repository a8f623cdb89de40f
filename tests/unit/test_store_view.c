/* SPDX-License-Identifier: Apache-2.0
 *
 * Views of a store: one moment of the database, and at once what others have
 * changed since the view before. */
#include "server/store/devices.h"
#include "server/store/releases.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MAC 0x18FEAABBCCDDull

struct rig {
    char dir[64];
    struct otterd_store *store; /* that looks */
    struct otterd_store *other; /* that changes */
    struct otterd_ask ask;
    int64_t firmware;
};

static int setup(void **state)
{
    struct otterd_firmware firmware = {.name = "lamp",
                                       .version = "2.0",
                                       .filename = "lamp.bin",
                                       .size = 4096,
                                       .md5 = "m",
                                       .sha256 = "s"};
    struct rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    strcpy(rig->dir, "/tmp/otter-view-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    assert_int_equal(otterd_store_open(&rig->store, rig->dir), 0);
    assert_int_equal(otterd_store_open(&rig->other, rig->dir), 0);
    assert_int_equal(
        otterd_firmware_add(rig->other, &firmware, &rig->firmware), 0);
    rig->ask.mac = MAC;
    strcpy(rig->ask.product, "lamp");
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    static const char *const files[] = {"otterd.db", "otterd.db-wal",
                                        "otterd.db-shm"};
    struct rig *rig = *state;
    char path[128];

    otterd_store_close(rig->store);
    otterd_store_close(rig->other);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", rig->dir, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(rig->dir), 0);
    free(rig);
    return 0;
}

/* Releases that a device finds in a view of its own. */
static size_t count(struct rig *rig)
{
    struct otterd_release *list;
    size_t n;

    assert_int_equal(otterd_store_view(rig->store), 0);
    assert_int_equal(otterd_release_find(rig->store, &rig->ask, &list, &n), 0);
    otterd_store_view_end(rig->store);
    free(list);
    return n;
}

static int64_t release(struct rig *rig, struct otterd_store *by,
                       enum otterd_target target, const char *value)
{
    struct otterd_release r = {.target = target, .product = "lamp"};
    int64_t replaced;
    int64_t id;

    snprintf(r.target_value, sizeof r.target_value, "%s", value);
    assert_int_equal(
        otterd_release_add(by, &r, rig->firmware, "", "test", &id, &replaced),
        0);
    return id;
}

static void test_view_sees_releases_as_they_come_and_go(void **state)
{
    struct rig *rig = *state;
    int64_t all, own;

    assert_int_equal(count(rig), 0);
    all = release(rig, rig->other, OTTERD_TARGET_ALL, "");
    assert_int_equal(count(rig), 1);
    assert_int_equal(count(rig), 1);
    release(rig, rig->other, OTTERD_TARGET_MAC, "18feaabbcc00");
    assert_int_equal(count(rig), 1);
    own = release(rig, rig->other, OTTERD_TARGET_MAC, "18feaabbccdd");
    assert_int_equal(count(rig), 2);
    assert_int_equal(
        otterd_release_set_state(rig->other, all, OTTERD_WITHDRAWN, "test"),
        0);
    assert_int_equal(count(rig), 1);
    /* By the store itself, too. */
    assert_int_equal(
        otterd_release_set_state(rig->store, own, OTTERD_WITHDRAWN, "test"),
        0);
    assert_int_equal(count(rig), 0);
    release(rig, rig->store, OTTERD_TARGET_ALL, "");
    assert_int_equal(count(rig), 1);
}

static void test_view_keeps_products_and_modes_apart(void **state)
{
    struct rig *rig = *state;

    release(rig, rig->other, OTTERD_TARGET_ALL, "");
    for (int i = 0; i < 40; i++) {
        snprintf(rig->ask.product, sizeof rig->ask.product, "other%d", i);
        assert_int_equal(count(rig), 0);
        strcpy(rig->ask.product, "lamp");
        assert_int_equal(count(rig), 1);
        rig->ask.mode = OTTERD_FILE_SYSTEM;
        assert_int_equal(count(rig), 0);
        rig->ask.mode = OTTERD_VERSION; /* of the sketch */
        assert_int_equal(count(rig), 1);
        rig->ask.mode = OTTERD_SKETCH;
    }
}

static void find_path(struct rig *rig, const char *path, const char *product)
{
    struct otterd_path found;
    int err;

    assert_int_equal(otterd_store_view(rig->store), 0);
    err = otterd_path_find(rig->store, path, &found);
    otterd_store_view_end(rig->store);
    if (product == NULL) {
        assert_int_equal(err, OTTER_ERR_NO_DATA);
    } else {
        assert_int_equal(err, 0);
        assert_string_equal(found.path, path);
        assert_string_equal(found.product, product);
    }
}

static void test_view_sees_paths_as_they_change(void **state)
{
    struct rig *rig = *state;
    struct otterd_path path = {.path = "/lamp", .product = "lamp"};

    find_path(rig, "/lamp", NULL);
    assert_int_equal(otterd_path_set(rig->other, &path), 0);
    find_path(rig, "/lamp", "lamp");
    find_path(rig, "/lamp", "lamp");
    find_path(rig, "/update", "");
    for (int i = 0; i < 40; i++) { /* more than are kept */
        snprintf(path.path, sizeof path.path, "/p%d", i);
        snprintf(path.product, sizeof path.product, "product%d", i);
        assert_int_equal(otterd_path_set(rig->other, &path), 0);
    }
    for (int i = 0; i < 80; i++) {
        snprintf(path.path, sizeof path.path, "/p%d", i % 40);
        snprintf(path.product, sizeof path.product, "product%d", i % 40);
        find_path(rig, path.path, path.product);
    }
    assert_int_equal(otterd_path_remove(rig->other, "/lamp"), 0);
    find_path(rig, "/lamp", NULL);
}

static void policy_is(struct rig *rig, const char *expected)
{
    char policy[OTTERD_VALUE_MAX];

    assert_int_equal(otterd_store_view(rig->store), 0);
    assert_int_equal(
        otterd_setting_get(rig->store, "policy", "pending", policy), 0);
    otterd_store_view_end(rig->store);
    assert_string_equal(policy, expected);
}

static void test_view_sees_the_policy_change(void **state)
{
    struct rig *rig = *state;

    policy_is(rig, "pending");
    assert_int_equal(otterd_setting_set(rig->other, "policy", "accept"), 0);
    policy_is(rig, "accept");
    policy_is(rig, "accept");
    assert_int_equal(otterd_setting_set(rig->store, "policy", "pending"), 0);
    policy_is(rig, "pending");
}

/* What is committed meanwhile belongs to the next one. */
static void test_view_is_of_one_moment(void **state)
{
    struct rig *rig = *state;
    struct otterd_release *list;
    struct otterd_path path = {.path = "/late", .product = "lamp"};
    size_t n;

    assert_int_equal(otterd_store_view(rig->store), 0);
    release(rig, rig->other, OTTERD_TARGET_ALL, "");
    assert_int_equal(otterd_path_set(rig->other, &path), 0);
    assert_int_equal(otterd_release_find(rig->store, &rig->ask, &list, &n), 0);
    assert_int_equal(n, 0);
    free(list);
    assert_int_equal(otterd_path_find(rig->store, "/late", &path),
                     OTTER_ERR_NO_DATA);
    otterd_store_view_end(rig->store);
    assert_int_equal(count(rig), 1);
    find_path(rig, "/late", "lamp");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_view_sees_releases_as_they_come_and_go),
        TEST(test_view_keeps_products_and_modes_apart),
        TEST(test_view_sees_paths_as_they_change),
        TEST(test_view_sees_the_policy_change),
        TEST(test_view_is_of_one_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
