/* SPDX-License-Identifier: Apache-2.0
 *
 * The messages of the core's push protocol (protocol 1.2 to 1.6), both
 * sides: what a host writes a device reads, and the other way round.  Digests
 * are handed in as text, sockets and timers are elsewhere.
 *
 *   host -> device UDP  <cmd> SP <port> SP <size> SP <md5> LF    invitation
 *   device -> host UDP  AUTH SP <nonce>
 *   host -> device UDP  200 SP <cnonce> SP <response> LF         auth answer
 *   device -> host UDP  OK | Authentication Failed
 *                       | ERR: ERROR[<n>]: <text> LF
 *   device -> host TCP  <count>... then OK | ERROR[<n>]: <text> LF
 *
 * The device's parsers accept and ignore exactly what the core's do (1.3,
 * section 10 items 6 and 7): hosts depend on both.  Number reader: skip
 * spaces, read at most 15 digits, a non-digit at once is 0, sixteen digits in
 * a row are 0, more than a 32-bit int holds is 2147483647.  The end of the
 * datagram counts as a non-digit.
 *
 * Datagrams need no NUL and may be of any length.  Nothing is allocated,
 * nothing blocks. */
#ifndef OTTER_FORMAT_PUSH_MESSAGE_H
#define OTTER_FORMAT_PUSH_MESSAGE_H

#include "format/compiler.h"
#include "format/error.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_PUSH_PORT        8266u /* UDP, ESP8266 (protocol 1.1) */
#define OTTER_PUSH_PORT_ESP32  3232u
#define OTTER_PUSH_PORT_RP2040 2040u

/* Commands (protocol 1.1); the first two equal enum otter_update_kind. */
#define OTTER_PUSH_COMMAND_SKETCH      0u
#define OTTER_PUSH_COMMAND_FILE_SYSTEM 100u
#define OTTER_PUSH_COMMAND_AUTH        200u

/* Digits of nonce, cnonce and response in the two schemes. */
#define OTTER_PUSH_DIGITS_MD5    32u /* protocol 1.4 */
#define OTTER_PUSH_DIGITS_SHA256 64u /* protocol 1.11, ESP32 since 3.3.1 */

/* Buffers of this size hold every message here, NUL included. */
#define OTTER_PUSH_MESSAGE_MAX 176u

/* ---- Invitation ---- */

struct otter_push_invitation {
    uint32_t command; /* OTTER_PUSH_COMMAND_SKETCH or _FILE_SYSTEM */
    uint32_t size;    /* bytes that will follow, 0 to 2147483647 */
    uint16_t port;    /* TCP port of the host */
    char md5[33];     /* 32 characters; from a parser they can be anything
                         but NUL and LF */
};

/* Device: reads an invitation.
 * OTTER_ERR_KIND: the command is neither 0 nor 100.
 * OTTER_ERR_SYNTAX: the digest has not exactly 32 characters.
 * In both cases the core ignores the datagram without a reply; `out` is then
 * undefined.  A size of 0 is for the updater to refuse. */
OTTER_MUST_CHECK int otter_push_parse_invitation(
    const void *datagram, uint32_t len, struct otter_push_invitation *out);

/* Host: writes an invitation, LF included, and returns its length.  `size`
 * of `out` is at least OTTER_PUSH_MESSAGE_MAX. */
uint32_t otter_push_format_invitation(
    const struct otter_push_invitation *invitation, char *out, uint32_t size);

/* ---- Authentication ---- */

/* Device: writes "AUTH <nonce>" and returns its length. */
uint32_t otter_push_format_auth_request(const char *nonce, char *out,
                                        uint32_t size);

struct otter_push_auth_answer {
    char cnonce[65];
    char response[65];
};

/* Device: reads the auth answer of a scheme with `digits` (32 or 64) digits.
 * OTTER_ERR_KIND: the command is not 200.
 * OTTER_ERR_SYNTAX: cnonce or response has not exactly `digits` characters.
 * In both cases the core drops its nonce and says nothing; `out` is then
 * undefined.  Nothing is trimmed: CR LF makes the response too long. */
