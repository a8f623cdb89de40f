/* SPDX-License-Identifier: Apache-2.0
 *
 * The control socket: lines in, one line out for each.  A client may keep its
 * connection and send many; one that does not read its answers is dropped
 * rather than waited for. */
#include "ports/posix/hardware/hardware.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_SIZE   256
#define ANSWER_SIZE 98304 /* wear of every sector of 16 MiB, in digits */

struct client {
    int fd; /* 0: free */
    size_t len;
    char line[LINE_SIZE];
};

static int listener = -1;
static struct client clients[OTTER_HW_CLIENTS];
static char answer[ANSWER_SIZE];

static bool socket_address(struct sockaddr_un *out, const char *path)
{
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof out->sun_path) {
        fprintf(stderr,
                "otter-device: %s: longer than the %zu characters "
                "that a socket path may have\n",
                path, sizeof out->sun_path - 1);
        return false;
    }
    strcpy(out->sun_path, path);
    return true;
}

/* A socket file that nobody listens to any more is in the way. */
static void remove_dead(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof *at) != 0 &&
        errno == ECONNREFUSED) {
        unlink(at->sun_path);
    }
    if (fd >= 0) {
        close(fd);
    }
}

bool otter__hw_control_open(const char *path)
{
    struct sockaddr_un at;

    if (!socket_address(&at, path)) {
        return false;
    }
    remove_dead(&at);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0 ||
        bind(listener, (const struct sockaddr *)&at, sizeof at) != 0 ||
        listen(listener, OTTER_HW_CLIENTS) != 0) {
        fprintf(stderr, "otter-device: %s: %s\n", path, strerror(errno));
        return false;
    }
    return true;
}

void otter__hw_control_close(const char *path)
{
    if (listener >= 0 && path != NULL) {
        unlink(path);
    }
}

int otter__hw_control_fds(struct pollfd *fds)
{
    int count = 0;

    if (listener >= 0) {
        fds[count++] = (struct pollfd){.fd = listener, .events = POLLIN};
    }
    for (int i = 0; i < OTTER_HW_CLIENTS; i++) {
        if (clients[i].fd > 0) {
            fds[count++] =
                (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
        }
    }
    return count;
}

/* --- Commands ----------------------------------------------------------- */

static void do_reset(struct otter_hw *hw)
{
    otter__hw_reset(hw, OTTER_RESET_PIN);
}

static void do_wake(struct otter_hw *hw)
{
    otter__hw_reset(hw, OTTER_RESET_DEEP_SLEEP);
}

static void do_cycle(struct otter_hw *hw)
{
    otter__hw_power_off(hw);
    otter__hw_power_on(hw);
}

static void do_strap(struct otter_hw *hw)
{
    hw->machine->strapped = true;
    otter__hw_qemu_straps(hw);
}

static void do_unstrap(struct otter_hw *hw)
{
    hw->machine->strapped = false;
    otter__hw_qemu_straps(hw);
}

static void do_quit(struct otter_hw *hw)
{
    hw->quit = true;
}

static const struct {
    const char *name;
    void (*obey)(struct otter_hw *hw);
} commands[] = {
    {"reset", do_reset},
    {"wake", do_wake},
    {"power on", otter__hw_power_on},
    {"power off", otter__hw_power_off},
    {"power cycle", do_cycle},
    {"strap download", do_strap},
    {"strap run", do_unstrap},
    {"quit", do_quit},
};

/* The board lx106 counts from power-up on, so it takes an order before. */
static bool order_cut(struct otter_hw *hw, const char *text)
{
    struct otter_hw_options *o = &hw->options;
    uint32_t operation = 0;
    uint32_t outcome = 0;

    if ((strcmp(text, "off") != 0 &&
         !otter__hw_parse_cut(text, &operation, &outcome)) ||
        (o->lx106 && hw->state != OTTER_HW_OFF)) {
        return false;
    }
    if (o->lx106) {
        o->cut_after = operation;
        o->cut_outcome = outcome;
    } else {
        otter__machine_order_cut(operation, outcome);
    }
    return true;
}

static void obey(struct otter_hw *hw, const char *line)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(line, commands[i].name) == 0) {
            commands[i].obey(hw);
            strcpy(answer, "ok");
            return;
        }
    }
    if (strncmp(line, "cut ", 4) == 0) {
        strcpy(answer, order_cut(hw, line + 4)
                           ? "ok"
                           : "error: no such cut, or not while this runs");
    } else if (strcmp(line, "status") == 0) {
        otter__hw_report_status(hw, answer, sizeof answer - 1);
    } else if (strcmp(line, "counters") == 0) {
        otter__hw_report_counters(hw, answer, sizeof answer - 1);
    } else {
        strcpy(answer, "error: unknown command, see otter-device --help");
    }
}

