/* SPDX-License-Identifier: Apache-2.0
 *
 * The live block: one line per running target at the bottom of the terminal,
 * drawn over in place; results scroll away above it.  The block never grows
 * taller than the screen, because lines that scrolled off cannot be drawn over
 * again. */
#include "host/push_line.h"
#include "host/push_report.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CLEAR_BELOW "\033[J"

/* Faster than this nobody reads. */
#define DRAW_INTERVAL_MS 100

static void screen_size(unsigned *rows, unsigned *columns)
{
    struct winsize size;

    *rows = 24;
    *columns = 80;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 &&
        size.ws_col > 1) {
        *rows = size.ws_row;
        *columns = size.ws_col;
    }
}

static void erase(struct otter_push_terminal *terminal)
{
    if (terminal->lines > 0) {
        fprintf(stderr, "\033[%uA\r" CLEAR_BELOW, terminal->lines);
        terminal->lines = 0;
    }
}

static void terminal_pause(struct otter_push_reporter *reporter)
{
    erase((struct otter_push_terminal *)reporter);
    fflush(stderr);
}

/* Devices that have not been tried yet are not worth a line. */
static bool is_shown(const struct otter_push_target *target)
{
    return target->phase == OTTER_PUSH_RESOLVING ||
           target->phase == OTTER_PUSH_RUNNING ||
           target->phase == OTTER_PUSH_RETURNING ||
           (target->phase == OTTER_PUSH_QUEUED &&
            (target->attempts > 0 || target->polls > 0));
}

static void draw_sum(struct otter_push_terminal *terminal,
                     const struct otter_push_run *run)
{
    size_t finished = 0;

    for (size_t i = 0; i < run->count; i++) {
        finished += run->targets[i].phase == OTTER_PUSH_FINISHED;
    }
    fprintf(stderr, "%zu of %zu devices done\n", finished, run->count);
    terminal->lines++;
}

/* The last column stays free: a character there may wrap the line. */
static void draw(struct otter_push_terminal *terminal,
                 const struct otter_push_run *run)
{
    unsigned rows;
    unsigned columns;
    char text[OTTER_PUSH_LINE_SIZE];

    screen_size(&rows, &columns);
    erase(terminal);
    for (size_t i = 0; i < run->count && terminal->lines + 2 < rows; i++) {
        const struct otter_push_target *target = &run->targets[i];

        if (is_shown(target)) {
            otter_push_line_format(text, columns - 1, target, run->now_ms);
            fprintf(stderr, "%s\n", text);
            terminal->lines++;
        }
    }
    if (run->count > 1) {
        draw_sum(terminal, run);
    }
    fflush(stderr);
}

static void terminal_tick(struct otter_push_reporter *reporter,
                          const struct otter_push_run *run)
{
    struct otter_push_terminal *terminal =
        (struct otter_push_terminal *)reporter;

    if (run->now_ms >= terminal->next_at_ms) {
        terminal->next_at_ms = run->now_ms + DRAW_INTERVAL_MS;
        draw(terminal, run);
    }
}

static void terminal_event(struct otter_push_reporter *reporter,
                           const struct otter_push_target *target,
                           enum otter_push_session_event event)
{
    if (event == OTTER_PUSH_EVENT_STATE) {
        draw((struct otter_push_terminal *)reporter, target->run);
    }
}

/* Scrolls away above the block; also for an attempt that is not the last. */
static void terminal_result(struct otter_push_reporter *reporter,
                            const struct otter_push_target *target)
{
    struct otter_push_terminal *terminal =
        (struct otter_push_terminal *)reporter;

    erase(terminal);
    otter_push_report_result(target, terminal->color);
    terminal->next_at_ms = 0;
}

static void terminal_end(struct otter_push_reporter *reporter,
                         const struct otter_push_run *run)
{
    struct otter_push_terminal *terminal =
        (struct otter_push_terminal *)reporter;

    erase(terminal);
    if (run->count > 1) {
        otter_push_report_table(run, terminal->color);
    }
}

void otter_push_terminal_init(struct otter_push_terminal *terminal)
{
    *terminal = (struct otter_push_terminal){
        .reporter.event = terminal_event,
        .reporter.retry = terminal_result,
        .reporter.finished = terminal_result,
        .reporter.tick = terminal_tick,
        .reporter.pause = terminal_pause,
        .reporter.end = terminal_end,
        .color = otter_push_report_is_colored(),
    };
}
