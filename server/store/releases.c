/* SPDX-License-Identifier: Apache-2.0
 *
 * Releases in the database. */
#include "server/store/releases.h"
#include "server/store/store_internal.h"

#include "format/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Withdraws what the new one takes the place of. */
static int replace(struct otterd_store *store, const struct otterd_release *r,
                   int64_t *replaced)
{
    sqlite3_stmt *row =
        otterd__store_query(store, OTTERD_Q_RELEASE_REPLACE, "sis", r->product,
                            (int64_t)r->mode, r->target_value);
    int err;

    while ((err = otterd__store_row(store, row)) == 0) {
        *replaced = sqlite3_column_int64(row, 0);
    }
    return err == OTTER_ERR_NO_DATA ? 0 : err;
}

static int add_release(struct otterd_store *store,
                       const struct otterd_release *r, int64_t firmware_id,
                       const char *notes, const char *who, int64_t *id,
                       int64_t *replaced)
{
    int err = 0;

    *replaced = 0;
    if (r->target == OTTERD_TARGET_MAC) {
        err = replace(store, r, replaced);
    }
    if (err == 0) {
        err = otterd__store_run(
            store, otterd__store_query(
                       store, OTTERD_Q_RELEASE_ADD, "siiisiiiss", r->product,
                       (int64_t)r->mode, (int64_t)r->state, (int64_t)r->target,
                       r->target_value, (int64_t)r->priority, firmware_id,
                       otterd__store_now(), notes != NULL ? notes : "", who));
    }
    if (err != 0) {
        return err;
    }
    *id = sqlite3_last_insert_rowid(store->db);
    err = otterd_audit_say(
        store, who, "release %" PRId64 " of firmware %" PRId64 " for %s%s%s",
        *id, firmware_id, otterd_target_name(r->target),
        r->target == OTTERD_TARGET_ALL ? "" : " ", r->target_value);
    if (err == 0 && *replaced != 0) {
        err =
            otterd_audit_say(store, who,
                             "release %" PRId64 " withdrawn, release %" PRId64
                             " takes its place",
                             *replaced, *id);
    }
    return err;
}

int otterd_release_add(struct otterd_store *store,
                       const struct otterd_release *release,
                       int64_t firmware_id, const char *notes, const char *who,
                       int64_t *id, int64_t *replaced)
{
    bool own;
    int err = otterd__change_begin(store, &own);

    if (err == 0) {
        err =
            add_release(store, release, firmware_id, notes, who, id, replaced);
    }
    return otterd__change_end(store, own, err);
}

int otterd_release_set_state(struct otterd_store *store, int64_t id,
                             enum otterd_release_state state, const char *who)
{
    static const char *const words[] = {"resumed", "paused", "withdrawn"};
    sqlite3_stmt *row;
    bool own;
    int err = otterd__change_begin(store, &own);

    if (err == 0) {
        row = otterd__store_query(store, OTTERD_Q_RELEASE_STATE, "ii", id,
                                  (int64_t)state);
        err = otterd__store_row(store, row);
        sqlite3_reset(row);
    }
    if (err == 0) {
        err = otterd_audit_say(store, who, "release %" PRId64 " %s", id,
                               words[state]);
    }
    return otterd__change_end(store, own, err);
}

int otterd_release_describe(struct otterd_store *store, int64_t id,
                            int32_t priority, const char *notes,
                            const char *who)
{
    sqlite3_stmt *row;
    bool own;
    int err = otterd__change_begin(store, &own);

    if (err == 0) {
        row = otterd__store_query(store, OTTERD_Q_RELEASE_DESCRIBE, "iis", id,
                                  (int64_t)priority, notes);
        err = otterd__store_row(store, row);
        sqlite3_reset(row);
    }
    if (err == 0) {
        err = otterd_audit_say(store, who,
                               "release %" PRId64 " priority %" PRId32 "%s",
                               id, priority, notes != NULL ? ", notes" : "");
    }
    return otterd__change_end(store, own, err);
}

