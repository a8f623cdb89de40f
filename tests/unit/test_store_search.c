/* SPDX-License-Identifier: Apache-2.0
 *
 * Searching devices for a text: finds what SQL's LIKE would find in any of
 * the texts, and printf in the MAC. */
#include "server/store/devices.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEVICES 400

struct rig {
    char dir[SCRATCH_MAX];
    struct otterd_store *store;
    sqlite3 *db;
};

static void fill(sqlite3 *db)
{
    static const char *const words[] = {
        "lamp",   "LAMP 1", "porch", "Küche", "ÄÖ", "100%",  "a_b",  "!",
        "lalamp", "",       "0A1",   "[x]",   "@Z", "`z{",   "10.0", "1.0.7",
        "beta",   "e",      "ee",    "aab",   "é",  "C0FFE", "-",    ":"};
    static const uint64_t macs[] = {0, 0x18FE34000000, 0xFFFFFFFFF000,
                                    0xC0FFEE000000};
    const size_t count = sizeof words / sizeof words[0];
    sqlite3_stmt *row;
    uint32_t chance = 1;

    assert_int_equal(
        sqlite3_prepare_v2(db,
                           "INSERT INTO device (mac, state, version, name,"
                           " address, fleet, tags, product)"
                           " VALUES (?1, 2, ?2, ?3, ?4, ?5, ?6, ?7)",
                           -1, &row, NULL),
        SQLITE_OK);
    for (uint64_t i = 0; i < DEVICES; i++) {
        sqlite3_bind_int64(row, 1, (int64_t)(macs[i % 4] + i * 11));
        for (int column = 2; column <= 7; column++) {
            chance = chance * 1664525 + 1013904223;
            /* Some are empty, so that each column gets to decide. */
            sqlite3_bind_text(row, column,
                              chance >> 30 == 0 ? words[(chance >> 8) % count]
                                                : "",
                              -1, SQLITE_STATIC);
        }
        assert_int_equal(sqlite3_step(row), SQLITE_DONE);
        sqlite3_reset(row);
    }
    sqlite3_finalize(row);
}

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    char path[80];

    assert_non_null(rig);
    scratch_make(rig->dir);
    assert_int_equal(otterd_store_open(&rig->store, rig->dir), 0);
    snprintf(path, sizeof path, "%s/otterd.db", rig->dir);
    assert_int_equal(sqlite3_open(path, &rig->db), SQLITE_OK);
    sqlite3_exec(rig->db, "BEGIN", NULL, NULL, NULL);
    fill(rig->db);
    assert_int_equal(sqlite3_exec(rig->db, "COMMIT", NULL, NULL, NULL),
                     SQLITE_OK);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;

    sqlite3_close(rig->db);
    otterd_store_close(rig->store);
    scratch_remove(rig->dir);
    free(rig);
    return 0;
}

struct found {
    uint64_t macs[DEVICES];
    size_t count;
};

static void append(void *user, const struct otterd_device_view *view)
{
    struct found *found = user;

    assert_in_range(found->count, 0, DEVICES - 1);
    found->macs[found->count++] = view->device.mac;
}

/* What SQL itself finds: `digits` are capitals that may be in a MAC. */
static void expect(sqlite3 *db, const char *pattern, const char *digits,
                   struct found *out)
{
    sqlite3_stmt *row;

    out->count = 0;
    assert_int_equal(
        sqlite3_prepare_v2(
            db,
            "SELECT mac FROM device WHERE version LIKE ?1 ESCAPE '!'"
            " OR name LIKE ?1 ESCAPE '!' OR address LIKE ?1 ESCAPE '!'"
            " OR fleet LIKE ?1 ESCAPE '!' OR tags LIKE ?1 ESCAPE '!'"
            " OR product LIKE ?1 ESCAPE '!'"
            " OR instr(printf('%012X', mac), ?2) ORDER BY mac",
            -1, &row, NULL),
        SQLITE_OK);
    sqlite3_bind_text(row, 1, pattern, -1, SQLITE_STATIC);
    sqlite3_bind_text(row, 2, digits, -1, SQLITE_STATIC);
    while (sqlite3_step(row) == SQLITE_ROW) {
        out->macs[out->count++] = (uint64_t)sqlite3_column_int64(row, 0);
    }
    sqlite3_finalize(row);
}

