/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a store: the connection and its prepared statements, each
 * prepared at first use and kept until the store is closed. */
#ifndef OTTER_SERVER_STORE_STORE_INTERNAL_H
#define OTTER_SERVER_STORE_STORE_INTERNAL_H

#include "server/store/store.h"

#include <sqlite3.h>

enum otterd__query {
    OTTERD_Q_BEGIN,
    OTTERD_Q_BEGIN_VIEW,
    OTTERD_Q_LOOK,
    OTTERD_Q_COMMIT,
    OTTERD_Q_CANCEL,
    OTTERD_Q_SETTING_GET,
    OTTERD_Q_SETTING_SET,
    OTTERD_Q_AUDIT_ADD,
    OTTERD_Q_AUDIT_LIST,
    OTTERD_Q_PATH_SET,
    OTTERD_Q_PATH_FIND,
    OTTERD_Q_PATH_REMOVE,
    OTTERD_Q_PATH_LIST,
    OTTERD_Q_DEVICE_FIND,
    OTTERD_Q_DEVICE_CHANGE,
    OTTERD_Q_DEVICE_SAW,
    OTTERD_Q_DEVICE_KNEW,
    OTTERD_Q_DEVICE_LOOK,
    OTTERD_Q_DEVICE_LIST,
    OTTERD_Q_DEVICE_LIST_STATE,
    OTTERD_Q_DEVICE_FORGET,
    OTTERD_Q_HISTORY_ADD,
    OTTERD_Q_HISTORY_PRUNE,
    OTTERD_Q_HISTORY_LIST,
    OTTERD_Q_HISTORY_FORGET,
    OTTERD_Q_DELIVERY_GET,
    OTTERD_Q_DELIVERY_SET,
    OTTERD_Q_DELIVERY_FORGET,
    OTTERD_Q_STEP_SET,
    OTTERD_Q_STEP_COUNTED,
    OTTERD_Q_STEP_UNCOUNT,
    OTTERD_Q_STEP_LIST,
    OTTERD_Q_STEP_FORGET,
    OTTERD_Q_FIRMWARE_ADD,
    OTTERD_Q_FIRMWARE_LEARN,
    OTTERD_Q_FIRMWARE_SAME,
    OTTERD_Q_FIRMWARE_GET,
    OTTERD_Q_FIRMWARE_FIND,
    OTTERD_Q_FIRMWARE_LIST,
    OTTERD_Q_FIRMWARE_USES,
    OTTERD_Q_FIRMWARE_REMOVE,
    OTTERD_Q_FIRMWARE_FILE_USES,
    OTTERD_Q_FIRMWARE_FILE_REMOVED,
    OTTERD_Q_RELEASE_REPLACE,
    OTTERD_Q_RELEASE_ADD,
    OTTERD_Q_RELEASE_STATE,
    OTTERD_Q_RELEASE_DESCRIBE,
    OTTERD_Q_RELEASE_FIND_MAC,
    OTTERD_Q_RELEASE_FIND_OTHER,
    OTTERD_Q_RELEASE_HAS_MAC,
    OTTERD_Q_RELEASE_GET,
    OTTERD_Q_RELEASE_LIST,
    OTTERD_Q_RELEASE_COUNT,
    OTTERD_Q_TOKEN_ADD,
    OTTERD_Q_TOKEN_ALL,
    OTTERD_Q_TOKEN_LIST,
    OTTERD_Q_TOKEN_COUNT,
    OTTERD_Q_TOKEN_ADMINS,
    OTTERD_Q_TOKEN_REMOVE,
    OTTERD_Q_SESSION_ADD,
    OTTERD_Q_SESSION_ALL,
    OTTERD_Q_SESSION_PRUNE,
    OTTERD_Q_SESSION_REMOVE,
    OTTERD_Q_COUNT
};

#define OTTERD_VIEW_SLOTS 8

/* What many requests need and few changes touch, as it was at a version of the
 * database: paths, the policy, the releases that are not for single devices.
 * It counts while a view is open, see view.c. */
struct otterd__view {
    bool open;
    uint32_t version;
    int64_t audit; /* the last entry of the log */
    struct otterd_path paths[OTTERD_VIEW_SLOTS]; /* empty: none */
    bool has_policy;
    char policy[OTTERD_VALUE_MAX];
    struct otterd__view_releases {
        bool used;
        char product[OTTERD_TEXT_MAX];
        enum otterd_mode mode;
        struct otterd_release *list;
        size_t count;
        bool has_mac; /* there are some for single devices, too */
    } releases[OTTERD_VIEW_SLOTS];
};

struct otterd_store {
    struct otterd__view view;
    sqlite3 *db;
    sqlite3_stmt *statements[OTTERD_Q_COUNT];
    char error[256];
};

/* The SQL of each query. */
extern const char *const otterd__sql[OTTERD_Q_COUNT];

/* Keeps what SQLite says about its last failure; OTTER_ERR_STATE. */
int otterd__store_failed(struct otterd_store *store);

/* The statement with its parameters bound by `types`: 'i' int64_t, 's' text
 * that lives until the statement is reset, NULL being SQL's.  NULL: failed.
 */
sqlite3_stmt *otterd__store_query(struct otterd_store *store,
                                  enum otterd__query query, const char *types,
                                  ...);

/* Steps a statement once and leaves it on its row.  0: there is one;
 * OTTER_ERR_NO_DATA: none; the statement is reset then and upon failure. */
OTTER_MUST_CHECK int otterd__store_row(struct otterd_store *store,
                                       sqlite3_stmt *statement);

/* Runs a statement that has no rows. */
OTTER_MUST_CHECK int otterd__store_run(struct otterd_store *store,
                                       sqlite3_stmt *statement);

/* A column's text, cut to `size` with its NUL. */
void otterd__store_text(char *out, size_t size, sqlite3_stmt *statement,
                        int column);

/* A text that is looked for in devices: the SQL of DEVICE_LIST calls
 * otterd_search(part, number, digits, mac, text...), which tells whether one
 * of the texts has it, in capitals or not, or the MAC has these digits. */
struct otterd__search {
    char part[OTTERD_TEXT_MAX]; /* in small letters */
    int64_t digits;             /* that it is of a MAC, 0: of none */
    uint64_t number;            /* these */
};

/* Reads what of at most OTTERD_TEXT_MAX - 1 bytes is to be found. */
void otterd__search_read(struct otterd__search *out, const char *q);

/* Makes the function known to a connection. */
OTTER_MUST_CHECK int otterd__search_prepare(struct otterd_store *store);

/* The slot of the view for a text, open or not. */
size_t otterd__view_slot(const char *text);

/* Forgets what the view knows. */
void otterd__view_forget(struct otterd__view *view);

/* Brings the schema up to date; see otterd_store_open. */
OTTER_MUST_CHECK int otterd__store_migrate(struct otterd_store *store);

/* One change as a transaction of its own, unless the caller has begun one:
 * begin, and end with the error so far, which is returned. */
OTTER_MUST_CHECK int otterd__change_begin(struct otterd_store *store,
                                          bool *own);
OTTER_MUST_CHECK int otterd__change_end(struct otterd_store *store, bool own,
                                        int err);

/* Seconds since 1970. */
int64_t otterd__store_now(void);

#endif
