/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter path`: where devices ask, and for which product. */
#include "host/admin_commands.h"
#include "host/command.h"

#include <stdio.h>
#include <stdlib.h>

#define ROOT  "/paths"
#define WHICH "which path? otter path list shows them"

static const char list_help[] =
    "Usage: otter path list [OPTION]...\n"
    "\n"
    "Shows the paths at which devices ask the server for updates. DIALECT is "
    "empty\n"
    "where the one of otter settings counts.\n"
    "\n"
    "Options:\n"
    "      --limit N          N at most\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter path list\n";

static const struct otter_show_column columns[] = {
    {"PATH", 8, false, false},
    {"PRODUCT", 7, false, false},
    {"DIALECT", 0, false, false},
};

static void fill(const json_t *path, char (*room)[OTTER_SHOW_CELL],
                 const char **cells)
{
    cells[0] = otter_show_value(room[0], path, "path");
    cells[1] = otter_show_value(room[1], path, "product");
    cells[2] = otter_show_value(room[2], path, "dialect");
}

static int list(int argc, char **argv)
{
    static const struct otter_admin_listing listing = {
        .path = ROOT,
        .key = "paths",
        .columns = columns,
        .count = sizeof columns / sizeof columns[0],
        .fill = fill,
        .none = "No path: devices can ask nowhere. Add one: otter path set "
                "/update"};

    return otter_admin_list_plain("otter path list", &listing, argc, argv);
}

static const char set_help[] =
    "Usage: otter path set [OPTION]... PATH\n"
    "\n"
    "Lets devices ask for updates at PATH of the server's address, or changes "
    "what\n"
    "is served there: both options are set anew. Needs a token of scope "
    "admin.\n"
    "\n"
    "Options:\n"
    "      --product NAME     devices that ask here get the releases of this\n"
    "                         product (default: those of none)\n"
    "      --dialect DIALECT  manual or current (default: as otter settings "
    "says)\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter path set /lamp.php --product lamp\n"
    "  otter path set /update --dialect current\n";

static void say(const struct otter_admin *admin, const json_t *path)
{
    const char *product = otter_show_text(path, "product");
    const char *dialect = otter_show_text(path, "dialect");

    if (admin->json) {
        otter_show_json(path);
        return;
    }
    printf("Path ");
    otter_show_clean(stdout, otter_show_text(path, "path"));
    printf("%s", *product != '\0' ? ": product " : ": no product");
    otter_show_clean(stdout, product);
    printf(", %s\n",
           *dialect != '\0' ? dialect : "the dialect of the settings");
}

static int set(int argc, char **argv)
{
    const char *product = NULL;
    const char *dialect = NULL;
    const struct otter_admin_rule rules[] = {
        {"product", OTTER_ADMIN_TEXT, &product, 0},
        {"dialect", OTTER_ADMIN_TEXT, &dialect, 0},
        {0}};
    struct otter_admin admin = {
        .program = "otter path set",
        .wants = "which path? It begins with /, like /update.php"};
    json_t *path = NULL;
    int status = otter_admin_start(&admin, rules, argc, argv, 1, 1);

    status = status != 0
                 ? status
                 : otter_admin_send(&admin, "PUT", ROOT, NULL,
                                    json_pack("{s:s, s:s*, s:s*}", "path",
                                              admin.words[0], "product",
                                              product, "dialect", dialect),
                                    &path);
    if (status == OTTER_API_END_OK) {
        say(&admin, path);
    }
    json_decref(path);
    return otter_admin_end(&admin, status);
}

static const char remove_help[] =
    "Usage: otter path remove [OPTION]... PATH\n"
    "\n"
    "Serves nothing at PATH any more: devices that ask there get 404 and no "
    "updates.\n"
    "Needs a token of scope admin.\n"
    "\n"
    "Options:\n"
    "  -y, --yes              do not ask\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter path remove /lamp.php\n";

static int ask_to_remove(struct otter_admin *admin)
{
    struct otter_api_request request = {.method = "DELETE"};
    struct otter_api_path path;
    int status;

    otter_api_path_start(&path, ROOT);
    otter_api_path_query(&path, "path", admin->words[0]);
    request.path = path.text;
    status = otter_api_call(&admin->api, &request, NULL);
    free(path.text);
    return status;
}

static int remove_path(int argc, char **argv)
{
    struct otter_admin admin = {.program = "otter path remove",
                                .wants = WHICH};
    int status = otter_admin_start(&admin, NULL, argc, argv, 1, 1);

    status = status != 0 ? status
                         : otter_admin_confirm(&admin, "Remove path %s?",
                                               admin.words[0]);
    status = status != 0 ? status : ask_to_remove(&admin);
    if (status == OTTER_API_END_OK && !admin.json) {
        printf("Path %s is removed\n", admin.words[0]);
    }
    return otter_admin_end(&admin, status);
}

static const struct otter_command commands[] = {
    {"list", "where devices ask, and for what", list_help, list},
    {"set", "add one, or change it", set_help, set},
    {"remove", "serve nothing there any more", remove_help, remove_path},
    {NULL, NULL, NULL, NULL},
};

int otter__path(int argc, char **argv)
{
    return otter__command_dispatch(
        commands, "otter path",
        "Paths of the update server otterd at which devices ask.", argc, argv);
}
