/* SPDX-License-Identifier: Apache-2.0
 *
 * The verbs `otter discover` and `otter discovery`. */
#ifndef OTTER_HOST_DISCOVER_COMMANDS_H
#define OTTER_HOST_DISCOVER_COMMANDS_H

#include "host/discover.h"

extern const char otter__discover_help[];
extern const char otter__discovery_help[];

int otter__discover(int argc, char **argv);
int otter__discovery(int argc, char **argv);

/* Adds the devices of a list, NULL: of the default one if there is one.
 * Returns an exit code; what went wrong was said. */
int otter__discover_add_list(struct otter_discover *discover,
                             const char *path);

#endif
