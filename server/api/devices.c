/* SPDX-License-Identifier: Apache-2.0
 *
 * The API's devices. */
#include "server/api/handlers.h"
#include "server/http/ask.h"
#include "server/import.h"
#include "server/judge.h"

#include "format/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append_device(void *user, const struct otterd_device_view *view)
{
    json_array_append_new(user, otterd_show_device(view));
}

/* After a MAC, not after a number. */
static bool read_after(struct otterd_call *call, int64_t *after)
{
    const char *text = otterd_query(call, "after");
    uint64_t mac;

    *after = -1;
    if (text == NULL) {
        return true;
    }
    if (otterd_mac_read(text, &mac) != 0) {
        otterd_problem(call, 400,
                       "after is what \"next\" said in the list before.");
        return false;
    }
    *after = (int64_t)mac;
    return true;
}

bool otterd_query_mac_page(struct otterd_call *call, int64_t *limit,
                           int64_t *after)
{
    return otterd_query_limit(call, limit) && read_after(call, after);
}

void otterd_api_devices(struct otterd_call *call)
{
    struct otterd_device_filter filter = {.after = -1};
    int state = OTTERD_UNKNOWN;
    int64_t limit;
    json_t *rows;
    int err;

    if (!otterd_query_mac_page(call, &limit, &filter.after) ||
        !otterd_query_word(call, "state", otterd_words_state, &state) ||
        !otterd_query_text(call, "version", OTTERD_TEXT_MAX, false,
                           &filter.version) ||
        !otterd_query_text(call, "group", OTTERD_TEXT_MAX, false,
                           &filter.group) ||
        !otterd_query_text(call, "tag", OTTERD_TEXT_MAX, false, &filter.tag) ||
        !otterd_query_text(call, "q", OTTERD_TEXT_MAX, false, &filter.q)) {
        return;
    }
    filter.state = (enum otterd_device_state)state;
    filter.limit = limit + 1;
    rows = json_array();
    err = otterd_device_list(call->store, &filter, append_device, rows);
    otterd_answer_page(call, err, "devices", rows, limit, "mac");
}

static void answer_device(struct otterd_call *call, uint64_t mac)
{
    struct otterd_device_view view;
    int err = otterd_device_look(call->store, mac, &view);

    if (err == OTTER_ERR_NO_DATA) {
        otterd_problem(call, 404,
                       "The device %.40s is not known: it has never asked "
                       "this server, and nobody has registered it.",
                       call->arg);
    } else if (err != 0) {
        otterd_answer_store(call, err);
    } else {
        otterd_answer(call, 200, otterd_show_device(&view));
    }
}

void otterd_api_device(struct otterd_call *call)
{
    uint64_t mac;

    if (otterd_arg_mac(call, &mac)) {
        answer_device(call, mac);
    }
}

/* Tags are kept as words with a blank between them. */
static bool read_tags(struct otterd_call *call, char out[OTTERD_TAGS_MAX],
                      const char **tags)
{
    json_t *list = json_object_get(call->body, "tags");
    size_t len = 0;
    json_t *tag;
    size_t i;

    *tags = NULL;
    if (list == NULL) {
        return true;
    }
    out[0] = '\0';
    json_array_foreach(list, i, tag)
    {
        const char *text = json_string_value(tag);

        if (text == NULL || text[0] == '\0' ||
            strlen(text) >= OTTERD_TEXT_MAX ||
            strlen(text) != json_string_length(tag)) {
            break;
        }
        for (const char *c = text; *c != '\0'; c++) {
            if ((unsigned char)*c <= ' ' || *c == 0x7f) {
                text = NULL;
                break;
            }
        }
        if (text == NULL || len + strlen(text) + 2 > OTTERD_TAGS_MAX) {
            break;
        }
        len += (size_t)snprintf(out + len, OTTERD_TAGS_MAX - len, "%s%s",
                                len > 0 ? " " : "", text);
    }
    if (!json_is_array(list) || i < json_array_size(list)) {
        otterd_problem(call, 400,
                       "tags must be a list of texts without blanks, each of "
                       "1 to %d bytes and together %d at most.",
                       OTTERD_TEXT_MAX - 1, OTTERD_TAGS_MAX - 1);
        return false;
    }
    *tags = out;
    return true;
}

/* One that nobody has seen is what the policy says, unless told. */
static int settle_state(struct otterd_call *call, uint64_t mac,
                        struct otterd_device_change *change)
{
    struct otterd_device device;
    int err = otterd_device_find(call->store, mac, &device);

    if (err == 0 && device.state == OTTERD_UNKNOWN &&
        change->state == OTTERD_UNKNOWN) {
        err = otterd_judge_stranger(call->store, &change->state);
    }
    return err;
}

