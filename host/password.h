/* SPDX-License-Identifier: Apache-2.0
 *
 * A password from a file or from a person.  A password never reaches a
 * terminal, a log or another process from here. */
#ifndef OTTER_HOST_PASSWORD_H
#define OTTER_HOST_PASSWORD_H

#include "format/compiler.h"

/* The longest password, without the closing zero. */
#define OTTER_PASSWORD_MAX 255

struct otter_password {
    char text[OTTER_PASSWORD_MAX + 1];
};

/* The first line of a file without its line end; "-" is standard input.
 * Returns 0 or an errno value; EMSGSIZE: the line is too long. */
OTTER_MUST_CHECK int otter_password_read(struct otter_password *password,
                                         const char *path);

/* Asks on the controlling terminal, without echo.  Blocks until the line is
 * complete.  Returns 0 or an errno value: EINTR when a signal came, ENXIO or
 * ENODEV when there is no terminal. */
OTTER_MUST_CHECK int otter_password_ask(struct otter_password *password,
                                        const char *prompt);

/* A copy of a password that was given as an argument, which is overwritten so
 * that the list of processes does not show it.  NULL: out of memory.  To be
 * given back to otter_password_free, which takes NULL too. */
char *otter_password_take(char *argument);
void otter_password_free(char *password);

void otter_password_wipe(struct otter_password *password);

#endif
