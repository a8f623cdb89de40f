/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of `otter push`. */
#ifndef OTTER_HOST_PUSH_OPTIONS_H
#define OTTER_HOST_PUSH_OPTIONS_H

#include "format/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct otter_push_options {
    char **addresses; /* of the command line */
    size_t address_count;
    const char *file;
    uint16_t port; /* the device's UDP port */
    bool fs;
    uint16_t host_port_first; /* 0: the system chooses */
    uint16_t host_port_last;
    const char *bind; /* NULL: every address */
    char *password;   /* owned; NULL: not given as an option */
    const char *password_file;
    uint32_t timeout_ms;         /* 0: the default */
    uint32_t connect_timeout_ms; /* 0: the default */
    uint32_t result_timeout_ms;  /* 0: the default */
    unsigned tries;              /* 0: the default */
    bool lockstep;
    uint32_t chunk;
    bool quiet;
    bool help;
};

/* Fills the options from a command line whose first word is the verb.  The
 * text of --password is taken, see host/password.h.
 * OTTER_ERR_SYNTAX: a message was written to standard error. */
OTTER_MUST_CHECK int otter_push_options_parse(struct otter_push_options *o,
                                              int argc, char **argv);

/* The text of --help, to standard output. */
void otter_push_options_help(void);

#endif
