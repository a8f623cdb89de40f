/* SPDX-License-Identifier: Apache-2.0
 *
 * Is it back, and what does it run? */
#include "host/push_return.h"

#include <string.h>

/* A stock device answers for another 1.2 s with its old sketch (protocol 1.5,
 * steps 9 to 11); what was asked later is the new one, or the old one again.
 */
#define SETTLE_MS 2500

/* Between questions to everybody. */
#define REFRESH_MS 2000

/* The version inside the file, empty when it says nothing. */
static const char *new_version(const struct otter_push_run *run)
{
    return run->look && run->look->has_descriptor
               ? run->look->descriptor.version
               : "";
}

/* The version tells old from new. */
static bool is_telling(const struct otter_push_target *target)
{
    const char *version = new_version(target->run);

    return version[0] && target->before.version[0] &&
           strcmp(version, target->before.version) != 0;
}

void otter__push_return_look(struct otter_push_target *target)
{
    struct otter_push_run *run = target->run;

    if (target->phase == OTTER_PUSH_QUEUED && target->resolved &&
        !target->web && !target->before.seen) {
        target->before = otter_push_survey_find(&run->survey, target->address,
                                                target->port);
    }
}

bool otter__push_return_is_expected(const struct otter_push_target *target)
{
    if (target->web || !target->before.seen || target->run->back_ms == 0) {
        return false;
    }
    return target->session.ending == OTTER_PUSH_END_UPDATED ||
           (target->session.ending == OTTER_PUSH_END_UNKNOWN &&
            is_telling(target));
}

void otter__push_return_begin(struct otter_push_target *target)
{
    struct otter_push_reporter *reporter = target->run->reporter;

    target->phase = OTTER_PUSH_RETURNING;
    target->gone_at_ms = target->run->now_ms;
    if (reporter && reporter->event) {
        reporter->event(reporter, target, OTTER_PUSH_EVENT_STATE);
    }
}

static bool has_new_version(const struct otter_push_target *target)
{
    return strcmp(target->after.version, new_version(target->run)) == 0;
}

static bool is_overdue(const struct otter_push_target *target)
{
    return target->run->now_ms >= target->gone_at_ms + target->run->back_ms;
}

/* The verdict when the time is over. */
static void give_up(struct otter_push_target *target)
{
    struct otter_push_session *s = &target->session;

    if (s->ending == OTTER_PUSH_END_UPDATED) {
        s->ending = target->after.seen ? OTTER_PUSH_END_OLD_VERSION
                                       : OTTER_PUSH_END_NOT_BACK;
    }
}

bool otter__push_return_check(struct otter_push_target *target)
{
    struct otter_push_run *run = target->run;
    struct otter_push_facts facts =
        otter_push_survey_find(&run->survey, target->address, target->port);
    bool settled = run->survey.opened_at_ms >= target->gone_at_ms + SETTLE_MS;

    if (facts.seen && (settled || is_telling(target))) {
        target->after = facts;
        target->back_at_ms = run->now_ms;
        if (is_telling(target) ? has_new_version(target) : settled) {
            target->session.ending = OTTER_PUSH_END_UPDATED;
            return true;
        }
        target->after.seen = settled;
    }
    if (is_overdue(target)) {
        give_up(target);
        return true;
    }
    return false;
}

static bool is_any_returning(const struct otter_push_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        if (run->targets[i].phase == OTTER_PUSH_RETURNING) {
            return true;
        }
    }
    return false;
}

/* What is known of those whose turn is still to come is kept. */
void otter__push_return_refresh(struct otter_push_run *run)
{
    if (run->now_ms < run->survey.opened_at_ms + REFRESH_MS ||
        !is_any_returning(run)) {
        return;
    }
    for (size_t i = 0; i < run->count; i++) {
        otter__push_return_look(&run->targets[i]);
    }
    otter_push_survey_close(&run->survey);
    otter_push_survey_open(&run->survey, run->now_ms);
}
