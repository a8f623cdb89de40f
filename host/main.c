/* SPDX-License-Identifier: Apache-2.0
 *
 * The developer's tool.  One row per verb; a verb lives in files of its own
 * and is declared in host/command.h. */
#include "host/admin_commands.h"
#include "host/command.h"
#include "host/discover_commands.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct otter_command verbs[] = {
    {"Devices in this network", NULL, NULL, NULL},
    {"discover", "show them", otter__discover_help, otter__discover},
    {"push", "send them a firmware file and wait for their verdict", NULL,
     otter__push},
    {"Devices that ask an update server, otterd", NULL, NULL, NULL},
    {"login", "keep the server's address and your token", otter__login_help,
     otter__login},
    {"logout", "forget them", otter__logout_help, otter__logout},
    {"device", "which devices there are, and what is decided about them", NULL,
     otter__devices},
    {"firmware", "the firmware files on the server", NULL, otter__firmware},
    {"release", "which devices get which firmware", NULL, otter__release},
    {"token", "who may use the server", NULL, otter__token},
    {"path", "where devices ask, and for what", NULL, otter__path},
    {"settings", "what becomes of strangers, and how devices are answered",
     NULL, otter__settings},
    {"audit", "who changed what", otter__audit_help, otter__audit},
    {"Firmware files", NULL, NULL, NULL},
    {"image", "look into them, and build them", NULL, otter__image},
    {"In place of other tools", NULL, NULL, NULL},
    {"discovery", "tell the Arduino tools which devices there are",
     otter__discovery_help, otter__discovery},
    {"espota", "push with the command line of espota.py", NULL, otter__espota},
    {NULL, NULL, NULL, NULL},
};

static const char about[] =
    "otter: firmware updates for ESP8266-class devices, over the network\n"
    "\n"
    "  otter discover                          which devices are there?\n"
    "  otter push kitchen.local lamp.bin       update one of them\n"
    "  otter login http://127.0.0.1:8266       devices that ask a server:\n"
    "  otter release create lamp.bin --all     let them have a new version";

/* Installed a second time as espota, for the tools that call that. */
static bool called_espota(const char *path)
{
    const char *name = strrchr(path, '/');

    return strcmp(name != NULL ? name + 1 : path, "espota") == 0;
}

int main(int argc, char **argv)
{
    if (argc > 0 && called_espota(argv[0])) {
        return otter__espota(argc, argv);
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("otter " OTTER_VERSION);
        return OTTER_EXIT_OK;
    }
    return otter__command_dispatch(verbs, "otter", about, argc, argv);
}