void otterd_api_device_change(struct otterd_call *call)
{
    struct otterd_device_change change = {.state = OTTERD_UNKNOWN};
    char tags[OTTERD_TAGS_MAX];
    int state = OTTERD_UNKNOWN;
    uint64_t mac;
    int err;

    if (!otterd_arg_mac(call, &mac) ||
        !otterd_body_only(call, "state group tags name") ||
        !otterd_body_word(call, "state", otterd_words_state, &state) ||
        !otterd_body_text(call, "group", OTTERD_TEXT_MAX, false,
                          &change.group) ||
        !otterd_body_text(call, "name", OTTERD_TEXT_MAX, false,
                          &change.name) ||
        !read_tags(call, tags, &change.tags)) {
        return;
    }
    change.state = (enum otterd_device_state)state;
    err = settle_state(call, mac, &change);
    if (err == 0) {
        err = otterd_device_change(call->store, mac, &change, call->who.name);
    }
    if (err != 0) {
        otterd_answer_store(call, err);
        return;
    }
    call->event = "device";
    answer_device(call, mac);
}

void otterd_api_device_forget(struct otterd_call *call)
{
    uint64_t mac;
    int err;

    if (!otterd_arg_mac(call, &mac)) {
        return;
    }
    err = otterd_device_forget(call->store, mac, call->who.name);
    if (err != 0) {
        otterd_answer_error(call, err, "device");
        return;
    }
    call->status = 204;
    call->gone = json_pack("{s:o}", "device", otterd_show_mac(mac));
}

static void append_history(void *user, const struct otterd_history_row *row)
{
    json_array_append_new(
        user, json_pack("{s:I, s:o, s:o, s:s, s:o}", "id", (json_int_t)row->id,
                        "at", otterd_show_time(row->at), "version",
                        otterd_show_text(row->version), "event", row->event,
                        "detail", otterd_show_text(row->detail)));
}

void otterd_api_device_history(struct otterd_call *call)
{
    struct otterd_device device;
    int64_t limit;
    int64_t after;
    uint64_t mac;
    json_t *rows;
    int err;

    if (!otterd_arg_mac(call, &mac) ||
        !otterd_query_page(call, &limit, &after)) {
        return;
    }
    err = otterd_device_find(call->store, mac, &device);
    if (err == 0 && device.state == OTTERD_UNKNOWN) {
        err = OTTER_ERR_NO_DATA;
    }
    if (err != 0) {
        otterd_answer_error(call, err, "device");
        return;
    }
    rows = json_array();
    err = otterd_device_history(call->store, mac, after, limit + 1,
                                append_history, rows);
    otterd_answer_page(call, err, "history", rows, limit, "id");
}

/* What the device said last, heard again. */
static void hear_again(const struct otterd_device_view *view,
                       struct otterd_ask *ask)
{
    struct otterd_heard *heard = calloc(1, sizeof *heard);
    char lines[OTTERD_HEADERS_MAX];
    char *rest = lines;
    char *line;

    memset(ask, 0, sizeof *ask);
    ask->dialect = view->last.dialect;
    memcpy(lines, view->last.headers, sizeof lines);
    while (heard != NULL && (line = strsep(&rest, "\n")) != NULL) {
        char *colon = strstr(line, ": ");

        if (colon != NULL) {
            *colon = '\0';
            otterd_heard_add(heard, line, colon + 2);
        }
    }
    if (heard != NULL) {
        (void)otterd_heard_ask(heard, ask);
    }
    free(heard);
    ask->mac = view->device.mac;
    memcpy(ask->product, view->last.product, sizeof ask->product);
}

static void answer_explanation(struct otterd_call *call,
                               const struct otterd_ask *ask)
{
    static const char *const words[] = {"update", "no_update", "no_update",
                                        "refused"};
    struct otterd_judgement judgement = {.new_state = OTTERD_UNKNOWN};
    const struct otterd_decision *decision = &judgement.decision;
    int err = otterd_judge(call->store, ask, &judgement);

    if (err != 0) {
        otterd_answer_store(call, err);
        return;
    }
    otterd_answer(
        call, 200,
        json_pack("{s:s, s:i, s:o, s:o}", "decision", words[decision->verdict],
                  "status", (int)otterd_judge_status(ask, decision->verdict),
                  "reason", otterd_show_text(decision->reason), "release",
                  decision->release == NULL
                      ? json_null()
                      : json_integer((json_int_t)decision->release->id)));
}

void otterd_api_device_explain(struct otterd_call *call)
{
    struct otterd_device_view view;
    struct otterd_ask ask;
    uint64_t mac;
    int err;

    if (!otterd_arg_mac(call, &mac)) {
        return;
    }
    err = otterd_device_look(call->store, mac, &view);
    if (err != 0) {
        otterd_answer_error(call, err, "device");
        return;
    }
    if (view.requests == 0) {
        otterd_answer(call, 200,
                      json_pack("{s:s, s:n, s:s, s:n}", "decision", "refused",
                                "status", "reason",
                                "The device has never asked this server.",
                                "release"));
        return;
    }
    hear_again(&view, &ask);
    answer_explanation(call, &ask);
}
