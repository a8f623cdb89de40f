/* SPDX-License-Identifier: Apache-2.0
 *
 * Push: the device side of the ArduinoOTA protocol (protocol section 1), the
 * counterpart of the core's ArduinoOTA object.  An uploader invites by UDP,
 * the device connects back by TCP, and the bytes go into a stream.
 *
 *   idle -> (challenge ->) start -> pause -> connect -> receive -> end
 *        -> flush -> settle -> answer -> linger -> restart, or idle
 *   start fails: an ERR datagram, idle.  A failure from receive on: report
 *   (the text by TCP), idle.
 *
 * Nothing blocks and nothing is allocated.  otter_push_poll polls the stream
 * that it feeds, so during an update nobody else needs to.
 *
 * What the application sees, in the core's terms (protocol 1.9): setPort,
 * setHostname, setPassword and setPasswordHash are fields of the
 * configuration that init reads; as in the core they take effect before begin
 * only: to change one, close and init again.  setRebootOnSuccess, the
 * callbacks and their replacement are fields that are read when they are
 * needed and may be changed between calls.  begin is init, handle is poll,
 * end is close; getCommand and getHostname are the two queries below.
 * setEraseConfig (3.2.0-dev) has no counterpart: on_end runs before the
 * restart and may erase what it likes.
 * Advertising is mdns.h's; push neither starts nor polls it.
 *
 * Deliberate departures from protocol section 1, each held by a test:
 *   1.3, 1.8: a challenge that nobody answers lapses after
 *     OTTER_PUSH_CHALLENGE_MS, in the core never.  What waits in the socket
 *     when a challenge is sent is dropped: it cannot be the answer to it.
 *   1.3: a digest that is not hexadecimal is refused at the start with the
 *     text of error 7, in the core after the whole upload.
 *   1.4: nonces come from the board's randomness; without it no challenge is
 *     sent.  Repeated wrong answers lead to a wait (push_auth.h).
 *   1.5 step 1, table 1.7 row "another update": a second inviter is told so
 *     and the running update goes on, in the core it is destroyed.
 *   1.5 step 5: on_start runs before OK is sent and may decline.
 *   1.5 step 6: a connection that fails is one error, CONNECT, in the core
 *     CONNECT and END.
 *   1.5 step 7, table 1.7 last row: silence for OTTER_PUSH_SILENCE_MS, or
 *     fewer than OTTER_PUSH_SLOW_BYTES in OTTER_PUSH_SLOW_MS, ends the update
 *     with RECEIVE; in the core the device waits for ever.
 *   1.5 step 8: after an error text the device reads on for up to
 *     OTTER_PUSH_RESULT_MS, so that the text is not lost to a reset; a new
 *     invitation of the same host ends that. */
#ifndef OTTER_DEVICE_TRANSPORT_PUSH_H
#define OTTER_DEVICE_TRANSPORT_PUSH_H

#include "device/stream/events.h"
#include "device/stream/stream.h"
#include "device/transport/push_auth.h"
#include "format/compiler.h"
#include "format/core_error.h" /* enum otter_push_error */
#include "format/push_message.h"
#include "hal/net.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

/* Timers in milliseconds, as in protocol 1.8 unless the list above says so. */
#define OTTER_PUSH_CHALLENGE_MS 10000u /* a challenge waits for its answer */
#define OTTER_PUSH_PAUSE_MS     100u   /* between OK and the connection */
#define OTTER_PUSH_CONNECT_MS   5000u  /* for the connection to come up */
#define OTTER_PUSH_SILENCE_MS   15000u /* without a byte from the host */
#define OTTER_PUSH_SLOW_MS      60000u /* in each such time at least ... */
#define OTTER_PUSH_SLOW_BYTES   4096u  /* ... so many bytes, or the rest */
#define OTTER_PUSH_FLUSH_MS     300u   /* for bytes to be acknowledged */
#define OTTER_PUSH_RESULT_MS    1000u  /* before the result and after it */
#define OTTER_PUSH_RESTART_MS   100u   /* between on_end and the restart */

/* Borrowed until otter_push_close.  All-zero is refused. */
struct otter_push_config {
    /* Where the bytes go; read by init. */
    struct otter_stream *stream;

