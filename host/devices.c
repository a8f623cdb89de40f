/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter device`: what the server knows of devices, and decisions about
 * them. */
#include "host/devices.h"
#include "host/admin_commands.h"
#include "host/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- list ---------------------------------------------------------------- */

static const char list_help[] =
    "Usage: otter device list [OPTION]...\n"
    "\n"
    "Shows the devices that have asked the server for an update, and those "
    "it was\n"
    "told about.\n"
    "\n"
    "Options:\n"
    "      --state STATE      pending, accepted or blocked ones\n"
    "      --version-is V     those that run this version\n"
    "      --group NAME       those of a group\n"
    "      --tag NAME         those with a tag\n"
    "      --match TEXT       those with this text in MAC, name or version\n"
    "      --limit N          N at most\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter device list\n"
    "  otter device list --state pending\n"
    "  otter device list --json | jq -r '.[].mac'\n";

static const struct otter_show_column columns[] = {
    {"MAC", 0, false, false},          {"NAME", 6, false, false},
    {"STATE", 0, false, false},        {"PRODUCT", 7, false, true},
    {"VERSION", 7, false, false},      {"GROUP", 5, false, true},
    {"TAGS", 4, false, true},          {"LAST SEEN", 0, false, false},
    {"LAST ANSWER", 11, false, false},
};

static const char *reason_of(const json_t *device)
{
    const char *reason =
        otter_show_text(json_object_get(device, "answer"), "reason");

    return *reason != '\0' ? reason : "-";
}

static void fill(const json_t *device, char (*room)[OTTER_SHOW_CELL],
                 const char **cells)
{
    cells[0] = otter_show_value(room[0], device, "mac");
    cells[1] = otter_show_value(room[1], device, "name");
    cells[2] = otter_show_value(room[2], device, "state");
    cells[3] = otter_show_value(room[3], device, "product");
    cells[4] = otter_show_value(room[4], device, "version");
    cells[5] = otter_show_value(room[5], device, "group");
    cells[6] = otter_show_texts(room[6], device, "tags");
    cells[7] = otter_show_ago(room[7], device, "last_seen");
    cells[8] = reason_of(device);
}

static int list(int argc, char **argv)
{
    const char *state = NULL;
    const char *version = NULL;
    const char *group = NULL;
    const char *tag = NULL;
    const char *match = NULL;
    uint32_t limit = 0;
    struct otter_admin_listing listing = {
        .key = "devices",
        .columns = columns,
        .count = sizeof columns / sizeof columns[0],
        .fill = fill,
        .none = "No device. One appears when it asks this server for the "
                "first time."};
    const struct otter_admin_rule rules[] = {
        {"state", OTTER_ADMIN_TEXT, &state, 0},
        {"version-is", OTTER_ADMIN_TEXT, &version, 0},
        {"group", OTTER_ADMIN_TEXT, &group, 0},
        {"tag", OTTER_ADMIN_TEXT, &tag, 0},
        {"match", OTTER_ADMIN_TEXT, &match, 0},
        {"limit", OTTER_ADMIN_NUMBER, &limit, 0},
        {0}};
    struct otter_admin admin = {.program = "otter device list"};
    int status = otter_admin_start(&admin, rules, argc, argv, 0, 0);
    struct otter_api_path path;

    if (status == OTTER_API_END_OK) {
        otter_api_path_start(&path, OTTER_DEVICES);
        otter_api_path_query(&path, "state", state);
        otter_api_path_query(&path, "version", version);
        otter_api_path_query(&path, "group", group);
        otter_api_path_query(&path, "tag", tag);
        otter_api_path_query(&path, "q", match);
        listing.path = path.text;
        listing.limit = limit;
        if (state || version || group || tag || match) {
            listing.none = "No such device.";
        }
        status = otter_admin_list(&admin, &listing);
        free(path.text);
    }
    return otter_admin_end(&admin, status);
}

/* --- The verbs ----------------------------------------------------------- */

static const struct otter_command commands[] = {
    {"list", "all devices, or some", list_help, list},
    {"show", "everything about one, with its history", otter__device_show_help,
     otter__device_show},
    {"explain", "why it is or is not updated", otter__device_explain_help,
     otter__device_explain},
    {"accept", "let devices have updates", otter__device_accept_help,
     otter__device_accept},
    {"block", "let devices have none", otter__device_block_help,
     otter__device_block},
    {"pending", "take a decision back", otter__device_pending_help,
     otter__device_pending},
    {"tag", "add and remove tags, which releases can be for",
     otter__device_tag_help, otter__device_tag},
    {"group", "put devices into a group, or out of it",
     otter__device_group_help, otter__device_group},
    {"name", "give a device a name", otter__device_name_help,
     otter__device_name},
    {"forget", "remove devices from the registry", otter__device_forget_help,
     otter__device_forget},
    {NULL, NULL, NULL, NULL},
};

int otter__devices(int argc, char **argv)
{
    return otter__command_dispatch(
        commands, "otter device",
        "The devices that the update server otterd knows.", argc, argv);
}
