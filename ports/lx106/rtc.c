/* SPDX-License-Identifier: Apache-2.0
 *
 * hal/rtc.h: the chip's RTC user memory, which QEMU keeps over a reset. */
#include "hal/rtc.h"

#include "format/error.h"
#include "ports/lx106/machine.h"

#define RTC_WORD(n) OTTER_LX106_REGISTER(0x60001200u + 4u * (n))

int otter_rtc_read(uint32_t word, uint32_t *out, uint32_t count)
{
    if (word > OTTER_RTC_WORDS || count > OTTER_RTC_WORDS - word) {
        return OTTER_ERR_INVALID;
    }
    for (uint32_t i = 0; i < count; i++) {
        out[i] = RTC_WORD(word + i);
    }
    return 0;
}

int otter_rtc_write(uint32_t word, const uint32_t *in, uint32_t count)
{
    if (word > OTTER_RTC_WORDS || count > OTTER_RTC_WORDS - word) {
        return OTTER_ERR_INVALID;
    }
    for (uint32_t i = 0; i < count; i++) {
        RTC_WORD(word + i) = in[i];
    }
    return 0;
}
