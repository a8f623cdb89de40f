/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines about targets. */
#include "host/push_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BAR_MAX  30
#define BAR_MIN  8
#define NAME_MAX 40

unsigned otter_push_line_name_width(const struct otter_push_run *run)
{
    size_t width = 0;

    for (size_t i = 0; i < run->count; i++) {
        size_t len = strlen(run->targets[i].name);

        width = len > width ? len : width;
    }
    return width < NAME_MAX ? (unsigned)width : NAME_MAX;
}

static size_t name_width(const struct otter_push_target *target)
{
    size_t len = strlen(target->name);
    size_t width = target->run ? otter_push_line_name_width(target->run) : 0;

    return len > width ? len : width;
}

void otter_push_line_bytes(char text[16], uint64_t bytes)
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

static void format_sending(char text[OTTER_PUSH_LINE_SIZE], unsigned width,
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

    otter_push_line_bytes(done, s->done);
    otter_push_line_bytes(total, s->job->size);
    otter_push_line_bytes(speed, rate);
    format_remaining(remaining, s, rate);
    snprintf(figures, sizeof figures, "%3u%%  %s of %s  %s/s  %s", percent(s),
             done, total, speed, remaining);
    used = name_width(target) + strlen(figures) + 5; /* "  [" and "] " */
    if (used + BAR_MIN > width) {
        snprintf(text, OTTER_PUSH_LINE_SIZE, "%-*s  %s",
                 (int)name_width(target), target->name, figures);
        return;
    }
    format_bar(bar,
               width - used < BAR_MAX ? (unsigned)(width - used) : BAR_MAX,
               percent(s));
    snprintf(text, OTTER_PUSH_LINE_SIZE, "%-*s  [%s] %s",
             (int)name_width(target), target->name, bar, figures);
}

static const char *queued_text(const struct otter_push_target *target,
                               uint64_t now_ms, char text[64])
{
    uint64_t left = target->not_before_ms > now_ms
                        ? (target->not_before_ms - now_ms + 999) / 1000
                        : 0;

    if (target->polls > 0 && target->attempts == 0) {
        return "waits for the device to answer";
    }
    if (target->attempts > 0 && left > 0) {
        snprintf(text, 64, "tries again in %u s", (unsigned)left);
        return text;
    }
    return "waits for its turn";
}

static const char *session_text(const struct otter_push_session *s,
                                char text[64])
{
    switch (s->state) {
    case OTTER_PUSH_SESSION_INVITING:
        snprintf(text, 64, "inviting, try %u of %u", s->round_tries,
                 s->job->limits.tries);
        return text;
    case OTTER_PUSH_SESSION_CONNECTING:
        snprintf(text, 64, "asking its update page, try %u of %u",
                 s->round_tries, s->job->limits.tries);
        return text;
    case OTTER_PUSH_SESSION_RESTARTING:
        return "updated, waiting for it to come back";
    case OTTER_PUSH_SESSION_ASKING:
        return "asks for the password";
    case OTTER_PUSH_SESSION_AUTHENTICATING:
        return "authenticating";
    case OTTER_PUSH_SESSION_WAITING:
        snprintf(text, 64, "accepted, connects back to port %u", s->host_port);
        return text;
    case OTTER_PUSH_SESSION_SENDING:
        snprintf(text, 64, "uploading %u bytes", s->job->size);
        return text;
    case OTTER_PUSH_SESSION_RESULT:
        return "all sent, the device verifies";
    default:
        return "done";
    }
}

void otter_push_line_state(char text[64],
                           const struct otter_push_target *target,
                           uint64_t now_ms)
{
    char buffer[64];
    const char *state;

    if (target->phase == OTTER_PUSH_QUEUED) {
        state = queued_text(target, now_ms, buffer);
    } else if (target->phase == OTTER_PUSH_RETURNING) {
        state = "updated, waiting for it to come back";
    } else if (target->phase == OTTER_PUSH_RESOLVING) {
        state = "looking the name up";
    } else if (target->polls > 0 &&
               (target->session.state == OTTER_PUSH_SESSION_INVITING ||
                target->session.state == OTTER_PUSH_SESSION_CONNECTING)) {
        state = "waits for the device to answer";
    } else {
        state = session_text(&target->session, buffer);
    }
    snprintf(text, 64, "%s", state);
}

void otter_push_line_format(char text[OTTER_PUSH_LINE_SIZE], unsigned width,
                            const struct otter_push_target *target,
                            uint64_t now_ms)
{
    char state[64];

    if (target->phase == OTTER_PUSH_RUNNING &&
        target->session.state == OTTER_PUSH_SESSION_SENDING) {
        format_sending(text, width, target, now_ms);
    } else {
        otter_push_line_state(state, target, now_ms);
        snprintf(text, OTTER_PUSH_LINE_SIZE, "%-*s  %s",
                 (int)name_width(target), target->name, state);
    }
    if (width > 0 && width < OTTER_PUSH_LINE_SIZE) {
        text[width] = '\0';
    }
}
