/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers of a command line.  The whole text must be a number, otherwise it is
 * none: "80a" is a mistake, not 80. */
#ifndef OTTER_HOST_NUMBER_H
#define OTTER_HOST_NUMBER_H

#include "format/compiler.h"

#include <stdint.h>

/* Decimal, min..max.  OTTER_ERR_SYNTAX: anything else. */
OTTER_MUST_CHECK int otter_number_parse(uint32_t *value, const char *text,
                                        uint32_t min, uint32_t max);

/* "N" or "N-M" with 1 <= N <= M <= 65535.  OTTER_ERR_SYNTAX: else. */
OTTER_MUST_CHECK int otter_number_parse_ports(uint16_t *first, uint16_t *last,
                                              const char *text);

/* What is expected there, for messages. */
#define OTTER_NUMBER_SECONDS "a number of seconds from 0.001 to 86400"

/* Seconds, with decimals if wanted, to milliseconds; 1 ms to 1 day.
 * OTTER_ERR_SYNTAX: else. */
OTTER_MUST_CHECK int otter_number_parse_seconds(uint32_t *ms,
                                                const char *text);

#endif
