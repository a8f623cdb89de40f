/* SPDX-License-Identifier: Apache-2.0
 *
 * The upload through the page: what is asked, and what the answers mean for
 * the session. */
#include "host/push_web.h"

#include "format/error.h"
#include "host/device.h"
#include "host/digest.h"
#include "host/push_session.h"
#include "host/push_transfer.h"
#include "host/push_web_status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How often a device that restarts is asked, and how long one question may
 * take. */
#define ASK_PAUSE_MS 1000
#define ASK_MS       5000

/* How often the kernel is asked what has arrived. */
#define ACK_INTERVAL_MS 100

/* So many times a nonce may have been too old, in a row. */
#define STALE_MAX 3

enum asks { ASKS_STATUS, ASKS_PAGE, ASKS_UPLOAD };

static bool restarting(const struct otter_push_session *s)
{
    return s->state == OTTER_PUSH_SESSION_RESTARTING;
}

static uint32_t attempt_ms(const struct otter_push_session *s)
{
    return s->job->limits.answer_ms / s->job->limits.tries;
}

/* --- Requests ------------------------------------------------------------ */

static void host_text(const struct otter_push_session *s, char *out,
                      size_t size)
{
    char address[OTTER_ADDRESS_TEXT_SIZE];
    bool v6 = s->device.ss_family == AF_INET6;

    otter_address_text(address, &s->device);
    address[strcspn(address, "%")] = '\0'; /* a scope means nothing there */
    snprintf(out, size, "%s%s%s:%u", v6 ? "[" : "", address, v6 ? "]" : "",
             otter_address_port(&s->device));
}

/* Head and body begin in one piece; returns how long it is. */
static int write_head(struct otter_push_session *s, const char *method,
                      const char *target, const char *more)
{
    struct otter_push_web *w = &s->web;
    char login[OTTER_WEB_HEADER_SIZE] = "";
    char host[OTTER_ADDRESS_TEXT_SIZE + 16];
    int error = s->password ? otter_web_login_header(&w->login, s->job->user,
                                                     s->password, method,
                                                     target, login)
                            : 0;

    if (error) {
        return error;
    }
    host_text(s, host, sizeof host);
    return snprintf(w->head, sizeof w->head,
                    "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: otter\r\n"
                    "Accept: */*\r\n%sConnection: close\r\n%s",
                    method, target, host, login, more);
}

static void begin(struct otter_push_session *s, enum asks asks, int head_len,
                  struct otter_web_piece body, struct otter_web_piece tail)
{
    struct otter_push_web *w = &s->web;
    const struct otter_web_piece pieces[OTTER_WEB_PIECES] = {
        {w->head, (uint32_t)head_len}, body, tail};

    if (head_len < 0 || (size_t)head_len >= sizeof w->head) {
        snprintf(
            s->text, sizeof s->text, "user, password or path: %s",
            otter_error_text(head_len < 0 ? head_len : OTTER_ERR_TOO_LONG));
        otter__push_session_finish(s, OTTER_PUSH_END_INTERNAL);
        return;
    }
    w->asks = (uint8_t)asks;
    w->limit_ms =
        s->now_ms + (restarting(s) ? ASK_MS : s->job->limits.auth_ms);
    otter_web_exchange_end(&w->exchange);
    otter_web_exchange_begin(&w->exchange, &s->device, &s->local, pieces);
}

static void ask(struct otter_push_session *s)
{
    const struct otter_web_piece none = {NULL, 0};
    char target[OTTER_HTTP_URI_MAX + 1];

    snprintf(target, sizeof target, "%s%s", s->job->path,
             s->web.stock ? "" : "/status");
    begin(s, s->web.stock ? ASKS_PAGE : ASKS_STATUS,
          write_head(s, "GET", target, "\r\n"), none, none);
}

/* The name of the file as a form may have it. */
static void file_name(char out[64], const char *name)
{
    size_t used = 0;

    for (; *name != '\0' && used + 1 < 64; name++) {
        bool plain = *name > ' ' && *name < 127 && *name != '"' &&
                     *name != '\\' && *name != '%';

        out[used++] = plain ? *name : '_';
    }
    out[used] = '\0';
}

