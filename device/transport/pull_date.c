/* SPDX-License-Identifier: Apache-2.0
 *
 * Dates of HTTP, in the one form that servers may send (RFC 9110, 5.6.7):
 * "Sun, 06 Nov 1994 08:49:37 GMT". */
#include "device/transport/pull_internal.h"

#include <string.h>

static bool two_digits(const char *text, uint32_t most, uint32_t *out)
{
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9') {
        return false;
    }
    *out = (uint32_t)(text[0] - '0') * 10 + (uint32_t)(text[1] - '0');
    return *out <= most;
}

/* 1 to 12, or 0. */
static uint32_t month_of(const char *text)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (uint32_t i = 0; i < 12; i++) {
        if (memcmp(names + i * 3, text, 3) == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* Days since 1970-01-01; the year is counted from March on, so that a leap
 * day is its last. */
static uint32_t days_of(uint32_t year, uint32_t month, uint32_t day)
{
    uint32_t y = month > 2 ? year : year - 1;
    uint32_t m = month > 2 ? month - 3 : month + 9;

    return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 -
           719468;
}

uint32_t otter__pull_date(const char *text)
{
    static const char shape[] = "---, -- --- ---- --:--:-- GMT";
    uint32_t century, year, month, day, hour, minute, second;

    if (strlen(text) != sizeof shape - 1) {
        return 0;
    }
    for (uint32_t i = 0; i < sizeof shape - 1; i++) {
        if (shape[i] != '-' && shape[i] != text[i]) {
            return 0;
        }
    }
    month = month_of(text + 8);
    if (month == 0 || !two_digits(text + 5, 31, &day) || day == 0 ||
        !two_digits(text + 12, 20, &century) || century < 20 ||
        !two_digits(text + 14, 99, &year) ||
        !two_digits(text + 17, 23, &hour) ||
        !two_digits(text + 20, 59, &minute) ||
        !two_digits(text + 23, 60, &second)) {
        return 0;
    }
    return days_of(century * 100 + year, month, day) * 86400u + hour * 3600 +
           minute * 60 + second;
}
