/* SPDX-License-Identifier: Apache-2.0
 *
 * The board `lx106`: its CPU is QEMU with the ESP8266's own core, and under
 * the firmware lies the ROM stand-in of ports/lx106/rom.  This file is the
 * wiring between them and the hardware: the flash file, the settings and the
 * cause of a reset are handed in as descriptors; the console, what the ROM
 * counts and the monitor's answers come back through pipes.  RTC memory is
 * QEMU's, so a reset must not end the process.
 *
 * The numbers below are the contract with ports/lx106/page.h and rom.h. */
#include "ports/posix/hardware/qemu.h"

#include "hal/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_CUT      77
#define EXIT_NO_IMAGE 97
#define ROM_PREFIX    "rom: "
#define TEXT_SIZE     2048

enum event_kind { EVENT_START = 1, EVENT_BEAT, EVENT_ERASE, EVENT_PROGRAM };

static struct {
    int console;          /* read end, -1 while QEMU does not run */
    int events;           /* read end */
    int monitor;          /* our end of a socket pair */
    int cause;            /* a file in memory, shared with QEMU */
    int settings;         /* the same */
    char line[TEXT_SIZE]; /* held back: may be the ROM's */
    size_t line_len;
    bool mid_line;
} qemu = {
    .console = -1, .events = -1, .monitor = -1, .cause = -1, .settings = -1};

/* --- What comes out of it ------------------------------------------------ */

/* A line of the ROM, without its prefix. */
static void rom_says(struct otter_hw *hw, const char *text)
{
    struct otter_machine *m = hw->machine;
    unsigned reason, boot;

    if (sscanf(text, "reset %u, boot %x", &reason, &boot) == 2 &&
        reason <= OTTER_RESET_DEEP_SLEEP) {
        m->reset_reason = reason;
        m->boot_id = boot;
        hw->starts++;
        hw->state = OTTER_HW_RUNNING;
        hw->started_ms = otter_clock_ms();
        otter__console_say("start %u, reset by %s", (unsigned)hw->starts,
                           otter__hw_reason_name(m->reset_reason));
    } else if (strncmp(text, "violation: ", 11) == 0) {
        m->counters.flash.violations++;
        otter__console_say("flash: %s", text + 11);
    } else if (strncmp(text, "exception ", 10) == 0) {
        otter__console_say("exception: the program crashed, %s", text + 10);
    } else if (strncmp(text, "strapped ", 9) == 0) {
        hw->state = OTTER_HW_HALTED;
        otter__console_say("%s", text);
    } else {
        otter__console_say("%s", text);
    }
}

static void flush_line(void)
{
    for (size_t i = 0; i < qemu.line_len; i++) {
        otter_board_putc(qemu.line[i]);
    }
    qemu.line_len = 0;
}

/* Text passes through at once, except what may become a line of the ROM. */
static void console_char(struct otter_hw *hw, char c)
{
    size_t prefix = strlen(ROM_PREFIX);

    if (qemu.mid_line || qemu.line_len == sizeof qemu.line - 1) {
        flush_line();
        otter_board_putc(c);
        qemu.mid_line = c != '\n' && c != '\r';
        return;
    }
    qemu.line[qemu.line_len++] = c;
    if (strncmp(qemu.line, ROM_PREFIX,
                qemu.line_len < prefix ? qemu.line_len : prefix) != 0) {
        flush_line();
        qemu.mid_line = c != '\n' && c != '\r';
    } else if (c == '\n') {
        qemu.line[qemu.line_len - 1] = '\0';
        qemu.line_len = 0;
        rom_says(hw, qemu.line + prefix);
    }
}

static void read_console(struct otter_hw *hw)
{
    char text[4096];
    ssize_t n;

    while ((n = read(qemu.console, text, sizeof text)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            console_char(hw, text[i]);
        }
    }
    otter__console_flush();
}

static void serve_event(struct otter_hw *hw, const uint32_t event[2])
{
    struct otter_machine *m = hw->machine;
    const struct otter_nor_timing *t = &m->timing;

    switch (event[0]) {
    case EVENT_START:
        m->sketch_runs = false;
        otter_board_watchdog_feed();
        break;
    case EVENT_BEAT:
        m->sketch_runs = true;
        otter_board_watchdog_feed();
        break;
    case EVENT_ERASE:
        m->counters.flash.erases++;
        m->counters.flash.time_us += t->erase_us;
        if (event[1] < m->flash_size) {
            m->counters.wear[event[1] / OTTER_NOR_SECTOR]++;
        }
        break;
    case EVENT_PROGRAM:
        m->counters.flash.programs++;
        m->counters.flash.time_us += t->page_us;
        break;
    default:
        break;
    }
}

/* Events are written whole, and a pipe does not split writes so small. */
static void read_events(struct otter_hw *hw)
{
    uint32_t events[512][2];
    ssize_t n;

    while ((n = read(qemu.events, events, sizeof events)) > 0) {
        for (size_t i = 0; i < (size_t)n / sizeof events[0]; i++) {
            serve_event(hw, events[i]);
        }
    }
}

/* What the monitor answers is of no interest. */
static void read_monitor(void)
{
    char text[1024];

    while (recv(qemu.monitor, text, sizeof text, MSG_DONTWAIT) > 0) {
    }
}

static void read_all(struct otter_hw *hw)
{
    if (qemu.console >= 0) {
        read_events(hw);
        read_console(hw);
        read_monitor();
    }
}

/* --- Starting it --------------------------------------------------------- */

