/* SPDX-License-Identifier: Apache-2.0
 *
 * One push to one device, the host's side of protocol section 1, as a state
 * machine that never blocks.  It follows the uploader of protocol 1.12: the
 * invitation is repeated, a connection from the device counts as a lost OK,
 * the file is streamed without waiting for the device's counts, and only the
 * word OK at the end means success.
 *
 *   INVITING ----AUTH----> AUTHENTICATING --OK--> WAITING
 *      |   \                  |       \             |
 *      |    AUTH, no password |        `- silence, stale nonce: INVITING
 *      |     v                v                     v
 *      |   ASKING         (connection)        (connection)
 *      |                      v                     v
 *      `---OK---> WAITING   SENDING <---------------'
 *                             |
 *                             v
 *                           RESULT ----> DONE (from every state)
 *
 * The owner supplies the time, waits on the descriptors, and hands over the
 * connections that arrive at its TCP listener.  The listener must be open
 * before the session starts.  No clock, no terminal, no option is known here.
 */
#ifndef OTTER_HOST_PUSH_SESSION_H
#define OTTER_HOST_PUSH_SESSION_H

#include "format/compiler.h"
#include "format/push_message.h"
#include "host/address.h"
#include "host/digest.h"
#include "host/push_ending.h"
#include "host/push_web.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* As long as the texts of push_message.h. */
#define OTTER_PUSH_WORDS_SIZE 160

/* Limits in milliseconds, every one of them more than 0. */
struct otter_push_limits {
    uint32_t answer_ms;        /* for an answer to all invitations together */
    uint32_t auth_ms;          /* for an answer to the password */
    uint32_t connect_ms;       /* from OK to the device's connection ... */
    uint32_t esp32_connect_ms; /* ... at the UDP port of the ESP32 */
    uint32_t idle_ms;          /* without any progress of the upload */
    uint32_t result_ms;        /* without a sign of life after the last byte */
    unsigned tries;            /* invitations within answer_ms, at least 1 */
};

/* What is pushed, the same for all devices.  Borrowed by every session. */
struct otter_push_job {
    const uint8_t *data;
    uint32_t size;                /* bytes, at most 2^31 - 1 */
    char md5[OTTER_MD5_HEX_SIZE]; /* of these bytes */
    uint32_t command;             /* 0 sketch, 100 file system */
    bool stored_md5; /* the device keeps the MD5 of its password */
    bool can_ask;    /* the owner will answer ASKING; otherwise it fails */
    uint32_t lockstep_chunk; /* 0: stream; else bytes sent per reply */
    struct otter_push_limits limits;

    /* Of the way through the update page. */
    bool web;                           /* this way */
    const char *path;                   /* of the page, "/update" */
    const char *user;                   /* whose password it is */
    const char *file_name;              /* without folders */
    char sha256[OTTER_SHA256_HEX_SIZE]; /* of the bytes */
    const char *version;                /* in the file, NULL: not known */
    uint32_t back_ms; /* for the device to come back; 0: not awaited */
};

enum otter_push_session_state {
    OTTER_PUSH_SESSION_INVITING,
    OTTER_PUSH_SESSION_ASKING, /* waits for the owner to give a password */
    OTTER_PUSH_SESSION_AUTHENTICATING,
    OTTER_PUSH_SESSION_WAITING, /* accepted; the device connects back */
    OTTER_PUSH_SESSION_SENDING,
    OTTER_PUSH_SESSION_RESULT,     /* all sent; the device verifies */
    OTTER_PUSH_SESSION_CONNECTING, /* web: the page is asked for */
    OTTER_PUSH_SESSION_RESTARTING, /* web: until there is a new boot id */
    OTTER_PUSH_SESSION_DONE,
    OTTER_PUSH_SESSION_STATE_COUNT
};

enum otter_push_session_event {
    OTTER_PUSH_EVENT_INVITED, /* an invitation was sent, see invitations */
    OTTER_PUSH_EVENT_STATE,   /* the state changed */
    OTTER_PUSH_EVENT_PROGRESS,
    OTTER_PUSH_EVENT_FACTS, /* web: the device told what it is; the listener
                               may end the session */
};

struct otter_push_session;

