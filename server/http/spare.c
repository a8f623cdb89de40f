/* SPDX-License-Identifier: Apache-2.0
 *
 * The quarter notes some thousand requests a second, the fiftieth some
 * hundred; what devices are answered does not depend on it. */
#include "server/http/spare.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SPAN_MS  200 /* the kernel counts in steps of 10 ms */
#define RESERVED 333 /* thousandths of the machine that are left idle */
#define BUSY     20  /* thousandths of a core */
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
                        int64_t up_ms, int64_t idle_ms)
{
    spare->cores = cores > 0 ? cores : 1;
    spare->up_ms = up_ms;
    spare->idle_ms = idle_ms;
    spare->idle = 0;
}

void otterd_spare_see(struct otterd_spare *spare, int64_t up_ms,
                      int64_t idle_ms)
{
    int64_t span = (up_ms - spare->up_ms) * (int64_t)spare->cores;
    int64_t idle = idle_ms - spare->idle_ms;

    if (up_ms - spare->up_ms < SPAN_MS) {
        return;
    }
    idle = idle < 0 ? 0 : idle > span ? span : idle;
    spare->idle = (unsigned)(idle * 1000 / span);
    spare->up_ms = up_ms;
    spare->idle_ms = idle_ms;
}

int64_t otterd_spare_rest(const struct otterd_spare *spare, int64_t worked_ns)
{
    unsigned left = spare->idle > RESERVED ? spare->idle - RESERVED : 0;
    unsigned share = left < BUSY ? BUSY : left > FREE ? FREE : left;
    int64_t rest = worked_ns * (1000 - share) / share;
    int64_t least = (int64_t)OTTERD_REST_MIN_MS * 1000000;

    return rest < least ? least : rest;
}

static bool read_uptime(const char *path, int64_t *up_ms, int64_t *idle_ms)
{
    FILE *file = fopen(path, "re");
    char text[64] = "";
    bool known = file != NULL && fgets(text, sizeof text, file) != NULL &&
                 otterd_uptime_read(text, up_ms, idle_ms);

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
static void look(const struct otterd_spare *spare, int64_t *up_ms,
                 int64_t *idle_ms)
{
    if (spare->sees_all && read_uptime(spare->path, up_ms, idle_ms)) {
        return;
    }
    *up_ms = read_ms(CLOCK_BOOTTIME);
    *idle_ms =
        *up_ms * (int64_t)spare->cores - read_ms(CLOCK_PROCESS_CPUTIME_ID);
}

void otterd_spare_begin_here(struct otterd_spare *spare, const char *path)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t up_ms;
    int64_t idle_ms;

    spare->path = path;
    spare->sees_all = read_uptime(path, &up_ms, &idle_ms);
    spare->cores = cores > 0 ? (unsigned)cores : 1;
    look(spare, &up_ms, &idle_ms);
    otterd_spare_begin(spare, spare->cores, up_ms, idle_ms);
}

void otterd_spare_see_here(struct otterd_spare *spare)
{
    int64_t up_ms;
    int64_t idle_ms;

    look(spare, &up_ms, &idle_ms);
    otterd_spare_see(spare, up_ms, idle_ms);
}
