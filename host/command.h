/* SPDX-License-Identifier: Apache-2.0
 *
 * What the verbs of `otter` share: the table's row, exit codes, and the way
 * to speak to people.  Standard output carries results only; everything else
 * goes to standard error. */
#ifndef OTTER_HOST_COMMAND_H
#define OTTER_HOST_COMMAND_H

#include "format/compiler.h"

/* Exit codes that every verb uses; a verb documents its own from 10 on in its
 * help.  They are stable: scripts depend on them. */
enum otter_exit {
    OTTER_EXIT_OK = 0,
    OTTER_EXIT_FAILED = 1, /* what was asked for did not work out */
    OTTER_EXIT_USAGE = 2   /* the command line is wrong; nothing was done */
};

/* One verb.  `run` gets argv[0] = the verb and what follows it, and returns
 * the exit code.  A row without `run` is a heading over those that follow. */
struct otter_command {
    const char *name;
    const char *summary; /* for the list, one line */
    const char *help;    /* whole text of --help, with examples */
    int (*run)(int argc, char **argv);
};

/* Runs the row of `table` (closed by a row without name) that argv[1] names,
 * and answers --help, -h and "help [NAME]" by itself.  `program` is what was
 * typed so far, such as "otter image"; `about` opens the list. */
int otter__command_dispatch(const struct otter_command *table,
                            const char *program, const char *about, int argc,
                            char **argv);

/* Prints "otter: <message>" to standard error: what happened, why, and what to
 * do about it.  Returns OTTER_EXIT_FAILED. */
int otter__fail(const char *format, ...) OTTER_PRINTF(1, 2);

/* The same for a wrong command line, with a pointer to `program` --help.
 * Returns OTTER_EXIT_USAGE. */
int otter__usage(const char *program, const char *format, ...)
    OTTER_PRINTF(2, 3);

/* The verbs. */
int otter__image(int argc, char **argv);
int otter__espota(int argc, char **argv);
int otter__push(int argc, char **argv); /* exit codes: push_ending.h */

#endif
