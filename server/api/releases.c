/* SPDX-License-Identifier: Apache-2.0
 *
 * The API's releases. */
#include "server/api/handlers.h"
#include "server/import.h"

#include "format/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void append_release(void *user, const struct otterd_release_view *view)
{
    json_array_append_new(user, otterd_show_release(view));
}

void otterd_api_releases(struct otterd_call *call)
{
    struct otterd_release_filter filter = {.state = -1};
    int64_t limit;
    json_t *rows;
    int err;

    if (!otterd_query_page(call, &limit, &filter.after) ||
        !otterd_query_word(call, "state", otterd_words_release,
                           &filter.state) ||
        !otterd_query_text(call, "product", OTTERD_TEXT_MAX, false,
                           &filter.product)) {
        return;
    }
    filter.limit = limit + 1;
    rows = json_array();
    err = otterd_release_list(call->store, &filter, append_release, rows);
    otterd_answer_page(call, err, "releases", rows, limit, "id");
}

static void answer_release(struct otterd_call *call, unsigned status,
                           int64_t id)
{
    struct otterd_release_view view;
    int err = otterd_release_get(call->store, id, &view);

    if (err != 0) {
        otterd_answer_error(call, err, "release");
        return;
    }
    otterd_answer(call, status, otterd_show_release(&view));
}

void otterd_api_release(struct otterd_call *call)
{
    int64_t id;

    if (otterd_arg_id(call, "release", &id)) {
        answer_release(call, 200, id);
    }
}

static void append_device(void *user,
                          const struct otterd_release_device *device)
{
    json_array_append_new(user, json_pack("{s:o, s:o, s:s, s:o, s:o}", "mac",
                                          otterd_show_mac(device->mac), "name",
                                          otterd_show_text(device->name),
                                          "state", device->state, "version",
                                          otterd_show_text(device->version),
                                          "at", otterd_show_time(device->at)));
}

void otterd_api_release_devices(struct otterd_call *call)
{
    static const char *const states[] = {"offered",   "downloaded", "trial",
                                         "installed", "confirmed",  "reverted",
                                         "failed",    NULL};
    struct otterd_release_view view;
    int state = -1;
    int64_t after;
    int64_t limit;
    json_t *rows;
    int64_t id;
    int err;

    if (!otterd_arg_id(call, "release", &id) ||
        !otterd_query_mac_page(call, &limit, &after) ||
        !otterd_query_word(call, "state", states, &state)) {
        return;
    }
    err = otterd_release_get(call->store, id, &view);
    if (err != 0) {
        otterd_answer_error(call, err, "release");
        return;
    }
    rows = json_array();
    err = otterd_release_devices(call->store, id, after, limit + 1,
                                 state < 0 ? NULL : states[state],
                                 append_device, rows);
    otterd_answer_page(call, err, "devices", rows, limit, "mac");
}

/* The value of a target, by its kind. */
static bool read_target_value(struct otterd_call *call, json_t *value,
                              struct otterd_release *out)
{
    const char *text = json_string_value(value);
    uint64_t mac;

