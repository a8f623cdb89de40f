/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands of `otter image`, one file each. */
#ifndef OTTER_HOST_IMAGE_COMMANDS_H
#define OTTER_HOST_IMAGE_COMMANDS_H

extern const char otter__image_info_help[];
int otter__image_info(int argc, char **argv);

extern const char otter__image_build_help[];
int otter__image_build(int argc, char **argv);

#endif
