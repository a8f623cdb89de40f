/* SPDX-License-Identifier: Apache-2.0
 *
 * The image descriptor of basic_ota.  The build names the version and the
 * board; a file of its own keeps the compiler from printing the banner from
 * anything but these bytes in the image. */
#include "format/descriptor.h"

OTTER_DESCRIPTOR_DEFINE(otter_sketch_descriptor, "basic_ota",
                        OTTER_SKETCH_VERSION, OTTER_SKETCH_BOARD, "esp8266",
                        OTTER_DESCRIPTOR_CONFIRMS, 0);
