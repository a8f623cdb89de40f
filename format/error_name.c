/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of the error list, for programs on the host: a device that shows the
 * texts need not hold these. */
#include "format/error.h"

#include <stddef.h>

static const struct {
    int number;
    const char *name;
} names[] = {
#define NAME_ENTRY(symbol, number, text) {(number), #symbol},
    OTTER_ERRORS(NAME_ENTRY)
#undef NAME_ENTRY
};

const char *otter_error_name(int error)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].number == error) {
            return names[i].name;
        }
    }
    return error == OTTER_OK ? "OK" : "UNKNOWN";
}
