/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens by which people and programs may use the API, and the sessions of
 * the console that are opened with one.  Only SHA-256 digests of both are
 * kept.  Errors as in store.h. */
#ifndef OTTER_SERVER_STORE_TOKENS_H
#define OTTER_SERVER_STORE_TOKENS_H

#include "server/store/store.h"

enum otterd_scope {
    OTTERD_SCOPE_READ,
    OTTERD_SCOPE_OPERATE,
    OTTERD_SCOPE_ADMIN
};

#define OTTERD_TOKEN_SIZE    50  /* "otter_", 43 characters, NUL */
#define OTTERD_SESSION_SIZE  44  /* 43 characters, NUL */
#define OTTERD_TOKENS_MAX    500 /* that there may be */
#define OTTERD_SESSION_HOURS 12  /* that a session lasts */

struct otterd_token {
    int64_t id;
    char name[OTTERD_TEXT_MAX];
    enum otterd_scope scope;
    int64_t created;
};

/* "read", "operate", "admin". */
const char *otterd_scope_name(enum otterd_scope scope);
OTTER_MUST_CHECK int otterd_scope_read(const char *text,
                                       enum otterd_scope *out);

/* Makes a token.  OTTER_ERR_RANDOM; OTTER_ERR_TOO_LONG: there are
 * OTTERD_TOKENS_MAX already. */
OTTER_MUST_CHECK int otterd_token_create(struct otterd_store *store,
                                         const char *name,
                                         enum otterd_scope scope,
                                         const char *who, int64_t *id,
                                         char token[OTTERD_TOKEN_SIZE]);

/* Makes the administrator's token when there is no token at all.  1: made,
 * 0: there are some. */
OTTER_MUST_CHECK int otterd_token_first(struct otterd_store *store,
                                        char token[OTTERD_TOKEN_SIZE]);

/* Whose token it is.  OTTER_ERR_AUTH: it is none of ours.  The digest is
 * compared with that of every token in constant time. */
OTTER_MUST_CHECK int otterd_token_check(struct otterd_store *store,
                                        const char *token,
                                        struct otterd_token *out);

/* Takes a token and its sessions back.  OTTER_ERR_NO_DATA: there is none with
 * this id; OTTER_ERR_STATE with SQLite content: see otterd_store_error;
 * OTTER_ERR_DECLINED: it is the last one of an administrator. */
OTTER_MUST_CHECK int otterd_token_remove(struct otterd_store *store,
                                         int64_t id, const char *who);

/* Calls `each` for tokens after the id `after`, the oldest first. */
OTTER_MUST_CHECK int otterd_token_list(
    struct otterd_store *store, int64_t after, int64_t limit,
    void (*each)(void *user, const struct otterd_token *token), void *user);

/* Opens a session for the holder of token `id`; the oldest of more than 500
 * and those that are over end. */
OTTER_MUST_CHECK int otterd_session_open(struct otterd_store *store,
                                         int64_t id,
                                         char session[OTTERD_SESSION_SIZE]);

/* As otterd_token_check. */
OTTER_MUST_CHECK int otterd_session_check(struct otterd_store *store,
                                          const char *session,
                                          struct otterd_token *out);

/* Ends a session, if there is such a one. */
OTTER_MUST_CHECK int otterd_session_close(struct otterd_store *store,
                                          const char *session);

#endif
