/* SPDX-License-Identifier: Apache-2.0
 *
 * hal/board.h over the shared block, except for loading and starting a
 * program (start.c). */
#include "hal/board.h"

#include "format/error.h"
#include "format/flash_map.h"
#include "hal/clock.h"
#include "ports/posix/machine.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum otter_reset_reason otter_board_reset_reason(void)
{
    return (enum otter_reset_reason)otter__machine()->reset_reason;
}

int otter_board_random(void *buf, uint32_t len)
{
    uint8_t *at = buf;

    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);

        if (n < 0 && errno != EINTR) {
            return OTTER_ERR_RANDOM;
        }
        if (n > 0) {
            at += n;
            len -= (uint32_t)n;
        }
    }
    return 0;
}

void otter_board_watchdog_feed(void)
{
    atomic_store(&otter__machine()->fed_ms, otter_clock_ms());
}

bool otter_board_strapped_for_download(void)
{
    return otter__machine()->strapped;
}

uint32_t otter_board_boot_id(void)
{
    return otter__machine()->boot_id;
}

void otter_board_mac(uint8_t mac[6])
{
    memcpy(mac, otter__machine()->mac, 6);
}

uint32_t otter_board_chip_id(void)
{
    const uint8_t *mac = otter__machine()->mac;

    return (uint32_t)mac[3] << 16 | (uint32_t)mac[4] << 8 | mac[5];
}

const char *otter_board_name(void)
{
    return "posix";
}

const char *otter_board_chip(void)
{
    return "esp8266";
}

const struct otter_flash_map *otter_board_flash_map(void)
{
    return otter_flash_map_find(otter__machine()->map);
}

int otter_board_setting(const char *key, char *out, uint32_t size)
{
    const struct otter_machine *m = otter__machine();

    if (size == 0) {
        return OTTER_ERR_INVALID;
    }
    out[0] = '\0';
    for (uint32_t i = 0; i < OTTER_MACHINE_SETTINGS; i++) {
        const struct otter_machine_setting *s = &m->settings[i];

        if (s->key[0] != '\0' && strcmp(s->key, key) == 0) {
            size_t len = strlen(s->value);

            len = len < size ? len : size - 1;
            memcpy(out, s->value, len);
            out[len] = '\0';
            return (int)len;
        }
    }
    return OTTER_ERR_NO_DATA;
}

void otter_board_restart(void)
{
    otter__console_flush();
    _exit(OTTER_MACHINE_EXIT_RESTART);
}
