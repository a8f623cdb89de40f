/* SPDX-License-Identifier: Apache-2.0
 *
 * Firmware and releases in the store.  The files themselves are firmware.h's.
 * Errors as in store.h. */
#ifndef OTTER_SERVER_STORE_RELEASES_H
#define OTTER_SERVER_STORE_RELEASES_H

#include "server/store/store.h"

struct otterd_firmware {
    int64_t id;
    char name[OTTERD_TEXT_MAX]; /* of the program */
    char version[OTTERD_TEXT_MAX];
    char board[OTTERD_TEXT_MAX];         /* it is built for, or empty */
    char filename[OTTERD_FILE_NAME_MAX]; /* devices are told */
    char notes[OTTERD_NOTES_MAX];
    enum otterd_mode kind; /* sketch or file system */
    enum otterd_chip chip; /* that runs it */
    bool gzip;
    uint32_t size;       /* bytes of the file */
    uint32_t image_size; /* of what is flashed, unpacked; 0: not known */
    uint32_t flash_size; /* bytes the image is built for, 0: not known */
    char md5[33];        /* of the file */
    char image_md5[33];  /* of what is flashed, unpacked */
    char sha256[65];
    int64_t created;
    char by[OTTERD_TEXT_MAX];
};

/* Adds a firmware whose file is in place; one with the same bytes, names and
 * version is found again.  `id`, `created` are not read. */
OTTER_MUST_CHECK int otterd_firmware_add(
    struct otterd_store *store, const struct otterd_firmware *firmware,
    int64_t *id);

/* What the same bytes turned out to be, for rows that an older server wrote,
 * which saw less in them; removed ones too.  Notes who it was, when that is
 * news. */
OTTER_MUST_CHECK int otterd_firmware_learn(
    struct otterd_store *store, const struct otterd_firmware *firmware);

/* OTTER_ERR_NO_DATA: there is none with this id. */
OTTER_MUST_CHECK int otterd_firmware_get(struct otterd_store *store,
                                         int64_t id,
                                         struct otterd_firmware *out);

/* The newest of this kind, name and version.  OTTER_ERR_NO_DATA. */
OTTER_MUST_CHECK int otterd_firmware_find(struct otterd_store *store,
                                          enum otterd_mode kind,
                                          const char *name,
                                          const char *version,
                                          struct otterd_firmware *out);

/* At most `limit`, newest first, from before the id `after` (0: all). */
OTTER_MUST_CHECK int otterd_firmware_list(
    struct otterd_store *store, int64_t after, int64_t limit,
    void (*each)(void *user, const struct otterd_firmware *firmware),
    void *user);

/* How many releases that are not withdrawn use it. */
OTTER_MUST_CHECK int otterd_firmware_uses(struct otterd_store *store,
                                          int64_t id, int64_t *count);

/* Takes it out of the lists; withdrawn releases still know what it was.  Its
 * file is not touched. */
OTTER_MUST_CHECK int otterd_firmware_remove(struct otterd_store *store,
                                            int64_t id);

/* How many firmware rows need the file with this SHA-256. */
OTTER_MUST_CHECK int otterd_firmware_file_uses(struct otterd_store *store,
                                               const char *sha256,
                                               int64_t *count);

/* How many firmware rows needed that file once, when none needs it now. */
OTTER_MUST_CHECK int otterd_firmware_file_removed(struct otterd_store *store,
                                                  const char *sha256,
                                                  int64_t *count);

/* Adds a release of the firmware `firmware_id` and notes who did; of
 * `release` the firmware's fields and id are not read, `notes` may be NULL.
 * An older release with the same product, mode and single-device target is
 * withdrawn: there is one at most, `*replaced`, or none, 0. */
OTTER_MUST_CHECK int otterd_release_add(struct otterd_store *store,
                                        const struct otterd_release *release,
                                        int64_t firmware_id, const char *notes,
                                        const char *who, int64_t *id,
                                        int64_t *replaced);

/* OTTER_ERR_NO_DATA: there is none with this id. */
OTTER_MUST_CHECK int otterd_release_set_state(struct otterd_store *store,
                                              int64_t id,
                                              enum otterd_release_state state,
                                              const char *who);

/* Sets priority and notes (NULL: leave).  OTTER_ERR_NO_DATA. */
OTTER_MUST_CHECK int otterd_release_describe(struct otterd_store *store,
                                             int64_t id, int32_t priority,
                                             const char *notes,
                                             const char *who);

/* The releases that can concern a device: those for its MAC, and those not
 * for single devices.  Its time does not grow with the number of devices.
 * The caller frees `*list`. */
OTTER_MUST_CHECK int otterd_release_find(struct otterd_store *store,
                                         const struct otterd_ask *ask,
                                         struct otterd_release **list,
                                         size_t *count);

/* A release as people want to see it.  The counts are devices: to which it
 * was offered, that took all of it, that came back with its version, that
 * came back with another one after taking it (until they succeed). */
struct otterd_release_view {
    struct otterd_release release;
    int64_t firmware;
    char firmware_name[OTTERD_TEXT_MAX];
    char notes[OTTERD_NOTES_MAX];
    int64_t created;
    char by[OTTERD_TEXT_MAX];
    int64_t offered;
    int64_t downloaded;
    int64_t installed;
    int64_t failed;
};

/* OTTER_ERR_NO_DATA: there is none with this id. */
OTTER_MUST_CHECK int otterd_release_get(struct otterd_store *store, int64_t id,
                                        struct otterd_release_view *out);

/* Which releases; -1 for any state, NULL for any product. */
struct otterd_release_filter {
    int state;
    const char *product;
    int64_t after; /* the last id that the caller has, 0 to start */
    int64_t limit;
};

/* Newest first. */
OTTER_MUST_CHECK int otterd_release_list(
    struct otterd_store *store, const struct otterd_release_filter *filter,
    void (*each)(void *user, const struct otterd_release_view *view),
    void *user);

/* How far a release is at one device. */
struct otterd_release_device {
    uint64_t mac;
    char name[OTTERD_TEXT_MAX];
    const char *state;             /* as otterd_event_name; borrowed for now */
    char version[OTTERD_TEXT_MAX]; /* the device said when it came so far */
    int64_t at;
};

/* The devices that the release `id` was ever offered to, by rising MAC, from
 * behind `after` (-1: all); `state` NULL: in any state.  None for a release
 * that there is not. */
OTTER_MUST_CHECK int otterd_release_devices(
    struct otterd_store *store, int64_t id, int64_t after, int64_t limit,
    const char *state,
    void (*each)(void *user, const struct otterd_release_device *device),
    void *user);

#endif
