/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the loader share.  boot.c reads the log and decides;
 * takeover.c turns the core's command into a record; install.c does what a
 * record asks for; load.c starts the program. */
#ifndef OTTER_BOOT_INTERNAL_H
#define OTTER_BOOT_INTERNAL_H

#include "boot/boot.h"

#define OTTER__SECTOR OTTER_FLASH_SECTOR

/* For results that nothing depends on, because what was done is read back. */
static inline void otter__ignore(int result)
{
    (void)result;
}

/* Writes to the console. */
void otter__boot_say(const char *text);

/* Reads flash and feeds the watchdog. */
OTTER_MUST_CHECK int otter__boot_read(uint32_t addr, void *buf, uint32_t len);

/* Writes one sector and reads it back, three times if need be.  Whether it
 * is right in the end is found by the CRC of the whole. */
void otter__boot_put_sector(struct otter_boot *boot, uint32_t addr,
                            const uint8_t *data);

/* Puts the CRC of what is in flash into boot->crc.  False: not readable. */
OTTER_MUST_CHECK bool otter__boot_crc(struct otter_boot *boot, uint32_t addr,
                                      uint32_t len);

/* Programs a word of zeros into a slot of the log; nothing depends on it. */
void otter__boot_clear(struct otter_boot *boot, uint32_t slot, uint32_t off);

/* Appends boot->log.record until it reads back.  False: the log is dead.
 * Without a log there is nothing to do, and that is true. */
bool otter__boot_append(struct otter_boot *boot);

/* Appends a DONE again.  A program that may overwrite the log leaves nothing
 * but this one record in it: an older one that came to light would be obeyed.
 */
void otter__boot_affirm(struct otter_boot *boot);

/* Exchanges target and fallback. */
void otter__boot_swap(struct otter_boot *boot);

/* If the core's Updater left a command, clears it and makes it the record to
 * be installed, not appended yet. */
void otter__boot_takeover(struct otter_boot *boot);

/* Installs what the COPY asks for.  False: hold. */
OTTER_MUST_CHECK bool otter__boot_install(struct otter_boot *boot);

#endif
