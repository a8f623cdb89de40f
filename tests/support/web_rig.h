/* SPDX-License-Identifier: Apache-2.0
 *
 * A device's update page on the simulated board and the fake network, with
 * the test as its browsers.  Requests and answers are given as the bytes on
 * the wire; no code is shared with the device.  Callbacks are written down as
 * text. */
#ifndef OTTER_TESTS_SUPPORT_WEB_RIG_H
#define OTTER_TESTS_SUPPORT_WEB_RIG_H

#include "device/transport/web.h"
#include "tests/support/fake_net.h"
#include "tests/support/fake_stream.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#define WEB_RIG_HOST "192.168.1.50" /* where the requests come from */

struct web_rig {
    struct otter_web web;
    struct otter_web_config config; /* fake stream, nobody asks for a name */
    struct otter_events events;
    struct otter_web_status status; /* what the status callback answers */
    struct fake_stream stream;

    char log[4096]; /* "start(0,100) progress(0,100) ... end error(-4)" */
    int decline;    /* what on_start answers */
    int confirmed;  /* what confirm and revert answer */

    /* Called at the end of every callback, with its name. */
    void (*on_callback)(struct web_rig *rig, const char *name);

    char answer[16384]; /* the last one, NUL behind it */
    jmp_buf restart;    /* where a restart of the board goes */
};

/* For cmocka: a rig in *state, with the clock close below its wrap, and its
 * end, which checks that nothing was left open. */
int web_rig_setup(void **state);
int web_rig_teardown(void **state);

/* otter_web_init with the rig's configuration, which must succeed. */
void web_rig_open(struct web_rig *rig);

/* Moves the clock on by `ms` in steps of 1 ms, with a poll after each; stops
 * at a restart.  True: the board restarted. */
bool web_rig_run(struct web_rig *rig, uint32_t ms);

/* A connection to the page. */
struct fake_peer *web_rig_dial(void);

/* The connection sends a text and the device works for a while. */
void web_rig_say(struct web_rig *rig, struct fake_peer *peer,
                 const char *text);

/* Reads what the device has written to the connection into rig->answer. */
void web_rig_read(struct web_rig *rig, struct fake_peer *peer);

/* A new connection sends `text`; its answer is in rig->answer and begins with
 * "HTTP/1.1 <status> ".  Returns the connection. */
struct fake_peer *web_rig_ask(struct web_rig *rig, const char *text,
                              int status);

/* The same with a form of one file as body, "Content-Type" and length are
 * added to the head, which ends in a line end. */
struct fake_peer *web_rig_post(struct web_rig *rig, const char *head,
                               const char *form, int status);

/* The last answer holds this text, or does not. */
void web_rig_has(struct web_rig *rig, const char *text);
void web_rig_has_not(struct web_rig *rig, const char *text);

/* The log is `text`, and is empty afterwards. */
void web_rig_logged(struct web_rig *rig, const char *text);

/* The fake stream holds this text. */
void web_rig_arrived(struct web_rig *rig, const char *text);

/* The boundary of web_rig_post's forms, and their usual parts. */
#define WEB_RIG_TYPE "Content-Type: multipart/form-data; boundary=----edge\r\n"
#define WEB_RIG_FILE(name, data)                                              \
    "------edge\r\nContent-Disposition: form-data; name=\"" name              \
    "\"; filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n"    \
    "\r\n" data "\r\n"
#define WEB_RIG_FIELD(name, value)                                            \
    "------edge\r\nContent-Disposition: form-data; name=\"" name              \
    "\"\r\n\r\n" value "\r\n"
#define WEB_RIG_END  "------edge--\r\n"
#define WEB_RIG_HEAD "POST /update HTTP/1.1\r\nHost: 192.168.1.77\r\n"

#endif
