/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter image`: its commands. */
#include "host/command.h"
#include "host/image_commands.h"

#include <stddef.h>

static const struct otter_command commands[] = {
    {"info", "tell what a firmware file is, and whether it is good",
     otter__image_info_help, otter__image_info},
    {"build", "make a firmware file of a program", otter__image_build_help,
     otter__image_build},
    {NULL, NULL, NULL, NULL},
};

int otter__image(int argc, char **argv)
{
    return otter__command_dispatch(commands, "otter image",
                                   "Firmware files: look into them, build "
                                   "them.",
                                   argc, argv);
}
