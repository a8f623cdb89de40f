/* SPDX-License-Identifier: Apache-2.0
 *
 * One HTTP request and its answer over a connection of their own, as a state
 * machine that never blocks.  The request may be large: it is sent from the
 * caller's memory while the answer is awaited, and an answer that comes
 * before the end of the request ends the sending.  The answer's body is kept
 * as text, cut to the size that a device's words may have.
 *
 *   CONNECTING -> SENDING -> RECEIVING -> ANSWERED
 *         `----------`----------`-------> FAILED
 */
#ifndef OTTER_HOST_WEB_EXCHANGE_H
#define OTTER_HOST_WEB_EXCHANGE_H

#include "codec/http.h"
#include "format/compiler.h"
#include "host/web_login.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define OTTER_WEB_PIECES 3

enum otter_web_exchange_state {
    OTTER_WEB_EXCHANGE_IDLE, /* all-zero: not begun */
    OTTER_WEB_EXCHANGE_CONNECTING,
    OTTER_WEB_EXCHANGE_SENDING,
    OTTER_WEB_EXCHANGE_RECEIVING,
    OTTER_WEB_EXCHANGE_ANSWERED,
    OTTER_WEB_EXCHANGE_FAILED
};

/* What is sent one after the other; borrowed. */
struct otter_web_piece {
    const void *data;
    uint32_t len;
};

struct otter_web_exchange {
    /* To be read. */
    enum otter_web_exchange_state state;
    int os_error;    /* of FAILED: errno, 0: closed without an answer */
    uint64_t sent;   /* bytes of the request that the kernel took ... */
    uint64_t size;   /* ... of so many */
    bool moved;      /* the last step has sent or received something */
    int status;      /* of the answer */
    char body[4096]; /* its text, NUL at the end */
    struct otter_web_login login; /* what a 401 asked for */

    /* private */
    int fd; /* valid between begin and end */
    struct otter_web_piece pieces[OTTER_WEB_PIECES];
    struct otter_http http;
    struct otter_http_config config;
    char line[2048];
    uint32_t body_len;
};

/* Connects, with `local` as source unless its family is 0.  The pieces are
 * borrowed until the exchange is over. */
void otter_web_exchange_begin(
    struct otter_web_exchange *x, const struct sockaddr_storage *to,
    const struct sockaddr_storage *local,
    const struct otter_web_piece pieces[OTTER_WEB_PIECES]);

/* What to wait for: at most one entry; returns how many. */
size_t otter_web_exchange_poll(const struct otter_web_exchange *x,
                               struct pollfd fds[1]);

/* Does what can be done at once; a part of a large request. */
void otter_web_exchange_step(struct otter_web_exchange *x);

/* Bytes of the request that the other side's TCP has acknowledged. */
uint64_t otter_web_exchange_arrived(const struct otter_web_exchange *x);

/* Closes the connection; harmless at any time. */
void otter_web_exchange_end(struct otter_web_exchange *x);

#endif
