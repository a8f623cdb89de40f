/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter discover`: the devices of the network, as a table, as JSON, or one
 * line for each that comes and goes. */
#include "codec/dns_keys.h"
#include "format/error.h"
#include "host/command.h"
#include "host/device_json.h"
#include "host/discover.h"
#include "host/discover_commands.h"
#include "host/number.h"
#include "host/show.h"
#include "host/target_list.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM    "otter discover"
#define TIMEOUT_MS 3000u

const char otter__discover_help[] =
    "Usage: otter discover [OPTION]...\n"
    "\n"
    "Shows the devices that take updates: those that announce "
    "_arduino._tcp by\n"
    "multicast DNS, stock or Otter, and those of a list.\n"
    "\n"
    "Options:\n"
    "  -t, --timeout SECONDS  how long to listen (default 3; with --watch: "
    "for ever)\n"
    "      --watch            one line for each device that comes, changes or "
    "goes\n"
    "      --json             JSON: an array, with --watch an object a line\n"
    "      --list FILE        devices for networks without multicast "
    "(default:\n"
    "                         $OTTER_DEVICES, ~/.config/otter/devices)\n"
    "      --interface NAME   ask on this network interface only\n"
    "  -h, --help             this text\n"
    "\n"
    "A line of a list is ADDRESS[:PORT] [name=NAME] [board=ID] [version=V]\n"
    "[auth=yes|no]; a value with blanks stands in quotes, # begins a "
    "comment.\n"
    "\n"
    "Exit codes: 0 at least one device, 1 none or an error, 2 wrong command "
    "line.\n"
    "\n"
    "Examples:\n"
    "  otter discover\n"
    "  otter discover --json --timeout 10\n"
    "  otter discover --watch\n";

struct options {
    uint32_t timeout_ms; /* 0: not given */
    bool watch;
    bool json;
    const char *list;
    const char *interface;
};

/* --- Output
 * ------------------------------------------------------------------ */

#define COLUMNS 6

static const struct otter_show_column columns[COLUMNS] = {
    {"NAME", 12, false, false}, {"ADDRESS", 0, false, false},
    {"PORT", 0, false, false},  {"BOARD", 10, false, false},
    {"AUTH", 0, false, false},  {"VERSION", 7, false, false},
};

/* The cells of one line. */
static void fill(const struct otter_device *device, char port[8],
                 const char *cells[COLUMNS])
{
    static const char *const auth[] = {"?", "no", "yes"};
    const char *board = otter_device_get(device, OTTER_DNS_KEY_BOARD);
    const char *version = otter_device_get(device, OTTER_DNS_KEY_VERSION);

    snprintf(port, 8, "%u", (unsigned)device->port);
    cells[0] = device->name;
    cells[1] = device->address;
    cells[2] = port;
    cells[3] = board != NULL ? board : "-";
    cells[4] = auth[otter_device_auth(device)];
    cells[5] = version != NULL ? version : "-";
}

static int by_name(const void *a, const void *b)
{
    const struct otter_device *const *x = a;
    const struct otter_device *const *y = b;
    int order = strcmp((*x)->name, (*y)->name);

    return order != 0 ? order : strcmp((*x)->address, (*y)->address);
}

static int print_table(const struct otter_device **devices, size_t count)
{
    struct otter_show_table table = {.columns = columns, .count = COLUMNS};
    const char *cells[COLUMNS];
    char port[8];
    int error = 0;

    for (size_t n = 0; n < count && error == 0; n++) {
        fill(devices[n], port, cells);
        error = otter_show_row(&table, cells);
    }
    otter_show_block(&table);
    otter_show_table_free(&table);
    return error == 0 ? OTTER_EXIT_OK : otter__fail("out of memory");
}

static void print_json(json_t *json, size_t flags)
{
    json_dumpf(json, stdout, flags);
    putchar('\n');
    json_decref(json);
}

static void print_array(const struct otter_device **devices, size_t count)
{
    json_t *array = json_array();

    for (size_t n = 0; n < count; n++) {
        json_array_append_new(array, otter_device_json(devices[n]));
    }
    print_json(array, JSON_INDENT(2));
}

/* Everything that was found, at the end.  Returns the exit code. */
static int print_all(const struct options *options,
                     const struct otter_discover *discover)
{
    const struct otter_device **devices;
    int status = OTTER_EXIT_OK;
    size_t count = 0;

    while (otter_discover_device(discover, count) != NULL) {
        count++;
    }
    devices = calloc(count + 1, sizeof *devices);
    if (devices == NULL) {
        return otter__fail("out of memory");
    }
    for (size_t n = 0; n < count; n++) {
        devices[n] = otter_discover_device(discover, n);
    }
    qsort(devices, count, sizeof *devices, by_name);
    if (options->json) {
        print_array(devices, count);
    } else if (count > 0) {
        status = print_table(devices, count);
    }
    free(devices);
    if (count == 0) {
        return otter__fail(
            "no device answered. Are device and computer in the same network, "
            "and does a firewall let UDP port 5353 through? A device that is "
            "not found can be updated by its address, or listed (--list)");
    }
    return status;
}

static void on_event(void *user, enum otter_discover_event event,
                     const struct otter_device *device)
{
    static const char *const names[] = {"found", "changed", "gone"};
    const struct options *options = user;
    const char *cells[COLUMNS];
    char port[8];

    if (!options->watch) {
        return;
    }
    if (options->json) {
        print_json(json_pack("{s:s, s:o}", "event", names[event], "device",
                             otter_device_json(device)),
                   JSON_COMPACT);
    } else {
        fill(device, port, cells);
        printf("%-7s  %s  %s:%s  board=%s auth=%s version=%s\n", names[event],
               cells[0], cells[1], cells[2], cells[3], cells[4], cells[5]);
    }
    fflush(stdout);
}

/* --- Command line
 * -------------------------------------------------------------- */

static int parse(struct options *options, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"timeout", required_argument, NULL, 't'},
        {"watch", no_argument, NULL, 'w'},
        {"json", no_argument, NULL, 'j'},
        {"list", required_argument, NULL, 'l'},
        {"interface", required_argument, NULL, 'i'},
        {NULL, 0, NULL, 0},
    };
    int option;

    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":t:", long_options, NULL)) !=
           -1) {
        switch (option) {
        case 't':
            if (otter_number_parse_seconds(&options->timeout_ms, optarg)) {
                return otter__usage(PROGRAM,
                                    "--timeout %s: not " OTTER_NUMBER_SECONDS,
                                    optarg);
            }
            break;
        case 'w':
            options->watch = true;
            break;
        case 'j':
            options->json = true;
            break;
        case 'l':
            options->list = optarg;
            break;
        case 'i':
            options->interface = optarg;
            break;
        default:
            return otter__usage(PROGRAM, "%s: %s", argv[optind - 1],
                                option == ':' ? "needs a value"
                                              : "no such option");
        }
    }
    return optind == argc ? OTTER_EXIT_OK
                          : otter__usage(PROGRAM, "%s: no argument expected",
                                         argv[optind]);
}

/* $OTTER_DEVICES, which must exist then, otherwise the file that may lie among
 * the user's settings; NULL: neither. */
static const char *default_list(void)
{
    static char path[4096];
    const char *list = getenv("OTTER_DEVICES");
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int len = 0;

    if (list != NULL && *list != '\0') {
        return list;
    }
    if (config != NULL && *config != '\0') {
        len = snprintf(path, sizeof path, "%s/otter/devices", config);
    } else if (home != NULL && *home != '\0') {
        len = snprintf(path, sizeof path, "%s/.config/otter/devices", home);
    }
    return len > 0 && (size_t)len < sizeof path && access(path, F_OK) == 0
               ? path
               : NULL;
}

int otter__discover_add_list(struct otter_discover *discover, const char *path)
{
    struct otter_target_list list = {0};
    struct otter_device device;
    int error = 0;

    if (path == NULL) {
        path = default_list();
    }
    if (path == NULL) {
        return OTTER_EXIT_OK;
    }
    error = otter_target_list_read(&list, path);
    for (size_t i = 0; i < list.count && error == 0; i++) {
        otter_device_from_list(&device, &list.entries[i]);
        error = otter_discover_add(discover, &device);
    }
    if (error == OTTER_ERR_NO_MEMORY) {
        (void)otter__fail("%s: too many devices", path);
    } else if (error != 0) {
        (void)otter__fail("%s", list.error);
    }
    otter_target_list_free(&list);
    return error != 0 ? OTTER_EXIT_FAILED : OTTER_EXIT_OK;
}

/* For ever, or as long as it was asked for. */
static void wait_long(const struct options *options,
                      struct otter_discover *discover)
{
    uint32_t ms = options->timeout_ms;

    if (options->watch && ms == 0) {
        for (;;) {
            otter_discover_wait(discover, TIMEOUT_MS);
        }
    }
    otter_discover_wait(discover, ms != 0 ? ms : TIMEOUT_MS);
}

int otter__discover(int argc, char **argv)
{
    struct options options = {0};
    struct otter_discover_config config = {.on_event = on_event,
                                           .user = &options};
    struct otter_discover *discover;
    int status = parse(&options, argc, argv);
    int error;

    if (status != OTTER_EXIT_OK) {
        return status;
    }
    config.interface = options.interface;
    error = otter_discover_open(&discover, &config);
    if (error == OTTER_ERR_INVALID) {
        return otter__usage(PROGRAM, "--interface %s: there is none",
                            options.interface);
    }
    if (error != 0) {
        return otter__fail("no socket for multicast DNS: %s", strerror(errno));
    }
    status = otter__discover_add_list(discover, options.list);
    if (status == OTTER_EXIT_OK) {
        wait_long(&options, discover);
        status = options.watch ? OTTER_EXIT_OK : print_all(&options, discover);
    }
    otter_discover_close(discover);
    return status;
}
