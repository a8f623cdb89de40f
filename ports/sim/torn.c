/* SPDX-License-Identifier: Apache-2.0
 *
 * The tears, one function for each kind of operation. */
#include "ports/sim/torn.h"

#include <string.h>

#define SECTOR OTTER_NOR_SECTOR

const char *const otter_torn_erase_names[OTTER_TORN_ERASES] = {
    "nothing", "zero",    "ff-prefix", "zero-suffix",
    "random",  "ff-weak", "old-weak",  "done"};
const char *const otter_torn_program_names[OTTER_TORN_PROGRAMS] = {
    "nothing",        "prefix",      "subset", "done-weak",
    "invisible-weak", "subset-weak", "done"};

/* xorshift64*: enough for what is torn, and the same everywhere. */
static uint32_t next(struct otter_torn *t)
{
    t->random ^= t->random >> 12;
    t->random ^= t->random << 25;
    t->random ^= t->random >> 27;
    return (uint32_t)((t->random * 0x2545F4914F6CDD1Du) >> 32);
}

uint32_t otter_torn_random(struct otter_torn *torn, uint32_t limit)
{
    return (uint32_t)((uint64_t)next(torn) * limit >> 32);
}

static uint8_t byte(struct otter_torn *t)
{
    return (uint8_t)(next(t) >> 24);
}

/* --- Weak bits ----------------------------------------------------------- */

static uint8_t flips(struct otter_torn *t, uint8_t mask)
{
    for (uint32_t i = 0; i < t->rarity; i++) {
        mask &= byte(t);
    }
    return mask;
}

/* May any of these bytes be weak?  Nearly always no, and then nobody need go
 * through the list. */
static bool is_near_weak(const struct otter_torn *t, uint32_t addr,
                         uint32_t len)
{
    return t->weak_count != 0 && addr < t->weak_to &&
           addr + len > t->weak_from;
}

static void widen(struct otter_torn *t, uint32_t addr)
{
    if (t->weak_count == 0 || addr < t->weak_from) {
        t->weak_from = addr;
    }
    if (t->weak_count == 0 || addr >= t->weak_to) {
        t->weak_to = addr + 1;
    }
}

static void make_weak(struct otter_torn *t, uint32_t addr, uint8_t mask)
{
    if (mask == 0) {
        return;
    }
    widen(t, addr);
    for (uint32_t i = 0; i < t->weak_count; i++) {
        if (t->weak[i].addr == addr) {
            t->weak[i].mask |= mask;
            return;
        }
    }
    if (t->weak_count < OTTER_TORN_WEAK_MAX) {
        t->weak[t->weak_count].addr = addr;
        t->weak[t->weak_count].mask = mask;
        t->weak[t->weak_count].flip = 0;
        t->weak_count++;
    }
}

/* Makes the bits strong that an operation has driven whole: all of them when
 * `driven` is NULL, else those that it programmed to 0. */
static void make_strong(struct otter_torn *t, uint32_t addr, uint32_t len,
                        const uint8_t *driven)
{
    uint32_t kept = 0;

    if (!is_near_weak(t, addr, len)) {
        return;
    }
    for (uint32_t i = 0; i < t->weak_count; i++) {
        uint32_t off = t->weak[i].addr - addr;

        if (off < len) {
            t->weak[i].mask &= driven != NULL ? driven[off] : 0;
        }
        if (t->weak[i].mask != 0) {
            t->weak[kept++] = t->weak[i];
        }
    }
    t->weak_count = kept;
}

void otter_torn_power_on(struct otter_torn *torn)
{
    for (uint32_t i = 0; torn->sticky && i < torn->weak_count; i++) {
        torn->weak[i].flip = flips(torn, torn->weak[i].mask);
    }
}

int otter_torn_read(struct otter_torn *torn, uint32_t addr, void *buf,
                    uint32_t len)
{
    int error = otter_nor_read(&torn->nor, addr, buf, len);
    uint8_t *out = buf;

    if (error != 0 || !is_near_weak(torn, addr, len)) {
        return error;
    }
    for (uint32_t i = 0; i < torn->weak_count; i++) {
        uint32_t off = torn->weak[i].addr - addr;

        if (off < len) {
            out[off] ^= torn->sticky ? torn->weak[i].flip & torn->weak[i].mask
                                     : flips(torn, torn->weak[i].mask);
        }
    }
    return 0;
}

