/* SPDX-License-Identifier: Apache-2.0
 *
 * Many cases of one life. */
#include "tests/powercut/campaign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS_MAX   40u
#define OPERATIONS_MAX 40000u
#define PAIR_WITHIN    30u

/* An erase and sixteen pages. */
#define SECTOR_OPERATIONS 17u

#define SEEN_SIZE 65536u /* a power of two */

struct snapshot {
    struct cut_life life;
    struct cut_board board;
    uint8_t *flash;
};

static struct snapshot snapshots[SESSIONS_MAX];
static uint32_t snapshot_count;
static uint32_t trace[OPERATIONS_MAX]; /* addr, kind, and 2: of the program */
static uint32_t operations;            /* of the clean life */
static struct cut_case base;
static uint32_t final; /* image that runs at the end of the clean life */
static uint64_t seen[SEEN_SIZE];
static uint64_t draw_state;

void (*cut_report)(const struct cut_case *c, const char *what);

/* --- Drawing --------------------------------------------------------------
 */

static uint64_t mix(uint64_t x)
{
    x ^= x >> 31;
    x *= 0x7FB5D329728EA185u;
    x ^= x >> 27;
    x *= 0x81DADEF4BC2DD44Du;
    return x ^ x >> 33;
}

static uint32_t draw(uint32_t limit)
{
    draw_state += 0x9E3779B97F4A7C15u;
    return (uint32_t)((mix(draw_state) >> 32) * limit >> 32);
}

/* Has this case been run in this life?  Then it counts no second time.  Cases
 * are told apart by what really happened: an outcome is one of its kind of
 * operation. */
static bool is_new(const struct cut_case *c)
{
    uint64_t hash = mix(c->fault_count + 1);

    for (uint32_t i = 0; i < c->fault_count; i++) {
        uint32_t outcome = c->faults[i].outcome == OTTER_TORN_SILENT
                               ? OTTER_TORN_SILENT
                               : cut_board.outcome[i];

        hash = mix(hash ^ ((uint64_t)c->faults[i].operation << 8 | outcome));
    }
    hash = mix(hash ^ c->reset_at ^ (uint64_t)c->rarity << 40 ^
               (uint64_t)c->sticky << 48) |
           1;
    for (uint64_t i = hash;; i++) {
        uint64_t *place = &seen[i % SEEN_SIZE];

        if (*place == hash) {
            return false;
        }
        if (*place == 0) {
            *place = hash;
            return true;
        }
    }
}

/* --- Snapshots ------------------------------------------------------------
 */

static void take_snapshot(void)
{
    struct snapshot *s = &snapshots[snapshot_count];
    uint32_t size = cut_board.torn.nor.size;

    if (snapshot_count == SESSIONS_MAX) {
        abort();
    }
    s->flash = realloc(s->flash, size);
    if (s->flash == NULL) {
        abort();
    }
    s->life = cut_life;
    s->board = cut_board;
    memcpy(s->flash, cut_flash, size);
    snapshot_count++;
}

/* Goes back to the session in which `operation` happens. */
static void restore(uint32_t operation, const struct cut_case *c)
{
    uint32_t i = snapshot_count - 1;

    while (i > 0 && snapshots[i].board.torn.operations > operation) {
        i--;
    }
    cut_life = snapshots[i].life;
    cut_board = snapshots[i].board;
    memcpy(cut_flash, snapshots[i].flash, cut_board.torn.nor.size);
    cut_life.c = *c;
    cut_board.torn.faults = cut_life.c.faults;
    cut_board.torn.fault_count = c->fault_count;
    cut_board.torn.sticky = c->sticky;
    cut_board.torn.rarity = c->rarity;
    cut_board.torn.trace = NULL;
    cut_board.reset_at = c->reset_at;
}

bool cut_campaign_open(const struct cut_case *c, struct cut_totals *totals)
{
    base = *c;
    base.fault_count = 0;
    base.reset_at = UINT32_MAX;
    snapshot_count = 0;
    memset(seen, 0, sizeof seen);
    draw_state = mix(base.seed * 64u + base.scenario);
    cut_life_begin(&base);
    cut_board.torn.trace = trace;
    cut_board.torn.trace_size = OPERATIONS_MAX;
    cut_life_run(take_snapshot);
    operations = cut_board.torn.operations;
    final = cut_life.who;
    if (cut_board.broken[0] == '\0' && operations > OPERATIONS_MAX) {
        cut_broken("too many operations for a campaign");
    }
    totals->lives++;
    if (cut_board.broken[0] != '\0') {
        totals->broken++;
        cut_report(&base, cut_board.broken);
        return false;
    }
    return true;
}

/* --- Cases ----------------------------------------------------------------
 */

static void count_broken(const struct cut_case *c, struct cut_totals *totals)
{
    totals->broken++;
    totals->incomplete += strncmp(cut_board.broken, "I1:", 3) == 0;
    totals->lost += strncmp(cut_board.broken, "I4:", 3) == 0;
    cut_report(c, cut_board.broken);
}

