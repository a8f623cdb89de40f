/* SPDX-License-Identifier: Apache-2.0
 *
 * What every sketch does about its own trial: says at the start what the boot
 * record knows, confirms when the device has been reachable for a while, and
 * lets the updater save the running program.  A sketch confirms when it knows
 * that it works; for these examples that is: it can be updated again.
 *
 * Settings of the board:
 *
 *   confirm_ms   milliseconds for which the network must be up, 10000 by
 *                default */
#ifndef OTTER_SKETCHES_KEEPER_H
#define OTTER_SKETCHES_KEEPER_H

#include "device/updater/trial.h"
#include "device/updater/updater.h"

/* The one object; for struct otter_updater_config. */
extern struct otter_trial otter_sketch_trial;

/* Opens it and prints what it says: on trial, reverted and why, file system
 * incomplete; nothing when there is nothing to tell. */
void otter_sketch_keeper_begin(void);

/* Prints which boot loader there is and what that means. */
void otter_sketch_keeper_print_loader(void);

/* In each loop.  `reachable`: an update could come in now. */
void otter_sketch_keeper_poll(struct otter_updater *updater, bool reachable);

#endif
