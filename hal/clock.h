/* SPDX-License-Identifier: Apache-2.0
 *
 * Time.  Monotonic milliseconds drive every protocol timer; tests supply a
 * clock of their own.  Calendar time may be unknown, and says so. */
#ifndef OTTER_HAL_CLOCK_H
#define OTTER_HAL_CLOCK_H

#include "format/compiler.h"

#include <stdint.h>

OTTER_BEGIN_DECLS

/* Milliseconds since some moment before the first call, wrapping after 49.7
 * days.  Compare with otter_clock_since, never with `<`. */
uint32_t otter_clock_ms(void);

/* Seconds since 1970-01-01 UTC.  OTTER_ERR_STATE: the board does not know. */
OTTER_MUST_CHECK int otter_clock_utc(int64_t *seconds);

/* Milliseconds that have passed since `then`, correct across the wrap. */
static inline uint32_t otter_clock_since(uint32_t then)
{
    return otter_clock_ms() - then;
}

OTTER_END_DECLS

#endif
