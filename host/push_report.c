/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines about targets, and the reporter for logs and pipes. */
#include "host/push_report.h"

#include "host/push_explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAR_MAX  30
#define BAR_MIN  8
#define LINE_MAX 256

#define PLAIN_INTERVAL_MS 2000

#define GREEN "\033[32m"
#define RED   "\033[31m"
#define RESET "\033[0m"

void otter_push_report_bytes(char text[16], uint64_t bytes)
{
    if (bytes < 10 * 1024) {
        snprintf(text, 16, "%" PRIu64 " B", bytes);
    } else if (bytes < 1000 * 1024) {
        snprintf(text, 16, "%.1f KiB", (double)bytes / 1024);
    } else {
        snprintf(text, 16, "%.2f MiB", (double)bytes / (1024 * 1024));
    }
}

/* Never 100 before the device has spoken (protocol 1.12). */
static unsigned percent(const struct otter_push_session *s)
{
    unsigned value =
        s->job->size ? (unsigned)((uint64_t)s->done * 100 / s->job->size) : 0;

    return value < 100 ? value : 99;
}

static uint64_t bytes_per_second(const struct otter_push_session *s,
                                 uint64_t now_ms)
{
    uint64_t ms = now_ms - s->sending_at_ms;

    return ms ? (uint64_t)s->done * 1000 / ms : 0;
}

static void format_remaining(char text[24], const struct otter_push_session *s,
                             uint64_t rate)
{
    uint64_t left = rate ? (s->job->size - s->done + rate - 1) / rate : 0;

    if (rate == 0 || left > 359999) {
        snprintf(text, 24, "--:-- left");
    } else {
        snprintf(text, 24, "%u:%02u left", (unsigned)(left / 60),
                 (unsigned)(left % 60));
    }
}

static void format_bar(char *text, unsigned cells, unsigned value)
{
    unsigned full = cells * value / 100;

    for (unsigned i = 0; i < cells; i++) {
        text[i] = i < full ? '=' : i == full ? '>' : ' ';
    }
    text[cells] = '\0';
}

static void format_sending(char *text, size_t size, unsigned width,
                           const struct otter_push_target *target,
                           uint64_t now_ms)
{
    const struct otter_push_session *s = &target->session;
    uint64_t rate = bytes_per_second(s, now_ms);
    char done[16];
    char total[16];
    char speed[16];
    char remaining[24];
    char figures[128];
    char bar[BAR_MAX + 1];
    size_t used;

    otter_push_report_bytes(done, s->done);
    otter_push_report_bytes(total, s->job->size);
    otter_push_report_bytes(speed, rate);
    format_remaining(remaining, s, rate);
    snprintf(figures, sizeof figures, "%3u%%  %s of %s  %s/s  %s", percent(s),
             done, total, speed, remaining);
    used = strlen(target->name) + strlen(figures) + 5; /* "  [" and "] " */
    if (used + BAR_MIN > width) {
        snprintf(text, size, "%s  %s", target->name, figures);
        return;
    }
    format_bar(bar,
               width - used < BAR_MAX ? (unsigned)(width - used) : BAR_MAX,
               percent(s));
    snprintf(text, size, "%s  [%s] %s", target->name, bar, figures);
}

static void format_state(char *text, size_t size,
                         const struct otter_push_session *s)
{
    switch (s->state) {
    case OTTER_PUSH_SESSION_INVITING:
        snprintf(text, size, "inviting, try %u of %u", s->round_tries,
                 s->job->limits.tries);
        break;
    case OTTER_PUSH_SESSION_ASKING:
        snprintf(text, size, "asks for the password");
        break;
    case OTTER_PUSH_SESSION_AUTHENTICATING:
        snprintf(text, size, "authenticating");
        break;
    case OTTER_PUSH_SESSION_WAITING:
        snprintf(text, size, "accepted, connects back to port %u",
                 s->host_port);
        break;
    case OTTER_PUSH_SESSION_SENDING:
        snprintf(text, size, "uploading %u bytes", s->job->size);
        break;
    case OTTER_PUSH_SESSION_RESULT:
        snprintf(text, size, "all sent, the device verifies");
        break;
    default:
        snprintf(text, size, "done");
        break;
    }
}

void otter_push_report_line(char *text, size_t size, unsigned width,
                            const struct otter_push_target *target,
                            uint64_t now_ms)
{
    char state[64];

    if (target->session.state == OTTER_PUSH_SESSION_SENDING) {
        format_sending(text, size, width, target, now_ms);
    } else {
        format_state(state, sizeof state, &target->session);
        snprintf(text, size, "%s  %s", target->name, state);
    }
    if (width > 0 && width < size) {
        text[width] = '\0';
    }
}

void otter_push_report_result(const struct otter_push_target *target,
                              bool color)
{
    bool good = target->ending == OTTER_PUSH_END_UPDATED;
    FILE *out = good ? stdout : stderr;
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

static void plain_event(struct otter_push_reporter *reporter,
                        const struct otter_push_target *target,
                        enum otter_push_session_event event)
{
    const struct otter_push_session *s = &target->session;
    const struct otter_push_plain *plain =
        (const struct otter_push_plain *)reporter;
    char text[64];

    if (target->finished) {
        otter_push_report_result(target, false);
        return;
    }
    if (event == OTTER_PUSH_EVENT_PROGRESS || plain->quiet) {
        return;
    }
    if (event == OTTER_PUSH_EVENT_STATE &&
        s->state == OTTER_PUSH_SESSION_INVITING) {
        return; /* the invitation itself follows */
    }
    format_state(text, sizeof text, s);
    fprintf(stderr, "%s: %s\n", target->name, text);
}

/* A log wants to know that something moves, not every packet. */
static void plain_tick(struct otter_push_reporter *reporter,
                       const struct otter_push_run *run)
{
    struct otter_push_plain *plain = (struct otter_push_plain *)reporter;
    char text[LINE_MAX];

    if (run->now_ms < plain->next_at_ms || plain->quiet) {
        return;
    }
    plain->next_at_ms = run->now_ms + PLAIN_INTERVAL_MS;
    for (size_t i = 0; i < run->count; i++) {
        const struct otter_push_target *target = &run->targets[i];

        if (target->started && !target->finished &&
            target->session.state == OTTER_PUSH_SESSION_SENDING) {
            otter_push_report_line(text, sizeof text, 0, target, run->now_ms);
            fprintf(stderr, "%s\n", text);
        }
    }
}

void otter_push_plain_init(struct otter_push_plain *plain)
{
    *plain = (struct otter_push_plain){
        .reporter.event = plain_event,
        .reporter.tick = plain_tick,
    };
}
