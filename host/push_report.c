/* SPDX-License-Identifier: Apache-2.0
 *
 * Results, and the reporter for logs and pipes. */
#include "host/push_report.h"

#include "host/push_explain.h"
#include "host/push_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLAIN_INTERVAL_MS 2000

#define GREEN "\033[32m"
#define RED   "\033[31m"
#define RESET "\033[0m"

static bool is_good(const struct otter_push_target *target)
{
    return otter_push_ending_status(target->session.ending) == 0;
}

void otter_push_report_result(const struct otter_push_target *target,
                              bool color)
{
    bool good = is_good(target);
    FILE *out = good && target->run->count == 1 ? stdout : stderr;
    const char *paint = good ? GREEN : RED;
    struct otter_push_explanation e;

    otter_push_explain(&e, target);
    fprintf(out, "%s%s: %s%s%s\n", good ? "" : "otter: ", target->name,
            color ? paint : "", e.what, color ? RESET : "");
    if (e.hint[0]) {
        fprintf(out, "  %s\n", e.hint);
    }
    fflush(out);
}

static void print_row(const struct otter_push_target *target, int width,
                      bool color)
{
    const char *name = otter_push_ending_name(target->ending);
    uint64_t ms = target->started_at_ms
                      ? target->finished_at_ms - target->started_at_ms
                      : 0;
    struct otter_push_explanation e;

    otter_push_explain(&e, target);
    printf("%-*s  %s%-15s%s %7.1f s  %5u  %s\n", width, target->name,
           color ? (is_good(target) ? GREEN : RED) : "", name,
           color ? RESET : "", (double)ms / 1000, target->attempts, e.what);
}

void otter_push_report_table(const struct otter_push_run *run, bool color)
{
    int width = (int)otter_push_line_name_width(run);
    size_t good = otter_push_run_count(run, OTTER_PUSH_END_UPDATED);

    width = width < 6 ? 6 : width;
    printf("%-*s  %-15s %9s  %5s  %s\n", width, "DEVICE", "RESULT", "TIME",
           "TRIES", "WHAT");
    for (size_t i = 0; i < run->count; i++) {
        print_row(&run->targets[i], width, color);
    }
    printf("%zu of %zu updated\n", good, run->count);
    fflush(stdout);
}

bool otter_push_report_is_terminal(void)
{
    const char *term = getenv("TERM");

    return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

bool otter_push_report_is_colored(void)
{
    const char *no_color = getenv("NO_COLOR");

    return otter_push_report_is_terminal() && isatty(STDOUT_FILENO) &&
           !(no_color && no_color[0]);
}

/* Of the invitations to a device that is awaited only the first is told. */
static bool is_worth_a_line(const struct otter_push_target *target,
                            enum otter_push_session_event event)
{
    bool inviting = target->session.state == OTTER_PUSH_SESSION_INVITING ||
                    target->session.state == OTTER_PUSH_SESSION_CONNECTING;

    if (event == OTTER_PUSH_EVENT_PROGRESS) {
        return false;
    }
    if (inviting) {
        return event == OTTER_PUSH_EVENT_INVITED && target->polls <= 1;
    }
    return true;
}

static void plain_event(struct otter_push_reporter *reporter,
                        const struct otter_push_target *target,
                        enum otter_push_session_event event)
{
    const struct otter_push_plain *plain =
        (const struct otter_push_plain *)reporter;
    char text[64];

    if (!plain->quiet && is_worth_a_line(target, event)) {
        otter_push_line_state(text, target, target->run->now_ms);
        fprintf(stderr, "%s: %s\n", target->name, text);
    }
}

static void plain_retry(struct otter_push_reporter *reporter,
                        const struct otter_push_target *target)
{
    const struct otter_push_plain *plain =
        (const struct otter_push_plain *)reporter;
    char text[64];

    if (!plain->quiet) {
        otter_push_report_result(target, false);
        otter_push_line_state(text, target, target->run->now_ms);
        fprintf(stderr, "%s: %s\n", target->name, text);
    }
}

static void plain_finished(struct otter_push_reporter *reporter,
                           const struct otter_push_target *target)
{
    const struct otter_push_plain *plain =
        (const struct otter_push_plain *)reporter;

    if (!plain->quiet || target->run->count == 1) {
        otter_push_report_result(target, false);
    }
}

/* A log wants to know that something moves, not every packet. */
static void plain_tick(struct otter_push_reporter *reporter,
                       const struct otter_push_run *run)
{
    struct otter_push_plain *plain = (struct otter_push_plain *)reporter;
    char text[OTTER_PUSH_LINE_SIZE];

    if (plain->quiet || run->now_ms < plain->next_at_ms) {
        return;
    }
    if (plain->next_at_ms == 0) { /* the beginning is no progress */
        plain->next_at_ms = run->now_ms + PLAIN_INTERVAL_MS;
        return;
    }
    plain->next_at_ms = run->now_ms + PLAIN_INTERVAL_MS;
    for (size_t i = 0; i < run->count; i++) {
        const struct otter_push_target *target = &run->targets[i];

        if (target->phase == OTTER_PUSH_RUNNING &&
            target->session.state == OTTER_PUSH_SESSION_SENDING) {
            otter_push_line_format(text, 0, target, run->now_ms);
            fprintf(stderr, "%s\n", text);
        }
    }
}

static void plain_end(struct otter_push_reporter *reporter,
                      const struct otter_push_run *run)
{
    (void)reporter;
    if (run->count > 1) {
        otter_push_report_table(run, false);
    }
}

void otter_push_plain_init(struct otter_push_plain *plain)
{
    *plain = (struct otter_push_plain){
        .reporter.event = plain_event,
        .reporter.retry = plain_retry,
        .reporter.finished = plain_finished,
        .reporter.tick = plain_tick,
        .reporter.end = plain_end,
    };
}
