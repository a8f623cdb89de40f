/* SPDX-License-Identifier: Apache-2.0
 *
 * The LX106 as QEMU's lx60-nommu machine offers it: registers outside the
 * chip's own map, the special registers of the core, and the call to the
 * host.  The ROM stand-in and the port share it.  Nothing that would run on a
 * chip includes it: on silicon these facts belong to the vendor's SDK. */
#ifndef OTTER_PORTS_LX106_MACHINE_H
#define OTTER_PORTS_LX106_MACHINE_H

#include <stdint.h>

#define OTTER_LX106_REGISTER(address) (*(volatile uint32_t *)(address))

/* The board's own registers.  0xDEAD in RESET restarts the whole machine;
 * memory keeps its contents. */
#define OTTER_LX106_RESET       OTTER_LX106_REGISTER(0x9d020010u)
#define OTTER_LX106_RESET_VALUE 0xdeadu
#define OTTER_LX106_UART_DATA   OTTER_LX106_REGISTER(0x9d050020u)
#define OTTER_LX106_UART_STATUS OTTER_LX106_REGISTER(0x9d050034u)
#define OTTER_LX106_UART_EMPTY  0x20u

/* The core's cycle counter runs at 40 MHz of host time (the chip's: 80). */
#define OTTER_LX106_CYCLES_PER_MS 40000u

/* Interrupts of the core, as bits of INTENABLE. */
#define OTTER_LX106_IRQ_ETHERNET (1u << 1)
#define OTTER_LX106_IRQ_TIMER    (1u << 6)

static inline uint32_t otter__lx106_cycles(void)
{
    uint32_t count;

    __asm__ volatile("rsr.ccount %0" : "=r"(count));
    return count;
}

/* Raises the timer interrupt in `cycles` cycles, if it is enabled then. */
static inline void otter__lx106_timer(uint32_t cycles)
{
    __asm__ volatile("wsr.ccompare0 %0" ::"r"(otter__lx106_cycles() + cycles));
}

/* Calls of the host, by their numbers in QEMU's Xtensa semihosting. */
enum otter_lx106_host_call {
    OTTER_LX106_EXIT = 1,
    OTTER_LX106_READ = 3,
    OTTER_LX106_WRITE = 4,
    OTTER_LX106_OPEN = 5, /* takes the host's own flags */
    OTTER_LX106_CLOSE = 6,
    OTTER_LX106_SEEK = 19,
    OTTER_LX106_ARGC = 1000,
    OTTER_LX106_ARGV_SIZE = 1001,
    OTTER_LX106_ARGV = 1002
};

/* Linux's flags for OTTER_LX106_OPEN. */
#define OTTER_LX106_O_RDONLY 0u
#define OTTER_LX106_O_WRONLY 1u
#define OTTER_LX106_O_RDWR   2u

/* Returns what the host returned; negative is a failure. */
static inline int32_t otter__lx106_host(enum otter_lx106_host_call call,
                                        uint32_t a, uint32_t b, uint32_t c)
{
    register uint32_t r2 __asm__("a2") = (uint32_t)call;
    register uint32_t r3 __asm__("a3") = a;
    register uint32_t r4 __asm__("a4") = b;
    register uint32_t r5 __asm__("a5") = c;

    __asm__ volatile("simcall"
                     : "+r"(r2), "+r"(r3)
                     : "r"(r4), "r"(r5)
                     : "memory");
    return (int32_t)r2;
}

#endif