static void read_release(struct otterd_release *r, sqlite3_stmt *row)
{
    memset(r, 0, sizeof *r);
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
    otterd__store_text(r->image_md5, sizeof r->image_md5, row, 10);
    otterd__store_text(r->sha256, sizeof r->sha256, row, 11);
    r->chip = (enum otterd_chip)sqlite3_column_int(row, 12);
    r->image_size = (uint32_t)sqlite3_column_int64(row, 13);
}

/* A list that grows. */
struct found {
    struct otterd_release *list;
    size_t count;
    size_t room;
};

static int make_room(struct found *found, size_t more)
{
    size_t room = found->room == 0 ? 4 : found->room;
    void *grown;

    if (found->count + more <= found->room) {
        return 0;
    }
    while (room < found->count + more) {
        room *= 2;
    }
    grown = realloc(found->list, room * sizeof *found->list);
    if (grown == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    found->list = grown;
    found->room = room;
    return 0;
}

/* Takes the rows of a statement, for this product and mode. */
static int take_rows(struct otterd_store *store, sqlite3_stmt *row,
                     const char product[OTTERD_TEXT_MAX],
                     enum otterd_mode mode, struct found *out)
{
    int err;

    while ((err = otterd__store_row(store, row)) == 0) {
        struct otterd_release *release;

        err = make_room(out, 1);
        if (err != 0) {
            sqlite3_reset(row);
            return err;
        }
        release = &out->list[out->count++];
        read_release(release, row);
        release->mode = mode;
        memcpy(release->product, product, sizeof release->product);
    }
    return err == OTTER_ERR_NO_DATA ? 0 : err;
}

static int find_others(struct otterd_store *store,
                       const char product[OTTERD_TEXT_MAX],
                       enum otterd_mode mode, struct found *out)
{
    sqlite3_stmt *row = otterd__store_query(store, OTTERD_Q_RELEASE_FIND_OTHER,
                                            "si", product, (int64_t)mode);

    return take_rows(store, row, product, mode, out);
}

static int find_own(struct otterd_store *store, const struct otterd_ask *ask,
                    enum otterd_mode mode, struct found *out)
{
    char mac[13];
    sqlite3_stmt *row;

    snprintf(mac, sizeof mac, "%012" PRIx64, ask->mac);
    row = otterd__store_query(store, OTTERD_Q_RELEASE_FIND_MAC, "sis",
                              ask->product, (int64_t)mode, mac);
    return take_rows(store, row, ask->product, mode, out);
}

/* Learns for the view what all devices share. */
static int keep_shared(struct otterd_store *store,
                       const char product[OTTERD_TEXT_MAX],
                       enum otterd_mode mode,
                       struct otterd__view_releases *kept)
{
    struct found fresh = {NULL, 0, 0};
    sqlite3_stmt *row;
    int err = find_others(store, product, mode, &fresh);

    if (err == 0) {
        row = otterd__store_query(store, OTTERD_Q_RELEASE_HAS_MAC, "si",
                                  product, (int64_t)mode);
        err = otterd__store_row(store, row);
        sqlite3_reset(row);
    }
    if (err != 0 && err != OTTER_ERR_NO_DATA) {
        free(fresh.list);
        return err;
    }
    free(kept->list);
    kept->list = fresh.list;
    kept->count = fresh.count;
    kept->has_mac = err == 0;
    kept->mode = mode;
    memcpy(kept->product, product, sizeof kept->product);
    kept->used = true;
    return 0;
}

/* As below, in an open view. */
static int find_in_view(struct otterd_store *store,
                        const struct otterd_ask *ask, enum otterd_mode mode,
                        struct found *out)
{
    size_t slot = (otterd__view_slot(ask->product) + (size_t)mode * 3) %
                  OTTERD_VIEW_SLOTS;
    struct otterd__view_releases *kept = &store->view.releases[slot];
    int err = 0;

    if (!kept->used || kept->mode != mode ||
        strcmp(kept->product, ask->product) != 0) {
        err = keep_shared(store, ask->product, mode, kept);
    }
    if (err == 0) {
        err = make_room(out, kept->count + 1);
    }
    if (err == 0 && kept->count > 0) {
        memcpy(out->list, kept->list, kept->count * sizeof *kept->list);
        out->count = kept->count;
    }
    return err == 0 && kept->has_mac ? find_own(store, ask, mode, out) : err;
}

int otterd_release_find(struct otterd_store *store,
                        const struct otterd_ask *ask,
                        struct otterd_release **list, size_t *count)
{
    enum otterd_mode mode =
        ask->mode == OTTERD_FILE_SYSTEM ? OTTERD_FILE_SYSTEM : OTTERD_SKETCH;
    struct found found = {NULL, 0, 0};
    int err;

    if (store->view.open) {
        err = find_in_view(store, ask, mode, &found);
    } else {
        err = find_others(store, ask->product, mode, &found);
        if (err == 0) {
            err = find_own(store, ask, mode, &found);
        }
    }
    if (err != 0) {
        free(found.list);
        found.list = NULL;
        found.count = 0;
    }
    *list = found.list;
    *count = found.count;
    return err;
}

static void read_view(struct otterd_release_view *out, sqlite3_stmt *row)
{
    memset(out, 0, sizeof *out);
    read_release(&out->release, row);
    otterd__store_text(out->release.product, sizeof out->release.product, row,
                       14);
    out->release.mode = (enum otterd_mode)sqlite3_column_int(row, 15);
    out->firmware = sqlite3_column_int64(row, 16);
    otterd__store_text(out->firmware_name, sizeof out->firmware_name, row, 17);
    otterd__store_text(out->notes, sizeof out->notes, row, 18);
    out->created = sqlite3_column_int64(row, 19);
    otterd__store_text(out->by, sizeof out->by, row, 20);
    out->offered = sqlite3_column_int64(row, 21);
    out->downloaded = sqlite3_column_int64(row, 22);
    out->installed = sqlite3_column_int64(row, 23);
    out->failed = sqlite3_column_int64(row, 24);
}

int otterd_release_get(struct otterd_store *store, int64_t id,
                       struct otterd_release_view *out)
{
    sqlite3_stmt *row =
        otterd__store_query(store, OTTERD_Q_RELEASE_GET, "i", id);
    int err = otterd__store_row(store, row);

    if (err == 0) {
        read_view(out, row);
        sqlite3_reset(row);
    }
    return err;
}

int otterd_release_list(struct otterd_store *store,
                        const struct otterd_release_filter *filter,
                        void (*each)(void *user,
                                     const struct otterd_release_view *view),
                        void *user)
{
    sqlite3_stmt *row = otterd__store_query(
        store, OTTERD_Q_RELEASE_LIST, "iisi", filter->after,
        (int64_t)filter->state, filter->product, filter->limit);
    int err;

    while ((err = otterd__store_row(store, row)) == 0) {
        struct otterd_release_view view;

        read_view(&view, row);
        each(user, &view);
    }
    return err == OTTER_ERR_NO_DATA ? 0 : err;
}

int otterd_release_devices(
    struct otterd_store *store, int64_t id, int64_t after, int64_t limit,
    const char *state,
    void (*each)(void *user, const struct otterd_release_device *device),
    void *user)
{
    sqlite3_stmt *row = otterd__store_query(store, OTTERD_Q_STEP_LIST, "iisi",
                                            id, after, state, limit);
    int err;

    while ((err = otterd__store_row(store, row)) == 0) {
        struct otterd_release_device device = {
            .mac = (uint64_t)sqlite3_column_int64(row, 0),
            .state = (const char *)sqlite3_column_text(row, 2),
            .at = sqlite3_column_int64(row, 4)};

        otterd__store_text(device.name, sizeof device.name, row, 1);
        otterd__store_text(device.version, sizeof device.version, row, 3);
        each(user, &device);
    }
    return err == OTTER_ERR_NO_DATA ? 0 : err;
}
