/* SPDX-License-Identifier: Apache-2.0
 *
 * Making a data folder from a copy.  Only two kinds of names are taken from
 * the archive, so nothing in it can lead out of the folder. */
#include "server/backup.h"

#include "format/error.h"
#include "format/hex.h"
#include "server/backup_internal.h"
#include "server/store/firmware.h"
#include "server/store/owner.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct reading {
    struct otterd_workshop shop;
    struct archive *archive;
    const char *file;
    bool has_database;
};

/* The SHA-256 that a name of firmware is, or NULL. */
static const char *firmware_name(const char *name)
{
    return strncmp(name, "firmware/", 9) == 0 && strlen(name) == 9 + 64 &&
                   strspn(name + 9, "0123456789abcdef") == 64
               ? name + 9
               : NULL;
}

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t len = write(fd, data, size);

        if (len < 0 && errno != EINTR) {
            return otterd__backup_failed("cannot write", strerror(errno));
        }
        if (len > 0) {
            data += len;
            size -= (size_t)len;
        }
    }
    return 0;
}

static int take_data(struct reading *r, int fd, EVP_MD_CTX *md)
{
    static char buf[65536];
    la_ssize_t len;
    int err = 0;

    while (err == 0 &&
           (len = archive_read_data(r->archive, buf, sizeof buf)) != 0) {
        if (len < 0) {
            return otterd__backup_failed(r->file,
                                         archive_error_string(r->archive));
        }
        EVP_DigestUpdate(md, buf, (size_t)len);
        err = write_all(fd, buf, (size_t)len);
    }
    if (err == 0 && fsync(fd) != 0) {
        err = otterd__backup_failed("cannot write", strerror(errno));
    }
    return err;
}

static int take_file(struct reading *r, const char *name, const char *sha256)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    char path[OTTERD_BACKUP_PATH];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned len = 0;
    int fd = -1;
    int err = 0;

    if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1 ||
        !otterd__path_join(path, r->shop.folder, name) ||
        (fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0 ||
        otterd_owner_file(fd, r->shop.folder) != 0) {
        err = otterd__backup_failed(
            name, errno == EEXIST ? "is in the copy twice" : strerror(errno));
    } else {
        err = take_data(r, fd, md);
        EVP_DigestFinal_ex(md, digest, &len);
        otter_hex_encode(hex, digest, len);
        if (err == 0 && sha256 != NULL && strcmp(hex, sha256) != 0) {
            err = otterd__backup_failed(
                name, "is damaged; take another copy, older or newer");
        }
    }
    EVP_MD_CTX_free(md);
    if (fd >= 0) {
        close(fd);
    }
    return err;
}

static int take_entry(struct reading *r, struct archive_entry *entry)
{
    const char *name = archive_entry_pathname(entry);
    const char *sha256 = name == NULL ? NULL : firmware_name(name);
    bool is_database = name != NULL && strcmp(name, "otterd.db") == 0;

    if (archive_entry_filetype(entry) != AE_IFREG ||
        archive_entry_hardlink(entry) != NULL ||
        (sha256 == NULL && !is_database) ||
        (sha256 != NULL && archive_entry_size(entry) > OTTERD_FIRMWARE_MAX)) {
        return otterd__backup_failed(
            r->file, "holds something that otterd backup does not write; it "
                     "is no copy of a data folder");
    }
    r->has_database = r->has_database || is_database;
    return take_file(r, name, sha256);
}

