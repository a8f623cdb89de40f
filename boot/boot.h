/* SPDX-License-Identifier: Apache-2.0
 *
 * Otter's boot loader: what sector 0 of the chip does between a reset and the
 * start of the program.  It installs the staged image that the newest boot
 * record asks for (format/boot_record.h) and leaves a whole program behind
 * whatever instant power fails at; docs/power-fail-safety.md says why.
 *
 *          no record, DONE ------------------------------------> start
 *          TRIAL, tries left ----- one try less ---------------> start
 *          TRIAL, none left --+
 *          COPY --------------+--> source whole? -> copy -> whole? -> start
 *                                       | no         ^        | no, 3 times
 *                                       +-> fallback-+--------+
 *                                              | none whole either
 *                                              +-> hold
 *
 *  - The source is verified before the first erase, the installed program
 *    after the last write, every sector as it is written.
 *  - A wake from deep sleep uses up no try.
 *  - A gzip image goes on trial or not by the descriptor that it shows once
 *    it is installed.
 *  - A command of the core's Updater in RTC memory is first made a record.
 *    Its image covers the log, which lies directly below the file system, so
 *    it is moved down by two sectors.  Without room for that, or without a
 *    log, the copy is made as the core makes it, and the console says so.
 *  - Sector 0 is never written unless a record's flag asks for it, nor
 *    anything from the end of the log on.
 *  - The watchdog stays as it is and is fed with every sector.
 *
 * Freestanding: flash, RTC memory and board only through hal/.  On the chip it
 * is one image of at most 4096 bytes (boot/lx106); on the virtual device and
 * in the power-cut campaign it is the same source. */
#ifndef OTTER_BOOT_BOOT_H
#define OTTER_BOOT_BOOT_H

#include "codec/inflate.h"
#include "format/boot_record.h"
#include "format/compiler.h"
#include "hal/flash.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

/* What a run that started nothing returns; 1 to 3 come from loading, as in
 * the core (protocol 3.3). */
#define OTTER_BOOT_HOLD 8

/* The loader's memory, 43 KiB: nothing in it survives a run, nothing need be
 * set before one. */
struct otter_boot {
    /* private */
    struct otter_boot_log log;
    uint32_t log_addr; /* OTTER_LOADER_NO_LOG: as the core */
    uint32_t pos;      /* of the next sector in the file that is unpacked */
    uint32_t in;       /* addr of the next sector of the packed file */
    uint32_t resume;   /* sectors before this pos are already installed */
    uint32_t stop;     /* sectors from this pos on must not be written */
    uint32_t crc;      /* of what was read last */
    uint32_t writing;  /* 1, or 0: only looking */
    struct otter_inflate inflate;
    alignas(4) uint8_t input[OTTER_FLASH_SECTOR];
    alignas(4) uint8_t check[OTTER_FLASH_SECTOR];
    alignas(4) uint8_t window[OTTER_INFLATE_WINDOW];
};

/* Does all of the above and starts the program.  Comes back only when none
 * was started.  OTTER_BOOT_HOLD: none is whole; the board stays as it is until
 * somebody brings a cable.  1 to 3: the program cannot be loaded.
 * OTTER_ERR_IMAGE: this board cannot run what was loaded. */
OTTER_MUST_CHECK int otter_boot_run(struct otter_boot *boot);

OTTER_END_DECLS

#endif
