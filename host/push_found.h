/* SPDX-License-Identifier: Apache-2.0
 *
 * The targets of `otter push --all` and `--match`. */
#ifndef OTTER_HOST_PUSH_FOUND_H
#define OTTER_HOST_PUSH_FOUND_H

#include "format/compiler.h"
#include "host/target_list.h"

#include <stdbool.h>
#include <stdint.h>

struct otter_push_find {
    const char *match; /* a pattern of names; NULL: all */
    uint32_t ms;       /* how long to search, which blocks */
    bool via_http;     /* the port of a push is of no use */
    bool page_port;    /* with via_http: looks for the port of the page, too */
};

/* Adds what multicast DNS finds to a list, each under its own name.  With
 * `page_port` a device has the port of a service _http._tcp of its host, or
 * the usual one. OTTER_ERR_NETWORK: see the list's error. OTTER_ERR_NO_MEMORY.
 */
OTTER_MUST_CHECK int otter_push_find_all(struct otter_target_list *list,
                                         const struct otter_push_find *find);

#endif
