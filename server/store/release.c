/* SPDX-License-Identifier: Apache-2.0
 *
 * Firmware and releases in the database; the files are firmware.c's. */
#include "server/store/store_internal.h"

#include "format/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int otterd_firmware_add(struct otterd_store *store,
                        const struct otterd_firmware *firmware, int64_t *id)
{
    sqlite3_stmt *row;
    int err = otterd__store_run(
        store, otterd__store_query(
                   store, OTTERD_Q_FIRMWARE_ADD, "ssiissi", firmware->sha256,
                   firmware->md5, (int64_t)firmware->size,
                   (int64_t)firmware->flash_size, firmware->name,
                   firmware->version, otterd__store_now()));

    if (err != 0) {
        return err;
    }
    row = otterd__store_query(store, OTTERD_Q_FIRMWARE_FIND, "sss",
                              firmware->sha256, firmware->name,
                              firmware->version);
    err = otterd__store_row(store, row);
    if (err == 0) {
        *id = sqlite3_column_int64(row, 0);
        sqlite3_reset(row);
    }
    return err;
}

static int add_release(struct otterd_store *store,
                       const struct otterd_release *r, int64_t firmware_id,
                       const char *who, int64_t *id)
{
    char what[OTTERD_TEXT_MAX * 2 + 64];
    int err = 0;

    if (r->target == OTTERD_TARGET_MAC) {
        err = otterd__store_run(
            store, otterd__store_query(store, OTTERD_Q_RELEASE_REPLACE, "sis",
                                       r->product, (int64_t)r->mode,
                                       r->target_value));
    }
    if (err == 0) {
        err = otterd__store_run(
            store, otterd__store_query(store, OTTERD_Q_RELEASE_ADD, "siiisiii",
                                       r->product, (int64_t)r->mode,
                                       (int64_t)r->state, (int64_t)r->target,
                                       r->target_value, (int64_t)r->priority,
                                       firmware_id, otterd__store_now()));
    }
    if (err != 0) {
        return err;
    }
    *id = sqlite3_last_insert_rowid(store->db);
    snprintf(what, sizeof what,
             "release %" PRId64 " of firmware %" PRId64 " for %s", *id,
             firmware_id,
             r->target == OTTERD_TARGET_ALL ? "all" : r->target_value);
    return otterd_audit_add(store, who, what);
}

int otterd_release_add(struct otterd_store *store,
                       const struct otterd_release *release,
                       int64_t firmware_id, const char *who, int64_t *id)
{
    bool own = sqlite3_get_autocommit(store->db) != 0;
    int err = own ? otterd_store_begin(store) : 0;

    if (err == 0) {
        err = add_release(store, release, firmware_id, who, id);
    }
    if (err == 0 && own) {
        err = otterd_store_commit(store);
    }
    if (err != 0 && own) {
        otterd_store_cancel(store);
    }
    return err;
}

int otterd_release_set_state(struct otterd_store *store, int64_t id,
                             enum otterd_release_state state, const char *who)
{
    static const char *const words[] = {"resumed", "paused", "withdrawn"};
    char what[64];
    sqlite3_stmt *row;
    int err = otterd_store_begin(store);

    if (err != 0) {
        return err;
    }
    snprintf(what, sizeof what, "release %" PRId64 " %s", id, words[state]);
    row = otterd__store_query(store, OTTERD_Q_RELEASE_STATE, "ii", id,
                              (int64_t)state);
    err = otterd__store_row(store, row);
    if (err == 0) {
        sqlite3_reset(row);
        err = otterd_audit_add(store, who, what);
    }
    if (err == 0) {
        err = otterd_store_commit(store);
    }
    if (err != 0) {
        otterd_store_cancel(store);
    }
    return err;
}

static void read_release(struct otterd_release *r,
                         const struct otterd_ask *ask, enum otterd_mode mode,
                         sqlite3_stmt *row)
{
    memset(r, 0, sizeof *r);
    r->mode = mode;
    memcpy(r->product, ask->product, sizeof r->product);
    r->id = sqlite3_column_int64(row, 0);
    r->state = (enum otterd_release_state)sqlite3_column_int(row, 1);
    r->target = (enum otterd_target)sqlite3_column_int(row, 2);
    otterd__store_text(r->target_value, sizeof r->target_value, row, 3);
    r->priority = sqlite3_column_int(row, 4);
    otterd__store_text(r->version, sizeof r->version, row, 5);
    otterd__store_text(r->file_name, sizeof r->file_name, row, 6);
    r->size = (uint32_t)sqlite3_column_int64(row, 7);
    r->flash_size = (uint32_t)sqlite3_column_int64(row, 8);
    otterd__store_text(r->md5, sizeof r->md5, row, 9);
    otterd__store_text(r->sha256, sizeof r->sha256, row, 10);
}

int otterd_release_find(struct otterd_store *store,
                        const struct otterd_ask *ask,
                        struct otterd_release **list, size_t *count)
{
    enum otterd_mode mode =
        ask->mode == OTTERD_FILE_SYSTEM ? OTTERD_FILE_SYSTEM : OTTERD_SKETCH;
    size_t room = 0;
    char mac[13];
    sqlite3_stmt *row;
    int err;

    *list = NULL;
    *count = 0;
    snprintf(mac, sizeof mac, "%012" PRIx64, ask->mac);
    row = otterd__store_query(store, OTTERD_Q_RELEASE_FIND, "sis",
                              ask->product, (int64_t)mode, mac);
    while ((err = otterd__store_row(store, row)) == 0) {
        if (*count == room) {
            size_t larger = room == 0 ? 4 : room * 2;
            void *grown = realloc(*list, larger * sizeof **list);

            if (grown == NULL) {
                sqlite3_reset(row);
                err = OTTER_ERR_NO_MEMORY;
                break;
            }
            *list = grown;
            room = larger;
        }
        read_release(&(*list)[(*count)++], ask, mode, row);
    }
    if (err == OTTER_ERR_NO_DATA) {
        return 0;
    }
    free(*list);
    *list = NULL;
    *count = 0;
    return err;
}
