/* SPDX-License-Identifier: Apache-2.0
 *
 * powercut: cuts the power of boards as often as it is told, on all cores, and
 * says what became of them.  Only cuts that fired count, in cases that are
 * distinct; a broken case is printed with its number, by which --case runs it
 * again. */
#include "tests/powercut/campaign.h"
#include "tests/powercut/control.h"
#include "tests/powercut/steady.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX   64u
#define BROKEN_SHOWN  20u
#define CONTROL_LIVES 12u
#define LARGE_SECTORS 97u /* a program of 96 sectors and its boot sector */
#define LARGE_POINTS  12u

struct shared {
    atomic_uint_fast64_t cuts; /* so far, by all */
    atomic_uint_fast32_t next; /* life to be taken */
    atomic_uint_fast32_t shown;
    struct cut_totals totals[WORKERS_MAX];
};

static struct shared *shared;

struct options {
    uint64_t cuts;
    uint64_t seed;
    uint32_t jobs;
    bool until_broken;
    bool control;
    uint32_t sample; /* operations of each life, 0: all */
    const char *id;
    uint32_t only[CUT_SCENARIOS]; /* scenarios in turn */
    uint32_t only_count;
};

static void report(const struct cut_case *c, const char *what)
{
    char id[CUT_ID_MAX];

    if (atomic_fetch_add(&shared->shown, 1) < BROKEN_SHOWN) {
        cut_case_print(c, id);
        printf("broken: %s: %s\n", id, what);
        fflush(stdout);
    }
}

/* --- The lives of a campaign ----------------------------------------------
 */

/* Life number n: the scenarios in turn, sizes of 2 to 13 sectors. */
static struct cut_case life_number(uint32_t n, const struct options *o)
{
    struct cut_case c = {0};
    uint64_t x = (o->seed * 1000003u + n) * 0x9E3779B97F4A7C15u;

    c.scenario = o->only[n % o->only_count];
    c.seed = (uint32_t)(o->seed * 100000u + n / o->only_count) % 1000000u;
    c.old_sectors = 2 + (uint32_t)(x >> 33) % 12;
    c.new_sectors = 2 + (uint32_t)(x >> 47) % 12;
    c.rarity = 1;
    c.reset_at = UINT32_MAX;
    return c;
}

static void live(uint32_t n, const struct options *o, struct cut_totals *t)
{
    struct cut_case c = life_number(n, o);
    bool large = n < o->only_count && !o->until_broken && o->sample == 0;
    uint64_t cuts = t->cuts;

    if (o->sample != 0 && cut_campaign_open(&c, t)) {
        cut_campaign_some(t, o->sample);
        cut_campaign_series(t, o->sample, o->sample, o->sample);
    } else if (o->sample == 0 && cut_campaign_open(&c, t)) {
        cut_campaign_series(t, 250, 100, 150);
        if (!o->until_broken || t->broken == 0) {
            cut_campaign_singles(t);
        }
    }
    if (large) {
        c.old_sectors = LARGE_SECTORS - 8;
        c.new_sectors = LARGE_SECTORS;
        if (cut_campaign_open(&c, t)) {
            cut_campaign_some(t, LARGE_POINTS);
        }
    }
    atomic_fetch_add(&shared->cuts, t->cuts - cuts);
}

static void work(uint32_t worker, const struct options *o)
{
    struct cut_totals *t = &shared->totals[worker];

    while ((atomic_load(&shared->cuts) < o->cuts ||
            atomic_load(&shared->next) < o->only_count) &&
           !(o->until_broken && atomic_load(&shared->shown) != 0)) {
        uint32_t n = (uint32_t)atomic_fetch_add(&shared->next, 1);

        if (o->sample != 0 && n >= o->only_count) {
            return;
        }
        live(n, o, t);
    }
}

/* A worker that dies is a broken case too. */
static bool run_workers(const struct options *o)
{
    bool good = true;
    int status;

    fflush(stdout);
    for (uint32_t i = 0; i < o->jobs; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            work(i, o);
            fflush(stdout);
            _exit(0);
        }
        good = good && pid > 0;
    }
    while (wait(&status) > 0) {
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            printf("broken: a worker died, status %#x\n", (unsigned)status);
            good = false;
        }
    }
    return good;
}

/* --- Reports ---------------------------------------------------------------
 */

