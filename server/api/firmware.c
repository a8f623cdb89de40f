/* SPDX-License-Identifier: Apache-2.0
 *
 * The API's firmware. */
#include "server/api/handlers.h"
#include "server/log.h"

#include "format/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append_firmware(void *user, const struct otterd_firmware *firmware)
{
    json_array_append_new(user, otterd_show_firmware(firmware));
}

static int list_firmware(struct otterd_store *store, int64_t after,
                         int64_t limit, json_t *rows)
{
    return otterd_firmware_list(store, after, limit, append_firmware, rows);
}

void otterd_api_firmware_list(struct otterd_call *call)
{
    otterd_answer_list(call, "firmware", list_firmware);
}

/* The firmware that the path names. */
static bool look_up(struct otterd_call *call, struct otterd_firmware *out)
{
    int64_t id;
    int err;

    if (!otterd_arg_id(call, "firmware", &id)) {
        return false;
    }
    err = otterd_firmware_get(call->store, id, out);
    if (err != 0) {
        otterd_answer_error(call, err, "firmware");
        return false;
    }
    return true;
}

void otterd_api_firmware(struct otterd_call *call)
{
    struct otterd_firmware firmware;

    if (look_up(call, &firmware)) {
        otterd_answer(call, 200, otterd_show_firmware(&firmware));
    }
}

/* Somebody may remove the firmware meanwhile, its file with it; then it is to
 * be looked up again, as of now. */
static bool open_file(struct otterd_call *call, struct otterd_firmware *f)
{
    int err;

    if (!look_up(call, f)) {
        return false;
    }
    call->fd = otterd_firmware_open(call->dir, f->sha256, f->size);
    if (call->fd >= 0 || errno != ENOENT) {
        return true;
    }
    otterd_store_view_end(call->store);
    err = otterd_store_view(call->store);
    if (err != 0) {
        call->fd = -1;
        otterd_answer_store(call, err);
        return false;
    }
    if (!look_up(call, f)) {
        call->fd = -1;
        return false;
    }
    call->fd = otterd_firmware_open(call->dir, f->sha256, f->size);
    return true;
}

void otterd_api_firmware_file(struct otterd_call *call)
{
    struct otterd_firmware firmware;

    if (!open_file(call, &firmware)) {
        return;
    }
    if (call->fd < 0) {
        otterd_problem(call, 503,
                       "The file of firmware %" PRId64 " cannot be read (%s).",
                       firmware.id,
                       call->fd == OTTER_ERR_SHORT ? "it has another size"
                                                   : strerror(errno));
        call->fd = -1;
        return;
    }
    call->status = 200;
    call->fd_size = firmware.size;
    memcpy(call->filename, firmware.filename, sizeof call->filename);
}

/* ---- Uploading ---- */

static bool copy_text(struct otterd_call *call, const char *key, char *out,
                      size_t size, bool lines)
{
    const char *text;

    if (!otterd_query_text(call, key, size, lines, &text)) {
        return false;
    }
    snprintf(out, size, "%s", text != NULL ? text : "");
    return true;
}

/* A header's value and a part of a file name must be plain. */
static bool check_words(struct otterd_call *call,
                        const struct otterd_firmware *f)
{
    if (f->version[0] != '\0' &&
        !otterd_is_header_word(f->version, sizeof f->version)) {
        otterd_problem(call, 400,
                       "version must be 1 to 62 characters of ASCII without "
                       "blanks and / \" \\ ; because devices send it in a "
                       "header.");
        return false;
    }
    if (f->filename[0] != '\0' &&
        !otterd_is_header_word(f->filename, sizeof f->filename)) {
        otterd_problem(call, 400,
                       "filename must be 1 to 94 characters of ASCII without "
                       "blanks and / \" \\ ; because devices are sent it in "
                       "a header.");
        return false;
    }
    return true;
}

static bool read_description(struct otterd_call *call,
                             struct otterd_firmware *f,
                             enum otterd_claim *claim)
{
    int kind = -1;

