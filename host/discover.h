/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds devices by multicast DNS (protocol 1.14), as a library: `otter
 * discover`, `otter discovery` and `otter push name.local | --all | --match`
 * stand on it.
 *
 * Questions are asked from a port of its own, to which each device answers
 * directly, and in turns with that from the mDNS port, whose answers everybody
 * hears: a firewall may keep either away.  What devices announce and when they
 * leave is heard as well.  All that works beside Avahi.  All interfaces that
 * can multicast are asked, at 0, 0.5, 1.5, 3.5, 7.5 and 15.5 s, then every 20
 * s.  A device is gone when it says so or was silent for
 * OTTER_DISCOVER_SILENCE_MS.
 *
 * For an event loop: when otter_discover_fd is readable, call
 * otter_discover_run.  Nothing blocks but the two calls that say so. */
#ifndef OTTER_HOST_DISCOVER_H
#define OTTER_HOST_DISCOVER_H

#include "format/compiler.h"
#include "host/device.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTTER_DISCOVER_SILENCE_MS 65000u

enum otter_discover_event {
    OTTER_DISCOVER_FOUND,
    OTTER_DISCOVER_CHANGED, /* same name, address and port, other TXT */
    OTTER_DISCOVER_GONE /* also before FOUND with another address or port */
};

struct otter_discover_config {
    const char *service;   /* NULL: "_arduino._tcp" */
    const char *interface; /* its name, NULL: all */

    /* "lamp.local": asks for this host only, and reports it with port 0 when
     * it has an address but no such service. */
    const char *host;

    /* Called from run; the device is borrowed during the call. */
    void (*on_event)(void *user, enum otter_discover_event event,
                     const struct otter_device *device);
    void *user;
};

struct otter_discover;

/* Starts.  The configuration is copied, its texts are borrowed until close.
 * OTTER_ERR_INVALID: `interface` does not exist, or `service` or `host` is no
 * name.  OTTER_ERR_NETWORK: no socket can be had; errno says why.
 * OTTER_ERR_NO_MEMORY. */
OTTER_MUST_CHECK int otter_discover_open(
    struct otter_discover **out, const struct otter_discover_config *config);

/* Adds a device of a list.  It is reported at once, and stands back while one
 * with the same address and port is there that was found. */
OTTER_MUST_CHECK int otter_discover_add(struct otter_discover *discover,
                                        const struct otter_device *device);

/* Becomes readable when otter_discover_run has something to do. */
int otter_discover_fd(const struct otter_discover *discover);

/* Works off everything that has arrived or is due. */
void otter_discover_run(struct otter_discover *discover);

/* Device number `n` of those that are there now, in the order in which they
 * were found; NULL: fewer.  Borrowed until run or close. */
const struct otter_device *otter_discover_device(
    const struct otter_discover *discover, size_t n);

void otter_discover_close(struct otter_discover *discover);

/* Runs for `ms` milliseconds.  Blocks so long. */
void otter_discover_wait(struct otter_discover *discover, uint32_t ms);

/* Looks a host up, "lamp.local", with or without a final dot.  Blocks at most
 * `ms` milliseconds.  The device's port is 0 when the host has an address but
 * no service _arduino._tcp of the same name.
 * OTTER_ERR_LOOKUP: nobody answered.  Otherwise as open. */
OTTER_MUST_CHECK int otter_discover_find(const char *host, uint32_t ms,
                                         struct otter_device *out);

#endif
