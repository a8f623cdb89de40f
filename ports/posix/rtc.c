/* SPDX-License-Identifier: Apache-2.0
 *
 * hal/rtc.h over the shared block: it outlives the CPU process, and the
 * hardware fills it with garbage when power comes up. */
#include "hal/rtc.h"

#include "format/error.h"
#include "ports/posix/machine.h"

#include <string.h>

static bool in_range(uint32_t word, uint32_t count)
{
    return word <= OTTER_RTC_WORDS && count <= OTTER_RTC_WORDS - word;
}

int otter_rtc_read(uint32_t word, uint32_t *out, uint32_t count)
{
    if (!in_range(word, count)) {
        return OTTER_ERR_INVALID;
    }
    memcpy(out, &otter__machine()->rtc[word], count * sizeof *out);
    return 0;
}

int otter_rtc_write(uint32_t word, const uint32_t *in, uint32_t count)
{
    if (!in_range(word, count)) {
        return OTTER_ERR_INVALID;
    }
    memcpy(&otter__machine()->rtc[word], in, count * sizeof *in);
    return 0;
}
