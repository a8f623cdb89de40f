/* SPDX-License-Identifier: Apache-2.0
 *
 * The phases of targets. */
#include "host/push_queue.h"

#include "host/push_check.h"
#include "host/push_pages.h"
#include "host/push_return.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* Between look-ups of a name that is awaited. */
#define LOOKUP_PAUSE_MS 2000

/* What Otter's device says to a computer that has guessed (push_auth.h). */
#define GUESSED "wrong passwords, wait"

static bool is_active(const struct otter_push_target *target)
{
    return target->phase == OTTER_PUSH_RESOLVING ||
           target->phase == OTTER_PUSH_RUNNING;
}

static bool is_worth_it(struct otter_push_target *target);

/* A page has told what its device is. */
static void on_facts(struct otter_push_target *target)
{
    if (target->session.web.known) {
        target->before = target->session.web.facts;
        (void)is_worth_it(target);
    }
}

static void on_event(void *user, const struct otter_push_session *session,
                     enum otter_push_session_event event)
{
    struct otter_push_target *target = user;
    struct otter_push_reporter *reporter = target->run->reporter;

    if (event == OTTER_PUSH_EVENT_FACTS) {
        on_facts(target);
    } else if (session->state != OTTER_PUSH_SESSION_DONE && reporter &&
               reporter->event) {
        reporter->event(reporter, target, event);
    }
}

/* A failure that may have been chance: on the next attempt the radio is
 * better, the device has had its reset, the other update is gone. */
static bool is_transient(const struct otter_push_session *s)
{
    switch (s->ending) {
    case OTTER_PUSH_END_AUTH_SILENT:
    case OTTER_PUSH_END_STALLED:
    case OTTER_PUSH_END_BROKEN:
        return true;
    case OTTER_PUSH_END_REFUSED:
        return strstr(s->text, "ERROR[15]") != NULL ||
               strncmp(s->text, GUESSED, strlen(GUESSED)) == 0 ||
               (s->job->web && strstr(s->text, "HTTP status 503") != NULL);
    case OTTER_PUSH_END_DEVICE_ERROR:
        return strstr(s->text, "ERROR[7]") != NULL;
    default:
        return false;
    }
}

static bool is_awaited(const struct otter_push_target *target)
{
    const struct otter_push_run *run = target->run;
    enum otter_push_ending ending = target->session.ending;

    return (ending == OTTER_PUSH_END_NO_ANSWER ||
            ending == OTTER_PUSH_END_LOOKUP) &&
           run->now_ms < run->started_at_ms + run->wait_ms;
}

static void requeue(struct otter_push_target *target, uint32_t pause_ms)
{
    target->phase = OTTER_PUSH_QUEUED;
    target->turn = ++target->run->turns;
    target->not_before_ms = target->run->now_ms + pause_ms;
}

/* What a page said after the restart. */
static void take_return(struct otter_push_target *target)
{
    const struct otter_push_web *web = &target->session.web;

    if (target->web && web->after.seen) {
        target->after = web->after;
        target->back_at_ms = target->session.finished_at_ms;
    }
}

static void finish(struct otter_push_target *target)
{
    struct otter_push_reporter *reporter = target->run->reporter;

    take_return(target);
    target->phase = OTTER_PUSH_FINISHED;
    target->ending = target->session.ending;
    target->finished_at_ms = target->run->now_ms;
    if (reporter && reporter->finished) {
        reporter->finished(reporter, target);
    }
}

/* The device cannot connect back: its page is another way in. */
static bool goes_around(struct otter_push_target *target)
{
    struct otter_push_run *run = target->run;

    if (target->web || !run->go_around || !run->web_job ||
        target->session.ending != OTTER_PUSH_END_NO_CONNECTION) {
        return false;
    }
    otter__push_pages_look(target); /* the question names the port */
    if (!otter__push_run_ask_around(target)) {
        return false;
    }
    target->web = true;
    requeue(target, 0);
    return true;
}

