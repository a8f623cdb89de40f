/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading a file at once: its digest is needed before the first byte goes
 * out, and the file may be built anew while the upload runs. */
#include "host/firmware.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAPACITY (1024u * 1024)

static int grow(struct otter_firmware *firmware, size_t *capacity)
{
    size_t larger = *capacity ? 2 * *capacity : FIRST_CAPACITY;
    uint8_t *data = realloc(firmware->data, larger);

    if (!data) {
        return ENOMEM;
    }
    firmware->data = data;
    *capacity = larger;
    return 0;
}

/* By reading, not by asking for the size: the file may be a pipe. */
static int read_all(struct otter_firmware *firmware, FILE *file)
{
    size_t capacity = 0;

    for (;;) {
        size_t got;
        int error = firmware->size == capacity ? grow(firmware, &capacity) : 0;

        if (error) {
            return error;
        }
        got = fread(firmware->data + firmware->size, 1,
                    capacity - firmware->size, file);
        firmware->size += (uint32_t)got;
        if (firmware->size > OTTER_FIRMWARE_SIZE_MAX) {
            return EFBIG;
        }
        if (got == 0) {
            return ferror(file) ? errno : 0;
        }
    }
}

int otter_firmware_load(struct otter_firmware *firmware, const char *path)
{
    FILE *file = fopen(path, "rb");
    int error;

    *firmware = (struct otter_firmware){0};
    if (!file) {
        return errno;
    }
    error = read_all(firmware, file);
    fclose(file);
    if (!error &&
        otter_digest_md5(firmware->md5, firmware->data, firmware->size)) {
        error = ENOMEM;
    }
    if (error) {
        otter_firmware_free(firmware);
    }
    return error;
}

void otter_firmware_free(struct otter_firmware *firmware)
{
    free(firmware->data);
    *firmware = (struct otter_firmware){0};
}
