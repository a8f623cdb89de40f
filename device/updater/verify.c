/* SPDX-License-Identifier: Apache-2.0
 *
 * What decides whether an image is taken: its first bytes, its descriptor,
 * its digests over the flash read back, and for gzip what it says of its
 * size.  Every byte that is judged came from outside; nothing here trusts a
 * length before it was compared with what is there. */
#include "device/updater/internal.h"
#include "format/bytes.h"
#include "format/crc32.h"
#include "format/descriptor.h"
#include "format/flash_map.h"
#include "format/image.h"
#include "hal/board.h"
#include "hal/flash.h"

#include <stdalign.h>
#include <string.h>

#define MODE_BYTE 2

#define GZIP_MIN    18u /* bytes of header and trailer */
#define GZIP_METHOD 8   /* deflate, the only one there is */
/* No deflate stream unpacks to more times its size. */
#define DEFLATE_BEST 1032u

/* --- The first bytes ---------------------------------------------------- */

static int judge_gzip(struct otter_updater *u, uint32_t len)
{
    if (len < 3 || u->buffer[1] != 0x8b) {
        return OTTER_ERR_MAGIC;
    }
    u->gzip = true;
    return u->buffer[2] == GZIP_METHOD ? 0 : OTTER_ERR_GZIP;
}

int otter__verify_head(struct otter_updater *u, uint32_t len)
{
    if (u->kind == OTTER_UPDATE_FILE_SYSTEM) {
        return 0;
    }
    if (u->buffer[0] == 0x1f) {
        return judge_gzip(u, len);
    }
    if (u->buffer[0] != OTTER_IMAGE_MAGIC) {
        return OTTER_ERR_MAGIC;
    }
    if (len >= 4 && otter_flash_map_size_from_nibble(u->buffer[3] >> 4) >
                        otter_flash_size()) {
        return OTTER_ERR_NEW_FLASH_CONFIG;
    }
    return 0;
}

/* --- The descriptor ----------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
    size_t len = strlen(a);

    return strlen(b) == len && memcmp(a, b, len) == 0;
}

/* An empty text in the descriptor means any. */
static bool names_other(const char *text, const char *wanted, const char *own)
{
    return text[0] != '\0' && !same_text(text, wanted != NULL ? wanted : own);
}

/* Our own loader says its version itself. */
static uint32_t loader_version(const struct otter_updater *u)
{
    return u->by_record ? u->config->trial->loader_version
                        : u->config->loader_version;
}

static int judge_descriptor(struct otter_updater *u,
                            const uint8_t bytes[OTTER_DESCRIPTOR_SIZE])
{
    const struct otter_updater_config *config = u->config;
    struct otter_descriptor descriptor;

    if (otter_descriptor_decode(bytes, &descriptor) != 0) {
        return config->allow_other_board ? 0 : OTTER_ERR_IMAGE;
    }
    if (!config->allow_other_board) {
        if (names_other(descriptor.board, config->board, otter_board_name())) {
            return OTTER_ERR_BOARD;
        }
        if (names_other(descriptor.chip, config->chip, otter_board_chip())) {
            return OTTER_ERR_CHIP;
        }
    }
    u->confirms = (descriptor.flags & OTTER_DESCRIPTOR_CONFIRMS) != 0;
    return descriptor.min_loader > loader_version(u) ? OTTER_ERR_LOADER : 0;
}

static int read_staged(void *user, uint32_t off, void *buf, uint32_t len)
{
    const struct otter_updater *u = user;

    return otter_flash_read(u->start + off, buf, len);
}

