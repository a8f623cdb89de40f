/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of otter-device.  Everything is checked here, so that the
 * rest of the program sees only values that make sense. */
#include "ports/posix/hardware/hardware.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
static const char help[] =
    "otter-device: a virtual ESP8266-class board.\n"
    "\n"
    "Usage: otter-device --flash FILE [options]\n"
    "       otter-device --control PATH --send COMMAND\n"
    "\n"
    "The board starts what its flash holds, through its boot loader, and\n"
    "prints its serial console on stdout, until it is told to quit.\n"
    "\n"
    "Flash and program\n"
    "  --flash FILE          flash content; made, erased, when missing\n"
    "  --map NAME            flash map: 4M2M, 1M64, 512K32, ...\n"
    "                        (default: the core's automatic one)\n"
    "  --size SIZE           chip size of a new flash: 512K 1M 2M 4M 8M 16M\n"
    "                        (default: the map's, else 4M)\n"
    "  --serial-upload FILE  write this image to flash first, as a serial\n"
    "                        flasher does\n"
    "  --flash-time WHAT     how long operations take: none (default),\n"
    "                        typical (erase 45 ms, page 0.7 ms) or\n"
    "                        maximum (400 ms, 3 ms)\n"
    "  --stats               at the end print flash operations and wear\n"
    "\n"
    "Identity and network\n"
    "  --address IP          the board's own address (default 127.0.0.1);\n"
    "                        any 127.x.y.z works, so that many boards\n"
    "                        share the standard ports\n"
    "  --interface NAME      use this network interface and its address\n"
    "  --mac MAC             default: 02:4f:54 and the address's last three\n"
    "                        bytes; the chip id is the MAC's last three\n"
    "  --set KEY=VALUE       a setting that the sketch can read\n"
    "                        (hostname, port, password, ...); repeatable\n"
    "  --no-utc              the board does not know the calendar time\n"
    "\n"
    "Board\n"
    "  --board NAME          posix (default), or lx106: the ESP8266's own "
    "core, in\n"
    "                        QEMU\n"
    "  --rom FILE            lx106: the ROM stand-in (default: found beside "
    "this\n"
    "                        program)\n"
    "  --forward PROTO:PORT  lx106: a tcp or udp port of the board that "
    "--address\n"
    "                        offers (default udp:8266 and tcp:80); may be "
    "repeated.\n"
    "                        With --interface, a TAP, the board has --address "
    "for\n"
    "                        itself and there is nothing to forward\n"
    "\n"
    "Hardware\n"
    "  --watchdog SECONDS    reset a program that hangs (default 8,\n"
    "                        0: never)\n"
    "  --cut-after N[:HOW]   power fails in flash operation N and stays off;\n"
    "                        HOW, 0 to 7 or a name, is what it leaves: of\n"
    "                        an erase nothing, zero, ff-prefix (default),\n"
    "                        zero-suffix, random, ff-weak, old-weak, done;\n"
    "                        of a program nothing, prefix (default), subset,\n"
    "                        done-weak, invisible-weak, subset-weak, done\n"
    "                        (lx106: 0 to 4, see ports/lx106)\n"
    "  --off                 begin with the power switched off\n"
    "  --control PATH        Unix socket for commands, one a line\n"
    "  --send COMMAND        send a command to a running board and print\n"
    "                        its answer\n"
    "  --help, --version\n"
    "\n"
    "Commands on the control socket\n"
    "  reset                 press the reset button\n"
    "  power on|off|cycle    the power switch; RTC memory is lost\n"
    "  wake                  reset as by waking from deep sleep\n"
    "  strap download|run    strap pins: download makes restarts impossible\n"
    "                        until the reset button is pressed\n"
    "  cut N[:HOW]|off       as --cut-after, counted from now on\n"
    "  status                identity, state and start counts, as JSON\n"
    "  counters              flash operations and wear per sector, as JSON\n"
    "  quit                  switch off and end\n"
    "  Answers: `ok`, a JSON object, or `error: ...`.\n"
    "\n"
    "Signals\n"
    "  USR1 reset button, USR2 power switch, TERM INT HUP switch off and end\n"
    "\n"
    "Exit codes\n"
    "  0 ended as told, or the command was obeyed\n"
    "  1 the board could not be built (flash file, address, control\n"
    "    socket), or the command failed\n"
    "  2 wrong usage\n"
    "  3 --serial-upload refused: not an image, or it does not fit\n"
    "\n"
    "Examples\n"
    "  otter-device --flash board.bin --serial-upload basic_ota-1.0.0.bin\n"
    "  otter-device --flash b5.bin --address 127.0.0.5 --control b5.sock \\\n"
    "      --set password=secret\n"
    "  otter-device --control b5.sock --send 'power cycle'\n";
