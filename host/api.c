/* SPDX-License-Identifier: Apache-2.0
 *
 * One request at a time over one connection that is kept. */
#include "host/api.h"

#include "host/api_explain.h"
#include "host/command.h"
#include "host/show.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BASE       "/api/v1"
#define PAGE       "1000" /* things on a page, the most there may be */
#define FIRST_SIZE 4096u

/* Where the body of an answer goes: into memory, or when all is well and a
 * file is wanted, there. */
struct body {
    CURL *curl;
    FILE *file;
    char *text;
    size_t len;
    size_t capacity;
    const char *failure; /* why taking it ended */
};

int otter_api_open(struct otter_api *api)
{
    api->curl =
        curl_global_init(CURL_GLOBAL_DEFAULT) == 0 ? curl_easy_init() : NULL;
    return api->curl != NULL ? OTTER_API_END_OK : otter__fail("out of memory");
}

void otter_api_close(struct otter_api *api)
{
    curl_easy_cleanup(api->curl);
    api->curl = NULL;
    curl_global_cleanup();
}

static bool grow(struct body *body, size_t len)
{
    size_t wanted = body->capacity != 0 ? body->capacity : FIRST_SIZE;
    char *longer;

    while (wanted < body->len + len) {
        wanted *= 2;
    }
    if (wanted == body->capacity) {
        return true;
    }
    longer = realloc(body->text, wanted);
    if (longer != NULL) {
        body->text = longer;
        body->capacity = wanted;
    }
    return longer != NULL;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    struct body *body = user;
    size_t len = size * count;
    long status = 0;

    curl_easy_getinfo(body->curl, CURLINFO_RESPONSE_CODE, &status);
    if (body->file != NULL && status == 200) {
        if (fwrite(data, 1, len, body->file) != len) {
            body->failure = strerror(errno);
            return 0;
        }
        return len;
    }
    if (body->len + len > OTTER_API_ANSWER_MAX) {
        body->failure = "the answer is longer than any should be";
        return 0;
    }
    if (!grow(body, len)) {
        body->failure = "out of memory";
        return 0;
    }
    memcpy(body->text + body->len, data, len);
    body->len += len;
    return len;
}

/* Draws over one line of a terminal. */
static int on_progress(void *user, curl_off_t down_total, curl_off_t down,
                       curl_off_t total, curl_off_t sent)
{
    const struct otter_api_request *request = user;

    (void)down_total;
    (void)down;
    if (total > 0) {
        fprintf(stderr, "\r%s  %3d %% of %lld bytes", request->progress,
                (int)(sent * 100 / total), (long long)total);
    }
    return 0;
}

static bool shows_progress(const struct otter_api_request *request)
{
    const char *term = getenv("TERM");

    return request->data != NULL && request->progress != NULL &&
           isatty(STDERR_FILENO) &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

/* --- One request --------------------------------------------------------- */

/* What is the same for all requests.  The checks of TLS are on unless somebody
 * turns them off, and nobody does here. */
static void set_common(struct otter_api *api)
{
    CURL *curl = api->curl;
    long seconds = (long)((api->timeout_ms + 999) / 1000);

    curl_easy_reset(curl);
    api->error[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, api->error);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "otter");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)api->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, seconds);
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
    curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, api->account->token.text);
    if (otter_account_is_local(api->account)) {
        /* What does not leave this computer needs no proxy. */
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
    if (api->account->cacert[0] != '\0') {
        curl_easy_setopt(curl, CURLOPT_CAINFO, api->account->cacert);
    }
}

static struct curl_slist *set_body(CURL *curl,
                                   const struct otter_api_request *request,
                                   const char *text)
{
    const char *type = "Content-Type: application/json";

    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    if (text == NULL && request->data == NULL) {
        return NULL;
    }
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    if (text != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(text));
    } else {
        type = "Content-Type: application/octet-stream";
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->data);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)request->size);
    }
    if (shows_progress(request)) {
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, (void *)request);
    }
    return curl_slist_append(NULL, type);
}

