/* SPDX-License-Identifier: Apache-2.0
 *
 * Which server `otter` administers and the token for it, as `otter login`
 * keeps them: $XDG_CONFIG_HOME/otter/login.json, readable by its owner only.
 * The token belongs to that server; it is never sent to another one. */
#ifndef OTTER_HOST_ACCOUNT_H
#define OTTER_HOST_ACCOUNT_H

#include "format/compiler.h"
#include "host/password.h"

#include <stdbool.h>

#define OTTER_ACCOUNT_URL_MAX  1023
#define OTTER_ACCOUNT_PATH_MAX 4095

struct otter_account {
    char server[OTTER_ACCOUNT_URL_MAX + 1];  /* http(s)://..., no slash at the
                                                end; "": unknown */
    struct otter_password token;             /* "": unknown */
    char cacert[OTTER_ACCOUNT_PATH_MAX + 1]; /* "": the system's authorities */
};

/* Where the account is kept; false: neither XDG_CONFIG_HOME nor HOME is set,
 * or the path is too long. */
bool otter_account_path(char path[OTTER_ACCOUNT_PATH_MAX + 1]);

/* Reads the account; it stays all "" when there is none.  These three return
 * an exit code (host/api_ending.h); what went wrong was said. */
OTTER_MUST_CHECK int otter_account_load(struct otter_account *account);

/* Writes it, whole or not at all. */
OTTER_MUST_CHECK int otter_account_save(const struct otter_account *account);

/* Removes it; `*was_there` tells whether there was one. */
OTTER_MUST_CHECK int otter_account_remove(bool *was_there);

/* Takes a server's address as a person types it: a scheme and a host, and a
 * path when a proxy puts otterd below one.  NULL: taken; otherwise a sentence
 * that says what is wrong with it. */
const char *otter_account_set_server(struct otter_account *account,
                                     const char *url);

/* The server is on this computer. */
bool otter_account_is_local(const struct otter_account *account);

/* NULL: taken; otherwise what is wrong with the text. */
const char *otter_account_check_token(const char *token);

void otter_account_wipe(struct otter_account *account);

#endif
