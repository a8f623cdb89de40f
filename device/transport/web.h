/* SPDX-License-Identifier: Apache-2.0
 *
 * Web: the update page and the requests behind it, the counterpart of the
 * core's ESP8266HTTPUpdateServer (protocol section 4).  With `path` "/update":
 *
 *   GET  /update          the page (web_page/), or a plain form for a client
 *                         that does not take gzip
 *   POST /update          an upload: multipart/form-data whose file field is
 *                         "filesystem" for a file system and anything else
 *                         for a sketch, or application/octet-stream with
 *                         nothing but the file (?filesystem for the other
 *                         kind); text fields "md5", "sha256" and "size", or
 *                         headers x-MD5 and x-SHA256, are enforced
 *   GET  /update/status   what the device knows of itself, as JSON
 *   POST /update/confirm  the new program stays
 *   POST /update/revert   the previous program comes back
 *   OPTIONS, HEAD         on each of them
 *   GET  /                leads to the page
 *
 * A few connections are served at a time, each in a place of a fixed pool, so
 * that the page stays reachable while an upload runs:
 *
 *   HEAD -> WAIT (a second, after a wrong password) -> SEND -> HEAD or free
 *        -> RECEIVE -> END -> SEND -> FLUSH -> restart
 *
 * Nothing blocks and nothing is allocated.  otter_web_poll polls the stream
 * that an upload feeds, so nobody else needs to.
 *
 * Deliberate departures from protocol section 4, each held by a test:
 *   4.2: a failure has a status code that says so; `core_status` brings the
 *     core's 200 back.  The texts are the core's in both cases.  No header
 *     lets pages of other sites in unless `allow_origin` says so.
 *   4.2, 4.3: who may update is decided for each request and before its body
 *     is read.  A request without a file is answered with error 13 and
 *     restarts nothing.
 *   4.2: Digest authentication is offered beside Basic.
 *   4.3: one file in a request.  Its size may be announced; an upload that
 *     ends early, or without the closing boundary, is refused.
 *   4.4: parts may have any headers, boundaries any form; chunked bodies and
 *     Expect: 100-continue are understood; what stalls is given up. */
#ifndef OTTER_DEVICE_TRANSPORT_WEB_H
#define OTTER_DEVICE_TRANSPORT_WEB_H

#include "codec/http.h"
#include "codec/multipart.h"
#include "device/stream/events.h"
#include "device/stream/stream.h"
#include "device/transport/web_auth.h"
#include "format/compiler.h"
#include "hal/net.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_WEB_PORT  80u
#define OTTER_WEB_PATH  "/update"
#define OTTER_WEB_CONNS 3u /* served at a time; others hear 503 */

/* Timers in milliseconds. */
#define OTTER_WEB_HEAD_MS    10000u /* for a request's head to be complete */
#define OTTER_WEB_IDLE_MS    5000u  /* between requests of a connection */
#define OTTER_WEB_SILENCE_MS 15000u /* of an upload without a byte */
#define OTTER_WEB_SLOW_MS    60000u /* in each such time at least ... */
#define OTTER_WEB_SLOW_BYTES 4096u  /* ... so many bytes, or the rest */
#define OTTER_WEB_SEND_MS    10000u /* without a byte of the answer taken */
#define OTTER_WEB_WRONG_MS   1000u  /* before a wrong password is answered */
#define OTTER_WEB_FLUSH_MS   2000u  /* for the last answer to be received */
#define OTTER_WEB_RESTART_MS 500u   /* between on_end and the restart */
/* When all places are taken, a newcomer gets that of a connection which has
 * kept it so long without a request, or with half of one. */
#define OTTER_WEB_SPARE_MS 250u
#define OTTER_WEB_LATE_MS  2000u

/* What only the application knows, for the page and for scripts.  All-zero
 * and NULL: not known, then the page does not show it.  Texts are borrowed
 * until the next call of the same callback, printable ASCII. */
