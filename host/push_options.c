/* SPDX-License-Identifier: Apache-2.0
 *
 * Options, their checks, and the help text. */
#include "host/push_options.h"

#include "format/error.h"
#include "host/command.h"
#include "host/number.h"
#include "host/password.h"
#include "host/push_ending.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define PROGRAM "otter push"

enum kind { FLAG, TEXT, NUMBER, COUNT, SECONDS, PORTS, SECRET };

#define FIELD(name) offsetof(struct otter_push_options, name)

/* One row per option: how its value is read and where it goes. */
static const struct rule {
    const char *name;
    enum kind kind;
    size_t field;
    uint32_t max; /* of NUMBER (from 1) and COUNT (from 0) */
    char letter;  /* short form, or 0 */
} rules[] = {
    {"list", TEXT, FIELD(list), 0, 'l'},
    {"all", FLAG, FIELD(all), 0, 0},
    {"match", TEXT, FIELD(match), 0, 0},
    {"discover-time", SECONDS, FIELD(discover_ms), 0, 0},
    {"no-mdns", FLAG, FIELD(no_mdns), 0, 0},
    {"new-only", FLAG, FIELD(new_only), 0, 0},
    {"back-timeout", SECONDS, FIELD(back_ms), 0, 0},
    {"port", NUMBER, FIELD(port), UINT16_MAX, 'p'},
    {"chip", TEXT, FIELD(chip), 0, 0},
    {"fs", FLAG, FIELD(fs), 0, 0},
    {"force", FLAG, FIELD(force), 0, 0},
    {"host-port", PORTS, FIELD(host_port_first), 0, 0},
    {"bind", TEXT, FIELD(bind), 0, 0},
    {"password", SECRET, FIELD(password), 0, 0},
    {"password-file", TEXT, FIELD(password_file), 0, 0},
    {"parallel", NUMBER, FIELD(parallel), 1000, 'j'},
    {"retries", COUNT, FIELD(retries), 1000, 0},
    {"retry-pause", SECONDS, FIELD(retry_pause_ms), 0, 0},
    {"wait", SECONDS, FIELD(wait_ms), 0, 0},
    {"timeout", SECONDS, FIELD(timeout_ms), 0, 0},
    {"connect-timeout", SECONDS, FIELD(connect_timeout_ms), 0, 0},
    {"result-timeout", SECONDS, FIELD(result_timeout_ms), 0, 0},
    {"tries", NUMBER, FIELD(tries), 1000, 0},
    {"lockstep", FLAG, FIELD(lockstep), 0, 0},
    {"chunk", NUMBER, FIELD(chunk), 1024 * 1024, 0},
    {"via", TEXT, FIELD(via), 0, 0},
    {"page-port", NUMBER, FIELD(page_port), UINT16_MAX, 0},
    {"path", TEXT, FIELD(path), 0, 0},
    {"user", TEXT, FIELD(user), 0, 0},
    {"remaining", TEXT, FIELD(remaining), 0, 0},
    {"json", FLAG, FIELD(json), 0, 0},
    {"quiet", FLAG, FIELD(quiet), 0, 'q'},
    {"help", FLAG, FIELD(help), 0, 'h'},
};

#define RULES (sizeof rules / sizeof rules[0])

/* Values of getopt_long for long options without a letter. */
#define FIRST_VALUE 256

