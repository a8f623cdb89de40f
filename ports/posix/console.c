/* SPDX-License-Identifier: Apache-2.0
 *
 * The serial console, on stdout.  Lines are written whole, so that what the
 * board says about itself never lands inside a line of the program.  Like a
 * UART it does not wait for a reader: when nobody takes the output it is
 * dropped and counted. */
#include "ports/posix/machine.h"

#include "hal/board.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 1000

/* A pipe that poll calls writable takes at least PIPE_BUF bytes, more than a
 * line has, so that the write does not block. */
static bool reader_is_there(struct otter_machine *m)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    int wait = m->console_stuck ? 0 : PATIENCE_MS;
    int n;

    do {
        n = poll(&out, 1, wait);
    } while (n < 0 && errno == EINTR);
    m->console_stuck = n <= 0;
    return n > 0;
}

static void write_out(struct otter_machine *m, const char *text, size_t len)
{
    size_t done = 0;

    while (done < len && reader_is_there(m)) {
        ssize_t n = write(STDOUT_FILENO, text + done, len - done);

        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            break;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    m->counters.console_dropped += len - done;
}

void otter__console_flush(void)
{
    struct otter_machine *m = otter__machine();
    uint32_t len = m->line_len;

    if (len > 0 && len <= sizeof m->line) {
        m->mid_line = m->line[len - 1] != '\n';
        write_out(m, m->line, len);
    }
    m->line_len = 0;
}

void otter_board_putc(char c)
{
    struct otter_machine *m = otter__machine();

    m->line[m->line_len++] = c;
    if (c == '\n' || c == '\r' || m->line_len >= sizeof m->line) {
        otter__console_flush();
    }
}

void otter__console_say(const char *format, ...)
{
    struct otter_machine *m = otter__machine();
    char text[OTTER_MACHINE_CONSOLE_SIZE];
    va_list args;
    int len;

    otter__console_flush();
    len = snprintf(text, sizeof text, "%sboard: ", m->mid_line ? "\n" : "");
    va_start(args, format);
    vsnprintf(text + len, sizeof text - (size_t)len - 1, format, args);
    va_end(args);
    strcat(text, "\n");
    m->mid_line = false;
    write_out(m, text, strlen(text));
}
