/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter image info --json`: one object, keys as in the text.  Numbers are
 * numbers, addresses too; what is unknown is absent or null.  Keys are only
 * ever added. */
#include "host/image_show.h"

#include "format/flash_map.h"

#include <errno.h>
#include <jansson.h>

static json_t *segment_json(const struct otter_image_segment *segment)
{
    return json_pack("{s:I, s:I, s:I, s:s}", "vma", (json_int_t)segment->vma,
                     "offset", (json_int_t)segment->off, "size",
                     (json_int_t)segment->size, "memory",
                     otter__show_kind(segment->vma));
}

static json_t *part_json(const struct otter_look *look,
                         const struct otter_look_part *p, uint8_t stored,
                         uint8_t calculated)
{
    const struct otter_image_header *header = &p->part.header;
    json_t *segments = json_array();
    json_t *out;

    if (!p->present) {
        json_decref(segments);
        return json_null();
    }
    for (uint32_t i = 0; i < p->count; i++) {
        json_array_append_new(segments, segment_json(&p->segments[i]));
    }
    out = json_pack(
        "{s:I, s:I, s:i, s:s, s:I, s:I, s:o}", "offset",
        (json_int_t)p->part.off, "entry", (json_int_t)header->entry,
        "segment_count", (int)header->segments, "mode",
        otter__show_mode(header), "flash_size",
        (json_int_t)otter_flash_map_size_from_nibble(header->size_nibble),
        "frequency_mhz", (json_int_t)otter__show_frequency(header), "segments",
        segments);
    if (p->whole) {
        json_object_set_new(out, "end", json_integer(p->part.end));
    }
    if (look->checked) {
        json_object_set_new(out, "checksum",
                            json_pack("{s:i, s:i, s:b}", "stored", (int)stored,
                                      "calculated", (int)calculated, "right",
                                      (int)(stored == calculated)));
    }
    return out;
}

static json_t *crc_json(const struct otter_image_check *check)
{
    static const char *const states[] = {"absent", "valid", "stale"};
    json_t *out = json_pack("{s:s}", "state", states[check->crc]);

    if (check->crc != OTTER_IMAGE_CRC_ABSENT) {
        json_object_set_new(out, "offset", json_integer(check->crc_off));
        json_object_set_new(out, "stored", json_integer(check->crc_stored));
        json_object_set_new(out, "calculated",
                            json_integer(check->crc_calculated));
    }
    return out;
}

static json_t *descriptor_json(const struct otter_descriptor *d)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:b}", "name", d->name,
                     "version", d->version, "board", d->board, "chip", d->chip,
                     "min_loader", (json_int_t)d->min_loader, "flags",
                     (json_int_t)d->flags, "confirms",
                     (int)((d->flags & OTTER_DESCRIPTOR_CONFIRMS) != 0));
}

static json_t *lines_json(const struct otter_look_lines *lines)
{
    json_t *out = json_array();

    for (uint32_t i = 0; i < lines->count; i++) {
        json_array_append_new(out, json_string(lines->text[i]));
    }
    return out;
}

static json_t *look_json(const struct otter_look *look, const char *path)
{
    /* A path need not be UTF-8, as JSON wants it. */
    json_t *file = json_string(path);

    return json_pack(
        "{s:o, s:b, s:I, s:s, s:s, s:b, s:{s:I, s:s, s:s}, s:o, s:o, s:o,"
        " s:o, s:I, s:o, s:o}",
        "file", file != NULL ? file : json_null(), "good",
        (int)(look->problems.count == 0), "size", (json_int_t)look->file.size,
        "md5", look->file.md5, "sha256", look->sha256, "gzip", (int)look->gzip,
        "image", "size", (json_int_t)(otter__look_image_size(look)), "md5",
        look->image_md5, "sha256", look->image_sha256, "boot",
        part_json(look, &look->boot, look->check.boot_stored,
                  look->check.boot_calculated),
        "application",
        part_json(look, &look->app, look->check.app_stored,
                  look->check.app_calculated),
        "crc", look->checked ? crc_json(&look->check) : json_null(),
        "descriptor",
        look->has_descriptor ? descriptor_json(&look->descriptor)
                             : json_null(),
        "signature_size", (json_int_t)look->signature, "notes",
        lines_json(&look->notes), "problems", lines_json(&look->problems));
}

int otter__show_json(const struct otter_look *look, const char *path)
{
    json_t *object = look_json(look, path);
    int error;

    if (object == NULL) {
        return ENOMEM;
    }
    error = json_dumpf(object, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(object);
    return error == 0 ? 0 : EIO;
}