OTTER_MUST_CHECK int otter_push_parse_auth_answer(
    const void *datagram, uint32_t len, uint32_t digits,
    struct otter_push_auth_answer *out);

/* Host: writes the auth answer, LF included, and returns its length. */
uint32_t otter_push_format_auth_answer(
    const struct otter_push_auth_answer *answer, char *out, uint32_t size);

#define OTTER_PUSH_CHALLENGE_MAX 195u /* three times 64, two colons, NUL */

/* Both: writes "<key>:<nonce>:<cnonce>", whose digest is the response; in the
 * MD5 scheme `key` is the stored digest of the password, in the SHA-256
 * scheme the derived key.  The part behind the first colon is that scheme's
 * PBKDF2 salt.  Returns the length. */
uint32_t otter_push_format_challenge(const char *key, const char *nonce,
                                     const char *cnonce, char *out,
                                     uint32_t size);

/* ---- The device's other answers ---- */

#define OTTER_PUSH_TEXT_OK          "OK"
#define OTTER_PUSH_TEXT_AUTH_FAILED "Authentication Failed"

/* Device: writes "ERR: ERROR[<n>]: <text>" LF, the answer to an invitation
 * that cannot begin, and returns its length. */
uint32_t otter_push_format_refusal(const struct otter_error_detail *detail,
                                   char *out, uint32_t size);

/* Device: writes the count of bytes taken, decimal without any end, and
 * returns its length.  `size` is at least 11. */
uint32_t otter_push_format_count(uint32_t count, char *out, uint32_t size);

enum otter_push_reply_kind {
    OTTER_PUSH_REPLY_OK,          /* the device will connect */
    OTTER_PUSH_REPLY_AUTH,        /* it wants a password: see nonce */
    OTTER_PUSH_REPLY_AUTH_FAILED, /* the password is wrong */
    OTTER_PUSH_REPLY_ERROR,       /* it refuses: see text */
    OTTER_PUSH_REPLY_OTHER        /* none of these: see text */
};

struct otter_push_reply {
    enum otter_push_reply_kind kind;
    char nonce[65]; /* AUTH: its 32 or 64 characters; empty when the nonce
                       has another length */
    char text[160]; /* the words as received, of ERROR without "ERR: ";
                       printable ASCII, cut to fit, without line end */
};

/* Host: reads a datagram of the device; every datagram is one of the kinds.
 */
void otter_push_parse_reply(const void *datagram, uint32_t len,
                            struct otter_push_reply *out);

/* ---- The device's answers on TCP ---- */

/* Host: finds the result in the stream of counts (protocol 1.6).  Counts are
 * a sign of life and no more, since they come without separators; the first
 * byte that is neither digit nor white space begins the result.
 *
 *   WAITING --"OK"--> SUCCESS
 *      |  \--other text, LF, or silence after it--> FAILURE
 *      \--close without any text--> UNKNOWN
 */
enum otter_push_outcome {
    OTTER_PUSH_WAITING, /* no result yet */
    OTTER_PUSH_SUCCESS, /* "OK" */
    OTTER_PUSH_FAILURE, /* see text */
    OTTER_PUSH_UNKNOWN  /* closed without a result; it may have worked */
};

struct otter_push_result {
    enum otter_push_outcome outcome;
    char text[160]; /* the result so far; printable ASCII, cut to fit */
    /* private */
    uint32_t len;
};

void otter_push_result_init(struct otter_push_result *result);

/* Takes the next bytes of the stream, split anywhere.  Returns the outcome;
 * once it is not WAITING, further bytes change nothing. */
enum otter_push_outcome otter_push_result_feed(
    struct otter_push_result *result, const void *data, uint32_t len);

/* True while a result has begun and its end is open: after 1 s of silence the
 * caller ends it with otter_push_result_close. */
bool otter_push_result_begun(const struct otter_push_result *result);

/* Nothing more comes: the connection closed, or stayed silent for 1 s after
 * the result began.  Returns the final outcome. */
enum otter_push_outcome otter_push_result_close(
    struct otter_push_result *result);

OTTER_END_DECLS

#endif
