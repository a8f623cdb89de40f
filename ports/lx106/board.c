/* SPDX-License-Identifier: Apache-2.0
 *
 * hal/board.h for sketches, from the board page and the ROM.  Loading and
 * starting an image is the boot loader's half and not here. */
#include "hal/board.h"

#include "format/error.h"
#include "format/flash_map.h"
#include "hal/clock.h"
#include "hal/flash.h"
#include "ports/lx106/machine.h"
#include "ports/lx106/page.h"

#include <stddef.h>
#include <string.h>

#define RTC_CONTROL       OTTER_LX106_REGISTER(0x60000700u)
#define RTC_CONTROL_RESET 0x80000000u
#define WATCHDOG_FEED     OTTER_LX106_REGISTER(0x60000914u)
#define WATCHDOG_VALUE    0x73u

/* How often the watchdog outside hears from us, at most. */
#define BEAT_MS 50u

void ets_putc(int c); /* the ROM's, rom_calls.S */

enum otter_reset_reason otter_board_reset_reason(void)
{
    return (enum otter_reset_reason)OTTER_LX106_PAGE.reset_reason;
}

int otter_board_random(void *buf, uint32_t len)
{
    uint8_t *to = buf;
    int32_t file = OTTER_LX106_PAGE.random_file;

    if (file < 0) {
        return OTTER_ERR_RANDOM;
    }
    while (len > 0) {
        int32_t n = otter__lx106_host(OTTER_LX106_READ, (uint32_t)file,
                                      (uint32_t)to, len);

        if (n <= 0 || (uint32_t)n > len) {
            return OTTER_ERR_RANDOM;
        }
        to += n;
        len -= (uint32_t)n;
    }
    return 0;
}

void otter_board_watchdog_feed(void)
{
    static uint32_t beat_ms;
    static bool beaten;

    WATCHDOG_FEED = WATCHDOG_VALUE;
    if (!beaten || otter_clock_since(beat_ms) >= BEAT_MS) {
        beaten = true;
        beat_ms = otter_clock_ms();
        otter__lx106_tell(OTTER_LX106_EVENT_BEAT, 0);
    }
}

bool otter_board_strapped_for_download(void)
{
    return otter__lx106_cause(OTTER_LX106_CAUSE_STRAP);
}

uint32_t otter_board_boot_id(void)
{
    return OTTER_LX106_PAGE.boot_id;
}

static uint8_t hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return (uint8_t)(c - '0');
    }
    return (uint8_t)((c | 0x20) - 'a' + 10) & 15u;
}

/* The setting `mac` ("02:00:...") or a locally administered one. */
void otter_board_mac(uint8_t mac[6])
{
    static const uint8_t fallback[6] = {0x02, 0x00, 0x00, 0x82, 0x66, 0x01};
    char text[18];

    memcpy(mac, fallback, sizeof fallback);
    if (otter_board_setting("mac", text, sizeof text) != 17) {
        return;
    }
    for (uint32_t i = 0; i < 6; i++) {
        mac[i] = (uint8_t)(hex_digit(text[3 * i]) << 4 |
                           hex_digit(text[3 * i + 1]));
    }
}

uint32_t otter_board_chip_id(void)
{
    uint8_t mac[6];

    otter_board_mac(mac);
    return (uint32_t)mac[3] << 16 | (uint32_t)mac[4] << 8 | mac[5];
}

const char *otter_board_name(void)
{
    return "lx106";
}

const char *otter_board_chip(void)
{
    return "esp8266";
}

/* The setting `map`, or the core's own for the chip. */
const struct otter_flash_map *otter_board_flash_map(void)
{
    const struct otter_flash_map *map = NULL;
    char name[12];

    if (otter_board_setting("map", name, sizeof name) > 0) {
        map = otter_flash_map_find(name);
    }
    return map != NULL
               ? map
               : otter_flash_map_auto(OTTER_FLASH_OTA_FS, otter_flash_size());
}

/* Where the value of `key` begins in the settings, and its length. */
static const char *find_setting(const char *key, uint32_t *len)
{
    const struct otter_lx106_page *page = &OTTER_LX106_PAGE;
    const char *at = page->settings;
    const char *end = at + page->settings_len;
    uint32_t key_len = (uint32_t)strlen(key);

    while (at < end) {
        const char *line = at;

        while (at < end && *at != '\n') {
            at++;
        }
        if ((uint32_t)(at - line) > key_len && line[key_len] == '=' &&
            memcmp(line, key, key_len) == 0) {
            *len = (uint32_t)(at - line) - key_len - 1;
            return line + key_len + 1;
        }
        at++;
    }
    return NULL;
}

int otter_board_setting(const char *key, char *out, uint32_t size)
{
    uint32_t len;
    const char *value = find_setting(key, &len);

    if (size == 0) {
        return OTTER_ERR_INVALID;
    }
    out[0] = '\0';
    if (value == NULL) {
        return OTTER_ERR_NO_DATA;
    }
    if (len > size - 1) {
        len = size - 1;
    }
    memcpy(out, value, len);
    out[len] = '\0';
    return (int)len;
}

void otter_board_putc(char c)
{
    ets_putc(c);
}

/* The chip's software reset. */
OTTER_NORETURN void otter_board_restart(void)
{
    RTC_CONTROL |= RTC_CONTROL_RESET;
    for (;;) {
    }
}
