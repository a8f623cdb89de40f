/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests to otterd's API over libcurl.  Every call ends with an exit code;
 * what went wrong was said then: what, why, and what to do.  A redirect is
 * never followed, for the token would go along. */
#ifndef OTTER_HOST_API_H
#define OTTER_HOST_API_H

#include "format/compiler.h"
#include "host/account.h"
#include "host/api_ending.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* More than any answer has: a page of 1000 devices with all their headers. */
#define OTTER_API_ANSWER_MAX (64u * 1024 * 1024)

struct otter_api {
    const struct otter_account *account; /* borrowed until close */
    uint32_t timeout_ms; /* for the connection, and without a byte moving */
    /* private */
    CURL *curl;
    char error[CURL_ERROR_SIZE];
};

struct otter_api_request {
    const char *method;
    const char *path; /* what follows /api/v1, escaped, with its query */
    /* The body: an object, or bytes. */
    const json_t *json;
    const void *data;
    size_t size;
    const char *progress; /* of data: what is being sent; NULL: show nothing */
    FILE *file; /* where the answer's body goes; NULL: the answer is JSON */
};

/* Blocks never.  Close it whatever it returned. */
OTTER_MUST_CHECK int otter_api_open(struct otter_api *api);
void otter_api_close(struct otter_api *api);

/* Blocks until the answer is there, or nothing moved for timeout_ms.  `answer`
 * (NULL: not wanted, nor looked at) becomes a JSON object that the caller
 * releases; NULL when it returns another code than 0. */
OTTER_MUST_CHECK int otter_api_call(struct otter_api *api,
                                    const struct otter_api_request *request,
                                    json_t **answer);

/* GET. */
OTTER_MUST_CHECK int otter_api_get(struct otter_api *api, const char *path,
                                   json_t **answer);

/* Called for each page of a list.  Another code than 0 ends the listing. */
typedef int otter_api_page(void *user, const json_t *things);

/* Asks for a list page by page: `path` may have a query, `key` is the name of
 * the array in the answers.  `limit` things at most, 0: all. */
OTTER_MUST_CHECK int otter_api_list(struct otter_api *api, const char *path,
                                    const char *key, size_t limit,
                                    otter_api_page *page, void *user);

/* Says that an answer is not what the API promises; returns the exit code. */
int otter_api_nonsense(const struct otter_api *api, const char *what);

/* --- Paths --------------------------------------------------------------- */

/* Begin with `otter_api_path_start`, free `text`.  `text` is NULL when memory
 * ran out, which the calls then say. */
struct otter_api_path {
    char *text;
};

void otter_api_path_start(struct otter_api_path *path, const char *root);

/* One more part, escaped: "/devices" becomes "/devices/AA%3ABB". */
void otter_api_path_add(struct otter_api_path *path, const char *part);

/* As it is, "/history" for instance. */
void otter_api_path_append(struct otter_api_path *path, const char *text);

/* name=value of the query, escaped; nothing when value is NULL. */
void otter_api_path_query(struct otter_api_path *path, const char *name,
                          const char *value);

#endif
