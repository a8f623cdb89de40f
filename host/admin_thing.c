/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands that are alike for everything an otterd keeps by an id. */
#include "host/admin.h"

#include <ctype.h>
#include <stdio.h>

int otter_admin_show(const struct otter_admin_thing *thing,
                     void (*show)(const json_t *answer), int argc, char **argv)
{
    struct otter_admin admin = {.program = thing->program,
                                .wants = thing->wants};
    json_t *answer = NULL;
    int status = otter_admin_start(&admin, NULL, argc, argv, 1, 1);

    status = status != 0 ? status
                         : otter_admin_ask(&admin, "GET", thing->root,
                                           admin.words[0], &answer);
    if (status == OTTER_API_END_OK && admin.json) {
        otter_show_json(answer);
    } else if (status == OTTER_API_END_OK) {
        show(answer);
    }
    json_decref(answer);
    return otter_admin_end(&admin, status);
}

int otter_admin_delete(const struct otter_admin_thing *thing, const char *verb,
                       const char *name, const char *done, int argc,
                       char **argv)
{
    struct otter_admin admin = {.program = thing->program,
                                .wants = thing->wants};
    int status = otter_admin_start(&admin, NULL, argc, argv, 1, 1);

    status = status != 0 ? status
                         : otter_admin_confirm(&admin, "%s %s %s?", verb, name,
                                               admin.words[0]);
    status = status != 0 ? status
                         : otter_admin_ask(&admin, "DELETE", thing->root,
                                           admin.words[0], NULL);
    if (status == OTTER_API_END_OK && !admin.json) {
        printf("%c%s %s is %s\n", toupper((unsigned char)*name), name + 1,
               admin.words[0], done);
    }
    return otter_admin_end(&admin, status);
}