struct otter_web_status {
    const char *name;             /* of the running program */
    const char *version;          /* likewise */
    uint32_t flash_size;          /* bytes of the chip */
    uint32_t sketch_size;         /* bytes of the running program */
    uint32_t free_space;          /* bytes that an update may have */
    uint32_t fs_size;             /* bytes of the file system's area */
    bool on_trial;                /* confirm is awaited */
    uint32_t tries_left;          /* starts left, on trial */
    bool can_revert;              /* there is a previous program */
    const char *previous_version; /* of that program */
    const char *reason;           /* why the last update is not what runs;
                                     NULL: it is */
};

/* Borrowed until otter_web_close.  All-zero is refused. */
struct otter_web_config {
    /* Where the bytes go; read by init. */
    struct otter_stream *stream;

    /* Callbacks, or NULL.  on_start is told OTTER_SIZE_UNKNOWN when the size
     * of the file is not announced; on_progress counts towards the size of
     * the whole request then.  on_error is told OTTER_ERR_*.  Read when
     * needed. */
    const struct otter_events *events;

    /* Fills `out`, which is all-zero, or NULL.  Read when needed. */
    void (*status)(void *user, struct otter_web_status *out);

    /* The running program is to stay, or the previous one to come back, which
     * the transport follows with a restart.  0 or OTTER_ERR_*; NULL: there is
     * no such thing here, and the requests are answered with 404.  May block
     * as long as one sector's work.  Read when needed. */
    int (*confirm)(void *user);
    int (*revert)(void *user);
    void *user; /* handed to these three, borrowed */

    /* TCP port, 0: OTTER_WEB_PORT.  Read by init. */
    uint16_t port;

    /* Where the page is: begins with '/', does not end with it, at most 47
     * characters.  NULL: OTTER_WEB_PATH.  Read by init, borrowed. */
    const char *path;

    /* Both or none, 1 to OTTER_HTTP_USER_MAX characters each, no colon in the
     * user.  Read when needed: they may be changed between calls. */
    const char *user_name;
    const char *password;

    /* Must be true when there is no password: anybody on the network may then
     * update the device.  Without meaning otherwise.  Read by init. */
    bool allow_unauthenticated;

    /* Passwords in clear text are not taken: Digest only.  Most scripts for
     * the core's server send Basic.  Read when needed. */
    bool digest_only;

    /* Failed uploads are answered with 200 and the core's text, for scripts
     * that know nothing else.  Read when needed. */
    bool core_status;

    /* Do not restart after an update; the application does so when it suits
     * it, and the update takes effect then.  Read when needed. */
    bool stay_running;

    /* NULL: web pages of other sites may neither read nor change anything.
     * "*": all may, as with the core.  Otherwise the one origin that may,
     * "https://fleet.example.com".  Read when needed, borrowed. */
    const char *allow_origin;

    /* Another name by which browsers may reach the device.  Without a password
     * the device takes changes from browsers only under an address, a name
     * without a dot, or one that ends in .local, .lan, .home, .internal or
     * .home.arpa: a page elsewhere can make its own name point to the device,
     * but none of these.  NULL: no other.  Read when needed, borrowed. */
    const char *host_name;
};

/* What lies in a place while the head of a request is read. */
struct otter_web_head {
    char line[448];
    char target[64];
    char authority[64]; /* of Host or Origin, what came first */
    char type[128];     /* value of Content-Type */
    uint8_t md5[16];
    uint8_t sha256[32];
};

/* One connection. */
struct otter_web_conn {
    /* private */
    struct otter_conn *conn; /* NULL: the place is free */
    struct otter_web *web;
    struct otter_http_config http_config;
    struct otter_http http;
    uint8_t state;
    uint8_t method;
    uint8_t route;
    uint8_t login;    /* what the Authorization header was worth */
    uint8_t piece;    /* of the answer that comes next */
    uint8_t digests;  /* bit n: a header gave a digest of kind n */
    bool any;         /* a byte of the request has come */
    bool long_target; /* the target did not fit */
    bool query_fs;    /* ?filesystem */
    bool gzip;        /* the client takes it */
    bool has_host;
    bool has_origin; /* a browser sent this for a page */
    bool foreign;    /* ... of another site */
    bool welcome;    /* ... which allow_origin names */
    bool local_host; /* Host is no name that others can make */
    bool has_login;  /* there was an Authorization header */
    bool encoded;    /* the body is in an encoding */
    bool no_digest;  /* a digest header made no sense */
    bool body_left;  /* the request's body was not read */
    bool close;      /* after the answer */
    bool restart;    /* likewise, the board */
    bool chunked;    /* the answer is */
    bool head_only;  /* no body in the answer */
    uint16_t off;    /* of what is in `out`, not yet sent */
    uint16_t len;
    uint16_t body_off; /* likewise of the page */
    uint32_t since_ms; /* when the state was entered */
    uint32_t moved_ms; /* when bytes last moved */
    union {
        struct otter_web_head head;
        char out[sizeof(struct otter_web_head)];
    };
};

