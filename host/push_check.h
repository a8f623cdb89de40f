/* SPDX-License-Identifier: Apache-2.0
 *
 * The look at a file before anything is sent: is it something that this chip
 * can start, is it whole?  A stock device finds out only after the whole
 * upload, and a device in a wall is a bad place to find out. */
#ifndef OTTER_HOST_PUSH_CHECK_H
#define OTTER_HOST_PUSH_CHECK_H

#include "format/compiler.h"
#include "host/image_look.h"

#include <stdint.h>

enum otter_push_chip {
    OTTER_PUSH_CHIP_ANY, /* not known: an image of ESP8266 or ESP32 */
    OTTER_PUSH_CHIP_ESP8266,
    OTTER_PUSH_CHIP_ESP32,
    OTTER_PUSH_CHIP_RP2040
};

/* Why a sketch should not be sent to this chip, all that was found; nothing
 * was found when problems->count is 0. */
void otter_push_check_sketch(struct otter_look_lines *problems,
                             const struct otter_look *look,
                             enum otter_push_chip chip);

/* The same for a file system: nearly anything can be one. */
void otter_push_check_fs(struct otter_look_lines *problems,
                         const struct otter_look *look);

/* The kind of chip by its name ("esp8266"), or by the device's UDP port.
 * OTTER_ERR_INVALID: there is no chip of this name. */
OTTER_MUST_CHECK int otter_push_chip_find(enum otter_push_chip *chip,
                                          const char *name);
enum otter_push_chip otter_push_chip_of_port(uint16_t port);

#endif
