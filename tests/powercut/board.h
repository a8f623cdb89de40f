/* SPDX-License-Identifier: Apache-2.0
 *
 * The board whose power fails: hal/flash.h, hal/rtc.h and hal/board.h over
 * flash that forgets.  One session is what runs between power-on and the next
 * power failure, restart or crash; whoever runs it comes back by longjmp.  All
 * state is in one struct without pointers into itself, so that copying it,
 * and the bytes of the flash, is a snapshot. */
#ifndef OTTER_TESTS_POWERCUT_BOARD_H
#define OTTER_TESTS_POWERCUT_BOARD_H

#include "format/flash_map.h"
#include "hal/board.h"
#include "hal/rtc.h"
#include "ports/sim/torn.h"

#include <setjmp.h>

#define CUT_FLASH_MAX  (1024u * OTTER_NOR_SECTOR)
#define CUT_FAULTS_MAX 24u

/* How a session ended, as value of the longjmp. */
enum cut_end {
    CUT_END_POWER = 1, /* power failed */
    CUT_END_RESET,     /* a reset in place of a power cut */
    CUT_END_RESTART,   /* the program restarted the board */
    CUT_END_BROKEN     /* a rule was broken, `broken` says which */
};

struct cut_board {
    struct otter_torn torn;
    struct otter_nor_counters counters;
    uint32_t rtc[OTTER_RTC_WORDS];
    uint32_t reset_reason; /* enum otter_reset_reason */
    struct otter_flash_map map;
    uint32_t reset_at; /* operation after which a reset comes, or UINT32_MAX */
    uint32_t effort;   /* calls since the session began */
    uint32_t now_ms;
    uint8_t outcome[CUT_FAULTS_MAX]; /* of each cut that fired, of its kind */
    bool frozen;                     /* no operation may come */
    bool fed;         /* the watchdog, since it was last looked at */
    char broken[160]; /* the first rule that was broken */
};

extern struct cut_board cut_board;
extern uint8_t cut_flash[CUT_FLASH_MAX];
extern jmp_buf cut_session; /* where a session ends */

/* Called before each erase and page program that the code under test asks
 * for; may call cut_broken. */
extern void (*cut_watch)(enum otter_nor_operation operation, uint32_t addr,
                         uint32_t len);

/* A new board: flash of `sectors`, erased. */
void cut_board_open(uint32_t sectors, uint64_t seed);

/* A session begins. */
void cut_board_power_on(enum otter_reset_reason reason);

/* Notes the rule that was broken, printf-like; the first one counts. */
void cut_broken(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
