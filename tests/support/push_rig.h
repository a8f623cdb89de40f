/* SPDX-License-Identifier: Apache-2.0
 *
 * A push device on the simulated board and the fake network, with the test as
 * its uploader.  Messages are given as the bytes of the specification; no
 * code is shared with the device.  Callbacks are written down as text, so
 * that a test can compare the whole story of an update. */
#ifndef OTTER_TESTS_SUPPORT_PUSH_RIG_H
#define OTTER_TESTS_SUPPORT_PUSH_RIG_H

#include "device/transport/push.h"
#include "tests/support/fake_net.h"
#include "tests/support/fake_stream.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#define PUSH_RIG_HOST     "192.168.1.50"
#define PUSH_RIG_UDP_PORT 40123 /* of the host */
#define PUSH_RIG_TCP_PORT 48231 /* that it invites to */

/* Protocol 1.4's test vector: password 123. */
#define PUSH_RIG_PASSWORD "123"
#define PUSH_RIG_HASH     "202cb962ac59075b964b07152d234b70"
#define PUSH_RIG_NONCE    "25d55ad283aa400af464c76d713c07ad"
#define PUSH_RIG_CNONCE   "120b5493fc60b02f169375acf67aa081"
#define PUSH_RIG_RESPONSE "61312c52aaa75e328987179e2bf7ed46"
#define PUSH_RIG_ANSWER   "200 " PUSH_RIG_CNONCE " " PUSH_RIG_RESPONSE "\n"
#define PUSH_RIG_WRONG                                                        \
    "200 " PUSH_RIG_CNONCE " 00000000000000000000000000000000\n"

struct push_rig {
    struct otter_push push;
    struct otter_push_config config; /* fake stream, no password, 0 */
    struct otter_events events;
    struct fake_stream stream;

    char log[16384]; /* "start(0,100) progress(0,100) ... end error(4)" */
    int decline;     /* what on_start answers */

    /* Called at the end of every callback, with its name. */
    void (*on_callback)(struct push_rig *rig, const char *name);

    jmp_buf restart; /* where a restart of the board goes */
};

/* For cmocka: a rig in *state, with the clock close below its wrap, and its
 * end, which checks that nothing was left open. */
int push_rig_setup(void **state);
int push_rig_teardown(void **state);

/* otter_push_init with the rig's configuration, which must succeed. */
void push_rig_open(struct push_rig *rig);

/* Moves the clock on by `ms` in steps of 1 ms, with a poll after each; stops
 * at a restart.  True: the board restarted. */
bool push_rig_run(struct push_rig *rig, uint32_t ms);

/* A datagram from the host, or from elsewhere, and one poll; nothing that
 * needs a second one has happened after it. */
void push_rig_say(struct push_rig *rig, const char *text);
void push_rig_say_from(struct push_rig *rig, const char *ip, uint16_t port,
                       const char *text);

/* The next datagram of the device is `text`, for the host at its UDP port; or
 * there is none. */
void push_rig_hears(const char *text);
void push_rig_hears_at(const char *ip, uint16_t port, const char *text);
void push_rig_hears_nothing(void);

/* The log is `text`, and is empty afterwards. */
void push_rig_logged(struct push_rig *rig, const char *text);

/* Invites without a password: "0 48231 <size> <md5>", polls until the device
 * has said OK and connected, accepts, and returns the connection. */
struct fake_peer *push_rig_connect(struct push_rig *rig, uint32_t size);

/* Opens the device and brings it to where an update of 5000 bytes has received
 * `uploaded` of them; their counts are read and the log is empty. */
struct fake_peer *push_rig_receiving(struct push_rig *rig, uint32_t uploaded);

/* Sends `len` bytes of a pattern that depends on the position `at`. */
void push_rig_upload(struct fake_peer *peer, uint32_t at, uint32_t len);

/* The fake stream holds exactly the first `len` bytes of the pattern. */
void push_rig_arrived(struct push_rig *rig, uint32_t len);

/* What the device has written to the connection since the last call. */
void push_rig_reads(struct fake_peer *peer, const char *text);

#endif
