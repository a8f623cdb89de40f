/* SPDX-License-Identifier: Apache-2.0
 *
 * Challenge, response and the wait after wrong responses.  All inputs of the
 * digests are hexadecimal texts, not binary digests (protocol 1.4). */
#include "device/transport/push_auth.h"

#include "format/error.h"
#include "format/hex.h"
#include "hal/board.h"
#include "hal/clock.h"

#include <bearssl.h>
#include <string.h>

#define SHARED_ROW (OTTER_PUSH_ROWS - 1u)

static void md5_hex(const char *text, size_t len,
                    char out[OTTER_PUSH_DIGITS_MD5 + 1])
{
    br_md5_context context;
    uint8_t digest[br_md5_SIZE];

    br_md5_init(&context);
    br_md5_update(&context, text, len);
    br_md5_out(&context, digest);
    otter_hex_encode(out, digest, sizeof digest);
}

int otter__push_auth_init(struct otter_push_auth *auth, const char *password,
                          const char *hash)
{
    memset(auth, 0, sizeof *auth);
    if (password != NULL && hash != NULL) {
        return OTTER_ERR_INVALID;
    }
    if (hash != NULL) {
        if (strlen(hash) != OTTER_PUSH_DIGITS_MD5) {
            return OTTER_ERR_INVALID;
        }
        memcpy(auth->stored, hash, OTTER_PUSH_DIGITS_MD5);
    }
    if (password != NULL) {
        md5_hex(password, strlen(password), auth->stored);
    }
    return 0;
}

bool otter__push_auth_required(const struct otter_push_auth *auth)
{
    return auth->stored[0] != '\0';
}

int otter__push_auth_challenge(struct otter_push_auth *auth)
{
    uint8_t random[OTTER_PUSH_DIGITS_MD5 / 2];
    int error = otter_board_random(random, sizeof random);

    if (error != 0) {
        return error;
    }
    otter_hex_encode(auth->nonce, random, sizeof random);
    return 0;
}

bool otter__push_same_host(const struct otter_addr *a,
                           const struct otter_addr *b)
{
    return a->family == b->family && a->scope == b->scope &&
           memcmp(a->ip, b->ip, a->family == OTTER_ADDR_IPV4 ? 4 : 16) == 0;
}

static bool in_use(const struct otter_push_row *row)
{
    return row->failures > 0;
}

/* The row that counts for `from`: its own, or a free one, or the shared. */
static uint32_t row_of(const struct otter_push_auth *auth,
                       const struct otter_addr *from)
{
    uint32_t chosen = SHARED_ROW;

    for (uint32_t i = SHARED_ROW; i-- > 0;) {
        if (!in_use(&auth->rows[i])) {
            chosen = i;
        }
    }
    for (uint32_t i = 0; i < SHARED_ROW; i++) {
        if (in_use(&auth->rows[i]) &&
            otter__push_same_host(&auth->rows[i].from, from)) {
            chosen = i;
        }
    }
    return chosen;
}

static void count_failure(struct otter_push_auth *auth,
                          const struct otter_addr *from)
{
    uint32_t i = row_of(auth, from);
    struct otter_push_row *row = &auth->rows[i];

    if (i != SHARED_ROW) {
        row->from = *from;
    }
    if (row->failures < UINT8_MAX) {
        row->failures++;
    }
    row->last_ms = otter_clock_ms();
}

int otter__push_auth_check(struct otter_push_auth *auth,
                           const struct otter_addr *from, const char *cnonce,
                           const char *response)
{
    char text[3 * OTTER_PUSH_DIGITS_MD5 + 3];
    char right[OTTER_PUSH_DIGITS_MD5 + 1];
    unsigned differs = 0;

    md5_hex(text,
            otter_push_format_challenge(auth->stored, auth->nonce, cnonce,
                                        text, sizeof text),
            right);
    for (uint32_t i = 0; i < OTTER_PUSH_DIGITS_MD5; i++) {
        differs |= (unsigned)(right[i] ^ response[i]);
    }
    if (differs != 0) {
        count_failure(auth, from);
        return OTTER_ERR_AUTH;
    }
    auth->rows[row_of(auth, from)].failures = 0;
    return 0;
}

uint32_t otter__push_auth_wait(const struct otter_push_auth *auth,
                               const struct otter_addr *from)
{
    const struct otter_push_row *row = &auth->rows[row_of(auth, from)];
    uint32_t wait_ms = 1000;
    uint32_t passed_ms = otter_clock_since(row->last_ms);

    if (row->failures < OTTER_PUSH_FREE_TRIES) {
        return 0;
    }
    for (uint32_t i = OTTER_PUSH_FREE_TRIES; i < row->failures; i++) {
        wait_ms = wait_ms < OTTER_PUSH_WAIT_MAX_MS / 2
                      ? wait_ms * 2
                      : OTTER_PUSH_WAIT_MAX_MS;
    }
    return passed_ms < wait_ms ? wait_ms - passed_ms : 0;
}

void otter__push_auth_tick(struct otter_push_auth *auth)
{
    for (uint32_t i = 0; i < OTTER_PUSH_ROWS; i++) {
        struct otter_push_row *row = &auth->rows[i];

        if (in_use(row) &&
            otter_clock_since(row->last_ms) >= OTTER_PUSH_FORGET_MS) {
            row->failures = 0;
        }
    }
}
