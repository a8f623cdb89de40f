/* SPDX-License-Identifier: Apache-2.0
 *
 * The pull endpoint: the order of checks, statuses, texts and headers of the
 * manual's script (protocol 5.4).  A 206 and a version query's answer go only
 * to who asked for them. */
#include "server/http/answers.h"
#include "server/http/ask.h"
#include "server/http/server_internal.h"
#include "server/judge.h"
#include "server/log.h"
#include "server/store/firmware.h"

#include "format/error.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* For who asks the same again. */
struct memory {
    bool keyed;
    bool recalled;
    struct otterd_recalled told;
    struct otterd_recall_key key;
    struct otterd_recall_moment moment; /* when the database was asked */
    int64_t audit;
};

/* A request as far as it is known. */
struct request {
    struct otterd_server *server;
    struct MHD_Connection *connection;
    struct otterd_heard heard;
    struct otterd_ask ask;
    struct otterd_judgement judgement;
    bool head;
    bool missing; /* the file that it should get */
    void **state; /* of the exchange */
    struct memory memory;
};

/* A release on its way to a device. */
struct download {
    struct otterd_exchange exchange;
    struct otterd_server *server;
    struct MHD_Connection *connection;
    struct otterd_ask ask;
    int64_t release;
    uint64_t bytes;
    bool to_the_end; /* of the file */
};

static enum MHD_Result hear(void *user, enum MHD_ValueKind kind,
                            const char *name, const char *value)
{
    (void)kind;
    otterd_heard_add(user, name, value);
    return MHD_YES;
}

/* Printable ASCII for people. */
static void copy_clean(char *out, size_t size, const char *text)
{
    size_t i;

    for (i = 0; text[i] != '\0' && i < size - 1; i++) {
        out[i] = text[i] < 0x20 || text[i] > 0x7e ? '?' : text[i];
    }
    out[i] = '\0';
}

/* Nothing was offered, whatever was decided. */
static void tell_missing(struct otterd_sighting *s,
                         const struct otterd_release *release)
{
    s->verdict = OTTERD_HELD;
    s->answer = MHD_HTTP_SERVICE_UNAVAILABLE;
    snprintf(s->reason, sizeof s->reason,
             "The server has lost the file of version %s; upload it again.",
             release->version);
}

static void note_sighting(const struct request *r)
{
    const struct otterd_decision *decision = &r->judgement.decision;
    struct otterd_sighting s = {
        .mac = r->ask.mac,
        .at = (int64_t)time(NULL),
        .new_state = r->judgement.new_state,
        .verdict = decision->verdict,
        .mode = r->ask.mode,
        .dialect = r->ask.dialect,
        .answer = otterd_judge_status(&r->ask, decision->verdict)};

    otterd__address_of(r->server, r->connection, s.address);
    memcpy(s.product, r->ask.product, sizeof s.product);
    copy_clean(s.version, sizeof s.version, r->ask.version);
    copy_clean(s.status, sizeof s.status, r->heard.status);
    copy_clean(s.reason, sizeof s.reason, decision->reason);
    if (r->missing) {
        tell_missing(&s, &r->judgement.release);
    }
    memcpy(s.headers, r->heard.lines, r->heard.lines_len + 1);
    if (otterd_log_wants(OTTERD_LOG_DEBUG)) {
        char mac[13];

        snprintf(mac, sizeof mac, "%012" PRIx64, s.mac);
        otterd_log(OTTERD_LOG_DEBUG, "asked", otterd_log_text("mac", mac),
                   otterd_log_text("address", s.address),
                   otterd_log_text("version", s.version),
                   otterd_log_text("answer", s.reason));
    }
    if (decision->release != NULL && !r->head && !r->missing) {
        s.release = decision->release->id;
        memcpy(s.offered, decision->release->version, sizeof s.offered);
    }
    otterd_sightings_add(r->server->sightings, &s);
}

/* A file is sent in pieces, its head before it.  Full packets make less work
 * at both ends, so that only the end of the file goes out as it is; that, too,
 * when libmicrohttpd has sent it. */
static void cork(struct MHD_Connection *connection, int on)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    if (info != NULL) {
        setsockopt(info->connect_fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    }
}

