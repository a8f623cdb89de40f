/* SPDX-License-Identifier: Apache-2.0
 *
 * Many cases of one life: every operation with every outcome, pairs, storms,
 * silent failures and resets.  The clean life is run once and a snapshot kept
 * of each session, so that a case runs from its first fault's session on. */
#ifndef OTTER_TESTS_POWERCUT_CAMPAIGN_H
#define OTTER_TESTS_POWERCUT_CAMPAIGN_H

#include "tests/powercut/life.h"

#define CUT_SIDES    2u /* boot loader, program */
#define CUT_KINDS    2u /* erase, program */
#define CUT_OUTCOMES 8u
#define CUT_ID_MAX   400u

/* What a campaign counts; one per worker, added up in the end. */
struct cut_totals {
    uint64_t lives;
    uint64_t cases;     /* whose faults all fired */
    uint64_t cuts;      /* that fired, in these */
    uint64_t silent;    /* failures, in these */
    uint64_t resets;    /* cases with a reset in place of a cut */
    uint64_t not_fired; /* cases that count for nothing, */
    uint64_t repeated;  /* and those that had been run before */
    uint64_t starts;    /* of a program or the loader */
    uint64_t single[CUT_SCENARIOS][CUT_KINDS][CUT_OUTCOMES];
    uint64_t due[CUT_SCENARIOS][CUT_SIDES][CUT_KINDS]; /* operations to be
                                                          covered */
    uint64_t fired[CUT_KINDS][CUT_OUTCOMES]; /* last fault of each case */
    uint64_t broken;                         /* cases: bricks, */
    uint64_t incomplete; /* of these, starts of no whole image, */
    uint64_t lost;       /* of these, images that the record lost */
    uint32_t deepest;    /* most faults in one case */
};

/* The clean life of `base`, with snapshots.  False: it is broken already. */
bool cut_campaign_open(const struct cut_case *base, struct cut_totals *totals);

/* Every operation with every outcome, and a reset after it. */
void cut_campaign_singles(struct cut_totals *totals);

/* The same at `count` operations spread over all. */
void cut_campaign_some(struct cut_totals *totals, uint32_t count);

/* `count` drawn pairs, the second cut within 30 operations of the first;
 * storms of up to 24 cuts; silent failures with a cut behind them. */
void cut_campaign_series(struct cut_totals *totals, uint32_t pairs,
                         uint32_t storms, uint32_t silent);

/* Runs one case from the start, after its clean life.  True: nothing is broken
 * and all its faults fired. */
bool cut_campaign_case(const struct cut_case *c, struct cut_totals *totals);

/* A case as text and back.  False: it is none. */
void cut_case_print(const struct cut_case *c, char id[CUT_ID_MAX]);
bool cut_case_parse(const char *id, struct cut_case *c);

/* Called for each broken case. */
extern void (*cut_report)(const struct cut_case *c, const char *what);

#endif
