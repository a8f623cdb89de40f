/* SPDX-License-Identifier: Apache-2.0
 *
 * The head of an answer: which headers count, and what makes them malformed.
 * Nothing is decided here but whether an answer goes on with the download
 * that is under way. */
#include "device/transport/pull_internal.h"

#include "format/hex.h"
#include "format/text.h"

#include <string.h>

#define MD5_DIGITS 32u

static int take_status(void *user, const char *first, const char *second,
                       int minor)
{
    struct otter_pull *pull = user;
    uint32_t status = 0;
    int error = otter_http_number(first, &status);

    (void)second;
    (void)minor;
    pull->head.status = (uint16_t)status;
    if (status == 200) {
        pull->etag[0] = '\0'; /* of what was under way */
    }
    return error;
}

/* Two of them would be joined with a comma, so no MD5 either (protocol 5.3).
 */
static void take_md5(struct otter_pull_head *head, const char *value)
{
    head->bad_md5 = head->bad_md5 || head->has_md5 ||
                    strlen(value) != MD5_DIGITS ||
                    otter_hex_decode(head->md5, value, sizeof head->md5) != 0;
    head->has_md5 = true;
}

static bool is_redirect(uint16_t status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 ||
           status == 308;
}

/* Only the head of a redirect may change where the next request goes. */
static void take_location(struct otter_pull *pull, const char *value)
{
    struct otter_pull_head *head = &pull->head;

    if (is_redirect(head->status) && pull->config->follow_redirects) {
        bool first = !head->has_location;

        head->has_location = false;
        if (first && otter__pull_redirect(pull, value) == 0) {
            head->has_location = true;
        }
    }
}

