/* SPDX-License-Identifier: Apache-2.0
 *
 * The algorithm of the core's boot loader (protocol 3.2 and 3.3): read the
 * command that an update left in RTC memory, copy what it names over the
 * running program, clear the command, load and start.
 *
 * It stands for the loader in sector 0 of boards that came from elsewhere,
 * and it is the control of the power-cut campaign: a power cut inside its
 * copy leaves no whole program.  boot.h is the loader that survives one.
 *
 * Console, as the core prints it: `v` and the file length word, `@` for a
 * command or `~` for none, `cp:` with `B` for an identical boot sector and
 * the result, `ld`, `e:` with the result when loading failed. */
#ifndef OTTER_BOOT_STOCK_H
#define OTTER_BOOT_STOCK_H

#include "codec/inflate.h"
#include "format/compiler.h"
#include "hal/flash.h"

#include <stdalign.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

/* Results of a run that started nothing; 1 to 3 also come from loading. */
enum otter_boot_stock_result {
    OTTER_BOOT_STOCK_OK = 0,          /* ISIZE of 2 GiB and more: no copy */
    OTTER_BOOT_STOCK_ALIGN = 1,       /* not on sector boundaries */
    OTTER_BOOT_STOCK_ERASE = 2,       /* flash erase failed */
    OTTER_BOOT_STOCK_READ = 3,        /* flash read failed */
    OTTER_BOOT_STOCK_WRITE = 4,       /* flash write failed */
    OTTER_BOOT_STOCK_GZIP_HEADER = 5, /* nothing could be unpacked */
    OTTER_BOOT_STOCK_GZIP = 6,        /* unpacking failed half-way */
    OTTER_BOOT_STOCK_UNKNOWN = 9      /* an action it does not know */
};

/* The loader's memory: nothing in it survives a run, nothing need be set. */
struct otter_boot_stock {
    /* private */
    alignas(4) uint8_t window[OTTER_INFLATE_WINDOW];
    alignas(4) uint8_t sector[OTTER_FLASH_SECTOR];
    alignas(4) uint8_t present[OTTER_FLASH_SECTOR];
    struct otter_inflate inflate;
    uint32_t source;
    uint32_t destination;
    uint32_t left; /* sectors still to be written */
    int result;
};

/* Does what the core's loader does after a reset.  Comes back only when no
 * program was started: with a result above, after which the core restarts the
 * board, or with OTTER_ERR_IMAGE when the board cannot run what was loaded. */
OTTER_MUST_CHECK int otter_boot_stock_run(struct otter_boot_stock *stock);

OTTER_END_DECLS

#endif