/* All of it went out, or not. */
static void end_download(struct otterd_exchange *exchange, bool complete)
{
    struct download *download = (struct download *)exchange;
    struct otterd_sighting s = {.kind = OTTERD_SIGHTING_DOWNLOADED,
                                .mac = download->ask.mac,
                                .at = (int64_t)time(NULL),
                                .mode = download->ask.mode,
                                .release = download->release};

    if (complete) {
        struct otterd_metrics *metrics = &download->server->metrics;

        otterd_metrics_add(metrics, OTTERD_METRIC_DOWNLOADS_DONE, 1);
        otterd_metrics_add(metrics, OTTERD_METRIC_DOWNLOAD_BYTES,
                           download->bytes);
    }
    if (complete && download->to_the_end) {
        copy_clean(s.version, sizeof s.version, download->ask.version);
        otterd_sightings_add(download->server->sightings, &s);
    }
    cork(download->connection, 0);
    free(download);
}

/* Wants to hear when the last byte is out. */
static void follow_download(struct request *r, uint32_t first, uint32_t last)
{
    struct download *download = calloc(1, sizeof *download);

    if (download == NULL) {
        return; /* the download itself is not in danger */
    }
    download->exchange.end = end_download;
    download->server = r->server;
    download->connection = r->connection;
    download->ask = r->ask;
    download->release = r->judgement.release.id;
    download->bytes = (uint64_t)last - first + 1;
    download->to_the_end = last == r->judgement.release.size - 1;
    otterd_metrics_add(&r->server->metrics, OTTERD_METRIC_DOWNLOADS, 1);
    *r->state = &download->exchange;
    cork(r->connection, 1);
}

static enum MHD_Result send_empty(struct otterd_server *server,
                                  struct MHD_Connection *connection,
                                  unsigned status)
{
    otterd_metrics_add(&server->metrics, OTTERD_METRIC_STATUS + status, 1);
    return otterd_answers_empty(server->answers, connection, status);
}

static enum MHD_Result send_text(struct request *r, unsigned status,
                                 const char *text)
{
    if (text[0] == '\0') {
        return send_empty(r->server, r->connection, status);
    }
    return otterd__send(r->server, r->connection, status, otterd__text(text));
}

static void add(struct MHD_Response *response, const char *name,
                const char *value)
{
    MHD_add_response_header(response, name, value);
}

static enum MHD_Result send_version(struct request *r)
{
    struct MHD_Response *response = otterd__text("");

    if (response != NULL) {
        add(response, "x-version", r->judgement.release.version);
        if (r->ask.dialect == OTTERD_DIALECT_CURRENT) {
            add(response, "x-MD5", r->judgement.release.md5);
        }
    }
    return otterd__send(r->server, r->connection, MHD_HTTP_OK, response);
}

static enum MHD_Result send_missing(struct request *r, int err)
{
    r->missing = true;
    otterd_log(OTTERD_LOG_ERROR, "firmware",
               otterd_log_text("sha256", r->judgement.release.sha256),
               otterd_log_text("why", otter_error_text(err)));
    return send_text(r, MHD_HTTP_SERVICE_UNAVAILABLE,
                     "The server has lost this file.\n");
}

static enum MHD_Result send_part(struct request *r, uint32_t first,
                                 uint32_t last)
{
    const struct otterd_release *release = &r->judgement.release;
    int fd =
        otterd_firmware_open(r->server->dir, release->sha256, release->size);
    struct MHD_Response *response;
    char line[72];

    if (fd < 0) {
        return send_missing(r, fd);
    }
    response = MHD_create_response_from_fd_at_offset64(
        (uint64_t)last - first + 1, fd, first);
    if (response == NULL) {
        close(fd);
        return MHD_NO;
    }
    otterd_answers_describe(response, release,
                            r->ask.dialect == OTTERD_DIALECT_CURRENT);
    snprintf(line, sizeof line, "bytes %" PRIu32 "-%" PRIu32 "/%" PRIu32,
             first, last, release->size);
    add(response, "Content-Range", line);
    follow_download(r, first, last);
    return otterd__send(r->server, r->connection, MHD_HTTP_PARTIAL_CONTENT,
                        response);
}

static enum MHD_Result send_whole(struct request *r)
{
    const struct otterd_release *release = &r->judgement.release;
    enum MHD_Result result = MHD_NO;
    int err =
        otterd_answers_file(r->server->answers, r->connection, release,
                            r->ask.dialect == OTTERD_DIALECT_CURRENT, &result);

