/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts and names of the error list. */
#include "format/error.h"

#include <stddef.h>

struct error_entry {
    int number;
    const char *name;
    const char *text;
};

static const struct error_entry error_list[] = {
#define ERROR_ENTRY(symbol, number, text) {(number), #symbol, text},
    OTTER_ERRORS(ERROR_ENTRY)
#undef ERROR_ENTRY
};

static const struct error_entry *find(int error)
{
    for (size_t i = 0; i < sizeof error_list / sizeof error_list[0]; i++) {
        if (error_list[i].number == error) {
            return &error_list[i];
        }
    }
    return NULL;
}

const char *otter_error_text(int error)
{
    const struct error_entry *entry = find(error);

    if (error == OTTER_OK) {
        return "no error";
    }
    return entry != NULL ? entry->text : "unknown error";
}

const char *otter_error_name(int error)
{
    const struct error_entry *entry = find(error);

    if (error == OTTER_OK) {
        return "OK";
    }
    return entry != NULL ? entry->name : "UNKNOWN";
}