/* clang-format on */

enum {
    OPT_FLASH = 256,
    OPT_MAP,
    OPT_SIZE,
    OPT_UPLOAD,
    OPT_FLASH_TIME,
    OPT_STATS,
    OPT_ADDRESS,
    OPT_INTERFACE,
    OPT_MAC,
    OPT_SET,
    OPT_NO_UTC,
    OPT_WATCHDOG,
    OPT_CUT,
    OPT_OFF,
    OPT_CONTROL,
    OPT_SEND,
    OPT_BOARD,
    OPT_ROM,
    OPT_FORWARD,
    OPT_HELP,
    OPT_VERSION
};

static const struct option longs[] = {
    {"flash", required_argument, NULL, OPT_FLASH},
    {"map", required_argument, NULL, OPT_MAP},
    {"size", required_argument, NULL, OPT_SIZE},
    {"serial-upload", required_argument, NULL, OPT_UPLOAD},
    {"flash-time", required_argument, NULL, OPT_FLASH_TIME},
    {"stats", no_argument, NULL, OPT_STATS},
    {"address", required_argument, NULL, OPT_ADDRESS},
    {"interface", required_argument, NULL, OPT_INTERFACE},
    {"mac", required_argument, NULL, OPT_MAC},
    {"set", required_argument, NULL, OPT_SET},
    {"no-utc", no_argument, NULL, OPT_NO_UTC},
    {"watchdog", required_argument, NULL, OPT_WATCHDOG},
    {"cut-after", required_argument, NULL, OPT_CUT},
    {"off", no_argument, NULL, OPT_OFF},
    {"control", required_argument, NULL, OPT_CONTROL},
    {"send", required_argument, NULL, OPT_SEND},
    {"board", required_argument, NULL, OPT_BOARD},
    {"rom", required_argument, NULL, OPT_ROM},
    {"forward", required_argument, NULL, OPT_FORWARD},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static int usage(const char *what, const char *value)
{
    fprintf(stderr, "otter-device: %s%s%s (see --help)\n", what,
            value != NULL ? ": " : "", value != NULL ? value : "");
    return OTTER_HW_EXIT_USAGE;
}

static uint32_t parse_size(const char *text)
{
    static const struct {
        const char *name;
        uint32_t size;
    } sizes[] = {
        {"512K", 512u << 10}, {"1M", 1u << 20}, {"2M", 2u << 20},
        {"4M", 4u << 20},     {"8M", 8u << 20}, {"16M", 16u << 20},
    };

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (strcmp(text, sizes[i].name) == 0) {
            return sizes[i].size;
        }
    }
    return 0;
}

static bool parse_mac(uint8_t mac[6], const char *text)
{
    int end = 0;

    return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0],
                  &mac[1], &mac[2], &mac[3], &mac[4], &mac[5], &end) == 6 &&
           text[end] == '\0';
}

static bool parse_flash_time(struct otter_hw_options *o, const char *text)
{
    static const char *const names[] = {"none", "typical", "maximum"};

    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            o->flash_time = (enum otter_hw_flash_time)i;
            return true;
        }
    }
    return false;
}

