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
#include <stddef.h>
#include <string.h>

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

/* The record of what was installed knows the digest of its file, which may
 * have another boot sector or flash mode than what is in flash.  OTTER_ERR_
 * NO_DATA: nobody knows. */
static int look_up_digest(struct otter_updater *u)
{
    struct otter_trial *t = otter__log(u);
    static const uint8_t unknown[16] = {0};
    int error;

    if (t == NULL) {
        return OTTER_ERR_NO_DATA;
    }
    error = otter__identify_step(u, t);
    if (error != 0) {
        return error;
    }
    memcpy(u->running.md5, t->running.md5, sizeof unknown);
    return memcmp(u->running.md5, unknown, sizeof unknown) != 0
               ? 0
               : OTTER_ERR_NO_DATA;
}

int otter__running_step(struct otter_updater *u)
{
    struct otter_updater_running *run = &u->running;
    uint32_t left = run->size - run->md5_off;
    int error;

    if (run->md5_state != MD5_UNDER_WAY) {
        return 0;
    }
    error = run->md5_off == 0 ? look_up_digest(u) : OTTER_ERR_NO_DATA;
    if (error == OTTER_ERR_PENDING) {
        return error;
    }
    if (error != OTTER_ERR_NO_DATA) {
        run->md5_state = error == 0 ? MD5_KNOWN : MD5_FAILED;
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
    const struct otter_trial *t = otter__log(updater);
    uint32_t used, top = updater->map->fs_start;

    if (otter__running_size(updater) != 0) {
        return 0;
    }
    if (t == NULL) {
        return otter_flash_map_free_space(updater->map, updater->running.size);
    }
    used = otter_flash_map_sectors(updater->running.size);
    top = top < t->log_addr + OTTER_BOOT_LOG_SECTORS * OTTER_FLASH_SECTOR
              ? 0
              : t->log_addr;
    return used < top ? top - used : 0;
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