/* What becomes of a target whose attempt is over. */
static void judge(struct otter_push_target *target)
{
    struct otter_push_run *run = target->run;

    if (is_awaited(target)) {
        target->polls++;
        target->unanswered += target->session.invitations;
        target->resolved = false; /* it may come back under another one */
        /* An invitation takes its time, a name or a page that is not there
         * does not. */
        requeue(target,
                target->session.ending == OTTER_PUSH_END_LOOKUP || target->web
                    ? LOOKUP_PAUSE_MS
                    : 0);
        return;
    }
    target->attempts += target->session.invitations > 0;
    if (goes_around(target)) {
        return;
    }
    if (otter__push_return_is_expected(target)) {
        otter__push_return_begin(target);
        return;
    }
    if (is_transient(&target->session) && target->attempts <= run->retries) {
        requeue(target, run->retry_pause_ms);
        if (run->reporter && run->reporter->retry) {
            run->reporter->retry(run->reporter, target);
        }
        return;
    }
    finish(target);
}

/* Ends an attempt whose session could not be started. */
static void give_up(struct otter_push_target *target,
                    enum otter_push_ending ending, const char *text)
{
    struct otter_push_session *s = &target->session;

    s->state = OTTER_PUSH_SESSION_DONE;
    s->ending = ending;
    s->started_at_ms = s->finished_at_ms = target->run->now_ms;
    snprintf(s->text, sizeof s->text, "%s", text);
    judge(target);
}

/* The listener of the family, opened when it is first needed.  Returns 0 or
 * an errno value. */
static int need_listener(struct otter_push_run *run, int family,
                         struct otter_push_listener **listener)
{
    struct sockaddr_storage any = {.ss_family = (sa_family_t)family};

    *listener = &run->listeners[family == AF_INET6];
    if ((*listener)->fd >= 0) {
        return 0;
    }
    return otter_push_listener_open(
        *listener, run->local.ss_family == family ? &run->local : &any,
        run->host_port_first, run->host_port_last);
}

static void begin_attempt(struct otter_push_target *target)
{
    struct otter_push_run *run = target->run;

    if (target->started_at_ms == 0) {
        target->started_at_ms = run->now_ms;
    }
    target->session = (struct otter_push_session){
        .job = target->web ? run->web_job : run->job,
        .password = target->password ? target->password : run->password,
        .local = run->local,
        .host_port = run->host_port_first,
        .listener = on_event,
        .user = target,
        .udp = -1,
        .tcp = -1,
    };
}

static void start_session(struct otter_push_target *target)
{
    struct otter_push_run *run = target->run;
    struct otter_push_session *s = &target->session;
    struct otter_push_listener *listener = NULL;
    int error = target->web
                    ? 0
                    : need_listener(run, target->device.ss_family, &listener);

    if (error) {
        give_up(target, OTTER_PUSH_END_LISTEN, strerror(error));
        return;
    }
    target->phase = OTTER_PUSH_RUNNING;
    s->device = target->device;
    if (listener) {
        s->host_port = listener->port;
    } else {
        otter_address_set_port(&s->device, target->web_port);
    }
    otter_push_session_start(s, run->now_ms);
}

/* Connections are told apart by the address they come from, so two targets
 * with one address take turns. */
static bool host_is_busy(const struct otter_push_target *target)
{
    const struct otter_push_run *run = target->run;

    for (size_t i = 0; i < run->count; i++) {
        const struct otter_push_target *other = &run->targets[i];

        if (other->phase == OTTER_PUSH_RUNNING &&
            otter_address_same_host(&other->device, &target->device)) {
            return true;
        }
    }
    return false;
}

static void set_device(struct otter_push_target *target,
                       const struct sockaddr_storage *device)
{
    target->resolved = true;
    target->device = *device;
    otter_address_text(target->address, device);
}

/* A literal address needs no look-up. */
static bool resolve_literal(struct otter_push_target *target)
{
    struct sockaddr_storage device;

    if (!otter_address_parse(&device, target->host,
                             target->run->local.ss_family, target->port)) {
        return false;
    }
    set_device(target, &device);
    return true;
}