    /* Callbacks, or NULL; read when needed. */
    const struct otter_events *events;

    /* Name under which the device shows itself, at most 63 bytes; NULL or
     * empty: "esp8266-" and the chip id.  Read by init, borrowed. */
    const char *host_name;

    /* UDP port, 0: OTTER_PUSH_PORT.  Read by init. */
    uint16_t port;

    /* At most one of the two; init hashes the password and does not keep it.
     * The empty password is one, as in the core.  The hash is the MD5 of the
     * password as 32 lowercase digits; it is stored as it is, so an uppercase
     * one never matches what uploaders send.  Read by init. */
    const char *password;
    const char *password_hash;

    /* Must be true when neither is given: anybody on the network may then
     * update the device.  Without meaning otherwise.  Read by init. */
    bool allow_unauthenticated;

    /* Do not restart after an update; the application does so when it suits
     * it, and the update takes effect then.  Read when needed. */
    bool stay_running;
};

/* One device.  Caller's memory; all-zero is a closed one. */
struct otter_push {
    /* private */
    const struct otter_push_config *config;
    struct otter_stream *stream;
    const char *host_name;
    struct otter_udp *udp;   /* NULL: lost, opened again by poll */
    struct otter_conn *conn; /* NULL: none */
    uint16_t port;
    uint8_t state;
    bool begun;         /* the stream holds an update that is not ended */
    uint32_t since_ms;  /* when the state was entered */
    uint32_t udp_ms;    /* when the socket was tried last */
    uint32_t heard_ms;  /* when the host last sent something */
    uint32_t slow_ms;   /* start of the running OTTER_PUSH_SLOW_MS ... */
    uint32_t slow_done; /* ... and how many bytes were there */
    uint32_t received;  /* bytes taken from the connection */
    uint32_t done;      /* bytes taken by the stream */
    uint32_t pass;      /* of these, in the running pass (protocol 1.6) */
    uint32_t uncounted; /* of earlier passes, in no count yet */
    int reason;
    uint32_t command;
    struct otter_addr host; /* the inviter, with its UDP port */
    struct otter_push_invitation invitation;
    struct otter_push_auth auth;
    char default_name[16];
    char count[11]; /* the count on its way to the host */
    uint8_t count_off;
    uint8_t count_len;
    uint16_t buf_off; /* received, not yet taken by the stream; or a text */
    uint16_t buf_len;
    uint8_t buf[512];
};

/* Opens the UDP port.  `push` may hold anything; it must not be open.
 * Callable from any callback after close.
 * OTTER_ERR_INVALID: the configuration is refused, see its fields.
 * OTTER_ERR_ADDRESS_IN_USE, OTTER_ERR_NO_MEMORY, OTTER_ERR_NETWORK. */
OTTER_MUST_CHECK int otter_push_init(struct otter_push *push,
                                     const struct otter_push_config *config);

/* Does what can be done at once, including one step of the stream: at most
 * one flash sector's erase and program.  Runs at most two callbacks.  Restarts
 * the board when an update succeeded and stay_running is not set.
 * 0: idle.  OTTER_ERR_PENDING: an update is under way, poll again soon.
 * OTTER_ERR_STATE: closed. */
int otter_push_poll(struct otter_push *push);

/* Closes the ports at once and gives up what is under way, without callbacks;
 * a host is told where it can be.  An update that was committed already
 * (from the last count on) stays committed, but the restart is the
 * application's then.  Callable at any time, from the callbacks too, and
 * twice. */
void otter_push_close(struct otter_push *push);

/* The last accepted invitation's command, enum otter_update_kind; 0 before
 * the first. */
uint32_t otter_push_command(const struct otter_push *push);

/* The name under which the device shows itself, also when none was
 * configured.  Valid until close. */
const char *otter_push_host_name(const struct otter_push *push);

/* The UDP port in use, for advertising it. */
uint16_t otter_push_port(const struct otter_push *push);

/* True when an update needs a password, for advertising it. */
bool otter_push_auth_required(const struct otter_push *push);

/* Why the update failed, in more detail than on_error's number: OTTER_ERR_*.
 * Valid in on_error and until the next update receives its first bytes. */
int otter_push_reason(const struct otter_push *push);

OTTER_END_DECLS

#endif