/* The form up to the file.  Digests are in the head of the request, which a
 * stock device passes over. */
static int write_form(const struct otter_push_session *s, char *out,
                      size_t size, const char *boundary)
{
    const struct otter_push_job *job = s->job;
    char name[64];

    file_name(name, job->file_name);
    return snprintf(
        out, size,
        "--%s\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s\""
        "\r\nContent-Type: application/octet-stream\r\n\r\n",
        boundary,
        job->command == OTTER_PUSH_COMMAND_FILE_SYSTEM ? "filesystem"
                                                       : "firmware",
        name);
}

static void upload(struct otter_push_session *s)
{
    struct otter_push_web *w = &s->web;
    const struct otter_web_piece file = {s->job->data, s->job->size};
    struct otter_web_piece tail = {w->tail, 0};
    char boundary[40] = "otter-";
    char form[512];
    char more[1024];
    int error = otter_digest_random(boundary + strlen(boundary), 12);
    int form_len = write_form(s, form, sizeof form, boundary);

    if (error) {
        snprintf(s->text, sizeof s->text, "%s", otter_error_text(error));
        otter__push_session_finish(s, OTTER_PUSH_END_INTERNAL);
        return;
    }
    tail.len = (uint32_t)snprintf(w->tail, sizeof w->tail, "\r\n--%s--\r\n",
                                  boundary);
    snprintf(more, sizeof more,
             "x-MD5: %s\r\nx-SHA256: %s\r\n"
             "Content-Type: multipart/form-data; boundary=%s\r\n"
             "Content-Length: %llu\r\n\r\n%s",
             s->job->md5, s->job->sha256, boundary,
             (unsigned long long)form_len + s->job->size + tail.len, form);
    s->sending_at_ms = s->progress_at_ms = s->now_ms;
    otter__push_session_enter(s, OTTER_PUSH_SESSION_SENDING, 0);
    begin(s, ASKS_UPLOAD, write_head(s, "POST", s->job->path, more), file,
          tail);
}

/* --- What answers mean --------------------------------------------------- */

/* The device's words: the text of the body without markup, one line. */
static void take_words(struct otter_push_session *s, int status,
                       const char *body)
{
    static const char prefix[] = "Update error: ";
    char text[OTTER_PUSH_WORDS_SIZE];
    size_t used = 0;
    bool tag = false;

    if (strncmp(body, prefix, sizeof prefix - 1) == 0) {
        body += sizeof prefix - 1;
    }
    for (; *body != '\0' && used + 1 < sizeof text; body++) {
        if (*body == '<' || *body == '>') {
            tag = *body == '<';
        } else if (!tag && (*body == '\n' || *body == '\r')) {
            if (used > 0) {
                break;
            }
        } else if (!tag && (used > 0 || *body != ' ')) {
            text[used++] = *body;
        }
    }
    text[used] = '\0';
    if (used == 0) {
        snprintf(text, sizeof text, "HTTP status %d", status);
    }
    otter_device_copy(s->text, sizeof s->text, text, strlen(text));
}

static int success_or_failure(struct otter_push_session *s, const char *body)
{
    if (strstr(body, "Update error") || strstr(body, "FAIL")) {
        return OTTER_PUSH_END_DEVICE_ERROR;
    }
    if (strstr(body, "Update Success") || strstr(body, "OK")) {
        return s->done == s->job->size ? OTTER_PUSH_END_UPDATED
                                       : OTTER_PUSH_END_BROKEN;
    }
    s->unknown_answer = true;
    return OTTER_PUSH_END_UNKNOWN;
}

static int verdict(struct otter_push_session *s, int status, const char *body)
{
    take_words(s, status, body);
    switch (status) {
    case 400:
    case 422:
    case 500:
        return OTTER_PUSH_END_DEVICE_ERROR;
    case 408:
        return OTTER_PUSH_END_BROKEN;
    default:
        return status >= 200 && status < 300 ? success_or_failure(s, body)
                                             : OTTER_PUSH_END_REFUSED;
    }
}

