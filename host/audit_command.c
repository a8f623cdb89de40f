/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter audit`: who changed what on the server. */
#include "host/admin_commands.h"
#include "host/command.h"

#include <stdio.h>
#include <stdlib.h>

const char otter__audit_help[] =
    "Usage: otter audit [OPTION]...\n"
    "\n"
    "Shows who changed what on the server, newest first. Times are UTC; "
    "--json "
    "has\n"
    "them as the server says them. Needs a token of scope admin.\n"
    "\n"
    "Options:\n"
    "      --limit N          N at most (default 100)\n"
    "      --all              all of it\n"
    "      --before ID        only what is older than the entry of this "
    "ID\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter audit --limit 20\n"
    "  otter audit --limit 20 --before 731\n"
    "  otter audit --all --json | jq -r '.[] | select(.who == \"ci\").what'\n";

#define LIMIT 100u

static const struct otter_show_column columns[] = {
    {"ID", 0, true, false},
    {"WHEN", 0, false, false},
    {"WHO", 6, false, false},
    {"WHAT", 12, false, false},
};

static void fill(const json_t *entry, char (*room)[OTTER_SHOW_CELL],
                 const char **cells)
{
    cells[0] = otter_show_value(room[0], entry, "id");
    cells[1] = otter_show_time(room[1], entry, "at");
    cells[2] = otter_show_value(room[2], entry, "who");
    cells[3] = otter_show_value(room[3], entry, "what");
}

int otter__audit(int argc, char **argv)
{
    uint32_t limit = 0;
    uint32_t before = 0;
    bool all = false;
    const struct otter_admin_rule rules[] = {
        {"limit", OTTER_ADMIN_NUMBER, &limit, 0},
        {"before", OTTER_ADMIN_NUMBER, &before, 0},
        {"all", OTTER_ADMIN_FLAG, &all, 0},
        {0}};
    struct otter_admin_listing listing = {.key = "audit",
                                          .columns = columns,
                                          .count = sizeof columns /
                                                   sizeof columns[0],
                                          .fill = fill,
                                          .none = "Nothing was changed yet."};
    struct otter_admin admin = {.program = "otter audit"};
    int status = otter_admin_start(&admin, rules, argc, argv, 0, 0);
    char text[16];
    struct otter_api_path path;

    if (status == OTTER_API_END_OK && all && limit != 0) {
        status = otter__usage(admin.program, "--all and --limit: which?");
    }
    if (status == OTTER_API_END_OK) {
        snprintf(text, sizeof text, "%u", (unsigned)before);
        otter_api_path_start(&path, "/audit");
        otter_api_path_query(&path, "after", before != 0 ? text : NULL);
        listing.path = path.text;
        listing.limit = limit == 0 && !all ? LIMIT : limit;
        listing.none = before != 0 ? "Nothing is older." : listing.none;
        status = otter_admin_list(&admin, &listing);
        free(path.text);
    }
    return otter_admin_end(&admin, status);
}