bool otter_torn_is_weak(const struct otter_torn *torn, uint32_t addr,
                        uint32_t len)
{
    for (uint32_t i = 0; is_near_weak(torn, addr, len) && i < torn->weak_count;
         i++) {
        if (torn->weak[i].addr - addr < len) {
            return true;
        }
    }
    return false;
}

/* --- Operations -----------------------------------------------------------
 */

static void erase_whole(struct otter_torn *t, uint32_t addr)
{
    memset(t->nor.bytes + addr, 0xff, SECTOR);
    make_strong(t, addr, SECTOR, NULL);
}

/* One, a few, or many bits of the sector become weak. */
static void weaken_sector(struct otter_torn *t, uint32_t addr)
{
    static const uint32_t counts[] = {1, 8, 200};

    for (uint32_t i = counts[otter_torn_random(t, 3)]; i != 0; i--) {
        make_weak(t, addr + otter_torn_random(t, SECTOR),
                  (uint8_t)(1u << otter_torn_random(t, 8)));
    }
}

static void tear_erase(struct otter_torn *t, uint32_t addr, uint32_t outcome)
{
    uint8_t *cells = t->nor.bytes + addr;
    uint32_t n = 1 + otter_torn_random(t, SECTOR - 1);

    switch (outcome) {
    case OTTER_TORN_ERASE_ZERO:
        memset(cells, 0, SECTOR);
        break;
    case OTTER_TORN_ERASE_FF_PREFIX:
        memset(cells, 0xff, n);
        break;
    case OTTER_TORN_ERASE_ZERO_SUFFIX:
        memset(cells + SECTOR - n, 0, n);
        break;
    case OTTER_TORN_ERASE_RANDOM:
        for (uint32_t i = 0; i < SECTOR; i++) {
            cells[i] = byte(t);
        }
        break;
    case OTTER_TORN_ERASE_FF_WEAK:
        erase_whole(t, addr);
        weaken_sector(t, addr);
        break;
    case OTTER_TORN_ERASE_OLD_WEAK:
        weaken_sector(t, addr);
        break;
    case OTTER_TORN_ERASE_DONE:
        erase_whole(t, addr);
        break;
    default:
        break;
    }
}

/* Some cells of one program become weak: those that it was to change. */
static void weaken_program(struct otter_torn *t, uint32_t addr,
                           const uint8_t *old, const uint8_t *data,
                           uint32_t len)
{
    const uint32_t counts[] = {1, 3, len};

    for (uint32_t i = counts[otter_torn_random(t, 3)]; i != 0; i--) {
        uint32_t off = otter_torn_random(t, len);

        make_weak(t, addr + off, old[off] & (uint8_t)~data[off] & byte(t));
    }
}

static void program_subset(struct otter_torn *t, uint32_t addr,
                           const uint8_t *data, uint32_t len, bool weak)
{
    uint8_t *cells = t->nor.bytes + addr;

    for (uint32_t i = 0; i < len; i++) {
        uint8_t change = cells[i] & (uint8_t)~data[i];

        cells[i] &= (uint8_t) ~(change & byte(t));
        if (weak) {
            make_weak(t, addr + i, change & byte(t) & byte(t));
        }
    }
}

static void program_whole(struct otter_torn *t, uint32_t addr,
                          const uint8_t *data, uint32_t len)
{
    uint8_t *cells = t->nor.bytes + addr;

    for (uint32_t i = 0; i < len; i++) {
        cells[i] &= data[i];
    }
}

static void tear_program(struct otter_torn *t, uint32_t addr,
                         const uint8_t *data, uint32_t len, uint32_t outcome)
{
    uint8_t old[OTTER_NOR_PAGE];

    memcpy(old, t->nor.bytes + addr, len);
    switch (outcome) {
    case OTTER_TORN_PROGRAM_PREFIX:
        program_whole(t, addr, data, 1 + otter_torn_random(t, len - 1));
        break;
    case OTTER_TORN_PROGRAM_SUBSET:
        program_subset(t, addr, data, len, false);
        break;
    case OTTER_TORN_PROGRAM_DONE_WEAK:
        program_whole(t, addr, data, len);
        weaken_program(t, addr, old, data, len);
        break;
    case OTTER_TORN_PROGRAM_INVISIBLE_WEAK:
        weaken_program(t, addr, old, data, len);
        break;
    case OTTER_TORN_PROGRAM_SUBSET_WEAK:
        program_subset(t, addr, data, len, true);
        break;
    case OTTER_TORN_PROGRAM_DONE:
        program_whole(t, addr, data, len);
        make_strong(t, addr, len, data);
        break;
    default:
        break;
    }
}

