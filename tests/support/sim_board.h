/* SPDX-License-Identifier: Apache-2.0
 *
 * A board for unit tests: hal/flash.h, hal/rtc.h, hal/board.h and hal/clock.h
 * over the NOR model and values that the test sets.  One board exists, the
 * object below; nothing happens on it unless the code under test asks.  Time
 * stands still until the test moves it.  The network is not part of it. */
#ifndef OTTER_TESTS_SUPPORT_SIM_BOARD_H
#define OTTER_TESTS_SUPPORT_SIM_BOARD_H

#include "hal/board.h"
#include "hal/clock.h"
#include "hal/flash.h"
#include "hal/rtc.h"
#include "ports/sim/nor.h"

#include <setjmp.h>

#define OTTER_SIM_CONSOLE  8192u
#define OTTER_SIM_SETTINGS 16u

struct otter_sim_setting {
    const char *key; /* NULL: unused */
    const char *value;
};

/* Set what is needed, read what is of interest, at any time. */
struct otter_sim_board {
    struct otter_nor nor; /* fault, timing and bytes are the test's to set */
    struct otter_nor_counters counters;
    uint32_t read_fails_addr; /* reads that touch these bytes fail ... */
    uint32_t read_fails_len;  /* ... 0: none do */
    uint64_t reads;           /* calls of otter_flash_read */
    uint32_t chip_size;       /* what the JEDEC id says; not the model's */

    uint32_t rtc[OTTER_RTC_WORDS];
    uint32_t rtc_writes;
    bool rtc_fails;        /* calls answer OTTER_ERR_INVALID */
    uint32_t rtc_bad_mask; /* these bits of word 2 cannot be set */

    uint32_t now_ms;
    int64_t utc; /* seconds; negative: unknown */

    enum otter_reset_reason reset_reason;
    bool strapped_for_download;
    uint32_t boot_id;
    uint8_t mac[6];
    const char *name; /* "sim" */
    const char *chip; /* "esp8266" */
    const struct otter_flash_map *map;
    struct otter_sim_setting settings[OTTER_SIM_SETTINGS];

    uint32_t random_state;        /* seed of a reproducible sequence */
    const uint8_t *random_script; /* bytes that are given before it ... */
    uint32_t random_script_len;   /* ... and how many are left */
    bool random_fails;
    uint32_t watchdog_feeds;

    char console[OTTER_SIM_CONSOLE]; /* always ends in NUL; then it is full */
    uint32_t console_len;

    uint32_t restarts;
    jmp_buf *on_restart; /* where a restart goes by longjmp, value 1; NULL: a
                            restart is not expected and ends the test */

    /* What otter_board_load and otter_board_start do; NULL: not expected. */
    int (*load)(uint32_t vma, uint32_t addr, uint32_t len);
    int (*start)(uint32_t entry);

    void *memory; /* the flash, from otter_sim_board_open */
};

extern struct otter_sim_board otter_sim_board;

/* A new board: flash of `flash_size` bytes, erased; RTC memory zero; typical
 * flash timing; the values above as their comments say, else zero. */
void otter_sim_board_open(uint32_t flash_size);

/* Gives the board's memory back. */
void otter_sim_board_close(void);

#endif
