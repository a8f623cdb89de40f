/* SPDX-License-Identifier: Apache-2.0
 *
 * The words for a request that did not succeed: what happened, why, and what
 * to do about it.  Each function prints them and returns the exit code. */
#ifndef OTTER_HOST_API_EXPLAIN_H
#define OTTER_HOST_API_EXPLAIN_H

#include "host/api.h"

/* No answer, or not a whole one. */
int otter_api_explain_failure(const struct otter_api *api,
                              const struct otter_api_request *request,
                              CURLcode code);

/* An answer that is no success; `body` is what came with it, best an
 * application/problem+json. */
int otter_api_explain_status(const struct otter_api *api, long status,
                             const char *body, size_t len);

#endif