/* The one upload that runs. */
struct otter_web_upload {
    /* private */
    struct otter_web_conn *conn; /* NULL: none */
    struct otter_multipart multipart;
    char line[160]; /* of a part's header */
    char field[65]; /* the value of a text field */
    uint8_t field_len;
    uint8_t part;    /* what the current part is */
    uint8_t digests; /* bit n: a digest of kind n is expected */
    bool form;       /* multipart, else the raw file */
    bool size_known;
    bool begun;       /* the stream holds an update that is not ended */
    bool agreed;      /* on_start said yes */
    bool whole;       /* the file is complete */
    bool events_left; /* the parser may have more to say */
    uint8_t kind;
    uint8_t md5[16];
    uint8_t sha256[32];
    uint32_t size;  /* as announced */
    uint32_t total; /* for on_progress */
    uint32_t done;  /* bytes that the stream took */
    uint32_t slow_ms;
    uint32_t slow_done;
    const uint8_t *body; /* of the request, not yet looked at ... */
    uint32_t body_len;
    const uint8_t *data; /* ... and of the file, not yet taken */
    uint32_t data_len;
    uint16_t off; /* received, the framing of HTTP still on it */
    uint16_t len;
    uint8_t buf[512];
};

/* One device.  Caller's memory; all-zero is a closed one. */
struct otter_web {
    /* private */
    const struct otter_web_config *config; /* NULL: closed */
    struct otter_stream *stream;
    struct otter_listener *listener; /* NULL: lost, opened again by poll */
    uint16_t port;
    bool updated;         /* on_end is due when the answer is out */
    bool restarts;        /* it is, the restart comes */
    uint32_t listener_ms; /* when the listener was tried last */
    uint32_t restart_ms;
    const void *token; /* set while poll runs; init and close clear it */
    struct otter_error_detail last; /* why the last upload was refused */
    struct otter_web_auth auth;
    struct otter_web_upload upload;
    struct otter_web_conn conns[OTTER_WEB_CONNS];
};

/* Opens the port.  `web` may hold anything; it must not be open.
 * OTTER_ERR_INVALID: the configuration is refused, see its fields.
 * OTTER_ERR_ADDRESS_IN_USE, OTTER_ERR_NO_MEMORY, OTTER_ERR_NETWORK. */
OTTER_MUST_CHECK int otter_web_init(struct otter_web *web,
                                    const struct otter_web_config *config);

/* Does what can be done at once, including one step of the stream: at most
 * one flash sector's erase and program.  Restarts the board when an update
 * succeeded or the previous program was asked for, unless stay_running is
 * set.  0: idle.  OTTER_ERR_PENDING: a request is under way, poll again soon.
 * OTTER_ERR_STATE: closed. */
int otter_web_poll(struct otter_web *web);

/* Closes port and connections and gives up what is under way, without
 * callbacks.  An update that was committed stays so.  Callable at any time,
 * from the callbacks too, and twice. */
void otter_web_close(struct otter_web *web);

/* The TCP port in use, for advertising it. */
uint16_t otter_web_port(const struct otter_web *web);

/* Where the page is. */
const char *otter_web_path(const struct otter_web *web);

/* Why the last upload was refused, OTTER_ERR_*; 0: it was not. */
int otter_web_reason(const struct otter_web *web);

OTTER_END_DECLS

#endif
