/* SPDX-License-Identifier: Apache-2.0
 *
 * The live block: one line per running target at the bottom of the terminal,
 * drawn over in place; results scroll away above it.  The block never grows
 * taller than the screen, because lines that scrolled off cannot be drawn over
 * again. */
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

/* The last column stays free: a character there may wrap the line. */
static void draw(struct otter_push_terminal *terminal,
                 const struct otter_push_run *run)
{
    unsigned rows;
    unsigned columns;
    char text[256];

    screen_size(&rows, &columns);
    erase(terminal);
    for (size_t i = 0; i < run->count && terminal->lines + 1 < rows; i++) {
        const struct otter_push_target *target = &run->targets[i];

        if (target->started && !target->finished) {
            otter_push_report_line(text, sizeof text, columns - 1, target,
                                   run->now_ms);
            fprintf(stderr, "%s\n", text);
            terminal->lines++;
        }
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
    struct otter_push_terminal *terminal =
        (struct otter_push_terminal *)reporter;

    if (target->finished) {
        erase(terminal);
        otter_push_report_result(target, terminal->color);
    }
    if (event == OTTER_PUSH_EVENT_STATE) {
        draw(terminal, target->run);
    }
}

void otter_push_terminal_init(struct otter_push_terminal *terminal)
{
    *terminal = (struct otter_push_terminal){
        .reporter.event = terminal_event,
        .reporter.tick = terminal_tick,
        .reporter.pause = terminal_pause,
        .color = otter_push_report_is_colored(),
    };
}