/* clang-format off: one line of source is one line of the text. */
static const char help_head[] =
    "Usage: otter push [OPTION]... ADDRESS... FILE\n"
    "       otter push [OPTION]... --list LIST | --all | --match NAMES FILE\n"
    "\n"
    "Send a sketch, or a file system, to devices that run ArduinoOTA or "
    "Otter, and\n"
    "wait for their verdict.  ADDRESS is an IP address or a name, with :PORT "
    "if need\n"
    "be.  A device connects back to this computer to fetch the file: incoming "
    "TCP\n"
    "must be allowed.\n"
    "\n"
    "Devices:\n"
    "  -l, --list LIST           more devices, one ADDRESS per line, each "
    "with\n"
    "                            name=NAME and password-file=FILE if wanted; "
    "\"-\" is\n"
    "                            standard input\n"
    "      --all                 every device that multicast DNS finds\n"
    "      --match NAMES         those with such a name, e.g. \"lamp-*\"\n"
    "      --discover-time S     how long to look for them (default 3)\n"
    "  -p, --port N              their UDP port: 8266 ESP8266 (default), "
    "3232\n"
    "                            ESP32, 2040 RP2040\n"
    "      --chip NAME           esp8266, esp32 or rp2040, when the port does "
    "not\n"
    "                            tell\n"
    "      --new-only            leave devices alone that run this version "
    "already\n"
    "  -j, --parallel N          devices at a time (default 8)\n"
    "      --wait SECONDS        keep inviting a device that does not answer, "
    "it may\n"
    "                            be asleep\n"
    "      --retries N           attempts after one that failed by chance "
    "(default\n"
    "                            2)\n"
    "      --retry-pause S       before each of them (default 2)\n"
    "      --back-timeout S      for a device to be seen again after its "
    "restart, if\n"
    "                            it was seen before (default 30)\n"
    "      --no-mdns             do not ask devices about themselves: no "
    "check that\n"
    "                            the file fits, no wait for their return, no "
    "port of\n"
    "                            their page\n"
    "      --remaining FILE      write the devices that were not updated to "
    "FILE,\n"
    "                            for --list of the next run\n"
    "\n"
    "File:\n"
    "      --fs                  it is a file system image, not a sketch\n"
    "      --force               send it even if it does not look right\n"
    "\n"
    "Password:\n"
    "      --password-file FILE  its first line; \"-\" is standard input\n"
    "      --password TEXT       visible to whoever sees the command line\n"
    "\n"
    "Network:\n"
    "      --host-port N[-M]     TCP port that devices connect back to, or "
    "the range\n"
    "                            to take a free one from (default: the "
    "system\n"
    "                            chooses)\n"
    "      --bind ADDRESS        local address to be used\n"
    "      --timeout SECONDS     limit of every wait: for an answer, for the\n"
    "                            connection, without progress (default 10)\n"
    "      --connect-timeout S   for the connection (default: --timeout; 30 "
    "for\n"
    "                            ESP32, which erases first)\n"
    "      --result-timeout S    for the verdict after the last byte (default "
    "60;\n"
    "                            300 for a file system)\n"
    "      --tries N             invitations within --timeout (default 5)\n"
    "      --lockstep            wait for a reply after every chunk, as "
    "espota does:\n"
    "                            slow, for devices that need it\n"
    "      --chunk N             bytes per chunk of --lockstep (default "
    "1460)\n"
    "\n";
static const char help_more[] =
    "Update page, for devices that cannot connect back:\n"
    "      --via WAY             push (default); http: upload through the "
    "update page\n"
    "                            that the device serves; auto: by that page "
    "when the\n"
    "                            device accepts a push and does not connect "
    "back\n"
    "      --page-port N         TCP port of the page (default: the one that "
    "the device\n"
    "                            announces, or 80); with --via http the port "
    "of ADDRESS\n"
    "                            and --port are this one\n"
    "      --path PATH           where it is (default /update)\n"
    "      --user NAME           whose password it is (default admin)\n"
    "\n"
    "Output:\n"
    "      --json                events as JSON, one per line\n"
    "  -q, --quiet               no progress, only the result\n"
    "  -h, --help                this text\n"
    "\n"
    "A password is looked for in the list, in --password, in --password-file, "
    "in the\n"
    "environment variable OTTER_PASSWORD; then you are asked for it when the "
    "only\n"
    "device wants one.  NO_COLOR in the environment turns colour off.\n"
    "\n"
    "Examples:\n"
    "  otter push 192.168.1.50 sketch.bin\n"
    "  otter push kitchen.local sketch.bin.gz --password-file ota.key\n"
    "  otter push 192.168.1.50 --fs littlefs.bin --host-port 8300-8310\n"
    "  otter push --list house.txt -j 16 --remaining rest.txt sketch.bin\n"
    "  otter push --match \"lamp-*\" --new-only lamp.bin\n"
    "  otter push --via http 192.168.1.50 sketch.bin\n"
    "\n"
    "Exit status:\n";
/* clang-format on */

