/* SPDX-License-Identifier: Apache-2.0
 *
 * A pull client on the simulated board and the fake network, with the test as
 * its server.  Messages are given as the bytes of the specification; no code
 * is shared with the device.  Callbacks are written down as text, so that a
 * test can compare the whole story of a run. */
#ifndef OTTER_TESTS_SUPPORT_PULL_RIG_H
#define OTTER_TESTS_SUPPORT_PULL_RIG_H

#include "device/transport/pull.h"
#include "tests/support/fake_net.h"
#include "tests/support/fake_stream.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#define PULL_RIG_NAME   "update.example" /* of the server */
#define PULL_RIG_SERVER "192.168.1.50"
#define PULL_RIG_URL    "http://" PULL_RIG_NAME "/update.php"
#define PULL_RIG_MD5    "0123456789abcdef0123456789abcdef"

struct pull_rig {
    struct otter_pull pull;
    struct otter_pull_config config; /* the URL above, the fake stream */
    struct otter_events events;
    struct fake_stream stream;

    /* What the figures function gives: those of the recordings. */
    struct otter_pull_figures figures;
    uint32_t figures_pending; /* it answers PENDING so often first */
    int figures_error;

    char log[32768]; /* "start(0,100) progress(0,100) ... end result(2)" */
    int decline;     /* what on_start answers */

    /* Called at the end of every callback, with its name. */
    void (*on_callback)(struct pull_rig *rig, const char *name);

    char request[2048]; /* the last one, from pull_rig_asked */
    jmp_buf restart;    /* where a restart of the board goes */
};

/* For cmocka: a rig in *state, with the clock close below its wrap, and its
 * end, which checks that nothing was left open. */
int pull_rig_setup(void **state);
int pull_rig_teardown(void **state);

/* otter_pull_init with the rig's configuration, which must succeed. */
void pull_rig_open(struct pull_rig *rig);

/* Moves the clock on by `ms` in steps of 1 ms, with a poll after each; stops
 * at a restart.  True: the board restarted. */
bool pull_rig_run(struct pull_rig *rig, uint32_t ms);

/* Starts a run and gives pull_rig_asked. */
struct fake_peer *pull_rig_ask(struct pull_rig *rig);

/* Polls until the client has connected and sent a request, which is then in
 * `request`. */
struct fake_peer *pull_rig_asked(struct pull_rig *rig);

/* The server sends a text, and a poll follows. */
void pull_rig_say(struct pull_rig *rig, struct fake_peer *peer,
                  const char *text);

/* Opens the client, runs it with this answer and a close behind it until the
 * end of the run, and returns its result. */
enum otter_pull_result pull_rig_answer(struct pull_rig *rig,
                                       const char *answer);

/* Polls until no run is under way, for at most two minutes.  True: the board
 * restarted. */
bool pull_rig_finish(struct pull_rig *rig);

/* The log is `text`, and is empty afterwards. */
void pull_rig_logged(struct pull_rig *rig, const char *text);

/* The last error is `number`, and its words are `text`. */
void pull_rig_failed(struct pull_rig *rig, int number, const char *text);

/* The last request has this line, or none that begins like this. */
void pull_rig_has_line(struct pull_rig *rig, const char *line);
void pull_rig_lacks_line(struct pull_rig *rig, const char *begin);

/* "HTTP/1.0 200 OK", Content-Length and further header lines, each with its
 * line end. */
const char *pull_rig_head(uint32_t length, const char *more);

/* Byte number `at` of the pattern. */
uint8_t pull_rig_byte(uint32_t at);

/* Sends `len` bytes of a pattern that depends on the position `at`; the first
 * is that of a sketch. */
void pull_rig_body(struct fake_peer *peer, uint32_t at, uint32_t len);

/* The fake stream holds exactly the first `len` bytes of the pattern. */
void pull_rig_arrived(struct pull_rig *rig, uint32_t len);

#endif
