/* SPDX-License-Identifier: Apache-2.0
 *
 * Gathering segments.  Files stay in memory until the image is built; the
 * chunks point into them. */
#include "host/image_content.h"

#include "format/descriptor.h"
#include "format/error.h"
#include "format/flash_map.h"
#include "format/image.h"
#include "format/loader_config.h"
#include "host/command.h"
#include "host/elf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Flash is mapped here: file offset and vma differ by this. */
#define MAPPED_START 0x40200000u
#define MAPPED_END   0x40300000u

static const uint8_t words[8]; /* place for the CRC words */

void otter__content_init(struct otter_content *content)
{
    memset(content, 0, sizeof *content);
}

void otter__content_free(struct otter_content *content)
{
    for (uint32_t i = 0; i < content->file_count; i++) {
        otter_firmware_free(&content->files[i]);
    }
    free(content->files);
    otter__content_init(content);
}

/* Loads a file that the content then owns; NULL after a message. */
static const struct otter_firmware *load(struct otter_content *content,
                                         const char *path)
{
    struct otter_firmware *files =
        realloc(content->files, (content->file_count + 1) * sizeof *files);
    struct otter_firmware *file;
    int error;

    if (files == NULL) {
        otter__fail("out of memory");
        return NULL;
    }
    content->files = files;
    file = &files[content->file_count];
    error = otter_firmware_load(file, path);
    if (error != 0) {
        otter__fail("cannot read %s: %s", path, strerror(error));
        return NULL;
    }
    content->file_count++;
    return file;
}

static bool is_mapped(uint32_t vma)
{
    return vma >= MAPPED_START && vma < MAPPED_END;
}

static int add_chunk(struct otter_content *content, uint32_t vma,
                     const uint8_t *data, uint32_t size)
{
    if (content->count == OTTER_CONTENT_CHUNKS_MAX) {
        return otter__fail("more than %u segments do not fit an image",
                           OTTER_CONTENT_CHUNKS_MAX);
    }
    content->chunks[content->count++] =
        (struct otter_image_chunk){.vma = vma, .data = data, .size = size};
    return OTTER_EXIT_OK;
}

/* The next descriptor from `off` on; `size` when there is none.  Code that
 * looks for descriptors contains the magic too, so only a whole one counts. */
static uint32_t find_descriptor(const uint8_t *data, uint32_t size,
                                uint32_t off)
{
    struct otter_descriptor ignored;

    for (; off < size && size - off >= OTTER_DESCRIPTOR_SIZE; off += 4) {
        if (otter_descriptor_decode(data + off, &ignored) == 0) {
            return off;
        }
    }
    return size;
}

/* Adds bytes from `source` (named in messages), split before a descriptor. */
static int add_bytes(struct otter_content *content, const char *source,
                     uint32_t vma, const uint8_t *data, uint32_t size)
{
    uint32_t from = 0;
    int status = OTTER_EXIT_OK;

    while (from < size && status == OTTER_EXIT_OK) {
        uint32_t at = find_descriptor(data, size, from);
        uint32_t next = at;

        if (at == from) {
            content->descriptors++;
            next = find_descriptor(data, size, at + OTTER_DESCRIPTOR_SIZE);
        }
        if (at < size && is_mapped(vma)) {
            return otter__fail(
                "%s: the image descriptor lies in mapped flash at 0x%08x; "
                "link section .otter_descriptor at the start of .data",
                source, vma + at);
        }
        status = add_chunk(content, vma + from, data + from, next - from);
        from = next;
    }
    return status;
}

int otter__content_add_program(struct otter_content *content, const char *path)
{
    const struct otter_firmware *file = load(content, path);

    if (file == NULL) {
        return OTTER_EXIT_FAILED;
    }
    if (!otter__elf_is_program(file->data, file->size)) {
        return otter__fail("%s is not an ELF program", path);
    }
    if (file->size > OTTER_CONTENT_PROGRAM_SIZE) {
        return otter__fail("%s has %u bytes, the virtual board runs programs "
                           "of at most %u: link it dynamically and strip it",
                           path, file->size, OTTER_CONTENT_PROGRAM_SIZE);
    }
    content->entry = OTTER_CONTENT_PROGRAM_VMA;
    content->has_entry = true;
    return add_bytes(content, path, OTTER_CONTENT_PROGRAM_VMA, file->data,
                     file->size);
}

