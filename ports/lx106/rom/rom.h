/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the ROM stand-in share.  It stands for the chip's mask
 * ROM, its flash chip and its flash cache under QEMU, and for nothing else:
 * what runs above it is the program that a chip would get.
 *
 * The host gives it arguments (QEMU's -semihosting-config arg=...):
 *   flash=FILE      the flash's bytes, a power of two of them; required
 *   settings=FILE   lines "key=value" for otter_board_setting
 *   cause=FILE      letters (page.h), read at every reset
 *   random=FILE     where random bytes come from; without it there are none
 *   events=FILE     a pipe for what the host counts (page.h)
 *   erase_us=N      how long a sector's erase takes, in microseconds
 *   page_us=N       the same for a page program
 *   cache=strict    the window is empty while the cache is off (flash.c)
 *   rtc=FILE        begin with a software reset and this RTC memory
 *   cut=N           the power fails in the N-th flash operation (1 is the
 *                   first) since power-on: sector erase or page program
 *   tear=KIND       what that operation leaves: see enum otter_rom_tear
 * Exit statuses: OTTER_ROM_EXIT_*. */
#ifndef OTTER_PORTS_LX106_ROM_H
#define OTTER_PORTS_LX106_ROM_H

#include "format/compiler.h"

#include <stdbool.h>
#include <stdint.h>

enum otter_rom_exit {
    OTTER_ROM_EXIT_CUT = 77,      /* the power cut that was asked for */
    OTTER_ROM_EXIT_ARGUMENT = 96, /* no flash file, or a bad argument */
    OTTER_ROM_EXIT_NO_IMAGE = 97  /* no image in sector 0, or it returned */
};

/* What is left of the operation in which the power fails. */
enum otter_rom_tear {
    OTTER_ROM_TEAR_NONE,  /* it did not begin */
    OTTER_ROM_TEAR_HALF,  /* its first half is done */
    OTTER_ROM_TEAR_ZERO,  /* erase: all zero (NOR programs first) */
    OTTER_ROM_TEAR_MIXED, /* some bits done, some not, from the number N */
    OTTER_ROM_TEAR_DONE,  /* it was just finished */
    OTTER_ROM_TEARS
};

struct otter_rom_state {
    int32_t flash_file;
    uint32_t flash_size;
    uint32_t erase_us;
    uint32_t page_us;
    uint32_t cut;        /* operation that fails, 0 for none */
    uint32_t tear;       /* enum otter_rom_tear */
    uint32_t operations; /* since power-on */
    bool strict;         /* the window is empty while the cache is off */
    bool window_filled;  /* it shows the flash from cache_addr on */
    uint32_t window_len; /* bytes of it that hold more than erased flash */
    uint32_t cache_addr;
    uint8_t buffer[4096];
    char arguments[1024];
};

extern struct otter_rom_state otter__rom;

/* a0 to a15 at a crash, stored by vectors.S. */
extern uint32_t otter__rom_registers[16];

/* ets_printf and ets_putc: %s %c %d %u %x %% with a width. */
__attribute__((format(printf, 1, 2))) void otter__rom_printf(
    const char *format, ...);
void otter__rom_putc(int c);

/* Does nothing any more, until a reset comes from outside. */
OTTER_NORETURN void otter__rom_wait(void);

/* Ends the machine with an exit status. */
OTTER_NORETURN void otter__rom_exit(int status);

/* Restarts the machine; the next start finds `reason`, an
 * enum otter_reset_reason. */
OTTER_NORETURN void otter__rom_restart(uint32_t reason);

/* SPIRead, SPIWrite, SPIEraseSector: 0, or 1 as the chip's ROM returns.
 * Misuse and operations against NOR's rules are reported on the console as
 * "rom: violation: ...". */
int otter__rom_read(uint32_t addr, void *out, uint32_t len);
int otter__rom_program(uint32_t addr, const void *data, uint32_t len);
int otter__rom_erase(uint32_t sector);

/* Cache_Read_Enable and Cache_Read_Disable. */
void otter__rom_cache_on(uint32_t odd, uint32_t mib, uint32_t unused);
void otter__rom_cache_off(void);

/* Called from vectors.S. */
OTTER_NORETURN void otter__rom_start(void);
OTTER_NORETURN void otter__rom_software_reset(void);
OTTER_NORETURN void otter__rom_crash(uint32_t cause, uint32_t pc,
                                     uint32_t address);
int otter__rom_nothing(void);
uint32_t otter__rom_reason(void);
void otter__rom_delay(uint32_t us);

#endif