/* A strong entity tag: a quoted text, not W/"...". */
static bool is_strong(const char *etag, uint32_t size)
{
    uint32_t len = (uint32_t)strlen(etag);

    if (len < 2 || len >= size || etag[0] != '"' || etag[len - 1] != '"') {
        return false;
    }
    for (uint32_t i = 0; i < len; i++) {
        if (etag[i] < 0x20 || etag[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

/* That of a whole file is kept, that of a part must be the same. */
static void take_etag(struct otter_pull *pull, const char *value)
{
    struct otter_pull_head *head = &pull->head;
    bool first = !head->has_etag;

    head->has_etag = true;
    if (head->status == 206) {
        uint32_t len = (uint32_t)strlen(pull->etag);

        head->same_etag = first && len > 0 && strlen(value) == len &&
                          memcmp(value, pull->etag, len) == 0;
    } else if (head->status == 200) {
        pull->etag[0] = '\0';
        if (first && is_strong(value, sizeof pull->etag)) {
            memcpy(pull->etag, value, strlen(value) + 1);
        }
    }
}

/* Reads digits up to the character `end`; NULL: it is not like that. */
static const char *take_number(const char *text, char end, uint32_t *out)
{
    char digits[11];
    uint32_t len = 0;

    while (text[len] != end && len + 1 < sizeof digits && text[len] != '\0') {
        digits[len] = text[len];
        len++;
    }
    digits[len] = '\0';
    if (text[len] != end || otter_http_number(digits, out) != 0) {
        return NULL;
    }
    return text + len + 1;
}

/* "bytes <first>-<last>/<total>" */
static void take_range(struct otter_pull_head *head, const char *value)
{
    static const char unit[] = "bytes ";
    bool first = !head->has_range;

    head->has_range = true;
    head->total = 0; /* that of no download */
    for (uint32_t i = 0; i < sizeof unit - 1; i++, value++) {
        if ((*value | ' ') != unit[i]) {
            return;
        }
    }
    value = take_number(value, '-', &head->first);
    value = value != NULL ? take_number(value, '/', &head->last) : NULL;
    if (value == NULL || take_number(value, '\0', &head->total) == NULL ||
        !first) {
        head->total = 0;
    }
}

/* For people: what is not printable is not kept. */
static void take_version(struct otter_pull *pull, const char *value)
{
    uint32_t len = (uint32_t)strlen(value);

    if (pull->config->mode == OTTER_PULL_VERSION && pull->head.status == 200 &&
        len > 0) {
        struct otter_text text;

        otter_text_init(&text, pull->location, sizeof pull->location);
        otter_text_foreign(&text, value, len);
        pull->head.has_version = true;
    }
}

static uint32_t at_most_a_day(uint32_t seconds)
{
    return seconds < OTTER_PULL_RETRY_AFTER_S ? seconds
                                              : OTTER_PULL_RETRY_AFTER_S;
}

static void take_retry_after(struct otter_pull_head *head, const char *value)
{
    uint32_t seconds = 0;
    int error = otter_http_number(value, &seconds);

    head->retry_after_s = error == OTTER_ERR_TOO_LONG
                              ? OTTER_PULL_RETRY_AFTER_S
                              : at_most_a_day(seconds);
    head->retry_date = otter__pull_date(value);
}

/* From now, by the server's own clock: nobody needs to have set ours. */
static void count_from_date(struct otter_pull_head *head)
{
    if (head->date != 0 && head->retry_date > head->date) {
        head->retry_after_s = at_most_a_day(head->retry_date - head->date);
    }
}

static int take_header(void *user, const char *name, const char *value)
{
    struct otter_pull *pull = user;
    struct otter_pull_head *head = &pull->head;

    if (otter_http_same(name, "x-MD5")) {
        take_md5(head, value);
    } else if (otter_http_same(name, "Location")) {
        take_location(pull, value);
    } else if (otter_http_same(name, "ETag")) {
        take_etag(pull, value);
    } else if (otter_http_same(name, "Content-Range")) {
        take_range(head, value);
    } else if (otter_http_same(name, "x-version")) {
        take_version(pull, value);
    } else if (otter_http_same(name, "Transfer-Encoding")) {
        head->bad_coding |= head->coding || !otter_http_same(value, "chunked");
        head->coding = true;
    } else if (otter_http_same(name, "Retry-After")) {
        take_retry_after(head, value);
    } else if (otter_http_same(name, "Date")) {
        head->date = otter__pull_date(value);
    }
    return 0;
}

/* A value that is too long to be looked at is a wrong one. */
static int take_long_header(void *user, const char *name)
{
    struct otter_pull *pull = user;

    if (otter_http_same(name, "x-MD5")) {
        pull->head.has_md5 = true;
        pull->head.bad_md5 = true;
    } else if (otter_http_same(name, "ETag")) {
        take_etag(pull, "");
    } else if (otter_http_same(name, "Location")) {
        take_location(pull, "");
    } else if (otter_http_same(name, "Content-Range")) {
        take_range(&pull->head, "");
    }
    return 0;
}

static void parser_begin(struct otter_pull *pull)
{
    static const struct otter_http_events events = {
        .start = take_status,
        .header = take_header,
        .long_header = take_long_header,
    };

    memset(&pull->http_config, 0, sizeof pull->http_config);
    pull->http_config.side = OTTER_HTTP_RESPONSE;
    pull->http_config.line = pull->text;
    pull->http_config.line_size = sizeof pull->text;
    pull->http_config.events = &events;
    pull->http_config.user = pull;
    otter_http_init(&pull->http, &pull->http_config);
    memset(&pull->head, 0, sizeof pull->head);
}

void otter__pull_head_begin(struct otter_pull *pull)
{
    parser_begin(pull);
    pull->buf_off = 0;
    pull->buf_len = 0;
}

int otter__pull_head_feed(struct otter_pull *pull)
{
    while (pull->buf_off < pull->buf_len) {
        int n = otter_http_head(&pull->http, pull->buf + pull->buf_off,
                                (uint32_t)(pull->buf_len - pull->buf_off));

        if (n < 0) {
            return n;
        }
        pull->buf_off = (uint16_t)(pull->buf_off + n);
        if (!otter_http_head_done(&pull->http)) {
            continue;
        }
        if (pull->head.status >= 200) {
            pull->head.length = pull->http.length;
            count_from_date(&pull->head);
            return 0;
        }
        parser_begin(pull); /* "100 Continue": the answer is still to come */
    }
    return OTTER_ERR_AGAIN;
}

bool otter__pull_head_resumes(const struct otter_pull *pull)
{
    const struct otter_pull_head *head = &pull->head;
    uint32_t left = pull->size - pull->done;

    if (head->bad_md5 ||
        (head->has_md5 && pull->has_md5 && pull->config->md5 == NULL &&
         memcmp(head->md5, pull->md5, sizeof head->md5) != 0)) {
        return false;
    }
    return head->same_etag && head->total == pull->size &&
           head->first == pull->done && head->last == pull->size - 1 &&
           pull->http.has_length && head->length == left;
}
