/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter device show` and `explain`. */
#include "host/admin_commands.h"
#include "host/command.h"
#include "host/devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- show ---------------------------------------------------------------- */

const char otter__device_show_help[] =
    "Usage: otter device show [OPTION]... MAC\n"
    "\n"
    "Shows everything that the server knows of a device: what it said of "
    "itself\n"
    "when it last asked, what it was answered and why, and its history, the "
    "newest\n"
    "first.\n"
    "\n"
    "Options:\n"
    "      --headers          the request's headers, too\n"
    "      --limit N          N lines of history at most (default "
    "20)\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter device show 5C:CF:7F:01:02:03\n"
    "  otter device show 5ccf7f010203 --json | jq .headers\n";

static const struct otter_show_column columns[] = {
    {"WHEN", 0, false, false},
    {"VERSION", 7, false, false},
    {"EVENT", 0, false, false},
    {"DETAIL", 10, false, false},
};

/* Name in the table, member of the API. */
static const char *const pairs[][2] = {
    {"mac", "mac"},
    {"name", "name"},
    {"state", "state"},
    {"group", "group"},
    {"product", "product"},
    {"version", "version"},
    {"mode", "mode"},
    {"board", "board"},
    {"status", "status"},
    {"address", "address"},
    {"chip size", "chip_size"},
    {"free space", "free_space"},
    {"sketch size", "sketch_size"},
    {"requests", "requests"},
    {"first seen", "first_seen"},
    {"last seen", "last_seen"},
};

static void show_pairs(const json_t *device)
{
    char cell[OTTER_SHOW_CELL];

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        otter_show_pair(pairs[i][0],
                        otter_show_value(cell, device, pairs[i][1]));
    }
    otter_show_pair("tags", otter_show_texts(cell, device, "tags"));
}

static void show_answer(const json_t *device)
{
    const json_t *answer = json_object_get(device, "answer");
    char cell[OTTER_SHOW_CELL];

    if (json_is_object(answer)) {
        otter_show_pair("answered", otter_show_value(cell, answer, "status"));
        otter_show_pair("because", otter_show_text(answer, "reason"));
    }
}

static void show_headers(const json_t *device)
{
    json_t *headers = json_object_get(device, "headers");
    const char *name;
    json_t *value;

    puts("\nheaders");
    json_object_foreach(headers, name, value)
    {
        fputs("  ", stdout);
        otter_show_clean(stdout, name);
        fputs(": ", stdout);
        otter_show_clean(stdout, otter_show_text(headers, name));
        putchar('\n');
    }
}

static int add_history(void *user, const json_t *things)
{
    struct otter_show_table *table = user;
    char room[2][OTTER_SHOW_CELL];
    const json_t *thing;
    size_t i;

    json_array_foreach(things, i, thing)
    {
        const char *cells[] = {otter_show_ago(room[0], thing, "at"),
                               otter_show_value(room[1], thing, "version"),
                               otter_show_text(thing, "event"),
                               otter_show_text(thing, "detail")};

        if (otter_show_row(table, cells) != 0) {
            return otter__fail("out of memory");
        }
    }
    if (json_array_size(things) > 0) {
        if (!table->started) {
            putchar('\n');
        }
        otter_show_block(table);
    }
    return OTTER_API_END_OK;
}

static int collect_history(void *user, const json_t *things)
{
    return json_array_extend(user, (json_t *)things) == 0
               ? OTTER_API_END_OK
               : otter__fail("out of memory");
}

/* The history goes into the object for JSON, onto the screen otherwise. */
static int history(struct otter_admin *admin, json_t *device, uint32_t limit)
{
    struct otter_show_table table = {
        .columns = columns, .count = sizeof columns / sizeof columns[0]};
    struct otter_api_path path;
    json_t *all = json_array();
    int status;

    otter_api_path_start(&path, OTTER_DEVICES);
    otter_api_path_add(&path, admin->words[0]);
    otter_api_path_append(&path, "/history");
    status = admin->json ? otter_api_list(&admin->api, path.text, "history",
                                          limit, collect_history, all)
                         : otter_api_list(&admin->api, path.text, "history",
                                          limit, add_history, &table);
    json_object_set_new(device, "history", all);
    otter_show_table_free(&table);
    free(path.text);
    return status;
}

int otter__device_show(int argc, char **argv)
{
    bool headers = false;
    uint32_t limit = 20;
    const struct otter_admin_rule rules[] = {
        {"headers", OTTER_ADMIN_FLAG, &headers, 0},
        {"limit", OTTER_ADMIN_NUMBER, &limit, 0},
        {0}};
    struct otter_admin admin = {.program = "otter device show",
                                .wants = "which device? Give its MAC"};
    json_t *device = NULL;
    int status = otter_admin_start(&admin, rules, argc, argv, 1, 1);

    if (status == OTTER_API_END_OK) {
        status = otter_admin_ask(&admin, "GET", OTTER_DEVICES, admin.words[0],
                                 &device);
    }
    if (status == OTTER_API_END_OK && !admin.json) {
        show_pairs(device);
        show_answer(device);
        if (headers) {
            show_headers(device);
        }
    }
    status = status != 0 ? status : history(&admin, device, limit);
    if (status == OTTER_API_END_OK && admin.json) {
        otter_show_json(device);
    }
    json_decref(device);
    return otter_admin_end(&admin, status);
}

/* --- explain ------------------------------------------------------------- */

const char otter__device_explain_help[] =
    "Usage: otter device explain [OPTION]... MAC...\n"
    "\n"
    "Says in one sentence what a device would be answered now, and why it is "
    "or is\n"
    "not updated.\n"
    "\n"
    "Options:\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter device explain 5C:CF:7F:01:02:03\n";

static int explain(struct otter_admin *admin, const char *mac)
{
    struct otter_api_path path;
    char cell[OTTER_SHOW_CELL];
    json_t *answer;
    int status;

    otter_api_path_start(&path, OTTER_DEVICES);
    otter_api_path_add(&path, mac);
    otter_api_path_append(&path, "/explain");
    status = otter_api_get(&admin->api, path.text, &answer);
    free(path.text);
    if (status != OTTER_API_END_OK) {
        return status;
    }
    if (admin->json) {
        json_object_set_new(answer, "mac", json_string(mac));
        otter_admin_collect(admin, answer);
    } else {
        if (admin->word_count > 1) {
            printf("%s: ", mac);
        }
        otter_show_clean(stdout, otter_show_value(cell, answer, "reason"));
        putchar('\n');
    }
    json_decref(answer);
    return OTTER_API_END_OK;
}

int otter__device_explain(int argc, char **argv)
{
    struct otter_admin admin = {.program = "otter device explain",
                                .wants = "which device? Give its MAC"};
    int status =
        otter_admin_start(&admin, NULL, argc, argv, 1, OTTER_DEVICES_MAX);

    if (status != OTTER_API_END_OK) {
        return otter_admin_end(&admin, status);
    }
    for (size_t i = 0;
         i < admin.word_count && !otter_admin_is_hopeless(status); i++) {
        int one = explain(&admin, admin.words[i]);

        status = status != OTTER_API_END_OK ? status : one;
    }
    return otter_admin_end(&admin, status);
}
