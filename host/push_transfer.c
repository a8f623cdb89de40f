/* SPDX-License-Identifier: Apache-2.0
 *
 * Streaming the file, watching for signs of life, finding the result. */
#include "host/push_transfer.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Small enough that a write never hides minutes of a slow device's time,
 * large enough for a fast device over a slow link. */
#define SEND_BUFFER_SIZE (64 * 1024)

/* Bytes per step, so that many sessions share one loop fairly. */
#define STEP_SIZE (64 * 1024)

/* How often the kernel is asked what has arrived while nothing else happens.
 */
#define ACK_INTERVAL_MS 100

/* A result text without a line end is complete after this silence. */
#define TEXT_IDLE_MS 1000

/* A device that counts for ever comes to an end after so many result limits.
 */
#define RESULT_LIMITS_MAX 5

void otter__push_transfer_begin(struct otter_push_session *s, int fd)
{
    int on = 1;
    int size = SEND_BUFFER_SIZE;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    s->tcp = fd;
    s->os_error = 0;
    s->sending_at_ms = s->now_ms;
    s->progress_at_ms = s->now_ms;
    otter__push_session_enter(s, OTTER_PUSH_SESSION_SENDING, 0);
}

/* Bytes the kernel took that the device's TCP has not acknowledged. */
static uint32_t in_flight(const struct otter_push_session *s)
{
    int bytes = 0;

    if (ioctl(s->tcp, SIOCOUTQ, &bytes) || bytes < 0) {
        return 0;
    }
    return (uint32_t)bytes < s->sent ? (uint32_t)bytes : s->sent;
}

static bool all_arrived(const struct otter_push_session *s)
{
    return s->done == s->job->size;
}

/* Updates the progress; the last byte's arrival is a state of its own, passed
 * through even when the result is already there. */
static void note_progress(struct otter_push_session *s)
{
    uint32_t done = s->sent - in_flight(s);

    if (done > s->done) {
        s->done = done;
        s->progress_at_ms = s->now_ms;
        otter__push_session_notify(s, OTTER_PUSH_EVENT_PROGRESS);
    }
    if (all_arrived(s) && s->state == OTTER_PUSH_SESSION_SENDING) {
        otter__push_session_enter(s, OTTER_PUSH_SESSION_RESULT,
                                  s->job->limits.result_ms *
                                      RESULT_LIMITS_MAX);
    }
}

/* Only the word OK after the last byte is success.  An earlier one proves
 * nothing: the device cannot have seen the whole file. */
static void judge(struct otter_push_session *s)
{
    snprintf(s->text, sizeof s->text, "%s", s->result.text);
    if (s->result.outcome != OTTER_PUSH_SUCCESS) {
        otter__push_session_finish(s, OTTER_PUSH_END_DEVICE_ERROR);
    } else if (s->sent < s->job->size) {
        otter__push_session_finish(s, OTTER_PUSH_END_BROKEN);
    } else {
        otter__push_session_finish(s, OTTER_PUSH_END_UPDATED);
    }
}

/* The first letter of OK alone is neither success nor a text: the rest may be
 * late, or lost. */
static bool is_half_ok(const struct otter_push_session *s)
{
    return s->result.outcome == OTTER_PUSH_WAITING &&
           strcmp(s->result.text, "O") == 0;
}

/* The connection is over.  A text that has begun is the device's last word;
 * without one the update may still have succeeded once all has arrived. */
static void ended(struct otter_push_session *s, int os_error)
{
    if (s->state == OTTER_PUSH_SESSION_DONE) {
        return;
    }
    s->os_error = os_error;
    note_progress(s);
    if (otter_push_result_begun(&s->result) && !is_half_ok(s)) {
        otter_push_result_close(&s->result);
        judge(s);
    } else if (all_arrived(s)) {
        otter__push_session_finish(s, OTTER_PUSH_END_UNKNOWN);
    } else {
        otter__push_session_finish(s, OTTER_PUSH_END_BROKEN);
    }
}