typedef void otter_push_session_listener(
    void *user, const struct otter_push_session *session,
    enum otter_push_session_event event);

struct otter_push_session {
    /* To be set before start; borrowed until the session is closed. */
    const struct otter_push_job *job;
    const char *password;           /* NULL: none is known */
    struct sockaddr_storage device; /* address and UDP port; web: TCP port */
    struct sockaddr_storage local;  /* UDP source; family 0: the system's */
    uint16_t host_port;             /* of the owner's listener */
    otter_push_session_listener *listener; /* NULL: nobody */
    void *user;

    /* To be read by the owner and by reporters. */
    enum otter_push_session_state state;
    enum otter_push_ending ending;    /* valid in DONE */
    char text[OTTER_PUSH_WORDS_SIZE]; /* the device's words, or empty */
    int os_error;                     /* errno of a failed system call, or 0 */
    uint32_t sent;                    /* bytes that the kernel took */
    uint32_t done;           /* bytes that arrived; equals sent at the end */
    uint64_t started_at_ms;  /* the owner's clock */
    uint64_t sending_at_ms;  /* when the device connected */
    uint64_t finished_at_ms; /* when DONE was reached */
    unsigned invitations;    /* sent so far */
    /* Last other address that answered or connected, or empty. */
    char stranger[OTTER_ADDRESS_TEXT_SIZE];
    bool authenticated;        /* the device asked for the password */
    bool unknown_answer;       /* REFUSED by words that the protocol lacks */
    bool ok_implied;           /* connected though no OK was seen */
    struct otter_push_web web; /* when the job goes this way */

    /* private */
    int udp;
    int tcp;
    unsigned round;       /* of the authentication, from 0 */
    unsigned round_tries; /* invitations in this round */
    unsigned answers;     /* authentication answers in this round */
    bool question;        /* the nonce waits for its answer */
    bool answer_repeated;
    bool stored_md5;    /* answer as if the device kept an MD5 */
    bool awaits_reply;  /* lock step: the chunk has no reply yet */
    uint32_t chunk_end; /* lock step: where the chunk ends */
    char nonce[OTTER_SHA256_HEX_SIZE];
    struct otter_push_auth_answer answer;
    struct otter_push_result result;
    uint64_t now_ms;
    uint64_t next_at_ms;     /* next repetition of a datagram */
    uint64_t deadline_ms;    /* the state's limit */
    uint64_t progress_at_ms; /* last sign of life during the upload */
};

/* Opens the UDP socket and sends the first invitation.  The struct is zeroed
 * by the caller but for its first group.  Ends in DONE when a socket cannot
 * be had. */
void otter_push_session_start(struct otter_push_session *session,
                              uint64_t now_ms);

/* Whether a connection from this address belongs to this session, which must
 * not have one yet.  Ports are not compared. */
bool otter_push_session_expects(const struct otter_push_session *session,
                                const struct sockaddr_storage *peer);

/* For how long the device's connection is awaited. */
uint32_t otter_push_session_connect_ms(
    const struct otter_push_session *session);

/* Takes over the descriptor of a connection that the session expects. */
void otter_push_session_connected(struct otter_push_session *session, int fd,
                                  uint64_t now_ms);

/* Answers the state ASKING; the text is borrowed like the field.  NULL: the
 * user has none. */
void otter_push_session_password(struct otter_push_session *session,
                                 const char *password, uint64_t now_ms);

/* What to wait for: fills at most two entries and returns their number. */
size_t otter_push_session_poll(const struct otter_push_session *session,
                               struct pollfd fds[2]);

/* The latest time of the next step, on the owner's clock; UINT64_MAX in ASKING
 * and in DONE. */
uint64_t otter_push_session_wake(const struct otter_push_session *session);

/* Reads, writes, and looks at the time.  Never blocks; the answer of the
 * PBKDF2 scheme computes for some milliseconds. */
void otter_push_session_step(struct otter_push_session *session,
                             uint64_t now_ms);

/* Ends a session from outside; does nothing in DONE.  The first as
 * interrupted, or with the verdict if that is known. */
void otter_push_session_interrupt(struct otter_push_session *session,
                                  uint64_t now_ms);
void otter_push_session_end(struct otter_push_session *session,
                            enum otter_push_ending ending, const char *text);

#endif
