/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything else that a board must offer: identity, randomness, watchdog,
 * reset, console, and for the boot loader the loading and starting of an
 * image.  Callable from the main loop only, unless a call says otherwise. */
#ifndef OTTER_HAL_BOARD_H
#define OTTER_HAL_BOARD_H

#include "format/compiler.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

struct otter_flash_map;

enum otter_reset_reason {
    OTTER_RESET_POWER,     /* power came up, RTC memory is garbage */
    OTTER_RESET_PIN,       /* reset button or external pin */
    OTTER_RESET_SOFTWARE,  /* otter_board_restart */
    OTTER_RESET_WATCHDOG,  /* the watchdog was not fed */
    OTTER_RESET_EXCEPTION, /* the program crashed */
    OTTER_RESET_DEEP_SLEEP /* woke from deep sleep */
};

/* Why the board started this time. */
enum otter_reset_reason otter_board_reset_reason(void);

/* Fills `buf` with random bytes fit for nonces.  OTTER_ERR_RANDOM: the source
 * failed; the caller must not go on with what is in the buffer. */
OTTER_MUST_CHECK int otter_board_random(void *buf, uint32_t len);

/* Tells the watchdog that the program is alive. */
void otter_board_watchdog_feed(void);

/* True when the strap pins selected serial download at the last reset, which
 * makes a restart impossible (protocol 2.2 step 2). */
bool otter_board_strapped_for_download(void);

/* A number that differs at every start of the board. */
uint32_t otter_board_boot_id(void);

/* The station interface's MAC address. */
void otter_board_mac(uint8_t mac[6]);

/* The chip id: on the ESP8266 the last three bytes of the MAC, 24 bits. */
uint32_t otter_board_chip_id(void);

/* Name of the board kind, as an image descriptor names it ("posix").
 * Static storage. */
const char *otter_board_name(void);

/* Name of the chip, as an image descriptor names it ("esp8266").
 * Static storage. */
const char *otter_board_chip(void);

/* The flash map that the running program was built for or found at start
 * (protocol 2.8).  Static storage. */
const struct otter_flash_map *otter_board_flash_map(void);

/* A setting that the board's owner made, such as "password"; how it is made
 * is the port's matter.  Returns the length of the text, which is cut to fit
 * and ends in NUL.  OTTER_ERR_NO_DATA: no such setting, `out` is empty. */
OTTER_MUST_CHECK int otter_board_setting(const char *key, char *out,
                                         uint32_t size);

/* Writes one character to the serial console.  Never blocks for longer than
 * the line needs for it. */
void otter_board_putc(char c);

/* Restarts the board.  RTC memory survives. */
OTTER_NORETURN void otter_board_restart(void);

/* For the boot loader: copies `len` bytes from flash at `addr` to the RAM at
 * `vma`.  A `vma` that the board does not have is not loaded and is no error,
 * as in the core's loader.  OTTER_ERR_FLASH_READ. */
OTTER_MUST_CHECK int otter_board_load(uint32_t vma, uint32_t addr,
                                      uint32_t len);

/* For the boot loader: starts the loaded image at `entry` and normally does
 * not come back.  OTTER_ERR_IMAGE: this board cannot run what was loaded. */
OTTER_MUST_CHECK int otter_board_start(uint32_t entry);

OTTER_END_DECLS

#endif
