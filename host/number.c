/* SPDX-License-Identifier: Apache-2.0
 *
 * Strict numbers. */
#include "host/number.h"

#include "format/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DAY_SECONDS 86400.0

int otter_number_parse(uint32_t *value, const char *text, uint32_t min,
                       uint32_t max)
{
    unsigned long long number;

    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0') {
        return OTTER_ERR_SYNTAX;
    }
    errno = 0;
    number = strtoull(text, NULL, 10);
    if (errno || number < min || number > max) {
        return OTTER_ERR_SYNTAX;
    }
    *value = (uint32_t)number;
    return 0;
}

int otter_number_parse_ports(uint16_t *first, uint16_t *last, const char *text)
{
    char part[8] = "";
    size_t len = strcspn(text, "-");
    uint32_t low;
    uint32_t high;

    if (len >= sizeof part) {
        return OTTER_ERR_SYNTAX;
    }
    memcpy(part, text, len);
    if (otter_number_parse(&low, part, 1, UINT16_MAX)) {
        return OTTER_ERR_SYNTAX;
    }
    high = low;
    if (text[len] == '-' &&
        otter_number_parse(&high, text + len + 1, low, UINT16_MAX)) {
        return OTTER_ERR_SYNTAX;
    }
    *first = (uint16_t)low;
    *last = (uint16_t)high;
    return 0;
}

int otter_number_parse_seconds(uint32_t *ms, const char *text)
{
    char *end;
    double seconds;

    if (text[0] == '\0' || text[strspn(text, "0123456789.")] != '\0') {
        return OTTER_ERR_SYNTAX;
    }
    seconds = strtod(text, &end);
    if (*end != '\0' || seconds < 0.001 || seconds > DAY_SECONDS) {
        return OTTER_ERR_SYNTAX;
    }
    *ms = (uint32_t)(seconds * 1000);
    return 0;
}
