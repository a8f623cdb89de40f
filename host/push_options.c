/* SPDX-License-Identifier: Apache-2.0
 *
 * Options, their checks, and the help text. */
#include "host/push_options.h"

#include "format/push_message.h"
#include "host/command.h"
#include "host/number.h"
#include "host/password.h"
#include "host/push_ending.h"

#include <getopt.h>
#include <stdio.h>

#define DEFAULT_CHUNK 1460
#define CHUNK_MAX     (1024 * 1024)

enum {
    OPT_FS = 256,
    OPT_HOST_PORT,
    OPT_BIND,
    OPT_PASSWORD,
    OPT_PASSWORD_FILE,
    OPT_TIMEOUT,
    OPT_CONNECT_TIMEOUT,
    OPT_RESULT_TIMEOUT,
    OPT_TRIES,
    OPT_LOCKSTEP,
    OPT_CHUNK,
};

static const struct option long_options[] = {
    {"port", required_argument, NULL, 'p'},
    {"fs", no_argument, NULL, OPT_FS},
    {"host-port", required_argument, NULL, OPT_HOST_PORT},
    {"bind", required_argument, NULL, OPT_BIND},
    {"password", required_argument, NULL, OPT_PASSWORD},
    {"password-file", required_argument, NULL, OPT_PASSWORD_FILE},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"connect-timeout", required_argument, NULL, OPT_CONNECT_TIMEOUT},
    {"result-timeout", required_argument, NULL, OPT_RESULT_TIMEOUT},
    {"tries", required_argument, NULL, OPT_TRIES},
    {"lockstep", no_argument, NULL, OPT_LOCKSTEP},
    {"chunk", required_argument, NULL, OPT_CHUNK},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char help_head[] =
    "Usage: otter push [OPTION]... ADDRESS FILE\n"
    "\n"
    "Send a sketch, or a file system, to a device that runs ArduinoOTA or\n"
    "Otter, and wait for its verdict.  ADDRESS is an IP address or a name.\n"
    "The device connects back to this computer to fetch the file: incoming\n"
    "TCP must be allowed.\n"
    "\n"
    "Options:\n"
    "  -p, --port N              UDP port of the device: 8266 ESP8266\n"
    "                            (default), 3232 ESP32, 2040 RP2040\n"
    "      --fs                  FILE is a file system image, not a sketch\n"
    "      --password-file FILE  the password is the first line of FILE, or\n"
    "                            of standard input when FILE is \"-\"\n"
    "      --password TEXT       the password, visible to whoever sees this\n"
    "                            command line\n"
    "      --host-port N[-M]     TCP port that the device connects back to,\n"
    "                            or the range to take a free one from\n"
    "                            (default: the system chooses)\n"
    "      --bind ADDRESS        local address to be used\n"
    "      --timeout SECONDS     limit of every wait: for an answer, for the\n"
    "                            connection, without progress (default 10)\n"
    "      --connect-timeout S   for the connection (default: --timeout; 30\n"
    "                            for ESP32, which erases first)\n"
    "      --result-timeout S    for the verdict after the last byte "
    "(default\n"
    "                            60; 300 for a file system)\n"
    "      --tries N             invitations within --timeout (default 5)\n"
    "      --lockstep            wait for a reply after every chunk, as\n"
    "                            espota does: slow, for devices that need it\n"
    "      --chunk N             bytes per chunk of --lockstep (default "
    "1460)\n"
    "  -q, --quiet               no progress, only the result\n"
    "  -h, --help                show this text\n"
    "\n"
    "A password is looked for in --password, in --password-file, in the\n"
    "environment variable OTTER_PASSWORD; then you are asked for it when the\n"
    "device wants one.  NO_COLOR in the environment turns colour off.\n"
    "\n"
    "Examples:\n"
    "  otter push 192.168.1.50 sketch.bin\n"
    "  otter push kitchen.local sketch.bin.gz --password-file ota.key\n"
    "  otter push 192.168.1.50 --fs littlefs.bin --host-port 8300-8310\n"
    "\n"
    "Exit status:\n";

