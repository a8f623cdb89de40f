/* SPDX-License-Identifier: Apache-2.0
 *
 * The flash chip on a file of the host, the ROM's three calls for it, and
 * the window through which the cache shows it.  Programming can only clear
 * bits, erasing works on 4096 bytes, and the power can fail in any of these
 * operations.  With cache=strict the window is all zero while the cache is
 * off, so that code that still runs there dies as on the chip; without it the
 * window stays, which spares QEMU from translating the program again. */
#include "ports/lx106/rom/rom.h"

#include "hal/flash.h"
#include "ports/lx106/machine.h"
#include "ports/lx106/page.h"

#include <string.h>

#define WINDOW      0x40200000u
#define WINDOW_SIZE 0x100000u

/* The chip's RAM, where the ROM's SPI calls may read to and write from. */
static bool is_chip_ram(uint32_t address, uint32_t len)
{
    return (address >= 0x3ffe8000u && len <= 0x40000000u - address) ||
           (address >= 0x40100000u && address < 0x40110000u &&
            len <= 0x40110000u - address);
}

static void violation(const char *what, uint32_t addr, uint32_t len)
{
    otter__rom_printf("rom: violation: %s at 0x%06x, %u bytes\n", what, addr,
                      len);
}

static bool refuse(uint32_t addr, const void *ram, uint32_t len)
{
    uint32_t size = otter__rom.flash_size;

    if (((addr | (uint32_t)ram | len) & 3u) != 0) {
        violation("not in words", addr, len);
        return true;
    }
    if (addr > size || len > size - addr) {
        violation("outside the flash", addr, len);
        return true;
    }
    if (!is_chip_ram((uint32_t)ram, len)) {
        violation("not between flash and RAM", addr, len);
        return true;
    }
    return false;
}

/* Reads or writes the host's file; 0 or 1. */
static int transfer(enum otter_lx106_host_call call, uint32_t addr,
                    const void *ram, uint32_t len)
{
    uint32_t file = (uint32_t)otter__rom.flash_file;

    if (otter__lx106_host(OTTER_LX106_SEEK, file, addr, 0) != (int32_t)addr ||
        otter__lx106_host(call, file, (uint32_t)ram, len) != (int32_t)len) {
        otter__rom_printf("rom: the host's flash file fails at 0x%06x\n",
                          addr);
        return 1;
    }
    return 0;
}

static uint32_t window_len(void)
{
    uint32_t rest = otter__rom.flash_size - otter__rom.cache_addr;

    return rest < WINDOW_SIZE ? rest : WINDOW_SIZE;
}

/* A change of the flash shows in the window at once, if it shows the flash. */
static void refresh(uint32_t addr, uint32_t len)
{
    uint32_t off = addr - otter__rom.cache_addr;

    if (addr < otter__rom.cache_addr || off >= window_len()) {
        return;
    }
    if (otter__rom.window_len != 0 && otter__rom.window_len < off + len) {
        otter__rom.window_len = off + len;
    }
    if (otter__rom.window_filled) {
        (void)transfer(OTTER_LX106_READ, addr, (void *)(WINDOW + off), len);
    }
}

/* Fills the whole window and finds the end of what is in it. */
static void fill_window(uint32_t addr)
{
    uint32_t len;

    otter__rom.cache_addr = addr;
    len = window_len();
    (void)transfer(OTTER_LX106_READ, addr, (void *)WINDOW, len);
    while (len > 0 && OTTER_LX106_REGISTER(WINDOW + len - 4) == UINT32_MAX) {
        len -= 4;
    }
    otter__rom.window_len = len;
}

/* Counts an operation and tells whether the power fails in it. */
static bool power_fails(enum otter_lx106_event kind, uint32_t addr)
{
    otter__rom.operations++;
    otter__lx106_tell(kind, addr);
    return otter__rom.operations == otter__rom.cut;
}

static OTTER_NORETURN void power_off(const char *what, uint32_t addr)
{
    otter__rom_printf("\nrom: power cut %u in %s at 0x%06x, tear %u\n",
                      otter__rom.operations, what, addr, otter__rom.tear);
    if (otter__lx106_cause(OTTER_LX106_CAUSE_POWER)) {
        otter__rom_wait();
    }
    otter__rom_exit(OTTER_ROM_EXIT_CUT);
}

/* A repeatable choice of bits for operation number `cut`. */
static uint8_t noise(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (uint8_t)(*seed >> 24);
}

int otter__rom_read(uint32_t addr, void *out, uint32_t len)
{
    if (refuse(addr, out, len)) {
        return 1;
    }
    return transfer(OTTER_LX106_READ, addr, out, len);
}

/* Old cell contents are in the buffer; puts there what the page holds after
 * a torn program. */
