/* SPDX-License-Identifier: Apache-2.0
 *
 * The image descriptor of http_update, in a file of its own as basic_ota's
 * is.  It confirms: on a board with Otter's boot loader a new version is on
 * trial until its server has said that it is the newest. */
#include "format/descriptor.h"

OTTER_DESCRIPTOR_DEFINE(otter_sketch_descriptor, "http_update",
                        OTTER_SKETCH_VERSION, OTTER_SKETCH_BOARD, "esp8266",
                        OTTER_DESCRIPTOR_CONFIRMS, 0);
