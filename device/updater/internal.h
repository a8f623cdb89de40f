/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the updater share.  updater.c is the stream and its
 * states; staging.c brings bytes into flash; verify.c judges them; running.c
 * knows the sketch that runs and retain.c keeps a copy of it.  Where an image
 * goes and how the order to install it is left is the business of commit.c,
 * and of commit_record.c for Otter's boot loader, commit_stock.c for the
 * core's. */
#ifndef OTTER_DEVICE_UPDATER_INTERNAL_H
#define OTTER_DEVICE_UPDATER_INTERNAL_H

#include "device/updater/trial.h"
#include "device/updater/updater.h"

/* Bytes that wait in the buffer. */
static inline uint32_t otter__buffered(const struct otter_updater *u)
{
    return u->received - u->programmed;
}

/* --- commit.c: which boot loader ---------------------------------------- */

/* The log, or NULL: the boot loader is not ours, or nobody gave us the log. */
struct otter_trial *otter__log(const struct otter_updater *u);

/* Sets `start` and `capacity` for `size` bytes of the kind in `u`.
 * OTTER_ERR_SPACE, OTTER_ERR_LAYOUT, what otter__running_size gives, and
 * OTTER_ERR_FLASH_READ when the log cannot be read. */
OTTER_MUST_CHECK int otter__place(struct otter_updater *u, uint32_t size);

/* Before the first change of the staging area: makes sure that no order and
 * no record refers to it.  OTTER_ERR_PENDING: call again in the next poll. */
OTTER_MUST_CHECK int otter__prepare(struct otter_updater *u);

/* Judges whether the staged sketch can be installed from where it lies, when
 * it will take `size` bytes, and would start.  OTTER_ERR_SPACE, and under the
 * core's loader OTTER_ERR_CHECKSUM and OTTER_ERR_FLASH_READ.  Uses the
 * buffer. */
OTTER_MUST_CHECK int otter__check_installed(struct otter_updater *u,
                                            uint32_t size);

/* Leaves the order to install what was verified. */
OTTER_MUST_CHECK int otter__commit(struct otter_updater *u);

/* --- commit_stock.c, commit_record.c: the same for sketches under each --- */

OTTER_MUST_CHECK int otter__stock_place(struct otter_updater *u);
OTTER_MUST_CHECK int otter__stock_prepare(struct otter_updater *u);
OTTER_MUST_CHECK int otter__stock_check_installed(struct otter_updater *u,
                                                  uint32_t size);
OTTER_MUST_CHECK int otter__stock_commit(struct otter_updater *u);

OTTER_MUST_CHECK int otter__record_place(struct otter_updater *u);
OTTER_MUST_CHECK int otter__record_check_installed(
    const struct otter_updater *u, uint32_t size);

/* These two for a file system as well. */
OTTER_MUST_CHECK int otter__record_prepare(struct otter_updater *u);
OTTER_MUST_CHECK int otter__record_commit(struct otter_updater *u);

/* True when what is staged at `start` may be gone on with: whole sectors, and
 * nothing lies there that is stored or runs. */
OTTER_MUST_CHECK bool otter__record_may_lie(const struct otter_updater *u,
                                            uint32_t start);

/* An area of flash, empty when `from` is `to`. */
struct otter__area {
    uint32_t from;
    uint32_t to;
};

/* Whole sectors of an image where it is stored; empty when it is not. */
struct otter__area otter__stored(const struct otter_boot_image *image);

/* The highest place for `size` bytes, whole sectors, that end at `top` or
 * below one of the two areas `busy`, lie outside both and not below `low`.
 * 0: there is none. */
uint32_t otter__find_place(const struct otter__area busy[2], uint32_t low,
                           uint32_t top, uint32_t size);

/* --- retain.c: a copy of the running program ----------------------------- */

/* One step of finding out what runs.  0: it is known.  OTTER_ERR_PENDING.
 * OTTER_ERR_FLASH_READ, OTTER_ERR_IMAGE: it cannot be read; the next call
 * begins again. */
OTTER_MUST_CHECK int otter__identify_step(struct otter_updater *u,
                                          struct otter_trial *t);

/* Decides to save what runs, if that is known, not done yet, and leaves room
 * for an image of `reserve` bytes beside it. */
void otter__save_begin(const struct otter_updater *u, struct otter_trial *t,
                       uint32_t reserve);

/* One sector of a copy that was begun: 0 or OTTER_ERR_PENDING. */
int otter__save_step(struct otter_trial *t);

/* All of this beside no update: 0 or OTTER_ERR_PENDING. */
int otter__retain_step(struct otter_updater *u);

/* --- running.c ---------------------------------------------------------- */

/* Finds the size of the running sketch unless it is known.
 * OTTER_ERR_IMAGE, OTTER_ERR_FLASH_READ. */
OTTER_MUST_CHECK int otter__running_size(struct otter_updater *u);

/* Reads flash mode and flash size from the running image's header. */
OTTER_MUST_CHECK int otter__running_header(struct otter_updater *u);

/* One step of its digest, if that was asked for: 0 or OTTER_ERR_PENDING. */
int otter__running_step(struct otter_updater *u);

/* --- resume.c: what the record says about a download -------------------- */

struct otter_updater_resume {
    /* At the end of a good begin: what is staged under this key is taken up,
     * `resumed` says how much. */
    void (*begin)(struct otter_updater *u, const uint8_t *key);

    /* Puts it into the record that is about to be appended.  OTTER_ERR_SPACE:
     * what was taken up may not lie there any more. */
    int (*note)(struct otter_updater *u);

    /* Marks what has been staged since; true: did something. */
    bool (*mark)(struct otter_updater *u);

    /* It is no good. */
    void (*drop)(struct otter_updater *u);
};

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
