/* SPDX-License-Identifier: Apache-2.0
 *
 * Flash that forgets: a NOR chip on which power can fail before, inside and
 * after every sector erase and page program.  NOR erases by programming all
 * cells to 0 and then erasing them, so an interrupted erase leaves zeros, a
 * mixture, or cells that are half way: weak bits, which read differently from
 * one read to the next or from one power-up to the next until the sector is
 * erased whole or the bit is programmed whole.
 *
 * Everything follows from `seed` and the list of faults, so a case is its
 * tuple and can be run again.  Rules of NOR are kept as in nor.h, and more
 * strictly: a byte that is not erased must not be programmed at all. */
#ifndef OTTER_PORTS_SIM_TORN_H
#define OTTER_PORTS_SIM_TORN_H

#include "ports/sim/nor.h"

#include <stdbool.h>
#include <stdint.h>

/* What an interrupted erase leaves. */
enum otter_torn_erase {
    OTTER_TORN_ERASE_NOTHING,     /* it did not begin */
    OTTER_TORN_ERASE_ZERO,        /* all cells programmed, none erased */
    OTTER_TORN_ERASE_FF_PREFIX,   /* the beginning is erased */
    OTTER_TORN_ERASE_ZERO_SUFFIX, /* the end is programmed */
    OTTER_TORN_ERASE_RANDOM,      /* anything */
    OTTER_TORN_ERASE_FF_WEAK,     /* erased, some bits weak */
    OTTER_TORN_ERASE_OLD_WEAK,    /* as before, some bits weak */
    OTTER_TORN_ERASE_DONE,        /* power failed just afterwards */
    OTTER_TORN_ERASES
};

/* What an interrupted page program leaves. */
enum otter_torn_program {
    OTTER_TORN_PROGRAM_NOTHING,        /* it did not begin */
    OTTER_TORN_PROGRAM_PREFIX,         /* the beginning is programmed */
    OTTER_TORN_PROGRAM_SUBSET,         /* some bits are */
    OTTER_TORN_PROGRAM_DONE_WEAK,      /* all are, some weak */
    OTTER_TORN_PROGRAM_INVISIBLE_WEAK, /* none is, but some are weak */
    OTTER_TORN_PROGRAM_SUBSET_WEAK,    /* some are, some are weak */
    OTTER_TORN_PROGRAM_DONE,           /* power failed just afterwards */
    OTTER_TORN_PROGRAMS
};

/* Short names for reports and case numbers; static storage. */
extern const char *const otter_torn_erase_names[OTTER_TORN_ERASES];
extern const char *const otter_torn_program_names[OTTER_TORN_PROGRAMS];

/* In place of an outcome: power stays, and the chip says that all went well,
 * but a part of the cells was left as it was. */
#define OTTER_TORN_SILENT 100u

struct otter_torn_fault {
    uint32_t operation; /* counted from 0; faults are in rising order */
    uint32_t outcome;   /* of its kind, modulo their number; or SILENT */
};

#define OTTER_TORN_WEAK_MAX 2048u

struct otter_torn {
    struct otter_nor nor; /* bytes, size and counters are the caller's */
    const struct otter_torn_fault *faults; /* borrowed */
    uint32_t fault_count;
    bool sticky;     /* weak bits settle at power-up, not at each read */
    uint32_t rarity; /* 1, 2, 4: a weak bit flips once in 2^rarity */

    /* Called when power has failed, with the tear in place; must not return.
     */
    void (*power_off)(void *user);
    void *user;

    uint32_t *trace;     /* or NULL: addr and kind of each operation are put
                            here, added up, as long as there is room */
    uint32_t trace_size; /* entries */
    uint32_t trace_tag;  /* 0 or 2, added to each entry */

    uint32_t operations; /* so far */
    uint32_t fired;      /* faults that were reached */
    uint32_t cuts;       /* of these, power cuts */
    uint32_t last_kind;  /* enum otter_nor_operation of the last fault */
    uint32_t last_outcome;
    uint32_t rewrites; /* programs of bytes that were not erased */

    /* private */
    uint64_t random;
    uint32_t weak_count;
    uint32_t weak_from; /* no weak bit lies below, */
    uint32_t weak_to;   /* nor from here on */
    struct {
        uint32_t addr;
        uint8_t mask; /* bits that are weak */
        uint8_t flip; /* of these, since power-up, when sticky */
    } weak[OTTER_TORN_WEAK_MAX];
};

/* Prepares the chip: no faults, no weak bits, nothing counted.  nor.bytes,
 * nor.size and nor.counters must be set. */
void otter_torn_init(struct otter_torn *torn, uint64_t seed);

/* Takes a chip over from another process: sets what points into this one, but
 * for nor.bytes, nor.counters, nor.wear, `faults`, `trace` and `power_off`,
 * which are the caller's to set. */
void otter_torn_attach(struct otter_torn *torn);

/* Power comes up: sticky weak bits settle. */
void otter_torn_power_on(struct otter_torn *torn);

/* As otter_nor_read, with weak bits as they read now. */
int otter_torn_read(struct otter_torn *torn, uint32_t addr, void *buf,
                    uint32_t len);

/* True when a cell of these bytes is weak. */
bool otter_torn_is_weak(const struct otter_torn *torn, uint32_t addr,
                        uint32_t len);

/* A number below `limit` from the chip's own sequence. */
uint32_t otter_torn_random(struct otter_torn *torn, uint32_t limit);

#endif
