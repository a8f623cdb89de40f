/* SPDX-License-Identifier: Apache-2.0
 *
 * The little of ELF that building images needs: is this file a program, and
 * which bytes does a program for the chip put where.  Every offset and size
 * in the file is checked against its length before it is used. */
#ifndef OTTER_HOST_ELF_H
#define OTTER_HOST_ELF_H

#include "format/compiler.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes that a program for the chip wants in memory. */
struct otter_elf_section {
    const char *name; /* points into the file */
    uint32_t vma;
    const uint8_t *data; /* points into the file */
    uint32_t size;       /* not 0 */
};

#define OTTER_ELF_SECTIONS_MAX 255u

struct otter_elf_chip {
    uint32_t entry; /* vma */
    uint32_t count;
    struct otter_elf_section sections[OTTER_ELF_SECTIONS_MAX];
};

/* True when the file is an ELF program, of whatever machine. */
bool otter__elf_is_program(const uint8_t *data, uint32_t size);

/* Reads a program for the chip (32 bits, little-endian, Xtensa): every section
 * with contents that is allocated, in the order in which the core puts them
 * into an image (protocol 2.7): mapped flash, .text, .text1, .data, .rodata,
 * then the others by address.  Returns NULL, or what is wrong with the file in
 * words. */
OTTER_MUST_CHECK const char *otter__elf_read_chip(const uint8_t *data,
                                                  uint32_t size,
                                                  struct otter_elf_chip *out);

#endif