static void tear_page(uint8_t *cells, const uint8_t *data, uint32_t len)
{
    uint32_t seed = otter__rom.cut;

    for (uint32_t i = 0; i < len; i++) {
        switch (otter__rom.tear) {
        case OTTER_ROM_TEAR_NONE:
            break;
        case OTTER_ROM_TEAR_HALF:
        case OTTER_ROM_TEAR_ZERO:
            cells[i] &= i < len / 2 ? data[i] : 0xff;
            break;
        case OTTER_ROM_TEAR_MIXED:
            cells[i] &= data[i] | noise(&seed);
            break;
        default:
            cells[i] &= data[i];
        }
    }
}

static int program_page(uint32_t addr, const uint8_t *data, uint32_t len)
{
    uint8_t *cells = otter__rom.buffer;
    bool cut = power_fails(OTTER_LX106_EVENT_PROGRAM, addr);
    bool used = false;

    if (transfer(OTTER_LX106_READ, addr, cells, len) != 0) {
        return 1;
    }
    for (uint32_t i = 0; i < len; i++) {
        used |= cells[i] != 0xff && data[i] != 0xff;
    }
    if (used) {
        violation("program over cells that are not erased", addr, len);
    }
    if (cut) {
        tear_page(cells, data, len);
        (void)transfer(OTTER_LX106_WRITE, addr, cells, len);
        power_off("program", addr);
    }
    for (uint32_t i = 0; i < len; i++) {
        cells[i] &= data[i];
    }
    if (transfer(OTTER_LX106_WRITE, addr, cells, len) != 0) {
        return 1;
    }
    otter__rom_delay(otter__rom.page_us);
    refresh(addr, len);
    return 0;
}

int otter__rom_program(uint32_t addr, const void *data, uint32_t len)
{
    const uint8_t *from = data;

    if (refuse(addr, data, len)) {
        return 1;
    }
    while (len > 0) {
        uint32_t n = OTTER_FLASH_PAGE - addr % OTTER_FLASH_PAGE;

        n = n < len ? n : len;
        if (program_page(addr, from, n) != 0) {
            return 1;
        }
        addr += n;
        from += n;
        len -= n;
    }
    return 0;
}

/* The same for a torn erase. */
static void tear_sector(uint8_t *cells)
{
    uint32_t seed = otter__rom.cut;

    for (uint32_t i = 0; i < OTTER_FLASH_SECTOR; i++) {
        switch (otter__rom.tear) {
        case OTTER_ROM_TEAR_NONE:
            break;
        case OTTER_ROM_TEAR_HALF:
            cells[i] = i < OTTER_FLASH_SECTOR / 2 ? 0xff : cells[i];
            break;
        case OTTER_ROM_TEAR_ZERO:
            cells[i] = 0;
            break;
        case OTTER_ROM_TEAR_MIXED:
            cells[i] |= noise(&seed);
            break;
        default:
            cells[i] = 0xff;
        }
    }
}

int otter__rom_erase(uint32_t sector)
{
    uint32_t addr = sector * OTTER_FLASH_SECTOR;
    uint8_t *cells = otter__rom.buffer;
    bool cut;

    if (sector >= otter__rom.flash_size / OTTER_FLASH_SECTOR) {
        violation("erase outside the flash", addr, OTTER_FLASH_SECTOR);
        return 1;
    }
    cut = power_fails(OTTER_LX106_EVENT_ERASE, addr);
    if (cut) {
        (void)transfer(OTTER_LX106_READ, addr, cells, OTTER_FLASH_SECTOR);
        tear_sector(cells);
    } else {
        memset(cells, 0xff, OTTER_FLASH_SECTOR);
    }
    if (transfer(OTTER_LX106_WRITE, addr, cells, OTTER_FLASH_SECTOR) != 0) {
        return 1;
    }
    if (cut) {
        power_off("erase", addr);
    }
    otter__rom_delay(otter__rom.erase_us);
    refresh(addr, OTTER_FLASH_SECTOR);
    return 0;
}

void otter__rom_cache_on(uint32_t odd, uint32_t mib, uint32_t unused)
{
    uint32_t addr;

    (void)unused;
    addr = (2 * mib + (odd & 1u)) * WINDOW_SIZE;
    if (addr >= otter__rom.flash_size) {
        violation("cache outside the flash", addr, 0);
        return;
    }
    if (otter__rom.window_len == 0 || addr != otter__rom.cache_addr) {
        fill_window(addr);
    } else if (!otter__rom.window_filled) {
        (void)transfer(OTTER_LX106_READ, addr, (void *)WINDOW,
                       otter__rom.window_len);
    }
    otter__rom.window_filled = true;
}

void otter__rom_cache_off(void)
{
    if (otter__rom.strict) {
        otter__rom.window_filled = false;
        memset((void *)WINDOW, 0, otter__rom.window_len);
    }
}
