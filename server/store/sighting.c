/* SPDX-License-Identifier: Apache-2.0
 *
 * Entering what devices do: the device, its history, and how far it has come
 * with the release that it was offered. */
#include "server/store/devices.h"
#include "server/store/store_internal.h"

#include "format/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HISTORY_KEPT 200 /* events of each device */

/* What the device said at its request before this one. */
struct before {
    bool known;
    char version[OTTERD_TEXT_MAX]; /* of what it asks for now */
    char status[OTTERD_STATUS_MAX];
};

static int add_history(struct otterd_store *store,
                       const struct otterd_sighting *s,
                       enum otterd_event event, const char *detail)
{
    return otterd__store_run(
        store, otterd__store_query(store, OTTERD_Q_HISTORY_ADD, "iisss",
                                   (int64_t)s->mac, s->at, s->version,
                                   otterd_event_name(event), detail));
}

static int prune_history(struct otterd_store *store,
                         const struct otterd_sighting *s)
{
    return otterd__store_run(
        store, otterd__store_query(store, OTTERD_Q_HISTORY_PRUNE, "ii",
                                   (int64_t)s->mac, (int64_t)HISTORY_KEPT));
}

static int look_before(struct otterd_store *store,
                       const struct otterd_sighting *s, struct before *out)
{
    sqlite3_stmt *row =
        otterd__store_query(store, OTTERD_Q_DEVICE_KNEW, "i", (int64_t)s->mac);
    int err = otterd__store_row(store, row);

    memset(out, 0, sizeof *out);
    if (err != 0) {
        return err == OTTER_ERR_NO_DATA ? 0 : err;
    }
    out->known = true;
    otterd__store_text(out->version, sizeof out->version, row,
                       s->mode == OTTERD_FILE_SYSTEM ? 1 : 0);
    otterd__store_text(out->status, sizeof out->status, row, 2);
    sqlite3_reset(row);
    return 0;
}

static int enter_device(struct otterd_store *store,
                        const struct otterd_sighting *s)
{
    return otterd__store_run(
        store, otterd__store_query(store, OTTERD_Q_DEVICE_SAW, "iiisssiisssii",
                                   (int64_t)s->mac, (int64_t)s->new_state,
                                   s->at, s->address, s->product, s->version,
                                   (int64_t)s->mode, (int64_t)s->verdict,
                                   s->reason, s->headers, s->status,
                                   (int64_t)s->answer, (int64_t)s->dialect));
}

/* Sketches and file systems are delivered side by side. */
static int64_t kind_of(const struct otterd_sighting *s)
{
    return s->mode == OTTERD_FILE_SYSTEM ? OTTERD_FILE_SYSTEM : OTTERD_SKETCH;
}

static int load_delivery(struct otterd_store *store,
                         const struct otterd_sighting *s,
                         struct otterd_delivery *out)
{
    sqlite3_stmt *row = otterd__store_query(store, OTTERD_Q_DELIVERY_GET, "ii",
                                            (int64_t)s->mac, kind_of(s));
    int err = otterd__store_row(store, row);

    memset(out, 0, sizeof *out);
    if (err != 0) {
        return err == OTTER_ERR_NO_DATA ? 0 : err;
    }
    out->release = sqlite3_column_int64(row, 0);
    otterd__store_text(out->version, sizeof out->version, row, 1);
    out->state = (enum otterd_delivery_state)sqlite3_column_int(row, 2);
    out->counted = (unsigned)sqlite3_column_int(row, 3);
    sqlite3_reset(row);
    return 0;
}

int otterd_device_took(struct otterd_store *store, uint64_t mac,
                       int64_t *release)
{
    const struct otterd_sighting about = {.mac = mac, .mode = OTTERD_SKETCH};
    struct otterd_delivery delivery;
    int err = load_delivery(store, &about, &delivery);

    *release = err == 0 && delivery.state > OTTERD_DELIVERY_OFFERED
                   ? delivery.release
                   : 0;
    return err;
}