/* The server wants a password, or a better one. */
static void on_login(struct otter_push_session *s)
{
    struct otter_push_web *w = &s->web;
    bool again = s->authenticated && !w->exchange.login.stale &&
                 w->login.scheme != OTTER_HTTP_AUTH_NONE && !restarting(s);

    w->login = w->exchange.login;
    if (w->login.scheme == OTTER_HTTP_AUTH_NONE) {
        snprintf(s->text, sizeof s->text,
                 "asks for a password in a way that is not known here");
        otter__push_session_finish(s, OTTER_PUSH_END_REFUSED);
    } else if (again || w->refusals >= STALE_MAX) {
        /* A new program may have another password: it is updated. */
        otter__push_session_finish(
            s, restarting(s) ? s->ending : OTTER_PUSH_END_PASSWORD_WRONG);
    } else if (s->password) {
        w->refusals++;
        otter__push_web_password(s);
    } else if (s->job->can_ask) {
        otter__push_session_enter(s, OTTER_PUSH_SESSION_ASKING, 0);
    } else {
        otter__push_session_finish(s, OTTER_PUSH_END_PASSWORD_NEEDED);
    }
}

void otter__push_web_password(struct otter_push_session *s)
{
    s->authenticated = true;
    if (!restarting(s)) {
        otter__push_session_enter(s, OTTER_PUSH_SESSION_AUTHENTICATING, 0);
    }
    ask(s);
}

/* The device is known; its owner may have a word to say now. */
static void on_known(struct otter_push_session *s)
{
    s->web.refusals = 0;
    otter__push_session_notify(s, OTTER_PUSH_EVENT_FACTS);
    if (s->state != OTTER_PUSH_SESSION_DONE) {
        upload(s);
    }
}

static void on_status_or_page(struct otter_push_session *s)
{
    struct otter_push_web *w = &s->web;
    const struct otter_web_exchange *x = &w->exchange;
    struct otter_push_web_status status;

    if (x->status == 401) {
        on_login(s);
    } else if (x->status == 503 && s->round_tries < s->job->limits.tries) {
        otter_web_exchange_end(&w->exchange); /* its places are taken */
        w->next_at_ms = s->now_ms + attempt_ms(s);
    } else if (!w->stock && x->status == 200 &&
               otter_push_web_status_read(&status, x->body)) {
        w->known = true;
        w->facts = status.facts;
        memcpy(w->boot_id, status.boot_id, sizeof w->boot_id);
        on_known(s);
    } else if (!w->stock && x->status != 503) {
        w->stock = true;
        ask(s);
    } else if (x->status == 200) {
        on_known(s);
    } else {
        take_words(s, x->status, x->body);
        otter__push_session_finish(s, OTTER_PUSH_END_REFUSED);
    }
}

/* --- After the update ---------------------------------------------------- */

/* The version inside the file is another one than that which ran. */
static bool is_telling(const struct otter_push_session *s)
{
    const char *version = s->job->version;

    return version && version[0] && s->web.facts.version[0] &&
           strcmp(version, s->web.facts.version) != 0;
}

/* The verdict is known, or lost: a device with a boot id shows the rest. */
static void judge(struct otter_push_session *s, int ending)
{
    bool waits = ending == OTTER_PUSH_END_UPDATED ||
                 (ending == OTTER_PUSH_END_UNKNOWN && is_telling(s));

    s->ending = (enum otter_push_ending)ending;
    if (!waits || !s->web.known || s->job->back_ms == 0) {
        otter__push_session_finish(s, s->ending);
        return;
    }
    otter_web_exchange_end(&s->web.exchange);
    s->web.verdict_at_ms = s->now_ms;
    s->web.next_at_ms = s->now_ms + ASK_PAUSE_MS;
    s->web.refusals = 0;
    otter__push_session_enter(s, OTTER_PUSH_SESSION_RESTARTING,
                              s->job->back_ms);
}

