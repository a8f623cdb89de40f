/* SPDX-License-Identifier: Apache-2.0
 *
 * The listening half of push: datagrams, invitations, challenges (protocol
 * 1.3 and 1.4) and the public functions.  The update itself is push_run.c. */
#include "device/transport/push.h"
#include "device/transport/push_internal.h"

#include "format/core_error.h"
#include "format/hex.h"
#include "format/text.h"
#include "hal/board.h"
#include "hal/clock.h"

#include <string.h>

/* Bytes of a datagram that are looked at; a longer one is no message. */
#define DATAGRAM_MAX OTTER_PUSH_MESSAGE_MAX

/* Datagrams dropped at most when a challenge is sent. */
#define DROP_MAX 16u

/* How often a lost UDP socket is tried again. */
#define REOPEN_MS 1000u

/* What push may take of the transports' 8 KiB. */
#define SIZE_MAX_BYTES 1024u

#define HOST_NAME_MAX 63u /* a DNS label */

_Static_assert(sizeof(struct otter_push) <= SIZE_MAX_BYTES,
               "push keeps to its share of the transports' memory");

/* --- Shared with push_run.c --------------------------------------------- */

void otter__push_enter(struct otter_push *push, enum otter_push_state state)
{
    push->state = (uint8_t)state;
    push->since_ms = otter_clock_ms();
}

bool otter__push_passed(const struct otter_push *push, uint32_t ms)
{
    return otter_clock_since(push->since_ms) >= ms;
}

void otter__push_send(struct otter_push *push, const struct otter_addr *to,
                      const char *text, uint32_t len)
{
    if (push->udp != NULL) {
        /* A lost datagram is the host's to notice: it asks again. */
        int error = otter_udp_send(push->udp, text, len, to, 0);

        (void)error;
    }
}

void otter__push_send_error(struct otter_push *push,
                            const struct otter_addr *to,
                            const struct otter_error_detail *detail)
{
    char text[OTTER_PUSH_MESSAGE_MAX];

    otter__push_send(push, to, text,
                     otter_push_format_refusal(detail, text, sizeof text));
}

void otter__push_failed(struct otter_push *push, enum otter_push_error error,
                        int reason)
{
    const struct otter_events *events = push->config->events;

    push->reason = reason;
    if (events != NULL && events->on_error != NULL) {
        events->on_error(events->user, (int)error);
    }
}

/* --- Who may update ----------------------------------------------------- */

/* "ERR: wrong passwords, wait 12 s" LF */
static void send_wait(struct otter_push *push, const struct otter_addr *to,
                      uint32_t wait_ms)
{
    char buf[64];
    struct otter_text text;

    otter_text_init(&text, buf, sizeof buf);
    otter_text_string(&text, "ERR: wrong passwords, wait ");
    otter_text_decimal(&text, (wait_ms + 999) / 1000);
    otter_text_string(&text, " s\n");
    otter__push_send(push, to, buf, text.len);
}

/* Drops what came before the challenge went out. */
static void drop_datagrams(struct otter_push *push)
{
    struct otter_datagram info;
    char byte;

    for (uint32_t i = 0; i < DROP_MAX; i++) {
        if (otter_udp_recv(push->udp, &byte, sizeof byte, &info) < 0) {
            return;
        }
    }
}

static void challenge(struct otter_push *push)
{
    char text[sizeof "AUTH " + OTTER_PUSH_DIGITS_MD5];
    uint32_t wait_ms = otter__push_auth_wait(&push->auth, &push->host);
    struct otter_error_detail detail = {0};

    if (wait_ms > 0) {
        send_wait(push, &push->host, wait_ms);
        return;
    }
    detail.error = otter__push_auth_challenge(&push->auth);
    if (detail.error != 0) {
        otter__push_send_error(push, &push->host, &detail);
        otter__push_failed(push, OTTER_PUSH_ERROR_AUTH, detail.error);
        return;
    }
    drop_datagrams(push);
    otter__push_send(
        push, &push->host, text,
        otter_push_format_auth_request(push->auth.nonce, text, sizeof text));
    otter__push_enter(push, OTTER__PUSH_CHALLENGE);
}

