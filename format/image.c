/* SPDX-License-Identifier: Apache-2.0
 *
 * Inspection of images.  Headers are read through a small aligned window, the
 * data once through the caller's buffer.  No sum of two numbers from the file
 * is formed before each was found to lie inside the source. */
#include "format/image.h"

#include "format/bytes.h"
#include "format/crc32.h"
#include "format/error.h"

#include <string.h>

#define LINE      16u /* an image's length is a multiple of it */
#define CRC_WORDS 8u  /* bytes of the two words */

/* Reads any bytes by aligned reads.  The caller has checked the range. */
static int read_bytes(const struct otter_image_source *source, uint32_t off,
                      uint8_t *out, uint32_t len)
{
    uint32_t window[8];

    while (len > 0) {
        uint32_t skip = off % 4;
        uint32_t take = sizeof window - skip;
        int error;

        take = len < take ? len : take;
        error = source->read(source->user, off - skip, window,
                             (skip + take + 3) & ~3u);
        if (error != 0) {
            return error;
        }
        memcpy(out, (const uint8_t *)window + skip, take);
        off += take;
        out += take;
        len -= take;
    }
    return 0;
}

/* True when `len` bytes at `off` lie inside the source. */
static bool inside(const struct otter_image_source *source, uint32_t off,
                   uint32_t len)
{
    return off <= source->size && len <= source->size - off;
}

static int read_memory(void *user, uint32_t off, void *buf, uint32_t len)
{
    const struct otter_image_memory *memory = user;
    uint32_t there = memory->size - off;

    if (off >= memory->size) {
        return OTTER_ERR_FLASH_READ;
    }
    memcpy(buf, memory->data + off, len < there ? len : there);
    return 0;
}

void otter_image_source_memory(struct otter_image_source *source,
                               const struct otter_image_memory *memory)
{
    source->read = read_memory;
    source->user = (void *)(uintptr_t)memory;
    source->size = memory->size;
}

int otter_image_header_decode(const uint8_t bytes[OTTER_IMAGE_HEADER_SIZE],
                              struct otter_image_header *out)
{
    if (bytes[0] != OTTER_IMAGE_MAGIC) {
        return OTTER_ERR_MAGIC;
    }
    out->segments = bytes[1];
    out->mode = bytes[2];
    out->size_nibble = bytes[3] >> 4;
    out->freq_nibble = bytes[3] & 15;
    out->entry = otter_load_le32(bytes + 4);
    return 0;
}

void otter_image_header_encode(const struct otter_image_header *header,
                               uint8_t bytes[OTTER_IMAGE_HEADER_SIZE])
{
    bytes[0] = OTTER_IMAGE_MAGIC;
    bytes[1] = header->segments;
    bytes[2] = header->mode;
    bytes[3] = (uint8_t)((header->size_nibble & 15) << 4 |
                         (header->freq_nibble & 15));
    otter_store_le32(bytes + 4, header->entry);
}

int otter_image_walk_begin(struct otter_image_walk *walk,
                           const struct otter_image_source *source,
                           uint32_t off, struct otter_image_header *out)
{
    uint8_t bytes[OTTER_IMAGE_HEADER_SIZE];
    int error;

    if (!inside(source, off, sizeof bytes)) {
        return OTTER_ERR_SHORT;
    }
    error = read_bytes(source, off, bytes, sizeof bytes);
    if (error == 0) {
        error = otter_image_header_decode(bytes, out);
    }
    if (error == 0) {
        walk->source = source;
        walk->left = out->segments;
        walk->off = off + OTTER_IMAGE_HEADER_SIZE;
    }
    return error;
}

int otter_image_walk_next(struct otter_image_walk *walk,
                          struct otter_image_segment *out)
{
    uint8_t bytes[OTTER_IMAGE_HEADER_SIZE];
    int error;