static bool parse_watchdog(struct otter_hw_options *o, const char *text)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end != '\0' || !(seconds >= 0 && seconds <= 86400)) {
        return false;
    }
    o->watchdog_ms = (uint32_t)(seconds * 1000);
    return true;
}

static uint32_t find(const char *text, const char *const *names,
                     uint32_t count)
{
    uint32_t i = 0;

    while (i < count && strcmp(text, names[i]) != 0) {
        i++;
    }
    return i;
}

/* Whether an erase or a program will be torn is not known yet, and torn.h
 * takes one number for both, modulo the count of each.  A name that only one
 * kind has leaves the other at its default. */
static bool parse_outcome(const char *text, uint32_t *outcome)
{
    uint32_t erase = find(text, otter_torn_erase_names, OTTER_TORN_ERASES);
    uint32_t program =
        find(text, otter_torn_program_names, OTTER_TORN_PROGRAMS);

    if (text[0] >= '0' && text[0] <= '7' && text[1] == '\0') {
        erase = (uint32_t)(text[0] - '0');
        program = erase % OTTER_TORN_PROGRAMS;
    } else if (erase == OTTER_TORN_ERASES && program == OTTER_TORN_PROGRAMS) {
        return false;
    }
    erase = erase == OTTER_TORN_ERASES ? OTTER_TORN_ERASE_FF_PREFIX : erase;
    program =
        program == OTTER_TORN_PROGRAMS ? OTTER_TORN_PROGRAM_PREFIX : program;
    *outcome = 0;
    while (*outcome % OTTER_TORN_ERASES != erase ||
           *outcome % OTTER_TORN_PROGRAMS != program) {
        ++*outcome;
    }
    return true;
}

bool otter__hw_parse_cut(const char *text, uint32_t *operation,
                         uint32_t *outcome)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || n == 0 || n > INT32_MAX) {
        return false;
    }
    *operation = (uint32_t)n;
    if (*end == '\0') {
        return parse_outcome("ff-prefix", outcome);
    }
    return *end == ':' && parse_outcome(end + 1, outcome);
}

/* The same key again replaces the value. */
static bool parse_setting(struct otter_hw_options *o, const char *text)
{
    const char *equals = strchr(text, '=');
    struct otter_machine_setting *s = o->settings;
    struct otter_machine_setting *end = s + o->setting_count;
    size_t key_len;

    if (equals == NULL || equals == text) {
        return false;
    }
    key_len = (size_t)(equals - text);
    if (key_len >= sizeof s->key || strlen(equals + 1) >= sizeof s->value) {
        return false;
    }
    while (s < end &&
           (strncmp(s->key, text, key_len) != 0 || s->key[key_len] != '\0')) {
        s++;
    }
    if (s == end) {
        if (o->setting_count == OTTER_MACHINE_SETTINGS) {
            return false;
        }
        o->setting_count++;
    }
    memset(s, 0, sizeof *s);
    memcpy(s->key, text, key_len);
    strcpy(s->value, equals + 1);
    return true;
}

static bool parse_board(struct otter_hw_options *o, const char *text)
{
    o->lx106 = strcmp(text, "lx106") == 0;
    return o->lx106 || strcmp(text, "posix") == 0;
}

static bool add_forward(struct otter_hw_options *o, bool tcp, long port)
{
    if (port <= 0 || port > UINT16_MAX ||
        o->forward_count == OTTER_HW_FORWARDS) {
        return false;
    }
    o->forwards[o->forward_count].tcp = tcp;
    o->forwards[o->forward_count].port = (uint16_t)port;
    o->forward_count++;
    return true;
}

static bool parse_forward(struct otter_hw_options *o, const char *text)
{
    bool tcp = strncmp(text, "tcp:", 4) == 0;
    char *end;
    long port = strtol(text + 4, &end, 10);

    return (tcp || strncmp(text, "udp:", 4) == 0) && text[4] != '\0' &&
           *end == '\0' && add_forward(o, tcp, port);
}

