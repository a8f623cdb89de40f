/* SPDX-License-Identifier: Apache-2.0
 *
 * libmicrohttpd with nothing behind it, set up as otterd sets it up
 * (server/http/listen.c): what it alone makes of the benchmark's requests, so
 * that the rest is otterd's own share.
 *
 * Usage: bare PORT FILE; /304 is answered with that, all else with FILE. */
#include <microhttpd.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS_MAX 64

/* One of each for each thread: they would wait for each other's. */
struct answers {
    struct MHD_Response *file[THREADS_MAX];
    struct MHD_Response *empty[THREADS_MAX];
    unsigned threads;
};

static unsigned own_lane(const struct answers *answers)
{
    static atomic_uint lanes;
    static _Thread_local unsigned own; /* 0: none yet */

    if (own == 0) {
        own = atomic_fetch_add(&lanes, 1) + 1;
    }
    return own % answers->threads;
}

static void cork(struct MHD_Connection *connection, int on)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    if (info != NULL) {
        setsockopt(info->connect_fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    }
}

static enum MHD_Result answer(void *user, struct MHD_Connection *connection,
                              const char *url, const char *method,
                              const char *version, const char *data,
                              size_t *len, void **state)
{
    static bool head, file;
    struct answers *answers = user;
    unsigned lane = own_lane(answers);

    (void)method;
    (void)version;
    (void)data;
    if (*state == NULL || *len > 0) {
        *state = &head;
        *len = 0;
        return MHD_YES;
    }
    if (strcmp(url, "/304") == 0) {
        return MHD_queue_response(connection, MHD_HTTP_NOT_MODIFIED,
                                  answers->empty[lane]);
    }
    *state = &file;
    cork(connection, 1);
    return MHD_queue_response(connection, MHD_HTTP_OK, answers->file[lane]);
}

static void completed(void *user, struct MHD_Connection *connection,
                      void **state, enum MHD_RequestTerminationCode code)
{
    (void)user;
    (void)state;
    (void)code;
    cork(connection, 0);
}

static bool prepare(struct answers *answers, const char *path)
{
    for (unsigned i = 0; i < answers->threads; i++) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) != 0) {
            perror(path);
            return false;
        }
        answers->file[i] =
            MHD_create_response_from_fd64((uint64_t)status.st_size, fd);
        answers->empty[i] = MHD_create_response_from_buffer(
            0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
        if (answers->file[i] == NULL || answers->empty[i] == NULL) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct answers answers;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon;
    sigset_t ends;
    int which;

    if (argc != 3) {
        fprintf(stderr, "usage: bare PORT FILE\n");
        return 2;
    }
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    address.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    answers.threads = cores < 1             ? 1
                      : cores > THREADS_MAX ? THREADS_MAX
                                            : (unsigned)cores;
    if (!prepare(&answers, argv[2])) {
        return 1;
    }
    daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG | MHD_USE_TURBO, 0,
        NULL, NULL, answer, &answers, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_THREAD_POOL_SIZE,
        answers.threads > 1 ? answers.threads : 0u,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384,
        MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
    if (daemon == NULL) {
        return 1;
    }
    sigwait(&ends, &which);
    MHD_stop_daemon(daemon);
    return 0;
}
