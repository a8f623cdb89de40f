/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of updates under Otter's boot loader share: a board, updates
 * and restarts with the real loader, and a guard.  At every erase and program
 * of the application it looks at the log: nothing that the newest record
 * refers to may be touched. */
#ifndef OTTER_TESTS_UNIT_RECORD_RIG_H
#define OTTER_TESTS_UNIT_RECORD_RIG_H

#include "format/boot_record.h"
#include "ports/sim/nor.h"
#include "tests/support/test_update.h"

#define SECTOR   4096u
#define FS       0x300000u /* of 4M1M */
#define LOG      (FS - 2 * SECTOR)
#define OLD_SIZE 0x5000u
#define NEW_SIZE 0x6010u

extern struct otter_test_rig *const rig;
extern struct otter_trial_status status; /* at the last restart */
extern uint8_t *file; /* a sketch that confirms, of NEW_SIZE bytes */
extern uint8_t *old;  /* what the board begins with, of OLD_SIZE bytes */

/* The guard's: */
extern uint32_t log_addr;
extern uint32_t program_size; /* of what runs, or less */
extern uint32_t guarded;      /* operations that were looked at */

uint8_t *flash(uint32_t addr);

/* The newest record in flash. */
void newest(struct otter_boot_record *out);

/* The fault hook that guards and else does what was asked. */
int guard(struct otter_nor *nor, void *user,
          enum otter_nor_operation operation, uint32_t addr,
          const uint8_t *data, uint32_t len);

/* A sketch for 4 MiB with a descriptor; from malloc. */
uint8_t *make(uint32_t size, uint32_t seed, bool confirms);

/* Another sketch of NEW_SIZE bytes that confirms. */
void fill(uint8_t *data, uint32_t seed);

void open_map(const char *map);
int open_rig(void **state); /* 4M1M */
int close_rig(void **state);

/* The real loader, the program's start, the status.  Sector 0 stays. */
void restart(void);

int update(const uint8_t *data, uint32_t size);
void update_and_confirm(const uint8_t *data, uint32_t size);

/* All but the boot sector of the file is installed. */
void assert_runs(const uint8_t *data, uint32_t size);

/* That is what the device says is the digest of its sketch. */
void assert_digest(const uint8_t *data, uint32_t size);

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

#endif