/* I13: a reset does what a power cut does; and since nothing is torn, the end
 * is that of the clean life.  (An update that is asked for once is lost with
 * the program that was asked; and a bit that flips at the start in mid-copy
 * has no such start in the clean life.) */
static void check_reset(const struct cut_case *c)
{
    if (c->reset_at != UINT32_MAX && c->scenario != CUT_WITHDRAWN &&
        c->scenario != CUT_ROT_MIDCOPY && cut_life.who != final) {
        cut_broken("I13: after a reset image %u stays, else image %u",
                   (unsigned)cut_life.who, (unsigned) final);
    }
}

/* Counts what has run.  True: it was good and fired. */
static bool judge(const struct cut_case *c, struct cut_totals *totals)
{
    const struct otter_torn *torn = &cut_board.torn;
    bool broken;

    check_reset(c);
    broken = cut_board.broken[0] != '\0';
    totals->starts += cut_life.sessions;
    if (broken) {
        count_broken(c, totals);
    } else if (torn->fired < c->fault_count ||
               cut_board.reset_at != UINT32_MAX) {
        totals->not_fired++;
        return false;
    } else if (!is_new(c)) {
        totals->repeated++;
        return true;
    }
    totals->cases++;
    totals->cuts += torn->cuts;
    totals->silent += torn->fired - torn->cuts;
    totals->resets += c->reset_at != UINT32_MAX;
    if (torn->fired != 0 && torn->last_outcome < CUT_OUTCOMES) {
        totals->fired[torn->last_kind][torn->last_outcome]++;
    }
    if (torn->fired > totals->deepest) {
        totals->deepest = torn->fired;
    }
    return !broken;
}

static bool run(struct cut_case *c, struct cut_totals *totals)
{
    uint32_t first =
        c->fault_count != 0 ? c->faults[0].operation : c->reset_at;

    restore(first, c);
    cut_life_run(NULL);
    return judge(c, totals);
}

bool cut_campaign_case(const struct cut_case *c, struct cut_totals *totals)
{
    if (!cut_campaign_open(c, totals)) {
        return false;
    }
    cut_life_begin(c);
    cut_life_run(NULL);
    return judge(c, totals);
}

/* The ways in which weak bits may read: six. */
#define WEAK_WAYS 6u

static struct cut_case case_with(uint32_t way)
{
    static const uint32_t rarities[] = {1, 2, 4};
    struct cut_case c = base;

    c.sticky = way % 2 != 0;
    c.rarity = rarities[way / 2];
    return c;
}

static struct cut_case draw_case(void)
{
    return case_with(draw(WEAK_WAYS));
}

static void add_fault(struct cut_case *c, uint32_t operation, uint32_t outcome)
{
    c->faults[c->fault_count].operation = operation;
    c->faults[c->fault_count].outcome = outcome;
    c->fault_count++;
}

static uint32_t outcomes_of(uint32_t kind)
{
    return kind == OTTER_NOR_ERASE ? OTTER_TORN_ERASES : OTTER_TORN_PROGRAMS;
}

static bool leaves_weak_bits(uint32_t kind, uint32_t outcome)
{
    return kind == OTTER_NOR_ERASE
               ? outcome == OTTER_TORN_ERASE_FF_WEAK ||
                     outcome == OTTER_TORN_ERASE_OLD_WEAK
               : outcome == OTTER_TORN_PROGRAM_DONE_WEAK ||
                     outcome == OTTER_TORN_PROGRAM_INVISIBLE_WEAK ||
                     outcome == OTTER_TORN_PROGRAM_SUBSET_WEAK;
}

static bool try_single(struct cut_totals *totals, struct cut_case c,
                       uint32_t operation, uint32_t outcome)
{
    add_fault(&c, operation, outcome);
    return run(&c, totals);
}

/* In the log, where every brick that was ever released lay, weak bits read in
 * every way; elsewhere in one. */
static void single(struct cut_totals *totals, uint32_t operation)
{
    uint32_t kind = trace[operation] & 1;
    uint32_t side = trace[operation] >> 1 & 1;
    uint32_t addr = trace[operation] & ~3u;
    bool in_log = addr >= snapshots[0].life.log && addr < snapshots[0].life.fs;
    uint32_t first = draw(WEAK_WAYS);
    struct cut_case c;

    totals->due[base.scenario][side][kind]++;
    for (uint32_t i = 0; i < outcomes_of(kind); i++) {
        uint32_t ways = in_log && leaves_weak_bits(kind, i) ? WEAK_WAYS : 1;
        uint64_t cuts = totals->cuts;

        (void)try_single(totals, case_with(first), operation, i);
        totals->single[base.scenario][kind][i] += totals->cuts - cuts;
        for (uint32_t k = 1; k < ways; k++) {
            (void)try_single(totals, case_with((first + k) % WEAK_WAYS),
                             operation, i);
        }
    }
    c = draw_case();
    c.reset_at = operation;
    (void)run(&c, totals);
}

void cut_campaign_singles(struct cut_totals *totals)
{
    for (uint32_t i = 0; i < operations; i++) {
        single(totals, i);
    }
}

