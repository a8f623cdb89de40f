/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sketch says of itself by multicast DNS beyond what the core's says,
 * for uploaders and people: version, board, chip, room, flash size, and how
 * the program came to run (codec/dns_keys.h). */
#ifndef OTTER_SKETCHES_ABOUT_H
#define OTTER_SKETCHES_ABOUT_H

#include "device/transport/mdns.h"
#include "device/updater/trial.h"
#include "device/updater/updater.h"
#include "format/descriptor.h"

/* Sets the keys of `service` that do not change while the sketch runs.  One
 * that finds no room is told on the console and left out. */
void otter_sketch_about_begin(struct otter_mdns *mdns, int service,
                              const struct otter_descriptor_block *sketch,
                              struct otter_updater *updater);

/* In each loop: keeps the key "boot" up to date. */
void otter_sketch_about_poll(struct otter_mdns *mdns, int service,
                             const struct otter_trial *trial);

#endif
