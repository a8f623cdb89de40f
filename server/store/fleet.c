/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices and their history. */
#include "server/store/store_internal.h"

#include "format/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void read_device(struct otterd_device *out, uint64_t mac,
                        sqlite3_stmt *row)
{
    out->mac = mac;
    out->state = (enum otterd_device_state)sqlite3_column_int(row, 0);
    otterd__store_text(out->group, sizeof out->group, row, 1);
    otterd__store_text(out->tags, sizeof out->tags, row, 2);
}

int otterd_device_find(struct otterd_store *store, uint64_t mac,
                       struct otterd_device *out)
{
    sqlite3_stmt *row =
        otterd__store_query(store, OTTERD_Q_DEVICE_FIND, "i", (int64_t)mac);
    int err = otterd__store_row(store, row);

    memset(out, 0, sizeof *out);
    out->mac = mac;
    if (err != 0) {
        return err == OTTER_ERR_NO_DATA ? 0 : err;
    }
    read_device(out, mac, row);
    sqlite3_reset(row);
    return 0;
}

int otterd_device_set_state(struct otterd_store *store, uint64_t mac,
                            enum otterd_device_state state, const char *who)
{
    static const char *const words[] = {"forgotten", "pending", "accepted",
                                        "blocked"};
    bool own = sqlite3_get_autocommit(store->db) != 0;
    char what[64];
    int err = own ? otterd_store_begin(store) : 0;

    snprintf(what, sizeof what, "device %012" PRIx64 " %s", mac, words[state]);
    if (err == 0) {
        err = otterd__store_run(
            store, otterd__store_query(store, OTTERD_Q_DEVICE_STATE, "ii",
                                       (int64_t)mac, (int64_t)state));
    }
    if (err == 0) {
        err = otterd_audit_add(store, who, what);
    }
    if (err == 0 && own) {
        err = otterd_store_commit(store);
    }
    if (err != 0 && own) {
        otterd_store_cancel(store);
    }
    return err;
}

static int enter(struct otterd_store *store, const struct otterd_sighting *s)
{
    int err = otterd__store_run(
        store, otterd__store_query(store, OTTERD_Q_DEVICE_SAW, "iiisssiiss",
                                   (int64_t)s->mac, (int64_t)s->new_state,
                                   s->at, s->address, s->product, s->version,
                                   (int64_t)s->mode, (int64_t)s->verdict,
                                   s->reason, s->headers));

    if (err != 0) {
        return err;
    }
    return otterd__store_run(
        store, otterd__store_query(store, OTTERD_Q_HISTORY_ADD, "iis",
                                   (int64_t)s->mac, s->at, s->version));
}

int otterd_device_saw(struct otterd_store *store,
                      const struct otterd_sighting *list, size_t count)
{
    int err = otterd_store_begin(store);

    for (size_t i = 0; err == 0 && i < count; i++) {
        err = enter(store, &list[i]);
    }
    if (err == 0) {
        err = otterd_store_commit(store);
    }
    if (err != 0) {
        otterd_store_cancel(store);
    }
    return err;
}

int otterd_device_look(struct otterd_store *store, uint64_t mac,
                       struct otterd_device_view *out)
{
    sqlite3_stmt *row =
        otterd__store_query(store, OTTERD_Q_DEVICE_LOOK, "i", (int64_t)mac);
    struct otterd_sighting *last = &out->last;
    int err = otterd__store_row(store, row);

    memset(out, 0, sizeof *out);
    if (err != 0) {
        return err;
    }
    read_device(&out->device, mac, row);
    out->first_seen = sqlite3_column_int64(row, 3);
    out->requests = sqlite3_column_int64(row, 5);
    last->mac = mac;
    last->at = sqlite3_column_int64(row, 4);
    last->new_state = out->device.state;
    last->mode = (enum otterd_mode)sqlite3_column_int(row, 9);
    last->verdict = (enum otterd_verdict)sqlite3_column_int(row, 10);
    otterd__store_text(last->address, sizeof last->address, row, 6);
    otterd__store_text(last->product, sizeof last->product, row, 7);
    otterd__store_text(last->version, sizeof last->version, row, 8);
    otterd__store_text(last->reason, sizeof last->reason, row, 11);
    otterd__store_text(last->headers, sizeof last->headers, row, 12);
    sqlite3_reset(row);
    return 0;
}

int otterd_device_history(struct otterd_store *store, uint64_t mac,
                          void (*each)(void *user, int64_t at,
                                       const char *version),
                          void *user)
{
    sqlite3_stmt *row =
        otterd__store_query(store, OTTERD_Q_HISTORY_LIST, "i", (int64_t)mac);
    char version[OTTERD_TEXT_MAX];
    int err;

    while ((err = otterd__store_row(store, row)) == 0) {
        otterd__store_text(version, sizeof version, row, 1);
        each(user, sqlite3_column_int64(row, 0), version);
    }
    return err == OTTER_ERR_NO_DATA ? 0 : err;
}
