/* SPDX-License-Identifier: Apache-2.0
 *
 * Sections of an ELF file. */
#include "host/elf.h"

#include "format/bytes.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_SIZE  52u /* of a 32-bit file */
#define SECTION_SIZE 40u
#define IDENT_CLASS  4u
#define IDENT_DATA   5u
#define CLASS_32     1
#define DATA_LITTLE  1
#define TYPE_EXEC    2
#define TYPE_DYN     3

#define MACHINE_XTENSA 94u
#define SHT_PROGBITS   1u
#define SHT_INIT_ARRAY 14u
#define SHT_FINI_ARRAY 15u
#define SHF_ALLOC      2u

/* Flash is mapped here; what lies there comes first in an image. */
#define MAPPED_START 0x40200000u
#define MAPPED_END   0x40300000u

struct table {
    const uint8_t *file;
    uint32_t file_size;
    uint32_t off; /* of the section headers */
    uint32_t count;
    const uint8_t *names; /* section of names */
    uint32_t names_size;
};

static bool inside(const struct table *t, uint32_t off, uint32_t size)
{
    return off <= t->file_size && size <= t->file_size - off;
}

bool otter__elf_is_program(const uint8_t *data, uint32_t size)
{
    uint16_t type;

    if (size < HEADER_SIZE || memcmp(data,
                                     "\x7f"
                                     "ELF",
                                     4) != 0) {
        return false;
    }
    type = data[IDENT_DATA] == DATA_LITTLE ? otter_load_le16(data + 16)
                                           : otter_load_be16(data + 16);
    return type == TYPE_EXEC || type == TYPE_DYN;
}

static const uint8_t *header(const struct table *t, uint32_t index)
{
    return t->file + t->off + index * SECTION_SIZE;
}

/* Finds the section headers and their names. */
static const char *read_table(struct table *t)
{
    uint32_t names_index;
    const uint8_t *names;

    t->off = otter_load_le32(t->file + 32);
    t->count = otter_load_le16(t->file + 48);
    names_index = otter_load_le16(t->file + 50);
    if (t->count == 0 || otter_load_le16(t->file + 46) != SECTION_SIZE) {
        return "it has no section headers";
    }
    if (!inside(t, t->off, t->count * SECTION_SIZE) ||
        names_index >= t->count) {
        return "its section headers lie outside the file";
    }
    names = header(t, names_index);
    if (!inside(t, otter_load_le32(names + 16), otter_load_le32(names + 20))) {
        return "its section names lie outside the file";
    }
    t->names = t->file + otter_load_le32(names + 16);
    t->names_size = otter_load_le32(names + 20);
    return NULL;
}

/* A name that ends inside the table, else an empty one. */
static const char *section_name(const struct table *t, uint32_t off)
{
    if (off >= t->names_size ||
        memchr(t->names + off, 0, t->names_size - off) == NULL) {
        return "";
    }
    return (const char *)t->names + off;
}

static bool is_loaded(const uint8_t *h)
{
    uint32_t type = otter_load_le32(h + 4);
    bool contents = type == SHT_PROGBITS || type == SHT_INIT_ARRAY ||
                    type == SHT_FINI_ARRAY;

    return contents && (otter_load_le32(h + 8) & SHF_ALLOC) != 0 &&
           otter_load_le32(h + 20) != 0;
}

static const char *read_sections(const struct table *t,
                                 struct otter_elf_chip *out)
{
    out->count = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        const uint8_t *h = header(t, i);
        struct otter_elf_section *section = &out->sections[out->count];

        if (!is_loaded(h)) {
            continue;
        }
        if (out->count == OTTER_ELF_SECTIONS_MAX) {
            return "it has more than 255 sections to load";
        }
        section->name = section_name(t, otter_load_le32(h));
        section->vma = otter_load_le32(h + 12);
        section->size = otter_load_le32(h + 20);
        if (!inside(t, otter_load_le32(h + 16), section->size)) {
            return "a section's contents lie outside the file";
        }
        section->data = t->file + otter_load_le32(h + 16);
        out->count++;
    }
    return out->count == 0 ? "it has nothing to load" : NULL;
}

/* Place in the core's order. */
static int rank(const struct otter_elf_section *section)
{
    static const char *const order[] = {".text", ".text1", ".data", ".rodata"};
    int count = (int)(sizeof order / sizeof order[0]);

    if (section->vma >= MAPPED_START && section->vma < MAPPED_END) {
        return 0;
    }
    for (int i = 0; i < count; i++) {
        if (strcmp(section->name, order[i]) == 0) {
            return i + 1;
        }
    }
    return count + 1;
}

static int compare(const void *left, const void *right)
{
    const struct otter_elf_section *a = left;
    const struct otter_elf_section *b = right;
    int difference = rank(a) - rank(b);

    if (difference != 0) {
        return difference;
    }
    return a->vma < b->vma ? -1 : a->vma > b->vma;
}

const char *otter__elf_read_chip(const uint8_t *data, uint32_t size,
                                 struct otter_elf_chip *out)
{
    struct table t = {.file = data, .file_size = size};
    const char *wrong;

    if (!otter__elf_is_program(data, size)) {
        return "it is not an ELF program";
    }
    if (data[IDENT_CLASS] != CLASS_32 || data[IDENT_DATA] != DATA_LITTLE ||
        otter_load_le16(data + 18) != MACHINE_XTENSA) {
        return "it is an ELF program, but not for the ESP8266 (Xtensa)";
    }
    wrong = read_table(&t);
    if (wrong == NULL) {
        wrong = read_sections(&t, out);
    }
    if (wrong == NULL) {
        out->entry = otter_load_le32(data + 24);
        qsort(out->sections, out->count, sizeof out->sections[0], compare);
    }
    return wrong;
}
