/* SPDX-License-Identifier: Apache-2.0
 *
 * The sketch that runs, as it lies in flash: how long it is, for which flash
 * it was built, and its digest.  It does not change while it runs, so each is
 * found once. */
#include "device/updater/internal.h"
#include "format/flash_map.h"
#include "format/hex.h"
#include "format/image.h"
#include "hal/flash.h"

#include <stdalign.h>

#define MODE_BYTE 2
#define SIZE_BYTE 3

enum md5_state { MD5_NOT_ASKED, MD5_UNDER_WAY, MD5_KNOWN, MD5_FAILED };

int otter__running_header(struct otter_updater *u)
{
    alignas(4) uint8_t header[4];
    int error = otter_flash_read(0, header, sizeof header);

    if (error == 0) {
        u->mode_running = otter__known_mode(header[MODE_BYTE]);
        u->configured_size =
            otter_flash_map_size_from_nibble(header[SIZE_BYTE] >> 4);
    }
    return error;
}

static int read_flash(void *user, uint32_t off, void *buf, uint32_t len)
{
    (void)user;
    return otter_flash_read(off, buf, len);
}

int otter__running_size(struct otter_updater *u)
{
    struct otter_image_source source = {.read = read_flash,
                                        .size = u->map->flash_size};
    int error;

    if (u->running.size != 0) {
        return 0;
    }
    error = otter_image_size(&source, &u->running.size);
    return error == 0 || error == OTTER_ERR_FLASH_READ ? error
                                                       : OTTER_ERR_IMAGE;
}

/* Size and steps are multiples of 16. */
static int read_into_digest(struct otter_updater *u, uint32_t len)
{
    struct otter_updater_running *run = &u->running;
    alignas(4) uint8_t chunk[256];

    while (len > 0) {
        uint32_t n = len < sizeof chunk ? len : (uint32_t)sizeof chunk;
        int error = otter_flash_read(run->md5_off, chunk, n);

        if (error != 0) {
            return error;
        }
        br_md5_update(&run->md5_context, chunk, n);
        run->md5_off += n;
        len -= n;
    }
    return 0;
}

int otter__running_step(struct otter_updater *u)
{
    struct otter_updater_running *run = &u->running;
    uint32_t left = run->size - run->md5_off;

    if (run->md5_state != MD5_UNDER_WAY) {
        return 0;
    }
    left = left < OTTER_FLASH_SECTOR ? left : OTTER_FLASH_SECTOR;
    if (read_into_digest(u, left) != 0) {
        run->md5_state = MD5_FAILED;
        return 0;
    }
    if (run->md5_off < run->size) {
        return OTTER_ERR_PENDING;
    }
    br_md5_out(&run->md5_context, run->md5);
    run->md5_state = MD5_KNOWN;
    return 0;
}

uint32_t otter_updater_sketch_size(struct otter_updater *updater)
{
    return otter__running_size(updater) == 0 ? updater->running.size : 0;
}

uint32_t otter_updater_free_space(struct otter_updater *updater)
{
    if (otter__running_size(updater) != 0) {
        return 0;
    }
    return otter_flash_map_free_space(updater->map, updater->running.size);
}

int otter_updater_sketch_md5(struct otter_updater *updater, char out[33])
{
    struct otter_updater_running *run = &updater->running;
    int error = otter__running_size(updater);

    out[0] = '\0';
    if (error != 0) {
        return error;
    }
    switch (run->md5_state) {
    case MD5_KNOWN:
        otter_hex_encode(out, run->md5, sizeof run->md5);
        return 0;
    case MD5_FAILED:
        run->md5_state = MD5_NOT_ASKED;
        return OTTER_ERR_FLASH_READ;
    case MD5_NOT_ASKED:
        br_md5_init(&run->md5_context);
        run->md5_off = 0;
        run->md5_state = MD5_UNDER_WAY;
        return OTTER_ERR_PENDING;
    default:
        return OTTER_ERR_PENDING;
    }
}
