/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands of `otter device`. */
#ifndef OTTER_HOST_DEVICES_H
#define OTTER_HOST_DEVICES_H

#define OTTER_DEVICES "/devices" /* where the API has them */

/* Devices that one command takes; more than a command line holds. */
#define OTTER_DEVICES_MAX 1000000u

extern const char otter__device_show_help[];
extern const char otter__device_explain_help[];
extern const char otter__device_accept_help[];
extern const char otter__device_block_help[];
extern const char otter__device_pending_help[];
extern const char otter__device_tag_help[];
extern const char otter__device_group_help[];
extern const char otter__device_name_help[];
extern const char otter__device_forget_help[];

int otter__device_show(int argc, char **argv);
int otter__device_explain(int argc, char **argv);
int otter__device_accept(int argc, char **argv);
int otter__device_block(int argc, char **argv);
int otter__device_pending(int argc, char **argv);
int otter__device_tag(int argc, char **argv);
int otter__device_group(int argc, char **argv);
int otter__device_name(int argc, char **argv);
int otter__device_forget(int argc, char **argv);

#endif
