/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter login` and `otter logout`. */
#include "host/admin_commands.h"
#include "host/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char otter__login_help[] =
    "Usage: otter login [OPTION]... URL\n"
    "       otter login\n"
    "\n"
    "Logs in to the update server otterd at URL: checks the token and keeps "
    "it\n"
    "with the address in $XDG_CONFIG_HOME/otter/login.json (~/.config "
    "without\n"
    "that), for this user's eyes only. The commands device, firmware, "
    "release\n"
    "and token use it from then on. Without URL it tells where you are "
    "logged\n"
    "in.\n"
    "\n"
    "The token is taken from --token-file, from OTTER_TOKEN in the\n"
    "environment, or you are asked for it. otterd prints the first one when "
    "it\n"
    "is started on a new folder.\n"
    "\n"
    "Options:\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter login http://127.0.0.1:8266\n"
    "  otter login https://updates.example.org --cacert ca.pem\n"
    "  pass show otterd | otter login http://10.0.0.2:8266 --token-file -\n";

const char otter__logout_help[] =
    "Usage: otter logout [OPTION]...\n"
    "\n"
    "Forgets the server and the token of otter login. The token itself stays\n"
    "valid; an administrator revokes it: otter token revoke ID.\n"
    "\n"
    "Options:\n"
    "      --json             JSON for programs\n"
    "  -h, --help             this text\n" OTTER_API_ENDINGS_HELP "\n"
    "Examples:\n"
    "  otter logout\n";

/* Who the token makes us, as the server says. */
static int show_who(struct otter_admin *admin)
{
    const char *server = admin->account.server;
    char name[OTTER_SHOW_CELL];
    char scope[OTTER_SHOW_CELL];
    json_t *me;
    int status = otter_api_get(&admin->api, "/me", &me);

    if (status != OTTER_API_END_OK) {
        return status;
    }
    if (!json_is_string(json_object_get(me, "scope"))) {
        status = otter_api_nonsense(&admin->api, "it does not say who we are");
    } else if (admin->json) {
        json_object_set_new(me, "server", json_string(server));
        otter_show_json(me);
    } else {
        printf("Logged in to %s as ", server);
        otter_show_clean(stdout, otter_show_value(name, me, "name"));
        printf(" (scope ");
        otter_show_clean(stdout, otter_show_value(scope, me, "scope"));
        printf(")\n");
    }
    json_decref(me);
    return status;
}

static int ask_token(struct otter_admin *admin)
{
    char prompt[OTTER_ACCOUNT_URL_MAX + 32];
    const char *wrong;
    int error;

    snprintf(prompt, sizeof prompt, "Token for %s: ", admin->account.server);
    error = otter_password_ask(&admin->account.token, prompt);
    if (error == ENXIO || error == ENODEV || error == ENOENT) {
        otter__fail("no token was given, and there is no terminal to ask on. "
                    "Give it by --token-file FILE, \"-\" for standard input, "
                    "or as OTTER_TOKEN in the environment");
        return OTTER_API_END_LOGIN;
    }
    if (error != 0) {
        return otter__fail("no token could be read: %s", strerror(error));
    }
    wrong = otter_account_check_token(admin->account.token.text);
    return wrong == NULL
               ? OTTER_API_END_OK
               : otter__usage(admin->program, "what was typed is no token: %s",
                              wrong);
}

/* Everybody between here and the server could read along. */
static void warn_of_plain_http(const struct otter_account *account)
{
    if (strncmp(account->server, "https://", 8) != 0 &&
        !otter_account_is_local(account)) {
        fputs("otter: note that http:// shows the token to everybody on the "
              "way; https:// does not\n",
              stderr);
    }
}

static int log_in(struct otter_admin *admin)
{
    int status = OTTER_API_END_OK;

    warn_of_plain_http(&admin->account);
    if (admin->account.token.text[0] == '\0') {
        status = ask_token(admin);
    }
    status = status != 0 ? status : otter_admin_open(admin);
    status = status != 0 ? status : show_who(admin);
    return status != 0 ? status : otter_account_save(&admin->account);
}

int otter__login(int argc, char **argv)
{
    struct otter_admin admin = {.program = "otter login"};
    int status = otter_admin_parse(&admin, NULL, argc, argv, 0, 1);
    bool anew = admin.word_count > 0;

    if (status == OTTER_API_END_OK && anew) {
        admin.server = admin.words[0];
    }
    status = status != 0 ? status : otter_admin_account(&admin, !anew);
    if (status == OTTER_API_END_OK && anew) {
        status = log_in(&admin);
    } else if (status == OTTER_API_END_OK) {
        status = otter_admin_open(&admin);
        status = status != 0 ? status : show_who(&admin);
    }
    return otter_admin_end(&admin, status);
}

int otter__logout(int argc, char **argv)
{
    struct otter_admin admin = {.program = "otter logout"};
    bool was_there = false;
    int status = otter_admin_parse(&admin, NULL, argc, argv, 0, 0);

    if (status == OTTER_API_END_OK) {
        status = otter_account_remove(&was_there);
    }
    if (status == OTTER_API_END_OK && admin.json) {
        json_t *said = json_pack("{s:b}", "was_logged_in", (int)was_there);

        otter_show_json(said);
        json_decref(said);
    } else if (status == OTTER_API_END_OK) {
        puts(was_there ? "Logged out" : "Nobody was logged in");
    }
    return otter_admin_end(&admin, status);
}