    memset(out, 0, sizeof *out);
    if (!inside(walk->source, walk->off, sizeof bytes)) {
        return OTTER_ERR_SHORT;
    }
    error = read_bytes(walk->source, walk->off, bytes, sizeof bytes);
    if (error != 0) {
        return error;
    }
    out->vma = otter_load_le32(bytes);
    out->size = otter_load_le32(bytes + 4);
    out->off = walk->off + OTTER_IMAGE_HEADER_SIZE;
    if (!inside(walk->source, out->off, out->size)) {
        return OTTER_ERR_SHORT;
    }
    walk->off = out->off + out->size;
    walk->left--;
    return 0;
}

int otter_image_read_part(const struct otter_image_source *source,
                          uint32_t off, struct otter_image_part *out)
{
    struct otter_image_walk walk;
    struct otter_image_segment segment;
    int error = otter_image_walk_begin(&walk, source, off, &out->header);

    if (error == 0 && walk.left == 0) {
        return OTTER_ERR_IMAGE;
    }
    while (error == 0 && walk.left > 0) {
        error = otter_image_walk_next(&walk, &segment);
    }
    if (error != 0) {
        return error;
    }
    out->off = off;
    out->data_end = walk.off;
    out->end = (walk.off | (LINE - 1)) + 1;
    return out->end <= source->size ? 0 : OTTER_ERR_SHORT;
}

int otter_image_size(const struct otter_image_source *source, uint32_t *size)
{
    struct otter_image_part app;
    int error = otter_image_read_part(source, OTTER_IMAGE_APP_OFF, &app);

    if (error == 0) {
        *size = app.end;
    }
    return error;
}

int otter_image_inspect(const struct otter_image_source *source,
                        struct otter_image_info *out)
{
    int error = otter_image_read_part(source, 0, &out->boot);

    if (error != 0) {
        return error;
    }
    if (out->boot.end > OTTER_IMAGE_APP_OFF) {
        return OTTER_ERR_IMAGE;
    }
    error = otter_image_read_part(source, OTTER_IMAGE_APP_OFF, &out->app);
    if (error != 0) {
        return error == OTTER_ERR_MAGIC ? OTTER_ERR_IMAGE : error;
    }
    out->size = out->app.end;
    return 0;
}

int otter_image_find_descriptor(const struct otter_image_source *source,
                                struct otter_descriptor *out)
{
    struct otter_image_walk walk;
    struct otter_image_header header;
    uint8_t bytes[OTTER_DESCRIPTOR_SIZE];
    int error =
        otter_image_walk_begin(&walk, source, OTTER_IMAGE_APP_OFF, &header);

    while (error == 0 && walk.left > 0) {
        struct otter_image_segment segment;

        error = otter_image_walk_next(&walk, &segment);
        if (error != 0 || segment.size < sizeof bytes) {
            continue;
        }
        error = read_bytes(source, segment.off, bytes, sizeof bytes);
        if (error == 0 && otter_descriptor_has_magic(bytes)) {
            return otter_descriptor_decode(bytes, out);
        }
    }
    return error != 0 ? error : OTTER_ERR_NO_DATA;
}

/* ---- The pass over the data ---- */

void otter_image_check_begin(struct otter_image_check *check,
                             const struct otter_image_source *source,
                             const struct otter_image_info *info)
{
    memset(check, 0, sizeof *check);
    check->source = source;
    check->info = info;
    check->walk.source = source;
    check->walk.off = OTTER_IMAGE_HEADER_SIZE;
    check->walk.left = info->boot.header.segments;
    check->boot_calculated = OTTER_IMAGE_CHECKSUM;
    check->app_calculated = OTTER_IMAGE_CHECKSUM;
    check->crc_calculated = OTTER_CRC32_INIT;
}

/* Goes on to the segment that `off` lies in or before; false when there is no
 * more. */
static bool next_segment(struct otter_image_check *check, int *error)
{
    if (check->walk.left == 0 && !check->in_app) {
        check->in_app = true;
        check->walk.off = OTTER_IMAGE_APP_OFF + OTTER_IMAGE_HEADER_SIZE;
        check->walk.left = check->info->app.header.segments;
    }
    if (check->walk.left == 0) {
        return false;
    }
    *error = otter_image_walk_next(&check->walk, &check->segment);
    if (*error == OTTER_ERR_SHORT) {
        *error = OTTER_ERR_IMAGE;
    }
    return *error == 0;
}

