/* SPDX-License-Identifier: Apache-2.0
 *
 * What the server is told: by options, by the environment and by a file.  All
 * three know the same settings under the same names:
 *
 *     --tls-cert FILE      OTTERD_TLS_CERT=FILE      tls-cert = FILE
 *
 * An option counts before the environment, the environment before the file,
 * the file before what is built in.  The file is the one that --config or
 * OTTERD_CONFIG names; there is none otherwise. */
#ifndef OTTER_SERVER_CONFIG_H
#define OTTER_SERVER_CONFIG_H

#include "format/compiler.h"
#include "server/decide.h"
#include "server/log.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define OTTERD_PATH_MAX        3900 /* of a folder or file, with NUL */
#define OTTERD_PROXIES_MAX     8
#define OTTERD_CONFIG_SETTINGS 16

/* Where to listen. */
struct otterd_address {
    bool used;
    char text[64]; /* as it was given */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } socket;
};

struct otterd_config {
    char data[OTTERD_PATH_MAX];
    char product[OTTERD_TEXT_MAX];
    struct otterd_address listen;
    struct otterd_address tls_listen;
    char tls_cert[OTTERD_PATH_MAX];
    char tls_key[OTTERD_PATH_MAX];
    struct in6_addr proxies[OTTERD_PROXIES_MAX]; /* IPv4 as ::ffff:a.b.c.d */
    size_t proxy_count;
    uint32_t connections; /* at a time; 0: as many as descriptors allow */
    uint32_t per_address; /* connections of one address; 0: any number */
    uint32_t patience;    /* seconds for a request's head */
    uint32_t drain;       /* seconds for answers when it is to end */
    bool log_json;
    enum otterd_log_level log_level;
    /* private: where each setting came from, weakest first */
    unsigned char from[OTTERD_CONFIG_SETTINGS];
};

/* Fills in what is built in. */
void otterd_config_init(struct otterd_config *config);

/* Reads options, environment and file; `*rest` is the index of the first
 * word that is no option.  `environment` is a list like environ.  Errors are
 * printed with the file and line, variable or option that has the fault.
 * OTTER_ERR_SYNTAX: somebody made a mistake; OTTER_ERR_PENDING: --help or
 * --version was asked for, `*asked` says which. */
OTTER_MUST_CHECK int otterd_config_read(struct otterd_config *config, int argc,
                                        char **argv, char **environment,
                                        int *rest, char *asked);

/* The lines about the settings for --help. */
void otterd_config_help(void);

/* Reads an address of either family; IPv4 becomes ::ffff:a.b.c.d.
 * OTTER_ERR_SYNTAX. */
OTTER_MUST_CHECK int otterd_address_read(const char *text,
                                         struct in6_addr *out);

#endif
