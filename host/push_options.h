/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of `otter push`. */
#ifndef OTTER_HOST_PUSH_OPTIONS_H
#define OTTER_HOST_PUSH_OPTIONS_H

#include "format/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers and times that were not given are 0, texts NULL; what the defaults
 * are is in the help and in push.c. */
struct otter_push_options {
    char **addresses; /* of the command line */
    size_t address_count;
    const char *file;
    const char *list;  /* a file with more addresses */
    bool all;          /* every device that multicast DNS finds */
    const char *match; /* those with such a name */
    uint32_t discover_ms;
    bool no_mdns;
    bool new_only;
    uint32_t back_ms;
    uint32_t port; /* the devices' UDP port */
    const char *chip;
    bool fs;
    bool force;
    uint16_t host_port_first;
    uint16_t host_port_last;
    const char *bind;
    char *password; /* owned */
    const char *password_file;
    uint32_t parallel;
    uint32_t retries;
    bool no_retries; /* 0 was asked for */
    uint32_t retry_pause_ms;
    uint32_t wait_ms;
    uint32_t timeout_ms;
    uint32_t connect_timeout_ms;
    uint32_t result_timeout_ms;
    uint32_t tries;
    bool lockstep;
    uint32_t chunk;
    const char *via;       /* "push", "http" or "auto" */
    uint32_t page_port;    /* TCP port of the update page */
    const char *path;      /* of that page */
    const char *user;      /* whose password it is there */
    const char *remaining; /* file for the addresses that are left */
    bool json;
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