static CURLcode perform(struct otter_api *api,
                        const struct otter_api_request *request,
                        const char *url, struct body *body)
{
    char *text = request->json != NULL ? json_dumps(request->json, 0) : NULL;
    struct curl_slist *headers;
    CURLcode code = CURLE_OUT_OF_MEMORY;

    set_common(api);
    headers = set_body(api->curl, request, text);
    curl_easy_setopt(api->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(api->curl, CURLOPT_URL, url);
    curl_easy_setopt(api->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(api->curl, CURLOPT_WRITEDATA, body);
    if (request->json == NULL || text != NULL) {
        code = curl_easy_perform(api->curl);
    }
    if (shows_progress(request)) {
        fputs("\r\033[K", stderr);
    }
    curl_slist_free_all(headers);
    free(text);
    return code;
}

int otter_api_nonsense(const struct otter_api *api, const char *what)
{
    otter__fail("the answer of %s makes no sense: %s. Is it an otterd, and of "
                "the same version as otter?",
                api->account->server, what);
    return OTTER_API_END_SERVER;
}

static int take_json(struct otter_api *api, const struct body *body,
                     json_t **answer)
{
    json_error_t error;
    char why[sizeof error.text + 64];

    *answer = json_loadb(body->text != NULL ? body->text : "", body->len,
                         JSON_REJECT_DUPLICATES, &error);
    if (*answer == NULL) {
        snprintf(why, sizeof why, "it is no JSON (line %d: %s)", error.line,
                 error.text);
        return otter_api_nonsense(api, why);
    }
    if (!json_is_object(*answer)) {
        json_decref(*answer);
        *answer = NULL;
        return otter_api_nonsense(api, "it is no JSON object");
    }
    return OTTER_API_END_OK;
}

static int judge(struct otter_api *api,
                 const struct otter_api_request *request, CURLcode code,
                 const struct body *body, json_t **answer)
{
    long status = 0;

    if (body->failure != NULL && body->file != NULL) {
        otter__fail("cannot write what was received: %s", body->failure);
        return OTTER_API_END_FILE;
    }
    if (body->failure != NULL) {
        return otter_api_nonsense(api, body->failure);
    }
    if (code != CURLE_OK) {
        return otter_api_explain_failure(api, request, code);
    }
    curl_easy_getinfo(api->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status > 299) {
        return otter_api_explain_status(api, status, body->text, body->len);
    }
    return answer != NULL ? take_json(api, body, answer) : OTTER_API_END_OK;
}

int otter_api_call(struct otter_api *api,
                   const struct otter_api_request *request, json_t **answer)
{
    struct body body = {.curl = api->curl, .file = request->file};
    size_t size = strlen(api->account->server) + sizeof BASE +
                  (request->path != NULL ? strlen(request->path) : 0);
    char *url = request->path != NULL ? malloc(size) : NULL;
    CURLcode code;
    int status;

    if (answer != NULL) {
        *answer = NULL;
    }
    if (url == NULL) {
        return otter__fail("out of memory");
    }
    snprintf(url, size, "%s" BASE "%s", api->account->server, request->path);
    code = perform(api, request, url, &body);
    status = judge(api, request, code, &body, answer);
    free(body.text);
    free(url);
    return status;
}

int otter_api_get(struct otter_api *api, const char *path, json_t **answer)
{
    const struct otter_api_request request = {.method = "GET", .path = path};

    return otter_api_call(api, &request, answer);
}

/* --- Lists --------------------------------------------------------------- */

/* The page behind `after`, NULL: the first. */
static int get_page(struct otter_api *api, const char *root, const char *after,
                    json_t **answer)
{
    struct otter_api_path path;
    int status;

    otter_api_path_start(&path, root);
    otter_api_path_query(&path, "limit", PAGE);
    otter_api_path_query(&path, "after", after);
    status = otter_api_get(api, path.text, answer);
    free(path.text);
    return status;
}

/* Hands the page over; `*left` is how many things are still wanted. */
static int hand_over(struct otter_api *api, json_t *things, size_t *left,
                     otter_api_page *page, void *user)
{
    if (!json_is_array(things)) {
        return otter_api_nonsense(api, "the list is missing");
    }
    while (json_array_size(things) > *left) {
        json_array_remove(things, json_array_size(things) - 1);
    }
    *left -= json_array_size(things);
    return page(user, things);
}

int otter_api_list(struct otter_api *api, const char *path, const char *key,
                   size_t limit, otter_api_page *page, void *user)
{
    size_t left = limit != 0 ? limit : SIZE_MAX;
    json_t *last = NULL; /* keeps `after` alive */
    const char *after = NULL;
    int status;

    do {
        json_t *answer;
        const char *next;

        status = get_page(api, path, after, &answer);
        if (status == OTTER_API_END_OK) {
            status = hand_over(api, json_object_get(answer, key), &left, page,
                               user);
        }
        next = json_string_value(json_object_get(answer, "next"));
        if (status == OTTER_API_END_OK && next != NULL && after != NULL &&
            strcmp(next, after) == 0) {
            status = otter_api_nonsense(api, "the list has no end");
        }
        json_decref(last);
        last = answer;
        after = next;
    } while (status == OTTER_API_END_OK && after != NULL && left > 0);
    json_decref(last);
    return status;
}
