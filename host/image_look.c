/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking into firmware files, and saying in plain words what is wrong. */
#include "host/image_look.h"

#include "format/bytes.h"
#include "format/error.h"
#include "format/flash_map.h"
#include "host/gunzip.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE_MIN 64u /* bytes: RSA with 512 bits */
#define SIGNATURE_MAX 1024u

static void add(struct otter_look_lines *lines, const char *format, ...)
    OTTER_PRINTF(2, 3);

static void add(struct otter_look_lines *lines, const char *format, ...)
{
    va_list arguments;

    if (lines->count == OTTER_LOOK_LINES) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(lines->text[lines->count++], sizeof lines->text[0], format,
              arguments);
    va_end(arguments);
}

/* ---- What it is when it is no image ---- */

struct known_start {
    uint32_t off;
    uint32_t len;
    const char *bytes;
    const char *words;
};

static const struct known_start known_starts[] = {
    {0, 4,
     "\x7f"
     "ELF",
     "an ELF program; make an image of it with \"otter image build\""},
    {8, 8, "littlefs", "a LittleFS file system; push it with --fs"},
    {0, 2, "PK", "a zip archive; unpack it first"},
    {0, 4, "\xff\xff\xff\xff", "erased flash"},
    {0, 1, ":", "an Intel hex file; convert it to binary first"},
    {0, 1, "<", "a web page; the download went wrong"},
};

static void say_no_image(struct otter_look *look)
{
    size_t count = sizeof known_starts / sizeof known_starts[0];

    if (look->size == 0) {
        add(&look->problems, "it is empty");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct known_start *known = &known_starts[i];

        if (look->size >= known->off + known->len &&
            memcmp(look->data + known->off, known->bytes, known->len) == 0) {
            add(&look->problems, "it is no firmware image: this looks like %s",
                known->words);
            return;
        }
    }
    add(&look->problems,
        "it is no firmware image: its first byte is 0x%02x, not 0xe9",
        look->data[0]);
}

/* ---- The two images ---- */

static void say_truncated(struct otter_look *look, const char *name,
                          const struct otter_look_part *p,
                          const struct otter_image_segment *segment)
{
    uint64_t end = (uint64_t)segment->off + segment->size;

    if (segment->size != 0) {
        add(&look->problems,
            "it is cut off: segment %u of the %s needs %llu bytes more",
            p->count, name, (unsigned long long)(end - look->size));
    } else {
        add(&look->problems,
            "it is cut off: the file ends after %u of %u segments of the %s",
            p->count, p->part.header.segments, name);
    }
}

/* Walks the segments of an image whose header was read. */
static void look_at_segments(struct otter_look *look,
                             struct otter_look_part *p, const char *name,
                             struct otter_image_walk *walk)
{
    while (walk->left > 0) {
        struct otter_image_segment *segment = &p->segments[p->count];

        if (otter_image_walk_next(walk, segment) != 0) {
            say_truncated(look, name, p, segment);
            return;
        }
        p->count++;
    }
    p->part.data_end = walk->off;
    p->part.end = (walk->off | 15) + 1;
    if (p->count == 0) {
        add(&look->problems, "the %s has no segments", name);
    } else if (p->part.end > look->size) {
        add(&look->problems,
            "it is cut off: the %s lacks its last %u bytes with the checksum",
            name, p->part.end - look->size);
    } else {
        p->whole = true;
    }
}

static void say_mode(struct otter_look *look, const char *name,
                     const struct otter_image_header *header)
{
    if (header->mode > OTTER_IMAGE_DOUT) {
        add(&look->problems,
            "flash mode %u of the %s does not exist; stock devices answer it "
            "with an MD5 error",
            header->mode, name);
    }
    if (otter_flash_map_size_from_nibble(header->size_nibble) == 0) {
        add(&look->notes, "flash size code %u of the %s means nothing",
            header->size_nibble, name);
    }
}

/* Reads the image at `off`, `name` in messages. */
static void look_at_part(struct otter_look *look,
                         const struct otter_image_source *source, uint32_t off,
                         struct otter_look_part *p, const char *name)
{
    struct otter_image_walk walk;

    p->part.off = off;
    if (otter_image_walk_begin(&walk, source, off, &p->part.header) != 0) {
        return;
    }
    p->present = true;
    say_mode(look, name, &p->part.header);
    look_at_segments(look, p, name, &walk);
}

/* ---- What both together say ---- */

