/* SPDX-License-Identifier: Apache-2.0
 *
 * Telling systemd how far the server is (Type=notify): a datagram to the
 * socket that NOTIFY_SOCKET names; without it, nothing happens. */
#ifndef OTTER_SERVER_NOTIFY_H
#define OTTER_SERVER_NOTIFY_H

/* `state` is READY=1, RELOADING=1 or STOPPING=1. */
void otterd_notify(const char *state);

#endif
