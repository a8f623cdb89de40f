/* SPDX-License-Identifier: Apache-2.0
 *
 * The first 64 KiB of the chip's map, where its mask ROM lies: exception
 * vectors, the reset entry, and at the address of every ROM call that the
 * stand-in offers a jump to the code that stands for it.  The gaps are zero,
 * an illegal instruction: a call that is not offered ends in a crash report
 * with the call's address. */

    .section .rom.vectors, "ax"
    .begin no-transform

    .org 0x10                       /* debug exceptions: the reset trap */
    j   reset_trap
    .org 0x30                       /* exceptions and interrupts, PS.UM=0 */
    j   exception
    .org 0x50                       /* the same, PS.UM=1 */
    j   exception
    .org 0x70                       /* an exception in an exception */
    j   double_exception
    .org 0x80
    .global otter__rom_reset
otter__rom_reset:
    j   reset

    .macro call offset, target
    .org \offset
    j   \target
    .endm

    call 0x0650, __muldi3
    call 0x18a4, memset             /* ets_memset */
    call 0x18b4, memcpy             /* ets_memcpy */
    call 0x18c4, memmove            /* ets_memmove */
    call 0x18d4, memcmp             /* ets_memcmp */
    call 0x24cc, otter__rom_printf  /* ets_printf */
    call 0x25e0, otter__rom_reason  /* rtc_get_reset_reason */
    call 0x2ac8, strlen             /* ets_strlen */
    call 0x2be8, otter__rom_putc    /* ets_putc */
    call 0x2ecc, otter__rom_delay   /* ets_delay_us */
    call 0x2fa0, otter__rom_nothing /* ets_wdt_enable */
    call 0x30f0, otter__rom_nothing /* ets_wdt_disable */
    call 0x448c, otter__rom_nothing /* Wait_SPI_Idle */
    call 0x4678, otter__rom_cache_on
    call 0x47f0, otter__rom_cache_off
    call 0x4878, otter__rom_nothing /* SPIUnlock */
    call 0x4a00, otter__rom_erase   /* SPIEraseSector */
    call 0x4a4c, otter__rom_program /* SPIWrite */
    call 0x4b1c, otter__rom_read    /* SPIRead */
    call 0xbf4c, strlen
    call 0xce60, __divdi3
    call 0xd310, __udivdi3
    call 0xd770, __umoddi3
    call 0xdc88, __divsi3
    call 0xdcf0, __umulsidi3
    call 0xdea8, memcmp
    call 0xdf48, memcpy
    call 0xe04c, memmove
    call 0xe190, memset
    call 0xe21c, __udivsi3
    call 0xe268, __umodsi3
    .org 0x10000
    .end no-transform

/* Everything below lies within the reach of J from the vectors. */
    .section .text.entry, "ax"
    .literal_position

/* Power-on and every reset.  The core's one data breakpoint is set on the
 * chip's RTC control register: a store there is the chip's software reset. */
    .align 4
reset:
    movi a1, 0x3ffffff0             /* the stack that the chip's ROM gives */
    movi a2, 0x20                   /* PS: user mode, interrupts allowed */
    wsr.ps a2
    movi a2, 0
    wsr.intenable a2
    movi a2, 0x60000700
    wsr.dbreaka0 a2
    movi a2, 0x8000003f             /* stores, one word */
    wsr.dbreakc0 a2
    rsync
    movi a0, otter__rom_start
    callx0 a0
1:  j   1b

/* A store to the control register has not happened and need not: restart
 * instead.  A break instruction is a crash. */
    .align 4
reset_trap:
    movi a1, otter__rom_stack_top
    rsr.debugcause a2
    bbsi a2, 2, 1f
    movi a4, 0x20
    wsr.ps a4
    rsync
    movi a2, 63                     /* no cause of the core's own */
    rsr.epc2 a3
    movi a4, 0
    movi a0, otter__rom_crash
    callx0 a0
1:
    movi a0, otter__rom_software_reset
    callx0 a0
1:  j   1b

/* An interrupt only ends a WAITI: it masks all interrupts and returns.
 * Anything else is a crash. */
    .align 4
exception:
    wsr.excsave1 a2
    rsr.exccause a2
    bnei a2, 4, crash
    movi a2, 0
    wsr.intenable a2
    rsync
    rsr.excsave1 a2
    rfe
crash:
    movi a2, otter__rom_registers
    s32i a0, a2, 0
    s32i a1, a2, 4
    s32i a3, a2, 12
    s32i a4, a2, 16
    s32i a5, a2, 20
    s32i a6, a2, 24
    s32i a7, a2, 28
    s32i a8, a2, 32
    s32i a9, a2, 36
    s32i a10, a2, 40
    s32i a11, a2, 44
    s32i a12, a2, 48
    s32i a13, a2, 52
    s32i a14, a2, 56
    s32i a15, a2, 60
    rsr.excsave1 a3
    s32i a3, a2, 8
    movi a1, otter__rom_stack_top
    movi a4, 0x20
    wsr.ps a4
    rsync
    rsr.exccause a2
    rsr.epc1 a3
    rsr.excvaddr a4
    movi a0, otter__rom_crash
    callx0 a0
double_exception:
    rsr.depc a3
    movi a1, otter__rom_stack_top
    movi a4, 0x20
    wsr.ps a4
    rsync
    rsr.exccause a2
    rsr.excvaddr a4
    movi a0, otter__rom_crash
    callx0 a0
1:  j   1b
