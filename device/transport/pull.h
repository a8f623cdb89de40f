/* SPDX-License-Identifier: Apache-2.0
 *
 * Pull: the device asks a server over HTTP whether there is something new,
 * and takes it (protocol section 5), the counterpart of the core's
 * ESPhttpUpdate object.  The server decides by what the request says.
 *
 *   idle -> figures -> look-up -> connect -> send -> head -> begin -> receive
 *        -> end -> result -> restart, or idle
 *   A redirect leads from head back to look-up; a broken download that can be
 *   resumed leads from anywhere behind figures to a wait and then there.
 *
 * Nothing blocks and nothing is allocated.  otter_pull_poll polls the stream
 * that it feeds, so during an update nobody else needs to.
 *
 * In the core's terms (protocol 5.2): update(url) and update(host, port, uri)
 * are otter_pull_start with these fields; updateFS and getAvailableVersion
 * are modes; rebootOnUpdate, setFollowRedirects, setMD5sum, setAuthorization
 * and setClientTimeout are fields; HTTP_UPDATE_FAILED, NO_UPDATES and OK come
 * to on_result; getLastError and getLastErrorString are the queries below.
 * There is no TLS yet: an https URL is refused.
 *
 * Deliberate departures from protocol section 5, each held by a test:
 *   5.2: connections of other parts of the program stay open.
 *   5.3: the last error is reset at the start of a run.
 *   5.3, order for 200: length and x-MD5 are judged, then the stream begins,
 *     then on_start runs, which may decline; then the first bytes are judged.
 *   5.3: x-MD5 must be hexadecimal, -105 else; in the core the update fails
 *     with 7 at its end.  An empty one is -105 too, in the core it is none.
 *   5.3: -105 leaves nothing begun.
 *   5.3: a body that ends early is error 6 at once, in the core after 60 s.
 *   5.3: a chunked body is refused with -101 unless a length is beside it:
 *     that, and other codings, is -9.
 *   5.3: redirects keep the x-ESP8266 headers, 308 is one too; Authorization
 *     goes to the configured host and port alone.
 *
 * Beyond the core, and without effect on servers that do not know it:
 *   A download whose first answer had a strong ETag is resumed by Range and
 *   If-Range when it breaks.  Bytes of another file are never mixed in: ETag,
 *   size and x-MD5 must be the same.
 *   In a later run, after a reset too, it is resumed from what the stream has
 *   kept, if the file's MD5 is known: the run asks as any other, and when the
 *   offer is the file that is half there, it closes that connection and asks
 *   for the rest.
 *   `interval_s` asks again and again, with jitter, back-off and Retry-After.
 *   `report` adds x-Otter headers that tell how the last update went. */
#ifndef OTTER_DEVICE_TRANSPORT_PULL_H
#define OTTER_DEVICE_TRANSPORT_PULL_H

#include "codec/http.h"
#include "device/stream/events.h"
#include "device/stream/stream.h"
#include "format/compiler.h"
#include "format/core_error.h" /* enum otter_core_http_error */
#include "hal/net.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_PULL_CLIENT_MS     8000u  /* for each step up to the answer */
#define OTTER_PULL_HEAD_MS       60000u /* for the answer's head in all */
#define OTTER_PULL_FIGURES_MS    60000u /* for the configured figures */
#define OTTER_PULL_SILENCE_MS    60000u /* without a byte of the body */
#define OTTER_PULL_SLOW_MS       60000u /* in each such time at least ... */
#define OTTER_PULL_SLOW_BYTES    4096u  /* ... so many bytes, or the rest */
#define OTTER_PULL_RESTART_MS    100u   /* between on_result and restart */
#define OTTER_PULL_REDIRECTS     10u    /* in one attempt */
#define OTTER_PULL_TRIES         5u     /* to resume, without getting on */
#define OTTER_PULL_PROGRESS      512u   /* bytes that are getting on */
#define OTTER_PULL_TRY_MS        1000u  /* before the first, then doubled */
#define OTTER_PULL_TRY_AFTER_S   60u /* the most that a server may ask then */
#define OTTER_PULL_RETRY_S       30u /* after the first failed run */
#define OTTER_PULL_RETRY_MAX_S   3600u   /* doubled up to this or interval_s */
#define OTTER_PULL_INTERVAL_MAX  604800u /* a week; seconds */
#define OTTER_PULL_RETRY_AFTER_S 86400u  /* the most that a server may ask */

#define OTTER_PULL_LINE_MAX                                                   \
    511u /* a header that is looked at, and a line of                         \
            the request, each with its line end */
#define OTTER_PULL_URL_MAX     447u /* the target of a redirect */
#define OTTER_PULL_PATH_MAX    480u
#define OTTER_PULL_SECRET_MAX  320u /* user and password together, or raw */
#define OTTER_PULL_VERSION_MAX 128u

