/* SPDX-License-Identifier: Apache-2.0
 *
 * Making a copy.  The firmware that the copied database knows is linked into
 * the folder of the work at once, so that what the server removes later stays
 * until it is in the copy. */
#include "server/backup.h"

#include "format/error.h"
#include "format/hex.h"
#include "server/backup_internal.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES   10 /* firmware removed between database and link */
#define BUSY_MS 10000

struct writing {
    struct otterd_workshop shop;
    struct archive *archive;
    const char *gone; /* a firmware that could not be linked */
    char gone_text[65];
};

/* One step copies everything under one read transaction. */
static int copy_database(struct writing *w)
{
    char from[OTTERD_BACKUP_PATH];
    char to[OTTERD_BACKUP_PATH];
    sqlite3 *source = NULL;
    sqlite3 *target = NULL;
    sqlite3_backup *copy = NULL;
    int err = 0;

    if (!otterd__path_join(from, w->shop.dir, "otterd.db") ||
        !otterd__path_join(to, w->shop.folder, "otterd.db")) {
        return otterd__backup_failed(w->shop.dir, "the path is too long");
    }
    unlink(to);
    if (sqlite3_open_v2(from, &source, SQLITE_OPEN_READWRITE, NULL) !=
            SQLITE_OK ||
        sqlite3_busy_timeout(source, BUSY_MS) != SQLITE_OK) {
        err = otterd__backup_failed(from, sqlite3_errmsg(source));
    } else if (sqlite3_open(to, &target) != SQLITE_OK) {
        err = otterd__backup_failed(to, sqlite3_errmsg(target));
    } else {
        int rc = SQLITE_NOMEM;

        copy = sqlite3_backup_init(target, "main", source, "main");
        if (copy != NULL) {
            rc = sqlite3_backup_step(copy, -1);
        }
        if (rc != SQLITE_DONE) {
            err = otterd__backup_failed(from, sqlite3_errstr(rc));
        }
        /* One file, without a log beside it. */
        if (sqlite3_backup_finish(copy) != SQLITE_OK ||
            sqlite3_exec(target, "PRAGMA journal_mode = DELETE", NULL, NULL,
                         NULL) != SQLITE_OK) {
            err = err != 0 ? err
                           : otterd__backup_failed(to, sqlite3_errmsg(target));
        }
    }
    sqlite3_close(source);
    sqlite3_close(target);
    return err;
}

static int link_firmware(void *user, const char *sha256, int64_t size)
{
    struct writing *w = user;
    char name[80];
    char from[OTTERD_BACKUP_PATH];
    char to[OTTERD_BACKUP_PATH];

    (void)size;
    snprintf(name, sizeof name, "firmware/%s", sha256);
    if (!otterd__path_join(from, w->shop.dir, name) ||
        !otterd__path_join(to, w->shop.folder, name)) {
        return otterd__backup_failed(w->shop.dir, "the path is too long");
    }
    if (link(from, to) == 0 || errno == EEXIST) {
        return 0;
    }
    if (errno == ENOENT) {
        snprintf(w->gone_text, sizeof w->gone_text, "%s", sha256);
        w->gone = w->gone_text;
        return OTTER_ERR_NO_DATA;
    }
    return otterd__backup_failed(from, strerror(errno));
}

static int gather(struct writing *w)
{
    sqlite3 *db = NULL;
    int err = OTTER_ERR_NO_DATA;

    for (int i = 0; i < TRIES && err == OTTER_ERR_NO_DATA; i++) {
        err = copy_database(w);
        if (err == 0) {
            err = otterd__copy_open(&w->shop, &db);
        }
        if (err == 0) {
            err = otterd__copy_firmware(db, link_firmware, w);
        }
        sqlite3_close(db);
        db = NULL;
    }
    if (err == OTTER_ERR_NO_DATA) {
        fprintf(stderr,
                "otterd: firmware %s is in the database and its file is not "
                "in %s/firmware; remove it from the database or put the file "
                "back, then try again\n",
                w->gone, w->shop.dir);
        err = OTTER_ERR_STATE;
    }
    return err;
}

static int put_data(struct writing *w, int fd, int64_t size, EVP_MD_CTX *md)
{
    static char buf[65536];

    while (size > 0) {
        ssize_t len = read(fd, buf, sizeof buf);

        if (len <= 0 || len > size) {
            return otterd__backup_failed("a file changed its size",
                                         len < 0 ? strerror(errno)
                                                 : "try again");
        }
        if (archive_write_data(w->archive, buf, (size_t)len) != len) {
            return otterd__backup_failed("cannot write the copy",
                                         archive_error_string(w->archive));
        }
        EVP_DigestUpdate(md, buf, (size_t)len);
        size -= len;
    }
    return 0;
}