    if (!copy_text(call, "name", f->name, sizeof f->name, false) ||
        !copy_text(call, "version", f->version, sizeof f->version, false) ||
        !copy_text(call, "board", f->board, sizeof f->board, false) ||
        !copy_text(call, "filename", f->filename, sizeof f->filename, false) ||
        !copy_text(call, "notes", f->notes, sizeof f->notes, true) ||
        !otterd_query_word(call, "kind",
                           (const char *const[]){"sketch", "filesystem", NULL},
                           &kind)) {
        return false;
    }
    *claim = kind < 0    ? OTTERD_CLAIM_NONE
             : kind == 0 ? OTTERD_CLAIM_SKETCH
                         : OTTERD_CLAIM_FILES;
    memcpy(f->by, call->who.name, sizeof f->by);
    return check_words(call, f);
}

static bool inspect(struct otterd_call *call, enum otterd_claim claim,
                    struct otterd_firmware *f)
{
    char problem[OTTERD_PROBLEM_MAX] = "";
    int err = otterd_upload_finish(call->upload, claim, f, problem);

    if (err == OTTER_ERR_INVALID) {
        otterd_problem(call, 422, "%s", problem);
    } else if (err != 0) {
        otterd_problem(call, errno == ENOSPC ? 507 : 503,
                       "The file could not be kept: %s.",
                       err == OTTER_ERR_STATE ? strerror(errno)
                                              : otter_error_text(err));
    } else if (f->name[0] == '\0' || f->version[0] == '\0') {
        otterd_problem(call, 400,
                       "The %s of the firmware is missing; give it as "
                       "?name=...&version=..., because the image does not "
                       "tell it.",
                       f->name[0] == '\0' ? "name" : "version");
    } else {
        return check_words(call, f); /* what the image told */
    }
    return false;
}

static void answer_unkept(struct otterd_call *call)
{
    otterd_problem(call, errno == ENOSPC ? 507 : 503,
                   "The file could not be kept: %s.", strerror(errno));
}

/* The same bytes again.  They take the place of the file, which may have been
 * lost or damaged, and an older server may have seen less in them. */
static void renew(struct otterd_call *call, const struct otterd_firmware *f,
                  struct otterd_firmware *twin)
{
    int err = otterd_upload_keep(call->upload);

    if (err != 0) {
        answer_unkept(call);
        return;
    }
    err = otterd_firmware_learn(call->store, f);
    if (err == 0) {
        err = otterd_firmware_get(call->store, twin->id, twin);
    }
    if (err == 0) {
        err = otterd_store_commit(call->store);
    }
    if (err != 0) {
        otterd_answer_store(call, err);
    } else {
        otterd_answer(call, 200, otterd_show_firmware(twin));
    }
}

/* The same name and version: found again, or a conflict.  0: it is new. */
static int find_twin(struct otterd_call *call, const struct otterd_firmware *f)
{
    struct otterd_firmware twin;
    int err =
        otterd_firmware_find(call->store, f->kind, f->name, f->version, &twin);

    if (err == OTTER_ERR_NO_DATA) {
        return 0;
    }
    if (err != 0) {
        otterd_answer_store(call, err);
    } else if (strcmp(twin.sha256, f->sha256) == 0) {
        renew(call, f, &twin);
    } else {
        otterd_problem(call, 409,
                       "There is already a %s version %s with other bytes, "
                       "firmware %" PRId64 ". Give this one another version, "
                       "so that devices can tell them apart.",
                       f->name, f->version, twin.id);
    }
    return 1;
}

/* A file that no row needs any more, or yet.  It goes under the lock of the
 * database, because an upload of the same bytes may just come in. */
static void remove_unused(struct otterd_call *call, const char *sha256)
{
    int64_t uses = 1;
    int err = otterd_store_begin(call->store);

    if (err == 0) {
        err = otterd_firmware_file_uses(call->store, sha256, &uses);
    }
    if (err == 0 && uses == 0) {
        err = otterd_firmware_delete(call->dir, sha256);
    }
    otterd_store_cancel(call->store);
    if (err != 0) {
        otterd_log(OTTERD_LOG_WARNING, "firmware",
                   otterd_log_text("sha256", sha256),
                   otterd_log_text("why", "its file was left behind"));
    }
}

