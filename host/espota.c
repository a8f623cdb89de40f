/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter espota`, also installed as `espota`: the command line and exit codes
 * of espota.py for ESP8266 and ESP32 (protocol 1.10, 1.11) in front of the
 * same uploader as `otter push`.  An Arduino platform or PlatformIO that calls
 * espota.py can call this instead. */
#include "host/command.h"
#include "host/espota_report.h"
#include "host/firmware.h"
#include "host/number.h"
#include "host/password.h"
#include "host/push_run.h"

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "otter espota"

#define TIMEOUT_MS   10000
#define REPEAT_MS    2000 /* between invitations */
#define RESULT_MS    60000
#define ESP32_MS     30000  /* it may erase before it connects */
#define ESP32_END_MS 300000 /* and writes a file system for minutes */

/* The newest espota.py for ESP32 sends so many invitations, each awaited for
 * the time of its option -t. */
#define ESP32_TRIES 10

struct espota {
    const char *ip;
    const char *host_ip;
    uint16_t port;
    uint16_t host_port; /* 0: the system chooses */
    char *auth;         /* owned */
    const char *file;
    bool spiffs;
    bool debug;
    bool progress;
    bool md5_target;
    uint32_t timeout_ms; /* 0: not given */
    bool help;
};

static const struct option long_options[] = {
    {"ip", required_argument, NULL, 'i'},
    {"host_ip", required_argument, NULL, 'I'},
    {"port", required_argument, NULL, 'p'},
    {"host_port", required_argument, NULL, 'P'},
    {"auth", required_argument, NULL, 'a'},
    {"file", required_argument, NULL, 'f'},
    {"spiffs", no_argument, NULL, 's'},
    {"debug", no_argument, NULL, 'd'},
    {"progress", no_argument, NULL, 'r'},
    {"md5-target", no_argument, NULL, 'm'},
    {"timeout", required_argument, NULL, 't'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char help_text[] =
    "Usage: espota -i DEVICE -f FILE [OPTION]...\n"
    "       otter espota -i DEVICE -f FILE [OPTION]...\n"
    "\n"
    "Send a sketch to a device as espota.py does, with its command line, its\n"
    "messages and its exit codes.  `otter push` does more and says more.\n"
    "\n"
    "  -i, --ip ADDRESS         the device\n"
    "  -p, --port N             its UDP port (8266; ESP32 uses 3232)\n"
    "  -I, --host_ip ADDRESS    local address (0.0.0.0)\n"
    "  -P, --host_port N        local TCP port (the system chooses)\n"
    "  -a, --auth PASSWORD      when empty, the environment variable\n"
    "                           OTTER_PASSWORD is used\n"
    "  -f, --file FILE          what to send; FILE.signed goes before FILE\n"
    "  -s, --spiffs             FILE is a file system image\n"
    "  -d, --debug              more messages\n"
    "  -r, --progress           a bar instead of dots\n"
    "  -m, --md5-target         the device keeps the MD5 of its password\n"
    "                           (ESP32; tried by itself when needed)\n"
    "  -t, --timeout SECONDS    for every answer (10)\n"
    "  -h, --help               show this text\n"
    "\n"
    "Exit status: 0 updated, 1 not updated or unknown, 2 wrong command line,\n"
    "130 interrupted.\n"
    "\n"
    "Example:\n"
    "  espota -i 192.168.1.50 -p 8266 --auth=secret -f sketch.bin\n";

static int complain(int option, const char *wanted)
{
    (void)otter__usage(PROGRAM, "-%c %s: not %s", option, optarg, wanted);
    return OTTER_EXIT_USAGE;
}

static int parse_port(int option, uint16_t *port, uint32_t min)
{
    uint32_t value;

    if (otter_number_parse(&value, optarg, min, UINT16_MAX)) {
        return complain(option, "a port");
    }
    *port = (uint16_t)value;
    return 0;
}

static int parse_option(struct espota *e, int option)
{
    switch (option) {
    case 'i':
        e->ip = optarg;
        return 0;
    case 'I':
        e->host_ip = optarg;
        return 0;
    case 'p':
        return parse_port(option, &e->port, 1);
    case 'P':
        return parse_port(option, &e->host_port, 0);
    case 'a':
        otter_password_free(e->auth);
        e->auth = otter_password_take(optarg);
        return e->auth ? 0 : OTTER_EXIT_FAILED;
    case 'f':
        e->file = optarg;
        return 0;
    case 's':
        e->spiffs = true;
        return 0;
    case 'd':
        e->debug = true;
        return 0;
    case 'r':
        e->progress = true;
        return 0;
    case 'm':
        e->md5_target = true;
        return 0;
    case 't':
        return otter_number_parse_seconds(&e->timeout_ms, optarg)
                   ? complain(option, OTTER_NUMBER_SECONDS)
                   : 0;
    case 'h':
        e->help = true;
        return 0;
    default: /* getopt has complained */
        fputs("Usage: espota -i DEVICE -f FILE [OPTION]...\n", stderr);
        return OTTER_EXIT_USAGE;
    }
}

static int parse(struct espota *e, int argc, char **argv)
{
    int option;
    int status = 0;

    optind = 1;
    while (!status && (option = getopt_long(argc, argv, "i:I:p:P:a:f:sdrmt:h",
                                            long_options, NULL)) != -1) {
        status = parse_option(e, option);
    }
    return status;
}

/* A signed file beside the plain one is meant for devices with a key. */
static char *find_file(const struct espota *e, bool *is_signed)
{
    size_t size = strlen(e->file) + sizeof ".signed";
    char *path = malloc(size);

    if (!path) {
        return NULL;
    }
    snprintf(path, size, "%s.signed", e->file);
    *is_signed = access(path, F_OK) == 0;
    if (!*is_signed) {
        snprintf(path, size, "%s", e->file);
    }
    return path;
}

static struct otter_push_limits limits(const struct espota *e)
{
    bool esp32 = e->port == OTTER_PUSH_PORT_ESP32 || e->timeout_ms;
    uint32_t once = e->timeout_ms ? e->timeout_ms : TIMEOUT_MS;
    uint32_t all = e->timeout_ms ? once * ESP32_TRIES : TIMEOUT_MS;

    return (struct otter_push_limits){
        .answer_ms = all,
        .auth_ms = once,
        .connect_ms = once,
        .esp32_connect_ms = e->timeout_ms ? once : ESP32_MS,
        .idle_ms = TIMEOUT_MS,
        .result_ms = esp32 ? ESP32_END_MS : RESULT_MS,
        .tries = all > 5 * REPEAT_MS ? all / REPEAT_MS : 5,
    };
}

static const char *password(const struct espota *e)
{
    const char *environment = getenv("OTTER_PASSWORD");

    if (e->auth && e->auth[0]) {
        return e->auth;
    }
    /* The original answers with an empty password when it has none. */
    return environment ? environment : "";
}

static int push(const struct espota *e, const struct otter_firmware *firmware,
                const char *signed_file)
{
    struct otter_espota_reporter reporter;
    struct otter_push_job job = {
        .data = firmware->data,
        .size = firmware->size,
        .command = e->spiffs ? OTTER_PUSH_COMMAND_FILE_SYSTEM
                             : OTTER_PUSH_COMMAND_SKETCH,
        .stored_md5 = e->md5_target,
        .limits = limits(e),
    };
    struct otter_push_target target = {
        .name = e->ip, .host = e->ip, .port = e->port};
    struct otter_push_run run = {.job = &job,
                                 .targets = &target,
                                 .count = 1,
                                 .password = password(e),
                                 .parallel = 1,
                                 .host_port_first = e->host_port,
                                 .host_port_last = e->host_port,
                                 .espota = true,
                                 .reporter = &reporter.reporter};
    int status;

    memcpy(job.md5, firmware->md5, sizeof job.md5);
    otter_espota_reporter_init(&reporter);
    reporter.address = e->host_ip;
    reporter.bar = e->progress;
    reporter.debug = e->debug;
    reporter.signed_file = signed_file;
    if (strcmp(e->host_ip, "0.0.0.0") != 0 &&
        otter_address_resolve(&run.local, e->host_ip, 0, 0)) {
        otter_espota_log("ERROR", "Listen Failed");
        fprintf(stderr, "  -I %s: no address of that name\n", e->host_ip);
        return OTTER_EXIT_FAILED;
    }
    status = otter_push_run(&run);
    return status == otter_push_ending_status(OTTER_PUSH_END_INTERRUPTED)
               ? status
               : (status ? OTTER_EXIT_FAILED : OTTER_EXIT_OK);
}

static int load_and_push(const struct espota *e)
{
    struct otter_firmware firmware;
    bool is_signed = false;
    char *path = find_file(e, &is_signed);
    int status;

    if (!path) {
        return otter__fail("out of memory");
    }
    status = otter_firmware_load(&firmware, path);
    if (status) {
        otter_espota_log("ERROR", "%s: %s", path, strerror(status));
        status = OTTER_EXIT_FAILED;
    } else {
        status = push(e, &firmware, is_signed ? path : NULL);
        otter_firmware_free(&firmware);
    }
    free(path);
    return status;
}

static bool is_given(const char *value)
{
    return value && value[0];
}

int otter__espota(int argc, char **argv)
{
    struct espota e = {.host_ip = "0.0.0.0", .port = OTTER_PUSH_PORT};
    int status = parse(&e, argc, argv);

    if (!status && e.help) {
        fputs(help_text, stdout);
    } else if (!status && (!is_given(e.ip) || !is_given(e.file))) {
        otter_espota_log("CRITICAL", "Not enough arguments.");
        status = OTTER_EXIT_FAILED;
    } else if (!status) {
        status = load_and_push(&e);
    }
    otter_password_free(e.auth);
    return status;
}
