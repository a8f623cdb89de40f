/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of the error list. */
#include "format/error.h"

#include <stddef.h>

struct error_entry {
    int number;
    const char *text;
};

static const struct error_entry error_list[] = {
#define ERROR_ENTRY(symbol, number, text) {(number), text},
    OTTER_ERRORS(ERROR_ENTRY)
#undef ERROR_ENTRY
};

const char *otter_error_text(int error)
{
    for (size_t i = 0; i < sizeof error_list / sizeof error_list[0]; i++) {
        if (error_list[i].number == error) {
            return error_list[i].text;
        }
    }
    return error == OTTER_OK ? "no error" : "unknown error";
}