/* Options that only store something. */
static bool store(struct otter_hw_options *o, int option, const char *value)
{
    switch (option) {
    case OPT_FLASH:
        o->flash = value;
        return true;
    case OPT_UPLOAD:
        o->upload = value;
        return true;
    case OPT_STATS:
        o->stats = true;
        return true;
    case OPT_ADDRESS:
        o->address = value;
        return true;
    case OPT_INTERFACE:
        o->interface = value;
        return true;
    case OPT_NO_UTC:
        o->utc_unknown = true;
        return true;
    case OPT_OFF:
        o->starts_off = true;
        return true;
    case OPT_CONTROL:
        o->control = value;
        return true;
    case OPT_SEND:
        o->send = value;
        return true;
    case OPT_ROM:
        o->rom = value;
        return true;
    default:
        return false;
    }
}

static int take(struct otter_hw_options *o, int option, const char *value)
{
    if (store(o, option, value)) {
        return -1;
    }
    switch (option) {
    case OPT_MAP:
        o->map = value;
        return otter_flash_map_find(value) != NULL
                   ? -1
                   : usage("no such flash map", value);
    case OPT_SIZE:
        o->size = parse_size(value);
        return o->size != 0 ? -1 : usage("no such flash size", value);
    case OPT_FLASH_TIME:
        return parse_flash_time(o, value) ? -1 : usage("flash time", value);
    case OPT_MAC:
        o->mac_given = true;
        return parse_mac(o->mac, value) ? -1 : usage("not a MAC", value);
    case OPT_SET:
        return parse_setting(o, value)
                   ? -1
                   : usage("not KEY=VALUE, too long or too many", value);
    case OPT_WATCHDOG:
        return parse_watchdog(o, value) ? -1 : usage("watchdog", value);
    case OPT_BOARD:
        return parse_board(o, value) ? -1 : usage("no such board", value);
    case OPT_CUT:
        return otter__hw_parse_cut(value, &o->cut_after, &o->cut_outcome)
                   ? -1
                   : usage("not N[:HOW]", value);
    case OPT_FORWARD:
        return parse_forward(o, value) ? -1 : usage("forward", value);
    case OPT_HELP:
        fputs(help, stdout);
        return OTTER_HW_EXIT_OK;
    case OPT_VERSION:
        puts("otter-device " OTTER_VERSION);
        return OTTER_HW_EXIT_OK;
    default:
        return usage("unknown option, or its value is missing", NULL);
    }
}

/* What the board lx106 cannot do without, and its forwards. */
static int check_lx106(struct otter_hw_options *o)
{
    long port = 8266;

    for (uint32_t i = 0; i < o->setting_count; i++) {
        if (strchr(o->settings[i].key, '\n') != NULL ||
            strchr(o->settings[i].value, '\n') != NULL) {
            return usage("a setting of the board lx106 is one line", NULL);
        }
        if (strcmp(o->settings[i].key, "port") == 0) {
            port = strtol(o->settings[i].value, NULL, 10);
        }
    }
    if (o->interface != NULL && o->address == NULL) {
        return usage("--interface of the board lx106 needs --address", NULL);
    }
    if (o->forward_count == 0) {
        (void)add_forward(o, false, port);
        (void)add_forward(o, true, 80);
    }
    return -1;
}

int otter__hw_options(struct otter_hw_options *out, int argc, char **argv)
{
    int option;

    memset(out, 0, sizeof *out);
    out->watchdog_ms = 8000;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        int code = take(out, option, optarg);

        if (code >= 0) {
            return code;
        }
    }
    if (optind < argc) {
        return usage("what is this for", argv[optind]);
    }
    if (out->send != NULL) {
        return out->control != NULL ? -1
                                    : usage("--send needs --control", NULL);
    }
    if (out->flash == NULL) {
        return usage("--flash FILE is missing", NULL);
    }
    if (out->interface == NULL && out->address == NULL) {
        out->address = "127.0.0.1";
    }
    return out->lx106 ? check_lx106(out) : -1;
}