/* Adds the sections of a program for the chip that was loaded. */
static int add_sections(struct otter_content *content, const char *path,
                        const struct otter_firmware *file)
{
    static struct otter_elf_chip chip;
    const char *wrong = otter__elf_read_chip(file->data, file->size, &chip);
    int status = OTTER_EXIT_OK;

    if (wrong != NULL) {
        return otter__fail("%s: %s", path, wrong);
    }
    if (!content->has_entry) {
        content->entry = chip.entry;
        content->has_entry = true;
    }
    for (uint32_t i = 0; i < chip.count && status == OTTER_EXIT_OK; i++) {
        const struct otter_elf_section *section = &chip.sections[i];

        status = add_bytes(content, path, section->vma, section->data,
                           section->size);
    }
    return status;
}

int otter__content_add_elf(struct otter_content *content, const char *path)
{
    const struct otter_firmware *file = load(content, path);

    return file != NULL ? add_sections(content, path, file)
                        : OTTER_EXIT_FAILED;
}

int otter__content_add_raw(struct otter_content *content, const char *text)
{
    const struct otter_firmware *file;
    unsigned long long vma;
    char *end;

    errno = 0;
    vma = strtoull(text, &end, 0);
    if (text[0] < '0' || text[0] > '9' || *end != ':' || end[1] == '\0' ||
        errno != 0 || vma > UINT32_MAX) {
        return otter__usage("otter image build",
                            "--segment takes VMA:FILE, such as "
                            "0x40100000:text.bin, not \"%s\"",
                            text);
    }
    file = load(content, end + 1);
    if (file == NULL) {
        return OTTER_EXIT_FAILED;
    }
    if (file->size == 0) {
        return otter__fail("%s is empty", end + 1);
    }
    return add_bytes(content, end + 1, (uint32_t)vma, file->data, file->size);
}

/* Why the start of a file is no boot image. */
static int refuse_boot(const char *path, int error)
{
    switch (error) {
    case OTTER_ERR_MAGIC:
        return otter__fail("%s holds no boot image: its first byte is not "
                           "0xE9",
                           path);
    case OTTER_ERR_SHORT:
        return otter__fail("%s holds no boot image: it ends too early", path);
    default:
        return otter__fail("%s holds no boot image: it has no segments", path);
    }
}

/* Takes over the segments of the image that the file begins with. */
static int add_image(struct otter_content *content, const char *path,
                     const struct otter_firmware *file)
{
    struct otter_image_memory memory = {file->data, file->size};
    struct otter_image_source source;
    struct otter_image_part part;
    struct otter_image_walk walk;
    struct otter_image_segment segment;
    int error;

    otter_image_source_memory(&source, &memory);
    error = otter_image_read_part(&source, 0, &part);
    if (error == 0) {
        error = otter_image_walk_begin(&walk, &source, 0, &part.header);
    }
    if (error != 0) {
        return refuse_boot(path, error);
    }
    content->entry = part.header.entry;
    content->has_entry = true;
    while (walk.left > 0) {
        error = otter_image_walk_next(&walk, &segment);
        if (error != 0) {
            return refuse_boot(path, error);
        }
        if (add_chunk(content, segment.vma, file->data + segment.off,
                      segment.size) != OTTER_EXIT_OK) {
            return OTTER_EXIT_FAILED;
        }
    }
    return OTTER_EXIT_OK;
}