enum otter_pull_mode {
    OTTER_PULL_SKETCH = 0,
    OTTER_PULL_FILE_SYSTEM = 1, /* "spiffs" on the wire, as ever */
    OTTER_PULL_VERSION = 2      /* asks which version there is, takes none */
};

/* The core's numbers. */
enum otter_pull_result {
    OTTER_PULL_FAILED = 0,
    OTTER_PULL_NO_UPDATE = 1,
    OTTER_PULL_OK = 2
};

/* How the program that runs came to run; told to servers that want it. */
enum otter_pull_status {
    OTTER_PULL_STATUS_UNKNOWN = 0, /* not told */
    OTTER_PULL_STATUS_INSTALLED,   /* for good, by a loader without trials */
    OTTER_PULL_STATUS_TRIAL,       /* not confirmed yet */
    OTTER_PULL_STATUS_CONFIRMED,
    OTTER_PULL_STATUS_REVERTED /* an update did not work, `reason` is why */
};

/* What the request says about the device (protocol 5.1, 2.6).  Texts are
 * borrowed until poll returns; their first 128 characters are sent, what is
 * not printable ASCII as '?'. */
struct otter_pull_figures {
    /* Filled in before the configured function is called. */
    uint32_t chip_id;   /* otter_board_chip_id */
    uint8_t sta_mac[6]; /* otter_board_mac */
    uint8_t ap_mac[6];  /* the same with the local bit set */
    const char *sdk_version;

    /* For the function to fill in; zero. */
    uint32_t free_space;       /* bytes, otter_updater_free_space */
    uint32_t sketch_size;      /* bytes, otter_updater_sketch_size */
    uint32_t chip_size;        /* bytes of flash */
    uint32_t file_system_size; /* bytes; the most that a new one may have */
    char sketch_md5[33];       /* otter_updater_sketch_md5; empty: not sent */

    enum otter_pull_status status; /* for `report` */
    const char *other_version;     /* the image that was reverted, or NULL */
    const char *reason;            /* why, or NULL */
};

/* Borrowed until otter_pull_close; may be changed while no run is under way.
 * Texts that would not fit into one line of HTTP are refused by init and
 * start.  All-zero is refused. */
struct otter_pull_config {
    /* Where the bytes go, and callbacks or NULL.  on_error is told the core's
     * number, as otter_pull_last_error. */
    struct otter_stream *stream;
    const struct otter_events *events;

    /* What is asked for. */
    enum otter_pull_mode mode;

    /* Where to ask: "http://[user:password@]host[:port][/path]", or, with url
     * NULL, host, port (0: 80) and path (NULL: "/"). */
    const char *url;
    const char *host;
    uint16_t port;
    const char *path;

    /* The running program's version, NULL or empty: not sent. */
    const char *version;

    /* Credentials of Basic authentication, instead of those in url; or the
     * whole value of the Authorization header. */
    const char *user_name;
    const char *password;
    const char *authorization;

    /* The MD5 that the file must have, 32 hexadecimal digits; x-MD5 does not
     * count then.  NULL: x-MD5 is enforced if it is there. */
    const char *md5;

    /* Says what the device is; needed.  0, or OTTER_ERR_PENDING: call again
     * later.  Another error fails the run.  Must not call the transport. */
    int (*figures)(void *user, struct otter_pull_figures *figures);

    /* The end of every run, once; the last callback of it.  May be NULL.
     * After OTTER_PULL_OK in mode SKETCH the restart comes next. */
    void (*on_result)(void *user, enum otter_pull_result result);

    void *user; /* handed to these two */

    /* Follow 301, 302, 303, 307 and 308. */
    bool follow_redirects;

    /* Do not restart after an update; the application does so when it suits
     * it, and the update takes effect then. */
    bool stay_running;

    /* Tell the server how the last update went, see docs/pull.md. */
    bool report;

    /* Instead of OTTER_PULL_CLIENT_MS; 0: that. */
    uint32_t client_timeout_ms;

    /* Seconds between runs, up to OTTER_PULL_INTERVAL_MAX; the first comes
     * within a minute of init.  0: only when start is called. */
    uint32_t interval_s;
};

/* What the head of an answer said (private). */
struct otter_pull_head {
    uint32_t length; /* of the body */
    uint32_t first;  /* of Content-Range */
    uint32_t last;
    uint32_t total;
    uint32_t retry_after_s;
    uint32_t retry_date; /* the same as seconds since 1970, 0: not given so */
    uint32_t date;       /* the server's, 0: not told */
    uint16_t status;
    bool has_md5;
    bool bad_md5; /* malformed, or there are two */
    bool has_range;
    bool has_location;
    bool has_etag;
    bool same_etag; /* as that of the download under way */
    bool has_version;
    bool coding; /* it has a Transfer-Encoding */
    bool bad_coding;
    uint8_t md5[16];
};

