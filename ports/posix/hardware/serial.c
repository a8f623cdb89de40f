/* SPDX-License-Identifier: Apache-2.0
 *
 * The first firmware comes in by serial line: a whole image file is written
 * from address 0, sector by sector, as a serial flasher does.  What is no
 * image, or reaches into the file system, is refused before the first
 * erase. */
#include "ports/posix/hardware/hardware.h"

#include "format/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(const char *path, const char *what)
{
    fprintf(stderr, "otter-device: %s: %s\n", path, what);
    return OTTER_HW_EXIT_UPLOAD;
}

/* Reads the file into a new buffer of whole sectors, padded with 0xFF.
 * Returns NULL with errno. */
static uint8_t *read_file(const char *path, uint32_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *bytes = malloc(OTTER_MACHINE_FLASH_MAX);
    size_t len = 0;
    ssize_t n = fd < 0 || bytes == NULL ? -1 : 1;

    while (n > 0 && len < OTTER_MACHINE_FLASH_MAX) {
        n = read(fd, bytes + len, OTTER_MACHINE_FLASH_MAX - len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (n < 0) {
        free(bytes);
        return NULL;
    }
    memset(bytes + len, 0xff, OTTER_MACHINE_FLASH_MAX - len);
    *size = (uint32_t)len;
    return bytes;
}

static const char *judge(const struct otter_hw *hw, const uint8_t *image,
                         uint32_t size)
{
    const struct otter_flash_map *map = otter_flash_map_find(hw->machine->map);
    uint32_t room = map->fs_start < hw->machine->flash_size
                        ? map->fs_start
                        : hw->machine->flash_size;
    const char *fault;

    if (size >= 2 && image[0] == 0x1f && image[1] == 0x8b) {
        return "compressed: unpack it first, a serial upload is written as "
               "it is";
    }
    fault = otter__hw_rom_check(image);
    if (fault != NULL) {
        return fault;
    }
    if (size <= OTTER_NOR_SECTOR || image[OTTER_NOR_SECTOR] != 0xe9) {
        return "no application image follows the boot sector at 0x1000";
    }
    if (size > room) {
        return "longer than the room below the file system";
    }
    return NULL;
}

int otter__hw_serial_upload(struct otter_hw *hw, const char *path)
{
    struct otter_nor *nor = otter__machine_nor();
    const char *fault;
    uint32_t size = 0;
    uint8_t *image = read_file(path, &size);
    int error = 0;

    if (image == NULL) {
        return refuse(path, strerror(errno));
    }
    fault = judge(hw, image, size);
    for (uint32_t at = 0; fault == NULL && error == 0 && at < size;
         at += OTTER_NOR_SECTOR) {
        error = otter_nor_erase(nor, at);
        if (error == 0) {
            error = otter_nor_program(nor, at, image + at, OTTER_NOR_SECTOR);
        }
    }
    free(image);
    if (fault != NULL || error != 0) {
        return refuse(path, fault != NULL ? fault : otter_error_text(error));
    }
    otter__console_say("serial upload: %u bytes of %s", (unsigned)size, path);
    return -1;
}
