/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices: what people see and decide. */
#include "server/store/devices.h"
#include "server/store/store_internal.h"

#include "format/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void read_device(struct otterd_device *out, sqlite3_stmt *row)
{
    out->mac = (uint64_t)sqlite3_column_int64(row, 0);
    out->state = (enum otterd_device_state)sqlite3_column_int(row, 1);
    otterd__store_text(out->group, sizeof out->group, row, 2);
    otterd__store_text(out->tags, sizeof out->tags, row, 3);
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
    read_device(out, row);
    sqlite3_reset(row);
    return 0;
}

/* The change as people read it in the audit log. */
static int note_change(struct otterd_store *store, uint64_t mac,
                       const struct otterd_device_change *change,
                       const char *who)
{
    static const char *const words[] = {"", " pending", " accepted",
                                        " blocked"};

    return otterd_audit_say(
        store, who, "device %012" PRIX64 "%s%s%s%s%s%s%s%s%s%s", mac,
        words[change->state], change->group != NULL ? " group \"" : "",
        change->group != NULL ? change->group : "",
        change->group != NULL ? "\"" : "",
        change->tags != NULL ? " tags \"" : "",
        change->tags != NULL ? change->tags : "",
        change->tags != NULL ? "\"" : "",
        change->name != NULL ? " name \"" : "",
        change->name != NULL ? change->name : "",
        change->name != NULL ? "\"" : "");
}

int otterd_device_change(struct otterd_store *store, uint64_t mac,
                         const struct otterd_device_change *change,
                         const char *who)
{
    bool own;
    int err = otterd__change_begin(store, &own);

    if (err == 0) {
        err = otterd__store_run(
            store,
            otterd__store_query(store, OTTERD_Q_DEVICE_CHANGE, "iisss",
                                (int64_t)mac, (int64_t)change->state,
                                change->group, change->tags, change->name));
    }
    if (err == 0) {
        err = note_change(store, mac, change, who);
    }
    return otterd__change_end(store, own, err);
}

int otterd_device_set_state(struct otterd_store *store, uint64_t mac,
                            enum otterd_device_state state, const char *who)
{
    const struct otterd_device_change change = {.state = state};

    return otterd_device_change(store, mac, &change, who);
}

static int forget(struct otterd_store *store, uint64_t mac, const char *who)
{
    sqlite3_stmt *row =
        otterd__store_query(store, OTTERD_Q_DEVICE_FORGET, "i", (int64_t)mac);
    int err = otterd__store_row(store, row);

    if (err != 0) {
        return err;
    }
    sqlite3_reset(row);
    err = otterd__store_run(store,
                            otterd__store_query(store, OTTERD_Q_HISTORY_FORGET,
                                                "i", (int64_t)mac));
    if (err == 0) {
        err = otterd__store_run(
            store, otterd__store_query(store, OTTERD_Q_DELIVERY_FORGET, "i",
                                       (int64_t)mac));
    }
    if (err == 0) {
        err = otterd__store_run(
            store, otterd__store_query(store, OTTERD_Q_STEP_UNCOUNT, "i",
                                       (int64_t)mac));
    }
    if (err == 0) {
        err = otterd__store_run(
            store, otterd__store_query(store, OTTERD_Q_STEP_FORGET, "i",
                                       (int64_t)mac));
    }
    return err != 0 ? err
                    : otterd_audit_say(store, who,
                                       "device %012" PRIX64 " forgotten", mac);
}

int otterd_device_forget(struct otterd_store *store, uint64_t mac,
                         const char *who)
{
    bool own;
    int err = otterd__change_begin(store, &own);

    if (err == 0) {
        err = forget(store, mac, who);
    }
    return otterd__change_end(store, own, err);
}

static void read_view(struct otterd_device_view *out, sqlite3_stmt *row)
{
    struct otterd_sighting *last = &out->last;

    memset(out, 0, sizeof *out);
    read_device(&out->device, row);
    otterd__store_text(out->name, sizeof out->name, row, 4);
    otterd__store_text(out->fs_version, sizeof out->fs_version, row, 5);
    out->first_seen = sqlite3_column_int64(row, 6);
    last->mac = out->device.mac;
    last->at = sqlite3_column_int64(row, 7);
    out->requests = sqlite3_column_int64(row, 8);
    last->new_state = out->device.state;
    otterd__store_text(last->address, sizeof last->address, row, 9);
    otterd__store_text(last->product, sizeof last->product, row, 10);
    otterd__store_text(last->version, sizeof last->version, row, 11);
    last->mode = (enum otterd_mode)sqlite3_column_int(row, 12);
    last->verdict = (enum otterd_verdict)sqlite3_column_int(row, 13);
    otterd__store_text(last->status, sizeof last->status, row, 14);
    last->answer = (unsigned)sqlite3_column_int(row, 15);
    otterd__store_text(last->reason, sizeof last->reason, row, 16);
    otterd__store_text(last->headers, sizeof last->headers, row, 17);
    last->dialect = (enum otterd_dialect)sqlite3_column_int(row, 18);
}

int otterd_device_look(struct otterd_store *store, uint64_t mac,
                       struct otterd_device_view *out)
{
    sqlite3_stmt *row =
        otterd__store_query(store, OTTERD_Q_DEVICE_LOOK, "i", (int64_t)mac);
    int err = otterd__store_row(store, row);

    if (err == 0) {
        read_view(out, row);
        sqlite3_reset(row);
    }
    return err;
}

int otterd_device_list(struct otterd_store *store,
                       const struct otterd_device_filter *filter,
                       void (*each)(void *user,
                                    const struct otterd_device_view *view),
                       void *user)
{
    bool search = filter->q != NULL && strlen(filter->q) < OTTERD_TEXT_MAX;
    struct otterd__search what = {.digits = 0};
    sqlite3_stmt *row;
    int err;

    if (search) {
        otterd__search_read(&what, filter->q);
    }
    row = otterd__store_query(
        store,
        filter->state == OTTERD_UNKNOWN ? OTTERD_Q_DEVICE_LIST
                                        : OTTERD_Q_DEVICE_LIST_STATE,
        "iissssiii", filter->after, (int64_t)filter->state, filter->version,
        filter->group, filter->tag, search ? what.part : NULL,
        (int64_t)what.number, what.digits, filter->limit);
    while ((err = otterd__store_row(store, row)) == 0) {
        struct otterd_device_view view;

        read_view(&view, row);
        each(user, &view);
    }
    return err == OTTER_ERR_NO_DATA ? 0 : err;
}
