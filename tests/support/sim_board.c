/* SPDX-License-Identifier: Apache-2.0
 *
 * The board for unit tests: every HAL call is answered from one struct. */
#include "tests/support/sim_board.h"

#include "format/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct otter_sim_board otter_sim_board;

static struct otter_sim_board *const board = &otter_sim_board;

static void complain(void *user, const char *text)
{
    (void)user;
    fprintf(stderr, "sim board: %s\n", text);
}

void otter_sim_board_open(uint32_t flash_size)
{
    memset(board, 0, sizeof *board);
    board->memory = malloc(flash_size);
    if (board->memory == NULL) {
        abort();
    }
    memset(board->memory, 0xff, flash_size);
    board->nor.bytes = board->memory;
    board->nor.size = flash_size;
    board->nor.timing = otter_nor_typical;
    board->nor.counters = &board->counters;
    board->nor.complaint = complain;
    board->chip_size = flash_size;
    board->utc = -1;
    board->boot_id = 1;
    memcpy(board->mac, "\x5c\xcf\x7f\x01\x02\x03", 6);
    board->name = "sim";
    board->chip = "esp8266";
    board->random_state = 1;
}

void otter_sim_board_close(void)
{
    free(board->memory);
    memset(board, 0, sizeof *board);
}

/* --- hal/flash.h -------------------------------------------------------- */

int otter_flash_read(uint32_t addr, void *buf, uint32_t len)
{
    uint32_t from = board->read_fails_addr;

    board->reads++;
    if (addr < from + board->read_fails_len && from < addr + len) {
        return OTTER_ERR_FLASH_READ;
    }
    return otter_nor_read(&board->nor, addr, buf, len);
}

int otter_flash_program(uint32_t addr, const void *buf, uint32_t len)
{
    return otter_nor_program(&board->nor, addr, buf, len);
}

int otter_flash_erase(uint32_t addr)
{
    return otter_nor_erase(&board->nor, addr);
}

uint32_t otter_flash_size(void)
{
    return board->chip_size;
}

/* --- hal/rtc.h ---------------------------------------------------------- */

static bool rtc_refuses(uint32_t word, uint32_t count)
{
    return board->rtc_fails || word > OTTER_RTC_WORDS ||
           count > OTTER_RTC_WORDS - word;
}

int otter_rtc_read(uint32_t word, uint32_t *out, uint32_t count)
{
    if (rtc_refuses(word, count)) {
        return OTTER_ERR_INVALID;
    }
    memcpy(out, board->rtc + word, count * sizeof *out);
    return 0;
}

int otter_rtc_write(uint32_t word, const uint32_t *in, uint32_t count)
{
    if (rtc_refuses(word, count)) {
        return OTTER_ERR_INVALID;
    }
    board->rtc_writes++;
    memcpy(board->rtc + word, in, count * sizeof *in);
    board->rtc[2] &= ~board->rtc_bad_mask;
    return 0;
}

/* --- hal/clock.h -------------------------------------------------------- */

uint32_t otter_clock_ms(void)
{
    return board->now_ms;
}

int otter_clock_utc(int64_t *seconds)
{
    if (board->utc < 0) {
        return OTTER_ERR_STATE;
    }
    *seconds = board->utc;
    return 0;
}

/* --- hal/board.h -------------------------------------------------------- */

enum otter_reset_reason otter_board_reset_reason(void)
{
    return board->reset_reason;
}

int otter_board_random(void *buf, uint32_t len)
{
    uint8_t *out = buf;

    if (board->random_fails) {
        return OTTER_ERR_RANDOM;
    }
    for (uint32_t i = 0; i < len; i++) {
        if (board->random_script_len > 0) {
            out[i] = *board->random_script++;
            board->random_script_len--;
            continue;
        }
        board->random_state = board->random_state * 1664525u + 1013904223u;
        out[i] = (uint8_t)(board->random_state >> 24);
    }
    return 0;
}

void otter_board_watchdog_feed(void)
{
    board->watchdog_feeds++;
}

bool otter_board_strapped_for_download(void)
{
    return board->strapped_for_download;
}

uint32_t otter_board_boot_id(void)
{
    return board->boot_id;
}

void otter_board_mac(uint8_t mac[6])
{
    memcpy(mac, board->mac, sizeof board->mac);
}

uint32_t otter_board_chip_id(void)
{
    return (uint32_t)board->mac[3] << 16 | (uint32_t)board->mac[4] << 8 |
           board->mac[5];
}

const char *otter_board_name(void)
{
    return board->name;
}

const char *otter_board_chip(void)
{
    return board->chip;
}

const struct otter_flash_map *otter_board_flash_map(void)
{
    return board->map;
}

int otter_board_setting(const char *key, char *out, uint32_t size)
{
    out[0] = '\0';
    for (uint32_t i = 0; i < OTTER_SIM_SETTINGS; i++) {
        const struct otter_sim_setting *setting = &board->settings[i];

        if (setting->key != NULL && strcmp(setting->key, key) == 0) {
            snprintf(out, size, "%s", setting->value);
            return (int)strlen(out);
        }
    }
    return OTTER_ERR_NO_DATA;
}

void otter_board_putc(char c)
{
    if (board->console_len + 1 < OTTER_SIM_CONSOLE) {
        board->console[board->console_len++] = c;
    }
}

void otter_board_restart(void)
{
    board->restarts++;
    if (board->on_restart == NULL) {
        fprintf(stderr, "sim board: a restart that the test did not expect\n");
        abort();
    }
    longjmp(*board->on_restart, 1);
}

static void not_set(const char *call)
{
    fprintf(stderr, "sim board: the test did not say what %s does\n", call);
    abort();
}

int otter_board_load(uint32_t vma, uint32_t addr, uint32_t len)
{
    if (board->load == NULL) {
        not_set("otter_board_load");
    }
    return board->load(vma, addr, len);
}

int otter_board_start(uint32_t entry)
{
    if (board->start == NULL) {
        not_set("otter_board_start");
    }
    return board->start(entry);
}
