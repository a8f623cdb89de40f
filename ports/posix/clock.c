/* SPDX-License-Identifier: Apache-2.0
 *
 * hal/clock.h over the host's clocks. */
#include "hal/clock.h"

#include "format/error.h"
#include "ports/posix/machine.h"

#include <time.h>

uint32_t otter_clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000u +
                      (uint64_t)now.tv_nsec / 1000000u);
}

int otter_clock_utc(int64_t *seconds)
{
    if (otter__machine()->utc_unknown) {
        return OTTER_ERR_STATE;
    }
    *seconds = time(NULL);
    return 0;
}