/* By how much a count changes. */
static int64_t change_of(unsigned before, unsigned after, unsigned bit)
{
    return (int64_t)((after & bit) != 0) - (int64_t)((before & bit) != 0);
}

/* What a release has counted of the device, which may have been offered
 * another one since. */
static int look_counted(struct otterd_store *store,
                        const struct otterd_sighting *s, int64_t release,
                        unsigned *counted)
{
    sqlite3_stmt *row = otterd__store_query(store, OTTERD_Q_STEP_COUNTED, "ii",
                                            release, (int64_t)s->mac);
    int err = otterd__store_row(store, row);

    *counted = 0;
    if (err != 0) {
        return err == OTTER_ERR_NO_DATA ? 0 : err;
    }
    *counted = (unsigned)sqlite3_column_int(row, 0);
    sqlite3_reset(row);
    return 0;
}

/* Keeps what has changed; the release `had` so much counted. */
static int keep_delivery(struct otterd_store *store, struct otterd_sighting *s,
                         const struct otterd_delivery *before,
                         const struct otterd_delivery *after, unsigned had)
{
    unsigned has = after->counted;
    int err;

    if (memcmp(before, after, sizeof *before) == 0) {
        return 0;
    }
    s->moved = true;
    err = otterd__store_run(
        store, otterd__store_query(store, OTTERD_Q_DELIVERY_SET, "iiisii",
                                   (int64_t)s->mac, kind_of(s), after->release,
                                   after->version, (int64_t)after->state,
                                   (int64_t)after->counted));
    if (err != 0 || had == has) {
        return err;
    }
    s->counted = after->release;
    return otterd__store_run(
        store, otterd__store_query(
                   store, OTTERD_Q_RELEASE_COUNT, "iiiii", after->release,
                   change_of(had, has, OTTERD_COUNT_OFFERED),
                   change_of(had, has, OTTERD_COUNT_DOWNLOADED),
                   change_of(had, has, OTTERD_COUNT_INSTALLED),
                   change_of(had, has, OTTERD_COUNT_FAILED)));
}

/* How far the release is here, for its own page. */
static int keep_step(struct otterd_store *store,
                     const struct otterd_sighting *s, enum otterd_event event,
                     const struct otterd_delivery *delivery)
{
    return otterd__store_run(
        store, otterd__store_query(store, OTTERD_Q_STEP_SET, "iissii",
                                   delivery->release, (int64_t)s->mac,
                                   otterd_event_name(event), s->version, s->at,
                                   (int64_t)delivery->counted));
}

/* An event with the release it is about in its detail. */
static int tell(struct otterd_store *store, struct otterd_sighting *s,
                enum otterd_event event, const struct otterd_delivery *about)
{
    char detail[OTTERD_TEXT_MAX + 48] = "";
    int err;

    if (event == OTTERD_EVENT_NONE) {
        return 0;
    }
    if (about != NULL) {
        snprintf(detail, sizeof detail, "release %" PRId64 ", version %s",
                 about->release, about->version);
    }
    s->event = event > s->event ? event : s->event;
    err = add_history(store, s, event, detail);
    if (err == 0 && about != NULL) {
        err = keep_step(store, s, event, about);
    }
    return err != 0 ? err : prune_history(store, s);
}

/* The status is news even when no delivery of ours led to it. */
static enum otterd_event status_event(const struct otterd_sighting *s,
                                      const struct before *before)
{
    if (strcmp(s->status, before->status) == 0) {
        return OTTERD_EVENT_NONE;
    }
    return strcmp(s->status, "trial") == 0       ? OTTERD_EVENT_TRIAL
           : strcmp(s->status, "confirmed") == 0 ? OTTERD_EVENT_CONFIRMED
           : strcmp(s->status, "reverted") == 0  ? OTTERD_EVENT_REVERTED
                                                 : OTTERD_EVENT_NONE;
}