    switch (out->target) {
    case OTTERD_TARGET_MAC:
        if (text == NULL || otterd_mac_read(text, &mac) != 0) {
            otterd_problem(call, 400,
                           "The value of a target of kind mac is a MAC like "
                           "18:FE:34:00:00:01.");
            return false;
        }
        snprintf(out->target_value, sizeof out->target_value, "%012" PRIx64,
                 mac);
        return true;
    case OTTERD_TARGET_CHIP_SIZE:
        if (!json_is_integer(value) || json_integer_value(value) < 1 ||
            json_integer_value(value) > UINT32_MAX) {
            otterd_problem(call, 400,
                           "The value of a target of kind chip_size is a "
                           "number of bytes, like 4194304.");
            return false;
        }
        snprintf(out->target_value, sizeof out->target_value,
                 "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return true;
    default:
        if (text == NULL || text[0] == '\0' ||
            strlen(text) >= sizeof out->target_value ||
            !otterd_is_clean(text, false) ||
            (out->target == OTTERD_TARGET_TAG && strchr(text, ' ') != NULL)) {
            otterd_problem(
                call, 400,
                "The value of a target of kind %s is a text of 1 "
                "to %zu bytes without %scontrol characters.",
                otterd_words_target[out->target], sizeof out->target_value - 1,
                out->target == OTTERD_TARGET_TAG ? "blanks and " : "");
            return false;
        }
        strcpy(out->target_value, text);
        return true;
    }
}

/* What nobody reads may have been meant to say for whom it is; without it
 * the release would be for others, or for everybody. */
static bool check_members(struct otterd_call *call, json_t *target)
{
    const char *key;
    json_t *value;

    json_object_foreach(target, key, value)
    {
        if (strcmp(key, "kind") != 0 && strcmp(key, "value") != 0) {
            otterd_problem(call, 400,
                           "A target has no member \"%.40s\"; it is "
                           "{\"kind\": K, \"value\": V}.",
                           key);
            return false;
        }
    }
    return true;
}

static bool check_no_value(struct otterd_call *call, json_t *value)
{
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    otterd_problem(call, 400,
                   "A target of kind all has no value. Say whom the value is "
                   "of: mac, group, tag, version, chip_size.");
    return false;
}

static bool read_target(struct otterd_call *call, struct otterd_release *out)
{
    json_t *target = json_object_get(call->body, "target");
    const char *kind;
    json_t *value;

    out->target = OTTERD_TARGET_ALL;
    if (target == NULL) {
        return true;
    }
    kind = json_string_value(json_object_get(target, "kind"));
    for (int i = 0; kind != NULL && otterd_words_target[i] != NULL; i++) {
        if (strcmp(kind, otterd_words_target[i]) != 0) {
            continue;
        }
        out->target = (enum otterd_target)i;
        value = json_object_get(target, "value");
        return check_members(call, target) &&
               (out->target == OTTERD_TARGET_ALL
                    ? check_no_value(call, value)
                    : read_target_value(call, value, out));
    }
    otterd_problem(call, 400,
                   "target is {\"kind\": K, \"value\": V} and K one of: all, "
                   "mac, group, tag, version, chip_size.");
    return false;
}

/* The firmware decides what kind of release it is. */
static bool read_firmware(struct otterd_call *call, struct otterd_release *out,
                          int64_t *id)
{
    struct otterd_firmware firmware;
    int mode = -1;
    int err;

    if (!otterd_body_needs(call, "firmware") ||
        !otterd_body_number(call, "firmware", 1, INT64_MAX, id) ||
        !otterd_body_word(call, "mode",
                          (const char *const[]){"sketch", "filesystem", NULL},
                          &mode)) {
        return false;
    }
    err = otterd_firmware_get(call->store, *id, &firmware);
    if (err == OTTER_ERR_NO_DATA) {
        otterd_problem(call, 422,
                       "There is no firmware %" PRId64
                       "; upload it first (POST " OTTERD_API_BASE
                       "/firmware).",
                       *id);
        return false;
    }
    if (err != 0) {
        otterd_answer_store(call, err);
        return false;
    }
    if (mode >= 0 && mode != (int)firmware.kind) {
        otterd_problem(call, 422,
                       "Firmware %" PRId64 " is a %s and the release is for a "
                       "%s. Leave mode out.",
                       *id, otterd_words_kind[firmware.kind],
                       otterd_words_kind[mode]);
        return false;
    }
    out->mode = firmware.kind;
    return true;
}

/* In one transaction, so that nobody removes the firmware meanwhile. */
static bool enter_release(struct otterd_call *call,
                          struct otterd_release *release, const char *notes,
                          int64_t *id)
{
    int64_t firmware;
    int err = otterd_store_begin(call->store);

    if (err == 0 && !read_firmware(call, release, &firmware)) {
        otterd_store_cancel(call->store);
        return false;
    }
    if (err == 0) {
        err = otterd_release_add(call->store, release, firmware, notes,
                                 call->who.name, id, &call->replaced);
    }
    if (err == 0) {
        err = otterd_store_commit(call->store);
    }
    if (err != 0) {
        otterd_store_cancel(call->store);
        otterd_answer_store(call, err);
    }
    return err == 0;
}

void otterd_api_release_add(struct otterd_call *call)
{
    struct otterd_release release = {.id = 0};
    int state = OTTERD_ACTIVE;
    int64_t priority = 0;
    const char *product;
    const char *notes;
    int64_t id;

    if (!otterd_body_only(
            call, "firmware product mode target priority notes state") ||
        !otterd_body_text(call, "product", OTTERD_TEXT_MAX, false, &product) ||
        !otterd_body_text(call, "notes", OTTERD_NOTES_MAX, true, &notes) ||
        !otterd_body_number(call, "priority", -1000000, 1000000, &priority) ||
        !otterd_body_word(call, "state",
                          (const char *const[]){"active", "paused", NULL},
                          &state) ||
        !read_target(call, &release)) {
        return;
    }
    release.state = (enum otterd_release_state)state;
    release.priority = (int32_t)priority;
    snprintf(release.product, sizeof release.product, "%s",
             product != NULL ? product : "");
    if (enter_release(call, &release, notes, &id)) {
        call->event = "release";
        answer_release(call, 201, id);
    }
}

/* What the body wants of the release as it is. */
static int change(struct otterd_call *call,
                  const struct otterd_release_view *old, int state,
                  int64_t priority, const char *notes)
{
    int64_t id = old->release.id;
    int err = 0;

    if (state != (int)old->release.state) {
        err = otterd_release_set_state(
            call->store, id, (enum otterd_release_state)state, call->who.name);
    }
    if (err == 0 && (priority != old->release.priority || notes != NULL)) {
        err = otterd_release_describe(call->store, id, (int32_t)priority,
                                      notes, call->who.name);
    }
    return err != 0 ? err : otterd_store_commit(call->store);
}

void otterd_api_release_change(struct otterd_call *call)
{
    struct otterd_release_view old;
    int64_t priority;
    const char *notes;
    int64_t id;
    int state;
    int err;

    if (!otterd_arg_id(call, "release", &id) ||
        !otterd_body_only(call, "state priority notes")) {
        return;
    }
    err = otterd_store_begin(call->store);
    if (err == 0) {
        err = otterd_release_get(call->store, id, &old);
    }
    if (err != 0) {
        otterd_store_cancel(call->store);
        otterd_answer_error(call, err, "release");
        return;
    }
    state = (int)old.release.state;
    priority = old.release.priority;
    if (!otterd_body_word(call, "state", otterd_words_release, &state) ||
        !otterd_body_number(call, "priority", -1000000, 1000000, &priority) ||
        !otterd_body_text(call, "notes", OTTERD_NOTES_MAX, true, &notes)) {
        otterd_store_cancel(call->store);
        return;
    }
    if (old.release.state == OTTERD_WITHDRAWN && state != OTTERD_WITHDRAWN) {
        otterd_store_cancel(call->store);
        otterd_problem(call, 409,
                       "Release %" PRId64 " was withdrawn, and that is final. "
                       "Make a new release of firmware %" PRId64 ".",
                       id, old.firmware);
        return;
    }
    err = change(call, &old, state, priority, notes);
    if (err != 0) {
        otterd_store_cancel(call->store);
        otterd_answer_store(call, err);
        return;
    }
    call->event = "release";
    answer_release(call, 200, id);
}