static int enter(struct otterd_call *call, const struct otterd_firmware *f,
                 int64_t *id)
{
    int err = otterd_upload_keep(call->upload);

    if (err != 0) {
        answer_unkept(call);
        return err;
    }
    err = otterd_firmware_add(call->store, f, id);
    if (err == 0) {
        err = otterd_audit_say(call->store, call->who.name,
                               "firmware %" PRId64
                               " \"%s\" version %s uploaded, SHA-256 %s",
                               *id, f->name, f->version, f->sha256);
    }
    if (err == 0) {
        err = otterd_store_commit(call->store);
    }
    if (err != 0) {
        otterd_answer_store(call, err);
    }
    return err;
}

void otterd_api_firmware_look(struct otterd_call *call)
{
    struct otterd_firmware *f = calloc(1, sizeof *f);
    enum otterd_claim claim = OTTERD_CLAIM_NONE;

    if (f == NULL) {
        otterd_problem(call, 503, "No memory; try again.");
        return;
    }
    if (!read_description(call, f, &claim) || !inspect(call, claim, f)) {
        free(f);
        return;
    }
    if (f->filename[0] == '\0') {
        snprintf(f->filename, sizeof f->filename, "%s.bin%s", f->version,
                 f->gzip ? ".gz" : "");
    }
    call->seen = f;
}

void otterd_api_firmware_add(struct otterd_call *call)
{
    struct otterd_firmware f;
    int err;

    if (call->seen == NULL) {
        otterd_api_firmware_look(call);
    }
    if (call->seen == NULL) {
        return;
    }
    f = *call->seen;
    /* The file gets its name inside of the transaction, so that nobody
     * removes the file of the same bytes meanwhile. */
    err = otterd_store_begin(call->store);
    if (err != 0) {
        otterd_answer_store(call, err);
        return;
    }
    if (find_twin(call, &f) != 0) {
        otterd_store_cancel(call->store);
        return;
    }
    if (enter(call, &f, &f.id) != 0) {
        otterd_store_cancel(call->store);
        remove_unused(call, f.sha256);
        return;
    }
    err = otterd_firmware_get(call->store, f.id, &f);
    if (err != 0) {
        otterd_answer_store(call, err);
        return;
    }
    call->event = "firmware";
    otterd_answer(call, 201, otterd_show_firmware(&f));
}

/* ---- Removing ---- */

static int remove_row(struct otterd_call *call,
                      const struct otterd_firmware *f)
{
    int64_t uses = 0;
    int err = otterd_firmware_uses(call->store, f->id, &uses);

    if (err == 0 && uses > 0) {
        otterd_problem(call, 409,
                       "%" PRId64 " release%s of firmware %" PRId64
                       " %s in force. Withdraw %s first.",
                       uses, uses == 1 ? "" : "s", f->id,
                       uses == 1 ? "is" : "are", uses == 1 ? "it" : "them");
        return 1;
    }
    if (err == 0) {
        err = otterd_firmware_remove(call->store, f->id);
    }
    if (err == 0) {
        err =
            otterd_audit_say(call->store, call->who.name,
                             "firmware %" PRId64 " \"%s\" version %s removed",
                             f->id, f->name, f->version);
    }
    if (err == 0) {
        err = otterd_store_commit(call->store);
    }
    if (err != 0) {
        otterd_answer_store(call, err);
    }
    return err;
}

void otterd_api_firmware_remove(struct otterd_call *call)
{
    struct otterd_firmware f;
    int err = otterd_store_begin(call->store);

    if (err != 0) {
        otterd_answer_store(call, err);
        return;
    }
    if (!look_up(call, &f) || remove_row(call, &f) != 0) {
        otterd_store_cancel(call->store);
        return;
    }
    /* Only now: the row is gone for good. */
    remove_unused(call, f.sha256);
    call->status = 204;
    call->gone = json_pack("{s:I}", "firmware", (json_int_t)f.id);
}
