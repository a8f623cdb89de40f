/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading one line that must not be seen. */
#include "host/password.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Blocks until there is a byte.  With a mask, of a terminal that does not
 * block, signals come in only while nothing is read: Ctrl-C throws away what
 * was typed, so what poll has seen need not be there any more. */
static ssize_t read_byte(int fd, char *byte, const sigset_t *mask)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    ssize_t got;

    do {
        if (mask && ppoll(&wanted, 1, NULL, mask) < 0) {
            return -1;
        }
        got = read(fd, byte, 1);
    } while (got < 0 && errno == EAGAIN && mask);
    return got;
}

/* Read byte by byte and unbuffered, so that no second copy stays in memory and
 * nothing behind the line is taken from standard input. */
static int read_line(struct otter_password *password, int fd,
                     const sigset_t *mask)
{
    size_t len = 0;

    for (;;) {
        char byte;
        ssize_t got = read_byte(fd, &byte, mask);

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
        return read_line(password, STDIN_FILENO, NULL);
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    error = read_line(password, fd, NULL);
    close(fd);
    return error;
}

static void say(int fd, const char *text)
{
    ssize_t written = write(fd, text, strlen(text));

    (void)written; /* a prompt that cannot be shown is no error */
}

/* What a person can press, or send, while the terminal is silent.  The default
 * of each would end or stop the program with the echo off. */
static const int signals[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP};

#define SIGNALS (sizeof signals / sizeof signals[0])

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

/* What was before the question. */
struct manners {
    sigset_t mask;
    struct sigaction actions[SIGNALS];
};

/* The signals wait from here on, but for the moments of waiting for a key:
 * none can come between the look at `caught` and the read. */
static void hold_signals(struct manners *before)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t held;

    sigemptyset(&held);
    for (size_t i = 0; i < SIGNALS; i++) {
        sigaddset(&held, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &held, &before->mask);
    caught = 0;
    for (size_t i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], NULL, &before->actions[i]);
        if (before->actions[i].sa_handler != SIG_IGN) {
            sigaction(signals[i], &action, NULL);
        }
    }
}

/* The signal that came, if any, then does what it would have done. */
static void release_signals(const struct manners *before)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        sigaction(signals[i], &before->actions[i], NULL);
    }
    if (caught != 0) {
        raise(caught);
    }
    sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

/* One question.  However it ends, the terminal is left as it was. */
static int ask_once(struct otter_password *password, int fd,
                    const char *prompt)
{
    struct manners before_signals;
    struct termios before;
    struct termios silent;
    int error;

    if (tcgetattr(fd, &before)) {
        return errno;
    }
    hold_signals(&before_signals);
    silent = before;
    silent.c_lflag &= (tcflag_t)~ECHO;
    /* First, or an answer to the prompt could be flushed, or seen. */
    tcsetattr(fd, TCSAFLUSH, &silent);
    say(fd, prompt);
    error = read_line(password, fd, &before_signals.mask);
    tcsetattr(fd, TCSAFLUSH, &before);
    say(fd, "\n");
    release_signals(&before_signals);
    return error;
}

int otter_password_ask(struct otter_password *password, const char *prompt)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    int error;

    if (fd < 0) {
        return errno;
    }
    do { /* again after a stop */
        error = ask_once(password, fd, prompt);
    } while (error == EINTR && caught == SIGTSTP);
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
