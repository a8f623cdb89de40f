/* SPDX-License-Identifier: Apache-2.0
 *
 * Things of the store as JSON. */
#include "server/api/handlers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

const char *const otterd_words_state[] = {"", "pending", "accepted", "blocked",
                                          NULL};
const char *const otterd_words_kind[] = {"sketch", "filesystem", "version",
                                         NULL};
const char *const otterd_words_release[] = {"active", "paused", "withdrawn",
                                            NULL};
const char *const otterd_words_target[] = {
    "all", "chip_size", "version", "tag", "group", "mac", NULL};

json_t *otterd_show_text(const char *text)
{
    json_t *value = json_string(text);
    char *clean;

    if (value != NULL) {
        return value;
    }
    /* Only a text that was cut, came past the API or is somebody's path is not
     * UTF-8: what is ASCII in it can still be read. */
    clean = strdup(text);
    if (clean == NULL) {
        return json_string("?");
    }
    for (char *c = clean; *c != '\0'; c++) {
        if ((unsigned char)*c > 0x7e) {
            *c = '?';
        }
    }
    value = json_string(clean);
    free(clean);
    return value;
}

json_t *otterd_show_time(int64_t seconds)
{
    time_t at = (time_t)seconds;
    char text[32];
    struct tm parts;

    if (seconds == 0 || gmtime_r(&at, &parts) == NULL) {
        return json_null();
    }
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return json_string(text);
}

json_t *otterd_show_mac(uint64_t mac)
{
    char text[18];

    snprintf(text, sizeof text, "%02X:%02X:%02X:%02X:%02X:%02X",
             (unsigned)(mac >> 40 & 0xff), (unsigned)(mac >> 32 & 0xff),
             (unsigned)(mac >> 24 & 0xff), (unsigned)(mac >> 16 & 0xff),
             (unsigned)(mac >> 8 & 0xff), (unsigned)(mac & 0xff));
    return json_string(text);
}

static json_t *show_tags(const char *tags)
{
    json_t *list = json_array();

    while (*tags != '\0') {
        size_t len = strcspn(tags, " ");

        json_array_append_new(list, json_stringn(tags, len));
        tags += len;
        tags += strspn(tags, " ");
    }
    return list;
}

/* The header lines of the last request, each name once. */
static json_t *show_headers(const char *lines)
{
    json_t *headers = json_object();

    while (*lines != '\0') {
        size_t len = strcspn(lines, "\n");
        const char *colon = memchr(lines, ':', len);

        if (colon != NULL) {
            char name[128];

            snprintf(name, sizeof name, "%.*s", (int)(colon - lines), lines);
            colon += 1 + strspn(colon + 1, " ");
            json_object_set_new_nocheck(
                headers, name,
                json_stringn_nocheck(colon, len - (size_t)(colon - lines)));
        }
        lines += len + (lines[len] == '\n');
    }
    return headers;
}

/* The value of a header whose name ends like that, whatever the chip. */
static const char *header_of(json_t *headers, const char *end)
{
    const char *name;
    json_t *value;

    json_object_foreach(headers, name, value)
    {
        size_t len = strlen(name);
        size_t end_len = strlen(end);

        if (len > end_len && strncasecmp(name, "x-", 2) == 0 &&
            strcasecmp(name + len - end_len, end) == 0) {
            return json_string_value(value);
        }
    }
    return NULL;
}

static json_t *show_number(const char *text)
{
    char *end = NULL;
    unsigned long value = text != NULL ? strtoul(text, &end, 10) : 0;

    return text == NULL || end == text || *end != '\0' || value > UINT32_MAX
               ? json_null()
               : json_integer((json_int_t)value);
}

/* What only a device that has asked has. */
static void add_request(json_t *out, const struct otterd_device_view *view)
{
    const struct otterd_sighting *last = &view->last;
    json_t *headers = show_headers(last->headers);
    const char *board = header_of(headers, "Otter-Board");
    json_t *more = json_pack(
        "{s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o,"
        " s:{s:i, s:o}, s:O}",
        "first_seen", otterd_show_time(view->first_seen), "last_seen",
        otterd_show_time(last->at), "requests", (json_int_t)view->requests,
        "address", otterd_show_text(last->address), "product",
        otterd_show_text(last->product), "version",
        otterd_show_text(last->version), "filesystem_version",
        otterd_show_text(view->fs_version), "mode",
        otterd_words_kind[last->mode], "chip_size",
        show_number(header_of(headers, "-chip-size")), "free_space",
        show_number(header_of(headers, "-free-space")), "sketch_size",
        show_number(header_of(headers, "-sketch-size")), "board",
        otterd_show_text(board != NULL ? board : ""), "status",
        otterd_show_text(last->status), "answer", "status", (int)last->answer,
        "reason", otterd_show_text(last->reason), "headers", headers);

    json_object_update(out, more);
    json_decref(more);
    json_decref(headers);
}

