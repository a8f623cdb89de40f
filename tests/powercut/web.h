/* SPDX-License-Identifier: Apache-2.0
 *
 * The same board's update page (device/transport/web) with a browser that
 * uploads, confirms and reverts.  What is committed, said or refused comes
 * from the page's answers; the network is in memory and loses nothing. */
#ifndef OTTER_TESTS_POWERCUT_WEB_H
#define OTTER_TESTS_POWERCUT_WEB_H

#include "device/stream/stream.h"
#include "device/updater/trial.h"

#include <stdbool.h>
#include <stdint.h>

/* A program starts: it opens the page on the updater's stream. */
void cut_web_begin(struct otter_stream *stream, struct otter_trial *trial);

/* Uploads `size` bytes as a form's file, the size in front of it if that is
 * `announced`.  Does not come back when the page accepts them: it restarts the
 * board.  Else why it did not. */
int cut_web_upload(const uint8_t *data, uint32_t size, bool announced);

/* 0: the page said yes. */
int cut_web_confirm(void);

/* As cut_web_upload. */
int cut_web_revert(void);

#endif
