/* SPDX-License-Identifier: Apache-2.0
 *
 * What the commands that administer an otterd share: options, the account
 * with what the options and the environment say instead, output, questions.
 *
 *     struct otter_admin admin = {.program = "otter device show"};
 *     int status = otter_admin_start(&admin, rules, argc, argv, 1, 1);
 *
 *     if (status == 0) { ... status = ... }
 *     return otter_admin_end(&admin, status);
 */
#ifndef OTTER_HOST_ADMIN_H
#define OTTER_HOST_ADMIN_H

#include "format/compiler.h"
#include "host/account.h"
#include "host/api.h"
#include "host/api_ending.h"
#include "host/show.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An option of one command.  The list is closed by a row without name. */
struct otter_admin_rule {
    const char *name;
    enum {
        OTTER_ADMIN_FLAG,  /* bool */
        OTTER_ADMIN_TEXT,  /* const char * */
        OTTER_ADMIN_NUMBER /* uint32_t, from 1 */
    } kind;
    void *value; /* of that type */
    char letter; /* short form, or 0 */
};

struct otter_admin {
    const char *program; /* "otter device show" */
    const char *wants;   /* said when a word is missing */
    bool json;
    bool yes;
    char **words; /* what is no option */
    size_t word_count;
    struct otter_account account;
    struct otter_api api;
    /* private */
    const char *server;
    const char *token_file;
    const char *cacert;
    uint32_t timeout_ms;
    json_t *list; /* of otter_admin_collect */
    bool open;
};

/* The options of all these commands, for their help, and what follows. */
#define OTTER_ADMIN_HELP                                                      \
    "      --json             JSON for programs\n"                            \
    "      --server URL       another server than that of otter login\n"      \
    "      --token-file FILE  the token is its first line; \"-\" is "         \
    "standard "                                                               \
    "input\n"                                                                 \
    "      --cacert FILE      authorities to trust for https://, in PEM\n"    \
    "      --timeout SECONDS  of waiting for the server (default 30)\n"       \
    "  -h, --help             this text\n"                                    \
    "\n"                                                                      \
    "The environment may name OTTER_SERVER and OTTER_TOKEN; options "         \
    "win.\n" OTTER_API_ENDINGS_HELP

/* Reads the command line, with at least `min` and at most `max` words, takes
 * the account and opens the connection.  Returns an exit code. */
OTTER_MUST_CHECK int otter_admin_start(struct otter_admin *admin,
                                       const struct otter_admin_rule *rules,
                                       int argc, char **argv, size_t min,
                                       size_t max);

/* The three steps of that.  The account is the stored one, with what options
 * and environment say instead; without `stored`, it is only what they say, and
 * may be without a token. */
OTTER_MUST_CHECK int otter_admin_parse(struct otter_admin *admin,
                                       const struct otter_admin_rule *rules,
                                       int argc, char **argv, size_t min,
                                       size_t max);
OTTER_MUST_CHECK int otter_admin_account(struct otter_admin *admin,
                                         bool stored);
OTTER_MUST_CHECK int otter_admin_open(struct otter_admin *admin);

/* Releases everything; returns `status`, or the code of output that could not
 * be written. */
int otter_admin_end(struct otter_admin *admin, int status);

/* For what cannot be undone: asks on a terminal, wants --yes without one.
 * Returns 0 to go on. */
OTTER_MUST_CHECK int otter_admin_confirm(const struct otter_admin *admin,
                                         const char *format, ...)
    OTTER_PRINTF(2, 3);

/* Whether the next request would fail in the same way. */
bool otter_admin_is_hopeless(int status);

/* Output as JSON: a command that may have several results puts each here
 * (borrowed), and they come out as one array at the end. */
void otter_admin_collect(struct otter_admin *admin, json_t *thing);

/* A list as a table, or as a JSON array: `limit` things at most, 0 all.
 * `fill` gives the cells of one thing, one for each column; it may put texts
 * into `room`. */
struct otter_admin_listing {
    const char *path; /* with its query; NULL: out of memory, which is said */
    const char *key;  /* of the array in the answers */
    size_t limit;     /* as otter_api_list has it */
    const struct otter_show_column *columns;
    size_t count; /* of columns */
    void (*fill)(const json_t *thing, char (*room)[OTTER_SHOW_CELL],
                 const char **cells);
    const char *none; /* said on standard error when the list is empty */
};

OTTER_MUST_CHECK int otter_admin_list(
    struct otter_admin *admin, const struct otter_admin_listing *listing);

/* A whole command that shows a list and has no options of its own but
 * --limit. */
int otter_admin_list_plain(const char *program,
                           const struct otter_admin_listing *listing, int argc,
                           char **argv);

/* `method` without a body at /ROOT/WORD, or at /ROOT when `word` is NULL.  The
 * caller releases the answer, if it wants one (NULL: not). */
OTTER_MUST_CHECK int otter_admin_ask(struct otter_admin *admin,
                                     const char *method, const char *root,
                                     const char *word, json_t **answer);

/* The same with a body, which is released here; `word` NULL: at /ROOT.  A body
 * that is NULL could not be made, which is said. */
OTTER_MUST_CHECK int otter_admin_send(struct otter_admin *admin,
                                      const char *method, const char *root,
                                      const char *word, json_t *body,
                                      json_t **answer);

/* Whole commands without options of their own, of the thing `word` at /ROOT:
 * one shows it, the other asks whether to `verb` it, and says that it is
 * `done`.  `wants` as in struct otter_admin. */
struct otter_admin_thing {
    const char *program;
    const char *wants;
    const char *root;
};
int otter_admin_show(const struct otter_admin_thing *thing,
                     void (*show)(const json_t *answer), int argc,
                     char **argv);
int otter_admin_delete(const struct otter_admin_thing *thing, const char *verb,
                       const char *name, const char *done, int argc,
                       char **argv);

#endif