json_t *otterd_show_device(const struct otterd_device_view *view)
{
    json_t *out = json_pack("{s:o, s:o, s:s, s:o, s:o}", "mac",
                            otterd_show_mac(view->device.mac), "name",
                            otterd_show_text(view->name), "state",
                            otterd_words_state[view->device.state], "group",
                            otterd_show_text(view->device.group), "tags",
                            show_tags(view->device.tags));

    if (out == NULL) {
        return NULL;
    }
    if (view->requests > 0) {
        add_request(out, view);
        return out;
    }
    json_object_set_new(out, "requests", json_integer(0));
    for (const char *const *key =
             (const char *const[]){
                 "first_seen", "last_seen", "address", "product", "version",
                 "filesystem_version", "mode", "chip_size", "free_space",
                 "sketch_size", "board", "status", "answer", "headers", NULL};
         *key != NULL; key++) {
        json_object_set_new(out, *key, json_null());
    }
    return out;
}

json_t *otterd_show_firmware(const struct otterd_firmware *f)
{
    return json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:s, s:s, s:b, s:o, s:s,"
        " s:s, s:o, s:o}",
        "id", (json_int_t)f->id, "name", otterd_show_text(f->name), "version",
        otterd_show_text(f->version), "board", otterd_show_text(f->board),
        "notes", otterd_show_text(f->notes), "filename",
        otterd_show_text(f->filename), "size", (json_int_t)f->size,
        "image_size",
        f->image_size == 0 ? json_null()
                           : json_integer((json_int_t)f->image_size),
        "sha256", f->sha256, "md5", f->md5, "gzip", (int)f->gzip, "flash_size",
        f->flash_size == 0 ? json_null()
                           : json_integer((json_int_t)f->flash_size),
        "chip", otterd_chip_name(f->chip), "kind", otterd_words_kind[f->kind],
        "created", otterd_show_time(f->created), "by",
        otterd_show_text(f->by));
}

/* MACs are kept as digits. */
static json_t *show_target(const struct otterd_release *release)
{
    json_t *value = json_null();

    if (release->target == OTTERD_TARGET_MAC) {
        value = otterd_show_mac(strtoull(release->target_value, NULL, 16));
    } else if (release->target == OTTERD_TARGET_CHIP_SIZE) {
        value = json_integer(
            (json_int_t)strtoull(release->target_value, NULL, 10));
    } else if (release->target != OTTERD_TARGET_ALL) {
        value = otterd_show_text(release->target_value);
    }
    return json_pack("{s:s, s:o}", "kind",
                     otterd_words_target[release->target], "value", value);
}

json_t *otterd_show_release(const struct otterd_release_view *view)
{
    const struct otterd_release *r = &view->release;

    return json_pack(
        "{s:I, s:{s:I, s:o, s:o}, s:o, s:s, s:o, s:i, s:s, s:o, s:o, s:o,"
        " s:{s:I, s:I, s:I, s:I}}",
        "id", (json_int_t)r->id, "firmware", "id", (json_int_t)view->firmware,
        "name", otterd_show_text(view->firmware_name), "version",
        otterd_show_text(r->version), "product", otterd_show_text(r->product),
        "mode", otterd_words_kind[r->mode], "target", show_target(r),
        "priority", (int)r->priority, "state", otterd_words_release[r->state],
        "notes", otterd_show_text(view->notes), "created",
        otterd_show_time(view->created), "by", otterd_show_text(view->by),
        "counts", "offered", (json_int_t)view->offered, "downloaded",
        (json_int_t)view->downloaded, "installed", (json_int_t)view->installed,
        "failed", (json_int_t)view->failed);
}

json_t *otterd_show_token(const struct otterd_token *token)
{
    return json_pack("{s:I, s:o, s:s, s:o}", "id", (json_int_t)token->id,
                     "name", otterd_show_text(token->name), "scope",
                     otterd_scope_name(token->scope), "created",
                     otterd_show_time(token->created));
}

void otterd_tell_release(struct otterd_hub *hub, struct otterd_store *store,
                         int64_t id, bool counted)
{
    const struct otterd_topic topic = {
        .kind = OTTERD_KIND_RELEASE, .release = id, .routine = counted};
    struct otterd_release_view view;
    json_t *data;

    if (otterd_hub_is_heard(hub, &topic) &&
        otterd_release_get(store, id, &view) == 0) {
        data = otterd_show_release(&view);
        otterd_hub_publish(hub, &topic, data);
        json_decref(data);
    }
}
