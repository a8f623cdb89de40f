/* SPDX-License-Identifier: Apache-2.0
 *
 * Inspecting and keeping firmware files. */
#include "server/store/firmware.h"

#include "format/error.h"
#include "format/flash_map.h"
#include "format/hex.h"
#include "format/image.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096

static int digest(char *hex, const EVP_MD *kind, const void *data, size_t size)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned len;

    if (EVP_Digest(data, size, bytes, &len, kind, NULL) != 1) {
        return OTTER_ERR_NO_MEMORY;
    }
    otter_hex_encode(hex, bytes, len);
    return 0;
}

static int check_image(const void *data, uint32_t size, uint32_t *flash_size)
{
    const struct otter_image_memory memory = {data, size};
    struct otter_image_source source;
    struct otter_image_check check;
    struct otter_image_info info;
    uint32_t buf[1024];
    int err;

    otter_image_source_memory(&source, &memory);
    err = otter_image_inspect(&source, &info);
    if (err != 0) {
        return err;
    }
    otter_image_check_begin(&check, &source, &info);
    do {
        err = otter_image_check_step(&check, buf, sizeof buf);
    } while (err == OTTER_ERR_PENDING);
    *flash_size =
        otter_flash_map_size_from_nibble(info.boot.header.size_nibble);
    return err;
}

int otterd_firmware_inspect(const void *data, size_t size,
                            struct otterd_firmware *out)
{
    static const unsigned char gzip[] = {0x1f, 0x8b};
    int err;

    if (size == 0 || size > OTTERD_FIRMWARE_MAX) {
        return OTTER_ERR_SIZE;
    }
    out->size = (uint32_t)size;
    out->flash_size = 0;
    if (size < sizeof gzip || memcmp(data, gzip, sizeof gzip) != 0) {
        err = check_image(data, out->size, &out->flash_size);
        if (err != 0) {
            return err;
        }
    }
    err = digest(out->md5, EVP_md5(), data, size);
    return err != 0 ? err : digest(out->sha256, EVP_sha256(), data, size);
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t done = write(fd, data, size);

        if (done < 0) {
            if (errno == EINTR) {
                continue;
            }
            return OTTER_ERR_STATE;
        }
        data += done;
        size -= (size_t)done;
    }
    return fsync(fd) == 0 ? 0 : OTTER_ERR_STATE;
}

static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err;

    if (fd < 0) {
        return OTTER_ERR_STATE;
    }
    err = fsync(fd) == 0 ? 0 : OTTER_ERR_STATE;
    close(fd);
    return err;
}

static int write_as(const char *folder, const void *data,
                    const struct otterd_firmware *of)
{
    char name[PATH_SIZE];
    char temporary[PATH_SIZE];
    int err;
    int fd;

    if (snprintf(name, sizeof name, "%s/%s", folder, of->sha256) >=
            (int)sizeof name ||
        snprintf(temporary, sizeof temporary, "%s/.new-XXXXXX", folder) >=
            (int)sizeof temporary) {
        return OTTER_ERR_TOO_LONG;
    }
    fd = mkstemp(temporary);
    if (fd < 0) {
        return OTTER_ERR_STATE;
    }
    err = write_all(fd, data, of->size);
    if (close(fd) != 0 || (err == 0 && rename(temporary, name) != 0)) {
        err = OTTER_ERR_STATE;
    }
    if (err != 0) {
        unlink(temporary);
        return err;
    }
    return sync_folder(folder);
}

int otterd_firmware_keep(const char *dir, const void *data,
                         const struct otterd_firmware *of)
{
    char folder[PATH_SIZE];

    if (snprintf(folder, sizeof folder, "%s/firmware", dir) >=
        (int)sizeof folder) {
        return OTTER_ERR_TOO_LONG;
    }
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return OTTER_ERR_STATE;
    }
    /* The folder's own name must last too. */
    if (sync_folder(dir) != 0) {
        return OTTER_ERR_STATE;
    }
    return write_as(folder, data, of);
}

int otterd_firmware_open(const char *dir, const char *sha256, uint32_t size)
{
    char path[PATH_SIZE];
    struct stat status;
    int fd;

    if (snprintf(path, sizeof path, "%s/firmware/%s", dir, sha256) >=
        (int)sizeof path) {
        return OTTER_ERR_TOO_LONG;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        if (fd >= 0) {
            close(fd);
        }
        return OTTER_ERR_STATE;
    }
    if (status.st_size != (off_t)size) {
        close(fd);
        return OTTER_ERR_SHORT;
    }
    return fd;
}
