/* SPDX-License-Identifier: Apache-2.0
 *
 * Settings, read anew each time. */
#include "sketches/settings.h"

#include "hal/board.h"

#include <stddef.h>

uint32_t otter_sketch_number(const char *key)
{
    char text[12];
    uint32_t value = 0;

    if (otter_board_setting(key, text, sizeof text) < 0) {
        return 0;
    }
    for (const char *c = text; *c >= '0' && *c <= '9'; c++) {
        value = value * 10 + (uint32_t)(*c - '0');
    }
    return value;
}

const char *otter_sketch_text(const char *key, char out[OTTER_SKETCH_TEXT])
{
    return otter_board_setting(key, out, OTTER_SKETCH_TEXT) >= 0 ? out : NULL;
}