static uint8_t xor_bytes(const uint8_t *p, uint32_t len)
{
    uint8_t sum = 0;

    while (len-- > 0) {
        sum ^= *p++;
    }
    return sum;
}

/* Takes what of the segments lies in the `len` bytes at check->off into the
 * checksums. */
static int sum_segments(struct otter_image_check *check, const uint8_t *bytes,
                        uint32_t len)
{
    uint32_t end = check->off + len;
    int error = 0;

    for (;;) {
        uint32_t from = check->segment.off;
        uint32_t to = from + check->segment.size;

        if (from < end && to > check->off) {
            uint32_t first = from > check->off ? from - check->off : 0;
            uint32_t last = to < end ? to - check->off : len;
            uint8_t sum = xor_bytes(bytes + first, last - first);

            if (check->in_app) {
                check->app_calculated ^= sum;
            } else {
                check->boot_calculated ^= sum;
            }
        }
        if (to > end || !next_segment(check, &error)) {
            return error;
        }
    }
}

/* Looks for the CRC words at `off`: the first is the file's length. */
static int find_words(struct otter_image_check *check, uint32_t off)
{
    uint8_t words[CRC_WORDS];
    int error = read_bytes(check->source, off, words, sizeof words);

    if (error == 0 && otter_load_le32(words) == check->info->size) {
        check->crc_off = off;
        check->crc_stored = otter_load_le32(words + 4);
        check->words_xor = xor_bytes(words, sizeof words);
    }
    return error;
}

/* An application image ends behind 0x1018, a boot image can reach beyond
 * 0xFF8. */
static int locate_words(struct otter_image_check *check)
{
    int error = find_words(check, OTTER_IMAGE_CRC_OFF);

    if (error == 0 && check->crc_off == 0 &&
        check->info->boot.end <= OTTER_IMAGE_CRC_OFF_BOOT) {
        error = find_words(check, OTTER_IMAGE_CRC_OFF_BOOT);
        check->words_xor = 0;
    }
    return error;
}

/* Leaves zeros where the CRC words are, as the CRC wants them.  They may be
 * spread over several steps. */
static void clear_words(const struct otter_image_check *check, uint8_t *bytes,
                        uint32_t len)
{
    for (uint32_t i = 0; i < CRC_WORDS && check->crc_off != 0; i++) {
        uint32_t at = check->crc_off + i - check->off;

        if (at < len) {
            bytes[at] = 0;
        }
    }
}

static void take_checksums(struct otter_image_check *check,
                           const uint8_t *bytes, uint32_t len)
{
    uint32_t boot = check->info->boot.end - 1 - check->off;
    uint32_t app = check->info->app.end - 1 - check->off;

    if (boot < len) {
        check->boot_stored = bytes[boot];
    }
    if (app < len) {
        check->app_stored = bytes[app];
    }
}

static int verdict(struct otter_image_check *check)
{
    uint8_t without_words = check->app_calculated ^ check->words_xor;

    if (without_words == check->app_stored) {
        check->app_calculated = without_words;
    }
    if (check->crc_off != 0) {
        check->crc = check->crc_stored == check->crc_calculated
                         ? OTTER_IMAGE_CRC_VALID
                         : OTTER_IMAGE_CRC_STALE;
    }
    return check->boot_stored == check->boot_calculated &&
                   check->app_stored == check->app_calculated
               ? 0
               : OTTER_ERR_CHECKSUM;
}

int otter_image_check_step(struct otter_image_check *check, void *buf,
                           uint32_t len)
{
    uint32_t left = check->info->size - check->off;
    int error = check->off == 0 ? locate_words(check) : 0;

    len = len < left ? len : left;
    if (error == 0) {
        error = check->source->read(check->source->user, check->off, buf, len);
    }
    if (error == 0) {
        error = sum_segments(check, buf, len);
    }
    if (error != 0) {
        return error;
    }
    take_checksums(check, buf, len);
    clear_words(check, buf, len);
    check->crc_calculated = otter_crc32(check->crc_calculated, buf, len);
    check->off += len;
    return check->off < check->info->size ? OTTER_ERR_PENDING : verdict(check);
}