static void drop(struct client *c)
{
    close(c->fd);
    c->fd = 0;
    c->len = 0;
}

static void answer_line(struct otter_hw *hw, struct client *c,
                        const char *line)
{
    ssize_t len;

    obey(hw, line);
    strcat(answer, "\n");
    len = (ssize_t)strlen(answer);
    if (send(c->fd, answer, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) != len) {
        drop(c);
    }
}

static void serve_client(struct otter_hw *hw, struct client *c)
{
    ssize_t n = recv(c->fd, c->line + c->len, sizeof c->line - 1 - c->len,
                     MSG_DONTWAIT);
    char *end;

    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            drop(c);
        }
        return;
    }
    c->len += (size_t)n;
    c->line[c->len] = '\0';
    while (c->fd > 0 && (end = strchr(c->line, '\n')) != NULL) {
        *end = '\0';
        answer_line(hw, c, c->line);
        c->len -= (size_t)(end + 1 - c->line);
        memmove(c->line, end + 1, c->len + 1);
    }
    if (c->len == sizeof c->line - 1) {
        drop(c); /* no command is that long */
    }
}

static void accept_client(void)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    for (int i = 0; fd >= 0 && i < OTTER_HW_CLIENTS; i++) {
        if (clients[i].fd == 0) {
            clients[i].fd = fd;
            clients[i].len = 0;
            return;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
}

void otter__hw_control_serve(struct otter_hw *hw, const struct pollfd *fds,
                             int count)
{
    for (int n = 0; n < count; n++) {
        if (fds[n].revents == 0) {
            continue;
        }
        if (fds[n].fd == listener) {
            accept_client();
            continue;
        }
        for (int i = 0; i < OTTER_HW_CLIENTS; i++) {
            if (clients[i].fd == fds[n].fd) {
                serve_client(hw, &clients[i]);
                break;
            }
        }
    }
}

/* --- The other end ------------------------------------------------------ */

static bool exchange(int fd, const char *command)
{
    size_t len = 0;
    ssize_t n;

    if (dprintf(fd, "%s\n", command) < 0) {
        return false;
    }
    do {
        n = read(fd, answer + len, sizeof answer - 1 - len);
        len += n > 0 ? (size_t)n : 0;
    } while (n > 0 && answer[len - 1] != '\n');
    answer[len] = '\0';
    return len > 0 && answer[len - 1] == '\n';
}

int otter__hw_control_send(const char *path, const char *command)
{
    struct sockaddr_un at;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || !socket_address(&at, path)) {
        return OTTER_HW_EXIT_BOARD;
    }
    if (connect(fd, (const struct sockaddr *)&at, sizeof at) != 0) {
        fprintf(stderr, "otter-device: %s: no board listens there: %s\n", path,
                strerror(errno));
        return OTTER_HW_EXIT_BOARD;
    }
    if (!exchange(fd, command)) {
        fprintf(stderr, "otter-device: %s: the board did not answer\n", path);
        return OTTER_HW_EXIT_BOARD;
    }
    fputs(answer, stdout);
    return strncmp(answer, "error", 5) == 0 ? OTTER_HW_EXIT_BOARD
                                            : OTTER_HW_EXIT_OK;
}
