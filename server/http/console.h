/* SPDX-License-Identifier: Apache-2.0
 *
 * The console: the web page at /console/ and the way to it from /.  Its files
 * are part of the binary, packed by scripts/console-files at build time and
 * sent as they are, with Content-Encoding: gzip.  What they need to be safe
 * is said to the browser with each: no code, style or picture from anywhere
 * else, no code inside a page, no text that becomes code, no frame around
 * it. */
#ifndef OTTER_SERVER_HTTP_CONSOLE_H
#define OTTER_SERVER_HTTP_CONSOLE_H

#include <stddef.h>

struct otterd_console_file {
    const char *name; /* in the folder; NULL ends the table */
    const char *type; /* Content-Type */
    const char *tag;  /* ETag, with its quotes */
    const unsigned char *data;
    size_t size;
};

extern const struct otterd_console_file otterd_console_files[];

/* The file of a URL; "/console/" is index.html.  NULL: there is none. */
const struct otterd_console_file *otterd_console_find(const char *url);

#endif
