/* SPDX-License-Identifier: Apache-2.0
 *
 * The public functions of pull, what a configuration must be, and when the
 * next run comes.  The run itself is pull_run.c. */
#include "device/transport/pull.h"
#include "device/transport/pull_internal.h"

#include "format/hex.h"
#include "hal/board.h"
#include "hal/clock.h"

#include <string.h>

/* What pull may take of the transports' 8 KiB. */
#define SIZE_MAX_BYTES 2048u

#define FIRST_RUN_MAX_S 60u

_Static_assert(sizeof(struct otter_pull) <= SIZE_MAX_BYTES,
               "pull keeps to its share of the transports' memory");

/* --- Shared with the other files ---------------------------------------- */

void otter__pull_enter(struct otter_pull *pull, enum otter_pull_state state)
{
    pull->state = (uint8_t)state;
    pull->since_ms = otter_clock_ms();
}

int otter__pull_figures(struct otter_pull *pull,
                        struct otter_pull_figures *out)
{
    memset(out, 0, sizeof *out);
    out->chip_id = otter_board_chip_id();
    otter_board_mac(out->sta_mac);
    otter_board_mac(out->ap_mac);
    out->ap_mac[0] |= 2;
    out->sdk_version = "otter";
    return pull->config->figures(pull->config->user, out);
}

/* --- The configuration -------------------------------------------------- */

