/* SPDX-License-Identifier: Apache-2.0
 *
 * Name look-ups that do not stop an event loop: the system's resolver can take
 * many seconds for one name, so each look-up has a thread of its own and the
 * answers come through a descriptor. */
#ifndef OTTER_HOST_RESOLVER_H
#define OTTER_HOST_RESOLVER_H

#include "format/compiler.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct otter_resolver {
    int fd; /* readable when an answer waits; -1 while closed */

    /* private */
    int write_fd;
    unsigned pending;
};

struct otter_lookup {
    struct sockaddr_storage address; /* valid when error is 0; with the port
                                        of the device if one was found */
    int error;                       /* 0 or a number for gai_strerror() */
    void *user;

    /* private */
    char *name;
    int family;
    int write_fd;
};

/* Returns 0 or an errno value. */
OTTER_MUST_CHECK int otter_resolver_open(struct otter_resolver *resolver);

/* Starts a look-up; family 0 allows both.  name is copied, user is handed
 * back.  Names that end in .local are asked for by multicast DNS first.
 * Returns 0 or an errno value: no answer will come then. */
OTTER_MUST_CHECK int otter_resolver_start(struct otter_resolver *resolver,
                                          const char *name, int family,
                                          void *user);

/* Ends in .local, perhaps with a dot behind it. */
bool otter_resolver_is_local(const char *name);

/* An answer, to be freed with otter_lookup_free; NULL when none waits. */
struct otter_lookup *otter_resolver_take(struct otter_resolver *resolver);

void otter_lookup_free(struct otter_lookup *lookup);

/* Look-ups that are still under way are forgotten. */
void otter_resolver_close(struct otter_resolver *resolver);

#endif