static void test_search_finds_what_sql_finds(void **state)
{
    static const struct {
        const char *q;
        const char *pattern;
        const char *digits;
        bool found;
    } rows[] = {
        {"lamp", "%lamp%", NULL, true},
        {"LaMp", "%lamp%", NULL, true},
        {"lamp 1", "%lamp 1%", NULL, true},
        {"küche", "%küche%", NULL, true},
        {"kÜche", "%kÜche%", NULL, false}, /* letters of ASCII alone */
        {"äö", "%äö%", NULL, false},
        {"%", "%!%%", NULL, true},
        {"_", "%!_%", NULL, true},
        {"!", "%!!%", NULL, true},
        {"a_b", "%a!_b%", NULL, true},
        {"[X]", "%[x]%", NULL, true},
        {"@z", "%@z%", NULL, true}, /* beside the letters */
        {"`Z[", "%`z[%", NULL, false},
        {"", "%%", NULL, true},
        {" ", "% %", NULL, true},
        {":", "%:%", NULL, true},
        {"-", "%-%", NULL, true},
        {"e", "%e%", "E", true},
        {"ab", "%ab%", "AB", true},
        {"beta", "%beta%", NULL, true},
        {"0", "%0%", "0", true},
        {"000", "%000%", "000", true},
        {"C0FFEE", "%c0ffee%", "C0FFEE", true},
        {"c0:ff", "%c0:ff%", "C0FF", true},
        {"18-fe-34", "%18-fe-34%", "18FE34", true},
        {"18:FE:34:00:00:0B", "%18:fe:34:00:00:0b%", "18FE3400000B", true},
        {"18:FE:34:00:00:0B:0", "%18:fe:34:00:00:0b:0%", NULL, false},
        {"FFFFFFFFFFFF", "%ffffffffffff%", "FFFFFFFFFFFF", false},
        {"nowhere", "%nowhere%", NULL, false},
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct otterd_device_filter filter = {
            .q = rows[i].q, .after = -1, .limit = DEVICES + 1};
        struct found wanted;
        struct found found = {.count = 0};

        expect(rig->db, rows[i].pattern, rows[i].digits, &wanted);
        if ((wanted.count > 0) != rows[i].found) {
            fail_msg("\"%s\" tells nothing", rows[i].q);
        }
        assert_int_equal(
            otterd_device_list(rig->store, &filter, append, &found), 0);
        if (found.count != wanted.count ||
            memcmp(found.macs, wanted.macs,
                   found.count * sizeof found.macs[0]) != 0) {
            fail_msg("\"%s\" finds %zu and not %zu", rows[i].q, found.count,
                     wanted.count);
        }
    }
}

/* The other filters and the page count as well. */
static void test_search_goes_on_where_a_page_ended(void **state)
{
    struct rig *rig = *state;
    struct otterd_device_filter filter = {
        .q = "LAMP", .state = OTTERD_ACCEPTED, .after = -1, .limit = 7};
    struct found all;
    struct found found = {.count = 0};
    size_t before;

    expect(rig->db, "%lamp%", NULL, &all);
    do {
        before = found.count;
        assert_int_equal(
            otterd_device_list(rig->store, &filter, append, &found), 0);
        assert_in_range(found.count - before, 0, 7);
        filter.after = (int64_t)found.macs[found.count - 1];
    } while (found.count > before);
    assert_int_equal(found.count, all.count);
    assert_memory_equal(found.macs, all.macs, all.count * sizeof all.macs[0]);
    filter.after = -1;
    filter.state = OTTERD_BLOCKED;
    found.count = 0;
    assert_int_equal(otterd_device_list(rig->store, &filter, append, &found),
                     0);
    assert_int_equal(found.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_search_finds_what_sql_finds,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_search_goes_on_where_a_page_ended,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
