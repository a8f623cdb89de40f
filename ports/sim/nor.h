/* SPDX-License-Identifier: Apache-2.0
 *
 * A NOR flash chip over a piece of memory: erasing sets sectors to 0xFF,
 * programming clears bits, rules are enforced and work is counted.  It keeps a
 * clock of flash time, so that tests measure how long a chip would take
 * without waiting.  A fault hook may end, tear or falsify any operation;
 * flash that forgets is built on it.  It does not know where the bytes live:
 * the virtual device maps a file, tests use the heap. */
#ifndef OTTER_PORTS_SIM_NOR_H
#define OTTER_PORTS_SIM_NOR_H

#include <stdbool.h>
#include <stdint.h>

#define OTTER_NOR_SECTOR 4096u
#define OTTER_NOR_PAGE   256u

enum otter_nor_operation { OTTER_NOR_ERASE, OTTER_NOR_PROGRAM };

/* Durations in microseconds of simulated flash time. */
struct otter_nor_timing {
    uint32_t erase_us; /* a sector */
    uint32_t page_us;  /* a page program */
};

/* Usual W25Q-class data-sheet values (boot.md section 2). */
extern const struct otter_nor_timing otter_nor_typical; /* 45 ms, 0.7 ms */
extern const struct otter_nor_timing otter_nor_maximum; /* 400 ms, 3 ms */

struct otter_nor_counters {
    uint64_t erases;     /* sector erases */
    uint64_t programs;   /* page programs */
    uint64_t violations; /* operations against the rules, refused */
    uint64_t time_us;    /* flash time spent on erases and programs */
};

struct otter_nor;

/* Called for each operation in place of the plain one when set: it may change
 * the chip's bytes as it likes.  `addr` and `len` are one sector or a part of
 * one page.  Returns 0, or the error that the caller shall see. */
typedef int otter_nor_fault(struct otter_nor *nor, void *user,
                            enum otter_nor_operation operation, uint32_t addr,
                            const uint8_t *data, uint32_t len);

/* Called for each violation with a sentence that names it. */
typedef void otter_nor_complaint(void *user, const char *text);

struct otter_nor {
    uint8_t *bytes; /* `size` bytes, borrowed */
    uint32_t size;  /* a multiple of the sector size */
    uint32_t *wear; /* erases per sector, one word each, or NULL; borrowed */
    struct otter_nor_timing timing;
    struct otter_nor_counters *counters; /* borrowed */
    otter_nor_fault *fault;              /* or NULL */
    otter_nor_complaint *complaint;      /* or NULL */
    void *user;
};

/* OTTER_ERR_FLASH_RANGE for anything outside the chip or not 4-aligned. */
int otter_nor_read(struct otter_nor *nor, uint32_t addr, void *buf,
                   uint32_t len);

/* Programming a 0 bit to 1 is a violation: OTTER_ERR_FLASH_PROGRAM, and the
 * cells keep what NOR gives, the AND of old and new. */
int otter_nor_program(struct otter_nor *nor, uint32_t addr, const void *buf,
                      uint32_t len);

int otter_nor_erase(struct otter_nor *nor, uint32_t addr);

#endif