/* The operation ends well, but one byte, 64, or all keep what they held. */
static void fail_silently(struct otter_torn *t,
                          enum otter_nor_operation operation, uint32_t addr,
                          const uint8_t *data, uint32_t len)
{
    const uint32_t counts[] = {1, len < 64 ? len : 64, len};
    uint32_t n = counts[otter_torn_random(t, 3)];
    uint32_t off = otter_torn_random(t, len - n + 1);
    uint8_t old[SECTOR];

    memcpy(old, t->nor.bytes + addr, len);
    if (operation == OTTER_NOR_ERASE) {
        erase_whole(t, addr);
    } else {
        program_whole(t, addr, data, len);
        make_strong(t, addr, len, data);
    }
    memcpy(t->nor.bytes + addr + off, old + off, n);
}

static void count_rewrites(struct otter_torn *t, uint32_t addr,
                           const uint8_t *data, uint32_t len)
{
    const uint8_t *cells = t->nor.bytes + addr;
    uint8_t all = 0xff;
    bool rewritten = false;

    for (uint32_t i = 0; i < len; i++) {
        all &= cells[i];
    }
    for (uint32_t i = 0; all != 0xff && i < len; i++) {
        rewritten |= data[i] != 0xff && cells[i] != 0xff;
    }
    t->rewrites += rewritten;
}

/* Returns whether the operation is the next fault, and its outcome. */
static bool is_faulty(struct otter_torn *t, uint32_t *outcome)
{
    uint32_t operation = t->operations++;

    if (t->fired == t->fault_count ||
        t->faults[t->fired].operation != operation) {
        return false;
    }
    *outcome = t->faults[t->fired++].outcome;
    return true;
}

static int operate(struct otter_nor *nor, void *user,
                   enum otter_nor_operation operation, uint32_t addr,
                   const uint8_t *data, uint32_t len)
{
    struct otter_torn *t = user;
    uint32_t outcome;

    (void)nor;
    if (t->trace != NULL && t->operations < t->trace_size) {
        t->trace[t->operations] = addr + (uint32_t)operation + t->trace_tag;
    }
    if (operation == OTTER_NOR_PROGRAM) {
        count_rewrites(t, addr, data, len);
    }
    if (!is_faulty(t, &outcome)) {
        if (operation == OTTER_NOR_ERASE) {
            erase_whole(t, addr);
        } else {
            program_whole(t, addr, data, len);
            make_strong(t, addr, len, data);
        }
        return 0;
    }
    t->last_kind = operation;
    t->last_outcome = outcome;
    if (outcome == OTTER_TORN_SILENT) {
        fail_silently(t, operation, addr, data, len);
        return 0;
    }
    t->cuts++;
    if (operation == OTTER_NOR_ERASE) {
        t->last_outcome = outcome % OTTER_TORN_ERASES;
        tear_erase(t, addr, t->last_outcome);
    } else {
        t->last_outcome = outcome % OTTER_TORN_PROGRAMS;
        tear_program(t, addr, data, len, t->last_outcome);
    }
    t->power_off(t->user);
    return 0;
}

void otter_torn_attach(struct otter_torn *torn)
{
    torn->nor.fault = operate;
    torn->nor.user = torn;
}

void otter_torn_init(struct otter_torn *torn, uint64_t seed)
{
    otter_torn_attach(torn);
    torn->faults = NULL;
    torn->fault_count = 0;
    torn->trace = NULL;
    torn->trace_size = 0;
    torn->trace_tag = 0;
    torn->operations = 0;
    torn->fired = 0;
    torn->cuts = 0;
    torn->rewrites = 0;
    torn->weak_count = 0;
    torn->random = (seed * 0x9E3779B97F4A7C15u) | 1;
    next(torn);
}
