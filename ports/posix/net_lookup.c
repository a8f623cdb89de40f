/* SPDX-License-Identifier: Apache-2.0
 *
 * Names.  The host's resolver blocks, so a child process asks it and sends
 * the address through a pipe; giving up means killing the child. */
#include "hal/net.h"

#include "format/error.h"
#include "ports/posix/machine.h"
#include "ports/posix/net_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME_MAX_LEN    253u
#define GIVE_UP_SECONDS 20u

static enum { IDLE, ASKING, KNOWN } state;
static pid_t child;
static int answer_fd;
static struct otter_addr known;

static bool parse_address(struct otter_addr *out, const char *text)
{
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, out->ip) == 1) {
        out->family = OTTER_ADDR_IPV4;
        return true;
    }
    if (inet_pton(AF_INET6, text, out->ip) == 1) {
        out->family = OTTER_ADDR_IPV6;
        return true;
    }
    return false;
}

/* The child: one answer of four bytes, or none.  It keeps no descriptor of
 * the board, which may restart meanwhile. */
static void resolve(const char *name, int out, pid_t parent)
{
    const struct addrinfo hints = {.ai_family = AF_INET,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || dup2(out, OTTER_MACHINE_FD_FLASH) < 0) {
        _exit(1);
    }
    close_range(OTTER_MACHINE_FD_FLASH + 1, ~0u, 0);
    alarm(GIVE_UP_SECONDS);
    if (getaddrinfo(name, NULL, &hints, &found) == 0 && found != NULL) {
        struct sockaddr_in at;

        memcpy(&at, found->ai_addr, sizeof at);
        if (write(OTTER_MACHINE_FD_FLASH, &at.sin_addr, 4) == 4) {
            _exit(0);
        }
    }
    _exit(1);
}

int otter_net_lookup_start(const char *name)
{
    pid_t parent = getpid();
    int ends[2];

    if (state != IDLE) {
        return OTTER_ERR_BUSY;
    }
    if (name[0] == '\0' || strlen(name) > NAME_MAX_LEN) {
        return OTTER_ERR_INVALID;
    }
    if (parse_address(&known, name)) {
        state = KNOWN;
        return 0;
    }
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return OTTER_ERR_NO_MEMORY;
    }
    child = fork();
    if (child == 0) {
        resolve(name, ends[1], parent);
    }
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return OTTER_ERR_NO_MEMORY;
    }
    answer_fd = ends[0];
    state = ASKING;
    return 0;
}

static void end_child(void)
{
    close(answer_fd);
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    state = IDLE;
}

int otter_net_lookup_poll(struct otter_addr *out)
{
    uint8_t ip[4];
    ssize_t n;

    memset(out, 0, sizeof *out);
    if (state == IDLE) {
        return OTTER_ERR_LOOKUP;
    }
    if (state == KNOWN) {
        *out = known;
        state = IDLE;
        return 0;
    }
    n = read(answer_fd, ip, sizeof ip);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return OTTER_ERR_PENDING;
    }
    otter__net_active();
    end_child();
    if (n != (ssize_t)sizeof ip) {
        return OTTER_ERR_LOOKUP;
    }
    out->family = OTTER_ADDR_IPV4;
    memcpy(out->ip, ip, sizeof ip);
    return 0;
}

void otter_net_lookup_cancel(void)
{
    if (state == ASKING) {
        end_child();
    }
    state = IDLE;
}

int otter__net_lookup_fds(struct pollfd *fds)
{
    if (state != ASKING) {
        return 0;
    }
    fds[0] = (struct pollfd){.fd = answer_fd, .events = POLLIN};
    return 1;
}
