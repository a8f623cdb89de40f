/* SPDX-License-Identifier: Apache-2.0
 *
 * The stream that the updater is: one function per state for poll, and the
 * calls of a transport.  Flash is touched in poll alone, and once by end when
 * it commits. */
#include "device/updater/updater.h"

#include "device/updater/internal.h"
#include "format/flash_map.h"
#include "format/hex.h"
#include "hal/board.h"

#include <stddef.h>
#include <string.h>

enum state { IDLE, RECEIVE, FINISH, VERIFY, READY, FAILED, STATES };

_Static_assert(sizeof(struct otter_updater) <= OTTER_FLASH_SECTOR + 512,
               "the updater costs one sector and little more");
_Static_assert(offsetof(struct otter_updater, stream) == 0,
               "a stream pointer is an updater pointer");

static struct otter_updater *self(struct otter_stream *stream)
{
    return (struct otter_updater *)(void *)stream;
}

/* Remembers the first error; the update is lost. */
static int fail(struct otter_updater *u, int error)
{
    if (u->noted) {
        u->config->resume->drop(u);
    }
    u->error = error;
    u->state = FAILED;
    return error;
}

/* --- begin -------------------------------------------------------------- */

static void forget(struct otter_updater *u)
{
    u->head_good = false;
    u->descriptor_judged = false;
    u->structure_judged = false;
    u->gzip = false;
    u->confirms = false;
    u->prepared = false;
    u->keyed = false;
    u->noted = false;
    u->resumed = 0;
    u->expected = 0;
    u->md5_known = false;
    u->error = 0;
    u->received = 0;
    u->programmed = 0;
    u->erased = 0;
}

/* The checks of protocol 2.2 in their order, from step 2 on. */
static int check_begin(struct otter_updater *u,
                       const struct otter_stream_info *info)
{
    uint32_t real = otter_flash_size();
    int error;

    if (otter_board_strapped_for_download()) {
        return OTTER_ERR_BOOTSTRAP;
    }
    if (info->size == 0) {
        return OTTER_ERR_SIZE;
    }
    error = otter__running_header(u);
    if (error != 0) {
        return error;
    }
    if (u->configured_size <= real && u->map->flash_size > real) {
        u->configured_size = u->map->flash_size;
    }
    if (u->configured_size > real) {
        return OTTER_ERR_FLASH_CONFIG;
    }
    if (info->kind != OTTER_UPDATE_SKETCH &&
        info->kind != OTTER_UPDATE_FILE_SYSTEM) {
        return OTTER_ERR_KIND;
    }
    u->kind = (uint8_t)info->kind;
    u->size_known = info->size != OTTER_SIZE_UNKNOWN;
    u->bounded = u->size_known || info->most != 0;
    error = otter__place(u, u->size_known ? info->size : info->most);
    if (error == OTTER_ERR_SPACE && !u->size_known && u->bounded) {
        u->bounded = false; /* it may still fit */
        error = otter__place(u, 0);
    }
    return error;
}

static int updater_begin(struct otter_stream *stream,
                         const struct otter_stream_info *info)
{
    struct otter_updater *u = self(stream);

    if (u->state != IDLE) {
        return OTTER_ERR_BUSY;
    }
    forget(u);
    u->error = check_begin(u, info);
    if (u->error == 0) {
        u->state = RECEIVE;
        if (info->key != NULL && u->size_known && u->by_record &&
            u->config->resume != NULL) {
            u->config->resume->begin(u, info->key);
        }
    }
    return u->error;
}

static uint32_t updater_staged(struct otter_stream *stream)
{
    return self(stream)->resumed;
}

static int updater_expect(struct otter_stream *stream,
                          const struct otter_digest *digest)
{
    struct otter_updater *u = self(stream);

    if (u->state != RECEIVE) {
        return u->state == FAILED ? u->error : OTTER_ERR_STATE;
    }
    switch (digest->kind) {
    case OTTER_DIGEST_MD5:
        memcpy(u->md5_expected, digest->bytes, sizeof u->md5_expected);
        break;
    case OTTER_DIGEST_SHA256:
        memcpy(u->sha256_expected, digest->bytes, sizeof u->sha256_expected);
        break;
    default:
        return OTTER_ERR_INVALID;
    }
    u->expected |= (uint8_t)(1u << digest->kind);
    return 0;
}

/* --- write -------------------------------------------------------------- */

static int not_receiving(const struct otter_updater *u)
{
    return u->error != 0 ? u->error : OTTER_ERR_STATE;
}

/* Four bytes tell what an image is; a shorter one is judged by end. */
static int check_head(struct otter_updater *u, uint32_t len)
{
    int error;

    if (u->head_good) {
        return 0;
    }
    error = otter__verify_head(u, len);
    u->head_good = error == 0;
    return error;
}

static int updater_write(struct otter_stream *stream, const void *data,
                         uint32_t len)
{
    struct otter_updater *u = self(stream);
    uint32_t room = OTTER_FLASH_SECTOR - otter__buffered(u);
    int error = 0;

    if (u->state != RECEIVE) {
        return not_receiving(u);
    }
    if (len > u->capacity - u->received) {
        return fail(u, OTTER_ERR_SPACE);
    }
    len = len < room ? len : room;
    memcpy(u->buffer + OTTER_FLASH_SECTOR - room, data, len);
    u->received += len;
    if (u->received >= 4) {
        error = check_head(u, 4);
    }
    return error != 0 ? fail(u, error) : (int)len;
}