void otter_push_options_help(void)
{
    fputs(help_head, stdout);
#define LINE(symbol, status, name, text) printf("  %-3d %s\n", status, text);
    OTTER_PUSH_ENDINGS(LINE)
#undef LINE
}

static int complain(const char *option, const char *value, const char *wanted)
{
    (void)otter__usage("otter push", "%s %s: not %s", option, value, wanted);
    return OTTER_ERR_SYNTAX;
}

static int complain_option(int option, char **argv)
{
    (void)otter__usage("otter push", "%s: %s", argv[optind - 1],
                       option == ':' ? "needs a value" : "no such option");
    return OTTER_ERR_SYNTAX;
}

static int parse_seconds(uint32_t *ms, const char *option)
{
    return otter_number_parse_seconds(ms, optarg)
               ? complain(option, optarg, "a number of seconds")
               : 0;
}

static int parse_number(uint32_t *value, const char *option, uint32_t max,
                        const char *wanted)
{
    return otter_number_parse(value, optarg, 1, max)
               ? complain(option, optarg, wanted)
               : 0;
}

static int parse_port(struct otter_push_options *o)
{
    uint32_t port = 0;
    int error = parse_number(&port, "--port", UINT16_MAX, "a port");

    o->port = (uint16_t)port;
    return error;
}

static int parse_host_port(struct otter_push_options *o)
{
    return otter_number_parse_ports(&o->host_port_first, &o->host_port_last,
                                    optarg)
               ? complain("--host-port", optarg, "a port or FIRST-LAST")
               : 0;
}

static int parse_tries(struct otter_push_options *o)
{
    uint32_t tries = 0;
    int error = parse_number(&tries, "--tries", 1000, "1 to 1000");

    o->tries = tries;
    return error;
}

static int take_password(struct otter_push_options *o)
{
    otter_password_free(o->password);
    o->password = otter_password_take(optarg);
    return o->password ? 0 : OTTER_ERR_NO_MEMORY;
}

static int parse_option(struct otter_push_options *o, int option)
{
    switch (option) {
    case 'p':
        return parse_port(o);
    case OPT_FS:
        o->fs = true;
        return 0;
    case OPT_HOST_PORT:
        return parse_host_port(o);
    case OPT_BIND:
        o->bind = optarg;
        return 0;
    case OPT_PASSWORD:
        return take_password(o);
    case OPT_PASSWORD_FILE:
        o->password_file = optarg;
        return 0;
    case OPT_TIMEOUT:
        return parse_seconds(&o->timeout_ms, "--timeout");
    case OPT_CONNECT_TIMEOUT:
        return parse_seconds(&o->connect_timeout_ms, "--connect-timeout");
    case OPT_RESULT_TIMEOUT:
        return parse_seconds(&o->result_timeout_ms, "--result-timeout");
    case OPT_TRIES:
        return parse_tries(o);
    case OPT_LOCKSTEP:
        o->lockstep = true;
        return 0;
    case OPT_CHUNK:
        return parse_number(&o->chunk, "--chunk", CHUNK_MAX,
                            "a number of bytes");
    case 'q':
        o->quiet = true;
        return 0;
    case 'h':
        o->help = true;
        return 0;
    default:
        return OTTER_ERR_SYNTAX;
    }
}

static int parse_words(struct otter_push_options *o, int argc, char **argv)
{
    int words = argc - optind;

    if (words < 2) {
        (void)otter__usage("otter push", "name the device and the file");
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
    int option;

    *o = (struct otter_push_options){.port = OTTER_PUSH_PORT,
                                     .chunk = DEFAULT_CHUNK};
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":p:qh", long_options, NULL)) !=
           -1) {
        int error = option == '?' || option == ':'
                        ? complain_option(option, argv)
                        : parse_option(o, option);

        if (error) {
            return error;
        }
    }
    return o->help ? 0 : parse_words(o, argc, argv);
}
