/* SPDX-License-Identifier: Apache-2.0
 *
 * The event loop of a push. */
#include "host/push_run.h"

#include "format/error.h"
#include "host/clock.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS        200
#define FDS_PER_TARGET 2

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* The signals that end a run. */
static void end_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

static bool is_running(const struct otter_push_target *target)
{
    return target->started && !target->finished;
}

static void report(const struct otter_push_target *target,
                   enum otter_push_session_event event)
{
    struct otter_push_reporter *reporter = target->run->reporter;

    if (reporter && reporter->event) {
        reporter->event(reporter, target, event);
    }
}

static void on_event(void *user, const struct otter_push_session *session,
                     enum otter_push_session_event event)
{
    struct otter_push_target *target = user;

    if (session->state == OTTER_PUSH_SESSION_DONE) {
        target->finished = true;
        target->ending = session->ending;
    }
    report(target, event);
}

/* Ends a target whose session could not be started. */
static void give_up(struct otter_push_target *target,
                    enum otter_push_ending ending, const char *text)
{
    struct otter_push_session *s = &target->session;

    s->state = OTTER_PUSH_SESSION_DONE;
    s->ending = ending;
    s->started_at_ms = s->finished_at_ms = target->run->now_ms;
    snprintf(s->text, sizeof s->text, "%s", text);
    on_event(target, s, OTTER_PUSH_EVENT_STATE);
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

static void start(struct otter_push_target *target)
{
    struct otter_push_run *run = target->run;
    struct otter_push_session *s = &target->session;
    struct otter_push_listener *listener;
    int error = otter_address_resolve(&s->device, target->name, target->port);

    run->now_ms = otter_host_now_ms();
    target->started = true;
    s->host_port = run->host_port_first;
    if (error) {
        give_up(target, OTTER_PUSH_END_LOOKUP, gai_strerror(error));
        return;
    }
    otter_address_text(target->address, &s->device);
    error = need_listener(run, s->device.ss_family, &listener);
    if (error) {
        give_up(target, OTTER_PUSH_END_LISTEN, strerror(error));
        return;
    }
    s->job = run->job;
    s->local = run->local;
    s->host_port = listener->port;
    s->listener = on_event;
    s->user = target;
    otter_push_session_start(s, run->now_ms);
}

/* Connections are told apart by the address they come from, so two targets
 * with one address take turns. */
static bool host_is_busy(const struct otter_push_run *run, const char *name)
{
    for (size_t i = 0; i < run->count; i++) {
        const struct otter_push_target *other = &run->targets[i];

        if (is_running(other) && (strcmp(other->name, name) == 0 ||
                                  strcmp(other->address, name) == 0)) {
            return true;
        }
    }
    return false;
}

static size_t count_running(const struct otter_push_run *run)
{
    size_t running = 0;

    for (size_t i = 0; i < run->count; i++) {
        running += is_running(&run->targets[i]);
    }
    return running;
}

static void start_some(struct otter_push_run *run)
{
    size_t running = count_running(run);

    for (size_t i = 0; i < run->count && running < run->parallel; i++) {
        struct otter_push_target *target = &run->targets[i];

        if (!target->started && !host_is_busy(run, target->name)) {
            start(target);
            running += is_running(target);
        }
    }
}

static bool is_finished(const struct otter_push_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        if (!run->targets[i].finished) {
            return false;
        }
    }
    return true;
}

/* A question stops the whole loop: that is for one device at a desk, and the
 * device waits without limit (protocol 1.8). */
static void answer_question(struct otter_push_target *target)
{
    struct otter_push_run *run = target->run;
    const char *password;
    sigset_t signals;

    if (run->reporter && run->reporter->pause) {
        run->reporter->pause(run->reporter);
    }
    end_signals(&signals);
    sigprocmask(SIG_UNBLOCK, &signals, NULL);
    password = run->ask(run->ask_user, target);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    run->now_ms = otter_host_now_ms();
    if (!interrupted) {
        run->job->password = password;
        otter_push_session_password(&target->session, password, run->now_ms);
    }
}

static void step(struct otter_push_target *target)
{
    otter_push_session_step(&target->session, target->run->now_ms);
    if (is_running(target) &&
        target->session.state == OTTER_PUSH_SESSION_ASKING) {
        answer_question(target);
    }
}

/* Someone else's connection is refused, and remembered for the explanation of
 * the sessions that wait: it may be the device under another address. */
static void refuse(struct otter_push_run *run, int fd,
                   const struct sockaddr_storage *peer)
{
    close(fd);
    for (size_t i = 0; i < run->count; i++) {
        struct otter_push_session *s = &run->targets[i].session;

        if (is_running(&run->targets[i]) &&
            s->state == OTTER_PUSH_SESSION_WAITING) {
            otter_address_text(s->stranger, peer);
        }
    }
}