/* OTTER_ERR_AGAIN: what lies at the start of the segment has not come yet. */
static int look_at(struct otter_updater *u,
                   const struct otter_image_source *source,
                   const struct otter_image_segment *segment)
{
    alignas(4) uint8_t bytes[OTTER_DESCRIPTOR_SIZE + 4];
    uint32_t skip = segment->off % 4;
    int error;

    if (segment->size < OTTER_DESCRIPTOR_SIZE) {
        return 0;
    }
    if (segment->off + OTTER_DESCRIPTOR_SIZE > u->programmed) {
        return OTTER_ERR_AGAIN;
    }
    error = source->read(source->user, segment->off - skip, bytes,
                         OTTER_DESCRIPTOR_SIZE + (skip != 0 ? 4 : 0));
    if (error == 0 && otter_descriptor_has_magic(bytes + skip)) {
        u->descriptor_judged = true;
        error = judge_descriptor(u, bytes + skip);
    }
    return error;
}

/* --- Structure ----------------------------------------------------------- */

/* A boot image must end in its sector, the checksum's byte included. */
static int judge_boot_image(struct otter_updater *u, uint32_t size)
{
    struct otter_image_source source = {
        .read = read_staged, .user = u, .size = size};
    struct otter_image_part part;

    if (source.size > OTTER_IMAGE_APP_OFF) {
        source.size = OTTER_IMAGE_APP_OFF;
    }
    return otter_image_read_part(&source, 0, &part);
}

/* True when a header at `off` is still to come, false also when it never
 * will. */
static bool comes_later(const struct otter_updater *u, uint32_t off,
                        uint32_t size)
{
    uint32_t end = off + OTTER_IMAGE_HEADER_SIZE;

    return end > u->programmed && end <= size;
}

/* Follows the segments of the application as far as they have come, each time
 * from the first on: there are 255 at most.  OTTER_ERR_AGAIN: the rest has not
 * come yet. */
static int follow(struct otter_updater *u, uint32_t size)
{
    struct otter_image_source source = {
        .read = read_staged, .user = u, .size = size};
    struct otter_image_header header;
    struct otter_image_walk walk;
    int error;

    if (comes_later(u, OTTER_IMAGE_APP_OFF, size)) {
        return OTTER_ERR_AGAIN;
    }
    error =
        otter_image_walk_begin(&walk, &source, OTTER_IMAGE_APP_OFF, &header);
    if (error == 0 && walk.left == 0) {
        return OTTER_ERR_IMAGE;
    }
    while (error == 0 && walk.left > 0) {
        struct otter_image_segment segment;

        if (comes_later(u, walk.off, size)) {
            return OTTER_ERR_AGAIN;
        }
        error = otter_image_walk_next(&walk, &segment);
        if (error == 0 && !u->descriptor_judged) {
            error = look_at(u, &source, &segment);
        }
    }
    /* The checksum is the last byte of a line of 16. */
    return error == 0 && (walk.off | 15) >= size ? OTTER_ERR_SHORT : error;
}

/* OTTER_ERR_AGAIN is no judgement yet; what is missing or no image where one
 * must be has one name. */
static int judgement(int error)
{
    switch (error) {
    case OTTER_ERR_AGAIN:
        return 0;
    case OTTER_ERR_MAGIC:
    case OTTER_ERR_SHORT:
        return OTTER_ERR_IMAGE;
    default:
        return error;
    }
}

int otter__verify_structure(struct otter_updater *u)
{
    int error;

    if (u->kind != OTTER_UPDATE_SKETCH || u->gzip || u->structure_judged ||
        u->programmed < OTTER_IMAGE_APP_OFF) {
        return 0;
    }
    error = judge_boot_image(u, u->capacity);
    if (error == 0) {
        error = follow(u, u->capacity);
        u->structure_judged = error == 0;
    }
    return judgement(error);
}

/* Once more in what was read back, and against what came in the end. */
static int judge_structure(struct otter_updater *u)
{
    int error = judge_boot_image(u, u->received);

    u->descriptor_judged = false;
    u->confirms = false;
    if (error == 0) {
        error = follow(u, u->received);
    }
    return error != 0 ? judgement(error)
                      : otter__check_installed(u, u->received);
}

/* --- Reading back ------------------------------------------------------- */

/* The last four bytes of a gzip file are all that the boot loader knows of
 * what it will unpack (protocol 3.3): they must be possible. */
