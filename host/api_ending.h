/* SPDX-License-Identifier: Apache-2.0
 *
 * How a command that talks to otterd ends.  One list holds every ending, its
 * exit status and its words; --help is written from it.  Scripts depend on the
 * numbers: they are never changed and never used again. */
#ifndef OTTER_HOST_API_ENDING_H
#define OTTER_HOST_API_ENDING_H

/* X(symbol, exit status, text). */
#define OTTER_API_ENDINGS(X)                                                  \
    X(OK, 0, "done")                                                          \
    X(FAILED, 1, "this computer failed, see the text")                        \
    X(USAGE, 2, "wrong command line; nothing was sent")                       \
    X(LOGIN, 10, "no server or no token is known, see otter login")           \
    X(UNREACHABLE, 11, "the server cannot be reached, or not trusted")        \
    X(TOKEN, 12, "the server does not accept the token")                      \
    X(SCOPE, 13, "the token's scope is too small")                            \
    X(ABSENT, 14, "the server knows no such thing")                           \
    X(CONFLICT, 15, "what the server has already forbids it")                 \
    X(REFUSED, 16, "the server refuses what it was given")                    \
    X(SERVER, 17, "the server failed, or its answer makes no sense")          \
    X(FILE, 18, "a file cannot be read or written")

enum otter_api_ending {
#define OTTER_API_END_ENUM(symbol, status, text)                              \
    OTTER_API_END_##symbol = (status),
    OTTER_API_ENDINGS(OTTER_API_END_ENUM)
#undef OTTER_API_END_ENUM
};

/* The list as a piece of a help text. */
#define OTTER_API_END_LINE(symbol, status, text) "  " #status "\t" text "\n"
#define OTTER_API_ENDINGS_HELP                                                \
    "\nExit codes:\n" OTTER_API_ENDINGS(OTTER_API_END_LINE)

#endif
