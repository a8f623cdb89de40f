/* SPDX-License-Identifier: Apache-2.0
 *
 * Views: a read transaction, and what is kept from one to the next.  SQLite
 * tells a version of the database that every change of anybody moves on, also
 * of other processes; it can be asked for once the transaction has begun to
 * read.  As long as it is the same, what is kept is what a query would find.
 *
 * It moves on whenever sightings are written, some times a second: enough to
 * serve thousands of requests in between from memory. */
#include "server/store/store_internal.h"

#include "format/error.h"

#include <stdlib.h>
#include <string.h>

size_t otterd__view_slot(const char *text)
{
    size_t sum = 0;

    for (; *text != '\0'; text++) {
        sum = sum * 31 + (unsigned char)*text;
    }
    return sum % OTTERD_VIEW_SLOTS;
}

void otterd__view_forget(struct otterd__view *view)
{
    for (size_t i = 0; i < OTTERD_VIEW_SLOTS; i++) {
        free(view->releases[i].list);
        memset(&view->releases[i], 0, sizeof view->releases[i]);
        view->paths[i].path[0] = '\0';
    }
    view->has_policy = false;
}

/* Begins to read and learns what of. */
static int look(struct otterd_store *store, uint32_t *version, int64_t *audit)
{
    sqlite3_stmt *row = otterd__store_query(store, OTTERD_Q_LOOK, "");
    int err = otterd__store_row(store, row);

    if (err != 0) {
        return err == OTTER_ERR_NO_DATA ? OTTER_ERR_STATE : err;
    }
    *audit = sqlite3_column_int64(row, 0);
    sqlite3_reset(row);
    return sqlite3_file_control(store->db, "main", SQLITE_FCNTL_DATA_VERSION,
                                version) == SQLITE_OK
               ? 0
               : otterd__store_failed(store);
}

int otterd_store_view(struct otterd_store *store)
{
    struct otterd__view *view = &store->view;
    uint32_t version = 0;
    int err = otterd__store_run(
        store, otterd__store_query(store, OTTERD_Q_BEGIN_VIEW, ""));

    if (err == 0) {
        err = look(store, &version, &view->audit);
    }
    if (err != 0) {
        otterd_store_cancel(store);
        return err;
    }
    if (version != view->version) {
        otterd__view_forget(view);
        view->version = version;
    }
    view->open = true;
    return 0;
}

int64_t otterd_store_view_audit(const struct otterd_store *store)
{
    return store->view.audit;
}

void otterd_store_view_end(struct otterd_store *store)
{
    store->view.open = false;
    if (otterd_store_commit(store) != 0) {
        otterd_store_cancel(store);
    }
}
