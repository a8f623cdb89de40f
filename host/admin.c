/* SPDX-License-Identifier: Apache-2.0
 *
 * From the command line to an open connection, and back to an exit code. */
#include "host/admin.h"

#include "format/error.h"
#include "host/command.h"
#include "host/number.h"
#include "host/show.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS  30000u
#define COMMON      6u
#define RULES_MAX   24u
#define FIRST_VALUE 256 /* what getopt_long returns for the first rule */

/* --- Options ------------------------------------------------------------- */

struct parser {
    const struct otter_admin_rule *rules[RULES_MAX];
    size_t count;
    struct option longs[RULES_MAX + 1];
    char letters[2 * RULES_MAX + 2];
};

static void add_rule(struct parser *p, const struct otter_admin_rule *rule)
{
    bool has_value = rule->kind != OTTER_ADMIN_FLAG;
    size_t at = strlen(p->letters);

    p->longs[p->count] =
        (struct option){.name = rule->name,
                        .has_arg = has_value ? required_argument : no_argument,
                        .val = FIRST_VALUE + (int)p->count};
    p->rules[p->count++] = rule;
    if (rule->letter != '\0') {
        p->letters[at++] = rule->letter;
        p->letters[at++] = has_value ? ':' : '\0';
    }
}

static const struct otter_admin_rule *find_rule(const struct parser *p,
                                                int value)
{
    for (size_t i = 0; i < p->count; i++) {
        if (value == FIRST_VALUE + (int)i ||
            (p->rules[i]->letter != '\0' && value == p->rules[i]->letter)) {
            return p->rules[i];
        }
    }
    return NULL;
}

static int read_value(const struct otter_admin *admin,
                      const struct otter_admin_rule *rule)
{
    switch (rule->kind) {
    case OTTER_ADMIN_FLAG:
        *(bool *)rule->value = true;
        break;
    case OTTER_ADMIN_TEXT:
        *(const char **)rule->value = optarg;
        break;
    case OTTER_ADMIN_NUMBER:
        if (otter_number_parse(rule->value, optarg, 1, UINT32_MAX) != 0) {
            return otter__usage(admin->program,
                                "--%s %s: not a number from 1 on", rule->name,
                                optarg);
        }
        break;
    }
    return OTTER_API_END_OK;
}

static int read_options(const struct otter_admin *admin,
                        const struct parser *p, int argc, char **argv)
{
    int value;

    optind = 0; /* begins anew, with GNU's order of words and options */
    opterr = 0;
    while ((value = getopt_long(argc, argv, p->letters, p->longs, NULL)) !=
           -1) {
        const struct otter_admin_rule *rule = find_rule(p, value);
        int status;

        if (rule == NULL) {
            return otter__usage(admin->program, "%s: %s", argv[optind - 1],
                                value == ':' ? "needs a value"
                                             : "no such option");
        }
        status = read_value(admin, rule);
        if (status != OTTER_API_END_OK) {
            return status;
        }
    }
    return OTTER_API_END_OK;
}

static int check_words(const struct otter_admin *admin, size_t min, size_t max)
{
    if (admin->word_count < min) {
        return otter__usage(admin->program, "%s", admin->wants);
    }
    if (admin->word_count > max) {
        return otter__usage(admin->program, "%s: not expected here",
                            admin->words[max]);
    }
    return OTTER_API_END_OK;
}

