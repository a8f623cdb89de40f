/* SPDX-License-Identifier: Apache-2.0
 *
 * NOR rules, counters and flash time. */
#include "ports/sim/nor.h"

#include "format/error.h"

#include <stdio.h>
#include <string.h>

const struct otter_nor_timing otter_nor_typical = {45000, 700};
const struct otter_nor_timing otter_nor_maximum = {400000, 3000};

static int violation(struct otter_nor *nor, int error, const char *what,
                     uint32_t addr, uint32_t len)
{
    char text[120];

    nor->counters->violations++;
    if (nor->complaint != NULL) {
        snprintf(text, sizeof text, "flash: %s at 0x%06x, %u bytes", what,
                 (unsigned)addr, (unsigned)len);
        nor->complaint(nor->user, text);
    }
    return error;
}

static bool in_range(const struct otter_nor *nor, uint32_t addr, uint32_t len)
{
    return addr % 4 == 0 && len % 4 == 0 && addr <= nor->size &&
           len <= nor->size - addr;
}

int otter_nor_read(struct otter_nor *nor, uint32_t addr, void *buf,
                   uint32_t len)
{
    if (!in_range(nor, addr, len) || (uintptr_t)buf % 4 != 0) {
        return violation(nor, OTTER_ERR_FLASH_RANGE, "unaligned or outside",
                         addr, len);
    }
    memcpy(buf, nor->bytes + addr, len);
    return 0;
}

static int program_page(struct otter_nor *nor, uint32_t addr,
                        const uint8_t *data, uint32_t len)
{
    bool raises = false;

    nor->counters->programs++;
    nor->counters->time_us += nor->timing.page_us;
    if (nor->fault != NULL) {
        return nor->fault(nor, nor->user, OTTER_NOR_PROGRAM, addr, data, len);
    }
    for (uint32_t i = 0; i < len; i++) {
        raises |= (data[i] & (uint8_t)~nor->bytes[addr + i]) != 0;
        nor->bytes[addr + i] &= data[i];
    }
    if (raises) {
        return violation(nor, OTTER_ERR_FLASH_PROGRAM,
                         "program over cells that are not erased", addr, len);
    }
    return 0;
}

int otter_nor_program(struct otter_nor *nor, uint32_t addr, const void *buf,
                      uint32_t len)
{
    const uint8_t *data = buf;

    if (!in_range(nor, addr, len) || (uintptr_t)buf % 4 != 0) {
        return violation(nor, OTTER_ERR_FLASH_RANGE, "unaligned or outside",
                         addr, len);
    }
    while (len > 0) {
        uint32_t n = OTTER_NOR_PAGE - addr % OTTER_NOR_PAGE;
        int error;

        n = n < len ? n : len;
        error = program_page(nor, addr, data, n);
        if (error != 0) {
            return error;
        }
        addr += n;
        data += n;
        len -= n;
    }
    return 0;
}

int otter_nor_erase(struct otter_nor *nor, uint32_t addr)
{
    if (!in_range(nor, addr, OTTER_NOR_SECTOR) ||
        addr % OTTER_NOR_SECTOR != 0) {
        return violation(nor, OTTER_ERR_FLASH_RANGE, "erase of no sector",
                         addr, OTTER_NOR_SECTOR);
    }
    nor->counters->erases++;
    nor->counters->time_us += nor->timing.erase_us;
    if (nor->wear != NULL) {
        nor->wear[addr / OTTER_NOR_SECTOR]++;
    }
    if (nor->fault != NULL) {
        return nor->fault(nor, nor->user, OTTER_NOR_ERASE, addr, NULL,
                          OTTER_NOR_SECTOR);
    }
    memset(nor->bytes + addr, 0xff, OTTER_NOR_SECTOR);
    return 0;
}
