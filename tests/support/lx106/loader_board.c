/* SPDX-License-Identifier: Apache-2.0
 *
 * The HAL under a boot loader on the chip, by ROM calls alone, for building
 * boot/stock.h into sector 0 of test images. */
#include "boot/stock.h"
#include "format/compiler.h"
#include "format/error.h"
#include "hal/board.h"
#include "hal/flash.h"
#include "hal/rtc.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define STACK_TOP         0x3ffffff0u

int SPIRead(uint32_t addr, void *out, uint32_t len);
int SPIWrite(uint32_t addr, const void *data, uint32_t len);
int SPIEraseSector(uint32_t sector);
void ets_putc(int c);

OTTER_NORETURN void otter__lx106_loader(void);

int otter_flash_read(uint32_t addr, void *buf, uint32_t len)
{
    return SPIRead(addr, buf, len) == 0 ? 0 : OTTER_ERR_FLASH_READ;
}

int otter_flash_program(uint32_t addr, const void *buf, uint32_t len)
{
    return SPIWrite(addr, buf, len) == 0 ? 0 : OTTER_ERR_FLASH_PROGRAM;
}

int otter_flash_erase(uint32_t addr)
{
    return SPIEraseSector(addr / OTTER_FLASH_SECTOR) == 0
               ? 0
               : OTTER_ERR_FLASH_ERASE;
}

int otter_rtc_read(uint32_t word, uint32_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = REGISTER(0x60001200u + 4 * (word + i));
    }
    return 0;
}

int otter_rtc_write(uint32_t word, const uint32_t *in, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        REGISTER(0x60001200u + 4 * (word + i)) = in[i];
    }
    return 0;
}

void otter_board_watchdog_feed(void)
{
    REGISTER(0x60000914u) = 0x73;
}

void otter_board_putc(char c)
{
    ets_putc(c);
}

/* The core's rule (protocol 3.3): what is not RAM is mapped, not loaded. */
int otter_board_load(uint32_t vma, uint32_t addr, uint32_t len)
{
    if (vma >= 0x40000000u && vma < 0x60000000u &&
        (vma < 0x40100000u || vma >= 0x4010c000u)) {
        return 0;
    }
    return otter_flash_read(addr, (void *)vma, len);
}

int otter_board_start(uint32_t entry)
{
    __asm__ volatile("mov a1, %0\n\tjx %1" ::"r"(STACK_TOP), "r"(entry)
                     : "memory");
    __builtin_unreachable();
}

OTTER_NORETURN void otter_board_restart(void)
{
    REGISTER(0x60000700u) |= 0x80000000u;
    for (;;) {
    }
}

OTTER_NORETURN void otter__lx106_loader(void)
{
    static struct otter_boot_stock stock;

    if (otter_boot_stock_run(&stock) != 0) {
        otter_board_restart();
    }
    for (;;) {
    }
}