void cut_campaign_some(struct cut_totals *totals, uint32_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint32_t from = (uint32_t)(i * operations / count);
        uint32_t to = (uint32_t)((i + 1) * operations / count);

        if (from < to) {
            single(totals, from + draw(to - from));
        }
    }
}

static void pair(struct cut_totals *totals)
{
    struct cut_case c = draw_case();
    uint32_t first = draw(operations);

    add_fault(&c, first, draw(56));
    add_fault(&c, first + 1 + draw(PAIR_WITHIN), draw(56));
    (void)run(&c, totals);
}

/* 56 outcomes: as many modulo eight as modulo seven. */
static void storm(struct cut_totals *totals)
{
    struct cut_case c = draw_case();
    uint32_t count = 3 + draw(CUT_FAULTS_MAX - 2);
    uint32_t at = draw(operations);

    for (uint32_t i = 0; i < count; i++) {
        add_fault(&c, at, draw(56));
        at += 1 + (draw(2) == 0 ? draw(4) : draw(60));
    }
    (void)run(&c, totals);
}

static void silent(struct cut_totals *totals)
{
    struct cut_case c = draw_case();
    uint32_t at = draw(operations);

    add_fault(&c, at, OTTER_TORN_SILENT);
    if (draw(4) == 0 && base.scenario != CUT_OVERLAP) {
        /* The same page fails whenever the sector is written again.  (Where
         * the copy overwrites its source, that is beyond help.) */
        add_fault(&c, at + SECTOR_OPERATIONS, OTTER_TORN_SILENT);
        add_fault(&c, at + 2 * SECTOR_OPERATIONS, OTTER_TORN_SILENT);
    } else if (draw(8) != 0) {
        add_fault(&c, at + 1 + draw(40), draw(56));
    }
    (void)run(&c, totals);
}

void cut_campaign_series(struct cut_totals *totals, uint32_t pairs,
                         uint32_t storms, uint32_t silents)
{
    for (uint32_t i = 0; i < pairs; i++) {
        pair(totals);
    }
    for (uint32_t i = 0; i < storms; i++) {
        storm(totals);
    }
    /* The core's Updater does not read back what it stages: nobody can know.
     */
    if (base.scenario == CUT_STOCK || base.scenario == CUT_STOCK_TWICE) {
        return;
    }
    for (uint32_t i = 0; i < silents; i++) {
        silent(totals);
    }
}

/* --- Texts ----------------------------------------------------------------
 */

/* scenario:old:new:seed:weak:faults, for instance good:5:9:17:p2:103.4,110.2
 * or good:5:9:17:r1:reset103. */
void cut_case_print(const struct cut_case *c, char id[CUT_ID_MAX])
{
    int n = snprintf(
        id, CUT_ID_MAX, "%s:%u:%u:%u:%c%u:", cut_scenario_names[c->scenario],
        (unsigned)c->old_sectors, (unsigned)c->new_sectors, (unsigned)c->seed,
        c->sticky ? 'p' : 'r', (unsigned)c->rarity);

    for (uint32_t i = 0; i < c->fault_count; i++) {
        n += snprintf(id + n, CUT_ID_MAX - (size_t)n, "%s%u.%u",
                      i == 0 ? "" : ",", (unsigned)c->faults[i].operation,
                      (unsigned)c->faults[i].outcome);
    }
    if (c->reset_at != UINT32_MAX) {
        snprintf(id + n, CUT_ID_MAX - (size_t)n, "reset%u",
                 (unsigned)c->reset_at);
    }
}

static bool parse_scenario(const char **id, struct cut_case *c)
{
    for (uint32_t i = 0; i < CUT_SCENARIOS; i++) {
        size_t len = strlen(cut_scenario_names[i]);

        if (strncmp(*id, cut_scenario_names[i], len) == 0 &&
            (*id)[len] == ':') {
            c->scenario = i;
            *id += len + 1;
            return true;
        }
    }
    return false;
}

bool cut_case_parse(const char *id, struct cut_case *c)
{
    unsigned old, new, seed, rarity, operation, outcome;
    char weak;
    int n = 0;

    memset(c, 0, sizeof *c);
    c->reset_at = UINT32_MAX;
    if (!parse_scenario(&id, c) ||
        sscanf(id, "%u:%u:%u:%c%u:%n", &old, &new, &seed, &weak, &rarity,
               &n) != 5 ||
        n == 0 || old < 2 || new < 2) {
        return false;
    }
    c->old_sectors = old;
    c->new_sectors = new;
    c->seed = seed;
    c->sticky = weak == 'p';
    c->rarity = rarity;
    id += n;
    if (sscanf(id, "reset%u", &operation) == 1) {
        c->reset_at = operation;
        return true;
    }
    while (c->fault_count < CUT_FAULTS_MAX &&
           sscanf(id, "%u.%u%n", &operation, &outcome, &n) == 2) {
        add_fault(c, operation, outcome);
        id += n;
        id += *id == ',';
    }
    return *id == '\0';
}
