/* SPDX-License-Identifier: Apache-2.0
 *
 * The reporter for programs: one JSON object per line on standard output.
 *
 *   {"event":"state","device":D,"address":A,"state":S,"try":N}
 *   {"event":"progress","device":D,"address":A,"done":N,"size":N}
 *   {"event":"retry","device":D,"address":A,"result":R,"message":T,
 *    "hint":T,"tries":N,"pause_ms":N}
 *   {"event":"result","device":D,"address":A,"result":R,"status":N,
 *    "message":T,"hint":T,"tries":N,"version":V,"ms":N}
 *   {"event":"end","devices":N,"updated":N}
 *
 * D is the device as it was named, A its address or null, R and N of "status"
 * are those of push_ending.h, V is the version that runs now or null.  Fields
 * may be added, none is taken away. */
#include "host/push_report.h"

#include "host/device.h"
#include "host/push_explain.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define PROGRESS_MS 500

static const char *const state_names[OTTER_PUSH_SESSION_STATE_COUNT] = {
    [OTTER_PUSH_SESSION_INVITING] = "inviting",
    [OTTER_PUSH_SESSION_ASKING] = "asking",
    [OTTER_PUSH_SESSION_AUTHENTICATING] = "authenticating",
    [OTTER_PUSH_SESSION_WAITING] = "waiting",
    [OTTER_PUSH_SESSION_SENDING] = "sending",
    [OTTER_PUSH_SESSION_RESULT] = "verifying",
    [OTTER_PUSH_SESSION_CONNECTING] = "connecting",
    [OTTER_PUSH_SESSION_RESTARTING] = "returning",
    [OTTER_PUSH_SESSION_DONE] = "done",
};

/* A name from the command line need not be UTF-8. */
static json_t *text(const char *words)
{
    char clean[OTTER_DEVICE_NAME_SIZE];
    json_t *value = json_string(words);

    if (!value) {
        otter_device_copy(clean, sizeof clean, words, strlen(words));
        value = json_string(clean);
    }
    return value;
}

static json_t *event(const char *name, const struct otter_push_target *target)
{
    json_t *object = json_object();

    json_object_set_new(object, "event", json_string(name));
    json_object_set_new(object, "device", text(target->name));
    json_object_set_new(object, "address",
                        target->address[0] ? text(target->address)
                                           : json_null());
    return object;
}

static void put_number(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

/* A reader of a pipe wants every line when it happens. */
static void print(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(object);
}

static void put_result(json_t *object, const struct otter_push_target *target)
{
    struct otter_push_explanation e;

    otter_push_explain(&e, target);
    json_object_set_new(
        object, "result",
        json_string(otter_push_ending_name(target->session.ending)));
    json_object_set_new(object, "message", text(e.what));
    json_object_set_new(object, "hint",
                        e.hint[0] ? text(e.hint) : json_null());
    put_number(object, "tries", target->attempts);
    json_object_set_new(object, "version",
                        target->after.version[0] ? text(target->after.version)
                                                 : json_null());
}

static void on_event(struct otter_push_reporter *reporter,
                     const struct otter_push_target *target,
                     enum otter_push_session_event what)
{
    const struct otter_push_session *s = &target->session;
    bool inviting = s->state == OTTER_PUSH_SESSION_INVITING ||
                    s->state == OTTER_PUSH_SESSION_CONNECTING;
    json_t *object;

    (void)reporter;
    if (what == OTTER_PUSH_EVENT_PROGRESS ||
        (inviting && what == OTTER_PUSH_EVENT_STATE)) {
        return;
    }
    object = event("state", target);
    json_object_set_new(object, "state",
                        json_string(target->phase == OTTER_PUSH_RETURNING
                                        ? "returning"
                                        : state_names[s->state]));
    if (inviting) {
        put_number(object, "try", s->round_tries);
    }
    print(object);
}

static void on_retry(struct otter_push_reporter *reporter,
                     const struct otter_push_target *target)
{
    json_t *object = event("retry", target);

    (void)reporter;
    put_result(object, target);
    put_number(object, "pause_ms",
               target->not_before_ms - target->run->now_ms);
    print(object);
}

static void on_finished(struct otter_push_reporter *reporter,
                        const struct otter_push_target *target)
{
    json_t *object = event("result", target);

    (void)reporter;
    put_result(object, target);
    put_number(object, "status",
               (uint64_t)otter_push_ending_status(target->ending));
    put_number(object, "ms",
               target->started_at_ms
                   ? target->finished_at_ms - target->started_at_ms
                   : 0);
    print(object);
}

static void on_tick(struct otter_push_reporter *reporter,
                    const struct otter_push_run *run)
{
    struct otter_push_json *json = (struct otter_push_json *)reporter;

    if (run->now_ms < json->next_at_ms) {
        return;
    }
    json->next_at_ms = run->now_ms + PROGRESS_MS;
    for (size_t i = 0; i < run->count; i++) {
        const struct otter_push_target *target = &run->targets[i];

        if (target->phase == OTTER_PUSH_RUNNING &&
            target->session.state == OTTER_PUSH_SESSION_SENDING) {
            json_t *object = event("progress", target);

            put_number(object, "done", target->session.done);
            put_number(object, "size", run->job->size);
            print(object);
        }
    }
}

static void on_end(struct otter_push_reporter *reporter,
                   const struct otter_push_run *run)
{
    json_t *object = json_object();

    (void)reporter;
    json_object_set_new(object, "event", json_string("end"));
    put_number(object, "devices", run->count);
    put_number(object, "updated",
               otter_push_run_count(run, OTTER_PUSH_END_UPDATED));
    print(object);
}

void otter_push_json_init(struct otter_push_json *json)
{
    *json = (struct otter_push_json){
        .reporter.event = on_event,
        .reporter.retry = on_retry,
        .reporter.finished = on_finished,
        .reporter.tick = on_tick,
        .reporter.end = on_end,
    };
}
