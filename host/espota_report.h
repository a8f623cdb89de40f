/* SPDX-License-Identifier: Apache-2.0
 *
 * The reporter of `otter espota`: the lines that espota.py writes, because
 * editors, scripts and people read them (protocol 1.10). */
#ifndef OTTER_HOST_ESPOTA_REPORT_H
#define OTTER_HOST_ESPOTA_REPORT_H

#include "format/compiler.h"
#include "host/push_run.h"

#include <stdbool.h>

struct otter_espota_reporter {
    struct otter_push_reporter reporter; /* the first member */
    const char *address;                 /* of the listener, as given */
    const char *signed_file;             /* NULL: not a signed one */
    bool bar;                            /* else dots */
    bool debug;                          /* show INFO lines */
    /* private */
    bool introduced;
    bool authenticating; /* the line "Authenticating..." is open */
    bool uploading;      /* the line of dots is open */
    bool finished;       /* the bar said "Done..." */
    uint32_t dots;
};

void otter_espota_reporter_init(struct otter_espota_reporter *reporter);

/* One line of espota.py's log on standard error: time, level, text. */
void otter_espota_log(const char *level, const char *format, ...)
    OTTER_PRINTF(2, 3);

#endif