static int judge_unpacked(struct otter_updater *u)
{
    /* Stored blocks cost 5 bytes in 64 KiB; this allows much more, and a
     * header with names in it. */
    uint32_t packed = u->received / 65 * 64;
    uint32_t least =
        packed > OTTER_IMAGE_APP_OFF ? packed - OTTER_IMAGE_APP_OFF : 0;
    alignas(4) uint8_t trailer[8];
    uint32_t end = u->start + u->received;
    uint32_t from = (end - 4) & ~3u;
    uint32_t size;
    int error;

    if (u->received < GZIP_MIN) {
        return OTTER_ERR_GZIP;
    }
    error = otter_flash_read(from, trailer, (end - from + 3) & ~3u);
    if (error != 0) {
        return error;
    }
    size = otter_load_le32(trailer + (end - 4 - from));
    if (size <= OTTER_IMAGE_APP_OFF) {
        return OTTER_ERR_IMAGE;
    }
    if (size < least || size / DEFLATE_BEST > u->received) {
        return OTTER_ERR_GZIP;
    }
    return otter__check_installed(u, size);
}

static bool differs(const struct otter_updater *u, enum otter_digest_kind kind,
                    const uint8_t *expected, const uint8_t *got, uint32_t len)
{
    return (u->expected & 1u << kind) != 0 && memcmp(expected, got, len) != 0;
}

static int judge_digests(struct otter_updater *u)
{
    uint8_t sha256[32];

    br_md5_out(&u->md5_context, u->md5);
    br_sha256_out(&u->sha256_context, sha256);
    u->md5_known = true;
    if (differs(u, OTTER_DIGEST_MD5, u->md5_expected, u->md5, 16) ||
        differs(u, OTTER_DIGEST_SHA256, u->sha256_expected, sha256, 32)) {
        return OTTER_ERR_DIGEST;
    }
    return 0;
}

static int judge_whole(struct otter_updater *u)
{
    int error = judge_digests(u);

    if (error != 0 || u->kind != OTTER_UPDATE_SKETCH) {
        return error;
    }
    return u->gzip ? judge_unpacked(u) : judge_structure(u);
}

/* What the boot loader checks: the staged bytes as they are in flash. */
static void add_to_crcs(struct otter_updater *u, uint32_t len)
{
    struct otter_trial *t = u->config->trial;

    if (!u->by_record || u->kind != OTTER_UPDATE_SKETCH) {
        return;
    }
    if (u->verified == 0) {
        t->stored_crc = OTTER_CRC32_INIT;
        t->staged_crc = OTTER_CRC32_INIT;
    } else {
        t->staged_crc = otter_crc32(t->staged_crc, u->buffer, len);
    }
    t->stored_crc = otter_crc32(t->stored_crc, u->buffer, len);
}

void otter__verify_begin(struct otter_updater *u)
{
    br_md5_init(&u->md5_context);
    br_sha256_init(&u->sha256_context);
    u->verified = 0;
}

int otter__verify_step(struct otter_updater *u)
{
    uint32_t left = u->received - u->verified;
    uint32_t len = left < OTTER_FLASH_SECTOR ? left : OTTER_FLASH_SECTOR;
    int error =
        otter_flash_read(u->start + u->verified, u->buffer, (len + 3) & ~3u);

    if (error == 0) {
        add_to_crcs(u, len);
    }
    if (error == 0 && u->verified == 0) {
        error = otter__verify_head(u, len < 4 ? len : 4);
        /* The digest is over the byte that came (protocol 2.3). */
        if (u->kind == OTTER_UPDATE_SKETCH && !u->gzip) {
            u->buffer[MODE_BYTE] = u->mode_received;
        }
    }
    if (error != 0) {
        return error;
    }
    br_md5_update(&u->md5_context, u->buffer, len);
    if ((u->expected & 1u << OTTER_DIGEST_SHA256) != 0) {
        br_sha256_update(&u->sha256_context, u->buffer, len);
    }
    u->verified += len;
    return u->verified < u->received ? OTTER_ERR_PENDING : judge_whole(u);
}
