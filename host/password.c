/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading one line that must not be seen. */
#include "host/password.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Read byte by byte and unbuffered, so that no second copy stays in memory and
 * nothing behind the line is taken from standard input. */
static int read_line(struct otter_password *password, int fd)
{
    size_t len = 0;

    for (;;) {
        char byte;
        ssize_t got = read(fd, &byte, 1);

        if (got < 0) {
            return errno;
        }
        if (got == 0 || byte == '\n') {
            break;
        }
        if (len == OTTER_PASSWORD_MAX) {
            return EMSGSIZE;
        }
        password->text[len++] = byte;
    }
    if (len > 0 && password->text[len - 1] == '\r') {
        len--;
    }
    password->text[len] = '\0';
    return 0;
}

int otter_password_read(struct otter_password *password, const char *path)
{
    int fd;
    int error;

    if (strcmp(path, "-") == 0) {
        return read_line(password, STDIN_FILENO);
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    error = read_line(password, fd);
    close(fd);
    return error;
}

static void say(int fd, const char *text)
{
    ssize_t written = write(fd, text, strlen(text));

    (void)written; /* a prompt that cannot be shown is no error */
}

int otter_password_ask(struct otter_password *password, const char *prompt)
{
    struct termios before;
    struct termios silent;
    int error;
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (fd < 0) {
        return errno;
    }
    if (tcgetattr(fd, &before)) {
        error = errno;
        close(fd);
        return error;
    }
    silent = before;
    silent.c_lflag &= (tcflag_t)~ECHO;
    /* First, or an answer to the prompt could be flushed, or seen. */
    tcsetattr(fd, TCSAFLUSH, &silent);
    say(fd, prompt);
    error = read_line(password, fd);
    tcsetattr(fd, TCSAFLUSH, &before);
    say(fd, "\n");
    close(fd);
    return error;
}

char *otter_password_take(char *argument)
{
    char *copy = strdup(argument);

    memset(argument, 'x', strlen(argument));
    return copy;
}

void otter_password_free(char *password)
{
    if (password) {
        OPENSSL_cleanse(password, strlen(password));
        free(password);
    }
}

void otter_password_wipe(struct otter_password *password)
{
    OPENSSL_cleanse(password, sizeof *password);
}
