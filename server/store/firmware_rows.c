/* SPDX-License-Identifier: Apache-2.0
 *
 * Firmware in the database; its files are firmware.c's. */
#include "server/store/releases.h"
#include "server/store/store_internal.h"

#include "format/error.h"

#include <stdio.h>
#include <string.h>

int otterd_firmware_learn(struct otterd_store *store,
                          const struct otterd_firmware *f)
{
    int err = otterd__store_run(
        store,
        otterd__store_query(store, OTTERD_Q_FIRMWARE_LEARN, "siisiii",
                            f->sha256, (int64_t)f->flash_size,
                            (int64_t)f->gzip, f->image_md5, (int64_t)f->chip,
                            (int64_t)f->image_size, (int64_t)f->kind));

    /* Devices may be told otherwise now. */
    return err != 0 || sqlite3_changes(store->db) == 0
               ? err
               : otterd_audit_say(store, f->by,
                                  "firmware with SHA-256 %s looked into anew",
                                  f->sha256);
}

int otterd_firmware_add(struct otterd_store *store,
                        const struct otterd_firmware *f, int64_t *id)
{
    sqlite3_stmt *row;
    int err = otterd__store_run(
        store, otterd__store_query(
                   store, OTTERD_Q_FIRMWARE_ADD, "ssiiiisssssissii", f->sha256,
                   f->md5, (int64_t)f->size, (int64_t)f->flash_size,
                   (int64_t)f->kind, (int64_t)f->gzip, f->name, f->version,
                   f->board, f->filename, f->notes, otterd__store_now(), f->by,
                   f->image_md5, (int64_t)f->chip, (int64_t)f->image_size));

    if (err == 0) {
        err = otterd_firmware_learn(store, f);
    }
    if (err != 0) {
        return err;
    }
    row = otterd__store_query(store, OTTERD_Q_FIRMWARE_SAME, "sisss",
                              f->sha256, (int64_t)f->kind, f->name, f->version,
                              f->filename);
    err = otterd__store_row(store, row);
    if (err == 0) {
        *id = sqlite3_column_int64(row, 0);
        sqlite3_reset(row);
    }
    return err;
}

static void read_firmware(struct otterd_firmware *out, sqlite3_stmt *row)
{
    memset(out, 0, sizeof *out);
    out->id = sqlite3_column_int64(row, 0);
    otterd__store_text(out->name, sizeof out->name, row, 1);
    otterd__store_text(out->version, sizeof out->version, row, 2);
    otterd__store_text(out->board, sizeof out->board, row, 3);
    otterd__store_text(out->filename, sizeof out->filename, row, 4);
    otterd__store_text(out->notes, sizeof out->notes, row, 5);
    out->kind = (enum otterd_mode)sqlite3_column_int(row, 6);
    out->gzip = sqlite3_column_int(row, 7) != 0;
    out->size = (uint32_t)sqlite3_column_int64(row, 8);
    out->flash_size = (uint32_t)sqlite3_column_int64(row, 9);
    otterd__store_text(out->md5, sizeof out->md5, row, 10);
    otterd__store_text(out->image_md5, sizeof out->image_md5, row, 11);
    otterd__store_text(out->sha256, sizeof out->sha256, row, 12);
    out->created = sqlite3_column_int64(row, 13);
    otterd__store_text(out->by, sizeof out->by, row, 14);
    out->chip = (enum otterd_chip)sqlite3_column_int(row, 15);
    out->image_size = (uint32_t)sqlite3_column_int64(row, 16);
}

static int one(struct otterd_store *store, sqlite3_stmt *row,
               struct otterd_firmware *out)
{
    int err = otterd__store_row(store, row);

    if (err == 0) {
        read_firmware(out, row);
        sqlite3_reset(row);
    }
    return err;
}

int otterd_firmware_get(struct otterd_store *store, int64_t id,
                        struct otterd_firmware *out)
{
    return one(store,
               otterd__store_query(store, OTTERD_Q_FIRMWARE_GET, "i", id),
               out);
}

int otterd_firmware_find(struct otterd_store *store, enum otterd_mode kind,
                         const char *name, const char *version,
                         struct otterd_firmware *out)
{
    return one(store,
               otterd__store_query(store, OTTERD_Q_FIRMWARE_FIND, "iss",
                                   (int64_t)kind, name, version),
               out);
}

int otterd_firmware_list(struct otterd_store *store, int64_t after,
                         int64_t limit,
                         void (*each)(void *user,
                                      const struct otterd_firmware *firmware),
                         void *user)
{
    sqlite3_stmt *row =
        otterd__store_query(store, OTTERD_Q_FIRMWARE_LIST, "ii", after, limit);
    int err;

    while ((err = otterd__store_row(store, row)) == 0) {
        struct otterd_firmware firmware;

        read_firmware(&firmware, row);
        each(user, &firmware);
    }
    return err == OTTER_ERR_NO_DATA ? 0 : err;
}

static int count(struct otterd_store *store, sqlite3_stmt *row, int64_t *out)
{
    int err = otterd__store_row(store, row);

    if (err == 0) {
        *out = sqlite3_column_int64(row, 0);
        sqlite3_reset(row);
    }
    return err;
}

int otterd_firmware_uses(struct otterd_store *store, int64_t id, int64_t *out)
{
    return count(store,
                 otterd__store_query(store, OTTERD_Q_FIRMWARE_USES, "i", id),
                 out);
}

int otterd_firmware_file_uses(struct otterd_store *store, const char *sha256,
                              int64_t *out)
{
    return count(
        store,
        otterd__store_query(store, OTTERD_Q_FIRMWARE_FILE_USES, "s", sha256),
        out);
}

int otterd_firmware_file_removed(struct otterd_store *store,
                                 const char *sha256, int64_t *out)
{
    return count(store,
                 otterd__store_query(store, OTTERD_Q_FIRMWARE_FILE_REMOVED,
                                     "s", sha256),
                 out);
}

int otterd_firmware_remove(struct otterd_store *store, int64_t id)
{
    sqlite3_stmt *row =
        otterd__store_query(store, OTTERD_Q_FIRMWARE_REMOVE, "i", id);
    int err = otterd__store_row(store, row);

    sqlite3_reset(row);
    return err;
}