static int follow_delivery(struct otterd_store *store,
                           struct otterd_sighting *s,
                           const struct before *before)
{
    struct otterd_delivery old;
    struct otterd_delivery now;
    enum otterd_event event;
    unsigned had;
    int err = load_delivery(store, s, &old);

    if (err != 0) {
        return err;
    }
    now = old;
    /* The status is the sketch's; a file system has no trial. */
    event = otterd_delivery_ask(
        &now, s->version, s->mode == OTTERD_FILE_SYSTEM ? "" : s->status);
    err = event != OTTERD_EVENT_NONE
              ? tell(store, s, event, &now)
              : tell(store, s, status_event(s, before), NULL);
    if (err == 0) {
        err = keep_delivery(store, s, &old, &now, old.counted);
    }
    if (err != 0 || s->verdict != OTTERD_OFFER || s->mode == OTTERD_VERSION ||
        s->release == 0) {
        return err;
    }
    old = now;
    had = now.counted;
    if (now.release != s->release) {
        err = look_counted(store, s, s->release, &had);
    }
    if (err != 0) {
        return err;
    }
    event = otterd_delivery_offer(&now, s->release, s->offered, had);
    err = tell(store, s, event, &now);
    return err != 0 ? err : keep_delivery(store, s, &old, &now, had);
}

static int enter_request(struct otterd_store *store, struct otterd_sighting *s)
{
    bool files = s->mode == OTTERD_FILE_SYSTEM;
    struct before before;
    int err = look_before(store, s, &before);

    s->event = OTTERD_EVENT_ASKED;
    if (err == 0) {
        err = enter_device(store, s);
    }
    if (err == 0 && !before.known) {
        err = add_history(store, s, OTTERD_EVENT_ASKED, "");
    }
    if (err == 0 &&
        (!before.known || strcmp(before.version, s->version) != 0)) {
        s->event = OTTERD_EVENT_REPORTED;
        err = add_history(store, s, OTTERD_EVENT_REPORTED,
                          files ? "file system" : "");
        if (err == 0 && before.known) {
            err = prune_history(store, s);
        }
    }
    return err != 0 ? err : follow_delivery(store, s, &before);
}

static int enter_download(struct otterd_store *store,
                          struct otterd_sighting *s)
{
    struct otterd_delivery old;
    struct otterd_delivery now;
    enum otterd_event event;
    int err = load_delivery(store, s, &old);

    if (err != 0) {
        return err;
    }
    now = old;
    event = otterd_delivery_done(&now, s->release);
    err = tell(store, s, event, &now);
    return err != 0 ? err : keep_delivery(store, s, &old, &now, old.counted);
}

int otterd_device_saw(struct otterd_store *store, struct otterd_sighting *list,
                      size_t count)
{
    int err = otterd_store_begin(store);

    for (size_t i = 0; err == 0 && i < count; i++) {
        list[i].event = OTTERD_EVENT_NONE;
        list[i].counted = 0;
        list[i].moved = false;
        err = list[i].kind == OTTERD_SIGHTING_ASKED
                  ? enter_request(store, &list[i])
                  : enter_download(store, &list[i]);
    }
    return otterd__change_end(store, true, err);
}

int otterd_device_history(
    struct otterd_store *store, uint64_t mac, int64_t after, int64_t limit,
    void (*each)(void *user, const struct otterd_history_row *row), void *user)
{
    sqlite3_stmt *row = otterd__store_query(store, OTTERD_Q_HISTORY_LIST,
                                            "iii", (int64_t)mac, after, limit);
    int err;

    while ((err = otterd__store_row(store, row)) == 0) {
        const struct otterd_history_row entry = {
            .id = sqlite3_column_int64(row, 0),
            .at = sqlite3_column_int64(row, 1),
            .version = (const char *)sqlite3_column_text(row, 2),
            .event = (const char *)sqlite3_column_text(row, 3),
            .detail = (const char *)sqlite3_column_text(row, 4)};

        each(user, &entry);
    }
    return err == OTTER_ERR_NO_DATA ? 0 : err;
}