int otter__content_add_boot(struct otter_content *content, const char *path)
{
    const struct otter_firmware *file = load(content, path);
    struct otter_image_content boot;
    int status;

    if (file == NULL) {
        return OTTER_EXIT_FAILED;
    }
    status = otter__elf_is_program(file->data, file->size)
                 ? add_sections(content, path, file)
                 : add_image(content, path, file);
    boot.chunks = content->chunks;
    boot.count = content->count;
    if (status == OTTER_EXIT_OK &&
        otter_image_content_size(&boot) > OTTER_IMAGE_APP_OFF) {
        return otter__fail("the boot image of %s needs %u bytes, its sector "
                           "has 4096",
                           path, otter_image_content_size(&boot));
    }
    return status;
}

void otter__content_add_placeholder(struct otter_content *content, bool otter)
{
    static const uint8_t nothing[4] = {1, 2, 3, 4};
    static const struct otter_loader_config config = {
        .version = OTTER_LOADER_VERSION, .log = OTTER_LOADER_NO_LOG};
    static uint8_t loader[OTTER_LOADER_CONFIG_SIZE];

    otter_loader_config_encode(&config, loader);
    content->chunks[0] = (struct otter_image_chunk){
        .vma = 0x40100000,
        .data = otter ? loader : nothing,
        .size = otter ? sizeof loader : sizeof nothing};
    content->count = 1;
    content->entry = 0x40100004;
    content->has_entry = true;
}

void otter__content_aim_loader(struct otter_content *content,
                               const struct otter_flash_map *map)
{
    struct otter_image_chunk *first = &content->chunks[0];
    struct otter_loader_config config;

    if (content->count == 0 || first->size < OTTER_LOADER_CONFIG_SIZE ||
        first->size > sizeof content->loader ||
        otter_loader_config_decode(first->data, &config) != 0) {
        return;
    }
    config.log = otter_loader_log_addr(map->fs_start);
    memcpy(content->loader, first->data, first->size);
    otter_loader_config_encode(&config, content->loader);
    first->data = content->loader;
}

/* Puts the mapped segment first, if there is none. */
static int reserve_words(struct otter_content *content)
{
    for (uint32_t i = 0; i < content->count; i++) {
        if (is_mapped(content->chunks[i].vma)) {
            return OTTER_EXIT_OK;
        }
    }
    if (content->count == OTTER_CONTENT_CHUNKS_MAX) {
        return otter__fail("there are too many segments");
    }
    memmove(&content->chunks[1], &content->chunks[0],
            content->count * sizeof content->chunks[0]);
    content->chunks[0] = (struct otter_image_chunk){
        .vma = OTTER_IMAGE_IROM_VMA, .data = words, .size = sizeof words};
    content->count++;
    return OTTER_EXIT_OK;
}

/* Mapped code runs only where the file puts it. */
static int check_mapping(const struct otter_content *content)
{
    uint64_t off = OTTER_IMAGE_APP_OFF + OTTER_IMAGE_HEADER_SIZE;

    for (uint32_t i = 0; i < content->count; i++) {
        const struct otter_image_chunk *chunk = &content->chunks[i];

        off += OTTER_IMAGE_HEADER_SIZE;
        if (is_mapped(chunk->vma) && chunk->vma - MAPPED_START != off) {
            return otter__fail(
                "the segment for 0x%08x is mapped flash and comes to lie at "
                "0x%08x; link it there (the first mapped segment belongs at "
                "0x%08x)",
                chunk->vma, (uint32_t)(MAPPED_START + off),
                OTTER_IMAGE_IROM_VMA);
        }
        off += ((uint64_t)chunk->size + 3) & ~(uint64_t)3;
    }
    return OTTER_EXIT_OK;
}

int otter__content_finish(struct otter_content *content)
{
    int status;

    if (content->descriptors > 1) {
        return otter__fail("there are %u image descriptors; a sketch has one",
                           content->descriptors);
    }
    for (uint32_t i = 0; i < content->count && !content->has_entry; i++) {
        if (!is_mapped(content->chunks[i].vma)) {
            content->entry = content->chunks[i].vma;
            content->has_entry = true;
        }
    }
    if (!content->has_entry) {
        return otter__fail("all segments are mapped flash: name the entry "
                           "with --entry");
    }
    status = reserve_words(content);
    return status == OTTER_EXIT_OK ? check_mapping(content) : status;
}
