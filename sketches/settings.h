/* SPDX-License-Identifier: Apache-2.0
 *
 * The board's settings as sketches read them. */
#ifndef OTTER_SKETCHES_SETTINGS_H
#define OTTER_SKETCHES_SETTINGS_H

#include <stdint.h>

#define OTTER_SKETCH_TEXT 64u

/* A number, or 0 when the setting is missing or no number. */
uint32_t otter_sketch_number(const char *key);

/* `out`, which holds the setting then, or NULL when it is missing. */
const char *otter_sketch_text(const char *key, char out[OTTER_SKETCH_TEXT]);

#endif
