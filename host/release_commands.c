/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter release`: which devices get which firmware. */
#include "host/admin_commands.h"
#include "host/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOT  "/releases"
#define WHICH "which release? otter release list shows the ids"

/* --- list, show ---------------------------------------------------------- */

static const char list_help[] =
    "Usage: otter release list [OPTION]...\n"
    "\n"
    "Shows the releases: which firmware is for which devices. Of those for a "
    "device\n"
    "the one with the most specific target counts.\n"
    "\n"
    "Options:\n"
    "      --state STATE      active, paused or withdrawn ones\n"
    "      --product NAME     those of a product\n"
    "      --limit N          N at most\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter release list\n"
    "  otter release list --state active --json | jq '.[].firmware'\n";

static const struct otter_show_column columns[] = {
    {"ID", 0, true, false},       {"FIRMWARE", 8, false, false},
    {"VERSION", 7, false, false}, {"FOR", 6, false, false},
    {"PRODUCT", 7, false, true},  {"MODE", 0, false, true},
    {"PRIORITY", 0, true, true},  {"STATE", 0, false, false},
    {"CREATED", 0, false, false},
};

/* "all devices", "group basement". */
static const char *target_of(char room[OTTER_SHOW_CELL], const json_t *release)
{
    const json_t *target = json_object_get(release, "target");
    const char *kind = otter_show_text(target, "kind");
    char value[OTTER_SHOW_CELL];

    if (strcmp(kind, "all") == 0) {
        return "all devices";
    }
    snprintf(room, OTTER_SHOW_CELL, "%.20s %.200s",
             strcmp(kind, "chip_size") == 0 ? "chip size" : kind,
             otter_show_value(value, target, "value"));
    return room;
}

static void fill(const json_t *release, char (*room)[OTTER_SHOW_CELL],
                 const char **cells)
{
    const json_t *firmware = json_object_get(release, "firmware");

    cells[0] = otter_show_value(room[0], release, "id");
    cells[1] = otter_show_value(room[1], firmware, "name");
    cells[2] = otter_show_value(room[2], firmware, "version");
    cells[3] = target_of(room[3], release);
    cells[4] = otter_show_value(room[4], release, "product");
    cells[5] = otter_show_value(room[5], release, "mode");
    cells[6] = otter_show_value(room[6], release, "priority");
    cells[7] = otter_show_value(room[7], release, "state");
    cells[8] = otter_show_ago(room[8], release, "created");
}

static int list(int argc, char **argv)
{
    const char *state = NULL;
    const char *product = NULL;
    uint32_t limit = 0;
    struct otter_admin_listing listing = {
        .key = "releases",
        .columns = columns,
        .count = sizeof columns / sizeof columns[0],
        .fill = fill,
        .none = "No release. Make one: otter release create FILE --all"};
    const struct otter_admin_rule rules[] = {
        {"state", OTTER_ADMIN_TEXT, &state, 0},
        {"product", OTTER_ADMIN_TEXT, &product, 0},
        {"limit", OTTER_ADMIN_NUMBER, &limit, 0},
        {0}};
    struct otter_admin admin = {.program = "otter release list"};
    int status = otter_admin_start(&admin, rules, argc, argv, 0, 0);
    struct otter_api_path path;

    if (status == OTTER_API_END_OK) {
        otter_api_path_start(&path, ROOT);
        otter_api_path_query(&path, "state", state);
        otter_api_path_query(&path, "product", product);
        listing.path = path.text;
        listing.limit = limit;
        if (state != NULL || product != NULL) {
            listing.none = "No such release.";
        }
        status = otter_admin_list(&admin, &listing);
        free(path.text);
    }
    return otter_admin_end(&admin, status);
}

static const char show_help[] =
    "Usage: otter release show [OPTION]... ID\n"
    "\n"
    "Shows a release, and how far its devices are.\n"
    "\n"
    "Options:\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter release show 2\n";

static void show_counts(const json_t *release)
{
    static const char *const members[] = {"offered", "downloaded", "installed",
                                          "failed"};
    const json_t *counts = json_object_get(release, "counts");
    char cell[OTTER_SHOW_CELL];

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        otter_show_pair(members[i],
                        otter_show_value(cell, counts, members[i]));
    }
}

static void show_release(const json_t *release)
{
    static const char *const members[] = {"product", "mode",    "priority",
                                          "notes",   "created", "by"};
    const json_t *firmware = json_object_get(release, "firmware");
    char cell[OTTER_SHOW_CELL];

    otter_show_pair("id", otter_show_value(cell, release, "id"));
    otter_show_pair("state", otter_show_value(cell, release, "state"));
    otter_show_pair("firmware", otter_show_value(cell, firmware, "name"));
    otter_show_pair("version", otter_show_value(cell, firmware, "version"));
    otter_show_pair("firmware id", otter_show_value(cell, firmware, "id"));
    otter_show_pair("for", target_of(cell, release));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        otter_show_pair(members[i],
                        otter_show_value(cell, release, members[i]));
    }
    show_counts(release);
}

static int show(int argc, char **argv)
{
    static const struct otter_admin_thing thing = {"otter release show", WHICH,
                                                   ROOT};

    return otter_admin_show(&thing, show_release, argc, argv);
}

/* --- devices ------------------------------------------------------------- */

static const char devices_help[] =
    "Usage: otter release devices [OPTION]... ID\n"
    "\n"
    "Shows the devices that a release was offered to, and how far each is "
    "with it.\n"
    "\n"
    "Options:\n"
    "      --state STATE      those that are offered, downloaded, trial, "
    "installed,\n"
    "                         confirmed, reverted or failed\n"
    "      --limit N          N at most\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter release devices 2\n"
    "  otter release devices 2 --state failed --json | jq -r '.[].mac'\n";

static const struct otter_show_column device_columns[] = {
    {"MAC", 0, false, false},     {"NAME", 4, false, true},
    {"STATE", 0, false, false},   {"SINCE", 0, false, false},
    {"VERSION", 7, false, false},
};

static void fill_device(const json_t *device, char (*room)[OTTER_SHOW_CELL],
                        const char **cells)
{
    cells[0] = otter_show_value(room[0], device, "mac");
    cells[1] = otter_show_value(room[1], device, "name");
    cells[2] = otter_show_value(room[2], device, "state");
    cells[3] = otter_show_ago(room[3], device, "at");
    cells[4] = otter_show_value(room[4], device, "version");
}

static int devices(int argc, char **argv)
{
    const char *state = NULL;
    uint32_t limit = 0;
    struct otter_admin_listing listing = {
        .key = "devices",
        .columns = device_columns,
        .count = sizeof device_columns / sizeof device_columns[0],
        .fill = fill_device,
        .none = "No device was offered it yet."};
    const struct otter_admin_rule rules[] = {
        {"state", OTTER_ADMIN_TEXT, &state, 0},
        {"limit", OTTER_ADMIN_NUMBER, &limit, 0},
        {0}};
    struct otter_admin admin = {.program = "otter release devices",
                                .wants = WHICH};
    int status = otter_admin_start(&admin, rules, argc, argv, 1, 1);
    struct otter_api_path path;

    if (status == OTTER_API_END_OK) {
        otter_api_path_start(&path, ROOT);
        otter_api_path_add(&path, admin.words[0]);
        otter_api_path_append(&path, "/devices");
        otter_api_path_query(&path, "state", state);
        listing.path = path.text;
        listing.limit = limit;
        if (state != NULL) {
            listing.none = "No device of the release is in this state.";
        }
        status = otter_admin_list(&admin, &listing);
        free(path.text);
    }
    return otter_admin_end(&admin, status);
}

/* --- pause, resume, withdraw --------------------------------------------- */

void otter__release_say(const struct otter_admin *admin, const json_t *release)
{
    const json_t *firmware = json_object_get(release, "firmware");
    char cell[OTTER_SHOW_CELL];

    if (admin->json) {
        otter_show_json(release);
        return;
    }
    printf("Release %s: ", otter_show_value(cell, release, "id"));
    otter_show_clean(stdout, otter_show_value(cell, firmware, "name"));
    putchar(' ');
    otter_show_clean(stdout, otter_show_value(cell, firmware, "version"));
    printf(" for ");
    otter_show_clean(stdout, target_of(cell, release));
    printf(", ");
    otter_show_clean(stdout, otter_show_value(cell, release, "state"));
    putchar('\n');
}

static const char pause_help[] =
    "Usage: otter release pause [OPTION]... ID\n"
    "\n"
    "Holds a release: the devices that it is for get no update until it is "
    "resumed.\n"
    "Those that have it already keep it.\n"
    "\n"
    "Options:\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter release pause 2\n";

static const char resume_help[] =
    "Usage: otter release resume [OPTION]... ID\n"
    "\n"
    "Offers a paused release again.\n"
    "\n"
    "Options:\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter release resume 2\n";

static const char withdraw_help[] =
    "Usage: otter release withdraw [OPTION]... ID\n"
    "\n"
    "Ends a release for good. Devices that have it keep it, unless another "
    "release\n"
    "is for them.\n"
    "\n"
    "Options:\n"
    "  -y, --yes              do not ask\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter release withdraw 2\n";

static int change(struct otter_admin *admin, const char *state)
{
    json_t *release = NULL;
    int status =
        otter_admin_send(admin, "PATCH", ROOT, admin->words[0],
                         json_pack("{s:s}", "state", state), &release);

    if (status == OTTER_API_END_OK) {
        otter__release_say(admin, release);
    }
    json_decref(release);
    return status;
}

static int pause_release(int argc, char **argv)
{
    struct otter_admin admin = {.program = "otter release pause",
                                .wants = WHICH};
    int status = otter_admin_start(&admin, NULL, argc, argv, 1, 1);

    return otter_admin_end(&admin,
                           status != 0 ? status : change(&admin, "paused"));
}

static int resume_release(int argc, char **argv)
{
    struct otter_admin admin = {.program = "otter release resume",
                                .wants = WHICH};
    int status = otter_admin_start(&admin, NULL, argc, argv, 1, 1);

    return otter_admin_end(&admin,
                           status != 0 ? status : change(&admin, "active"));
}

static int withdraw_release(int argc, char **argv)
{
    struct otter_admin admin = {.program = "otter release withdraw",
                                .wants = WHICH};
    int status = otter_admin_start(&admin, NULL, argc, argv, 1, 1);

    status = status != 0 ? status
                         : otter_admin_confirm(&admin, "Withdraw release %s?",
                                               admin.words[0]);
    return otter_admin_end(&admin,
                           status != 0 ? status : change(&admin, "withdrawn"));
}

/* --- The verbs ----------------------------------------------------------- */

static const struct otter_command commands[] = {
    {"list", "all releases, or some", list_help, list},
    {"show", "everything about one, and how far its devices are", show_help,
     show},
    {"devices", "the devices it was offered to, and how far each is",
     devices_help, devices},
    {"create", "let devices have a firmware", otter__release_create_help,
     otter__release_create},
    {"set", "change its priority or its notes", otter__release_set_help,
     otter__release_set},
    {"pause", "hold it: its devices get no update for now", pause_help,
     pause_release},
    {"resume", "offer it again", resume_help, resume_release},
    {"withdraw", "end it for good", withdraw_help, withdraw_release},
    {NULL, NULL, NULL, NULL},
};

int otter__release(int argc, char **argv)
{
    return otter__command_dispatch(
        commands, "otter release",
        "Releases on the update server otterd: which devices get which "
        "firmware.",
        argc, argv);
}
