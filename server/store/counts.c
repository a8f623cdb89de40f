/* SPDX-License-Identifier: Apache-2.0
 *
 * Counting, some seconds apart at most: the statements are not kept. */
#include "server/store/counts.h"

#include "server/store/store_internal.h"

#include <string.h>

/* Rows of a number and a count; what has another number is not counted. */
static int count_by(struct otterd_store *store, const char *sql, int64_t *out,
                    int size)
{
    sqlite3_stmt *statement;
    int rc;

    if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) !=
        SQLITE_OK) {
        return otterd__store_failed(store);
    }
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        int number = sqlite3_column_int(statement, 0);

        if (number >= 0 && number < size) {
            out[number] = sqlite3_column_int64(statement, 1);
        }
    }
    sqlite3_finalize(statement);
    return rc == SQLITE_DONE ? 0 : otterd__store_failed(store);
}

int otterd_store_count(struct otterd_store *store, struct otterd_counts *out)
{
    int err;

    memset(out, 0, sizeof *out);
    err = count_by(store, "SELECT state, count(*) FROM device GROUP BY state",
                   out->devices, OTTERD_BLOCKED + 1);
    if (err == 0) {
        err = count_by(store,
                       "SELECT state, count(*) FROM release GROUP BY state",
                       out->releases, OTTERD_WITHDRAWN + 1);
    }
    if (err == 0) {
        err = count_by(
            store,
            "SELECT 0, count(DISTINCT sha256) FROM firmware WHERE NOT removed",
            &out->firmware, 1);
    }
    if (err == 0) {
        err = count_by(store,
                       "SELECT 0, page_count * page_size FROM"
                       " pragma_page_count, pragma_page_size",
                       &out->database_bytes, 1);
    }
    return err;
}
