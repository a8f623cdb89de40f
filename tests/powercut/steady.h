/* SPDX-License-Identifier: Apache-2.0
 *
 * What updates cost when they follow each other and no power fails. */
#ifndef OTTER_TESTS_POWERCUT_STEADY_H
#define OTTER_TESTS_POWERCUT_STEADY_H

#include <stdbool.h>
#include <stdint.h>

#define CUT_STEADY_MAP     "4M1M"
#define CUT_STEADY_SECTORS 97u /* of a file, its boot sector included */
#define CUT_STEADY_UPDATES 32u

struct cut_steady {
    uint32_t erases; /* of sectors outside the log */
    uint32_t log_erases;
    uint32_t core_erases; /* by the core's Updater and boot loader */
};

/* Makes so many updates by Otter's updater and loader, then by the core's
 * algorithms, on the same map with the same files.  False: one of them did not
 * arrive. */
bool cut_steady_run(struct cut_steady *out);

#endif
