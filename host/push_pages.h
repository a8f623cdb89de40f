/* SPDX-License-Identifier: Apache-2.0
 *
 * At which TCP port a device serves its update page, as its service _http._tcp
 * says.  Many devices announce none, and many networks carry no multicast:
 * then it is OTTER_PUSH_WEB_PORT. */
#ifndef OTTER_HOST_PUSH_PAGES_H
#define OTTER_HOST_PUSH_PAGES_H

#include "format/compiler.h"
#include "host/discover.h"
#include "host/push_run.h"

#include <stdbool.h>
#include <stdint.h>

/* Starts to ask for pages and to listen.  Errors are those of
 * otter_discover_open. */
OTTER_MUST_CHECK int otter_push_pages_open(struct otter_discover **out);

/* The port of the page of a host, or, when that is NULL, of an address;
 * OTTER_PUSH_WEB_PORT comes before other ports.  0: none is announced, or
 * several hosts of that address announce one. */
uint16_t otter_push_pages_port(const struct otter_discover *pages,
                               const char *host, const char *address);

/* Looks for the page of a target that has an address, whose web_port nobody
 * gave. */
void otter__push_pages_look(struct otter_push_target *target);

/* The port of the page is known, or there was time to learn it. */
bool otter__push_pages_is_settled(struct otter_push_target *target);

#endif
