/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter release create`: uploads a file, or takes one that the server has,
 * and lets devices have it. */
#include "host/admin_commands.h"
#include "host/command.h"
#include "host/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "otter release create"

const char otter__release_create_help[] =
    "Usage: otter release create [OPTION]... FILE TARGET\n"
    "       otter release create [OPTION]... --firmware ID TARGET\n"
    "\n"
    "Lets the devices of the target have a firmware: at their next request "
    "they are\n"
    "told to update to it. FILE is uploaded first (see otter firmware "
    "upload).\n"
    "\n"
    "Target, one of:\n"
    "      --all              every accepted device\n"
    "      --mac MAC          one device\n"
    "      --group NAME       those of a group\n"
    "      --tag NAME         those with a tag\n"
    "      --version-is V     those that run version V now\n"
    "      --chip-size BYTES  those with such a flash chip: 4194304, or 4M\n"
    "\n"
    "Options:\n"
    "      --product NAME     only devices of this product (the path they "
    "ask at)\n"
    "      --priority N       of two as specific as each other, the larger "
    "counts\n"
    "      --paused           do not begin yet: otter release resume ID\n"
    "      --notes TEXT       for people\n"
    "      --name, --version, --board\n"
    "                         of FILE, as for otter firmware "
    "upload\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter release create lamp-1.4.bin --all\n"
    "  otter release create lamp-1.5.bin --tag beta --notes \"new dimmer\"\n"
    "  otter release create --firmware 3 --version-is 1.2 --paused\n";

struct create {
    struct otter_upload upload;
    const char *firmware; /* id; NULL: the upload's */
    bool all;
    const char *mac;
    const char *group;
    const char *tag;
    const char *version;
    const char *chip_size;
    const char *product;
    const char *priority;
    bool paused;
};

static int add(int *count, json_t **target, const char *kind,
               const char *value)
{
    if (value == NULL) {
        return OTTER_API_END_OK;
    }
    ++*count;
    json_decref(*target);
    *target = json_pack("{s:s, s:s}", "kind", kind, "value", value);
    return *target != NULL ? OTTER_API_END_OK
                           : otter__usage(PROGRAM, "the target is not UTF-8");
}

/* "4M" and "512K" as the number of bytes. */
static int read_size(uint32_t *bytes, const char *text)
{
    size_t len = strlen(text);
    uint32_t unit = 1;
    char digits[16];

    if (len == 0 || len >= sizeof digits) {
        return OTTER_API_END_USAGE;
    }
    memcpy(digits, text, len + 1);
    if (digits[len - 1] == 'M' || digits[len - 1] == 'K') {
        unit = digits[len - 1] == 'M' ? 1024u * 1024 : 1024u;
        digits[len - 1] = '\0';
    }
    if (otter_number_parse(bytes, digits, 1, UINT32_MAX / unit) != 0) {
        return OTTER_API_END_USAGE;
    }
    *bytes *= unit;
    return OTTER_API_END_OK;
}

static int add_chip_size(int *count, json_t **target, const char *text)
{
    uint32_t bytes;

    if (text == NULL) {
        return OTTER_API_END_OK;
    }
    if (read_size(&bytes, text) != OTTER_API_END_OK) {
        return otter__usage(PROGRAM,
                            "--chip-size %s: not a number of bytes, such as "
                            "4194304 or 4M",
                            text);
    }
    ++*count;
    json_decref(*target);
    *target = json_pack("{s:s, s:I}", "kind", "chip_size", "value",
                        (json_int_t)bytes);
    return OTTER_API_END_OK;
}

static int make_target(const struct create *c, json_t **target)
{
    int count = c->all ? 1 : 0;
    int status;

    *target = json_pack("{s:s}", "kind", "all");
    status = add(&count, target, "mac", c->mac);
    status = status != 0 ? status : add(&count, target, "group", c->group);
    status = status != 0 ? status : add(&count, target, "tag", c->tag);
    status = status != 0 ? status : add(&count, target, "version", c->version);
    status =
        status != 0 ? status : add_chip_size(&count, target, c->chip_size);
    if (status == OTTER_API_END_OK && count != 1) {
        return otter__usage(PROGRAM,
                            "%s: --all, --mac, --group, --tag, --version-is "
                            "or --chip-size",
                            count == 0 ? "which devices? Give a target"
                                       : "give one target only");
    }
    return status;
}

static int put(json_t *body, const char *key, const char *value)
{
    return value == NULL ||
                   json_object_set_new(body, key, json_string(value)) == 0
               ? OTTER_API_END_OK
               : otter__usage(PROGRAM, "a text of the command line is not "
                                       "UTF-8");
}

int otter__release_put_priority(const char *program, json_t *body,
                                const char *text)
{
    uint32_t value;
    bool minus = text != NULL && *text == '-';

    if (text == NULL) {
        return OTTER_API_END_OK;
    }
    if (otter_number_parse(&value, text + (minus ? 1 : 0), 0, 1000000) != 0) {
        return otter__usage(program,
                            "--priority %s: not a number from -1000000 to "
                            "1000000",
                            text);
    }
    json_object_set_new(
        body, "priority",
        json_integer(minus ? -(json_int_t)value : (json_int_t)value));
    return OTTER_API_END_OK;
}

/* Everything but the firmware; checked before anything is sent. */
static int make_body(const struct create *c, json_t **body)
{
    json_t *target = NULL;
    int status = make_target(c, &target);

    *body = json_object();
    json_object_set_new(*body, "target", target);
    status = status != 0 ? status : put(*body, "product", c->product);
    status = status != 0 ? status : put(*body, "notes", c->upload.notes);
    status = status != 0
                 ? status
                 : otter__release_put_priority(PROGRAM, *body, c->priority);
    if (c->paused) {
        json_object_set_new(*body, "state", json_string("paused"));
    }
    return status;
}

/* An id where a file belongs. */
static bool is_id(const char *word)
{
    return *word != '\0' && word[strspn(word, "0123456789")] == '\0' &&
           access(word, F_OK) != 0;
}

static int check_file(struct create *c, const struct otter_admin *admin)
{
    const struct otter_upload *u = &c->upload;

    if ((admin->word_count == 1) == (c->firmware != NULL)) {
        return otter__usage(PROGRAM, "give a file, or --firmware ID of one "
                                     "that the server has");
    }
    if (c->firmware != NULL &&
        (u->name || u->version || u->board || u->kind)) {
        return otter__usage(PROGRAM,
                            "--name, --version, --board and --kind are for "
                            "files that are uploaded");
    }
    if (c->firmware == NULL && is_id(admin->words[0])) {
        return otter__usage(PROGRAM,
                            "there is no file %s; if it is an id, give it as "
                            "--firmware %s",
                            admin->words[0], admin->words[0]);
    }
    c->upload.file = c->firmware == NULL ? admin->words[0] : NULL;
    return OTTER_API_END_OK;
}

/* The id as the server writes it; asked for, so that a word that is no id is
 * told as what it is. */
static int find_firmware(const struct create *c, struct otter_admin *admin,
                         json_t **firmware)
{
    return c->firmware == NULL ? otter__upload(admin, &c->upload, firmware)
                               : otter_admin_ask(admin, "GET", "/firmware",
                                                 c->firmware, firmware);
}

static int create(const struct create *c, struct otter_admin *admin,
                  json_t *body)
{
    char id[OTTER_SHOW_CELL];
    json_t *firmware;
    json_t *release = NULL;
    int status = find_firmware(c, admin, &firmware);

    if (status != OTTER_API_END_OK) {
        json_decref(body);
        return status;
    }
    json_object_set(body, "firmware", json_object_get(firmware, "id"));
    status =
        otter_admin_send(admin, "POST", "/releases", NULL, body, &release);
    if (status == OTTER_API_END_OK) {
        otter__release_say(admin, release);
    } else if (c->firmware == NULL) {
        fprintf(stderr,
                "  The file is on the server, as firmware %s: --firmware %s "
                "saves the upload.\n",
                otter_show_value(id, firmware, "id"), id);
    }
    json_decref(release);
    json_decref(firmware);
    return status;
}

int otter__release_create(int argc, char **argv)
{
    struct create c = {0};
    const struct otter_admin_rule rules[] = {
        {"all", OTTER_ADMIN_FLAG, &c.all, 0},
        {"mac", OTTER_ADMIN_TEXT, &c.mac, 0},
        {"group", OTTER_ADMIN_TEXT, &c.group, 0},
        {"tag", OTTER_ADMIN_TEXT, &c.tag, 0},
        {"version-is", OTTER_ADMIN_TEXT, &c.version, 0},
        {"chip-size", OTTER_ADMIN_TEXT, &c.chip_size, 0},
        {"firmware", OTTER_ADMIN_TEXT, &c.firmware, 0},
        {"product", OTTER_ADMIN_TEXT, &c.product, 0},
        {"priority", OTTER_ADMIN_TEXT, &c.priority, 0},
        {"paused", OTTER_ADMIN_FLAG, &c.paused, 0},
        {"notes", OTTER_ADMIN_TEXT, &c.upload.notes, 0},
        {"name", OTTER_ADMIN_TEXT, &c.upload.name, 0},
        {"version", OTTER_ADMIN_TEXT, &c.upload.version, 0},
        {"board", OTTER_ADMIN_TEXT, &c.upload.board, 0},
        {"kind", OTTER_ADMIN_TEXT, &c.upload.kind, 0},
        {0}};
    struct otter_admin admin = {.program = PROGRAM};
    json_t *body = NULL;
    int status = otter_admin_start(&admin, rules, argc, argv, 0, 1);

    status = status != 0 ? status : check_file(&c, &admin);
    status = status != 0 ? status : make_body(&c, &body);
    status = status != 0 ? status : create(&c, &admin, json_incref(body));
    json_decref(body);
    return otter_admin_end(&admin, status);
}
