/* SPDX-License-Identifier: Apache-2.0
 *
 * Sightings of devices on their way to the database: requests leave them here
 * without waiting, one thread writes what has gathered as one transaction.
 * When the writer cannot keep up, sightings are dropped and counted, those of
 * devices that are offered nothing first; a device asks again.  What is here
 * is lost when the process is killed. */
#ifndef OTTER_SERVER_HTTP_SIGHTINGS_H
#define OTTER_SERVER_HTTP_SIGHTINGS_H

#include "server/api/hub.h"
#include "server/http/recall.h"
#include "server/store/devices.h"

struct otterd_sightings;

/* Starts the writer on the store in `dir`; what it has written it tells the
 * hub and what is recalled, both borrowed.  Errors of otterd_store_open. */
OTTER_MUST_CHECK int otterd_sightings_start(struct otterd_sightings **out,
                                            const char *dir,
                                            struct otterd_hub *hub,
                                            struct otterd_recall *recall);

/* Whether there is no room for a request that is answered like this; then
 * nothing needs to be put together for `add`. */
bool otterd_sightings_crowded(struct otterd_sightings *sightings,
                              enum otterd_verdict verdict);

/* The same; when there is none the request is counted as lost. */
bool otterd_sightings_skip(struct otterd_sightings *sightings,
                           enum otterd_verdict verdict);

/* Leaves one, copied.  Callable from any thread. */
void otterd_sightings_add(struct otterd_sightings *sightings,
                          const struct otterd_sighting *sighting);

/* How many were dropped or could not be written. */
uint64_t otterd_sightings_lost(struct otterd_sightings *sightings);

/* Writes what is left and ends the writer.  NULL is allowed. */
void otterd_sightings_stop(struct otterd_sightings *sightings);

#endif
