/* SPDX-License-Identifier: Apache-2.0
 *
 * otter-device: puts the board together and serves its buttons until it is
 * told to quit.  One thread, one poll; everything that happens is a signal, a
 * control command, the end of the CPU process or a timer. */
#include "ports/posix/hardware/hardware.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Without them the flash file would become the console. */
static void open_standard_files(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) {
            _exit(OTTER_HW_EXIT_BOARD);
        }
    }
}

static int open_signals(void)
{
    static const int taken[] = {SIGCHLD, SIGUSR1, SIGUSR2,
                                SIGTERM, SIGINT,  SIGHUP};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        sigaddset(&set, taken[i]);
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void reap(struct otter_hw *hw)
{
    int status;

    if (hw->cpu > 0 && waitpid(hw->cpu, &status, WNOHANG) == hw->cpu) {
        hw->cpu = 0;
        otter__hw_cpu_ended(hw, status);
    }
}

static void serve_signal(struct otter_hw *hw, uint32_t number)
{
    switch (number) {
    case SIGCHLD:
        reap(hw);
        break;
    case SIGUSR1:
        otter__hw_reset(hw, OTTER_RESET_PIN);
        break;
    case SIGUSR2:
        if (hw->state == OTTER_HW_OFF) {
            otter__hw_power_on(hw);
        } else {
            otter__hw_power_off(hw);
        }
        break;
    default:
        hw->quit = true;
        break;
    }
}

static void serve_signals(struct otter_hw *hw, int fd)
{
    struct signalfd_siginfo info;

    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
        serve_signal(hw, info.ssi_signo);
    }
}

static void run(struct otter_hw *hw, int signals)
{
    struct pollfd fds[2 + OTTER_HW_CLIENTS + OTTER_HW_QEMU_FDS];

    while (!hw->quit) {
        int timeout = otter__hw_timers(hw);
        int count;
        int all;

        fds[0] = (struct pollfd){.fd = signals, .events = POLLIN};
        count = otter__hw_control_fds(fds + 1);
        all = count + 1 + otter__hw_qemu_fds(fds + count + 1);
        if (poll(fds, (nfds_t)all, timeout) < 0 && errno != EINTR) {
            break;
        }
        if (fds[0].revents != 0) {
            serve_signals(hw, signals);
        }
        otter__hw_qemu_serve(hw);
        otter__hw_control_serve(hw, fds + 1, count);
    }
}

int main(int argc, char **argv)
{
    static struct otter_hw hw;
    int signals;
    int code;

    open_standard_files();
    code = otter__hw_options(&hw.options, argc, argv);
    if (code >= 0) {
        return code;
    }
    if (hw.options.send != NULL) {
        return otter__hw_control_send(hw.options.control, hw.options.send);
    }
    signals = open_signals();
    code = otter__hw_assemble(&hw);
    if (code < 0 && hw.options.upload != NULL) {
        code = otter__hw_serial_upload(&hw, hw.options.upload);
    }
    if (code >= 0) {
        return code;
    }
    if (hw.options.control != NULL &&
        !otter__hw_control_open(hw.options.control)) {
        return OTTER_HW_EXIT_BOARD;
    }
    if (hw.options.cut_after != 0 && !hw.options.lx106) {
        otter__machine_order_cut(hw.options.cut_after, hw.options.cut_outcome);
    }
    if (!hw.options.starts_off) {
        otter__hw_power_on(&hw);
    }
    run(&hw, signals);
    otter__hw_power_off(&hw);
    if (hw.options.stats) {
        otter__hw_report_print(&hw);
    }
    otter__hw_control_close(hw.options.control);
    return OTTER_HW_EXIT_OK;
}
