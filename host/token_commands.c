/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter token`: who may use the server's API. */
#include "host/admin_commands.h"
#include "host/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROOT "/tokens"

static const char list_help[] =
    "Usage: otter token list [OPTION]...\n"
    "\n"
    "Shows who may use the server's API. The tokens themselves are not "
    "stored\n"
    "anywhere and cannot be shown.\n"
    "\n"
    "Options:\n"
    "      --limit N          N at most\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter token list\n";

static const struct otter_show_column columns[] = {
    {"ID", 0, true, false},
    {"NAME", 6, false, false},
    {"SCOPE", 0, false, false},
    {"CREATED", 0, false, false},
};

static void fill(const json_t *token, char (*room)[OTTER_SHOW_CELL],
                 const char **cells)
{
    cells[0] = otter_show_value(room[0], token, "id");
    cells[1] = otter_show_value(room[1], token, "name");
    cells[2] = otter_show_value(room[2], token, "scope");
    cells[3] = otter_show_ago(room[3], token, "created");
}

static int list(int argc, char **argv)
{
    static const struct otter_admin_listing listing = {
        .path = ROOT,
        .key = "tokens",
        .columns = columns,
        .count = sizeof columns / sizeof columns[0],
        .fill = fill,
        .none = "No token."};

    return otter_admin_list_plain("otter token list", &listing, argc, argv);
}

/* --- create -------------------------------------------------------------- */

static const char create_help[] =
    "Usage: otter token create [OPTION]... NAME\n"
    "\n"
    "Makes a token for the server's API and prints it, this once: the server "
    "keeps\n"
    "only its digest.\n"
    "\n"
    "Options:\n"
    "      --scope SCOPE      read (default): look at everything\n"
    "                         operate: devices, firmware and releases, too\n"
    "                         admin: tokens and settings, too\n"
    "  -o, --output FILE      write it to a new file that only you can read, "
    "in\n"
    "                         place of printing it\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter token create dashboard\n"
    "  otter token create build-server --scope operate -o otterd.token\n";

/* A token that cannot be written down is lost: the file comes first. */
static int open_output(const char *path, FILE **file)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (*file == NULL) {
        otter__fail("%s: %s", path, strerror(errno));
        return OTTER_API_END_FILE;
    }
    return OTTER_API_END_OK;
}

static int hand_out(struct otter_admin *admin, json_t *token, FILE *file)
{
    const char *text = otter_show_text(token, "token");
    char id[OTTER_SHOW_CELL];

    if (*text == '\0') {
        return otter_api_nonsense(&admin->api, "there is no token in it");
    }
    if (file != NULL) {
        fprintf(file, "%s\n", text);
        json_object_del(token, "token");
    }
    if (admin->json) {
        otter_show_json(token);
    } else if (file != NULL) {
        printf("Token %s is written\n", otter_show_value(id, token, "id"));
    } else {
        puts(text);
    }
    return OTTER_API_END_OK;
}

static int create(struct otter_admin *admin, const char *scope, FILE *file)
{
    json_t *token = NULL;
    int status = otter_admin_send(
        admin, "POST", ROOT, NULL,
        json_pack("{s:s, s:s}", "name", admin->words[0], "scope", scope),
        &token);

    status = status != 0 ? status : hand_out(admin, token, file);
    json_decref(token);
    return status;
}

static int create_token(int argc, char **argv)
{
    const char *scope = "read";
    const char *output = NULL;
    const struct otter_admin_rule rules[] = {
        {"scope", OTTER_ADMIN_TEXT, &scope, 0},
        {"output", OTTER_ADMIN_TEXT, &output, 'o'},
        {0}};
    struct otter_admin admin = {.program = "otter token create",
                                .wants =
                                    "for whom or what is it? Give it a name"};
    FILE *file = NULL;
    int status = otter_admin_start(&admin, rules, argc, argv, 1, 1);

    if (status == OTTER_API_END_OK && output != NULL) {
        status = open_output(output, &file);
    }
    status = status != 0 ? status : create(&admin, scope, file);
    if (file != NULL && fclose(file) != 0 && status == OTTER_API_END_OK) {
        otter__fail("%s: %s. Revoke the token, it is lost", output,
                    strerror(errno));
        status = OTTER_API_END_FILE;
    }
    if (file != NULL && status != OTTER_API_END_OK) {
        unlink(output);
    }
    return otter_admin_end(&admin, status);
}

/* --- revoke -------------------------------------------------------------- */

static const char revoke_help[] =
    "Usage: otter token revoke [OPTION]... ID\n"
    "\n"
    "Makes a token worthless from now on.\n"
    "\n"
    "Options:\n"
    "  -y, --yes              do not ask\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter token revoke 3\n";

static int revoke_token(int argc, char **argv)
{
    static const struct otter_admin_thing thing = {
        "otter token revoke", "which token? otter token list shows the ids",
        ROOT};

    return otter_admin_delete(&thing, "Revoke", "token", "revoked", argc,
                              argv);
}

/* --- The verbs ----------------------------------------------------------- */

static const struct otter_command commands[] = {
    {"list", "who may use the server", list_help, list},
    {"create", "make a token, shown once", create_help, create_token},
    {"revoke", "make a token worthless", revoke_help, revoke_token},
    {NULL, NULL, NULL, NULL},
};

int otter__token(int argc, char **argv)
{
    return otter__command_dispatch(
        commands, "otter token",
        "Tokens for the API of the update server otterd.", argc, argv);
}