/* One client.  Caller's memory; all-zero is a closed one. */
struct otter_pull {
    /* private */
    const struct otter_pull_config *config;
    struct otter_stream *stream;
    struct otter_conn *conn; /* NULL: none */
    uint8_t state;
    uint8_t result; /* enum otter_pull_result */
    bool looking;   /* a look-up runs that is ours */
    bool resumable; /* a download was under way, under `etag` */
    bool whole;     /* the server gives no parts of the file of `md5` */
    bool begun;     /* the stream holds an update that is not ended */
    bool awake;     /* power saving is off */
    bool told;      /* on_progress was called */
    uint8_t line;   /* of the request, next to be sent */
    uint8_t redirects;
    uint8_t tries;
    uint8_t failures; /* runs since the last that did not fail */
    bool has_md5;     /* the update has an `md5` */
    int number;       /* last error, the core's */
    int reason;       /* last error, ours */
    int report_number;
    uint32_t since_ms; /* when the state was entered */
    uint32_t heard_ms; /* when the server last sent or took something */
    uint32_t slow_ms;  /* start of the running OTTER_PULL_SLOW_MS ... */
    uint32_t slow_done;
    uint32_t idle_ms; /* when the last run ended ... */
    uint32_t wait_ms; /* ... and the time to the next */
    uint32_t size;    /* bytes of the update */
    uint32_t done;    /* of these, taken by the stream */
    uint32_t shown;   /* of these, told to on_progress */
    uint32_t best;    /* the most that `done` was when a try counted */
    uint8_t md5[16];
    struct otter_pull_head head;
    struct otter_http http;
    struct otter_http_config http_config;
    char etag[72];                         /* empty: cannot be resumed */
    char location[OTTER_PULL_URL_MAX + 1]; /* of a redirect, or x-version */
    char text[OTTER_PULL_LINE_MAX + 1];    /* a line of the head; a name */
    uint16_t buf_off; /* received, not yet used; or to be sent */
    uint16_t buf_len;
    uint8_t buf[OTTER_PULL_LINE_MAX + 1];
};

/* Prepares a client; opens nothing.  `pull` may hold anything; it must not be
 * open.  Callable from any callback after close.
 * OTTER_ERR_INVALID: the configuration is refused, see its fields. */
OTTER_MUST_CHECK int otter_pull_init(struct otter_pull *pull,
                                     const struct otter_pull_config *config);

/* Starts a run now; poll does it.  Callable from on_result.
 * OTTER_ERR_BUSY: one is under way.  OTTER_ERR_INVALID: as init.
 * OTTER_ERR_STATE: closed. */
OTTER_MUST_CHECK int otter_pull_start(struct otter_pull *pull);

/* Does what can be done at once, including one step of the stream: at most
 * one flash sector's erase and program.  Runs at most one callback besides
 * `figures`.  Restarts the board when an update succeeded and stay_running is
 * not set.
 * 0: idle.  OTTER_ERR_PENDING: a run is under way, poll again soon.
 * OTTER_ERR_STATE: closed. */
int otter_pull_poll(struct otter_pull *pull);

/* Gives up what is under way, without callbacks.  An update that was
 * committed already (from on_end on) stays committed, but the restart is the
 * application's then.  Callable at any time, from the callbacks too, and
 * twice. */
void otter_pull_close(struct otter_pull *pull);

/* Milliseconds until the next run starts by itself; 0: now, or one is under
 * way; UINT32_MAX: never. */
uint32_t otter_pull_wait_ms(const struct otter_pull *pull);

/* The result of the last run; FAILED before its end. */
enum otter_pull_result otter_pull_last_result(const struct otter_pull *pull);

/* The core's number of what went wrong in the last run: enum otter_core_http_
 * error, or positive an updater's number; 0: nothing. */
int otter_pull_last_error(const struct otter_pull *pull);

/* The same as an OTTER_ERR_*; 0 where only the server's status tells. */
int otter_pull_reason(const struct otter_pull *pull);

/* The core's words for it (getLastErrorString); empty for 0.  Returns the
 * length; OTTER_CORE_ERROR_TEXT_MAX bytes are enough.  Valid until the stream
 * begins another update. */
uint32_t otter_pull_error_text(struct otter_pull *pull, char *out,
                               uint32_t size);

/* What the server answered in mode VERSION when the result was OK; empty
 * else.  Printable ASCII, '?' for the rest.  Valid until the next start. */
const char *otter_pull_available_version(const struct otter_pull *pull);

OTTER_END_DECLS

#endif
