/* SPDX-License-Identifier: Apache-2.0
 *
 * Paths of the API, with everything in them escaped. */
#include "host/api.h"

#include <stdlib.h>
#include <string.h>

void otter_api_path_start(struct otter_api_path *path, const char *root)
{
    path->text = strdup(root);
}

void otter_api_path_append(struct otter_api_path *path, const char *text)
{
    size_t len = path->text != NULL ? strlen(path->text) : 0;
    size_t more = strlen(text) + 1;
    char *longer = path->text != NULL ? realloc(path->text, len + more) : NULL;

    if (longer == NULL) {
        free(path->text);
    } else {
        memcpy(longer + len, text, more);
    }
    path->text = longer;
}

static void append_escaped(struct otter_api_path *path, const char *text)
{
    char *escaped = curl_easy_escape(NULL, text, (int)strlen(text));

    if (escaped == NULL) {
        free(path->text);
        path->text = NULL;
        return;
    }
    otter_api_path_append(path, escaped);
    curl_free(escaped);
}

void otter_api_path_add(struct otter_api_path *path, const char *part)
{
    otter_api_path_append(path, "/");
    append_escaped(path, part);
}

void otter_api_path_query(struct otter_api_path *path, const char *name,
                          const char *value)
{
    if (value == NULL || path->text == NULL) {
        return;
    }
    otter_api_path_append(path, strchr(path->text, '?') ? "&" : "?");
    otter_api_path_append(path, name);
    otter_api_path_append(path, "=");
    append_escaped(path, value);
}
