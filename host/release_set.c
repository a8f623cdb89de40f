/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter release set`: what a release says can change after it was made. */
#include "host/admin_commands.h"
#include "host/command.h"

const char otter__release_set_help[] =
    "Usage: otter release set [OPTION]... ID\n"
    "\n"
    "Changes the priority or the notes of a release; what is not named stays "
    "as it\n"
    "is. Its devices and its firmware are for good: for others make another "
    "release.\n"
    "Whether it is offered is changed by otter release pause, resume and "
    "withdraw.\n"
    "\n"
    "Options:\n"
    "      --priority N       among releases with equal targets the highest "
    "counts;\n"
    "                         may be negative\n"
    "      --notes TEXT       for people; \"\" takes them "
    "away\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter release set 2 --priority 10\n"
    "  otter release set 2 --notes \"for the lamps of the first batch\"\n";

int otter__release_set(int argc, char **argv)
{
    const char *priority = NULL;
    const char *notes = NULL;
    const struct otter_admin_rule rules[] = {
        {"priority", OTTER_ADMIN_TEXT, &priority, 0},
        {"notes", OTTER_ADMIN_TEXT, &notes, 0},
        {0}};
    struct otter_admin admin = {
        .program = "otter release set",
        .wants = "which release? otter release list shows the ids"};
    json_t *release = NULL;
    json_t *body = NULL;
    int status = otter_admin_start(&admin, rules, argc, argv, 1, 1);

    if (status == OTTER_API_END_OK && priority == NULL && notes == NULL) {
        status = otter__usage(admin.program,
                              "what is to change? Say --priority or --notes");
    }
    if (status == OTTER_API_END_OK) {
        body = json_pack("{s:s*}", "notes", notes); /* NULL: not UTF-8 */
        status = otter__release_put_priority(admin.program, body, priority);
    }
    if (status == OTTER_API_END_OK) {
        status = otter_admin_send(&admin, "PATCH", "/releases", admin.words[0],
                                  body, &release);
    } else {
        json_decref(body);
    }
    if (status == OTTER_API_END_OK) {
        otter__release_say(&admin, release);
    }
    json_decref(release);
    return otter_admin_end(&admin, status);
}