int otter_admin_parse(struct otter_admin *admin,
                      const struct otter_admin_rule *rules, int argc,
                      char **argv, size_t min, size_t max)
{
    const char *timeout = NULL;
    const struct otter_admin_rule common[COMMON] = {
        {"json", OTTER_ADMIN_FLAG, &admin->json, 0},
        {"yes", OTTER_ADMIN_FLAG, &admin->yes, 'y'},
        {"server", OTTER_ADMIN_TEXT, &admin->server, 0},
        {"token-file", OTTER_ADMIN_TEXT, &admin->token_file, 0},
        {"cacert", OTTER_ADMIN_TEXT, &admin->cacert, 0},
        {"timeout", OTTER_ADMIN_TEXT, &timeout, 0}};
    struct parser parser = {.letters = ":"};
    int status;

    for (size_t i = 0; i < COMMON; i++) {
        add_rule(&parser, &common[i]);
    }
    for (; rules != NULL && rules->name != NULL; rules++) {
        add_rule(&parser, rules);
    }
    status = read_options(admin, &parser, argc, argv);
    if (status != OTTER_API_END_OK) {
        return status;
    }
    admin->timeout_ms = TIMEOUT_MS;
    if (timeout != NULL &&
        otter_number_parse_seconds(&admin->timeout_ms, timeout) != 0) {
        return otter__usage(admin->program,
                            "--timeout %s: not " OTTER_NUMBER_SECONDS,
                            timeout);
    }
    admin->words = argv + optind;
    admin->word_count = (size_t)(argc - optind);
    return check_words(admin, min, max);
}

/* --- Account ------------------------------------------------------------- */

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && *value != '\0' ? value : NULL;
}

/* A server that was named leaves the token of another one behind. */
static int choose_server(struct otter_admin *admin)
{
    const char *url =
        admin->server != NULL ? admin->server : environment("OTTER_SERVER");
    struct otter_account named = {0};
    const char *wrong;

    if (url == NULL) {
        return OTTER_API_END_OK;
    }
    wrong = otter_account_set_server(&named, url);
    if (wrong != NULL) {
        return otter__usage(admin->program, "%s: %s", url, wrong);
    }
    if (strcmp(named.server, admin->account.server) != 0) {
        otter_account_wipe(&admin->account);
        admin->account = named;
    }
    return OTTER_API_END_OK;
}

static int read_token_file(struct otter_admin *admin)
{
    const char *path = admin->token_file;
    int error = otter_password_read(&admin->account.token, path);

    if (error != 0) {
        otter__fail("%s: no token can be read: %s", path, strerror(error));
        return OTTER_API_END_FILE;
    }
    return OTTER_API_END_OK;
}

static int choose_token(struct otter_admin *admin)
{
    struct otter_password *token = &admin->account.token;
    const char *given = environment("OTTER_TOKEN");
    const char *wrong;
    int status = OTTER_API_END_OK;

    if (admin->token_file != NULL) {
        status = read_token_file(admin);
    } else if (given != NULL && strlen(given) > OTTER_PASSWORD_MAX) {
        return otter__usage(admin->program, "OTTER_TOKEN: it is too long");
    } else if (given != NULL) {
        memcpy(token->text, given, strlen(given) + 1);
    }
    if (status != OTTER_API_END_OK || (admin->token_file == NULL && !given)) {
        return status;
    }
    wrong = otter_account_check_token(token->text);
    return wrong == NULL
               ? OTTER_API_END_OK
               : otter__usage(admin->program, "%s: no token: %s",
                              admin->token_file != NULL ? admin->token_file
                                                        : "OTTER_TOKEN",
                              wrong);
}

static int choose_authorities(struct otter_admin *admin)
{
    char *whole;

    if (admin->cacert == NULL) {
        return OTTER_API_END_OK;
    }
    whole = realpath(admin->cacert, NULL); /* it may be kept: otter login */
    if (whole == NULL || strlen(whole) > OTTER_ACCOUNT_PATH_MAX) {
        otter__fail("--cacert %s: %s", admin->cacert,
                    whole == NULL ? strerror(errno) : "the path is too long");
        free(whole);
        return OTTER_API_END_FILE;
    }
    memcpy(admin->account.cacert, whole, strlen(whole) + 1);
    free(whole);
    return OTTER_API_END_OK;
}

