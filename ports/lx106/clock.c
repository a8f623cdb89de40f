/* SPDX-License-Identifier: Apache-2.0
 *
 * hal/clock.h from the core's cycle counter.  It wraps after 107 seconds, so
 * it must be asked more often than that; the main loop does. */
#include "hal/clock.h"

#include "format/error.h"
#include "ports/lx106/machine.h"

uint32_t otter_clock_ms(void)
{
    static uint32_t last;  /* cycles when last asked */
    static uint32_t spare; /* cycles that do not make a millisecond yet */
    static uint32_t now_ms;
    uint32_t cycles = otter__lx106_cycles();
    uint32_t passed = (cycles - last) / OTTER_LX106_CYCLES_PER_MS;

    spare += (cycles - last) % OTTER_LX106_CYCLES_PER_MS;
    last = cycles;
    if (spare >= OTTER_LX106_CYCLES_PER_MS) {
        spare -= OTTER_LX106_CYCLES_PER_MS;
        passed++;
    }
    now_ms += passed;
    return now_ms;
}

/* The board has no calendar. */
int otter_clock_utc(int64_t *seconds)
{
    (void)seconds;
    return OTTER_ERR_STATE;
}