static void accept_one(struct otter_push_run *run, int fd,
                       const struct sockaddr_storage *peer)
{
    for (size_t i = 0; i < run->count; i++) {
        struct otter_push_target *target = &run->targets[i];

        if (is_running(target) &&
            otter_push_session_expects(&target->session, peer)) {
            otter_push_session_connected(&target->session, fd, run->now_ms);
            step(target);
            return;
        }
    }
    refuse(run, fd, peer);
}

static void accept_all(struct otter_push_run *run,
                       const struct otter_push_listener *listener)
{
    struct sockaddr_storage peer;
    int fd;

    while ((fd = otter_push_listener_accept(listener, &peer)) >= 0) {
        accept_one(run, fd, &peer);
    }
}

/* Fills run->fds: listeners first, then the sessions in order.  *wake becomes
 * the time of the earliest step. */
static size_t collect(struct otter_push_run *run, uint64_t *wake)
{
    size_t count = 0;

    *wake = run->now_ms + TICK_MS;
    for (size_t i = 0; i < 2; i++) {
        run->fds[count++] =
            (struct pollfd){.fd = run->listeners[i].fd, .events = POLLIN};
    }
    for (size_t i = 0; i < run->count; i++) {
        const struct otter_push_session *s = &run->targets[i].session;

        if (is_running(&run->targets[i])) {
            uint64_t due = otter_push_session_wake(s);

            count += otter_push_session_poll(s, &run->fds[count]);
            *wake = due < *wake ? due : *wake;
        }
    }
    return count;
}

/* Signals are let in only while waiting, so none is missed in between. */
static int wait_for_events(struct otter_push_run *run, size_t count,
                           uint64_t wake, const sigset_t *signals)
{
    uint64_t ms = wake > run->now_ms ? wake - run->now_ms : 0;
    struct timespec timeout = {.tv_sec = (time_t)(ms / 1000),
                               .tv_nsec = (long)(ms % 1000) * 1000000};
    int ready = ppoll(run->fds, count, &timeout, signals);

    run->now_ms = otter_host_now_ms();
    return ready;
}

static bool is_ready(const struct pollfd *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fds[i].revents) {
            return true;
        }
    }
    return false;
}

/* Datagrams before connections: an OK that arrived in the same moment was not
 * lost. */
static void handle_events(struct otter_push_run *run)
{
    size_t at = 2;

    for (size_t i = 0; i < run->count; i++) {
        struct otter_push_target *target = &run->targets[i];
        struct pollfd ignored[FDS_PER_TARGET];
        size_t count;

        if (!is_running(target)) {
            continue;
        }
        count = otter_push_session_poll(&target->session, ignored);
        if (is_ready(&run->fds[at], count) ||
            otter_push_session_wake(&target->session) <= run->now_ms) {
            step(target);
        }
        at += count;
    }
    for (size_t i = 0; i < 2; i++) {
        if (run->fds[i].revents) {
            accept_all(run, &run->listeners[i]);
        }
    }
}

static void loop(struct otter_push_run *run, const sigset_t *signals)
{
    while (!is_finished(run) && !interrupted) {
        uint64_t wake;
        size_t count;

        start_some(run);
        count = collect(run, &wake);
        if (wait_for_events(run, count, wake, signals) >= 0) {
            handle_events(run);
        }
        if (run->reporter && run->reporter->tick) {
            run->reporter->tick(run->reporter, run);
        }
    }
    for (size_t i = 0; i < run->count; i++) {
        if (is_running(&run->targets[i])) {
            otter_push_session_interrupt(&run->targets[i].session,
                                         run->now_ms);
        } else if (!run->targets[i].finished) {
            give_up(&run->targets[i], OTTER_PUSH_END_INTERRUPTED, "");
        }
    }
}

static int status(const struct otter_push_run *run)
{
    int result = 0;

    for (size_t i = 0; i < run->count; i++) {
        int one = otter_push_ending_status(run->targets[i].ending);

        if (one && result && one != result) {
            result = otter_push_ending_status(OTTER_PUSH_END_MIXED);
        } else if (one) {
            result = one;
        }
    }
    return result;
}

static void prepare(struct otter_push_run *run)
{
    run->now_ms = otter_host_now_ms();
    run->listeners[0].fd = run->listeners[1].fd = -1;
    for (size_t i = 0; i < run->count; i++) {
        run->targets[i].run = run;
        run->targets[i].session.udp = -1;
        run->targets[i].session.tcp = -1;
    }
}

int otter_push_run(struct otter_push_run *run)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t block;
    sigset_t before;

    run->fds = calloc(2 + FDS_PER_TARGET * run->count, sizeof *run->fds);
    if (!run->fds) {
        return OTTER_ERR_NO_MEMORY;
    }
    prepare(run);
    end_signals(&block);
    sigprocmask(SIG_BLOCK, &block, &before);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    loop(run, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    for (size_t i = 0; i < 2; i++) {
        otter_push_listener_close(&run->listeners[i]);
    }
    free(run->fds);
    if (run->reporter && run->reporter->end) {
        run->reporter->end(run->reporter, run);
    }
    return status(run);
}
