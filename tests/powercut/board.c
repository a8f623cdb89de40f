/* SPDX-License-Identifier: Apache-2.0
 *
 * The board whose power fails. */
#include "tests/powercut/board.h"

#include "format/error.h"
#include "hal/clock.h"
#include "hal/flash.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Calls of flash and watchdog in one session; far more than any needs. */
#define EFFORT_MAX 4000000u

struct cut_board cut_board;
uint8_t cut_flash[CUT_FLASH_MAX] __attribute__((aligned(4096)));
jmp_buf cut_session;
void (*cut_watch)(enum otter_nor_operation operation, uint32_t addr,
                  uint32_t len);

void cut_broken(const char *format, ...)
{
    va_list args;

    if (cut_board.broken[0] != '\0') {
        return;
    }
    va_start(args, format);
    vsnprintf(cut_board.broken, sizeof cut_board.broken, format, args);
    va_end(args);
}

static void power_off(void *user)
{
    struct otter_torn *torn = &cut_board.torn;

    (void)user;
    cut_board.outcome[torn->fired - 1] = (uint8_t)torn->last_outcome;
    longjmp(cut_session, CUT_END_POWER);
}

static void spend(void)
{
    if (++cut_board.effort > EFFORT_MAX) {
        cut_broken("I12: no end in sight");
        longjmp(cut_session, CUT_END_BROKEN);
    }
}

void cut_board_open(uint32_t sectors, uint64_t seed)
{
    struct cut_board *b = &cut_board;

    memset(&b->counters, 0, sizeof b->counters);
    memset(b->rtc, 0, sizeof b->rtc);
    memset(cut_flash, 0xff, sectors * OTTER_NOR_SECTOR);
    b->torn.nor.bytes = cut_flash;
    b->torn.nor.size = sectors * OTTER_NOR_SECTOR;
    b->torn.nor.wear = NULL;
    b->torn.nor.timing = otter_nor_typical;
    b->torn.nor.counters = &b->counters;
    b->torn.nor.complaint = NULL;
    b->torn.power_off = power_off;
    b->torn.sticky = false;
    b->torn.rarity = 1;
    otter_torn_init(&b->torn, seed);
    b->reset_reason = OTTER_RESET_POWER;
    b->reset_at = UINT32_MAX;
    b->effort = 0;
    b->now_ms = 0;
    b->frozen = false;
    b->broken[0] = '\0';
}

void cut_board_power_on(enum otter_reset_reason reason)
{
    struct cut_board *b = &cut_board;

    b->reset_reason = reason;
    b->effort = 0;
    if (reason == OTTER_RESET_POWER) {
        for (uint32_t i = 0; i < OTTER_RTC_WORDS; i++) {
            b->rtc[i] = 0xA5A5A5A5u ^ i;
        }
        otter_torn_power_on(&b->torn);
    }
}

/* --- hal/flash.h --------------------------------------------------------- */

int otter_flash_read(uint32_t addr, void *buf, uint32_t len)
{
    spend();
    return otter_torn_read(&cut_board.torn, addr, buf, len);
}

/* Before an operation: is it allowed?  After it: a reset, if that is the
 * case's fault. */
static void before(enum otter_nor_operation operation, uint32_t addr,
                   uint32_t len)
{
    spend();
    if (cut_board.frozen) {
        cut_broken("I8: a write after the end, at %#x", (unsigned)addr);
    }
    if (cut_watch != NULL) {
        cut_watch(operation, addr, len);
    }
    if (cut_board.broken[0] != '\0') {
        longjmp(cut_session, CUT_END_BROKEN);
    }
}

static int after(int error)
{
    /* A chip that lies about an erase cannot be kept from it. */
    if (cut_board.torn.rewrites != 0 &&
        cut_board.torn.fired == cut_board.torn.cuts) {
        cut_broken("I6: a program over bytes that are not erased");
    }
    if (cut_board.counters.violations != 0) {
        cut_broken("I6: an operation outside the flash or over set bits");
    }
    if (cut_board.broken[0] != '\0') {
        longjmp(cut_session, CUT_END_BROKEN);
    }
    if (cut_board.torn.operations > cut_board.reset_at) {
        cut_board.reset_at = UINT32_MAX;
        longjmp(cut_session, CUT_END_RESET);
    }
    return error;
}

int otter_flash_program(uint32_t addr, const void *buf, uint32_t len)
{
    before(OTTER_NOR_PROGRAM, addr, len);
    return after(otter_nor_program(&cut_board.torn.nor, addr, buf, len));
}

int otter_flash_erase(uint32_t addr)
{
    before(OTTER_NOR_ERASE, addr, OTTER_NOR_SECTOR);
    return after(otter_nor_erase(&cut_board.torn.nor, addr));
}

uint32_t otter_flash_size(void)
{
    return cut_board.torn.nor.size;
}

/* --- hal/rtc.h ----------------------------------------------------------- */

static bool beyond_rtc(uint32_t word, uint32_t count)
{
    return word > OTTER_RTC_WORDS || count > OTTER_RTC_WORDS - word;
}

int otter_rtc_read(uint32_t word, uint32_t *out, uint32_t count)
{
    if (beyond_rtc(word, count)) {
        return OTTER_ERR_INVALID;
    }
    memcpy(out, cut_board.rtc + word, count * sizeof *out);
    return 0;
}

int otter_rtc_write(uint32_t word, const uint32_t *in, uint32_t count)
{
    if (beyond_rtc(word, count)) {
        return OTTER_ERR_INVALID;
    }
    memcpy(cut_board.rtc + word, in, count * sizeof *in);
    return 0;
}

/* --- hal/board.h --------------------------------------------------------- */

enum otter_reset_reason otter_board_reset_reason(void)
{
    return (enum otter_reset_reason)cut_board.reset_reason;
}

void otter_board_watchdog_feed(void)
{
    cut_board.fed = true;
    spend();
}

bool otter_board_strapped_for_download(void)
{
    return false;
}

/* Nothing that the programs draw is worth guessing. */
int otter_board_random(void *buf, uint32_t len)
{
    memset(buf, 0x5A, len);
    return 0;
}

uint32_t otter_clock_ms(void)
{
    return cut_board.now_ms;
}

uint32_t otter_board_boot_id(void)
{
    return 1;
}

const char *otter_board_name(void)
{
    return "cut";
}

const char *otter_board_chip(void)
{
    return "esp8266";
}

const struct otter_flash_map *otter_board_flash_map(void)
{
    return &cut_board.map;
}

void otter_board_putc(char c)
{
    (void)c;
}

void otter_board_restart(void)
{
    longjmp(cut_session, CUT_END_RESTART);
}

/* What is loaded and started is looked at in flash. */
int otter_board_load(uint32_t vma, uint32_t addr, uint32_t len)
{
    (void)vma;
    (void)addr;
    (void)len;
    return 0;
}

int otter_board_start(uint32_t entry)
{
    (void)entry;
    return OTTER_ERR_IMAGE;
}
