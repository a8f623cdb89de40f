/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting and ending the HTTP server, and its routes. */
#include "server/http/server.h"

#include "server/http/server_internal.h"

#include "format/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_SECONDS      30u
#define CONNECTION_MEMORY ((size_t)16384) /* headers that are longer: 431 */

enum MHD_Result otterd__send(struct otterd_server *server,
                             struct MHD_Connection *connection,
                             unsigned status, struct MHD_Response *response)
{
    enum MHD_Result result;

    if (response == NULL) {
        return MHD_NO;
    }
    atomic_fetch_add(&server->answers[status], 1);
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
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    enum MHD_Result result = MHD_NO;

    if (out == NULL) {
        return MHD_NO;
    }
    fputs("# HELP otterd_http_responses_total Answers by status.\n"
          "# TYPE otterd_http_responses_total counter\n",
          out);
    for (unsigned i = 0; i < 600; i++) {
        unsigned long long n = atomic_load(&server->answers[i]);

        if (n > 0) {
            fprintf(out, "otterd_http_responses_total{code=\"%u\"} %llu\n", i,
                    n);
        }
    }
    fprintf(out,
            "# HELP otterd_sightings_lost_total Sightings not written.\n"
            "# TYPE otterd_sightings_lost_total counter\n"
            "otterd_sightings_lost_total %" PRIu64 "\n",
            otterd_sightings_lost(server->sightings));
    if (fclose(out) == 0) {
        result =
            otterd__send(server, connection, MHD_HTTP_OK, otterd__text(text));
    }
    free(text);
    return result;
}

static enum MHD_Result answer(void *user, struct MHD_Connection *connection,
                              const char *url, const char *method,
                              const char *version, const char *data,
                              size_t *len, void **state)
{
    static char seen;
    struct otterd_server *server = user;

    (void)version;
    (void)data;
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
    return otterd__answer_device(server, connection, url);
}

static int open_readers(struct otterd_server *server, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct otterd_reader *reader = &server->readers[i];
        int err = otterd_store_open(&reader->store, server->dir);

        pthread_mutex_init(&reader->lock, NULL);
        server->reader_count = i + 1;
        if (err != 0) {
            fprintf(stderr, "otterd: %s: %s\n", server->dir,
                    otterd_store_error(reader->store));
            return err;
        }
    }
    return 0;
}

/* As many connections as there are descriptors, less those for files. */
static unsigned connection_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 256;
    }
    limit.rlim_cur = limit.rlim_max > 65536 ? 65536 : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 256;
    }
    return limit.rlim_cur < 512 ? 64 : (unsigned)(limit.rlim_cur / 2);
}

static int listen_at(struct otterd_server *server,
                     const struct sockaddr *address, unsigned threads)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG;

    if (address->sa_family == AF_INET6) {
        flags |= MHD_USE_IPv6;
    }
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, answer, server, MHD_OPTION_SOCK_ADDR, address,
        MHD_OPTION_THREAD_POOL_SIZE, threads > 1 ? threads : 0u,
        MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
        MHD_OPTION_CONNECTION_LIMIT, connection_limit(),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 0u, MHD_OPTION_END);
    return server->daemon == NULL ? OTTER_ERR_ADDRESS_IN_USE : 0;
}

int otterd_server_start(struct otterd_server **out, const char *dir,
                        const struct sockaddr *address)
{
    struct otterd_server *server = calloc(1, sizeof *server);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned threads = cores < 1 ? 1 : cores > 64 ? 64 : (unsigned)cores;
    int err;

    if (server == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    snprintf(server->dir, sizeof server->dir, "%s", dir);
    err = open_readers(server, threads);
    if (err == 0) {
        err = otterd_sightings_start(&server->sightings, dir);
    }
    if (err == 0) {
        err = listen_at(server, address, threads);
    }
    if (err != 0) {
        otterd_server_stop(server);
        return err;
    }
    *out = server;
    return 0;
}

uint16_t otterd_server_port(const struct otterd_server *server)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);

    return info == NULL ? 0 : info->port;
}

void otterd_server_stop(struct otterd_server *server)
{
    if (server->daemon != NULL) {
        MHD_stop_daemon(server->daemon);
    }
    otterd_sightings_stop(server->sightings);
    for (unsigned i = 0; i < server->reader_count; i++) {
        otterd_store_close(server->readers[i].store);
        pthread_mutex_destroy(&server->readers[i].lock);
    }
    free(server);
}
