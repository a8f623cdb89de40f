/* SPDX-License-Identifier: Apache-2.0
 *
 * Inspection of arbitrary files.  Whatever they hold, reads stay inside the
 * source, results are consistent, and the pass over the contents ends.
 *
 * Input: a byte that, when odd, puts a boot sector in front, and the file (or
 * its application image).  It is inspected in a heap copy, so the sanitizer
 * sees every byte read beyond it. */
#include "format/error.h"
#include "format/image.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                      \
    do {                                                                      \
        if (!(condition)) {                                                   \
            abort();                                                          \
        }                                                                     \
    } while (0)

static void check_part(const struct otter_image_part *part, uint32_t size)
{
    CHECK(part->header.segments > 0);
    CHECK(part->off + OTTER_IMAGE_HEADER_SIZE <= part->data_end);
    CHECK(part->data_end < part->end && part->end <= size);
    CHECK(part->end % 16 == 0);
}

/* The result must not depend on the size of the steps. */
static void check_contents(const struct otter_image_source *source,
                           const struct otter_image_info *info)
{
    static uint32_t buf[1024];
    static const uint32_t steps[2] = {4096, 52};
    struct otter_image_check got[2];
    int errors[2];

    for (int i = 0; i < 2; i++) {
        uint32_t left = info->size / steps[i] + 2;

        otter_image_check_begin(&got[i], source, info);
        do {
            errors[i] = otter_image_check_step(&got[i], buf, steps[i]);
        } while (errors[i] == OTTER_ERR_PENDING && --left > 0);
        CHECK(errors[i] == 0 || errors[i] == OTTER_ERR_CHECKSUM);
    }
    CHECK(errors[0] == errors[1]);
    CHECK(got[0].crc == got[1].crc);
    CHECK(got[0].crc_calculated == got[1].crc_calculated);
    CHECK(got[0].app_calculated == got[1].app_calculated);
    CHECK(got[0].boot_calculated == got[1].boot_calculated);
}

static void check_descriptor(const struct otter_image_source *source)
{
    struct otter_descriptor descriptor;
    uint8_t bytes[OTTER_DESCRIPTOR_SIZE];

    if (otter_image_find_descriptor(source, &descriptor) == 0) {
        struct otter_descriptor back;

        otter_descriptor_encode(&descriptor, bytes);
        CHECK(otter_descriptor_decode(bytes, &back) == 0);
        CHECK(back.flags == descriptor.flags);
    }
}

static void inspect(const uint8_t *file, uint32_t size)
{
    struct otter_image_memory memory = {file, size};
    struct otter_image_source source;
    struct otter_image_info info;
    uint32_t sketch = 0;

    otter_image_source_memory(&source, &memory);
    check_descriptor(&source);
    if (otter_image_inspect(&source, &info) == 0) {
        check_part(&info.boot, memory.size);
        check_part(&info.app, memory.size);
        CHECK(otter_image_size(&source, &sketch) == 0);
        CHECK(sketch == info.size);
        check_contents(&source, &info);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t boot[] = {0xE9, 1, 2,  0x40, 4, 0, 16, 64,
                                   0,    0, 16, 64,   4, 0, 0,  0};
    size_t front = size > 0 && data[0] % 2 == 1 ? OTTER_IMAGE_APP_OFF : 0;
    uint8_t *file = calloc(1, front + size + 1);

    CHECK(file != NULL);
    if (front != 0) {
        memcpy(file, boot, sizeof boot);
    }
    if (size > 1) {
        memcpy(file + front, data + 1, size - 1);
        file = realloc(file, front + size - 1);
        CHECK(file != NULL);
        inspect(file, (uint32_t)(front + size - 1));
    }
    free(file);
    return 0;
}
