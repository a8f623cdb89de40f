/* SPDX-License-Identifier: Apache-2.0
 *
 * The console: the web page at /console/ and the way to it from /.  Its files
 * are part of the binary (scripts/console-files), each packed for who accepts
 * gzip and plain for who does not.  What they need to be safe is said to the
 * browser with each: no code, style or picture from anywhere else, no code
 * inside a page, no text that becomes code, no frame around it. */
#ifndef OTTER_SERVER_HTTP_CONSOLE_H
#define OTTER_SERVER_HTTP_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

struct otterd_console_form {
    const char *tag; /* ETag, with its quotes */
    const unsigned char *data;
    size_t size;
};

enum { OTTERD_CONSOLE_PACKED, OTTERD_CONSOLE_PLAIN };

struct otterd_console_file {
    const char *name;                    /* in the folder; NULL ends */
    const char *type;                    /* Content-Type */
    struct otterd_console_form forms[2]; /* OTTERD_CONSOLE_* */
};

extern const struct otterd_console_file otterd_console_files[];

/* The file of a URL; "/console/" is index.html.  NULL: there is none. */
const struct otterd_console_file *otterd_console_find(const char *url);

/* Whether gzip may be sent to who says this in Accept-Encoding (RFC 9110,
 * 12.5.3); NULL: it said nothing, and gets what everybody can read. */
bool otterd_console_may_pack(const char *accept);

#endif
