/* SPDX-License-Identifier: Apache-2.0
 *
 * The boot loader on the chip: hal/ by calls into the mask ROM, and the entry
 * that the ROM jumps to.  The ROM has loaded the image in sector 0, whose
 * checksum it verified; its watchdog runs, its stack is used on.  There is no
 * C runtime: nothing is cleared, no variable has a first value. */
#include "hal/board.h"
#include "boot/boot.h"
#include "format/compiler.h"
#include "format/error.h"
#include "format/loader_config.h"
#include "hal/flash.h"
#include "hal/rtc.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define RTC_USER       0x60001200u           /* 128 words */
#define WATCHDOG_FEED  REGISTER(0x60000914u) /* 0x73 feeds it */
#define STACK_OF_APPS  0x3FFFFFF0u
#define SAVED_REASON   REGISTER(0x60001100u) /* in the SDK's RTC memory */
#define DEEP_SLEEP     5u                    /* what the SDK leaves there */
#define EXTERNAL_RESET 2u                    /* deep sleep ends in one */

/* The mask ROM's, rom.ld. */
int SPIRead(uint32_t addr, void *out, uint32_t len);
int SPIWrite(uint32_t addr, const void *data, uint32_t len);
int SPIEraseSector(uint32_t sector);
void ets_putc(int c);
uint32_t rtc_get_reset_reason(void);

void otter__loader_entry(void);

/* At addr 16 of every file (format/loader_config.h).  Whoever builds a file
 * fills in where the log is. */
const uint32_t otter__loader_config[2]
    __attribute__((used, section(".config"))) = {OTTER_LOADER_CONFIG_WORD,
                                                 OTTER_LOADER_NO_LOG};

int otter_flash_read(uint32_t addr, void *buf, uint32_t len)
{
    return SPIRead(addr, buf, len);
}

int otter_flash_program(uint32_t addr, const void *buf, uint32_t len)
{
    return SPIWrite(addr, buf, len);
}

int otter_flash_erase(uint32_t addr)
{
    return SPIEraseSector(addr / OTTER_FLASH_SECTOR);
}

int otter_rtc_read(uint32_t word, uint32_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = REGISTER(RTC_USER + 4 * (word + i));
    }
    return 0;
}

int otter_rtc_write(uint32_t word, const uint32_t *in, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        REGISTER(RTC_USER + 4 * (word + i)) = in[i];
    }
    return 0;
}

/* The loader asks for one thing only. */
enum otter_reset_reason otter_board_reset_reason(void)
{
    return rtc_get_reset_reason() == EXTERNAL_RESET &&
                   SAVED_REASON == DEEP_SLEEP
               ? OTTER_RESET_DEEP_SLEEP
               : OTTER_RESET_POWER;
}

void otter_board_watchdog_feed(void)
{
    WATCHDOG_FEED = 0x73;
}

void otter_board_putc(char c)
{
    ets_putc(c);
}

int otter_board_load(uint32_t vma, uint32_t addr, uint32_t len)
{
    return SPIRead(addr, (void *)vma, len);
}

int otter_board_start(uint32_t entry)
{
    __asm__ volatile("mov a1, %0\n\tjx %1"
                     :
                     : "r"(STACK_OF_APPS), "r"(entry)
                     : "memory");
    __builtin_unreachable();
}

void otter__loader_entry(void)
{
    static struct otter_boot boot;

    if (otter_boot_run(&boot) != 0) {
        for (;;) {
            otter_board_watchdog_feed();
        }
    }
}
