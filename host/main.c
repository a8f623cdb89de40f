/* SPDX-License-Identifier: Apache-2.0
 *
 * The developer's tool.  One row per verb; a verb lives in files of its own
 * and is declared in host/command.h. */
#include "host/command.h"
#include "host/discover_commands.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct otter_command verbs[] = {
    {"discover", "show the devices of the network", otter__discover_help,
     otter__discover},
    {"discovery", "the same for Arduino's tools", otter__discovery_help,
     otter__discovery},
    {"espota", "push with the command line of espota.py", NULL, otter__espota},
    {"image", "look into firmware files, and build them", NULL, otter__image},
    {"push", "send a file to a device and wait for its verdict", NULL,
     otter__push},
    {NULL, NULL, NULL, NULL},
};

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
    return otter__command_dispatch(
        verbs, "otter", "otter: firmware updates for ESP8266-class devices",
        argc, argv);
}