/* Reads what the device says; may finish the session. */
static void read_replies(struct otter_push_session *s)
{
    uint8_t data[1024];

    while (s->tcp >= 0) {
        ssize_t len = recv(s->tcp, data, sizeof data, 0);

        if (len > 0) {
            s->progress_at_ms = s->now_ms;
            s->awaits_reply = false;
            if (otter_push_result_feed(&s->result, data, (uint32_t)len) !=
                OTTER_PUSH_WAITING) {
                note_progress(s);
                judge(s);
            }
        } else if (len == 0) {
            ended(s, 0);
        } else if (errno != EINTR) {
            if (errno != EAGAIN && errno != EWOULDBLOCK) {
                ended(s, errno);
            }
            return;
        }
    }
}

bool otter__push_transfer_may_send(const struct otter_push_session *s)
{
    return s->state == OTTER_PUSH_SESSION_SENDING && !s->awaits_reply &&
           s->sent < s->job->size && !otter_push_result_begun(&s->result);
}

/* What the next write may take: to the end of the file, or of the chunk. */
static size_t room(struct otter_push_session *s)
{
    uint32_t left = s->job->size - s->sent;

    if (s->job->lockstep_chunk) {
        if (s->sent == s->chunk_end) {
            s->chunk_end = left < s->job->lockstep_chunk
                               ? s->job->size
                               : s->sent + s->job->lockstep_chunk;
        }
        left = s->chunk_end - s->sent;
    }
    return left < STEP_SIZE ? left : STEP_SIZE;
}

/* One write; false when the socket takes no more. */
static bool write_some(struct otter_push_session *s)
{
    ssize_t len = send(s->tcp, s->job->data + s->sent, room(s), MSG_NOSIGNAL);

    if (len < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            int error = errno;

            read_replies(s);
            ended(s, error);
        }
        return false;
    }
    s->sent += (uint32_t)len;
    s->progress_at_ms = s->now_ms;
    s->awaits_reply = s->job->lockstep_chunk && s->sent == s->chunk_end;
    return true;
}

static bool text_is_over(const struct otter_push_session *s)
{
    return otter_push_result_begun(&s->result) && !is_half_ok(s) &&
           s->now_ms >= s->progress_at_ms + TEXT_IDLE_MS;
}

void otter__push_transfer_send(struct otter_push_session *s)
{
    uint32_t start = s->sent;

    read_replies(s);
    while (otter__push_transfer_may_send(s) && s->sent - start < STEP_SIZE &&
           write_some(s)) {
    }
    if (s->state == OTTER_PUSH_SESSION_SENDING) {
        note_progress(s);
    }
    if (s->state != OTTER_PUSH_SESSION_SENDING) {
        return;
    }
    if (text_is_over(s)) {
        ended(s, 0);
    } else if (s->now_ms >= s->progress_at_ms + s->job->limits.idle_ms) {
        otter__push_session_finish(s, OTTER_PUSH_END_STALLED);
    }
}

void otter__push_transfer_result(struct otter_push_session *s)
{
    read_replies(s);
    if (s->state != OTTER_PUSH_SESSION_RESULT) {
        return;
    }
    if (text_is_over(s)) {
        ended(s, 0);
    } else if (s->now_ms >= otter__push_transfer_wake(s)) {
        s->os_error = ETIMEDOUT;
        otter__push_session_finish(s, OTTER_PUSH_END_UNKNOWN);
    }
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t otter__push_transfer_wake(const struct otter_push_session *s)
{
    uint64_t wake;

    if (otter_push_result_begun(&s->result) && !is_half_ok(s)) {
        return s->progress_at_ms + TEXT_IDLE_MS;
    }
    if (s->state == OTTER_PUSH_SESSION_RESULT) {
        return earlier(s->progress_at_ms + s->job->limits.result_ms,
                       s->deadline_ms);
    }
    wake = s->progress_at_ms + s->job->limits.idle_ms;
    return earlier(wake, s->now_ms + ACK_INTERVAL_MS);
}
