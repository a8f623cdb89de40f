/* SPDX-License-Identifier: Apache-2.0
 *
 * The images of a life. */
#include "tests/powercut/image.h"

#include "format/crc32.h"
#include "format/descriptor.h"
#include "format/image.h"
#include "format/loader_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#define ENTRY      0x40100004u
#define DRAM       0x3FFE8000u
#define LEAST      512u /* bytes of the last sector that are used */
#define FIRST_SIZE 64u  /* of the mapped segment's data */

struct cut_image cut_images[CUT_IMAGES];

static uint32_t state;

static uint32_t draw(uint32_t limit)
{
    state = state * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)state * limit >> 32);
}

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

/* Bytes like a program's: some noise, much that comes again. */
static void fill(uint8_t *p, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        p[i] = draw(4) == 0 || i < 12 ? (uint8_t)draw(256) : p[i - 12];
    }
}

static void describe(const struct cut_image *image, uint8_t *p)
{
    struct otter_descriptor d = {0};

    d.flags = OTTER_DESCRIPTOR_CONFIRMS;
    snprintf(d.name, sizeof d.name, "life");
    snprintf(d.version, sizeof d.version, "%s", image->version);
    snprintf(d.board, sizeof d.board, "%s",
             (image->kind & CUT_IMAGE_FOREIGN) != 0 ? "other" : "cut");
    snprintf(d.chip, sizeof d.chip, "esp8266");
    otter_descriptor_encode(&d, p);
}

/* The boot sector: an image that the ROM would load, with the loader's
 * configuration as its first bytes.  No loader is in it, but versions of one
 * differ. */
static void make_boot(uint8_t *p, uint32_t log, uint8_t version)
{
    struct otter_loader_config config = {OTTER_LOADER_VERSION, log};
    uint8_t sum = OTTER_IMAGE_CHECKSUM;

    memset(p, 0xAA, CUT_SECTOR);
    memcpy(p, "\xe9\x01\x02\xf0", 4);
    put32(p + 4, 0x4010F008);
    put32(p + 8, 0x4010F000);
    put32(p + 12, 32);
    memset(p + 16, 0x5C ^ version, 32);
    otter_loader_config_encode(&config, p + OTTER_LOADER_CONFIG_ADDR);
    for (int i = 16; i < 48; i++) {
        sum ^= p[i];
    }
    memset(p + 48, 0, 15);
    p[63] = sum;
}

/* The application: a mapped segment, then one for RAM to the end, which
 * begins with the descriptor. */
static void make_app(struct cut_image *image)
{
    uint8_t *p = image->file + CUT_SECTOR;
    uint32_t len = image->size - CUT_SECTOR;
    uint32_t second = 8 + 8 + FIRST_SIZE;
    uint8_t sum = OTTER_IMAGE_CHECKSUM;

    memcpy(p, "\xe9\x02\x02\xf0", 4);
    put32(p + 4, ENTRY);
    put32(p + 8, OTTER_IMAGE_IROM_VMA);
    put32(p + 12, FIRST_SIZE);
    memset(p + 16, 0, 8);
    put32(p + second, DRAM);
    put32(p + second + 4, len - second - 8 - 16);
    if ((image->kind & CUT_IMAGE_STOCK) == 0) {
        describe(image, p + second + 8);
    }
    memset(p + len - 16, 0, 16);
    for (uint32_t i = 16; i < len - 16; i++) {
        if (i < second || i >= second + 8) {
            sum ^= p[i];
        }
    }
    p[len - 1] = sum;
}

/* Does zlib get the file out of what is stored? */
static bool unpacks(const struct cut_image *image)
{
    static uint8_t out[CUT_FILE_MAX];
    z_stream z = {0};
    bool good;

    if (inflateInit2(&z, 15 + 16) != Z_OK) {
        abort();
    }
    z.next_in = (z_const Bytef *)image->stored;
    z.avail_in = image->stored_size;
    z.next_out = out;
    z.avail_out = sizeof out;
    good = inflate(&z, Z_FINISH) == Z_STREAM_END &&
           z.total_out == image->size &&
           memcmp(out, image->file, image->size) == 0;
    inflateEnd(&z);
    return good;
}

static void pack(struct cut_image *image)
{
    z_stream z = {0};

    if (deflateInit2(&z, 1 + (int)draw(9), Z_DEFLATED, 15 + 16, 9,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        abort();
    }
    z.next_in = image->file;
    z.avail_in = image->size;
    z.next_out = image->stored;
    z.avail_out = sizeof image->stored;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END) {
        abort();
    }
    deflateEnd(&z);
    image->stored_size = (uint32_t)z.total_out;
    if ((image->kind & CUT_IMAGE_CORRUPT) != 0) {
        image->stored[12 + draw(image->stored_size - 18)] ^=
            (uint8_t)(1u << draw(8));
        if (unpacks(image)) {
            image->stored[image->stored_size - 6] ^= 1; /* of the CRC */
        }
    }
}

void cut_image_make(uint32_t index, uint32_t kind, uint32_t sectors,
                    uint32_t log, uint32_t seed)
{
    struct cut_image *image = &cut_images[index];

    state = seed * 2654435761u + index * 40503u + 1;
    image->kind = kind;
    image->size = (sectors - 1) * CUT_SECTOR + LEAST +
                  draw((CUT_SECTOR - LEAST) / 16 + 1) * 16;
    snprintf(image->version, sizeof image->version, "%u.0", index + 1);
    fill(image->file + CUT_SECTOR, image->size - CUT_SECTOR);
    /* Never the first sector: no image may be the beginning of another. */
    for (uint32_t s = 2; s + 1 < sectors && index != 0; s++) {
        if (draw(10) < 3 && (s + 1) * CUT_SECTOR <= cut_images[0].size) {
            memcpy(image->file + s * CUT_SECTOR,
                   cut_images[0].file + s * CUT_SECTOR, CUT_SECTOR);
        }
    }
    make_boot(image->file, log, seed % 2 == 0 ? (uint8_t)index : 0);
    make_app(image);
    image->crc = otter_crc32(OTTER_CRC32_INIT, image->file + CUT_SECTOR,
                             image->size - CUT_SECTOR);
    if ((kind & CUT_IMAGE_PACKED) != 0) {
        pack(image);
    } else {
        image->stored_size = image->size;
        memcpy(image->stored, image->file, image->size);
    }
}

void cut_image_noise(uint32_t index, uint32_t sectors, uint32_t seed)
{
    struct cut_image *image = &cut_images[index];

    state = seed * 2654435761u + index * 40503u + 1;
    image->kind = 0;
    image->size = sectors * CUT_SECTOR;
    for (uint32_t i = 0; i < image->size; i++) {
        image->file[i] = (uint8_t)draw(256);
    }
}

struct otter_boot_image cut_image_record(uint32_t index, uint32_t addr)
{
    const struct cut_image *image = &cut_images[index];
    struct otter_boot_image out = {0};

    out.addr = addr;
    if (addr != 0) {
        out.packed = (image->kind & CUT_IMAGE_PACKED) != 0;
        out.stored_size = image->stored_size;
        out.stored_crc =
            otter_crc32(OTTER_CRC32_INIT, image->stored, image->stored_size);
    }
    out.size = image->size;
    out.crc = image->crc;
    return out;
}