    if (err != 0) {
        return send_missing(r, err);
    }
    otterd_metrics_add(&r->server->metrics, OTTERD_METRIC_STATUS + MHD_HTTP_OK,
                       1);
    if (result == MHD_YES && !r->head) {
        follow_download(r, 0, release->size - 1);
    }
    return result;
}

static enum MHD_Result send_out_of_range(struct request *r)
{
    struct MHD_Response *response = otterd__text("");
    char line[32];

    if (response != NULL) {
        snprintf(line, sizeof line, "bytes */%" PRIu32,
                 r->judgement.release.size);
        add(response, "Content-Range", line);
    }
    return otterd__send(r->server, r->connection, 416, response);
}

static enum MHD_Result send_firmware(struct request *r)
{
    uint32_t size = r->judgement.release.size;
    uint32_t first = 0;
    uint32_t last = size - 1;
    char etag[72];
    int range = 0;

    /* A range is of a GET alone (RFC 9110, 14.2). */
    if (r->heard.range[0] != '\0' && !r->head) {
        snprintf(etag, sizeof etag, "\"%s\"", r->judgement.release.sha256);
        if (r->heard.if_range[0] == '\0' ||
            strcmp(r->heard.if_range, etag) == 0) {
            range = otterd_range_read(r->heard.range, size, &first, &last);
        }
    }
    if (range == 0) {
        return send_whole(r);
    }
    return range > 0 ? send_part(r, first, last) : send_out_of_range(r);
}

static enum MHD_Result refuse(struct request *r, enum otterd_gate gate)
{
    char text[OTTERD_REFUSAL_MAX];
    unsigned status =
        otterd_heard_refuse(&r->heard, r->ask.dialect, gate, text);

    return send_text(r, status, text);
}

/* No release: no such device for today's script, or nothing of that kind. */
static enum otterd_gate why_nothing(const struct request *r)
{
    return r->ask.mode == OTTERD_FILE_SYSTEM &&
                   r->judgement.device.state == OTTERD_ACCEPTED
               ? OTTERD_GATE_MODE
               : OTTERD_GATE_MAC;
}

static enum MHD_Result send_decision(struct request *r)
{
    if (r->judgement.decision.verdict == OTTERD_NOT_KNOWN) {
        return refuse(r, why_nothing(r));
    }
    if (r->ask.odd_mode) {
        return refuse(r, OTTERD_GATE_MODE);
    }
    switch (r->judgement.decision.verdict) {
    case OTTERD_OFFER:
        return r->ask.mode == OTTERD_VERSION ? send_version(r)
                                             : send_firmware(r);
    case OTTERD_CURRENT:
        return r->ask.mode == OTTERD_VERSION
                   ? send_version(r)
                   : send_text(r, MHD_HTTP_NOT_MODIFIED, "");
    default:
        return send_text(r, MHD_HTTP_NOT_MODIFIED, "");
    }
}

/* The product of the path, then the gate, then the decision; 0 or a status. */
static unsigned look_up(struct request *r, const char *path,
                        enum otterd_gate *gate)
{
    struct otterd_reader *reader = otterd__reader(r->server);
    struct otterd_path found;
    bool viewing;
    unsigned status = 0;
    int err;

    r->memory.moment = otterd_recall_moment(r->server->recall);
    err = otterd_store_view(reader->store);
    viewing = err == 0;

    if (err == 0) {
        err = otterd_path_find(reader->store, path, &found);
    }
    if (err == OTTER_ERR_NO_DATA) {
        status = MHD_HTTP_NOT_FOUND;
    } else if (err == 0) {
        memcpy(r->ask.product, found.product, sizeof r->ask.product);
        r->ask.dialect = found.dialect;
        *gate = otterd_heard_ask(&r->heard, &r->ask);
        if (*gate == OTTERD_GATE_OPEN) {
            err = otterd_judge(reader->store, &r->ask, &r->judgement);
        }
    }
    if (err != 0 && status == 0) {
        otterd_log(OTTERD_LOG_ERROR, "store",
                   otterd_log_text("why", otterd_store_error(reader->store)));
        status = MHD_HTTP_SERVICE_UNAVAILABLE;
    }
    if (viewing) {
        r->memory.audit = otterd_store_view_audit(reader->store);
        otterd_store_view_end(reader->store);
        otterd_recall_saw(r->server->recall, &r->memory.moment,
                          r->memory.audit);
    }
    pthread_mutex_unlock(&reader->lock);
    return status;
}