static int unpack(struct reading *r)
{
    struct archive_entry *entry;
    int err = 0;
    int rc = ARCHIVE_OK;

    r->archive = archive_read_new();
    if (r->archive == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    archive_read_support_format_tar(r->archive);
    archive_read_support_filter_gzip(r->archive);
    archive_read_support_filter_xz(r->archive);
    archive_read_support_filter_zstd(r->archive);
    if (archive_read_open_filename(r->archive,
                                   strcmp(r->file, "-") == 0 ? NULL : r->file,
                                   65536) != ARCHIVE_OK) {
        err = otterd__backup_failed(r->file, archive_error_string(r->archive));
    }
    while (err == 0 &&
           (rc = archive_read_next_header(r->archive, &entry)) == ARCHIVE_OK) {
        err = take_entry(r, entry);
    }
    if (err == 0 && rc != ARCHIVE_EOF) {
        err = otterd__backup_failed(r->file, archive_error_string(r->archive));
    }
    archive_read_free(r->archive);
    if (err == 0 && !r->has_database) {
        err = otterd__backup_failed(r->file, "there is no database in it");
    }
    return err;
}

static int has_firmware(void *user, const char *sha256, int64_t size)
{
    const struct reading *r = user;
    char name[80];
    char path[OTTERD_BACKUP_PATH];
    struct stat status;

    snprintf(name, sizeof name, "firmware/%s", sha256);
    if (!otterd__path_join(path, r->shop.folder, name) ||
        stat(path, &status) != 0 || status.st_size != size) {
        return otterd__backup_failed(
            name, "is in the copy's database and not in the copy");
    }
    return 0;
}

static int move(struct reading *r, const char *name)
{
    char from[OTTERD_BACKUP_PATH];
    char to[OTTERD_BACKUP_PATH];

    if (!otterd__path_join(from, r->shop.folder, name) ||
        !otterd__path_join(to, r->shop.dir, name) || rename(from, to) != 0) {
        return otterd__backup_failed(name, strerror(errno));
    }
    return 0;
}

static int move_firmware(void *user, const char *sha256, int64_t size)
{
    char name[80];

    (void)size;
    snprintf(name, sizeof name, "firmware/%s", sha256);
    return move(user, name);
}

/* The database goes last. */
static int put_in_place(struct reading *r)
{
    char folder[OTTERD_BACKUP_PATH];
    sqlite3 *db = NULL;
    int err = otterd__copy_open(&r->shop, &db);

    if (err == 0) {
        err = otterd__copy_firmware(db, has_firmware, r);
    }
    if (err == 0 &&
        (!otterd__path_join(folder, r->shop.dir, "firmware") ||
         (otterd_owner_mkdir(folder, r->shop.dir) != 0 && errno != EEXIST))) {
        err = otterd__backup_failed(r->shop.dir, strerror(errno));
    }
    if (err == 0) {
        err = otterd__copy_firmware(db, move_firmware, r);
    }
    sqlite3_close(db);
    if (err == 0) {
        err = otterd__sync_folder(folder);
    }
    if (err == 0) {
        err = move(r, "otterd.db");
    }
    return err != 0 ? err : otterd__sync_folder(r->shop.dir);
}

/* Neither a database nor the log of one, which SQLite would apply to ours. */
static int check_free(const char *dir)
{
    static const char *const names[] = {"otterd.db", "otterd.db-wal",
                                        "otterd.db-shm", "otterd.db-journal"};
    char path[OTTERD_BACKUP_PATH];
    struct stat status;

    for (int i = 0; i < 4; i++) {
        if (!otterd__path_join(path, dir, names[i])) {
            return otterd__backup_failed(dir, "the path is too long");
        }
        if (lstat(path, &status) == 0) {
            return otterd__backup_failed(
                path, "exists, and a restore replaces nothing; move the "
                      "folder away or name another with --data");
        }
    }
    return 0;
}

int otterd_restore(const char *dir, const char *file)
{
    struct reading r = {.file = file};
    int err = check_free(dir);

    if (err != 0) {
        return err;
    }
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        return otterd__backup_failed(dir, strerror(errno));
    }
    err = otterd__workshop_open(&r.shop, dir);
    if (err == 0) {
        err = unpack(&r);
    }
    if (err == 0) {
        err = put_in_place(&r);
    }
    otterd__workshop_close(&r.shop);
    return err;
}
