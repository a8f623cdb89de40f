/* SPDX-License-Identifier: Apache-2.0
 *
 * hal/flash.h by the ROM's calls.  The flash cannot be read as memory while
 * the controller works on it, so everything here lies in IRAM and touches no
 * constant that lies in the flash. */
#include "hal/flash.h"

#include "format/error.h"
#include "ports/lx106/flash.h"
#include "ports/lx106/page.h"

#include <stdbool.h>
#include <stddef.h>

#define IN_IRAM __attribute__((noinline, section(".iram.text")))

/* The ROM's calls, rom_calls.ld. */
int SPIRead(uint32_t addr, void *out, uint32_t len);
int SPIWrite(uint32_t addr, const void *data, uint32_t len);
int SPIEraseSector(uint32_t sector);
void Cache_Read_Enable(uint32_t odd, uint32_t mib, uint32_t unused);
void Cache_Read_Disable(void);

IN_IRAM static int rom_read(uint32_t addr, void *buf, uint32_t len)
{
    int error;

    Cache_Read_Disable();
    error = SPIRead(addr, buf, len);
    Cache_Read_Enable(0, 0, 1);
    return error;
}

IN_IRAM static int rom_program(uint32_t addr, const void *buf, uint32_t len)
{
    int error;

    Cache_Read_Disable();
    error = SPIWrite(addr, buf, len);
    Cache_Read_Enable(0, 0, 1);
    return error;
}

IN_IRAM static int rom_erase(uint32_t sector)
{
    int error;

    Cache_Read_Disable();
    error = SPIEraseSector(sector);
    Cache_Read_Enable(0, 0, 1);
    return error;
}

static bool used;

bool otter__lx106_flash_used(void)
{
    bool was = used;

    used = false;
    return was;
}

static bool in_range(uint32_t addr, const void *buf, uint32_t len)
{
    uint32_t size = otter_flash_size();

    used = true;
    return ((addr | len | (uint32_t)buf) & 3u) == 0 && addr <= size &&
           len <= size - addr;
}

int otter_flash_read(uint32_t addr, void *buf, uint32_t len)
{
    if (!in_range(addr, buf, len)) {
        return OTTER_ERR_FLASH_RANGE;
    }
    return rom_read(addr, buf, len) == 0 ? 0 : OTTER_ERR_FLASH_READ;
}

int otter_flash_program(uint32_t addr, const void *buf, uint32_t len)
{
    if (!in_range(addr, buf, len)) {
        return OTTER_ERR_FLASH_RANGE;
    }
    return rom_program(addr, buf, len) == 0 ? 0 : OTTER_ERR_FLASH_PROGRAM;
}

int otter_flash_erase(uint32_t addr)
{
    if (addr % OTTER_FLASH_SECTOR != 0 ||
        !in_range(addr, NULL, OTTER_FLASH_SECTOR)) {
        return OTTER_ERR_FLASH_RANGE;
    }
    return rom_erase(addr / OTTER_FLASH_SECTOR) == 0 ? 0
                                                     : OTTER_ERR_FLASH_ERASE;
}

/* The third byte of a JEDEC id is the capacity's exponent. */
uint32_t otter_flash_size(void)
{
    return 1u << (OTTER_LX106_PAGE.flash_id >> 16 & 31u);
}
