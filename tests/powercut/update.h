/* SPDX-License-Identifier: Apache-2.0
 *
 * How a program brings an image into staging and asks for it. */
#ifndef OTTER_TESTS_POWERCUT_UPDATE_H
#define OTTER_TESTS_POWERCUT_UPDATE_H

#include "device/updater/trial.h"

#include <stdint.h>

/* A program starts: its updater begins. */
void cut_update_begin(struct otter_trial *trial);

/* What a program does when nothing is asked of it: it saves itself, if there
 * is room. */
void cut_update_idle(void);

/* Stages image `index` and asks for it.  0: it is committed.  Else what the
 * updater refused it for. */
int cut_update_sketch(uint32_t index);

/* Writes a file system image. */
int cut_update_file_system(void);

/* What the core's own Updater does, whose program runs: stages at the end of
 * the free space, over the log too, and leaves the command in RTC memory. */
void cut_update_stock(uint32_t index);

/* True when the file system holds the image, whole. */
bool cut_update_file_system_is_whole(void);

#endif