static void add_up(uint32_t jobs, struct cut_totals *sum)
{
    memset(sum, 0, sizeof *sum);
    for (uint32_t i = 0; i < jobs; i++) {
        const struct cut_totals *t = &shared->totals[i];
        const uint64_t *from = &t->lives;
        uint64_t *to = &sum->lives;

        for (size_t k = 0; k < offsetof(struct cut_totals, deepest) / 8; k++) {
            to[k] += from[k];
        }
        if (t->deepest > sum->deepest) {
            sum->deepest = t->deepest;
        }
    }
}

static uint64_t print_scenario(const struct cut_totals *t, uint32_t s)
{
    uint64_t done = 0, due = 0;

    for (uint32_t side = 0; side < CUT_SIDES; side++) {
        due += t->due[s][side][OTTER_NOR_ERASE] * OTTER_TORN_ERASES +
               t->due[s][side][OTTER_NOR_PROGRAM] * OTTER_TORN_PROGRAMS;
    }

    for (uint32_t k = 0; k < CUT_KINDS; k++) {
        for (uint32_t i = 0; i < CUT_OUTCOMES; i++) {
            done += t->single[s][k][i];
        }
    }
    printf("  %-12s", cut_scenario_names[s]);
    for (uint32_t side = 0; side < CUT_SIDES; side++) {
        printf(" %6" PRIu64 " %7" PRIu64 " ", t->due[s][side][OTTER_NOR_ERASE],
               t->due[s][side][OTTER_NOR_PROGRAM]);
    }
    printf(" %8" PRIu64 " of %8" PRIu64 "\n", done, due);
    return due == 0 ? 1 : due - done; /* each scenario is lived */
}

static void print_outcomes(const struct cut_totals *t)
{
    printf("outcomes of the last cut of each case\n ");
    for (uint32_t i = 0; i < OTTER_TORN_ERASES; i++) {
        printf(" erase/%s %" PRIu64, otter_torn_erase_names[i],
               t->fired[OTTER_NOR_ERASE][i]);
    }
    printf("\n ");
    for (uint32_t i = 0; i < OTTER_TORN_PROGRAMS; i++) {
        printf(" program/%s %" PRIu64, otter_torn_program_names[i],
               t->fired[OTTER_NOR_PROGRAM][i]);
    }
    printf("\n");
}

/* Returns the single cuts that were due and did not happen. */
static uint64_t print_totals(const struct cut_totals *t,
                             const struct options *o)
{
    uint64_t missing = 0;

    printf("single cuts, every operation of a life with every outcome\n"
           "               in the loader    in the program\n"
           "  life         erase program    erase program      cuts of      "
           "due\n");
    for (uint32_t i = 0; i < o->only_count; i++) {
        missing += print_scenario(t, o->only[i]);
    }
    print_outcomes(t);
    printf("%" PRIu64 " lives, %" PRIu64 " cases, %" PRIu64 " cuts, %" PRIu64
           " silent failures, %" PRIu64 " resets, %" PRIu64
           " power-ups, up to %u faults in a case, %" PRIu64
           " cases without effect and %" PRIu64 " repeated not counted\n",
           t->lives, t->cases, t->cuts, t->silent, t->resets, t->starts,
           (unsigned)t->deepest, t->not_fired, t->repeated);
    return missing;
}

static int run_control(uint64_t seed)
{
    struct cut_control c;

    cut_control_run(CONTROL_LIVES, seed, &c);
    printf("control: the core's loader: %" PRIu64 " of %" PRIu64
           " cuts inside its copy brick (%.1f %%), %" PRIu64 " of %" PRIu64
           " resets do not finish it\n",
           c.bricks, c.cuts, 100.0 * (double)c.bricks / (double)c.cuts,
           c.unmade, c.resets);
    return c.bricks * 100 >= c.cuts * 95 ? 0 : 1;
}

static int run_steady(void)
{
    struct cut_steady s;
    bool good = cut_steady_run(&s);

    printf("steady state: %u updates of %u sectors on map %s: %u erases, the "
           "core's %u; and %u of the log, %.1f for each of its sectors and "
           "update\n",
           CUT_STEADY_UPDATES, CUT_STEADY_SECTORS, CUT_STEADY_MAP,
           (unsigned)s.erases, (unsigned)s.core_erases, (unsigned)s.log_erases,
           s.log_erases / 2.0 / CUT_STEADY_UPDATES);
    if (!good || s.erases > s.core_erases) {
        printf("broken: updates cost more erases than the core's, or fail\n");
        return 1;
    }
    return 0;
}

