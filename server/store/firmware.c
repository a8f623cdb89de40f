/* SPDX-License-Identifier: Apache-2.0
 *
 * Taking, keeping and opening firmware files. */
#include "server/store/firmware.h"
#include "server/log.h"
#include "server/store/inspect.h"
#include "server/store/owner.h"
#include "server/store/releases.h"
#include "server/store/store.h"

#include "format/error.h"
#include "format/hex.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE 4096
#define NEW       ".new-"
#define ABANDONED 3600 /* seconds */

struct otterd_upload {
    char folder[PATH_SIZE];
    char name[PATH_SIZE]; /* of the file now; empty once it is kept */
    char sha256[65];
    int fd;
    int error; /* the first */
    uint32_t size;
    EVP_MD_CTX *md5;
    EVP_MD_CTX *sha256_ctx;
};

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

/* The folder for firmware, whose own name must last too. */
static int make_folder(struct otterd_upload *upload, const char *dir)
{
    if (snprintf(upload->folder, sizeof upload->folder, "%s/firmware", dir) >=
            (int)sizeof upload->folder ||
        snprintf(upload->name, sizeof upload->name,
                 "%s/firmware/" NEW "XXXXXX",
                 dir) >= (int)sizeof upload->name) {
        errno = ENAMETOOLONG;
        return OTTER_ERR_STATE;
    }
    if (otterd_owner_mkdir(upload->folder, dir) == 0) {
        return sync_folder(dir);
    }
    return errno == EEXIST ? 0 : OTTER_ERR_STATE;
}

static int open_upload(struct otterd_upload *upload, const char *dir)
{
    int err = make_folder(upload, dir);

    if (err == 0) {
        upload->fd = mkostemp(upload->name, O_CLOEXEC);
    }
    if (err != 0 || upload->fd < 0) {
        upload->name[0] = '\0';
        return OTTER_ERR_STATE;
    }
    if (otterd_owner_file(upload->fd, upload->folder) != 0) {
        return OTTER_ERR_STATE;
    }
    upload->md5 = EVP_MD_CTX_new();
    upload->sha256_ctx = EVP_MD_CTX_new();
    if (upload->md5 == NULL || upload->sha256_ctx == NULL ||
        EVP_DigestInit_ex(upload->md5, EVP_md5(), NULL) != 1 ||
        EVP_DigestInit_ex(upload->sha256_ctx, EVP_sha256(), NULL) != 1) {
        return OTTER_ERR_NO_MEMORY;
    }
    return 0;
}

int otterd_upload_begin(struct otterd_upload **out, const char *dir)
{
    struct otterd_upload *upload = calloc(1, sizeof *upload);
    int err;

    if (upload == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    upload->fd = -1;
    err = open_upload(upload, dir);
    if (err != 0) {
        int number = errno;

        otterd_upload_free(upload);
        errno = number;
        return err;
    }
    *out = upload;
    return 0;
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
    return 0;
}

static int take(struct otterd_upload *upload, const void *data, size_t len)
{
    if (len > OTTERD_FIRMWARE_MAX - upload->size) {
        return OTTER_ERR_TOO_LONG;
    }
    upload->size += (uint32_t)len;
    if (EVP_DigestUpdate(upload->md5, data, len) != 1 ||
        EVP_DigestUpdate(upload->sha256_ctx, data, len) != 1) {
        return OTTER_ERR_NO_MEMORY;
    }
    return write_all(upload->fd, data, len);
}

int otterd_upload_write(struct otterd_upload *upload, const void *data,
                        size_t len)
{
    if (upload->error == 0) {
        upload->error = take(upload, data, len);
    }
    return upload->error;
}

static int final_digest(EVP_MD_CTX *context, char *hex)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned len;

    if (EVP_DigestFinal_ex(context, bytes, &len) != 1) {
        return OTTER_ERR_NO_MEMORY;
    }
    otter_hex_encode(hex, bytes, len);
    return 0;
}