/* A text that may stand in a header: no control characters, not too long. */
static bool fits(const char *text, uint32_t max)
{
    uint32_t len = 0;

    if (text == NULL) {
        return true;
    }
    for (; text[len] != '\0'; len++) {
        if (len >= max || (unsigned char)text[len] < 0x20 ||
            text[len] == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool good_credentials(const struct otter_pull_config *config)
{
    uint32_t len = 0;

    if (!fits(config->authorization, OTTER_PULL_SECRET_MAX) ||
        !fits(config->user_name, OTTER_PULL_SECRET_MAX) ||
        !fits(config->password, OTTER_PULL_SECRET_MAX) ||
        (config->user_name == NULL && config->password != NULL) ||
        (config->user_name != NULL && config->authorization != NULL)) {
        return false;
    }
    if (config->user_name != NULL) {
        /* Basic cannot tell where a user with a colon ends. */
        if (memchr(config->user_name, ':', strlen(config->user_name)) !=
            NULL) {
            return false;
        }
        len = (uint32_t)strlen(config->user_name);
    }
    if (config->password != NULL) {
        len += (uint32_t)strlen(config->password);
    }
    return len < OTTER_PULL_SECRET_MAX;
}

static bool good_md5(const char *md5)
{
    uint8_t bytes[16];

    return md5 == NULL || (strlen(md5) == 2 * sizeof bytes &&
                           otter_hex_decode(bytes, md5, sizeof bytes) == 0);
}

static int check(const struct otter_pull_config *config)
{
    struct otter__pull_target target;

    if (config->stream == NULL || config->figures == NULL ||
        (uint32_t)config->mode > OTTER_PULL_VERSION ||
        config->interval_s > OTTER_PULL_INTERVAL_MAX ||
        !fits(config->version, OTTER_PULL_VERSION_MAX) ||
        !good_credentials(config) || !good_md5(config->md5)) {
        return OTTER_ERR_INVALID;
    }
    return otter__pull_configured(config, &target);
}

/* --- The schedule -------------------------------------------------------- */

/* Between `least` and `most`, so that devices that started together do not
 * ask together.  Without randomness each device has its own fixed place. */
static uint32_t jitter(uint32_t least, uint32_t most)
{
    uint32_t random;

    if (otter_board_random(&random, sizeof random) != 0) {
        random = otter_board_chip_id() * 2654435761u;
    }
    return most > least ? least + random % (most - least + 1) : least;
}

static void wait(struct otter_pull *pull, uint32_t least_ms, uint32_t most_ms)
{
    pull->idle_ms = otter_clock_ms();
    pull->wait_ms = jitter(least_ms, most_ms);
}

/* The wait after the n-th failure, before jitter. */
static uint32_t back_off_s(const struct otter_pull *pull)
{
    uint32_t interval = pull->config->interval_s;
    uint32_t most =
        interval > OTTER_PULL_RETRY_MAX_S ? interval : OTTER_PULL_RETRY_MAX_S;
    uint32_t wait_s =
        interval < OTTER_PULL_RETRY_S ? interval : OTTER_PULL_RETRY_S;

    for (uint32_t n = 1; n < pull->failures && wait_s < most; n++) {
        wait_s *= 2;
    }
    return wait_s < most ? wait_s : most;
}

void otter__pull_schedule(struct otter_pull *pull)
{
    uint32_t wait_ms = pull->config->interval_s * 1000;
    uint32_t asked_ms = pull->head.retry_after_s * 1000;

    if (pull->result != OTTER_PULL_FAILED ||
        pull->reason == OTTER_ERR_DECLINED) {
        pull->failures = 0;
        wait(pull, wait_ms - wait_ms / 10, wait_ms + wait_ms / 10);
    } else {
        if (pull->failures < UINT8_MAX) {
            pull->failures++;
        }
        wait_ms = back_off_s(pull) * 1000;
        wait(pull, wait_ms / 2, wait_ms);
    }
    if (asked_ms > pull->wait_ms) {
        wait(pull, asked_ms, asked_ms + asked_ms / 10);
    }
}

static bool is_due(const struct otter_pull *pull)
{
    return pull->config->interval_s != 0 &&
           otter_clock_since(pull->idle_ms) >= pull->wait_ms;
}

/* --- Public functions ---------------------------------------------------- */

int otter_pull_init(struct otter_pull *pull,
                    const struct otter_pull_config *config)
{
    uint32_t first = config->interval_s < FIRST_RUN_MAX_S ? config->interval_s
                                                          : FIRST_RUN_MAX_S;
    int error = check(config);

    memset(pull, 0, sizeof *pull);
    if (error != 0) {
        return error;
    }
    pull->config = config;
    pull->stream = config->stream;
    otter__pull_enter(pull, OTTER__PULL_IDLE);
    wait(pull, 0, first * 1000);
    return 0;
}

static void begin_run(struct otter_pull *pull)
{
    if (pull->report_number == 0) {
        pull->report_number = pull->number;
    }
    pull->stream = pull->config->stream;
    pull->number = 0;
    pull->reason = 0;
    pull->result = OTTER_PULL_FAILED;
    pull->resumable = false;
    pull->whole = false;
    pull->tries = 0;
    pull->best = 0;
    pull->done = 0;
    pull->redirects = 0;
    pull->location[0] = '\0';
    pull->etag[0] = '\0';
    memset(&pull->head, 0, sizeof pull->head);
    otter__pull_enter(pull, OTTER__PULL_FIGURES);
}

int otter_pull_start(struct otter_pull *pull)
{
    int error;

    if (pull->state == OTTER__PULL_CLOSED) {
        return OTTER_ERR_STATE;
    }
    if (pull->state != OTTER__PULL_IDLE) {
        return OTTER_ERR_BUSY;
    }
    error = check(pull->config);
    if (error == 0) {
        begin_run(pull);
    }
    return error;
}

int otter_pull_poll(struct otter_pull *pull)
{
    if (pull->state == OTTER__PULL_IDLE && is_due(pull) &&
        otter_pull_start(pull) != 0) {
        /* The configuration was spoilt meanwhile; it may get better. */
        wait(pull, OTTER_PULL_RETRY_S * 1000, OTTER_PULL_RETRY_S * 1000);
    }
    if (pull->state > OTTER__PULL_IDLE) {
        otter__pull_run(pull);
    }
    if (pull->state == OTTER__PULL_CLOSED) {
        return OTTER_ERR_STATE;
    }
    return pull->state > OTTER__PULL_IDLE ? OTTER_ERR_PENDING : 0;
}

void otter_pull_close(struct otter_pull *pull)
{
    if (pull->state > OTTER__PULL_IDLE) {
        otter__pull_release(pull, OTTER_ERR_DECLINED);
    }
    pull->state = OTTER__PULL_CLOSED;
}

uint32_t otter_pull_wait_ms(const struct otter_pull *pull)
{
    uint32_t passed = otter_clock_since(pull->idle_ms);

    if (pull->state > OTTER__PULL_IDLE) {
        return 0;
    }
    if (pull->state == OTTER__PULL_CLOSED || pull->config->interval_s == 0) {
        return UINT32_MAX;
    }
    return passed < pull->wait_ms ? pull->wait_ms - passed : 0;
}

enum otter_pull_result otter_pull_last_result(const struct otter_pull *pull)
{
    return (enum otter_pull_result)pull->result;
}

int otter_pull_last_error(const struct otter_pull *pull)
{
    return pull->number;
}

int otter_pull_reason(const struct otter_pull *pull)
{
    return pull->reason;
}

uint32_t otter_pull_error_text(struct otter_pull *pull, char *out,
                               uint32_t size)
{
    struct otter_error_detail detail = {0};

    if (pull->number > 0) {
        otter_stream_detail(pull->stream, &detail);
        if (detail.error != pull->reason) {
            memset(&detail, 0, sizeof detail);
            detail.error = pull->reason;
        }
    }
    return otter_core_http_print(pull->number, &detail, out, size);
}

const char *otter_pull_available_version(const struct otter_pull *pull)
{
    return pull->head.has_version && pull->result == OTTER_PULL_OK
               ? pull->location
               : "";
}
