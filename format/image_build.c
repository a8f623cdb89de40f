/* SPDX-License-Identifier: Apache-2.0
 *
 * Building images.  Sizes are added up and compared with the buffer before
 * the first byte is written. */
#include "format/image_build.h"

#include "format/bytes.h"
#include "format/crc32.h"
#include "format/error.h"
#include "format/image.h"

#include <string.h>

#define LINE      16u
#define CRC_WORDS 8u

uint32_t otter_image_content_size(const struct otter_image_content *content)
{
    uint64_t size = OTTER_IMAGE_HEADER_SIZE;

    for (uint32_t i = 0; i < content->count; i++) {
        size += OTTER_IMAGE_HEADER_SIZE;
        size += ((uint64_t)content->chunks[i].size + 3) & ~(uint64_t)3;
    }
    size = (size | (LINE - 1)) + 1;
    return size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
}

/* Writes header and padded data of one segment, returns what is behind. */
static uint8_t *put_segment(uint8_t *out,
                            const struct otter_image_chunk *chunk,
                            uint8_t *checksum)
{
    uint32_t padded = (chunk->size + 3) & ~3u;

    otter_store_le32(out, chunk->vma);
    otter_store_le32(out + 4, padded);
    out += OTTER_IMAGE_HEADER_SIZE;
    memset(out, 0, padded);
    if (chunk->size != 0) {
        memcpy(out, chunk->data, chunk->size);
    }
    for (uint32_t i = 0; i < chunk->size; i++) {
        *checksum ^= chunk->data[i];
    }
    return out + padded;
}

int otter_image_build_part(const struct otter_image_plan *plan,
                           const struct otter_image_content *content,
                           uint8_t *out, uint32_t capacity, uint32_t *size)
{
    struct otter_image_header header = {
        .segments = (uint8_t)content->count,
        .mode = plan->mode,
        .size_nibble = plan->size_nibble,
        .freq_nibble = plan->freq_nibble,
        .entry = content->entry,
    };
    uint8_t checksum = OTTER_IMAGE_CHECKSUM;
    uint32_t whole;
    uint8_t *p = out + OTTER_IMAGE_HEADER_SIZE;

    if (content->count == 0 || content->count > OTTER_IMAGE_SEGMENTS_MAX ||
        plan->size_nibble > 15 || plan->freq_nibble > 15) {
        return OTTER_ERR_INVALID;
    }
    whole = otter_image_content_size(content);
    if (whole > capacity) {
        return OTTER_ERR_TOO_LONG;
    }
    otter_image_header_encode(&header, out);
    for (uint32_t i = 0; i < content->count; i++) {
        p = put_segment(p, &content->chunks[i], &checksum);
    }
    memset(p, 0, (size_t)(out + whole - p));
    out[whole - 1] = checksum;
    *size = whole;
    return 0;
}

/* True when the application's first segment has room for the CRC words. */
static bool words_reserved(const struct otter_image_content *app)
{
    static const uint8_t zeros[CRC_WORDS];

    return app->count > 0 && app->chunks[0].size >= sizeof zeros &&
           memcmp(app->chunks[0].data, zeros, sizeof zeros) == 0;
}

int otter_image_build(const struct otter_image_plan *plan, uint8_t *out,
                      uint32_t capacity, uint32_t *size)
{
    uint32_t boot = 0;
    uint32_t app = 0;
    int error;

    if (capacity < OTTER_IMAGE_APP_OFF) {
        return OTTER_ERR_TOO_LONG;
    }
    if (!plan->no_crc && !words_reserved(&plan->app)) {
        return OTTER_ERR_INVALID;
    }
    error = otter_image_build_part(plan, &plan->boot, out, OTTER_IMAGE_APP_OFF,
                                   &boot);
    if (error != 0) {
        return error == OTTER_ERR_TOO_LONG ? OTTER_ERR_SPACE : error;
    }
    memset(out + boot, 0xAA, OTTER_IMAGE_APP_OFF - boot);
    error = otter_image_build_part(plan, &plan->app, out + OTTER_IMAGE_APP_OFF,
                                   capacity - OTTER_IMAGE_APP_OFF, &app);
    if (error != 0) {
        return error;
    }
    *size = OTTER_IMAGE_APP_OFF + app;
    if (!plan->no_crc) {
        uint32_t crc = otter_crc32(OTTER_CRC32_INIT, out, *size);

        otter_store_le32(out + OTTER_IMAGE_CRC_OFF, *size);
        otter_store_le32(out + OTTER_IMAGE_CRC_OFF + 4, crc);
    }
    return 0;
}
