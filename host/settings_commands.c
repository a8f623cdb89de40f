/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter settings`: how the server treats all devices. */
#include "host/admin_commands.h"
#include "host/command.h"

#define ROOT "/settings"

/* Whatever the server has, also one of a newer version. */
static void show_settings(const struct otter_admin *admin, json_t *settings)
{
    const char *name;
    json_t *value;

    if (admin->json) {
        otter_show_json(settings);
        return;
    }
    json_object_foreach(settings, name, value)
    {
        char cell[OTTER_SHOW_CELL];

        otter_show_pair(name, otter_show_value(cell, settings, name));
    }
}

static int finish(struct otter_admin *admin, int status, json_t *settings)
{
    if (status == OTTER_API_END_OK) {
        show_settings(admin, settings);
    }
    json_decref(settings);
    return otter_admin_end(admin, status);
}

static const char show_help[] =
    "Usage: otter settings show [OPTION]...\n"
    "\n"
    "Shows how the server treats devices: the policy for strangers, and in "
    "which\n"
    "dialect it answers.\n"
    "\n"
    "Options:\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter settings show\n"
    "  otter settings show --json | jq -r .policy\n";

static int show(int argc, char **argv)
{
    struct otter_admin admin = {.program = "otter settings show"};
    json_t *settings = NULL;
    int status = otter_admin_start(&admin, NULL, argc, argv, 0, 0);

    status = status != 0
                 ? status
                 : otter_admin_ask(&admin, "GET", ROOT, NULL, &settings);
    return finish(&admin, status, settings);
}

static const char set_help[] =
    "Usage: otter settings set [OPTION]...\n"
    "\n"
    "Changes settings of the server. It keeps them; what is not named stays "
    "as "
    "it is.\n"
    "Needs a token of scope admin.\n"
    "\n"
    "Options:\n"
    "      --policy POLICY    for devices that ask for the first time:\n"
    "                         pending, they wait for otter device accept;\n"
    "                         accept, they may have updates at once\n"
    "      --dialect DIALECT  how devices are answered: manual, as the "
    "manual's\n"
    "                         script; current, as today's documented script.\n"
    "                         A path may have its own: otter path "
    "set\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter settings set --policy accept\n"
    "  otter settings set --policy pending --dialect current\n";

static int set(int argc, char **argv)
{
    const char *policy = NULL;
    const char *dialect = NULL;
    const struct otter_admin_rule rules[] = {
        {"policy", OTTER_ADMIN_TEXT, &policy, 0},
        {"dialect", OTTER_ADMIN_TEXT, &dialect, 0},
        {0}};
    struct otter_admin admin = {.program = "otter settings set"};
    json_t *settings = NULL;
    int status = otter_admin_start(&admin, rules, argc, argv, 0, 0);

    if (status == OTTER_API_END_OK && policy == NULL && dialect == NULL) {
        status = otter__usage(admin.program,
                              "what is to change? Say --policy or --dialect");
    }
    status = status != 0
                 ? status
                 : otter_admin_send(&admin, "PATCH", ROOT, NULL,
                                    json_pack("{s:s*, s:s*}", "policy", policy,
                                              "dialect", dialect),
                                    &settings);
    return finish(&admin, status, settings);
}

static const struct otter_command commands[] = {
    {"show", "all of them", show_help, show},
    {"set", "change them", set_help, set},
    {NULL, NULL, NULL, NULL},
};

int otter__settings(int argc, char **argv)
{
    return otter__command_dispatch(
        commands, "otter settings",
        "How the update server otterd treats devices.", argc, argv);
}