/* The device answers again. */
static void on_back(struct otter_push_session *s)
{
    struct otter_push_web *w = &s->web;
    struct otter_push_web_status status;
    bool as_expected;

    if (w->exchange.status == 401) {
        on_login(s); /* its nonces are new too */
        return;
    }
    if (w->exchange.status != 200 ||
        !otter_push_web_status_read(&status, w->exchange.body)) {
        return;
    }
    w->refusals = 0;
    w->after = status.facts;
    memcpy(w->reverted, status.reverted, sizeof w->reverted);
    if (strcmp(status.boot_id, w->boot_id) == 0) {
        return; /* not yet */
    }
    as_expected = is_telling(s)
                      ? strcmp(status.facts.version, s->job->version) == 0
                      : s->ending == OTTER_PUSH_END_UPDATED;
    otter__push_session_finish(s, as_expected ? OTTER_PUSH_END_UPDATED
                                  : s->ending == OTTER_PUSH_END_UPDATED
                                      ? OTTER_PUSH_END_OLD_VERSION
                                      : s->ending);
}

static void give_up_waiting(struct otter_push_session *s)
{
    if (s->ending == OTTER_PUSH_END_UPDATED) {
        s->ending = s->web.after.seen ? OTTER_PUSH_END_OLD_VERSION
                                      : OTTER_PUSH_END_NOT_BACK;
    }
    otter__push_session_finish(s, s->ending);
}

static void step_restarting(struct otter_push_session *s)
{
    struct otter_push_web *w = &s->web;
    enum otter_web_exchange_state state = w->exchange.state;

    if (s->now_ms >= s->deadline_ms) {
        give_up_waiting(s);
        return;
    }
    if (state == OTTER_WEB_EXCHANGE_IDLE) {
        if (s->now_ms >= w->next_at_ms) {
            ask(s);
        }
        return;
    }
    if (state == OTTER_WEB_EXCHANGE_ANSWERED) {
        w->next_at_ms = s->now_ms + ASK_PAUSE_MS;
        on_back(s);
    }
    if (restarting(s) && w->exchange.state == state &&
        (state >= OTTER_WEB_EXCHANGE_ANSWERED || s->now_ms >= w->limit_ms)) {
        otter_web_exchange_end(&w->exchange);
        w->next_at_ms = s->now_ms + ASK_PAUSE_MS;
    }
}

/* --- Before and during the upload ---------------------------------------- */

/* A device may be starting: it is asked again until the time is over. */
static void ask_again(struct otter_push_session *s, int os_error)
{
    struct otter_push_web *w = &s->web;

    s->os_error = os_error;
    otter_web_exchange_end(&w->exchange);
    if (s->now_ms >= s->deadline_ms ||
        s->round_tries >= s->job->limits.tries) {
        otter__push_session_finish(s, OTTER_PUSH_END_NO_ANSWER);
        return;
    }
    w->next_at_ms = s->now_ms + attempt_ms(s);
}

static void step_asking(struct otter_push_session *s)
{
    struct otter_push_web *w = &s->web;

    switch (w->exchange.state) {
    case OTTER_WEB_EXCHANGE_IDLE:
        if (s->now_ms >= w->next_at_ms) {
            s->round_tries++;
            s->invitations++;
            otter__push_session_notify(s, OTTER_PUSH_EVENT_INVITED);
            ask(s);
        }
        break;
    case OTTER_WEB_EXCHANGE_ANSWERED:
        on_status_or_page(s);
        break;
    case OTTER_WEB_EXCHANGE_FAILED:
        ask_again(s, w->exchange.os_error);
        break;
    default:
        if (s->now_ms >= w->limit_ms) {
            ask_again(s, ETIMEDOUT);
        }
        break;
    }
}

/* What has arrived of the file: the head goes first, the tail last. */
static void note_progress(struct otter_push_session *s)
{
    const struct otter_web_exchange *x = &s->web.exchange;
    uint64_t head = x->pieces[0].len;
    uint64_t arrived = otter_web_exchange_arrived(x);
    uint64_t sent = x->sent < head ? 0 : x->sent - head;
    uint64_t done = arrived < head ? 0 : arrived - head;
    uint32_t size = s->job->size;

    s->sent = sent < size ? (uint32_t)sent : size;
    done = done < size ? done : size;
    if (x->moved || done > s->done) {
        s->progress_at_ms = s->now_ms;
    }
    if (done > s->done) {
        s->done = (uint32_t)done;
        otter__push_session_notify(s, OTTER_PUSH_EVENT_PROGRESS);
    }
    if (s->done == size && x->sent == x->size &&
        s->state == OTTER_PUSH_SESSION_SENDING) {
        otter__push_session_enter(s, OTTER_PUSH_SESSION_RESULT,
                                  s->job->limits.result_ms);
    }
}