static int run_case(const char *id)
{
    static struct cut_totals totals;
    struct cut_case c;

    if (!cut_case_parse(id, &c)) {
        fprintf(stderr, "powercut: %s is no case\n", id);
        return 2;
    }
    if (cut_campaign_case(&c, &totals)) {
        printf("%s: good: image %u after %u sessions\n", id,
               (unsigned)cut_life.who, (unsigned)cut_life.sessions);
        return 0;
    }
    if (totals.broken == 0) {
        printf("%s: not all faults fired\n", id);
    }
    return 1;
}

static int run_campaign(const struct options *o)
{
    struct cut_totals sum;
    uint64_t missing;
    bool good = run_workers(o);

    add_up(o->jobs, &sum);
    if (!o->until_broken) {
        missing = print_totals(&sum, o);
        if (missing != 0) {
            printf("broken: %" PRIu64 " single cuts did not happen\n",
                   missing);
            good = false;
        }
    }
    printf("powercut: %" PRIu64 " cuts, %" PRIu64 " bricks, %" PRIu64
           " incomplete starts, %" PRIu64 " lost images\n",
           sum.cuts, sum.broken, sum.incomplete, sum.lost);
    return good && sum.broken == 0 ? 0 : 1;
}

/* --- Options ----------------------------------------------------------------
 */

static int usage(void)
{
    fprintf(stderr,
            "usage: powercut [--cuts N] [--seed S] [--jobs N] [--control]\n"
            "                [--only NAME,...] [--sample N] [--until-broken]\n"
            "                [--case ID]\n"
            "  --cuts N         power cuts that must fire (default 10000)\n"
            "  --seed S         another campaign (default 1)\n"
            "  --jobs N         processes (default: one for each core)\n"
            "  --control        only the core's loader, which must fail, and\n"
            "                   the erases that updates cost\n"
            "  --only NAME,...  these scenarios\n"
            "  --sample N       one life each, N of its operations\n"
            "  --until-broken   stop at the first broken case\n"
            "  --case ID        run one case again\n");
    return 2;
}

static void all_scenarios(struct options *o)
{
    for (uint32_t i = 0; i < CUT_SCENARIOS; i++) {
        o->only[i] = i;
    }
    o->only_count = CUT_SCENARIOS;
}

/* Names separated by commas.  False: one is unknown. */
static bool take_only(struct options *o, const char *names)
{
    o->only_count = 0;
    while (*names != '\0') {
        size_t len = strcspn(names, ",");
        uint32_t i = 0;

        while (i < CUT_SCENARIOS &&
               (strncmp(names, cut_scenario_names[i], len) != 0 ||
                cut_scenario_names[i][len] != '\0')) {
            i++;
        }
        if (i == CUT_SCENARIOS || o->only_count == CUT_SCENARIOS) {
            return false;
        }
        o->only[o->only_count++] = i;
        names += len + (names[len] == ',');
    }
    return o->only_count != 0;
}

static bool take_option(struct options *o, const char *name, const char *value)
{
    if (strcmp(name, "--cuts") == 0) {
        o->cuts = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--seed") == 0) {
        o->seed = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--jobs") == 0) {
        o->jobs = (uint32_t)strtoul(value, NULL, 10);
    } else if (strcmp(name, "--sample") == 0) {
        o->sample = (uint32_t)strtoul(value, NULL, 10);
        o->cuts = UINT64_MAX;
    } else if (strcmp(name, "--case") == 0) {
        o->id = value;
    } else if (strcmp(name, "--only") == 0) {
        return take_only(o, value);
    } else {
        return false;
    }
    return true;
}

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--control") == 0) {
            o->control = true;
        } else if (strcmp(argv[i], "--until-broken") == 0) {
            o->until_broken = true;
        } else if (i + 1 < argc && take_option(o, argv[i], argv[i + 1])) {
            i++;
        } else {
            return false;
        }
    }
    return o->jobs >= 1 && o->jobs <= WORKERS_MAX && o->cuts >= 1;
}

int main(int argc, char **argv)
{
    struct options o = {.cuts = 10000, .seed = 1};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    o.jobs = cores < 1 ? 1 : (uint32_t)cores;
    o.jobs = o.jobs > WORKERS_MAX ? WORKERS_MAX : o.jobs;
    all_scenarios(&o);
    if (!parse(argc, argv, &o)) {
        return usage();
    }
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("powercut: memory");
        return 2;
    }
    cut_report = report;
    if (o.id != NULL) {
        return run_case(o.id);
    }
    return o.control ? run_control(o.seed) | run_steady() : run_campaign(&o);
}
