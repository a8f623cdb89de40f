/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices as JSON: our own form, and Arduino's form of a port. */
#ifndef OTTER_HOST_DEVICE_JSON_H
#define OTTER_HOST_DEVICE_JSON_H

#include "host/device.h"

#include <jansson.h>

/* {"name", "host", "address", "port", "board", "auth", "version", "source",
 * "txt": {...}}; what is not known is null, "auth" is a boolean, "source" is
 * "mdns" or "list".  A new reference, NULL: no memory. */
json_t *otter_device_json(const struct otter_device *device);

/* A port of Arduino's pluggable discovery, as arduino/mdns-discovery shows it
 * (protocol 1.14): protocol "network", properties hostname, port and every TXT
 * string with exactly one "=", board a second time as ".".  A new reference,
 * NULL: no memory. */
json_t *otter_device_port_json(const struct otter_device *device);

#endif
