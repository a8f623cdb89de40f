/* SPDX-License-Identifier: Apache-2.0
 *
 * hal/flash.h over the mapped flash file.  The NOR model keeps the rules and
 * counts; here the calls may also take the time that a chip would. */
#include "hal/flash.h"

#include "ports/posix/machine.h"

#include <errno.h>
#include <time.h>

static bool active;

bool otter__flash_take_activity(void)
{
    bool was = active;

    active = false;
    return was;
}

/* Sleeps for the flash time that passed since the clock read `before`. */
static void take_time(uint64_t before)
{
    struct otter_machine *m = otter__machine();
    uint64_t us = m->counters.flash.time_us - before;
    struct timespec left = {(time_t)(us / 1000000),
                            (long)(us % 1000000) * 1000};

    active = true;
    if (!m->flash_sleeps) {
        return;
    }
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static struct otter_nor *chip(void)
{
    struct otter_torn *torn = otter__machine_torn();

    return torn != NULL ? &torn->nor : otter__machine_nor();
}

int otter_flash_read(uint32_t addr, void *buf, uint32_t len)
{
    struct otter_torn *torn = otter__machine_torn();

    active = true;
    return torn != NULL ? otter_torn_read(torn, addr, buf, len)
                        : otter_nor_read(otter__machine_nor(), addr, buf, len);
}

int otter_flash_program(uint32_t addr, const void *buf, uint32_t len)
{
    uint64_t before = otter__machine()->counters.flash.time_us;
    int error = otter_nor_program(chip(), addr, buf, len);

    take_time(before);
    return error;
}

int otter_flash_erase(uint32_t addr)
{
    uint64_t before = otter__machine()->counters.flash.time_us;
    int error = otter_nor_erase(chip(), addr);

    take_time(before);
    return error;
}

uint32_t otter_flash_size(void)
{
    return otter__machine()->flash_size;
}