/* An address that no look-up can make fit the local one. */
static bool is_of_other_family(const struct otter_push_target *target)
{
    struct sockaddr_storage device;

    return target->run->local.ss_family != 0 &&
           otter_address_parse(&device, target->host, 0, target->port);
}

static void resolve(struct otter_push_target *target)
{
    struct otter_push_run *run = target->run;
    int error;

    if (resolve_literal(target)) {
        return;
    }
    begin_attempt(target);
    if (is_of_other_family(target)) {
        target->session.os_error = EAFNOSUPPORT;
        give_up(target, OTTER_PUSH_END_LOOKUP, "");
        return;
    }
    target->phase = OTTER_PUSH_RESOLVING;
    error = otter_resolver_start(&run->resolver, target->host,
                                 run->local.ss_family, target);
    if (error) {
        give_up(target, OTTER_PUSH_END_LOOKUP, strerror(error));
    }
}

/* The device has told about itself, or about its page, or had time to. */
static bool is_surveyed(struct otter_push_target *target)
{
    struct otter_push_run *run = target->run;

    otter__push_return_look(target);
    if (target->web) {
        return otter__push_pages_is_settled(target);
    }
    return target->before.seen || !run->survey.discover ||
           run->now_ms >= run->started_at_ms + run->survey_ms;
}

/* Before the session, or from inside of one that has just begun. */
static void leave_alone(struct otter_push_target *target,
                        enum otter_push_ending ending, const char *text)
{
    if (target->phase == OTTER_PUSH_RUNNING) {
        otter_push_session_end(&target->session, ending, text);
    } else {
        give_up(target, ending, text);
    }
}

/* Devices that were found, or listed, may be of different kinds. */
static bool is_for_other_chip(const struct otter_push_target *target,
                              char text[OTTER_PUSH_WORDS_SIZE])
{
    const struct otter_push_run *run = target->run;
    struct otter_look_lines problems = {0};

    if (!run->look || run->force || run->chip_given || target->web ||
        run->job->command != OTTER_PUSH_COMMAND_SKETCH) {
        return false;
    }
    otter_push_check_sketch(&problems, run->look,
                            otter_push_chip_of_port(target->port));
    snprintf(text, OTTER_PUSH_WORDS_SIZE, "%.*s", OTTER_PUSH_WORDS_SIZE - 1,
             problems.count ? problems.text[0] : "");
    return problems.count > 0;
}

/* What the device says of itself can make the push needless or hopeless. */
static bool is_worth_it(struct otter_push_target *target)
{
    const struct otter_push_run *run = target->run;
    char text[OTTER_PUSH_WORDS_SIZE];

    if (is_for_other_chip(target, text)) {
        leave_alone(target, OTTER_PUSH_END_UNFIT, text);
        return false;
    }
    if (!run->look || !target->before.seen) {
        return true;
    }
    if (run->new_only && run->look->has_descriptor &&
        strcmp(run->look->descriptor.version, target->before.version) == 0) {
        leave_alone(target, OTTER_PUSH_END_CURRENT, target->before.version);
        return false;
    }
    if (!run->force && run->job->command == OTTER_PUSH_COMMAND_SKETCH &&
        otter_push_survey_misfit(text, &target->before, run->look)) {
        leave_alone(target, OTTER_PUSH_END_UNFIT, text);
        return false;
    }
    return true;
}

static void start(struct otter_push_target *target)
{
    if (!target->resolved) {
        resolve(target);
    }
    if (target->phase == OTTER_PUSH_QUEUED && target->resolved &&
        !host_is_busy(target) && is_surveyed(target)) {
        begin_attempt(target);
        if (is_worth_it(target)) {
            start_session(target);
        }
    }
}

static bool may_start(struct otter_push_target *target)
{
    return target->phase == OTTER_PUSH_QUEUED &&
           target->not_before_ms <= target->run->now_ms &&
           (!target->resolved ||
            (!host_is_busy(target) && is_surveyed(target)));
}

