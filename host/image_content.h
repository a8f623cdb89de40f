/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes into an image that `otter image build` makes: segments gathered
 * from programs and files, in the order of the image.  An image descriptor
 * found inside a segment begins a segment of its own, because that is where
 * devices look for it.  Every function prints what is wrong and returns an
 * exit code of host/command.h. */
#ifndef OTTER_HOST_IMAGE_CONTENT_H
#define OTTER_HOST_IMAGE_CONTENT_H

#include "format/compiler.h"
#include "format/image.h"
#include "format/image_build.h"
#include "host/firmware.h"

#include <stdbool.h>
#include <stdint.h>

#define OTTER_CONTENT_CHUNKS_MAX 255u

/* Where the virtual board runs host programs, and how large they can be. */
#define OTTER_CONTENT_PROGRAM_VMA  0x70000000u
#define OTTER_CONTENT_PROGRAM_SIZE 0x100000u

struct otter_flash_map;

struct otter_content {
    struct otter_image_chunk chunks[OTTER_CONTENT_CHUNKS_MAX];
    uint32_t count;
    uint32_t entry;               /* vma */
    bool has_entry;               /* set by hand or by the program */
    uint32_t descriptors;         /* found so far */
    struct otter_firmware *files; /* the chunks point into them */
    uint32_t file_count;
    uint8_t loader[OTTER_IMAGE_APP_OFF]; /* first chunk, once changed */
};

/* An empty content. */
void otter__content_init(struct otter_content *content);

/* Frees the files; the chunks are then void. */
void otter__content_free(struct otter_content *content);

/* Adds a host program for the virtual board, its bytes unchanged. */
OTTER_MUST_CHECK int otter__content_add_program(struct otter_content *content,
                                                const char *path);

/* Adds the sections of a program for the chip. */
OTTER_MUST_CHECK int otter__content_add_elf(struct otter_content *content,
                                            const char *path);

/* Adds the bytes of a file; `text` is VMA:FILE. */
OTTER_MUST_CHECK int otter__content_add_raw(struct otter_content *content,
                                            const char *text);

/* Adds a boot loader: the sections of a program for the chip, or the segments
 * of the image at the start of a file (a boot image alone, or an image file
 * whose loader is taken over). */
OTTER_MUST_CHECK int otter__content_add_boot(struct otter_content *content,
                                             const char *path);

/* Adds the four bytes of the specification's minimal image: a boot sector
 * that starts nothing, or with `otter` the configuration of Otter's loader.
 * The virtual board has the code of both loaders and goes by these bytes. */
void otter__content_add_placeholder(struct otter_content *content, bool otter);

/* When the boot image is Otter's loader: tells it where its log lies on this
 * flash map. */
void otter__content_aim_loader(struct otter_content *content,
                               const struct otter_flash_map *map);

/* After the last segment of the application: puts a mapped segment for the
 * CRC words first when there is none, finds the entry, and checks what no
 * single segment shows: mapped segments lie where they are mapped, there is
 * one descriptor at most. */
OTTER_MUST_CHECK int otter__content_finish(struct otter_content *content);

#endif