static void check_contents(struct otter_look *look,
                           const struct otter_image_source *source)
{
    static uint32_t buf[1024];
    struct otter_image_info info;
    struct otter_image_check *check = &look->check;
    int error = otter_image_inspect(source, &info);

    if (error != 0) {
        add(&look->problems, "%s", otter_error_text(error));
        return;
    }
    otter_image_check_begin(check, source, &info);
    do {
        error = otter_image_check_step(check, buf, sizeof buf);
    } while (error == OTTER_ERR_PENDING);
    look->checked = error == 0 || error == OTTER_ERR_CHECKSUM;
    if (check->boot_stored != check->boot_calculated) {
        add(&look->problems,
            "the boot image is damaged: its checksum is 0x%02x, its contents "
            "give 0x%02x; no chip would start it",
            check->boot_stored, check->boot_calculated);
    }
    if (check->app_stored != check->app_calculated) {
        add(&look->problems,
            "the application is damaged: its checksum is 0x%02x, its contents "
            "give 0x%02x",
            check->app_stored, check->app_calculated);
    }
    if (check->crc == OTTER_IMAGE_CRC_STALE) {
        add(&look->notes,
            "the CRC words are stale: the file was changed after "
            "it was built (setting the flash mode does that)");
    }
}

static void look_for_descriptor(struct otter_look *look,
                                const struct otter_image_source *source)
{
    int error = otter_image_find_descriptor(source, &look->descriptor);

    look->has_descriptor = error == 0;
    if (error == OTTER_ERR_SYNTAX) {
        add(&look->problems, "its image descriptor is malformed");
    }
}

/* What lies behind the image: a signature closed by its own length (protocol
 * 2.5), or something unknown. */
static void look_behind(struct otter_look *look)
{
    uint32_t behind = look->size - look->app.part.end;
    uint32_t len;

    if (behind == 0) {
        return;
    }
    len = behind > 4 ? otter_load_le32(look->data + look->size - 4) : 0;
    if (len >= SIGNATURE_MIN && len <= SIGNATURE_MAX && behind == len + 4) {
        look->signature = len;
        add(&look->notes,
            "it carries a signature of %u bytes, which is not "
            "verified here",
            len);
    } else {
        add(&look->notes, "%u bytes lie behind the image", behind);
    }
}

static void look_for_mapping(struct otter_look *look)
{
    for (uint32_t i = 0; i < look->app.count; i++) {
        const struct otter_image_segment *segment = &look->app.segments[i];

        if (segment->vma >= 0x40200000u && segment->vma < 0x40300000u &&
            segment->vma - 0x40200000u != segment->off) {
            add(&look->problems,
                "segment %u of the application cannot run: it is linked for "
                "0x%08x, the flash is mapped so that it lies at 0x%08x",
                i, segment->vma, 0x40200000u + segment->off);
        }
    }
}

static void look_at_image(struct otter_look *look)
{
    struct otter_image_memory memory = {look->data, look->size};
    struct otter_image_source source;

    otter_image_source_memory(&source, &memory);
    if (look->size == 0 || look->data[0] != OTTER_IMAGE_MAGIC) {
        say_no_image(look);
        return;
    }
    look_at_part(look, &source, 0, &look->boot, "boot image");
    if (look->boot.whole && look->boot.part.end > OTTER_IMAGE_APP_OFF) {
        add(&look->problems,
            "the boot image needs %u bytes, its sector has 4096",
            look->boot.part.end);
    }
    look_at_part(look, &source, OTTER_IMAGE_APP_OFF, &look->app,
                 "application");
    if (!look->app.present) {
        add(&look->problems, "there is no application image at 0x1000");
    }
    look_for_mapping(look);
    if (look->boot.whole && look->app.whole) {
        check_contents(look, &source);
    }
    if (look->app.whole) {
        look_for_descriptor(look, &source);
        look_behind(look);
    }
}

/* ---- The file ---- */

static int unpack(struct otter_look *look)
{
    struct otter_gunzip gunzip;
    int error = otter__gunzip(&gunzip, look->file.data, look->file.size);

    if (error != 0) {
        return error;
    }
    look->gzip = true;
    look->unpacked = gunzip.data;
    look->data = gunzip.data;
    look->size = gunzip.size;
    if (gunzip.wrong != NULL) {
        add(&look->problems, "its gzip data are damaged: %s", gunzip.wrong);
    } else if (gunzip.behind != 0) {
        add(&look->notes, "%u bytes lie behind the gzip data", gunzip.behind);
    }
    return 0;
}

int otter__look(struct otter_look *look, const char *path)
{
    int error;

    memset(look, 0, sizeof *look);
    error = otter_firmware_load(&look->file, path);
    if (error != 0) {
        return error;
    }
    look->data = look->file.data;
    look->size = look->file.size;
    if (look->size >= 2 && memcmp(look->data, "\x1f\x8b", 2) == 0) {
        error = unpack(look);
    }
    if (error == 0 &&
        (otter_digest_sha256(look->sha256, look->file.data, look->file.size) ||
         otter_digest_md5(look->image_md5, look->data, look->size) ||
         otter_digest_sha256(look->image_sha256, look->data, look->size))) {
        error = ENOMEM;
    }
    if (error != 0) {
        otter__look_free(look);
        return error;
    }
    if (look->problems.count == 0) {
        look_at_image(look);
    }
    return 0;
}

void otter__look_free(struct otter_look *look)
{
    free(look->unpacked);
    look->unpacked = NULL;
    otter_firmware_free(&look->file);
}

uint32_t otter__look_image_size(const struct otter_look *look)
{
    return look->app.whole ? look->app.part.end : 0;
}
