/* SPDX-License-Identifier: Apache-2.0
 *
 * What an answer means (table 5.3): its status and headers lead to an update,
 * to another server, to another try, or to the end of the run. */
#include "device/transport/pull_internal.h"

#include "hal/clock.h"

#include <string.h>

#define HEAD_READS 8 /* of one buffer each, in one poll */

/* --- The answer ---------------------------------------------------------- */

/* What was begun is another file, or nobody can tell. */
static void start_over(struct otter_pull *pull)
{
    otter__pull_drop_stream(pull, OTTER_ERR_STREAM);
    pull->done = 0;
}

/* The whole file that was asked for in part: asking so again leads nowhere,
 * as long as the file is the same. */
static bool gives_no_parts(const struct otter_pull *pull)
{
    bool same = pull->config->md5 != NULL ||
                (pull->has_md5 && pull->head.has_md5 &&
                 memcmp(pull->head.md5, pull->md5, sizeof pull->md5) == 0);

    return same && (pull->whole || pull->begun);
}

static void take_whole(struct otter_pull *pull)
{
    struct otter_pull_figures figures;
    const struct otter_pull_head *head = &pull->head;
    bool sketch = pull->config->mode == OTTER_PULL_SKETCH;
    int error = otter__pull_known_figures(pull, &figures);

    pull->whole = gives_no_parts(pull);
    start_over(pull);
    if (error != 0) {
        otter__pull_fail_with(pull, error);
    } else if (!pull->http.has_length || head->length == 0) {
        otter__pull_fail(pull, OTTER_CORE_HTTP_SERVER_NOT_REPORT_SIZE,
                         OTTER_ERR_SIZE);
    } else if (head->length >
               (sketch ? figures.free_space : figures.file_system_size)) {
        otter__pull_fail(pull, OTTER_CORE_HTTP_TOO_LESS_SPACE,
                         OTTER_ERR_SPACE);
    } else if (sketch && head->length < OTTER__PULL_SKETCH_HEAD) {
        otter__pull_fail(pull, OTTER_CORE_HTTP_BIN_VERIFY_HEADER_FAILED,
                         OTTER_ERR_NO_DATA);
    } else if (pull->config->md5 == NULL && head->bad_md5) {
        otter__pull_fail(pull, OTTER_CORE_HTTP_SERVER_FAULTY_MD5,
                         OTTER_ERR_SYNTAX);
    } else {
        pull->size = head->length;
        pull->has_md5 = head->has_md5;
        memcpy(pull->md5, head->md5, sizeof pull->md5);
        otter__pull_enter(pull, OTTER__PULL_BEGIN);
    }
}

static void take_version(struct otter_pull *pull)
{
    if (pull->head.has_version) {
        otter__pull_finish(pull, OTTER_PULL_OK);
    } else {
        otter__pull_fail(pull, OTTER_CORE_HTTP_SERVER_NO_VERSION, 0);
    }
}

/* 206: the rest of what was begun, or of something else. */
static void take_part(struct otter_pull *pull)
{
    if (pull->begun && otter__pull_head_resumes(pull)) {
        otter__pull_receive(pull);
        return;
    }
    pull->whole = true;
    start_over(pull);
    otter__pull_lose(pull, OTTER_CORE_HTTP_SERVER_WRONG_HTTP_CODE, 0);
}

static void wrong_status(struct otter_pull *pull)
{
    bool unwell = pull->head.status >= 500 || pull->head.status == 429;

    if (unwell && pull->head.retry_after_s <= OTTER_PULL_TRY_AFTER_S) {
        otter__pull_lose(pull, OTTER_CORE_HTTP_SERVER_WRONG_HTTP_CODE, 0);
    } else {
        otter__pull_fail(pull, OTTER_CORE_HTTP_SERVER_WRONG_HTTP_CODE, 0);
    }
}

/* What follows the head is of no interest, unless it is a file. */
static void close_conn(struct otter_pull *pull)
{
    bool file = pull->head.status == 200 || pull->head.status == 206;

    if (!file || pull->config->mode == OTTER_PULL_VERSION) {
        otter_conn_close(pull->conn);
        pull->conn = NULL;
    }
}

/* Table 5.3. */
static void answered(struct otter_pull *pull)
{
    close_conn(pull);
    if (pull->head.has_location && pull->redirects < OTTER_PULL_REDIRECTS) {
        pull->redirects++;
        otter__pull_enter(pull, OTTER__PULL_LOOKUP);
        return;
    }
    pull->report_number = 0;
    switch (pull->head.status) {
    case 200:
        if (pull->config->mode == OTTER_PULL_VERSION) {
            take_version(pull);
        } else {
            take_whole(pull);
        }
        break;
    case 206:
        take_part(pull);
        break;
    case 304:
        otter__pull_finish(pull, OTTER_PULL_NO_UPDATE);
        break;
    case 401:
        otter__pull_fail(pull, OTTER_CORE_HTTP_SERVER_UNAUTHORIZED,
                         OTTER_ERR_AUTH);
        break;
    case 403:
        otter__pull_fail(pull, OTTER_CORE_HTTP_SERVER_FORBIDDEN, 0);
        break;
    case 404:
        otter__pull_fail(pull, OTTER_CORE_HTTP_SERVER_FILE_NOT_FOUND, 0);
        break;
    default:
        wrong_status(pull);
        break;
    }
}

static void bad_head(struct otter_pull *pull, int error)
{
    if (pull->head.coding) {
        otter__pull_fail(pull, OTTER_CORE_HTTP_ENCODING, error);
    } else if (error == OTTER_ERR_TOO_LONG) {
        otter__pull_fail(pull, OTTER_CORE_HTTP_TOO_LESS_RAM, error);
    } else {
        otter__pull_fail(pull, OTTER_CORE_HTTP_NO_HTTP_SERVER, error);
    }
}

void otter__pull_step_head(struct otter_pull *pull)
{
    int error = OTTER_ERR_AGAIN;
    int n = 1;

    for (int i = 0; i < HEAD_READS && error == OTTER_ERR_AGAIN; i++) {
        n = otter_conn_read(pull->conn, pull->buf, sizeof pull->buf);
        if (n <= 0) {
            break;
        }
        pull->heard_ms = otter_clock_ms();
        pull->buf_off = 0;
        pull->buf_len = (uint16_t)n;
        error = otter__pull_head_feed(pull);
    }
    if (error == 0) {
        answered(pull);
    } else if (error != OTTER_ERR_AGAIN) {
        bad_head(pull, error);
    } else if (n < 0 && n != OTTER_ERR_AGAIN) {
        otter__pull_lose_with(pull, OTTER_ERR_CLOSED);
    } else if (otter__pull_heard_nothing(pull, otter__pull_client_ms(pull)) ||
               otter__pull_passed(pull, OTTER_PULL_HEAD_MS)) {
        otter__pull_lose_with(pull, OTTER_ERR_TIMEOUT);
    }
}