int otterd_upload_finish(struct otterd_upload *upload, enum otterd_claim claim,
                         struct otterd_firmware *out,
                         char problem[OTTERD_PROBLEM_MAX])
{
    int err = upload->error;

    out->size = upload->size;
    if (err == 0) {
        err = otterd_inspect(upload->fd, upload->folder, claim, out, problem);
    }
    if (err == 0) {
        err = final_digest(upload->md5, out->md5);
    }
    if (err == 0 && out->image_md5[0] == '\0') {
        memcpy(out->image_md5, out->md5, sizeof out->image_md5);
    }
    if (err == 0) {
        err = final_digest(upload->sha256_ctx, out->sha256);
    }
    if (err == 0 && fsync(upload->fd) != 0) {
        err = OTTER_ERR_STATE;
    }
    memcpy(upload->sha256, out->sha256, sizeof upload->sha256);
    upload->error = err;
    return err;
}

int otterd_upload_keep(struct otterd_upload *upload)
{
    char name[PATH_SIZE];

    if (upload->error != 0 || upload->sha256[0] == '\0') {
        errno = EINVAL;
        return OTTER_ERR_STATE;
    }
    if (snprintf(name, sizeof name, "%s/%s", upload->folder, upload->sha256) >=
        (int)sizeof name) {
        errno = ENAMETOOLONG;
        return OTTER_ERR_STATE;
    }
    if (rename(upload->name, name) != 0) {
        return OTTER_ERR_STATE;
    }
    upload->name[0] = '\0';
    return sync_folder(upload->folder);
}

void otterd_upload_free(struct otterd_upload *upload)
{
    if (upload == NULL) {
        return;
    }
    if (upload->fd >= 0) {
        close(upload->fd);
    }
    if (upload->name[0] != '\0') {
        unlink(upload->name);
    }
    EVP_MD_CTX_free(upload->md5);
    EVP_MD_CTX_free(upload->sha256_ctx);
    free(upload);
}

static int path_of(char path[PATH_SIZE], const char *dir, const char *sha256)
{
    if (snprintf(path, PATH_SIZE, "%s/firmware/%s", dir, sha256) >=
        PATH_SIZE) {
        errno = ENAMETOOLONG;
        return OTTER_ERR_STATE;
    }
    return 0;
}

int otterd_firmware_open(const char *dir, const char *sha256, uint32_t size)
{
    char path[PATH_SIZE];
    struct stat status;
    int fd;

    if (path_of(path, dir, sha256) != 0) {
        return OTTER_ERR_STATE;
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

int otterd_firmware_delete(const char *dir, const char *sha256)
{
    char path[PATH_SIZE];

    if (path_of(path, dir, sha256) != 0) {
        return OTTER_ERR_STATE;
    }
    return unlink(path) == 0 || errno == ENOENT ? 0 : OTTER_ERR_STATE;
}

/* As files are named: lower-case hexadecimal digits of a SHA-256. */
static bool is_firmware(const char *name)
{
    return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

static void sweep_upload(int folder, const char *name)
{
    struct stat status;

    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        status.st_mtime < time(NULL) - ABANDONED) {
        unlinkat(folder, name, 0);
    }
}

static bool is_removed(struct otterd_store *store, const char *sha256)
{
    int64_t rows = 0;

    return otterd_firmware_file_removed(store, sha256, &rows) == 0 && rows > 0;
}

/* Looked at again under the lock of the database: an import of the same bytes
 * may just come in. */
static void sweep_removed(int folder, const char *name,
                          struct otterd_store *store)
{
    if (!is_removed(store, name)) {
        return;
    }
    if (otterd_store_begin(store) == 0 && is_removed(store, name) &&
        unlinkat(folder, name, 0) == 0) {
        otterd_log(OTTERD_LOG_INFO, "firmware",
                   otterd_log_text("sha256", name),
                   otterd_log_text("why", "removed before; its file is now"));
    }
    otterd_store_cancel(store);
}

void otterd_firmware_sweep(const char *dir, struct otterd_store *store)
{
    char folder[PATH_SIZE];
    struct dirent *entry;
    DIR *list;

    if (path_of(folder, dir, "") != 0 || (list = opendir(folder)) == NULL) {
        return;
    }
    while ((entry = readdir(list)) != NULL) {
        if (strncmp(entry->d_name, NEW, strlen(NEW)) == 0) {
            sweep_upload(dirfd(list), entry->d_name);
        } else if (is_firmware(entry->d_name)) {
            sweep_removed(dirfd(list), entry->d_name, store);
        }
    }
    closedir(list);
}
