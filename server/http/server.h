/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP server of otterd: what devices ask (protocol 5.4), /healthz and
 * /metrics.  libmicrohttpd does the sockets, with epoll and a thread for each
 * core; a request waits for the database's reading side only. */
#ifndef OTTER_SERVER_HTTP_SERVER_H
#define OTTER_SERVER_HTTP_SERVER_H

#include "format/compiler.h"

#include <stdint.h>

struct sockaddr;
struct otterd_server;

/* Serves the data folder `dir` at `address`; both borrowed until the call
 * returns.  OTTER_ERR_ADDRESS_IN_USE: it cannot be listened on.  Errors of
 * otterd_store_open, which are printed. */
OTTER_MUST_CHECK int otterd_server_start(struct otterd_server **out,
                                         const char *dir,
                                         const struct sockaddr *address);

/* The port it listens on. */
uint16_t otterd_server_port(const struct otterd_server *server);

/* Ends it: what is under way is cut, sightings are written. */
void otterd_server_stop(struct otterd_server *server);

#endif
