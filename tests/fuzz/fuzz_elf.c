/* SPDX-License-Identifier: Apache-2.0
 *
 * ELF files as a developer may hand them in: every section that is named
 * must lie in the file, with a name that ends. */
#include "host/elf.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct otter_elf_chip chip;
    volatile uint8_t seen;

    if (otter__elf_read_chip(data, (uint32_t)size, &chip) != NULL) {
        return 0;
    }
    if (chip.count == 0 || chip.count > OTTER_ELF_SECTIONS_MAX) {
        abort();
    }
    for (uint32_t i = 0; i < chip.count; i++) {
        const struct otter_elf_section *section = &chip.sections[i];

        if (section->size == 0 || strlen(section->name) > size) {
            abort();
        }
        /* The sanitizer watches the ends. */
        seen = section->data[0];
        seen = section->data[section->size - 1];
        (void)seen;
    }
    return 0;
}
