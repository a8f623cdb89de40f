/* SPDX-License-Identifier: Apache-2.0
 *
 * espota.py's lines from the states of a session. */
#include "host/espota_report.h"

#include "host/push_explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define DOT_BYTES 1460 /* one dot per chunk of the original (protocol 1.8) */
#define BAR_CELLS 60

void otter_espota_log(const char *level, const char *format, ...)
{
    time_t now = time(NULL);
    struct tm local;
    va_list arguments;

    localtime_r(&now, &local);
    fprintf(stderr, "%02d:%02d:%02d [%s]: ", local.tm_hour, local.tm_min,
            local.tm_sec, level);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

static void introduce(struct otter_espota_reporter *r,
                      const struct otter_push_target *target)
{
    const struct otter_push_job *job = target->session.job;

    if (r->introduced) {
        return;
    }
    r->introduced = true;
    if (r->debug) {
        otter_espota_log("INFO", "Starting on %s:%u", r->address,
                         target->session.host_port);
    }
    if (r->signed_file) {
        fprintf(stderr,
                "Detected Signed Update. %s will be uploaded instead.\n",
                r->signed_file);
    }
    if (r->debug && job) {
        otter_espota_log("INFO", "Upload size: %u", job->size);
        otter_espota_log("INFO", "Sending invitation to: %s", target->name);
    }
}

static void draw_bar(struct otter_espota_reporter *r,
                     const struct otter_push_session *s)
{
    unsigned value = s->job->size
                         ? (unsigned)((uint64_t)s->done * 100 / s->job->size)
                         : 100;
    unsigned full = (value * BAR_CELLS + 50) / 100;
    char cells[BAR_CELLS + 1];

    if (r->finished) {
        return;
    }
    r->finished = value == 100;
    for (unsigned i = 0; i < BAR_CELLS; i++) {
        cells[i] = i < full ? '=' : ' ';
    }
    cells[BAR_CELLS] = '\0';
    fprintf(stderr, "\rUploading: [%s] %u%% %s", cells, value,
            r->finished ? "Done...\r\n" : "");
}

static void draw_progress(struct otter_espota_reporter *r,
                          const struct otter_push_session *s)
{
    if (r->bar) {
        draw_bar(r, s);
        return;
    }
    for (; (uint64_t)r->dots * DOT_BYTES < s->done; r->dots++) {
        fputc('.', stderr);
    }
}

/* "Authenticating..." is closed by what follows it. */
static void close_authentication(struct otter_espota_reporter *r,
                                 const char *word)
{
    if (r->authenticating) {
        fprintf(stderr, "%s\n", word);
        r->authenticating = false;
    }
}

static void close_upload(struct otter_espota_reporter *r)
{
    if (r->uploading) {
        fputc('\n', stderr);
        r->uploading = false;
    }
}

static void show_refusal(const struct otter_push_session *s)
{
    const char *prefix = s->unknown_answer ? "" : "ERR: ";

    if (s->authenticated) {
        otter_espota_log("ERROR", "%s%s", prefix, s->text);
    } else {
        otter_espota_log("ERROR", "Bad Answer: %s%s", prefix, s->text);
    }
}

static void show_hint(const struct otter_push_target *target)
{
    struct otter_push_explanation e;

    otter_push_explain(&e, target);
    if (e.hint[0]) {
        fprintf(stderr, "  %s\n", e.hint);
    }
}

static void show_failure(const struct otter_push_target *target)
{
    const struct otter_push_session *s = &target->session;
    struct otter_push_explanation e;

    switch (target->ending) {
    case OTTER_PUSH_END_NO_ANSWER:
        otter_espota_log("ERROR", "No Answer");
        break;
    case OTTER_PUSH_END_LISTEN:
        otter_espota_log("ERROR", "Listen Failed");
        break;
    case OTTER_PUSH_END_AUTH_SILENT:
        otter_espota_log("ERROR", "No Answer to our Authentication");
        break;
    case OTTER_PUSH_END_PASSWORD_WRONG:
        otter_espota_log("ERROR", "Authentication Failed");
        show_hint(target);
        return;
    case OTTER_PUSH_END_REFUSED:
        show_refusal(s);
        show_hint(target);
        return;
    case OTTER_PUSH_END_NO_CONNECTION:
        otter_espota_log("ERROR", "No response from device");
        break;
    case OTTER_PUSH_END_STALLED:
    case OTTER_PUSH_END_BROKEN:
        otter_espota_log("ERROR", "Error Uploading");
        break;
    case OTTER_PUSH_END_DEVICE_ERROR:
        otter_espota_log("ERROR", "%s", s->text);
        show_hint(target);
        return;
    case OTTER_PUSH_END_UNKNOWN:
        otter_espota_log("ERROR", "No Result!");
        break;
    default:
        otter_push_explain(&e, target);
        otter_espota_log("ERROR", "%s", e.what);
        return;
    }
    otter_push_explain(&e, target);
    fprintf(stderr, "  %s\n", e.what);
    show_hint(target);
}

static void finished(struct otter_push_reporter *reporter,
                     const struct otter_push_target *target)
{
    struct otter_espota_reporter *r = (struct otter_espota_reporter *)reporter;

    introduce(r, target);
    if (target->ending != OTTER_PUSH_END_UPDATED) {
        close_authentication(r, "FAIL");
        close_upload(r);
        show_failure(target);
    } else if (r->debug) {
        otter_espota_log("INFO", "Result: OK");
    }
}

static void show_state(struct otter_espota_reporter *r,
                       const struct otter_push_session *s)
{
    switch (s->state) {
    case OTTER_PUSH_SESSION_AUTHENTICATING:
        if (!r->authenticating) {
            fputs("Authenticating...", stderr);
            r->authenticating = true;
        }
        break;
    case OTTER_PUSH_SESSION_WAITING:
        close_authentication(r, "OK");
        if (r->debug) {
            otter_espota_log("INFO", "Waiting for device...");
        }
        break;
    case OTTER_PUSH_SESSION_SENDING:
        close_authentication(r, "OK");
        if (!r->bar) {
            fputs("Uploading", stderr);
        }
        r->uploading = true;
        draw_progress(r, s);
        break;
    case OTTER_PUSH_SESSION_RESULT:
        draw_progress(r, s);
        close_upload(r);
        if (r->debug) {
            otter_espota_log("INFO", "Waiting for result...");
        }
        break;
    default:
        break;
    }
}

static void on_event(struct otter_push_reporter *reporter,
                     const struct otter_push_target *target,
                     enum otter_push_session_event event)
{
    struct otter_espota_reporter *r = (struct otter_espota_reporter *)reporter;

    introduce(r, target);
    if (event == OTTER_PUSH_EVENT_PROGRESS) {
        draw_progress(r, &target->session);
    } else if (event == OTTER_PUSH_EVENT_STATE) {
        show_state(r, &target->session);
    }
}

void otter_espota_reporter_init(struct otter_espota_reporter *reporter)
{
    *reporter = (struct otter_espota_reporter){
        .reporter.event = on_event,
        .reporter.finished = finished,
        .address = "0.0.0.0",
    };
}
