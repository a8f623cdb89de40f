/* SPDX-License-Identifier: Apache-2.0
 *
 * The one place where the host tool reads a clock. */
#ifndef OTTER_HOST_CLOCK_H
#define OTTER_HOST_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Monotonic milliseconds since an arbitrary moment. */
static inline uint64_t otter_host_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#endif
