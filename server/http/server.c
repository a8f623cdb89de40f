/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting and ending the HTTP server, and its routes. */
#include "server/http/server.h"

#include "server/api/hub.h"
#include "server/http/answers.h"
#include "server/http/api.h"
#include "server/http/server_internal.h"
#include "server/http/tls.h"
#include "server/log.h"
#include "server/store/firmware.h"

#include "format/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum MHD_Result otterd__send(struct otterd_server *server,
                             struct MHD_Connection *connection,
                             unsigned status, struct MHD_Response *response)
{
    enum MHD_Result result;

    if (response == NULL) {
        return MHD_NO;
    }
    otterd_metrics_add(&server->metrics, OTTERD_METRIC_STATUS + status, 1);
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

struct MHD_Response *otterd__text(const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);

    if (response != NULL) {
        MHD_add_response_header(response, "Content-Type",
                                "text/plain; charset=utf8");
    }
    return response;
}

unsigned otterd__lane(void)
{
    static atomic_uint threads;
    static _Thread_local unsigned own; /* 0: none yet */

    if (own == 0) {
        own = atomic_fetch_add(&threads, 1) + 1;
    }
    return own;
}

struct otterd_reader *otterd__reader(struct otterd_server *server)
{
    unsigned start = atomic_fetch_add(&server->next_reader, 1);
    struct otterd_reader *reader = NULL;

    for (unsigned i = 0; i < server->reader_count; i++) {
        reader = &server->readers[(start + i) % server->reader_count];
        if (pthread_mutex_trylock(&reader->lock) == 0) {
            return reader;
        }
    }
    pthread_mutex_lock(&reader->lock);
    return reader;
}

static enum MHD_Result send_metrics(struct otterd_server *server,
                                    struct MHD_Connection *connection)
{
    char *text = otterd_metrics_text(server);
    struct MHD_Response *response;

    if (text == NULL) {
        return otterd__send(server, connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                            otterd__text("the database cannot be read\n"));
    }
    response = MHD_create_response_from_buffer(strlen(text), text,
                                               MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type",
                            "text/plain; version=0.0.4; charset=utf-8");
    return otterd__send(server, connection, MHD_HTTP_OK, response);
}

static enum MHD_Result answer(void *user, struct MHD_Connection *connection,
                              const char *url, const char *method,
                              const char *version, const char *data,
                              size_t *len, void **state)
{
    static struct otterd_exchange seen;
    struct otterd_server *server = user;

    (void)version;
    if (*state == NULL) {
        otterd_patience_head(connection);
    } else if (*len == 0) {
        otterd_patience_whole(connection);
    }
    if (strncmp(url, "/api/", 5) == 0) {
        return otterd__answer_api(server, connection, url, method, data, len,
                                  state);
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        struct MHD_Response *response = otterd__text("");

        if (response != NULL) {
            MHD_add_response_header(response, "Allow", "GET, HEAD");
        }
        return otterd__send(server, connection, 405, response);
    }
    if (*state == NULL || *len > 0) { /* a body is read and not looked at */
        *state = &seen;
        *len = 0;
        return MHD_YES;
    }
    if (strcmp(url, "/healthz") == 0) {
        return otterd__send(server, connection, MHD_HTTP_OK,
                            otterd__text("ok\n"));
    }
    if (strcmp(url, "/metrics") == 0) {
        return send_metrics(server, connection);
    }
    if (otterd__is_console(server, url)) {
        return otterd__answer_console(server, connection, url);
    }
    return otterd__answer_device(server, connection, url,
                                 strcmp(method, "HEAD") == 0, state);
}

static int open_readers(struct otterd_server *server, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct otterd_reader *reader = &server->readers[i];
        int err = otterd_store_open(&reader->store, server->dir);

        pthread_mutex_init(&reader->lock, NULL);
        server->reader_count = i + 1;
        if (err != 0) {
            fprintf(stderr, "otterd: %s\n", otterd_store_error(reader->store));
            return err;
        }
    }
    return 0;
}