/* State IDLE.  Anything but an invitation is ignored. */
static void take_invitation(struct otter_push *push, const char *text,
                            uint32_t len, const struct otter_addr *from)
{
    struct otter_push_invitation invitation;

    if (otter_push_parse_invitation(text, len, &invitation) != 0) {
        return;
    }
    push->invitation = invitation;
    push->host = *from;
    push->command = invitation.command;
    if (otter__push_auth_required(&push->auth)) {
        challenge(push);
    } else {
        otter__push_enter(push, OTTER__PUSH_START);
    }
}

/* State CHALLENGE.  Whatever comes ends the state (protocol 10 item 7).  An
 * answer from another machine does so without a word, so that nobody can
 * have wrong answers counted for the inviter. */
static void take_answer(struct otter_push *push, const char *text,
                        uint32_t len, const struct otter_addr *from)
{
    static const char refused[] = OTTER_PUSH_TEXT_AUTH_FAILED;
    struct otter_push_auth_answer answer;
    int error;

    otter__push_enter(push, OTTER__PUSH_IDLE);
    if (otter_push_parse_auth_answer(text, len, OTTER_PUSH_DIGITS_MD5,
                                     &answer) != 0 ||
        !otter__push_same_host(from, &push->host)) {
        return;
    }
    error = otter__push_auth_check(&push->auth, &push->host, answer.cnonce,
                                   answer.response);
    if (error != 0) {
        otter__push_send(push, &push->host, refused, sizeof refused - 1);
        otter__push_failed(push, OTTER_PUSH_ERROR_AUTH, error);
        return;
    }
    otter__push_enter(push, OTTER__PUSH_START);
}

/* During an update.  The inviter's own repetitions are ignored (protocol
 * 1.12); anybody else's invitation is answered, and the update goes on. */
static void take_during_update(struct otter_push *push, const char *text,
                               uint32_t len, const struct otter_addr *from)
{
    const struct otter_push_invitation *ours = &push->invitation;
    const struct otter_error_detail busy = {.error = OTTER_ERR_BUSY};
    struct otter_push_invitation other;

    if (otter_push_parse_invitation(text, len, &other) != 0) {
        return;
    }
    if (otter__push_same_host(from, &push->host) &&
        other.command == ours->command && other.port == ours->port &&
        other.size == ours->size &&
        memcmp(other.md5, ours->md5, OTTER_PUSH_DIGITS_MD5) == 0) {
        return;
    }
    otter__push_send_error(push, from, &busy);
}

/* While a failure is reported.  A host that invites again has understood. */
static void take_after_failure(struct otter_push *push, const char *text,
                               uint32_t len, const struct otter_addr *from)
{
    struct otter_push_invitation again;

    if (otter__push_same_host(from, &push->host) &&
        otter_push_parse_invitation(text, len, &again) == 0) {
        otter__push_give_up(push);
        otter__push_enter(push, OTTER__PUSH_IDLE);
        take_invitation(push, text, len, from);
    } else {
        take_during_update(push, text, len, from);
    }
}

static void take_datagram(struct otter_push *push)
{
    char text[DATAGRAM_MAX];
    struct otter_datagram info;
    int n = otter_udp_recv(push->udp, text, sizeof text, &info);

    if (n == OTTER_ERR_AGAIN) {
        return;
    }
    if (n < 0) {
        otter_udp_close(push->udp);
        push->udp = NULL;
        push->udp_ms = otter_clock_ms();
        return;
    }
    if (info.truncated) {
        n = 0; /* an empty datagram is as good a message */
    }
    switch (push->state) {
    case OTTER__PUSH_IDLE:
        take_invitation(push, text, (uint32_t)n, &info.from);
        break;
    case OTTER__PUSH_CHALLENGE:
        take_answer(push, text, (uint32_t)n, &info.from);
        break;
    case OTTER__PUSH_REPORT:
        take_after_failure(push, text, (uint32_t)n, &info.from);
        break;
    default:
        take_during_update(push, text, (uint32_t)n, &info.from);
        break;
    }
}

