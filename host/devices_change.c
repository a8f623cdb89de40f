/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter device accept`, `block`, `pending`, `tag`, `group`, `name` and
 * `forget`.  A command for several devices goes on to the end when one of them
 * fails; its exit code is then that of the first failure. */
#include "host/admin_commands.h"
#include "host/command.h"
#include "host/devices.h"

#include <stdio.h>
#include <string.h>

#define WHICH "which device? Give its MAC"

/* Changes a device and says how it is then. */
static int change(struct otter_admin *admin, const char *mac, json_t *body,
                  const char *member)
{
    char cell[OTTER_SHOW_CELL];
    json_t *device;
    int status =
        otter_admin_send(admin, "PATCH", OTTER_DEVICES, mac, body, &device);

    if (status != OTTER_API_END_OK) {
        return status;
    }
    if (admin->json) {
        otter_admin_collect(admin, device);
    } else {
        otter_show_clean(stdout, otter_show_value(cell, device, "mac"));
        printf("  %s: ", member);
        otter_show_clean(stdout, strcmp(member, "tags") == 0
                                     ? otter_show_texts(cell, device, member)
                                     : otter_show_value(cell, device, member));
        putchar('\n');
    }
    json_decref(device);
    return OTTER_API_END_OK;
}

/* --- accept, block, pending ---------------------------------------------- */

const char otter__device_accept_help[] =
    "Usage: otter device accept [OPTION]... MAC...\n"
    "\n"
    "Lets devices have the updates that are meant for them. A device that "
    "the\n"
    "server has never seen is accepted in advance.\n"
    "\n"
    "Options:\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter device accept 5C:CF:7F:01:02:03\n"
    "  otter device list --state pending --json | jq -r '.[].mac' |\n"
    "      xargs otter device accept\n";

const char otter__device_block_help[] =
    "Usage: otter device block [OPTION]... MAC...\n"
    "\n"
    "Lets devices have no update from now on.\n"
    "\n"
    "Options:\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter device block 5C:CF:7F:01:02:03\n";

const char otter__device_pending_help[] =
    "Usage: otter device pending [OPTION]... MAC...\n"
    "\n"
    "Takes the decision about devices back: they have no update until they "
    "are\n"
    "accepted.\n"
    "\n"
    "Options:\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter device pending 5C:CF:7F:01:02:03\n";

static int set_state(const char *program, const char *state, int argc,
                     char **argv)
{
    struct otter_admin admin = {.program = program, .wants = WHICH};
    int status =
        otter_admin_start(&admin, NULL, argc, argv, 1, OTTER_DEVICES_MAX);

    if (status != OTTER_API_END_OK) {
        return otter_admin_end(&admin, status);
    }
    for (size_t i = 0;
         i < admin.word_count && !otter_admin_is_hopeless(status); i++) {
        int one = change(&admin, admin.words[i],
                         json_pack("{s:s}", "state", state), "state");

        status = status != OTTER_API_END_OK ? status : one;
    }
    return otter_admin_end(&admin, status);
}

int otter__device_accept(int argc, char **argv)
{
    return set_state("otter device accept", "accepted", argc, argv);
}

int otter__device_block(int argc, char **argv)
{
    return set_state("otter device block", "blocked", argc, argv);
}

int otter__device_pending(int argc, char **argv)
{
    return set_state("otter device pending", "pending", argc, argv);
}

/* --- tag ----------------------------------------------------------------- */

const char otter__device_tag_help[] =
    "Usage: otter device tag [OPTION]... MAC [TAG]...\n"
    "\n"
    "Adds tags to a device, or removes them with --remove. Releases can be "
    "for\n"
    "devices with a tag. Without TAG it shows those that there are.\n"
    "\n"
    "Options:\n"
    "      --remove           remove these tags\n"
    "      --clear            remove all tags, before any are "
    "added\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter device tag 5C:CF:7F:01:02:03 beta kitchen\n"
    "  otter device tag 5C:CF:7F:01:02:03 --remove beta\n";

static size_t find_tag(const json_t *tags, const char *tag)
{
    for (size_t i = 0; i < json_array_size(tags); i++) {
        const char *one = json_string_value(json_array_get(tags, i));

        if (one != NULL && strcmp(one, tag) == 0) {
            return i;
        }
    }
    return json_array_size(tags);
}

/* NULL: a tag is not UTF-8. */
static json_t *new_tags(const struct otter_admin *admin, const json_t *device,
                        bool remove, bool clear)
{
    json_t *tags =
        clear ? json_array() : json_copy(json_object_get(device, "tags"));

    if (!json_is_array(tags)) {
        json_decref(tags);
        tags = json_array();
    }
    for (size_t i = 1; i < admin->word_count; i++) {
        size_t at = find_tag(tags, admin->words[i]);

        if (remove) {
            json_array_remove(tags, at);
        } else if (at == json_array_size(tags) &&
                   json_array_append_new(tags, json_string(admin->words[i])) !=
                       0) {
            json_decref(tags);
            return NULL;
        }
    }
    return tags;
}

static int tag(struct otter_admin *admin, bool remove, bool clear)
{
    const char *mac = admin->words[0];
    json_t *device;
    json_t *tags;
    int status = otter_admin_ask(admin, "GET", OTTER_DEVICES, mac, &device);

    if (status != OTTER_API_END_OK) {
        return status;
    }
    tags = new_tags(admin, device, remove, clear);
    json_decref(device);
    return change(admin, mac,
                  tags != NULL ? json_pack("{s:o}", "tags", tags) : NULL,
                  "tags");
}

int otter__device_tag(int argc, char **argv)
{
    bool remove = false;
    bool clear = false;
    const struct otter_admin_rule rules[] = {
        {"remove", OTTER_ADMIN_FLAG, &remove, 0},
        {"clear", OTTER_ADMIN_FLAG, &clear, 0},
        {0}};
    struct otter_admin admin = {.program = "otter device tag", .wants = WHICH};
    int status =
        otter_admin_start(&admin, rules, argc, argv, 1, OTTER_DEVICES_MAX);

    return otter_admin_end(&admin,
                           status != 0 ? status : tag(&admin, remove, clear));
}

/* --- group, name --------------------------------------------------------- */

const char otter__device_group_help[] =
    "Usage: otter device group [OPTION]... GROUP MAC...\n"
    "       otter device group [OPTION]... --none MAC...\n"
    "\n"
    "Puts devices into a group, which releases can be for, or out of any. A "
    "device\n"
    "is in one group at most.\n"
    "\n"
    "Options:\n"
    "      --none             out of its group\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter device group basement 5C:CF:7F:01:02:03 5C:CF:7F:01:02:04\n"
    "  otter device group --none 5C:CF:7F:01:02:03\n";

int otter__device_group(int argc, char **argv)
{
    bool none = false;
    const struct otter_admin_rule rules[] = {
        {"none", OTTER_ADMIN_FLAG, &none, 0}, {0}};
    struct otter_admin admin = {
        .program = "otter device group",
        .wants = "give a group, or --none, and the MACs of devices"};
    int status =
        otter_admin_start(&admin, rules, argc, argv, 1, OTTER_DEVICES_MAX);
    size_t first = none ? 0 : 1;

    if (status == OTTER_API_END_OK && admin.word_count == first) {
        status = otter__usage(admin.program, "%s", admin.wants);
    }
    if (status != OTTER_API_END_OK) {
        return otter_admin_end(&admin, status);
    }
    for (size_t i = first;
         i < admin.word_count && !otter_admin_is_hopeless(status); i++) {
        int one = change(
            &admin, admin.words[i],
            json_pack("{s:s}", "group", none ? "" : admin.words[0]), "group");

        status = status != OTTER_API_END_OK ? status : one;
    }
    return otter_admin_end(&admin, status);
}

const char otter__device_name_help[] =
    "Usage: otter device name [OPTION]... MAC NAME\n"
    "\n"
    "Gives a device a name, which lists show beside its MAC; \"\" takes it "
    "away.\n"
    "\n"
    "Options:\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter device name 5C:CF:7F:01:02:03 \"Lamp in the hall\"\n";

int otter__device_name(int argc, char **argv)
{
    struct otter_admin admin = {.program = "otter device name",
                                .wants = "give the device's MAC and a name"};
    int status = otter_admin_start(&admin, NULL, argc, argv, 2, 2);

    if (status == OTTER_API_END_OK) {
        status = change(&admin, admin.words[0],
                        json_pack("{s:s}", "name", admin.words[1]), "name");
    }
    return otter_admin_end(&admin, status);
}

/* --- forget -------------------------------------------------------------- */

const char otter__device_forget_help[] =
    "Usage: otter device forget [OPTION]... MAC...\n"
    "\n"
    "Removes devices and their history from the registry. One that still asks "
    "the\n"
    "server appears anew, without its name, group and tags; to refuse it "
    "updates,\n"
    "block it.\n"
    "\n"
    "Options:\n"
    "  -y, --yes              do not ask\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter device forget 5C:CF:7F:01:02:03\n";

int otter__device_forget(int argc, char **argv)
{
    struct otter_admin admin = {.program = "otter device forget",
                                .wants = WHICH};
    int status =
        otter_admin_start(&admin, NULL, argc, argv, 1, OTTER_DEVICES_MAX);

    if (status == OTTER_API_END_OK) {
        status =
            otter_admin_confirm(&admin, "Forget %s%s?", admin.words[0],
                                admin.word_count > 1 ? " and the others" : "");
    }
    if (status != OTTER_API_END_OK) {
        return otter_admin_end(&admin, status);
    }
    for (size_t i = 0;
         i < admin.word_count && !otter_admin_is_hopeless(status); i++) {
        int one = otter_admin_ask(&admin, "DELETE", OTTER_DEVICES,
                                  admin.words[i], NULL);

        if (one == OTTER_API_END_OK && !admin.json) {
            printf("%s is forgotten\n", admin.words[i]);
        }
        status = status != OTTER_API_END_OK ? status : one;
    }
    return otter_admin_end(&admin, status);
}
