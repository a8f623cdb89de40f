/* SPDX-License-Identifier: Apache-2.0
 *
 * The REST API without HTTP: a call has a route, a caller, parameters and a
 * body, and gets a status and an answer.  Whoever speaks HTTP fills the call
 * in, after it has checked that the caller may (api/routes.h); handlers work
 * on one store and know no socket. */
#ifndef OTTER_SERVER_API_API_H
#define OTTER_SERVER_API_API_H

#include "server/store/firmware.h"
#include "server/store/tokens.h"

#include <jansson.h>

#define OTTERD_API_BASE     "/api/v1"
#define OTTERD_BODY_MAX     65536u /* bytes of a JSON body */
#define OTTERD_LOGIN_MAX    1024u  /* of one that needs no token */
#define OTTERD_BODY_DEPTH   8      /* of arrays and objects in it */
#define OTTERD_QUERY_MAX    16     /* parameters of a call */
#define OTTERD_API_PATH_MAX 128    /* of a path below the base, with NUL */
#define OTTERD_COOKIE_MAX   160
#define OTTERD_SESSION_NAME "otterd_session"

struct otterd_route;

struct otterd_param {
    const char *key;
    const char *value; /* UTF-8 */
};

struct otterd_call {
    /* Filled by the caller; all borrowed but body and upload. */
    struct otterd_store *store;
    const char *dir; /* the data folder */
    const struct otterd_route *route;
    struct otterd_token who;       /* who calls; scope and name */
    char arg[OTTERD_API_PATH_MAX]; /* what stands for {...} in the path */
    struct otterd_param query[OTTERD_QUERY_MAX];
    size_t query_count;
    char session[OTTERD_SESSION_SIZE]; /* of the cookie, or empty */
    bool secure;                       /* the connection is encrypted */
    json_t *body;                      /* an object, or NULL */
    struct otterd_upload *upload;
    struct otterd_firmware *seen; /* what it is, owned; NULL: not looked at */

    /* The answer; handlers start from all zero and fd -1. */
    unsigned status;
    json_t *answer; /* NULL: no body */
    int fd;         /* a file instead, owned; -1: none */
    uint32_t fd_size;
    char filename[OTTERD_FILE_NAME_MAX]; /* it is saved as */
    char cookie[OTTERD_COOKIE_MAX];      /* Set-Cookie, or empty */
    const char *event; /* the answer is also an event of this kind */
    json_t *told;      /* in place of the answer in that event, or NULL */
    int64_t replaced;  /* release that this one took the place of, 0: none */
    json_t *gone;      /* what was removed, for the event of it, or NULL */
};

/* Prepares a call: all zero, no file. */
void otterd_call_init(struct otterd_call *call);

/* What a call may be answered beside. */
enum otterd_pace {
    OTTERD_PACE_CHANGE, /* no other change */
    OTTERD_PACE_READ,   /* anything; it is quick whatever there is */
    OTTERD_PACE_SEARCH, /* anything; it may look at every device */
    OTTERD_PACE_UPLOAD, /* anything; once looked at, it is a change */
    OTTERD_PACES
};
enum otterd_pace otterd_call_pace(const struct otterd_call *call);

/* Looks at what was uploaded, which takes its time and needs no store.  It has
 * a status, and the upload is gone, when the answer is a problem. */
void otterd_call_look(struct otterd_call *call);

/* Answers with its route's handler, reading `text` as its body when the route
 * takes JSON.  What a route of GET tells is of one moment of the store. */
void otterd_call_answer(struct otterd_call *call, const char *text,
                        size_t len);

/* Frees what the call owns. */
void otterd_call_release(struct otterd_call *call);

/* Answers with a problem (RFC 9457); the text is a sentence or more that says
 * what, why and what to do. */
__attribute__((format(printf, 3, 4))) void otterd_problem(
    struct otterd_call *call, unsigned status, const char *format, ...);

/* The content type of the answer. */
const char *otterd_call_type(const struct otterd_call *call);

/* The value of a parameter; NULL: not given. */
const char *otterd_query(const struct otterd_call *call, const char *key);

#endif
