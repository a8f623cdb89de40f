/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP server of otterd: what devices ask (protocol 5.4), /healthz and
 * /metrics.  libmicrohttpd does the sockets, with epoll and a thread for each
 * core; a request waits for the database's reading side only. */
#ifndef OTTER_SERVER_HTTP_SERVER_H
#define OTTER_SERVER_HTTP_SERVER_H

#include "format/compiler.h"
#include "server/config.h"

#include <stdint.h>

struct otterd_server;

/* Serves as `config` says, which is copied.  What goes wrong is said on
 * stderr.  OTTER_ERR_ADDRESS_IN_USE: an address cannot be listened on;
 * OTTER_ERR_INVALID: a certificate is wrong; errors of otterd_store_open. */
OTTER_MUST_CHECK int otterd_server_start(struct otterd_server **out,
                                         const struct otterd_config *config);

/* The ports it listens on, without and with TLS; 0: it does not. */
uint16_t otterd_server_port(const struct otterd_server *server);
uint16_t otterd_server_tls_port(const struct otterd_server *server);

/* Reads the certificates again; what is wrong is logged and changes
 * nothing. */
void otterd_server_reload(struct otterd_server *server);

/* Takes no new connections any more and ends streams of events. */
void otterd_server_quiesce(struct otterd_server *server);

/* Whether requests are under way. */
bool otterd_server_busy(struct otterd_server *server);

/* Ends it: what is under way is cut, sightings are written. */
void otterd_server_stop(struct otterd_server *server);

#endif