void otter_push_options_help(void)
{
    fputs(help_head, stdout);
    fputs(help_more, stdout);
#define LINE(symbol, status, name, text)                                      \
    printf("  %-3d %-15s %s\n", status, name, text);
    OTTER_PUSH_ENDINGS(LINE)
#undef LINE
}

static int complain(const struct rule *rule, const char *wanted)
{
    (void)otter__usage(PROGRAM, "--%s %s: not %s", rule->name, optarg, wanted);
    return OTTER_ERR_SYNTAX;
}

static int read_number(const struct rule *rule, uint32_t *value, uint32_t min)
{
    char wanted[64];

    if (otter_number_parse(value, optarg, min, rule->max) == 0) {
        return 0;
    }
    snprintf(wanted, sizeof wanted, "a number from %u to %u", min, rule->max);
    return complain(rule, wanted);
}

static int read_secret(char **secret)
{
    otter_password_free(*secret);
    *secret = otter_password_take(optarg);
    return *secret ? 0 : OTTER_ERR_NO_MEMORY;
}

/* The field of an option has the type that its kind says. */
static int read_value(struct otter_push_options *o, const struct rule *rule)
{
    void *field = (char *)o + rule->field;

    switch (rule->kind) {
    case FLAG:
        *(bool *)field = true;
        return 0;
    case TEXT:
        *(const char **)field = optarg;
        return 0;
    case NUMBER:
        return read_number(rule, field, 1);
    case COUNT:
        o->no_retries = strcmp(optarg, "0") == 0;
        return read_number(rule, field, 0);
    case SECONDS:
        return otter_number_parse_seconds(field, optarg)
                   ? complain(rule, OTTER_NUMBER_SECONDS)
                   : 0;
    case PORTS:
        return otter_number_parse_ports(&o->host_port_first,
                                        &o->host_port_last, optarg)
                   ? complain(rule, "a port or FIRST-LAST")
                   : 0;
    case SECRET:
        return read_secret(field);
    }
    return OTTER_ERR_SYNTAX;
}

/* getopt_long's tables from ours. */
static void make_tables(struct option longs[RULES + 1],
                        char letters[2 * RULES + 2])
{
    size_t at = 0;

    letters[at++] = ':';
    for (size_t i = 0; i < RULES; i++) {
        bool has_value = rules[i].kind != FLAG;

        longs[i] = (struct option){.name = rules[i].name,
                                   .has_arg = has_value ? required_argument
                                                        : no_argument,
                                   .val = FIRST_VALUE + (int)i};
        if (rules[i].letter) {
            letters[at++] = rules[i].letter;
            if (has_value) {
                letters[at++] = ':';
            }
        }
    }
    letters[at] = '\0';
    longs[RULES] = (struct option){0};
}

/* NULL: getopt found no option that we know. */
static const struct rule *find_rule(int value)
{
    for (size_t i = 0; i < RULES; i++) {
        if (value == FIRST_VALUE + (int)i ||
            (rules[i].letter && value == rules[i].letter)) {
            return &rules[i];
        }
    }
    return NULL;
}

static int parse_words(struct otter_push_options *o, int argc, char **argv)
{
    int words = argc - optind;

    bool listed = o->list || o->all || o->match;

    if (words < (listed ? 1 : 2)) {
        (void)otter__usage(PROGRAM, "name the device and the file");
        return OTTER_ERR_SYNTAX;
    }
    o->addresses = argv + optind;
    o->address_count = (size_t)words - 1;
    o->file = argv[argc - 1];
    return 0;
}

int otter_push_options_parse(struct otter_push_options *o, int argc,
                             char **argv)
{
    struct option longs[RULES + 1];
    char letters[2 * RULES + 2];
    int error = 0;
    int value;

    *o = (struct otter_push_options){0};
    make_tables(longs, letters);
    optind = 1;
    opterr = 0;
    while (!error &&
           (value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        const struct rule *rule = find_rule(value);

        if (rule) {
            error = read_value(o, rule);
        } else {
            (void)otter__usage(PROGRAM, "%s: %s", argv[optind - 1],
                               value == ':' ? "needs a value"
                                            : "no such option");
            error = OTTER_ERR_SYNTAX;
        }
    }
    return error || o->help ? error : parse_words(o, argc, argv);
}
