/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the boot loader share: a board with an old and a new
 * image, and the log as the program sees it. */
#ifndef OTTER_TESTS_UNIT_BOOT_RIG_H
#define OTTER_TESTS_UNIT_BOOT_RIG_H

#include "boot/boot.h"
#include "tests/support/sim_board.h"

#define SECTOR   4096u
#define FLASH    0x40000u
#define FS       0x30000u
#define LOG      (FS - 2 * SECTOR)
#define SLOT_A   0x10000u
#define SLOT_B   0x18000u
#define OLD_SIZE (5 * SECTOR)
#define NEW_SIZE (6 * SECTOR - 1000)
#define ENTRY    0x40100004u

extern struct otter_boot boot;
extern struct otter_boot_log app;  /* how the program sees the log */
extern uint8_t file_old[OLD_SIZE]; /* installed, and stored at SLOT_A */
extern uint8_t file_new[NEW_SIZE]; /* stored at SLOT_B */
extern uint8_t packed[NEW_SIZE + 1000];
extern uint32_t started; /* entry of what was started */

uint8_t *flash(uint32_t addr);
void put32(uint8_t *p, uint32_t v);
void put_flash(uint32_t addr, const uint8_t *data, uint32_t len);
uint32_t crc(const void *data, uint32_t len);
struct otter_boot_image image(uint32_t addr, const uint8_t *file,
                              uint32_t size);
int set_up(void **state);
int tear_down(void **state);

/* Reads the log into `app`, appends its record. */
void scan(void);
void append(void);

/* The program asks for the new image, the old one is retained. */
void ask(uint32_t flags);

/* One start of the board; returns what the program finds in the log. */
const struct otter_boot_record *start(void);

void check_installed(const uint8_t *file, uint32_t size);

/* Packs file_new into `packed`; returns the length. */
uint32_t pack(void);

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
