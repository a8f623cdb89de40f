/* SPDX-License-Identifier: Apache-2.0
 *
 * A quarter of a core notes some ten thousand requests a second, a
 * two-hundredth some hundred; what devices are answered does not depend on
 * it. */
#include "server/http/spare.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SPAN_MS  200 /* the kernel counts in steps of 10 ms */
#define RESERVED 333 /* thousandths of the machine that are left idle */
#define MUCH     250 /* thousandths of it that answering takes */
#define LITTLE   5   /* thousandths of a core, for the writer */
#define FREE     250

static bool read_seconds(const char **text, int64_t *ms)
{
    char whole[11];
    char hundredths[3];
    int len = 0;

    if (sscanf(*text, " %10[0-9].%2[0-9]%n", whole, hundredths, &len) != 2 ||
        hundredths[1] == '\0') {
        return false;
    }
    *text += len;
    *ms = strtoll(whole, NULL, 10) * 1000 + strtoll(hundredths, NULL, 10) * 10;
    return true;
}

bool otterd_uptime_read(const char *text, int64_t *up_ms, int64_t *idle_ms)
{
    return read_seconds(&text, up_ms) && read_seconds(&text, idle_ms);
}

void otterd_spare_begin(struct otterd_spare *spare, unsigned cores,
                        const struct otterd_use *use)
{
    spare->cores = cores > 0 ? cores : 1;
    spare->use = *use;
    spare->idle = 1000;
    spare->own = 0;
}

static unsigned thousandths(int64_t part, int64_t of)
{
    part = part < 0 ? 0 : part > of ? of : part;
    return (unsigned)(part * 1000 / of);
}

void otterd_spare_see(struct otterd_spare *spare, const struct otterd_use *use)
{
    int64_t up_ms = use->up_ms - spare->use.up_ms;
    int64_t span = up_ms * (int64_t)spare->cores;

    if (up_ms < SPAN_MS) {
        return;
    }
    spare->idle = thousandths(use->idle_ms - spare->use.idle_ms, span);
    spare->own = thousandths(use->own_ms - spare->use.own_ms, span);
    spare->use = *use;
}

static unsigned share_of(const struct otterd_spare *spare)
{
    unsigned left = spare->idle > RESERVED ? spare->idle - RESERVED : 0;

    if (spare->own < MUCH || left > FREE) {
        return FREE;
    }
    return left < LITTLE ? LITTLE : left;
}

int64_t otterd_spare_rest(const struct otterd_spare *spare, int64_t worked_ns)
{
    const int64_t least = (int64_t)OTTERD_REST_MIN_MS * 1000000;
    const int64_t most = (int64_t)OTTERD_REST_MAX_MS * 1000000;
    unsigned share = share_of(spare);
    int64_t rest = worked_ns * (1000 - share) / share;

    return rest < least ? least : rest > most ? most : rest;
}

static bool read_uptime(const char *path, struct otterd_use *use)
{
    FILE *file = fopen(path, "re");
    char text[64] = "";
    bool known = file != NULL && fgets(text, sizeof text, file) != NULL &&
                 otterd_uptime_read(text, &use->up_ms, &use->idle_ms);

    if (file != NULL) {
        fclose(file);
    }
    return known;
}

static int64_t read_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A sandbox may hide the machine; then all else counts as idle. */
static void look(const struct otterd_spare *spare, struct otterd_use *use)
{
    use->own_ms = read_ms(CLOCK_PROCESS_CPUTIME_ID);
    if (!spare->sees_all || !read_uptime(spare->path, use)) {
        use->up_ms = read_ms(CLOCK_BOOTTIME);
        use->idle_ms = use->up_ms * (int64_t)spare->cores - use->own_ms;
    }
}

void otterd_spare_begin_here(struct otterd_spare *spare, const char *path)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct otterd_use use;

    spare->path = path;
    spare->sees_all = read_uptime(path, &use);
    spare->cores = cores > 0 ? (unsigned)cores : 1;
    look(spare, &use);
    otterd_spare_begin(spare, spare->cores, &use);
}

void otterd_spare_see_here(struct otterd_spare *spare)
{
    struct otterd_use use;

    look(spare, &use);
    otterd_spare_see(spare, &use);
}