/* In the child: descriptors to their numbers, then QEMU. */
static void become_qemu(const struct otter_hw *hw,
                        const int fds[OTTER_HW_QEMU_FD_END], int console,
                        pid_t parent)
{
    int moved[OTTER_HW_QEMU_FD_END];
    int null = open("/dev/null", O_RDONLY);
    int out = fcntl(console, F_DUPFD, 64);
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(0);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = OTTER_HW_QEMU_FD_MONITOR; i < OTTER_HW_QEMU_FD_END; i++) {
        moved[i] = fcntl(fds[i], F_DUPFD, 64);
    }
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    for (int i = OTTER_HW_QEMU_FD_MONITOR; i < OTTER_HW_QEMU_FD_END; i++) {
        dup2(moved[i], i);
    }
    close_range(OTTER_HW_QEMU_FD_END, ~0u, 0);
    otter__hw_qemu_exec(hw);
}

static bool write_file(int fd, const char *text, size_t len)
{
    return ftruncate(fd, 0) == 0 && pwrite(fd, text, len, 0) == (ssize_t)len;
}

/* The letters of page.h. */
static bool set_cause(const struct otter_hw *hw, const char *letter)
{
    char text[4];

    snprintf(text, sizeof text, "%s%s", letter,
             hw->machine->strapped ? "s" : "");
    return write_file(qemu.cause, text, strlen(text));
}

void otter__hw_qemu_straps(struct otter_hw *hw)
{
    if (qemu.cause >= 0) {
        (void)set_cause(hw, "");
    }
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}

static void close_all(void)
{
    close_fd(&qemu.console);
    close_fd(&qemu.events);
    close_fd(&qemu.monitor);
    close_fd(&qemu.cause);
    close_fd(&qemu.settings);
    qemu.line_len = 0;
    qemu.mid_line = false;
}

static bool open_files(const struct otter_hw *hw)
{
    qemu.cause = memfd_create("cause", MFD_CLOEXEC);
    qemu.settings = memfd_create("settings", MFD_CLOEXEC);
    return qemu.cause >= 0 && qemu.settings >= 0 && set_cause(hw, "") &&
           otter__hw_qemu_settings(hw, qemu.settings);
}

bool otter__hw_qemu_start(struct otter_hw *hw)
{
    int console[2], events[2], monitor[2];
    pid_t parent = getpid();

    if (!open_files(hw) || pipe2(console, O_CLOEXEC) != 0 ||
        pipe2(events, O_CLOEXEC) != 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, monitor) != 0) {
        close_all();
        return false;
    }
    fflush(NULL);
    hw->cpu = fork();
    if (hw->cpu == 0) {
        const int fds[OTTER_HW_QEMU_FD_END] = {
            [OTTER_HW_QEMU_FD_MONITOR] = monitor[1],
            [OTTER_HW_QEMU_FD_FLASH] = hw->flash_fd,
            [OTTER_HW_QEMU_FD_SETTINGS] = qemu.settings,
            [OTTER_HW_QEMU_FD_CAUSE] = qemu.cause,
            [OTTER_HW_QEMU_FD_EVENTS] = events[1]};

        become_qemu(hw, fds, console[1], parent);
    }
    close(console[1]);
    close(events[1]);
    close(monitor[1]);
    qemu.console = console[0];
    qemu.events = events[0];
    qemu.monitor = monitor[0];
    fcntl(qemu.console, F_SETFL, O_NONBLOCK);
    fcntl(qemu.events, F_SETFL, O_NONBLOCK);
    otter_board_watchdog_feed();
    if (hw->cpu < 0) {
        hw->cpu = 0;
        close_all();
        return false;
    }
    return true;
}

/* --- While it runs ------------------------------------------------------- */

void otter__hw_qemu_reset(struct otter_hw *hw, enum otter_reset_reason reason)
{
    static const char command[] = "system_reset\n";
    const char *letter = reason == OTTER_RESET_WATCHDOG     ? "w"
                         : reason == OTTER_RESET_DEEP_SLEEP ? "d"
                                                            : "";

    read_all(hw);
    hw->state = OTTER_HW_RUNNING;
    otter_board_watchdog_feed();
    if (!set_cause(hw, letter) ||
        send(qemu.monitor, command, sizeof command - 1, MSG_NOSIGNAL) < 0) {
        otter__console_say("QEMU does not take the reset: %s",
                           strerror(errno));
    }
}

void otter__hw_qemu_ended(struct otter_hw *hw, int status)
{
    read_all(hw);
    close_all();
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CUT) {
        hw->options.cut_after = 0; /* it has fired */
        hw->state = OTTER_HW_OFF;
        return;
    }
    if (WIFSIGNALED(status)) {
        otter__console_say("QEMU ended: %s", strsignal(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) != EXIT_NO_IMAGE) {
        otter__console_say("QEMU ended with status %d", WEXITSTATUS(status));
    }
    otter__console_say("idle");
    hw->state = OTTER_HW_HALTED;
}

void otter__hw_qemu_stopped(struct otter_hw *hw)
{
    read_all(hw);
    flush_line();
    otter__console_flush();
    close_all();
}

int otter__hw_qemu_fds(struct pollfd *fds)
{
    if (qemu.console < 0) {
        return 0;
    }
    fds[0] = (struct pollfd){.fd = qemu.console, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = qemu.events, .events = POLLIN};
    fds[2] = (struct pollfd){.fd = qemu.monitor, .events = POLLIN};
    return OTTER_HW_QEMU_FDS;
}

void otter__hw_qemu_serve(struct otter_hw *hw)
{
    read_all(hw);
}