/* --- poll: one function per state --------------------------------------- */

static int step_idle(struct otter_updater *u)
{
    return otter__retain_step(u);
}

static int step_nothing(struct otter_updater *u)
{
    (void)u;
    return 0;
}

static bool is_saving(const struct otter_updater *u)
{
    return u->config->trial != NULL && u->config->trial->saving;
}

/* A copy of the running program that was begun goes on beside the upload, by
 * turns, so that the sender sees progress all the time. */
static int step_receive(struct otter_updater *u)
{
    int result = 0;

    u->turn = !u->turn;
    if (u->head_good && (u->turn || !is_saving(u))) {
        result =
            otter__stage_step(u, u->size_known && u->received == u->capacity);
    }
    return result == 0 && is_saving(u) ? otter__save_step(u->config->trial)
                                       : result;
}

static int step_finish(struct otter_updater *u)
{
    if (otter__buffered(u) > 0) {
        return otter__stage_step(u, true);
    }
    if (u->resumed > 0 && !u->prepared) {
        return otter__prepare(u); /* all of it was staged before */
    }
    if (is_saving(u)) {
        (void)otter__save_step(u->config->trial);
        return OTTER_ERR_PENDING;
    }
    otter__verify_begin(u);
    u->state = VERIFY;
    return OTTER_ERR_PENDING;
}

static int step_verify(struct otter_updater *u)
{
    int error = otter__verify_step(u);

    if (error == 0) {
        u->state = READY;
    }
    return error;
}

static int step_failed(struct otter_updater *u)
{
    return u->error;
}

static int updater_poll(struct otter_stream *stream)
{
    static int (*const steps[STATES])(struct otter_updater *) = {
        [IDLE] = step_idle,     [RECEIVE] = step_receive,
        [FINISH] = step_finish, [VERIFY] = step_verify,
        [READY] = step_nothing, [FAILED] = step_failed,
    };
    struct otter_updater *u = self(stream);
    int result;

    if (u->noted && u->config->resume->mark(u)) {
        return OTTER_ERR_PENDING;
    }
    result = steps[u->state](u);
    if (result != 0 && result != OTTER_ERR_PENDING) {
        return fail(u, result);
    }
    return result != 0 ? result : otter__running_step(u);
}

/* --- end ---------------------------------------------------------------- */

/* No more bytes come: is that an image at all? */
static int check_end(struct otter_updater *u)
{
    if (u->size_known && u->received < u->capacity) {
        return u->received <= OTTER_FLASH_SECTOR ? OTTER_ERR_NO_DATA
                                                 : OTTER_ERR_SHORT;
    }
    if (u->received == 0) {
        return OTTER_ERR_NO_DATA;
    }
    return check_head(u, u->received < 4 ? u->received : 4);
}

static int updater_end(struct otter_stream *stream)
{
    struct otter_updater *u = self(stream);

    switch (u->state) {
    case IDLE:
        return not_receiving(u);
    case RECEIVE:
        u->error = check_end(u);
        u->state = u->error == 0 ? FINISH : IDLE;
        return u->error == 0 ? OTTER_ERR_PENDING : u->error;
    case READY:
        u->error = otter__commit(u);
        u->state = IDLE;
        return u->error;
    case FAILED:
        u->state = IDLE;
        return u->error;
    default:
        return OTTER_ERR_PENDING;
    }
}

static void updater_abort(struct otter_stream *stream, int error)
{
    struct otter_updater *u = self(stream);

    if (u->state == IDLE) {
        return;
    }
    if (u->error == 0) {
        u->error = error != 0 ? error : OTTER_ERR_STREAM;
    }
    u->state = IDLE;
}

static void updater_detail(struct otter_stream *stream,
                           struct otter_error_detail *out)
{
    const struct otter_updater *u = self(stream);

    memset(out, 0, sizeof *out);
    out->error = u->error;
    out->real_size = otter_flash_size();
    out->configured_size = u->configured_size;
    if ((u->expected & 1u << OTTER_DIGEST_MD5) != 0 && u->md5_known &&
        memcmp(u->md5_expected, u->md5, sizeof u->md5) != 0) {
        otter_hex_encode(out->expected, u->md5_expected,
                         sizeof u->md5_expected);
        otter_hex_encode(out->calculated, u->md5, sizeof u->md5);
    }
}

int otter_updater_poll(struct otter_updater *updater)
{
    return updater->state == IDLE ? updater_poll(&updater->stream) : 0;
}

int otter_updater_init(struct otter_updater *updater,
                       const struct otter_updater_config *config)
{
    static const struct otter_stream_ops ops = {
        .begin = updater_begin,
        .staged = updater_staged,
        .expect = updater_expect,
        .write = updater_write,
        .end = updater_end,
        .abort = updater_abort,
        .poll = updater_poll,
        .detail = updater_detail,
    };
    const struct otter_flash_map *map = config->map;

    memset(updater, 0, sizeof *updater);
    updater->stream.ops = &ops;
    updater->config = config;
    updater->map = map != NULL ? map : otter_board_flash_map();
    map = updater->map;
    if (map == NULL || map->fs_start % OTTER_FLASH_SECTOR != 0 ||
        map->fs_end % OTTER_FLASH_SECTOR != 0 || map->fs_start > map->fs_end ||
        map->fs_end > map->flash_size) {
        return OTTER_ERR_INVALID;
    }
    return 0;
}
