/* SPDX-License-Identifier: Apache-2.0
 *
 * The way around a device that cannot connect back: the upload through its
 * update page (protocol section 4), as another kind of session of
 * push_session.h, which hands its steps on to here.
 *
 *   CONNECTING ---401---> (ASKING) -> AUTHENTICATING
 *      |                                   |
 *      `----------> SENDING <--------------'
 *                      |
 *                   RESULT -> RESTARTING -> DONE
 *
 * First the device is asked what it is, at /update/status: ours tells its
 * version, its room and its boot id; a stock ESP8266HTTPUpdateServer does not
 * know the path and is asked for its page.  Either way the password is tried
 * before the file is sent.  Success is the word of the device, not the status
 * code: stock devices answer failures with 200 (protocol 4.3).  A device with
 * a boot id is then asked until it has another one. */
#ifndef OTTER_HOST_PUSH_WEB_H
#define OTTER_HOST_PUSH_WEB_H

#include "host/push_survey.h"
#include "host/web_exchange.h"
#include "host/web_login.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct otter_push_session;

#define OTTER_PUSH_WEB_PORT 80
#define OTTER_PUSH_WEB_PATH "/update"
#define OTTER_PUSH_WEB_USER "admin"

/* The part of a session that uploads through a page. */
struct otter_push_web {
    /* To be read by the owner. */
    bool known; /* the device told what it is: facts are valid */
    struct otter_push_facts facts;       /* before the update */
    struct otter_push_facts after;       /* `seen` once it is back */
    char reverted[OTTER_PUSH_FACT_SIZE]; /* why it is not the new version */

    /* private */
    struct otter_web_exchange exchange;
    struct otter_web_login login;
    uint8_t asks;      /* what the exchange is for */
    bool stock;        /* the status is not there, the page is */
    unsigned refusals; /* of the password in a row */
    char boot_id[32];  /* before the update */
    char head[3072];   /* of the request, with the start of its body */
    char tail[64];     /* the closing boundary */
    uint64_t next_at_ms;
    uint64_t limit_ms; /* of this exchange */
    uint64_t verdict_at_ms;
};

/* The session's functions for such a session. */
void otter__push_web_start(struct otter_push_session *s);
void otter__push_web_password(struct otter_push_session *s);
void otter__push_web_step(struct otter_push_session *s);
size_t otter__push_web_poll(const struct otter_push_session *s,
                            struct pollfd fds[1]);
uint64_t otter__push_web_wake(const struct otter_push_session *s);

#endif