static int put_header(struct writing *w, const char *name,
                      const struct stat *status)
{
    struct archive_entry *entry = archive_entry_new();
    int err = 0;

    if (entry == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0600);
    archive_entry_set_size(entry, status->st_size);
    archive_entry_set_mtime(entry, status->st_mtime, 0);
    if (archive_write_header(w->archive, entry) != ARCHIVE_OK) {
        err = otterd__backup_failed("cannot write the copy",
                                    archive_error_string(w->archive));
    }
    archive_entry_free(entry);
    return err;
}

/* A file of the workshop; with the digest it must have, or NULL. */
static int put_file(struct writing *w, const char *name, const char *sha256)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    char path[OTTERD_BACKUP_PATH];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    struct stat status;
    unsigned len = 0;
    int fd = -1;
    int err = 0;

    if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1 ||
        !otterd__path_join(path, w->shop.folder, name) ||
        (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 ||
        fstat(fd, &status) != 0) {
        err = otterd__backup_failed(name, strerror(errno));
    }
    if (err == 0) {
        err = put_header(w, name, &status);
    }
    if (err == 0) {
        err = put_data(w, fd, status.st_size, md);
    }
    if (err == 0) {
        EVP_DigestFinal_ex(md, digest, &len);
        otter_hex_encode(hex, digest, len);
        if (sha256 != NULL && strcmp(hex, sha256) != 0) {
            err = otterd__backup_failed(
                name, "its contents are not what its name says: the disk has "
                      "lost it, upload this firmware again");
        }
    }
    EVP_MD_CTX_free(md);
    if (fd >= 0) {
        close(fd);
    }
    return err;
}

static int put_firmware(void *user, const char *sha256, int64_t size)
{
    char name[80];

    (void)size;
    snprintf(name, sizeof name, "firmware/%s", sha256);
    return put_file(user, name, sha256);
}

static int write_archive(struct writing *w, int fd)
{
    sqlite3 *db = NULL;
    int err;

    w->archive = archive_write_new();
    if (w->archive == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    if (archive_write_set_format_pax_restricted(w->archive) != ARCHIVE_OK ||
        archive_write_open_fd(w->archive, fd) != ARCHIVE_OK) {
        err = otterd__backup_failed("cannot write the copy",
                                    archive_error_string(w->archive));
    } else {
        err = put_file(w, "otterd.db", NULL);
        if (err == 0) {
            err = otterd__copy_open(&w->shop, &db);
        }
        if (err == 0) {
            err = otterd__copy_firmware(db, put_firmware, w);
        }
        sqlite3_close(db);
        if (archive_write_close(w->archive) != ARCHIVE_OK && err == 0) {
            err = otterd__backup_failed("cannot write the copy",
                                        archive_error_string(w->archive));
        }
    }
    archive_write_free(w->archive);
    return err;
}

/* Under another name first. */
static int write_file(struct writing *w, const char *file)
{
    char temporary[OTTERD_BACKUP_PATH];
    char folder[OTTERD_BACKUP_PATH];
    const char *slash = strrchr(file, '/');
    int err;
    int fd;

    if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", file) >=
        (int)sizeof temporary) {
        return otterd__backup_failed(file, "the path is too long");
    }
    snprintf(folder, sizeof folder, "%.*s",
             slash == NULL ? 1 : (int)(slash - file + 1),
             slash == NULL ? "." : file);
    fd = mkstemp(temporary);
    if (fd < 0) {
        return otterd__backup_failed(temporary, strerror(errno));
    }
    err = write_archive(w, fd);
    if (err == 0 && fsync(fd) != 0) {
        err = otterd__backup_failed(temporary, strerror(errno));
    }
    close(fd);
    /* link never replaces a file that is there, as rename would. */
    if (err == 0 && link(temporary, file) != 0) {
        err = otterd__backup_failed(file, strerror(errno));
    }
    unlink(temporary);
    return err != 0 ? err : otterd__sync_folder(folder);
}

int otterd_backup(const char *dir, const char *file)
{
    struct writing w = {.archive = NULL};
    char path[OTTERD_BACKUP_PATH];
    struct stat status;
    int err;

    if (strcmp(file, "-") != 0 && lstat(file, &status) == 0) {
        return otterd__backup_failed(
            file, "it exists already, and a backup replaces nothing; choose "
                  "another name");
    }
    if (!otterd__path_join(path, dir, "otterd.db") ||
        stat(path, &status) != 0) {
        return otterd__backup_failed(
            dir, "there is no database of otterd in this folder");
    }
    err = otterd__workshop_open(&w.shop, dir);
    if (err == 0) {
        err = gather(&w);
    }
    if (err == 0) {
        err = strcmp(file, "-") == 0 ? write_archive(&w, STDOUT_FILENO)
                                     : write_file(&w, file);
    }
    otterd__workshop_close(&w.shop);
    return err;
}