static int check_account(const struct otter_admin *admin)
{
    if (admin->account.server[0] == '\0') {
        otter__fail("which server? Log in first: otter login URL. Or name it: "
                    "--server URL");
        return OTTER_API_END_LOGIN;
    }
    if (admin->account.token.text[0] == '\0') {
        otter__fail("there is no token for %s. Log in there: otter login %s. "
                    "Or give one: --token-file FILE, or OTTER_TOKEN in the "
                    "environment",
                    admin->account.server, admin->account.server);
        return OTTER_API_END_LOGIN;
    }
    return OTTER_API_END_OK;
}

int otter_admin_open(struct otter_admin *admin)
{
    admin->api.account = &admin->account;
    admin->api.timeout_ms = admin->timeout_ms;
    admin->open = true;
    return otter_api_open(&admin->api);
}

int otter_admin_account(struct otter_admin *admin, bool stored)
{
    int status = stored ? otter_account_load(&admin->account) : 0;

    status = status != 0 ? status : choose_server(admin);
    status = status != 0 ? status : choose_token(admin);
    status = status != 0 ? status : choose_authorities(admin);
    return status != 0 || !stored ? status : check_account(admin);
}

int otter_admin_start(struct otter_admin *admin,
                      const struct otter_admin_rule *rules, int argc,
                      char **argv, size_t min, size_t max)
{
    int status = otter_admin_parse(admin, rules, argc, argv, min, max);

    status = status != 0 ? status : otter_admin_account(admin, true);
    return status != 0 ? status : otter_admin_open(admin);
}

int otter_admin_end(struct otter_admin *admin, int status)
{
    if (admin->list != NULL) {
        otter_show_json(admin->list);
        json_decref(admin->list);
    }
    if (admin->open) {
        otter_api_close(&admin->api);
    }
    otter_account_wipe(&admin->account);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        otter__fail("standard output: %s", strerror(errno));
        return status != OTTER_API_END_OK ? status : OTTER_API_END_FILE;
    }
    return status;
}

/* --- What commands do ---------------------------------------------------- */

int otter_admin_confirm(const struct otter_admin *admin, const char *format,
                        ...)
{
    char answer[8] = "";
    va_list arguments;

    if (admin->yes) {
        return OTTER_API_END_OK;
    }
    if (!isatty(STDIN_FILENO)) {
        return otter__usage(admin->program,
                            "this cannot be undone: say --yes if it is meant");
    }
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs(" This cannot be undone. Go on? [y/N] ", stderr);
    if (fgets(answer, sizeof answer, stdin) != NULL &&
        (answer[0] == 'y' || answer[0] == 'Y')) {
        return OTTER_API_END_OK;
    }
    return otter__fail("nothing was done");
}

bool otter_admin_is_hopeless(int status)
{
    return status == OTTER_API_END_UNREACHABLE ||
           status == OTTER_API_END_TOKEN || status == OTTER_API_END_SCOPE;
}

void otter_admin_collect(struct otter_admin *admin, json_t *thing)
{
    if (admin->list == NULL) {
        admin->list = json_array();
    }
    json_array_append(admin->list, thing);
}

static int call(struct otter_admin *admin, struct otter_api_request *request,
                const char *root, const char *word, json_t **answer)
{
    struct otter_api_path path;
    int status;

    otter_api_path_start(&path, root);
    if (word != NULL) {
        otter_api_path_add(&path, word);
    }
    request->path = path.text;
    status = otter_api_call(&admin->api, request, answer);
    free(path.text);
    return status;
}

int otter_admin_ask(struct otter_admin *admin, const char *method,
                    const char *root, const char *word, json_t **answer)
{
    struct otter_api_request request = {.method = method};

    return call(admin, &request, root, word, answer);
}

int otter_admin_send(struct otter_admin *admin, const char *method,
                     const char *root, const char *word, json_t *body,
                     json_t **answer)
{
    struct otter_api_request request = {.method = method, .json = body};
    int status;

    if (body == NULL) {
        return otter__usage(admin->program,
                            "a text of the command line is not UTF-8");
    }
    status = call(admin, &request, root, word, answer);
    json_decref(body);
    return status;
}