static void completed(void *user, struct MHD_Connection *connection,
                      void **state, enum MHD_RequestTerminationCode code)
{
    struct otterd_exchange *exchange = *state;

    (void)user;
    if (exchange != NULL && exchange->end != NULL) {
        exchange->end(exchange, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    }
    *state = NULL;
    otterd_patience_done(connection);
}

int otterd_server_start(struct otterd_server **out,
                        const struct otterd_config *config)
{
    struct otterd_server *server = calloc(1, sizeof *server);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int err;

    if (server == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    server->config = *config;
    server->listeners[0] = server->listeners[1] = MHD_INVALID_SOCKET;
    otterd_metrics_init(&server->metrics);
    snprintf(server->dir, sizeof server->dir, "%s", config->data);
    server->threads = cores < 1 ? 1 : cores > 64 ? 64 : (unsigned)cores;
    err = open_readers(server, server->threads);
    if (err == 0) {
        otterd_firmware_sweep(server->dir, server->readers[0].store);
        err = otterd_hub_create(&server->hub);
    }
    if (err == 0) {
        err = otterd_recall_start(&server->recall, server->threads,
                                  OTTERD_RECALL_MS);
    }
    if (err == 0) {
        err = otterd_sightings_start(&server->sightings, server->dir,
                                     server->hub, server->recall);
    }
    if (err == 0) {
        err = otterd_answers_start(&server->answers, server->dir,
                                   server->threads);
    }
    if (err == 0) {
        err = otterd_calls_start(&server->calls, server->dir, server->hub);
    }
    if (err == 0) {
        err = otterd_counter_start(&server->counter, server->dir);
    }
    if (err == 0) {
        err = otterd_patience_start(&server->patience, config->patience);
    }
    if (err == 0) {
        err = otterd__listen(server, answer, completed);
    }
    if (err != 0) {
        otterd_server_stop(server);
        return err;
    }
    atomic_store(&server->running, true);
    *out = server;
    return 0;
}

void otterd_server_reload(struct otterd_server *server)
{
    if (server->tls_daemon == NULL) {
        otterd_log(OTTERD_LOG_INFO, "reload",
                   otterd_log_text("what", "nothing, there is no TLS"));
    } else if (otterd_tls_load(server->config.tls_cert,
                               server->config.tls_key) != 0) {
        otterd_log(OTTERD_LOG_ERROR, "reload",
                   otterd_log_text("what", "the old certificate stays"));
    }
}

void otterd_server_quiesce(struct otterd_server *server)
{
    struct MHD_Daemon *const daemons[] = {server->daemon, server->tls_daemon};

    for (int i = 0; i < 2; i++) {
        if (daemons[i] != NULL) {
            server->listeners[i] = MHD_quiesce_daemon(daemons[i]);
        }
    }
    /* Streams of events would never end by themselves. */
    otterd_hub_close(server->hub);
}

bool otterd_server_busy(struct otterd_server *server)
{
    return otterd_patience_busy(server->patience) > 0;
}

void otterd_server_stop(struct otterd_server *server)
{
    otterd_calls_close(server->calls);
    if (server->hub != NULL) {
        otterd_hub_close(server->hub);
    }
    if (server->daemon != NULL) {
        MHD_stop_daemon(server->daemon);
    }
    if (server->tls_daemon != NULL) {
        MHD_stop_daemon(server->tls_daemon);
    }
    for (int i = 0; i < 2; i++) {
        if (server->listeners[i] >= 0) {
            close(server->listeners[i]);
        }
    }
    otterd_tls_unload();
    otterd_patience_stop(server->patience);
    otterd_counter_stop(server->counter);
    otterd_calls_free(server->calls);
    otterd_answers_stop(server->answers);
    otterd_sightings_stop(server->sightings);
    otterd_recall_stop(server->recall);
    otterd_hub_destroy(server->hub);
    for (unsigned i = 0; i < server->reader_count; i++) {
        otterd_store_close(server->readers[i].store);
        pthread_mutex_destroy(&server->readers[i].lock);
    }
    free(server);
}
