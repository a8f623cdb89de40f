/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter firmware`: the files that the server has. */
#include "host/admin_commands.h"
#include "host/command.h"
#include "host/firmware_download.h"

#define ROOT  "/firmware"
#define WHICH "which firmware? otter firmware list shows the ids"

/* --- list, show ---------------------------------------------------------- */

static const char list_help[] =
    "Usage: otter firmware list [OPTION]...\n"
    "\n"
    "Shows the firmware files that the server has.\n"
    "\n"
    "Options:\n"
    "      --limit N          N at most\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter firmware list\n";

static const struct otter_show_column columns[] = {
    {"ID", 0, true, false},       {"NAME", 6, false, false},
    {"VERSION", 7, false, false}, {"BOARD", 5, false, true},
    {"KIND", 0, false, false},    {"SIZE", 0, true, false},
    {"ADDED", 0, false, false},   {"BY", 4, false, true},
};

static void fill(const json_t *firmware, char (*room)[OTTER_SHOW_CELL],
                 const char **cells)
{
    cells[0] = otter_show_value(room[0], firmware, "id");
    cells[1] = otter_show_value(room[1], firmware, "name");
    cells[2] = otter_show_value(room[2], firmware, "version");
    cells[3] = otter_show_value(room[3], firmware, "board");
    cells[4] = otter_show_value(room[4], firmware, "kind");
    cells[5] = otter_show_value(room[5], firmware, "size");
    cells[6] = otter_show_ago(room[6], firmware, "created");
    cells[7] = otter_show_value(room[7], firmware, "by");
}

static int list(int argc, char **argv)
{
    static const struct otter_admin_listing listing = {
        .path = ROOT,
        .key = "firmware",
        .columns = columns,
        .count = sizeof columns / sizeof columns[0],
        .fill = fill,
        .none = "No firmware. Add some: otter firmware upload FILE"};

    return otter_admin_list_plain("otter firmware list", &listing, argc, argv);
}

static const char show_help[] =
    "Usage: otter firmware show [OPTION]... ID\n"
    "\n"
    "Shows what the server knows of a firmware file.\n"
    "\n"
    "Options:\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter firmware show 3\n";

static void show_firmware(const json_t *firmware)
{
    static const char *const members[] = {
        "id",    "name",       "version",    "board",  "kind",
        "size",  "gzip",       "image_size", "md5",    "sha256",
        "notes", "flash_size", "by",         "created"};
    char cell[OTTER_SHOW_CELL];

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        otter_show_pair(members[i],
                        otter_show_value(cell, firmware, members[i]));
    }
    otter_show_pair("file", otter_show_text(firmware, "filename"));
}

static int show(int argc, char **argv)
{
    static const struct otter_admin_thing thing = {"otter firmware show",
                                                   WHICH, ROOT};

    return otter_admin_show(&thing, show_firmware, argc, argv);
}

/* --- upload -------------------------------------------------------------- */

static const char upload_help[] =
    "Usage: otter firmware upload [OPTION]... FILE\n"
    "\n"
    "Adds a firmware file to the server, which looks into it and refuses what "
    "cannot\n"
    "run. No device gets it before there is a release of it: otter release "
    "create.\n"
    "\n"
    "Options:\n"
    "      --name NAME        of the program (default: as the file says, or "
    "the\n"
    "                         file's own name)\n"
    "      --version V        as devices will report it (default: as the file "
    "says)\n"
    "      --board ID         for which it is (default: as the file says)\n"
    "      --notes TEXT       for people\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter firmware upload lamp.bin\n"
    "  otter firmware upload .pio/build/d1/firmware.bin --name lamp "
    "--version 1.4\n";

static int upload(int argc, char **argv)
{
    struct otter_upload what = {0};
    const struct otter_admin_rule rules[] = {
        {"name", OTTER_ADMIN_TEXT, &what.name, 0},
        {"version", OTTER_ADMIN_TEXT, &what.version, 0},
        {"board", OTTER_ADMIN_TEXT, &what.board, 0},
        {"kind", OTTER_ADMIN_TEXT, &what.kind, 0},
        {"notes", OTTER_ADMIN_TEXT, &what.notes, 0},
        {0}};
    struct otter_admin admin = {.program = "otter firmware upload",
                                .wants = "which file?"};
    json_t *firmware = NULL;
    int status = otter_admin_start(&admin, rules, argc, argv, 1, 1);

    if (status == OTTER_API_END_OK) {
        what.file = admin.words[0];
        status = otter__upload(&admin, &what, &firmware);
    }
    if (status == OTTER_API_END_OK && admin.json) {
        otter_show_json(firmware);
    } else if (status == OTTER_API_END_OK) {
        show_firmware(firmware);
    }
    json_decref(firmware);
    return otter_admin_end(&admin, status);
}

/* --- delete -------------------------------------------------------------- */

static const char delete_help[] =
    "Usage: otter firmware delete [OPTION]... ID\n"
    "\n"
    "Removes a firmware file from the server. One that a release needs stays: "
    "the\n"
    "release has to be withdrawn first.\n"
    "\n"
    "Options:\n"
    "  -y, --yes              do not ask\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter firmware delete 3\n";

static int delete (int argc, char **argv)
{
    static const struct otter_admin_thing thing = {"otter firmware delete",
                                                   WHICH, ROOT};

    return otter_admin_delete(&thing, "Delete", "firmware", "deleted", argc,
                              argv);
}

/* --- The verbs ----------------------------------------------------------- */

static const struct otter_command commands[] = {
    {"list", "the files that the server has", list_help, list},
    {"show", "everything about one", show_help, show},
    {"upload", "add a file", upload_help, upload},
    {"download", "fetch a file back", otter__firmware_download_help,
     otter__firmware_download},
    {"delete", "remove a file", delete_help, delete},
    {NULL, NULL, NULL, NULL},
};

int otter__firmware(int argc, char **argv)
{
    return otter__command_dispatch(
        commands, "otter firmware",
        "The firmware files that the update server otterd has.", argc, argv);
}