/* Of those that may start, the one that has waited longest. */
static struct otter_push_target *next(struct otter_push_run *run)
{
    struct otter_push_target *best = NULL;

    for (size_t i = 0; i < run->count; i++) {
        struct otter_push_target *target = &run->targets[i];

        if (may_start(target) && (!best || target->turn < best->turn)) {
            best = target;
        }
    }
    return best;
}

static size_t count_active(const struct otter_push_run *run)
{
    size_t active = 0;

    for (size_t i = 0; i < run->count; i++) {
        active += is_active(&run->targets[i]);
    }
    return active;
}

void otter__push_queue_init(struct otter_push_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        struct otter_push_target *target = &run->targets[i];

        target->run = run;
        target->phase = OTTER_PUSH_QUEUED;
        target->turn = ++run->turns;
        (void)resolve_literal(target);
    }
}

void otter__push_queue_advance(struct otter_push_run *run)
{
    struct otter_push_target *target;

    for (size_t i = 0; i < run->count; i++) {
        target = &run->targets[i];
        if (target->phase == OTTER_PUSH_RUNNING &&
            target->session.state == OTTER_PUSH_SESSION_DONE) {
            judge(target);
        } else if (target->phase == OTTER_PUSH_RETURNING &&
                   otter__push_return_check(target)) {
            finish(target);
        }
    }
    otter__push_return_refresh(run);
    while (count_active(run) < run->parallel && (target = next(run))) {
        start(target);
    }
}

/* A port that came with the name is better than the default. */
static void take_address(struct otter_push_target *target,
                         const struct sockaddr_storage *address)
{
    set_device(target, address);
    if (!target->port_given && otter_address_port(address)) {
        target->port = otter_address_port(address);
    }
    otter_address_set_port(&target->device, target->port);
    target->phase = OTTER_PUSH_QUEUED;
}

void otter__push_queue_resolved(struct otter_push_run *run)
{
    struct otter_lookup *lookup;

    while ((lookup = otter_resolver_take(&run->resolver))) {
        struct otter_push_target *target = lookup->user;

        if (target->phase != OTTER_PUSH_RESOLVING) {
            /* interrupted meanwhile */
        } else if (lookup->error) {
            give_up(target, OTTER_PUSH_END_LOOKUP,
                    gai_strerror(lookup->error));
        } else {
            take_address(target, &lookup->address);
        }
        otter_lookup_free(lookup);
    }
}

uint64_t otter__push_queue_wake(const struct otter_push_run *run)
{
    const uint64_t ends[] = {run->started_at_ms + run->survey_ms,
                             run->started_at_ms + run->page_ms};
    uint64_t wake = UINT64_MAX;

    for (size_t i = 0; i < 2; i++) {
        if (ends[i] > run->now_ms && ends[i] < wake) {
            wake = ends[i];
        }
    }

    for (size_t i = 0; i < run->count; i++) {
        const struct otter_push_target *target = &run->targets[i];

        if (target->phase == OTTER_PUSH_QUEUED &&
            target->not_before_ms > run->now_ms &&
            target->not_before_ms < wake) {
            wake = target->not_before_ms;
        }
    }
    return wake;
}

bool otter__push_queue_is_empty(const struct otter_push_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        if (run->targets[i].phase != OTTER_PUSH_FINISHED) {
            return false;
        }
    }
    return true;
}

void otter__push_queue_interrupt(struct otter_push_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        struct otter_push_target *target = &run->targets[i];

        if (target->phase == OTTER_PUSH_FINISHED) {
            continue;
        }
        if (target->phase == OTTER_PUSH_RETURNING) {
            finish(target); /* the verdict is known */
            continue;
        }
        if (target->phase != OTTER_PUSH_RUNNING) {
            begin_attempt(target);
            target->session.state = OTTER_PUSH_SESSION_DONE;
            target->session.ending = OTTER_PUSH_END_INTERRUPTED;
        }
        otter_push_session_interrupt(&target->session, run->now_ms);
        finish(target);
    }
}