/* The connection went with or without the device's verdict. */
static void on_lost(struct otter_push_session *s)
{
    s->os_error = s->web.exchange.os_error;
    judge(s, s->state == OTTER_PUSH_SESSION_RESULT ? OTTER_PUSH_END_UNKNOWN
                                                   : OTTER_PUSH_END_BROKEN);
}

static void on_answer(struct otter_push_session *s)
{
    const struct otter_web_exchange *x = &s->web.exchange;

    if (x->status == 401) {
        s->sent = s->done = 0;
        on_login(s);
    } else {
        judge(s, verdict(s, x->status, x->body));
    }
}

static void step_upload(struct otter_push_session *s)
{
    const struct otter_push_limits *limits = &s->job->limits;

    if (s->web.exchange.state > OTTER_WEB_EXCHANGE_CONNECTING) {
        note_progress(s);
    }
    if (s->web.exchange.state == OTTER_WEB_EXCHANGE_ANSWERED) {
        on_answer(s);
    } else if (s->web.exchange.state == OTTER_WEB_EXCHANGE_FAILED) {
        on_lost(s);
    } else if (s->state == OTTER_PUSH_SESSION_SENDING &&
               s->now_ms >= s->progress_at_ms + limits->idle_ms) {
        otter__push_session_finish(s, OTTER_PUSH_END_STALLED);
    } else if (s->state == OTTER_PUSH_SESSION_RESULT &&
               s->now_ms >= s->deadline_ms) {
        s->os_error = ETIMEDOUT;
        judge(s, OTTER_PUSH_END_UNKNOWN);
    }
}

/* --- The session's functions --------------------------------------------- */

void otter__push_web_start(struct otter_push_session *s)
{
    s->web.next_at_ms = s->now_ms;
    otter__push_session_enter(s, OTTER_PUSH_SESSION_CONNECTING,
                              s->job->limits.answer_ms);
    otter__push_web_step(s);
}

void otter__push_web_step(struct otter_push_session *s)
{
    if (s->web.exchange.state != OTTER_WEB_EXCHANGE_IDLE) {
        otter_web_exchange_step(&s->web.exchange);
    }
    switch (s->state) {
    case OTTER_PUSH_SESSION_CONNECTING:
    case OTTER_PUSH_SESSION_AUTHENTICATING:
        step_asking(s);
        break;
    case OTTER_PUSH_SESSION_SENDING:
    case OTTER_PUSH_SESSION_RESULT:
        step_upload(s);
        break;
    case OTTER_PUSH_SESSION_RESTARTING:
        step_restarting(s);
        break;
    default:
        break;
    }
}

size_t otter__push_web_poll(const struct otter_push_session *s,
                            struct pollfd fds[1])
{
    return s->state == OTTER_PUSH_SESSION_ASKING
               ? 0
               : otter_web_exchange_poll(&s->web.exchange, fds);
}

uint64_t otter__push_web_wake(const struct otter_push_session *s)
{
    const struct otter_push_web *w = &s->web;

    switch (s->state) {
    case OTTER_PUSH_SESSION_CONNECTING:
    case OTTER_PUSH_SESSION_AUTHENTICATING:
    case OTTER_PUSH_SESSION_RESTARTING:
        if (w->exchange.state == OTTER_WEB_EXCHANGE_IDLE) {
            return w->next_at_ms;
        }
        return w->exchange.state >= OTTER_WEB_EXCHANGE_ANSWERED ? s->now_ms
                                                                : w->limit_ms;
    case OTTER_PUSH_SESSION_SENDING:
        return s->now_ms + ACK_INTERVAL_MS;
    case OTTER_PUSH_SESSION_RESULT:
        return s->deadline_ms;
    default:
        return UINT64_MAX;
    }
}
