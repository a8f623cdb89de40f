/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter image info` for people: one block for the file, one for each image,
 * then what is worth knowing and what is wrong. */
#include "host/image_show.h"

#include "format/flash_map.h"

#include <stdio.h>

const char *otter__show_mode(const struct otter_image_header *header)
{
    static const char *const modes[] = {"qio", "qout", "dio", "dout"};

    return header->mode <= OTTER_IMAGE_DOUT ? modes[header->mode] : "unknown";
}

unsigned otter__show_frequency(const struct otter_image_header *header)
{
    switch (header->freq_nibble) {
    case 0:
        return 40;
    case 1:
        return 26;
    case 2:
        return 20;
    case 15:
        return 80;
    default:
        return 0;
    }
}

const char *otter__show_kind(uint32_t vma)
{
    static const struct {
        uint32_t start;
        uint32_t end;
        const char *name;
    } kinds[] = {
        {0x3FFE8000u, 0x40000000u, "dram"},
        {0x40100000u, 0x40110000u, "iram"},
        {0x40200000u, 0x40300000u, "mapped flash"},
        {0x70000000u, 0x70100000u, "virtual board"},
    };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (vma >= kinds[i].start && vma < kinds[i].end) {
            return kinds[i].name;
        }
    }
    return "unknown";
}

static void show_file(const struct otter_look *look, const char *path)
{
    printf("%s\n  size        %u bytes\n  md5         %s\n  sha256      %s\n",
           path, look->file.size, look->file.md5, look->sha256);
    if (look->gzip) {
        printf("  packed      gzip, image of %u bytes\n"
               "  image md5   %s\n  image sha256  %s\n",
               look->size, look->image_md5, look->image_sha256);
    }
}

static void show_header(const struct otter_look_part *p, const char *name)
{
    const struct otter_image_header *header = &p->part.header;
    uint32_t flash = otter_flash_map_size_from_nibble(header->size_nibble);

    printf("%s at 0x%04x\n  entry       0x%08x (%s)\n", name, p->part.off,
           header->entry, otter__show_kind(header->entry));
    printf("  flash       %s, %u MHz, %u KiB\n", otter__show_mode(header),
           otter__show_frequency(header), flash / 1024);
    for (uint32_t i = 0; i < p->count; i++) {
        const struct otter_image_segment *segment = &p->segments[i];

        printf("  segment %-3u 0x%08x  %7u bytes at 0x%06x  %s\n", i,
               segment->vma, segment->size, segment->off,
               otter__show_kind(segment->vma));
    }
}

static void show_part(const struct otter_look *look,
                      const struct otter_look_part *p, const char *name,
                      uint8_t stored, uint8_t calculated)
{
    if (!p->present) {
        return;
    }
    show_header(p, name);
    if (look->checked && stored == calculated) {
        printf("  checksum    0x%02x, right\n", stored);
    } else if (look->checked) {
        printf("  checksum    0x%02x, wrong: should be 0x%02x\n", stored,
               calculated);
    }
    if (p->whole) {
        printf("  ends at     0x%06x\n", p->part.end);
    }
}

static void show_crc(const struct otter_image_check *check)
{
    if (check->crc == OTTER_IMAGE_CRC_ABSENT) {
        printf("crc words     absent\n");
    } else {
        printf("crc words     at 0x%04x, 0x%08x, %s\n", check->crc_off,
               check->crc_stored,
               check->crc == OTTER_IMAGE_CRC_VALID ? "valid" : "stale");
    }
}

static void show_descriptor(const struct otter_descriptor *d)
{
    printf("descriptor\n  name        %s\n  version     %s\n  board       %s\n"
           "  chip        %s\n  loader      %u or newer\n  confirms    %s\n",
           d->name, d->version, d->board[0] != '\0' ? d->board : "any",
           d->chip[0] != '\0' ? d->chip : "any", d->min_loader,
           (d->flags & OTTER_DESCRIPTOR_CONFIRMS) != 0 ? "yes" : "no");
}

static void show_lines(const struct otter_look_lines *lines, const char *head)
{
    for (uint32_t i = 0; i < lines->count; i++) {
        printf("%-13s %s\n", head, lines->text[i]);
    }
}

void otter__show_text(const struct otter_look *look, const char *path)
{
    show_file(look, path);
    show_part(look, &look->boot, "boot image", look->check.boot_stored,
              look->check.boot_calculated);
    show_part(look, &look->app, "application", look->check.app_stored,
              look->check.app_calculated);
    if (look->checked) {
        show_crc(&look->check);
    }
    if (look->has_descriptor) {
        show_descriptor(&look->descriptor);
    } else if (look->app.whole) {
        printf("descriptor    none\n");
    }
    show_lines(&look->notes, "note");
}
