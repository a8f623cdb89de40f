/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens and sessions: secrets of which only digests are kept. */
#include "server/store/tokens.h"
#include "server/store/store_internal.h"

#include "format/error.h"
#include "format/hex.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define SECRET   32 /* bytes of chance in a token */
#define PREFIX   "otter_"
#define HEX_SIZE 65

static const char *const scopes[] = {"read", "operate", "admin"};

const char *otterd_scope_name(enum otterd_scope scope)
{
    return scopes[scope];
}

int otterd_scope_read(const char *text, enum otterd_scope *out)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, scopes[i]) == 0) {
            *out = (enum otterd_scope)i;
            return 0;
        }
    }
    return OTTER_ERR_SYNTAX;
}

/* 43 characters of base64url (RFC 4648 section 5) and a NUL. */
static int make_secret(char out[OTTERD_SESSION_SIZE])
{
    unsigned char bytes[SECRET];
    char padded[48];

    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        return OTTER_ERR_RANDOM;
    }
    EVP_EncodeBlock((unsigned char *)padded, bytes, sizeof bytes);
    for (int i = 0; i < OTTERD_SESSION_SIZE - 1; i++) {
        out[i] = padded[i] == '+' ? '-' : padded[i] == '/' ? '_' : padded[i];
    }
    out[OTTERD_SESSION_SIZE - 1] = '\0';
    OPENSSL_cleanse(bytes, sizeof bytes);
    OPENSSL_cleanse(padded, sizeof padded);
    return 0;
}

static int digest_of(const char *secret, char hex[HEX_SIZE])
{
    unsigned char bytes[32];

    if (EVP_Digest(secret, strlen(secret), bytes, NULL, EVP_sha256(), NULL) !=
        1) {
        return OTTER_ERR_NO_MEMORY;
    }
    otter_hex_encode(hex, bytes, sizeof bytes);
    return 0;
}

static int count_of(struct otterd_store *store, sqlite3_stmt *row,
                    int64_t *count)
{
    int err = otterd__store_row(store, row);

    if (err == 0) {
        *count = sqlite3_column_int64(row, 0);
        sqlite3_reset(row);
    }
    return err;
}

static int add_token(struct otterd_store *store, const char *name,
                     enum otterd_scope scope, const char *who, int64_t *id,
                     char token[OTTERD_TOKEN_SIZE])
{
    char hash[HEX_SIZE];
    int64_t count = 0;
    int err = count_of(
        store, otterd__store_query(store, OTTERD_Q_TOKEN_COUNT, ""), &count);

    if (err == 0 && count >= OTTERD_TOKENS_MAX) {
        err = OTTER_ERR_TOO_LONG;
    }
    memcpy(token, PREFIX, sizeof PREFIX);
    if (err == 0) {
        err = make_secret(token + strlen(PREFIX));
    }
    if (err == 0) {
        err = digest_of(token, hash);
    }
    if (err == 0) {
        err = otterd__store_run(
            store,
            otterd__store_query(store, OTTERD_Q_TOKEN_ADD, "ssii", hash, name,
                                (int64_t)scope, otterd__store_now()));
    }
    if (err != 0) {
        return err;
    }
    *id = sqlite3_last_insert_rowid(store->db);
    return otterd_audit_say(store, who, "token %lld \"%s\" %s created",
                            (long long)*id, name, scopes[scope]);
}

int otterd_token_create(struct otterd_store *store, const char *name,
                        enum otterd_scope scope, const char *who, int64_t *id,
                        char token[OTTERD_TOKEN_SIZE])
{
    bool own;
    int err = otterd__change_begin(store, &own);

    if (err == 0) {
        err = add_token(store, name, scope, who, id, token);
    }
    return otterd__change_end(store, own, err);
}

int otterd_token_first(struct otterd_store *store,
                       char token[OTTERD_TOKEN_SIZE])
{
    int64_t count = 0;
    int64_t id;
    bool own;
    int err = otterd__change_begin(store, &own);

    if (err == 0) {
        err = count_of(store,
                       otterd__store_query(store, OTTERD_Q_TOKEN_COUNT, ""),
                       &count);
    }
    if (err == 0 && count == 0) {
        err = add_token(store, "administrator", OTTERD_SCOPE_ADMIN, "otterd",
                        &id, token);
    }
    err = otterd__change_end(store, own, err);
    return err != 0 ? err : count == 0;
}

