/* SPDX-License-Identifier: Apache-2.0
 *
 * The core's algorithm, weaknesses included: it trusts what is staged, its
 * command dies with RTC memory, and a failed copy is not repeated. */
#include "boot/stock.h"

#include "boot/load.h"
#include "format/bytes.h"
#include "format/rtc_command.h"
#include "hal/board.h"
#include "hal/rtc.h"

#include <stdbool.h>
#include <string.h>

#define APP_ADDR    OTTER_FLASH_SECTOR /* after the boot sector */
#define LENGTH_ADDR 0x1010u            /* word that the first line shows */

static void print(const char *text)
{
    while (*text != '\0') {
        otter_board_putc(*text++);
    }
}

static void print_result(const char *what, int result)
{
    print(what);
    otter_board_putc((char)('0' + result));
    otter_board_putc('\n');
}

static void print_version(void)
{
    uint32_t word = UINT32_MAX;

    if (otter_flash_read(LENGTH_ADDR, &word, sizeof word) != 0) {
        word = UINT32_MAX;
    }
    otter_board_putc('v');
    for (int shift = 28; shift >= 0; shift -= 4) {
        otter_board_putc("0123456789abcdef"[word >> shift & 15]);
    }
    otter_board_putc('\n');
}

/* Writes the next sector, unless it is a boot sector that is there already. */
static int put_sector(struct otter_boot_stock *s, const uint8_t *data)
{
    uint32_t to = s->destination;

    otter_board_watchdog_feed();
    s->destination += OTTER_FLASH_SECTOR;
    if (to == 0) {
        if (otter_flash_read(0, s->present, sizeof s->present) != 0) {
            return OTTER_BOOT_STOCK_WRITE;
        }
        if (memcmp(s->present, data, sizeof s->present) == 0) {
            otter_board_putc('B');
            return 0;
        }
    }
    if (otter_flash_erase(to) != 0) {
        return OTTER_BOOT_STOCK_ERASE;
    }
    if (otter_flash_program(to, data, OTTER_FLASH_SECTOR) != 0) {
        return OTTER_BOOT_STOCK_WRITE;
    }
    return 0;
}

static int refill(struct otter_inflate *inflate)
{
    struct otter_boot_stock *s = inflate->user;

    if (otter_flash_read(s->source, s->sector, sizeof s->sector) != 0) {
        return OTTER_BOOT_STOCK_GZIP;
    }
    s->source += OTTER_FLASH_SECTOR;
    inflate->next = s->sector;
    inflate->end = s->sector + sizeof s->sector;
    return 0;
}

/* Ends the unpacking after the last announced sector: whether the stream ends
 * there, and well, is not looked at. */
static int flush(struct otter_inflate *inflate, uint8_t *data, uint32_t len)
{
    struct otter_boot_stock *s = inflate->user;

    memset(data + len, 0xff, OTTER_INFLATE_BLOCK - len);
    s->result = put_sector(s, data);
    return s->result != 0 || --s->left == 0;
}

static int copy_gzip(struct otter_boot_stock *s, uint32_t size)
{
    const uint8_t *isize = s->sector + size % 4;
    uint32_t addr = s->source + size - 4;
    uint32_t length;

    if (otter_flash_read(addr & ~3u, s->sector, size % 4 == 0 ? 4 : 8) != 0) {
        return OTTER_BOOT_STOCK_READ;
    }
    length = otter_load_le32(isize);
    if (length == 0 || length >= 0x80000000u) {
        return OTTER_BOOT_STOCK_OK;
    }
    s->left = (length + OTTER_FLASH_SECTOR - 1) / OTTER_FLASH_SECTOR;
    s->result = OTTER_BOOT_STOCK_GZIP;
    s->inflate.next = NULL;
    s->inflate.end = NULL;
    s->inflate.window = s->window;
    s->inflate.refill = refill;
    s->inflate.flush = flush;
    s->inflate.user = s;
    if (otter_inflate_gzip(&s->inflate) < 0 && s->inflate.produced == 0) {
        return OTTER_BOOT_STOCK_GZIP_HEADER;
    }
    return s->result == 0 && s->left != 0 ? OTTER_BOOT_STOCK_GZIP : s->result;
}

static int copy(struct otter_boot_stock *s, uint32_t size)
{
    int result = OTTER_BOOT_STOCK_OK;

    if ((s->source | s->destination) % OTTER_FLASH_SECTOR != 0) {
        return OTTER_BOOT_STOCK_ALIGN;
    }
    if (otter_flash_read(s->source, s->sector, 4) != 0) {
        return OTTER_BOOT_STOCK_READ;
    }
    if (s->sector[0] == 0x1f && s->sector[1] == 0x8b) {
        return copy_gzip(s, size);
    }
    s->left = size / OTTER_FLASH_SECTOR + (size % OTTER_FLASH_SECTOR != 0);
    while (s->left-- != 0 && result == OTTER_BOOT_STOCK_OK) {
        if (otter_flash_read(s->source, s->sector, sizeof s->sector) != 0) {
            return OTTER_BOOT_STOCK_READ;
        }
        s->source += OTTER_FLASH_SECTOR;
        result = put_sector(s, s->sector);
    }
    return result;
}

static int load(uint32_t addr)
{
    int result;

    print("ld\n");
    result = otter__boot_load(addr + APP_ADDR, NULL);
    if (result > 0) {
        print_result("e:", result);
    }
    return result;
}

static int copy_and_say(struct otter_boot_stock *s,
                        const struct otter_rtc_command *command)
{
    int result;

    s->source = command->args[OTTER_RTC_ARG_SOURCE];
    s->destination = command->args[OTTER_RTC_ARG_DESTINATION];
    print("cp:");
    result = copy(s, command->args[OTTER_RTC_ARG_SIZE]);
    print_result("", result);
    return result;
}

int otter_boot_stock_run(struct otter_boot_stock *s)
{
    uint32_t words[OTTER_RTC_COMMAND_WORDS];
    struct otter_rtc_command command;
    int result = OTTER_BOOT_STOCK_UNKNOWN;
    uint32_t app = 0;

    print_version();
    if (otter_rtc_read(0, words, OTTER_RTC_COMMAND_WORDS) != 0 ||
        otter_rtc_command_decode(words, &command) != 0) {
        otter_board_putc('~');
        return load(0);
    }
    otter_board_putc('@');
    if (command.action == OTTER_RTC_COPY_RAW) {
        app = command.args[OTTER_RTC_ARG_DESTINATION];
        result = copy_and_say(s, &command);
    } else if (command.action == OTTER_RTC_LOAD_APP) {
        app = command.args[OTTER_RTC_ARG_ADDR];
        result = OTTER_BOOT_STOCK_OK;
    }
    otter_rtc_command_clear(words);
    if (otter_rtc_write(0, words, OTTER_RTC_COMMAND_WORDS) != 0) {
        return OTTER_BOOT_STOCK_UNKNOWN;
    }
    return result == OTTER_BOOT_STOCK_OK ? load(app) : result;
}
