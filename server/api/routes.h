/* SPDX-License-Identifier: Apache-2.0
 *
 * The routes of the API, one table.  openapi.json describes the same to
 * people and programs; a test holds the two together. */
#ifndef OTTER_SERVER_API_ROUTES_H
#define OTTER_SERVER_API_ROUTES_H

#include "server/api/api.h"

enum otterd_route_kind {
    OTTERD_ROUTE_PLAIN,  /* no body is looked at */
    OTTERD_ROUTE_JSON,   /* takes a JSON object */
    OTTERD_ROUTE_FILE,   /* takes a file */
    OTTERD_ROUTE_EVENTS, /* answers with a stream of events */
    OTTERD_ROUTE_TEXT    /* answers with the OpenAPI document */
};

struct otterd_route {
    const char *method;
    const char *path;  /* below OTTERD_API_BASE; one {...} at most */
    const char *scope; /* "read", "operate", "admin"; NULL: for everybody */
    const char *query; /* names of parameters, separated by blanks */
    enum otterd_route_kind kind;
    void (*answer)(struct otterd_call *call); /* of PLAIN, JSON and FILE */
};

extern const struct otterd_route otterd_routes[];
extern const size_t otterd_route_count;

/* The route for a method and a path below the base; `arg` gets what stands
 * for {...}.  HEAD goes where GET goes.  NULL: there is none; `allowed`, of 64
 * bytes, gets the methods that the path has, or is empty. */
const struct otterd_route *otterd_route_find(const char *method,
                                             const char *path,
                                             char arg[OTTERD_API_PATH_MAX],
                                             char allowed[64]);

/* Whether the holder of `scope` may use it. */
bool otterd_route_allows(const struct otterd_route *route,
                         enum otterd_scope scope);

/* openapi.json as it was at build time. */
extern const char otterd_openapi[];
extern const size_t otterd_openapi_size;

#endif
