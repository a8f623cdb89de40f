/* SPDX-License-Identifier: Apache-2.0
 *
 * What an update page's /status says (docs/web.md). */
#ifndef OTTER_HOST_PUSH_WEB_STATUS_H
#define OTTER_HOST_PUSH_WEB_STATUS_H

#include "host/push_survey.h"

#include <stdbool.h>

struct otter_push_web_status {
    struct otter_push_facts facts;
    char boot_id[32];
    char reverted[OTTER_PUSH_FACT_SIZE]; /* empty: the last update runs */
};

/* False: this is not the status of such a page. */
bool otter_push_web_status_read(struct otter_push_web_status *status,
                                const char *text);

#endif
