/* SPDX-License-Identifier: Apache-2.0
 *
 * What the server keeps: an SQLite database and the firmware files beside it,
 * in one data folder.  A change that a function here has reported as done is
 * on the disk (write-ahead log, synchronous=FULL).  Values reach SQL only as
 * bound parameters.
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

#define OTTERD_SCHEMA_VERSION 1
#define OTTERD_VALUE_MAX      256  /* a setting's value with NUL */
#define OTTERD_HEADERS_MAX    2048 /* of a sighting, with NUL */
#define OTTERD_ADDRESS_MAX    48   /* text of an IP address with NUL */

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

/* ---- Paths ---- */

/* Devices that ask for `path` get the releases of `product`. */
OTTER_MUST_CHECK int otterd_path_set(struct otterd_store *store,
                                     const char *path, const char *product);

/* OTTER_ERR_NO_DATA: nothing is served there. */
OTTER_MUST_CHECK int otterd_path_find(struct otterd_store *store,
                                      const char *path,
                                      char product[OTTERD_TEXT_MAX]);

/* ---- Devices ---- */

/* What is known of a device; one that is not is OTTERD_UNKNOWN. */
OTTER_MUST_CHECK int otterd_device_find(struct otterd_store *store,
                                        uint64_t mac,
                                        struct otterd_device *out);

/* Decides about a device, seen or not, and notes who did. */
OTTER_MUST_CHECK int otterd_device_set_state(struct otterd_store *store,
                                             uint64_t mac,
                                             enum otterd_device_state state,
                                             const char *who);

/* One request of a device and its answer. */
struct otterd_sighting {
    uint64_t mac;
    int64_t at;                         /* seconds since 1970 */
    enum otterd_device_state new_state; /* for one never seen before */
    enum otterd_verdict verdict;
    enum otterd_mode mode;
    char address[OTTERD_ADDRESS_MAX];
    char product[OTTERD_TEXT_MAX];
    char version[OTTERD_TEXT_MAX];
    char reason[OTTERD_REASON_MAX];
    char headers[OTTERD_HEADERS_MAX]; /* lines "name: value" */
};

/* Enters sightings in one transaction: the device, and its history when the
 * version is another than before. */
OTTER_MUST_CHECK int otterd_device_saw(struct otterd_store *store,
                                       const struct otterd_sighting *list,
                                       size_t count);

/* A device as people want to see it. */
struct otterd_device_view {
    struct otterd_device device;
    struct otterd_sighting last; /* all zero when it never asked */
    int64_t first_seen;
    int64_t requests;
};

/* OTTER_ERR_NO_DATA: not known. */
OTTER_MUST_CHECK int otterd_device_look(struct otterd_store *store,
                                        uint64_t mac,
                                        struct otterd_device_view *out);

/* Calls `each` for every change of version, oldest first. */
OTTER_MUST_CHECK int otterd_device_history(
    struct otterd_store *store, uint64_t mac,
    void (*each)(void *user, int64_t at, const char *version), void *user);

/* ---- Firmware and releases ---- */

struct otterd_firmware {
    char name[OTTERD_FILE_NAME_MAX]; /* of its file, for people and devices */
    char version[OTTERD_TEXT_MAX];
    uint32_t size;
    uint32_t flash_size;
    char md5[33];
    char sha256[65];
};

/* Adds a firmware whose file is in place; one with the same bytes, name and
 * version is found again. */
OTTER_MUST_CHECK int otterd_firmware_add(
    struct otterd_store *store, const struct otterd_firmware *firmware,
    int64_t *id);

/* Adds a release of the firmware `firmware_id` (the firmware's fields and id
 * of `release` are not read) and notes who did.  Of an older active release
 * with the same product, mode and single-device target nothing remains in
 * force: it is withdrawn. */
OTTER_MUST_CHECK int otterd_release_add(struct otterd_store *store,
                                        const struct otterd_release *release,
                                        int64_t firmware_id, const char *who,
                                        int64_t *id);

/* OTTER_ERR_NO_DATA: there is none with this id. */
OTTER_MUST_CHECK int otterd_release_set_state(struct otterd_store *store,
                                              int64_t id,
                                              enum otterd_release_state state,
                                              const char *who);

/* The releases that can concern a device: those for its MAC, and those not
 * for single devices.  Its time does not grow with the number of devices.
 * The caller frees `*list`. */
OTTER_MUST_CHECK int otterd_release_find(struct otterd_store *store,
                                         const struct otterd_ask *ask,
                                         struct otterd_release **list,
                                         size_t *count);

/* ---- Tokens ---- */

enum otterd_scope {
    OTTERD_SCOPE_READ,
    OTTERD_SCOPE_OPERATE,
    OTTERD_SCOPE_ADMIN
};

#define OTTERD_TOKEN_SIZE 71 /* "otter_", 64 digits, NUL */

/* Makes a token; only its SHA-256 is kept.  OTTER_ERR_RANDOM. */
OTTER_MUST_CHECK int otterd_token_create(struct otterd_store *store,
                                         const char *name,
                                         enum otterd_scope scope,
                                         char token[OTTERD_TOKEN_SIZE]);

/* OTTER_ERR_AUTH: it is none of ours.  The comparison is of digests, so its
 * time tells nothing about a token. */
OTTER_MUST_CHECK int otterd_token_check(struct otterd_store *store,
                                        const char *token,
                                        enum otterd_scope *scope);

/* How many there are. */
OTTER_MUST_CHECK int otterd_token_count(struct otterd_store *store,
                                        int64_t *count);

#endif
