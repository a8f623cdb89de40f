/* SPDX-License-Identifier: Apache-2.0
 *
 * Updates by the updater that ships, in pieces as a network brings them; and
 * by what the core's Updater does. */
#include "tests/powercut/update.h"

#include "device/updater/updater.h"
#include "format/error.h"
#include "format/rtc_command.h"
#include "hal/flash.h"
#include "tests/powercut/life.h"
#include "tests/powercut/web.h"

#include <string.h>

#define PIECE      1460u  /* bytes that come at a time */
#define STEPS_MAX  20000u /* polls that any update needs at most */
#define IDLE_STEPS 2000u

static struct otter_updater updater;
static struct otter_updater_config config;
static uint8_t sector[CUT_SECTOR] __attribute__((aligned(4)));

static uint32_t whole_sectors(uint32_t size)
{
    return (size + CUT_SECTOR - 1) & ~(CUT_SECTOR - 1);
}

void cut_update_begin(struct otter_trial *trial)
{
    memset(&config, 0, sizeof config);
    config.trial = trial;
    config.resume = &otter_updater_resume;
    if (otter_updater_init(&updater, &config) != 0) {
        cut_broken("I14: the updater does not start");
    }
    if (cut_life.c.scenario == CUT_WEB) {
        cut_web_begin(otter_updater_stream(&updater), trial);
    }
}

void cut_update_idle(void)
{
    uint32_t steps = 0;

    while (otter_updater_poll(&updater) == OTTER_ERR_PENDING) {
        if (++steps > IDLE_STEPS) {
            cut_broken("I12: the updater does not come to rest");
            return;
        }
    }
}

static int poll(struct otter_stream *stream)
{
    int error = otter_stream_poll(stream);

    return error == OTTER_ERR_PENDING ? 0 : error;
}

/* Takes all bytes; a refusal shows in write or poll. */
static int send(struct otter_stream *stream, const uint8_t *data,
                uint32_t size)
{
    uint32_t sent = 0;

    for (uint32_t i = 0; sent < size && i < STEPS_MAX; i++) {
        uint32_t n = size - sent < PIECE ? size - sent : PIECE;
        int took = otter_stream_write(stream, data + sent, n);

        if (took < 0) {
            return took;
        }
        sent += (uint32_t)took;
        took = poll(stream);
        if (took != 0) {
            return took;
        }
    }
    return sent == size ? 0 : OTTER_ERR_TIMEOUT;
}

static int finish(struct otter_stream *stream)
{
    int error = OTTER_ERR_PENDING;

    for (uint32_t i = 0; error == OTTER_ERR_PENDING && i < STEPS_MAX; i++) {
        error = otter_stream_end(stream);
        if (error == OTTER_ERR_PENDING) {
            (void)!otter_stream_poll(stream);
        }
    }
    return error;
}

/* Where staged bits flip by themselves, only a digest can tell when an update
 * goes on: the CRC is that of what is read back. */
static int expect(struct otter_stream *stream, const uint8_t *data,
                  uint32_t size)
{
    struct otter_digest digest = {.kind = OTTER_DIGEST_MD5};
    br_md5_context context;

    if (cut_life.c.scenario != CUT_ROT_STAGED &&
        cut_life.c.scenario != CUT_ROT_MIDCOPY &&
        cut_life.c.scenario != CUT_ROT_ALONE) {
        return 0;
    }
    br_md5_init(&context);
    br_md5_update(&context, data, size);
    br_md5_out(&context, digest.bytes);
    return otter_stream_expect(stream, &digest);
}

/* An update that a cut ended goes on where the record says that it was; no
 * digest makes up for what is taken for staged and is not. */
static int update(uint32_t kind, const uint8_t *data, uint32_t size,
                  uint8_t name)
{
    const uint8_t key[8] = {name, 1};
    const struct otter_stream_info info = {
        .kind = kind, .size = size, .key = key};
    struct otter_stream *stream = otter_updater_stream(&updater);
    int error = otter_stream_begin(stream, &info);
    uint32_t staged = error == 0 ? otter_stream_staged(stream) : 0;

    if (error != 0) {
        return error;
    }
    error = expect(stream, data, size);
    if (error == 0) {
        error = send(stream, data + staged, size - staged);
    }
    if (error != 0) {
        otter_stream_abort(stream, error);
        return error;
    }
    return finish(stream);
}

int cut_update_sketch(uint32_t index)
{
    const struct cut_image *image = &cut_images[index];

    return cut_life.c.scenario == CUT_WEB
               ? cut_web_upload(image->stored, image->stored_size, index == 1)
               : update(OTTER_UPDATE_SKETCH, image->stored, image->stored_size,
                        (uint8_t)index);
}

static uint8_t fs_byte(uint32_t i)
{
    return (uint8_t)(i * 13 + cut_life.c.seed + 5);
}

bool cut_update_file_system_is_whole(void)
{
    for (uint32_t i = cut_life.fs; i < cut_life.end; i++) {
        if (cut_flash[i] != fs_byte(i)) {
            return false;
        }
    }
    return !otter_torn_is_weak(&cut_board.torn, cut_life.fs,
                               cut_life.end - cut_life.fs);
}

int cut_update_file_system(void)
{
    static uint8_t data[2 * CUT_SECTOR];
    uint32_t size = cut_life.end - cut_life.fs;

    for (uint32_t i = 0; i < size; i++) {
        data[i] = fs_byte(cut_life.fs + i);
    }
    return update(OTTER_UPDATE_FILE_SYSTEM, data, size, UINT8_MAX);
}

/* One sector after the other, erased and written, never read back. */
static void put(uint32_t addr, const uint8_t *data, uint32_t len)
{
    memset(sector, 0xff, sizeof sector);
    memcpy(sector, data, len);
    if (otter_flash_erase(addr) == 0) {
        (void)!otter_flash_program(addr, sector, (len + 3) & ~3u);
    }
}

void cut_update_stock(uint32_t index)
{
    const struct cut_image *image = &cut_images[index];
    uint32_t addr = cut_life.fs - whole_sectors(image->stored_size);
    struct otter_rtc_command command;

    cut_life.newest_known = false;
    cut_life.rotted = true;
    for (uint32_t off = 0; off < image->stored_size; off += CUT_SECTOR) {
        uint32_t left = image->stored_size - off;

        put(addr + off, image->stored + off,
            left < CUT_SECTOR ? left : CUT_SECTOR);
    }
    otter_rtc_command_set_copy(&command, addr, 0, image->stored_size);
    otter_rtc_command_encode(&command, cut_board.rtc);
}