/* From memory, while there is no room to note that the device asked: what the
 * decision would have told people is dropped anyway.  With room nothing is
 * remembered either, which would cost a small server memory for nothing. */
static void recall(struct otterd_server *server,
                   struct MHD_Connection *connection, const char *path,
                   struct memory *memory)
{
    memory->keyed =
        otterd_sightings_crowded(server->sightings, OTTERD_CURRENT) &&
        !otterd_log_wants(OTTERD_LOG_DEBUG) &&
        otterd_recall_key(server->recall, connection, path, &memory->key);
    memory->recalled =
        memory->keyed &&
        otterd_recall_find(server->recall, &memory->key, &memory->told) &&
        otterd_sightings_crowded(server->sightings, memory->told.verdict);
    if (memory->recalled) {
        otterd_metrics_add(&server->metrics,
                           OTTERD_METRIC_ANSWER + memory->told.verdict, 1);
        otterd_metrics_add(&server->metrics, OTTERD_METRIC_RECALLED, 1);
    }
}

/* Files, and what is answered with nothing but its status. */
static void remember(struct request *r)
{
    struct otterd_recalled *told = &r->memory.told;

    told->verdict = r->judgement.decision.verdict;
    told->dialect = r->ask.dialect;
    if (!r->memory.keyed || r->ask.odd_mode ||
        told->verdict == OTTERD_NOT_KNOWN ||
        (r->ask.mode == OTTERD_VERSION && told->verdict != OTTERD_HELD)) {
        return;
    }
    if (told->verdict == OTTERD_OFFER) {
        told->release = r->judgement.release;
    }
    otterd_recall_keep(r->server->recall, &r->memory.key, &r->memory.moment,
                       r->memory.audit, r->ask.mac, told);
}

/* The device is looked at for what is kept of its download. */
static enum MHD_Result answer_recalled_offer(struct request *r)
{
    r->ask.dialect = r->memory.told.dialect;
    if (otterd_heard_ask(&r->heard, &r->ask) != OTTERD_GATE_OPEN) {
        return MHD_NO; /* these very words have come through it before */
    }
    r->judgement.release = r->memory.told.release;
    return send_firmware(r);
}

static enum MHD_Result answer(struct request *r, const char *path)
{
    enum otterd_gate gate = OTTERD_GATE_MAC;
    unsigned status = look_up(r, path, &gate);
    enum MHD_Result result;

    if (status != 0) {
        return send_text(r, status,
                         status == MHD_HTTP_NOT_FOUND
                             ? "Nothing is here: people go to /, devices to "
                               "/update or a path of their product.\n"
                             : "The database cannot be read.\n");
    }
    if (gate != OTTERD_GATE_OPEN) {
        otterd_metrics_add(&r->server->metrics, OTTERD_METRIC_REFUSED, 1);
        return refuse(r, gate);
    }
    remember(r);
    otterd_metrics_add(&r->server->metrics,
                       OTTERD_METRIC_ANSWER + r->judgement.decision.verdict,
                       1);
    result = send_decision(r);
    if (otterd_log_wants(OTTERD_LOG_DEBUG) ||
        !otterd_sightings_skip(r->server->sightings,
                               r->judgement.decision.verdict)) {
        note_sighting(r);
    }
    return result;
}

enum MHD_Result otterd__answer_device(struct otterd_server *server,
                                      struct MHD_Connection *connection,
                                      const char *path, bool head,
                                      void **state)
{
    struct memory memory;
    struct request r;

    memset(&memory, 0, sizeof memory);
    recall(server, connection, path, &memory);
    if (memory.recalled && memory.told.verdict != OTTERD_OFFER) {
        return send_empty(server, connection, MHD_HTTP_NOT_MODIFIED);
    }
    memset(&r, 0, sizeof r);
    r.server = server;
    r.connection = connection;
    r.head = head;
    r.state = state;
    r.memory = memory;
    MHD_get_connection_values(connection, MHD_HEADER_KIND, hear, &r.heard);
    return memory.recalled ? answer_recalled_offer(&r) : answer(&r, path);
}