static void read_token(struct otterd_token *out, sqlite3_stmt *row)
{
    out->id = sqlite3_column_int64(row, 0);
    otterd__store_text(out->name, sizeof out->name, row, 1);
    out->scope = (enum otterd_scope)sqlite3_column_int(row, 2);
    out->created = sqlite3_column_int64(row, 3);
}

/* Compares with the digest in each row, all of them in any case. */
static int check_all(struct otterd_store *store, sqlite3_stmt *row,
                     const char *secret, struct otterd_token *out)
{
    char hash[HEX_SIZE];
    bool found = false;
    int err = digest_of(secret, hash);

    while (err == 0 && (err = otterd__store_row(store, row)) == 0) {
        const unsigned char *kept = sqlite3_column_text(row, 4);

        if (kept != NULL && sqlite3_column_bytes(row, 4) == HEX_SIZE - 1 &&
            CRYPTO_memcmp(hash, kept, HEX_SIZE - 1) == 0) {
            read_token(out, row);
            found = true;
        }
    }
    if (err == OTTER_ERR_NO_DATA) {
        err = found ? 0 : OTTER_ERR_AUTH;
    }
    return err;
}

int otterd_token_check(struct otterd_store *store, const char *token,
                       struct otterd_token *out)
{
    return check_all(store, otterd__store_query(store, OTTERD_Q_TOKEN_ALL, ""),
                     token, out);
}

int otterd_token_list(struct otterd_store *store, int64_t after, int64_t limit,
                      void (*each)(void *user,
                                   const struct otterd_token *token),
                      void *user)
{
    sqlite3_stmt *row =
        otterd__store_query(store, OTTERD_Q_TOKEN_LIST, "ii", after, limit);
    int err;

    while ((err = otterd__store_row(store, row)) == 0) {
        struct otterd_token token;

        read_token(&token, row);
        each(user, &token);
    }
    return err == OTTER_ERR_NO_DATA ? 0 : err;
}

static int remove_token(struct otterd_store *store, int64_t id,
                        const char *who)
{
    char name[OTTERD_TEXT_MAX];
    int64_t admins = 0;
    sqlite3_stmt *row =
        otterd__store_query(store, OTTERD_Q_TOKEN_REMOVE, "i", id);
    int err = otterd__store_row(store, row);

    if (err != 0) {
        return err;
    }
    otterd__store_text(name, sizeof name, row, 0);
    sqlite3_reset(row);
    err = count_of(store,
                   otterd__store_query(store, OTTERD_Q_TOKEN_ADMINS, "i", id),
                   &admins);
    if (err == 0 && admins == 0) {
        err = OTTER_ERR_DECLINED;
    }
    return err != 0 ? err
                    : otterd_audit_say(store, who, "token %lld \"%s\" removed",
                                       (long long)id, name);
}

int otterd_token_remove(struct otterd_store *store, int64_t id,
                        const char *who)
{
    int err = otterd_store_begin(store);

    if (err == 0) {
        err = remove_token(store, id, who);
    }
    return otterd__change_end(store, true, err);
}

static int64_t session_horizon(void)
{
    return otterd__store_now() - (int64_t)OTTERD_SESSION_HOURS * 3600;
}

int otterd_session_open(struct otterd_store *store, int64_t id,
                        char session[OTTERD_SESSION_SIZE])
{
    char hash[HEX_SIZE];
    bool own;
    int err = otterd__change_begin(store, &own);

    if (err == 0) {
        err = otterd__store_run(
            store, otterd__store_query(store, OTTERD_Q_SESSION_PRUNE, "i",
                                       session_horizon()));
    }
    if (err == 0) {
        err = make_secret(session);
    }
    if (err == 0) {
        err = digest_of(session, hash);
    }
    if (err == 0) {
        err = otterd__store_run(
            store, otterd__store_query(store, OTTERD_Q_SESSION_ADD, "sii",
                                       hash, id, otterd__store_now()));
    }
    return otterd__change_end(store, own, err);
}

int otterd_session_check(struct otterd_store *store, const char *session,
                         struct otterd_token *out)
{
    return check_all(store,
                     otterd__store_query(store, OTTERD_Q_SESSION_ALL, "i",
                                         session_horizon()),
                     session, out);
}

int otterd_session_close(struct otterd_store *store, const char *session)
{
    char hash[HEX_SIZE];
    int err = digest_of(session, hash);

    return err != 0
               ? err
               : otterd__store_run(
                     store, otterd__store_query(store, OTTERD_Q_SESSION_REMOVE,
                                                "s", hash));
}
