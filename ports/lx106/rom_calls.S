/* SPDX-License-Identifier: Apache-2.0
 *
 * The mask ROM's functions for code that runs from the flash window.  The ROM
 * is farther away than a call instruction reaches; a step here, once for each
 * function, spares every caller the long form (cmake/lx106.cmake).  a9 is
 * nobody's between a call and the function's first instruction.  The libgcc
 * that Debian builds for this core leaves the arithmetic to the ROM. */
    .macro rom_call name, address
    .section .text.otter__rom_\name, "ax"
    .literal_position
    .align 4
    .global \name
    .type \name, @function
\name:
    movi a9, \address
    jx   a9
    .endm

    rom_call ets_putc, 0x40002be8
    rom_call memcmp, 0x4000dea8
    rom_call memcpy, 0x4000df48
    rom_call memmove, 0x4000e04c
    rom_call memset, 0x4000e190
    rom_call strlen, 0x4000bf4c
    rom_call __divdi3, 0x4000ce60
    rom_call __divsi3, 0x4000dc88
    rom_call __muldi3, 0x40000650
    rom_call __udivdi3, 0x4000d310
    rom_call __udivsi3, 0x4000e21c
    rom_call __umoddi3, 0x4000d770
    rom_call __umodsi3, 0x4000e268
    rom_call __umulsidi3, 0x4000dcf0
