/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices by address: words of a command line, and files that list them for
 * networks without multicast.  A file has one device per line:
 *
 *   # a comment
 *   192.168.1.50
 *   kitchen.local:8266  name=kitchen board=nodemcuv2
 *   [fe80::1%eth0]:8266 password-file=garage.key
 *   192.168.1.51        name="Living room"
 *
 * An address is an IPv4 or IPv6 address or a host name, with a port behind a
 * colon if it is not the default; an IPv6 address with a port is put into
 * brackets.  Keys: name, board, version, auth (yes or no), password-file
 * (relative to the list's folder).  Quotes hold what has blanks or # in it;
 * within them a backslash stands before a quote or a backslash. */
#ifndef OTTER_HOST_TARGET_LIST_H
#define OTTER_HOST_TARGET_LIST_H

#include "format/compiler.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Texts are owned by the list; NULL where nothing was said. */
struct otter_target_entry {
    char *word;    /* the address as it was written, with its port */
    char *address; /* without port and brackets */
    uint16_t port; /* 0: not given */
    char *name;
    char *board;
    char *version;
    char *auth;          /* "yes" or "no" */
    char *password_file; /* can be opened from the current folder */
};

struct otter_target_list {
    struct otter_target_entry *entries;
    size_t count;
    char error[256]; /* what was wrong, for people */
};

/* Adds one address, as it stands on a command line.
 * OTTER_ERR_SYNTAX: it is none, see error.  OTTER_ERR_NO_MEMORY. */
OTTER_MUST_CHECK int otter_target_list_add(struct otter_target_list *list,
                                           const char *word);

/* Adds the devices of a file; "-" is standard input.
 * OTTER_ERR_INVALID: the file cannot be read, see error.
 * OTTER_ERR_SYNTAX: a line is malformed, error names it.
 * OTTER_ERR_NO_MEMORY. */
OTTER_MUST_CHECK int otter_target_list_read(struct otter_target_list *list,
                                            const char *path);

/* Takes out the entries that name the address and port of an earlier one; that
 * is the port where none is given.  Returns how many there were. */
size_t otter_target_list_drop_doubles(struct otter_target_list *list,
                                      uint16_t port);

/* Writes an entry as a line that can be read from any folder. */
void otter_target_list_write(FILE *file,
                             const struct otter_target_entry *entry);

void otter_target_list_free(struct otter_target_list *list);

#endif
