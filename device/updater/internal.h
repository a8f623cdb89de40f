/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the updater share.  updater.c is the stream and its
 * states; staging.c brings bytes into flash; verify.c judges them; running.c
 * knows the sketch that runs; commit_stock.c decides where an image goes and
 * leaves the order to install it.  Only the last knows the boot loader. */
#ifndef OTTER_DEVICE_UPDATER_INTERNAL_H
#define OTTER_DEVICE_UPDATER_INTERNAL_H

#include "device/updater/updater.h"

/* Bytes that wait in the buffer. */
static inline uint32_t otter__buffered(const struct otter_updater *u)
{
    return u->received - u->programmed;
}

/* --- commit_stock.c: the core's boot loader ----------------------------- */

/* Sets `start` and `capacity` for `size` bytes of the kind in `u`.
 * OTTER_ERR_SPACE, OTTER_ERR_KIND, and what otter__running_size gives. */
OTTER_MUST_CHECK int otter__place(struct otter_updater *u, uint32_t size);

/* Judges whether the loader can unpack the staged gzip file to `size` bytes.
 * OTTER_ERR_SPACE. */
OTTER_MUST_CHECK int otter__check_unpacked(const struct otter_updater *u,
                                           uint32_t size);

/* Before the first change of the staging area: withdraws an order that refers
 * to it. */
OTTER_MUST_CHECK int otter__withdraw(struct otter_updater *u);

/* Leaves the order to install what was verified. */
OTTER_MUST_CHECK int otter__commit(struct otter_updater *u);

/* --- running.c ---------------------------------------------------------- */

/* Finds the size of the running sketch unless it is known.
 * OTTER_ERR_IMAGE, OTTER_ERR_FLASH_READ. */
OTTER_MUST_CHECK int otter__running_size(struct otter_updater *u);

/* Reads flash mode and flash size from the running image's header. */
OTTER_MUST_CHECK int otter__running_header(struct otter_updater *u);

/* One step of its digest, if that was asked for: 0 or OTTER_ERR_PENDING. */
int otter__running_step(struct otter_updater *u);

/* --- staging.c ---------------------------------------------------------- */

/* Erases ahead or programs one sector; `all` programs a part of one too.
 * 0: nothing to do.  OTTER_ERR_PENDING: did something. */
OTTER_MUST_CHECK int otter__stage_step(struct otter_updater *u, bool all);

/* --- verify.c ----------------------------------------------------------- */

/* The flash mode byte as the core sees it (protocol 2.3). */
static inline uint8_t otter__known_mode(uint8_t mode)
{
    return mode > 3 ? 255 : mode;
}

/* Judges the first `len` bytes of the image, 1 to 4 of them, in the buffer;
 * learns whether they are gzip. */
OTTER_MUST_CHECK int otter__verify_head(struct otter_updater *u, uint32_t len);

/* Follows the images' headers in what is in flash so far: that they lead to
 * segments which will all have come, and what the descriptor says. */
OTTER_MUST_CHECK int otter__verify_structure(struct otter_updater *u);

/* Prepares reading back. */
void otter__verify_begin(struct otter_updater *u);

/* Reads one sector back.  OTTER_ERR_PENDING: there are more.  0: the image is
 * good. */
OTTER_MUST_CHECK int otter__verify_step(struct otter_updater *u);

#endif