/* --- Public functions --------------------------------------------------- */

static int open_udp(struct otter_push *push)
{
    struct otter_udp_config config = {.port = push->port};

    push->udp_ms = otter_clock_ms();
    return otter_udp_open(&push->udp, &config);
}

/* "esp8266-" and the chip id as six lowercase hex digits (protocol 1.1) */
static void make_host_name(char *out)
{
    uint32_t id = otter_board_chip_id();
    const uint8_t bytes[3] = {(uint8_t)(id >> 16), (uint8_t)(id >> 8),
                              (uint8_t)id};

    memcpy(out, "esp8266-", 8);
    otter_hex_encode(out + 8, bytes, sizeof bytes);
}

int otter_push_init(struct otter_push *push,
                    const struct otter_push_config *config)
{
    const char *name = config->host_name;
    int error;

    memset(push, 0, sizeof *push);
    error = otter__push_auth_init(&push->auth, config->password,
                                  config->password_hash);
    if (error != 0) {
        return error;
    }
    if (config->stream == NULL ||
        (name != NULL && strlen(name) > HOST_NAME_MAX) ||
        (!otter__push_auth_required(&push->auth) &&
         !config->allow_unauthenticated)) {
        return OTTER_ERR_INVALID;
    }
    push->config = config;
    push->stream = config->stream;
    push->port = config->port != 0 ? config->port : OTTER_PUSH_PORT;
    make_host_name(push->default_name);
    push->host_name =
        name != NULL && name[0] != '\0' ? name : push->default_name;
    error = open_udp(push);
    if (error == 0) {
        otter__push_enter(push, OTTER__PUSH_IDLE);
    }
    return error;
}

static void step(struct otter_push *push)
{
    otter__push_auth_tick(&push->auth);
    if (push->state >= OTTER__PUSH_START) {
        otter__push_run(push);
    } else if (push->state == OTTER__PUSH_CHALLENGE &&
               otter__push_passed(push, OTTER_PUSH_CHALLENGE_MS)) {
        otter__push_enter(push, OTTER__PUSH_IDLE);
    }
}

int otter_push_poll(struct otter_push *push)
{
    if (push->state == OTTER__PUSH_CLOSED) {
        return OTTER_ERR_STATE;
    }
    step(push);
    if (push->state == OTTER__PUSH_CLOSED) {
        return OTTER_ERR_STATE;
    }
    if (push->udp != NULL) {
        take_datagram(push);
    } else if (otter_clock_since(push->udp_ms) >= REOPEN_MS &&
               open_udp(push) != 0) {
        push->udp = NULL;
    }
    if (push->state == OTTER__PUSH_CLOSED) {
        return OTTER_ERR_STATE;
    }
    return push->state >= OTTER__PUSH_START ? OTTER_ERR_PENDING : 0;
}

void otter_push_close(struct otter_push *push)
{
    if (push->state >= OTTER__PUSH_START) {
        otter__push_give_up(push);
    }
    push->state = OTTER__PUSH_CLOSED;
    if (push->udp != NULL) {
        otter_udp_close(push->udp);
        push->udp = NULL;
    }
}

uint32_t otter_push_command(const struct otter_push *push)
{
    return push->command;
}

const char *otter_push_host_name(const struct otter_push *push)
{
    return push->host_name;
}

uint16_t otter_push_port(const struct otter_push *push)
{
    return push->port;
}

bool otter_push_auth_required(const struct otter_push *push)
{
    return otter__push_auth_required(&push->auth);
}

int otter_push_reason(const struct otter_push *push)
{
    return push->reason;
}
