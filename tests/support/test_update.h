/* SPDX-License-Identifier: Apache-2.0
 *
 * Driving an update in tests: a board with a running sketch, an updater on
 * it, and a transport's part of the work in one call.  The longest flash time
 * that one call of the stream took is kept. */
#ifndef OTTER_TESTS_SUPPORT_TEST_UPDATE_H
#define OTTER_TESTS_SUPPORT_TEST_UPDATE_H

#include "device/updater/trial.h"
#include "device/updater/updater.h"

struct otter_test_rig {
    struct otter_updater updater;
    struct otter_updater_config config;
    struct otter_trial trial; /* in config, on a board with Otter's loader */
    struct otter_stream *stream;
    uint64_t longest_poll_us;  /* of flash time in one poll or end */
    uint64_t longest_write_us; /* in one begin, expect or write */
    uint32_t most;             /* handed to begins of unknown size */
    uint32_t taken;            /* bytes that the last feed got rid of */
};

extern struct otter_test_rig otter_test_rig;

/* Opens the simulated board with that flash map and a running sketch of
 * `running_size` bytes for mode DIO (2), and an updater on it. */
void otter_test_rig_open(const char *map_name, uint32_t running_size);
void otter_test_rig_close(void);

/* The same with Otter's loader in sector 0, its log below the file system, and
 * the program's view of it opened. */
void otter_test_rig_open_otter(const char *map_name, uint32_t running_size);

/* Takes the place of the sketch, with a serial cable: the log stays. */
void otter_test_rig_flash(const uint8_t *file, uint32_t size);

/* Resets the board: runs the loader that sector 0 holds, then the program's
 * start, with an updater and a trial that remember nothing.  False: the loader
 * holds, there is nothing to start. */
bool otter_test_restart(void);

/* Polls beside no update until there is nothing to do. */
void otter_test_idle(void);

/* begin with these, expect of the data's MD5 left out. */
int otter_test_begin(uint32_t kind, uint32_t size);

/* Writes and polls, `piece` bytes at a time, until all are taken or an error
 * comes back. */
int otter_test_feed(const uint8_t *data, uint32_t len, uint32_t piece);

/* end and poll until it is not PENDING. */
int otter_test_end(void);

/* begin, feed in pieces of 1460 bytes, end; the first error ends it, by end
 * if need be. */
int otter_test_update(uint32_t kind, uint32_t size, const uint8_t *data,
                      uint32_t len);

/* expect with the MD5 or SHA-256 of `data`. */
int otter_test_expect(enum otter_digest_kind kind, const uint8_t *data,
                      uint32_t len);

/* The copy command in RTC memory.  False: there is none, and both are 0. */
bool otter_test_order(uint32_t *source, uint32_t *size);

/* Takes the command away, as the boot loader does, and says whether there was
 * one. */
bool otter_test_take_order(void);

/* Runs the core's loader up to the start of what it installed. */
void otter_test_run_stock_loader(void);

/* Leaves the command to copy a staged file over the sketch. */
void otter_test_order_copy(uint32_t source, uint32_t size);

#endif
