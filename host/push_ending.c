/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of endings as tables. */
#include "host/push_ending.h"

static const struct {
    int status;
    const char *name;
    const char *text;
} endings[] = {
#define ROW(symbol, status, name, text) {status, name, text},
    OTTER_PUSH_ENDINGS(ROW)
#undef ROW
};

int otter_push_ending_status(enum otter_push_ending ending)
{
    return endings[ending].status;
}

const char *otter_push_ending_name(enum otter_push_ending ending)
{
    return endings[ending].name;
}

const char *otter_push_ending_text(enum otter_push_ending ending)
{
    return endings[ending].text;
}
