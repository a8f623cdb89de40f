/* SPDX-License-Identifier: Apache-2.0
 *
 * What the server keeps: an SQLite database and the firmware files beside it,
 * in one data folder.  A change that a function here has reported as done is
 * on the disk (write-ahead log, synchronous=FULL).  Values reach SQL only as
 * bound parameters.
 *
 * This header is the connection, settings, paths and the audit log; devices.h,
 * releases.h and tokens.h beside it are the rest.
 *
 * A store is one connection with its prepared statements.  It is used by one
 * thread at a time; as many stores as wanted may be open on one folder.
 *
 * Errors of every function: OTTER_ERR_STATE, the database failed and
 * otterd_store_error says how; OTTER_ERR_NO_MEMORY.  Others are named. */
#ifndef OTTER_SERVER_STORE_STORE_H
#define OTTER_SERVER_STORE_STORE_H

#include "format/compiler.h"
#include "server/decide.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTTERD_SCHEMA_VERSION 4
#define OTTERD_VALUE_MAX      256  /* a setting's value with NUL */
#define OTTERD_HEADERS_MAX    2048 /* of a sighting, with NUL */
#define OTTERD_ADDRESS_MAX    48   /* text of an IP address with NUL */
#define OTTERD_URL_MAX        256  /* of an address, with NUL */
#define OTTERD_NOTES_MAX      2048 /* for people, with NUL */
#define OTTERD_STATUS_MAX     16   /* x-Otter-Status with NUL */

struct otterd_store;

/* Opens the store in the folder `dir`, making both when absent and bringing
 * an older schema up to date.  OTTER_ERR_INVALID: the database was written by
 * a newer server.  `*out` is set also upon errors, for otterd_store_error, and
 * closed by the caller; NULL only without memory. */
OTTER_MUST_CHECK int otterd_store_open(struct otterd_store **out,
                                       const char *dir);

/* Closes; NULL is allowed. */
void otterd_store_close(struct otterd_store *store);

/* What went wrong last, a sentence fragment; valid until the next call. */
const char *otterd_store_error(const struct otterd_store *store);

/* ---- Transactions: several changes, all or none ---- */

OTTER_MUST_CHECK int otterd_store_begin(struct otterd_store *store);

/* Makes the changes durable. */
OTTER_MUST_CHECK int otterd_store_commit(struct otterd_store *store);

/* Drops the changes. */
void otterd_store_cancel(struct otterd_store *store);

/* ---- Views: several questions about one state of the database ---- */

/* From here to the end of the view all answers are of one moment, and what
 * others change meanwhile is not seen.  No changes in between. */
OTTER_MUST_CHECK int otterd_store_view(struct otterd_store *store);
void otterd_store_view_end(struct otterd_store *store);

/* The last entry of the audit log in the view that is open, or was last; 0:
 * none.  As every change that people make has one, it is the age of what they
 * have decided. */
int64_t otterd_store_view_audit(const struct otterd_store *store);

/* ---- Settings and the audit log ---- */

/* Reads a setting; `fallback` when it is not set.  TOO_LONG: it does not fit.
 */
OTTER_MUST_CHECK int otterd_setting_get(struct otterd_store *store,
                                        const char *key, const char *fallback,
                                        char out[OTTERD_VALUE_MAX]);
OTTER_MUST_CHECK int otterd_setting_set(struct otterd_store *store,
                                        const char *key, const char *value);

/* Notes a change: who did what. */
OTTER_MUST_CHECK int otterd_audit_add(struct otterd_store *store,
                                      const char *who, const char *what);

/* The same with a format; what is longer than 500 bytes is cut. */
__attribute__((format(printf, 3, 4))) OTTER_MUST_CHECK int otterd_audit_say(
    struct otterd_store *store, const char *who, const char *format, ...);

/* Lists are handed out row by row; texts are borrowed for the call.  `after`
 * is the key of the last row that the caller has, 0 to start. */
struct otterd_audit_row {
    int64_t id;
    int64_t at;
    const char *who;
    const char *what;
};

/* At most `limit` entries, newest first. */
OTTER_MUST_CHECK int otterd_audit_list(
    struct otterd_store *store, int64_t after, int64_t limit,
    void (*each)(void *user, const struct otterd_audit_row *row), void *user);

/* ---- Paths ---- */

struct otterd_path {
    char path[OTTERD_URL_MAX];
    char product[OTTERD_TEXT_MAX];
    enum otterd_dialect dialect;
};

/* "manual", "current", or "" for the default. */
const char *otterd_dialect_name(enum otterd_dialect dialect);
OTTER_MUST_CHECK int otterd_dialect_read(const char *text,
                                         enum otterd_dialect *out);

/* Devices that ask for a path get the releases of its product. */
OTTER_MUST_CHECK int otterd_path_set(struct otterd_store *store,
                                     const struct otterd_path *path);

/* Finds it, with the dialect of the setting when it has none of its own.
 * OTTER_ERR_NO_DATA: nothing is served there. */
OTTER_MUST_CHECK int otterd_path_find(struct otterd_store *store,
                                      const char *path,
                                      struct otterd_path *out);

/* OTTER_ERR_NO_DATA: there was none. */
OTTER_MUST_CHECK int otterd_path_remove(struct otterd_store *store,
                                        const char *path);

/* Calls `each` for paths after `after` in their order, NULL: from the first.
 */
OTTER_MUST_CHECK int otterd_path_list(
    struct otterd_store *store, const char *after, int64_t limit,
    void (*each)(void *user, const struct otterd_path *path), void *user);

#endif
