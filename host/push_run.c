/* SPDX-License-Identifier: Apache-2.0
 *
 * The event loop of a push. */
#include "host/push_run.h"

#include "format/error.h"
#include "host/clock.h"
#include "host/push_pages.h"
#include "host/push_queue.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define TICK_MS        200
#define FDS_OWN        5 /* two listeners, the resolver, two searches */
#define FD_RESOLVER    2
#define FD_SURVEY      3
#define FD_PAGES       4
#define FDS_PER_TARGET 2
#define FILES_OWN      32 /* with those that searches open */

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
    return target->phase == OTTER_PUSH_RUNNING &&
           target->session.state != OTTER_PUSH_SESSION_DONE;
}

/* Around a question, which stops the whole loop: that is for one device at a
 * desk. */
static void begin_question(struct otter_push_run *run)
{
    sigset_t signals;

    if (run->reporter && run->reporter->pause) {
        run->reporter->pause(run->reporter);
    }
    end_signals(&signals);
    sigprocmask(SIG_UNBLOCK, &signals, NULL);
}

static void end_question(struct otter_push_run *run)
{
    sigset_t signals;

    end_signals(&signals);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    run->now_ms = otter_host_now_ms();
}

bool otter__push_run_ask_around(struct otter_push_target *target)
{
    struct otter_push_run *run = target->run;
    bool yes;

    begin_question(run);
    yes = run->go_around(run->ask_user, target);
    end_question(run);
    if (interrupted) { /* whatever it was that led to the question */
        target->session.ending = OTTER_PUSH_END_INTERRUPTED;
    }
    return yes && !interrupted;
}

/* The device waits without limit (protocol 1.8). */
static void answer_question(struct otter_push_target *target)
{
    struct otter_push_run *run = target->run;
    const char *password;

    begin_question(run);
    password = run->ask ? run->ask(run->ask_user, target) : NULL;
    end_question(run);
    if (!interrupted) {
        run->password = password;
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

/* Fills run->fds: our own first, then the sessions in order.  *wake becomes
 * the time of the earliest step. */
static size_t collect(struct otter_push_run *run, uint64_t *wake)
{
    uint64_t due = otter__push_queue_wake(run);
    size_t count = FDS_OWN;

    *wake = run->now_ms + TICK_MS;
    *wake = due < *wake ? due : *wake;
    for (size_t i = 0; i < 2; i++) {
        run->fds[i] =
            (struct pollfd){.fd = run->listeners[i].fd, .events = POLLIN};
    }
    run->fds[FD_RESOLVER] =
        (struct pollfd){.fd = run->resolver.fd, .events = POLLIN};
    run->fds[FD_SURVEY] = (struct pollfd){
        .fd = otter_push_survey_fd(&run->survey), .events = POLLIN};
    run->fds[FD_PAGES] =
        (struct pollfd){.fd = run->pages ? otter_discover_fd(run->pages) : -1,
                        .events = POLLIN};
    for (size_t i = 0; i < run->count; i++) {
        const struct otter_push_session *s = &run->targets[i].session;

        if (is_running(&run->targets[i])) {
            due = otter_push_session_wake(s);
            *wake = due < *wake ? due : *wake;
            count += otter_push_session_poll(s, &run->fds[count]);
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
    size_t at = FDS_OWN;

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
    if (run->fds[FD_RESOLVER].revents) {
        otter__push_queue_resolved(run);
    }
    if (run->fds[FD_SURVEY].revents) {
        otter_push_survey_run(&run->survey);
    }
    if (run->fds[FD_PAGES].revents) {
        otter_discover_run(run->pages);
    }
}

static void loop(struct otter_push_run *run, const sigset_t *signals)
{
    otter__push_queue_advance(run);
    while (!otter__push_queue_is_empty(run) && !interrupted) {
        uint64_t wake;
        size_t count = collect(run, &wake);

        if (wait_for_events(run, count, wake, signals) >= 0) {
            handle_events(run);
        }
        if (run->reporter && run->reporter->tick) {
            run->reporter->tick(run->reporter, run);
        }
        otter__push_queue_advance(run);
    }
    if (interrupted) {
        otter__push_queue_interrupt(run);
    }
}

size_t otter_push_run_count(const struct otter_push_run *run,
                            enum otter_push_ending ending)
{
    size_t count = 0;

    for (size_t i = 0; i < run->count; i++) {
        count += run->targets[i].ending == ending;
    }
    return count;
}

static int status(const struct otter_push_run *run)
{
    int result = 0;

    for (size_t i = 0; i < run->count; i++) {
        int one = otter_push_ending_status(run->targets[i].ending);

        if (one && result && one != result) {
            return otter_push_ending_status(OTTER_PUSH_END_MIXED);
        }
        result = one ? one : result;
    }
    return result;
}

/* Each session has a socket or two; the usual limit on open files is made for
 * less.  Where it cannot be raised, fewer devices are served at a time. */
static void make_room(struct otter_push_run *run)
{
    size_t most = run->parallel < run->count ? run->parallel : run->count;
    rlim_t wanted = FILES_OWN + FDS_PER_TARGET * most;
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur >= wanted) {
        return;
    }
    files.rlim_cur = wanted < files.rlim_max ? wanted : files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur < wanted) {
        run->parallel = files.rlim_cur > FILES_OWN + FDS_PER_TARGET
                            ? (files.rlim_cur - FILES_OWN) / FDS_PER_TARGET
                            : 1;
    }
}

/* Without a socket the pages are where they usually are. */
static void open_pages(struct otter_push_run *run)
{
    for (size_t i = 0; i < run->count && run->page_ms && !run->pages; i++) {
        if (!run->targets[i].web_port_given &&
            otter_push_pages_open(&run->pages)) {
            run->page_ms = 0;
        }
    }
}

static int prepare(struct otter_push_run *run)
{
    make_room(run);
    run->now_ms = run->started_at_ms = otter_host_now_ms();
    run->listeners[0].fd = run->listeners[1].fd = -1;
    run->fds = calloc(FDS_OWN + FDS_PER_TARGET * run->count, sizeof *run->fds);
    if (!run->fds || otter_resolver_open(&run->resolver)) {
        free(run->fds);
        return OTTER_ERR_NO_MEMORY;
    }
    if (run->survey_ms) {
        otter_push_survey_open(&run->survey, run->now_ms);
    }
    open_pages(run);
    otter__push_queue_init(run);
    return 0;
}

static void clean_up(struct otter_push_run *run)
{
    for (size_t i = 0; i < 2; i++) {
        otter_push_listener_close(&run->listeners[i]);
    }
    otter_resolver_close(&run->resolver);
    otter_push_survey_close(&run->survey);
    if (run->pages) {
        otter_discover_close(run->pages);
        run->pages = NULL;
    }
    free(run->fds);
}

int otter_push_run(struct otter_push_run *run)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t block;
    sigset_t before;
    int error = prepare(run);

    if (error) {
        return error;
    }
    end_signals(&block);
    sigprocmask(SIG_BLOCK, &block, &before);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    loop(run, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    clean_up(run);
    if (run->reporter && run->reporter->end) {
        run->reporter->end(run->reporter, run);
    }
    return status(run);
}
