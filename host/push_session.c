/* SPDX-License-Identifier: Apache-2.0
 *
 * The legs of a push before the first byte flows: invitation, password, and
 * the wait for the device's connection.  The upload itself is in
 * push_transfer.c. */
#include "host/push_session.h"

#include "format/error.h"
#include "host/push_auth.h"
#include "host/push_transfer.h"
#include "host/push_udp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Larger than every reply: a cut error text would be a riddle. */
#define DATAGRAM_SIZE 1500

/* A device that swallowed the first answer, or whose nonce had expired, is
 * invited once more; the MD5-stored form of the password needs a third. */
#define ROUNDS_MAX 3

/* Answers in one round, so that a device that keeps asking comes to an end. */
#define ANSWERS_MAX 4

void otter__push_session_notify(struct otter_push_session *s,
                                enum otter_push_session_event event)
{
    if (s->listener) {
        s->listener(s->user, s, event);
    }
}

void otter__push_session_enter(struct otter_push_session *s,
                               enum otter_push_session_state state,
                               uint32_t limit_ms)
{
    s->state = state;
    s->deadline_ms = s->now_ms + limit_ms;
    otter__push_session_notify(s, OTTER_PUSH_EVENT_STATE);
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

void otter__push_session_finish(struct otter_push_session *s,
                                enum otter_push_ending ending)
{
    if (s->state == OTTER_PUSH_SESSION_DONE) {
        return;
    }
    close_fd(&s->udp);
    close_fd(&s->tcp);
    otter_web_exchange_end(&s->web.exchange);
    s->ending = ending;
    s->finished_at_ms = s->now_ms;
    otter__push_session_enter(s, OTTER_PUSH_SESSION_DONE, 0);
}

void otter__push_session_fail_os(struct otter_push_session *s, int os_error)
{
    s->os_error = os_error;
    otter__push_session_finish(s, OTTER_PUSH_END_INTERNAL);
}

/* A failure is remembered for the explanation, and tried again like a
 * datagram that was lost on the way. */
static void send_text(struct otter_push_session *s, const char *text)
{
    int error = otter_push_udp_send(s->udp, &s->device, text);

    s->os_error = error ? error : s->os_error;
}

static uint32_t repeat_interval(const struct otter_push_session *s)
{
    const struct otter_push_limits *limits = &s->job->limits;

    return limits->answer_ms / limits->tries;
}

static void send_invitation(struct otter_push_session *s)
{
    struct otter_push_invitation invitation = {
        .command = s->job->command,
        .size = s->job->size,
        .port = s->host_port,
    };
    char text[OTTER_PUSH_MESSAGE_MAX];

    memcpy(invitation.md5, s->job->md5, sizeof invitation.md5);
    otter_push_format_invitation(&invitation, text, sizeof text);
    send_text(s, text);
    s->invitations++;
    s->round_tries++;
    s->next_at_ms = s->now_ms + repeat_interval(s);
    otter__push_session_notify(s, OTTER_PUSH_EVENT_INVITED);
}

static void begin_round(struct otter_push_session *s)
{
    s->round_tries = 0;
    s->answers = 0;
    s->question = false;
    s->nonce[0] = '\0';
    otter__push_session_enter(s, OTTER_PUSH_SESSION_INVITING,
                              s->job->limits.answer_ms);
    send_invitation(s);
}

static void send_answer(struct otter_push_session *s)
{
    char text[OTTER_PUSH_MESSAGE_MAX];

    otter_push_format_auth_answer(&s->answer, text, sizeof text);
    send_text(s, text);
}

static void answer(struct otter_push_session *s, const char *password)
{
    int error =
        otter_push_auth_answer(&s->answer, s->nonce, password, s->stored_md5);

    if (error) {
        snprintf(s->text, sizeof s->text, "%s", otter_error_text(error));
        otter__push_session_finish(s, OTTER_PUSH_END_INTERNAL);
        return;
    }
    send_answer(s);
    s->authenticated = true;
    s->answers++;
    s->answer_repeated = false;
    s->next_at_ms = s->now_ms + s->job->limits.auth_ms / 3;
    otter__push_session_enter(s, OTTER_PUSH_SESSION_AUTHENTICATING,
                              s->job->limits.auth_ms);
}

static void question(struct otter_push_session *s)
{
    if (s->password) {
        answer(s, s->password);
    } else if (s->job->can_ask) {
        otter__push_session_enter(s, OTTER_PUSH_SESSION_ASKING, 0);
    } else {
        otter__push_session_finish(s, OTTER_PUSH_END_PASSWORD_NEEDED);
    }
}

void otter_push_session_password(struct otter_push_session *s,
                                 const char *password, uint64_t now_ms)
{
    s->now_ms = now_ms;
    if (s->state != OTTER_PUSH_SESSION_ASKING) {
        return;
    }
    if (!password) {
        otter__push_session_finish(s, OTTER_PUSH_END_PASSWORD_NEEDED);
        return;
    }
    s->password = password; /* for further rounds */
    if (s->job->web) {
        otter__push_web_password(s);
    } else {
        answer(s, password);
    }
}

/* A refusal is final only when it can be meant for the answer just sent.  A
 * repeated invitation can make the device ask twice, and the answer to its
 * first nonce then fails although the password is right. */
static void auth_refused(struct otter_push_session *s)
{
    bool stale = s->round_tries > 1 || s->answers > 1;

    if (s->round + 1 >= ROUNDS_MAX) {
        otter__push_session_finish(s, OTTER_PUSH_END_PASSWORD_WRONG);
    } else if (stale) {
        s->round++;
        begin_round(s);
    } else if (strlen(s->nonce) == OTTER_SHA256_HEX_SIZE - 1 &&
               !s->stored_md5) {
        s->stored_md5 = true;
        s->round++;
        begin_round(s);
    } else {
        otter__push_session_finish(s, OTTER_PUSH_END_PASSWORD_WRONG);
    }
}

static void refused(struct otter_push_session *s, const char *text)
{
    snprintf(s->text, sizeof s->text, "%s", text);
    otter__push_session_finish(s, OTTER_PUSH_END_REFUSED);
}

uint32_t otter_push_session_connect_ms(const struct otter_push_session *s)
{
    const struct otter_push_limits *limits = &s->job->limits;

    return otter_address_port(&s->device) == OTTER_PUSH_PORT_ESP32
               ? limits->esp32_connect_ms
               : limits->connect_ms;
}

static void accepted(struct otter_push_session *s)
{
    otter__push_session_enter(s, OTTER_PUSH_SESSION_WAITING,
                              otter_push_session_connect_ms(s));
}

/* Takes the nonce; it is answered later.  One of a length that no scheme knows
 * comes out empty. */
static void on_question(struct otter_push_session *s,
                        const struct otter_push_reply *reply)
{
    if (reply->nonce[0]) {
        s->question |= strcmp(s->nonce, reply->nonce) != 0;
        memcpy(s->nonce, reply->nonce, sizeof s->nonce);
    } else {
        refused(s, "asks for a password in a way that is not known here");
    }
}

/* What a reply means depends on the leg; what is not listed is a late copy of
 * an earlier answer and is ignored. */
static void on_reply(struct otter_push_session *s,
                     const struct otter_push_reply *reply)
{
    bool authenticating = s->state == OTTER_PUSH_SESSION_AUTHENTICATING;
    bool inviting = s->state == OTTER_PUSH_SESSION_INVITING;

    switch (reply->kind) {
    case OTTER_PUSH_REPLY_OK:
        if (inviting || authenticating) {
            accepted(s);
        }
        break;
    case OTTER_PUSH_REPLY_AUTH:
        if (inviting || authenticating) {
            on_question(s, reply);
        }
        break;
    case OTTER_PUSH_REPLY_AUTH_FAILED:
        if (authenticating) {
            auth_refused(s);
        }
        break;
    case OTTER_PUSH_REPLY_ERROR:
        refused(s, reply->text);
        break;
    case OTTER_PUSH_REPLY_OTHER:
        if (inviting || authenticating) {
            s->unknown_answer = true;
            refused(s, reply->text);
        }
        break;
    }
}

/* One datagram; false when there is none. */
static bool receive_reply(struct otter_push_session *s)
{
    uint8_t data[DATAGRAM_SIZE];
    struct sockaddr_storage from = {0};
    socklen_t from_len = sizeof from;
    ssize_t len = recvfrom(s->udp, data, sizeof data, 0,
                           (struct sockaddr *)&from, &from_len);
    struct otter_push_reply reply;

    if (len < 0) {
        return errno != EAGAIN && errno != EWOULDBLOCK;
    }
    if (!otter_address_same_host(&from, &s->device)) {
        otter_address_text(s->stranger, &from);
        return true;
    }
    otter_push_parse_reply(data, (uint32_t)len, &reply);
    on_reply(s, &reply);
    return true;
}

/* Questions are answered when the queue is empty, so that of several nonces
 * the newest is used: the device knows no other. */
static void receive_replies(struct otter_push_session *s)
{
    unsigned limit = 64;
    int unreachable = otter_push_udp_errors(s->udp);

    /* Not believed either: the device may be starting. */
    s->os_error = unreachable ? unreachable : s->os_error;
    while (limit-- && s->udp >= 0 && receive_reply(s)) {
    }
    if ((s->state == OTTER_PUSH_SESSION_INVITING ||
         s->state == OTTER_PUSH_SESSION_AUTHENTICATING) &&
        s->question && s->answers < ANSWERS_MAX) {
        s->question = false;
        question(s);
    }
}

static void step_inviting(struct otter_push_session *s)
{
    receive_replies(s);
    if (s->state != OTTER_PUSH_SESSION_INVITING || s->now_ms < s->next_at_ms) {
        return;
    }
    if (s->round_tries < s->job->limits.tries) {
        send_invitation(s);
    } else {
        otter__push_session_finish(s, s->authenticated
                                          ? OTTER_PUSH_END_AUTH_SILENT
                                          : OTTER_PUSH_END_NO_ANSWER);
    }
}

/* One repetition of the answer is harmless in every state of the device; after
 * that the device has most likely forgotten its nonce. */
static void step_authenticating(struct otter_push_session *s)
{
    receive_replies(s);
    if (s->state != OTTER_PUSH_SESSION_AUTHENTICATING) {
        return;
    }
    if (s->now_ms >= s->deadline_ms) {
        if (s->round + 1 < ROUNDS_MAX) {
            s->round++;
            begin_round(s);
        } else {
            otter__push_session_finish(s, OTTER_PUSH_END_AUTH_SILENT);
        }
    } else if (!s->answer_repeated && s->now_ms >= s->next_at_ms) {
        s->answer_repeated = true;
        send_answer(s);
    }
}

static void step_waiting(struct otter_push_session *s)
{
    receive_replies(s);
    if (s->state == OTTER_PUSH_SESSION_WAITING &&
        s->now_ms >= s->deadline_ms) {
        otter__push_session_finish(s, OTTER_PUSH_END_NO_CONNECTION);
    }
}

static void step_nothing(struct otter_push_session *s)
{
    (void)s;
}

void otter_push_session_step(struct otter_push_session *s, uint64_t now_ms)
{
    static void (*const steps[])(struct otter_push_session *) = {
        [OTTER_PUSH_SESSION_INVITING] = step_inviting,
        [OTTER_PUSH_SESSION_ASKING] = step_nothing,
        [OTTER_PUSH_SESSION_AUTHENTICATING] = step_authenticating,
        [OTTER_PUSH_SESSION_WAITING] = step_waiting,
        [OTTER_PUSH_SESSION_SENDING] = otter__push_transfer_send,
        [OTTER_PUSH_SESSION_RESULT] = otter__push_transfer_result,
        [OTTER_PUSH_SESSION_CONNECTING] = step_nothing,
        [OTTER_PUSH_SESSION_RESTARTING] = step_nothing,
        [OTTER_PUSH_SESSION_DONE] = step_nothing,
    };

    s->now_ms = now_ms;
    if (s->job->web) {
        otter__push_web_step(s);
    } else {
        steps[s->state](s);
    }
}

void otter_push_session_start(struct otter_push_session *s, uint64_t now_ms)
{
    s->now_ms = now_ms;
    s->started_at_ms = now_ms;
    s->tcp = -1;
    s->udp = -1;
    if (s->job->web) {
        otter__push_web_start(s);
        return;
    }
    s->udp = otter_push_udp_open(&s->device, &s->local);
    if (s->udp < 0) {
        otter__push_session_fail_os(s, errno);
        return;
    }
    otter_push_result_init(&s->result);
    s->stored_md5 = s->job->stored_md5;
    begin_round(s);
}

bool otter_push_session_expects(const struct otter_push_session *s,
                                const struct sockaddr_storage *peer)
{
    return s->state <= OTTER_PUSH_SESSION_WAITING && !s->job->web &&
           otter_address_same_host(&s->device, peer);
}

void otter_push_session_connected(struct otter_push_session *s, int fd,
                                  uint64_t now_ms)
{
    s->now_ms = now_ms;
    s->ok_implied = s->state != OTTER_PUSH_SESSION_WAITING;
    close_fd(&s->udp);
    otter__push_transfer_begin(s, fd);
}

size_t otter_push_session_poll(const struct otter_push_session *s,
                               struct pollfd fds[2])
{
    size_t count = 0;

    if (s->job->web) {
        return otter__push_web_poll(s, fds);
    }
    if (s->udp >= 0 && s->state != OTTER_PUSH_SESSION_ASKING) {
        fds[count++] = (struct pollfd){.fd = s->udp, .events = POLLIN};
    }
    if (s->tcp >= 0) {
        short events = POLLIN;

        if (otter__push_transfer_may_send(s)) {
            events |= POLLOUT;
        }
        fds[count++] = (struct pollfd){.fd = s->tcp, .events = events};
    }
    return count;
}

uint64_t otter_push_session_wake(const struct otter_push_session *s)
{
    if (s->job->web) {
        return otter__push_web_wake(s);
    }
    switch (s->state) {
    case OTTER_PUSH_SESSION_INVITING:
        return s->next_at_ms;
    case OTTER_PUSH_SESSION_AUTHENTICATING:
        return s->answer_repeated || s->deadline_ms < s->next_at_ms
                   ? s->deadline_ms
                   : s->next_at_ms;
    case OTTER_PUSH_SESSION_WAITING:
        return s->deadline_ms;
    case OTTER_PUSH_SESSION_SENDING:
    case OTTER_PUSH_SESSION_RESULT:
        return otter__push_transfer_wake(s);
    default:
        return UINT64_MAX;
    }
}

void otter_push_session_interrupt(struct otter_push_session *s,
                                  uint64_t now_ms)
{
    s->now_ms = now_ms;
    otter__push_session_finish(s, s->state == OTTER_PUSH_SESSION_RESTARTING
                                      ? s->ending /* the verdict is known */
                                      : OTTER_PUSH_END_INTERRUPTED);
}

void otter_push_session_end(struct otter_push_session *s,
                            enum otter_push_ending ending, const char *text)
{
    snprintf(s->text, sizeof s->text, "%s", text);
    otter__push_session_finish(s, ending);
}
