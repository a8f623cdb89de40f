/* SPDX-License-Identifier: Apache-2.0
 *
 * What making and reading back a copy share: a folder in the data folder to
 * work in, one process at a time. */
#ifndef OTTER_SERVER_BACKUP_INTERNAL_H
#define OTTER_SERVER_BACKUP_INTERNAL_H

#include "format/compiler.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define OTTERD_BACKUP_PATH 4096

struct otterd_workshop {
    const char *dir;                 /* the data folder */
    char folder[OTTERD_BACKUP_PATH]; /* in it, for the work */
    int lock;
};

/* Prints "otterd: WHAT: WHY" and returns OTTER_ERR_STATE. */
int otterd__backup_failed(const char *what, const char *why);

/* Empties and makes the folder; holds others off until closed. */
OTTER_MUST_CHECK int otterd__workshop_open(struct otterd_workshop *shop,
                                           const char *dir);
void otterd__workshop_close(struct otterd_workshop *shop);

/* Joins a folder and a name; false: too long. */
OTTER_MUST_CHECK bool otterd__path_join(char out[OTTERD_BACKUP_PATH],
                                        const char *folder, const char *name);

/* Opens the workshop's copy of the database and checks it whole.  Closed by
 * the caller also upon errors, NULL is then possible. */
OTTER_MUST_CHECK int otterd__copy_open(const struct otterd_workshop *shop,
                                       sqlite3 **db);

/* Calls `each` for the SHA-256 and size of every firmware that the database
 * refers to, until it returns other than 0, which is then returned. */
OTTER_MUST_CHECK int otterd__copy_firmware(
    sqlite3 *db, int (*each)(void *user, const char *sha256, int64_t size),
    void *user);

/* Brings a folder's names to the disk. */
OTTER_MUST_CHECK int otterd__sync_folder(const char *path);

#endif
