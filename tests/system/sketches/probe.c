/* SPDX-License-Identifier: Apache-2.0
 *
 * A sketch that is the tests' hand inside a board: it obeys text commands by
 * UDP, each a call of the HAL, and answers with what the call returned.  It
 * runs on every port.  A command is words separated by blanks; the answer is
 * "ok ..." or "err NUMBER". */
#include "tests/system/sketches/probe.h"

#include "format/descriptor.h"
#include "format/error.h"
#include "format/flash_map.h"
#include "hal/board.h"
#include "hal/clock.h"
#include "hal/flash.h"
#include "hal/rtc.h"
#include "hal/sketch.h"

#include <stdalign.h>
#include <string.h>

#define PROBE_PORT 7007

OTTER_DESCRIPTOR_DEFINE(otter_sketch_descriptor, "probe", "1.0.0", "",
                        "esp8266", 0, 0);

static struct otter_udp *udp;
static struct otter_addr asker;
static volatile bool hanging;

/* --- Reading and writing words ------------------------------------------ */

bool probe_is(const char *word, const char *name)
{
    return strcmp(word, name) == 0;
}

uint32_t probe_number(const char *word)
{
    uint32_t base = 10;
    uint32_t value = 0;

    if (word[0] == '0' && word[1] == 'x') {
        base = 16;
        word += 2;
    }
    for (; *word != '\0'; word++) {
        uint32_t digit =
            (uint32_t)(*word <= '9' ? *word - '0' : (*word | 32) - 'a' + 10);

        value = value * base + digit;
    }
    return value;
}

bool probe_parse_ip(const char *word, uint8_t ip[4])
{
    for (int i = 0; i < 4; i++) {
        uint32_t value = 0;

        while (*word >= '0' && *word <= '9') {
            value = value * 10 + (uint32_t)(*word++ - '0');
        }
        ip[i] = (uint8_t)value;
        if (i < 3 && *word++ != '.') {
            return false;
        }
    }
    return *word == '\0';
}

void probe_put(struct probe_text *out, const char *text)
{
    while (*text != '\0' && out->len < sizeof out->bytes) {
        out->bytes[out->len++] = *text++;
    }
}

void probe_put_number(struct probe_text *out, uint32_t number)
{
    char digits[12] = {0};
    uint32_t at = sizeof digits - 1;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    digits[--at] = ' ';
    probe_put(out, digits + at);
}

void probe_put_hex(struct probe_text *out, const void *data, uint32_t len)
{
    const uint8_t *bytes = data;

    probe_put(out, " ");
    for (uint32_t i = 0; i < len; i++) {
        char pair[3] = {"0123456789abcdef"[bytes[i] >> 4],
                        "0123456789abcdef"[bytes[i] & 15], '\0'};

        probe_put(out, pair);
    }
}

void probe_put_addr(struct probe_text *out, const struct otter_addr *addr)
{
    for (int i = 0; i < 4; i++) {
        struct probe_text number = {.len = 0};

        probe_put_number(&number, addr->ip[i]);
        number.bytes[number.len] = '\0';
        probe_put(out, i == 0 ? " " : ".");
        probe_put(out, number.bytes + 1);
    }
    probe_put_number(out, addr->port);
}

void probe_put_error(struct probe_text *out, int error)
{
    out->len = 0;
    probe_put(out, "err -");
    probe_put_number(out, (uint32_t)-error);
    memmove(out->bytes + 5, out->bytes + 6, out->len - 6);
    out->len--;
}

/* --- Commands about the board ------------------------------------------- */

static int do_identity(char **words, struct probe_text *out)
{
    uint8_t mac[6];

    (void)words;
    otter_board_mac(mac);
    probe_put_hex(out, mac, sizeof mac);
    probe_put_number(out, otter_board_chip_id());
    probe_put(out, " ");
    probe_put(out, otter_board_name());
    probe_put(out, " ");
    probe_put(out, otter_board_chip());
    probe_put(out, " ");
    probe_put(out, otter_board_flash_map()->name);
    probe_put_number(out, otter_flash_size());
    return 0;
}

static int do_start(char **words, struct probe_text *out)
{
    (void)words;
    probe_put_number(out, (uint32_t)otter_board_reset_reason());
    probe_put_number(out, otter_board_boot_id());
    probe_put_number(out, otter_board_strapped_for_download());
    return 0;
}

static int do_setting(char **words, struct probe_text *out)
{
    char value[64];
    int len = otter_board_setting(words[1], value, sizeof value);

    if (len < 0) {
        return len;
    }
    probe_put_number(out, (uint32_t)len);
    probe_put(out, " ");
    probe_put(out, value);
    return 0;
}

static int do_random(char **words, struct probe_text *out)
{
    uint8_t bytes[16];
    int error = otter_board_random(bytes, sizeof bytes);

    (void)words;
    probe_put_hex(out, bytes, sizeof bytes);
    return error;
}

static int do_time(char **words, struct probe_text *out)
{
    int64_t seconds = 0;
    int error = otter_clock_utc(&seconds);

    (void)words;
    probe_put_number(out, otter_clock_ms());
    probe_put_number(out, (uint32_t)seconds);
    return error;
}

static int do_rtc_read(char **words, struct probe_text *out)
{
    uint32_t word = 0;
    int error = otter_rtc_read(probe_number(words[1]), &word, 1);

    probe_put_number(out, word);
    return error;
}

static int do_rtc_write(char **words, struct probe_text *out)
{
    uint32_t word = probe_number(words[2]);

    (void)out;
    return otter_rtc_write(probe_number(words[1]), &word, 1);
}

static alignas(4) uint8_t buffer[512];

static int do_flash_read(char **words, struct probe_text *out)
{
    uint32_t len = probe_number(words[2]);
    int error = len > sizeof buffer
                    ? OTTER_ERR_INVALID
                    : otter_flash_read(probe_number(words[1]), buffer, len);

    probe_put_hex(out, buffer, len);
    return error;
}

/* program ADDR BYTE COUNT */
static int do_flash_program(char **words, struct probe_text *out)
{
    uint32_t len = probe_number(words[3]);

    (void)out;
    if (len > sizeof buffer) {
        return OTTER_ERR_INVALID;
    }
    memset(buffer, (int)probe_number(words[2]), len);
    return otter_flash_program(probe_number(words[1]), buffer, len);
}

static int do_flash_erase(char **words, struct probe_text *out)
{
    (void)out;
    return otter_flash_erase(probe_number(words[1]));
}

static int do_print(char **words, struct probe_text *out)
{
    (void)out;
    for (int i = 1; i < PROBE_WORDS && words[i][0] != '\0'; i++) {
        for (const char *c = words[i]; *c != '\0'; c++) {
            otter_board_putc(*c == '~' ? '\n' : *c);
        }
    }
    return 0;
}

static int do_restart(char **words, struct probe_text *out)
{
    (void)words;
    (void)out;
    otter_board_restart();
}

static int do_crash(char **words, struct probe_text *out)
{
    (void)words;
    (void)out;
    __builtin_trap();
}

static int do_hang(char **words, struct probe_text *out)
{
    (void)words;
    (void)out;
    hanging = true;
    return 0;
}

static const struct probe_command commands[] = {
    {"identity", do_identity},
    {"start", do_start},
    {"setting", do_setting},
    {"random", do_random},
    {"time", do_time},
    {"rtc_read", do_rtc_read},
    {"rtc_write", do_rtc_write},
    {"flash_read", do_flash_read},
    {"flash_program", do_flash_program},
    {"flash_erase", do_flash_erase},
    {"print", do_print},
    {"restart", do_restart},
    {"crash", do_crash},
    {"hang", do_hang},
};

/* --- The loop ----------------------------------------------------------- */

static void split(char *line, char **words)
{
    static char empty[1];

    for (int i = 0; i < PROBE_WORDS; i++) {
        while (*line == ' ') {
            *line++ = '\0';
        }
        words[i] = *line != '\0' ? line : empty;
        while (*line != ' ' && *line != '\0') {
            line++;
        }
    }
    *line = '\0';
}

static int run(const struct probe_command *list, uint32_t count, char **words,
               struct probe_text *out)
{
    for (uint32_t i = 0; i < count; i++) {
        if (probe_is(words[0], list[i].name)) {
            return list[i].run(words, out);
        }
    }
    return OTTER_ERR_KIND;
}

static void obey(char *line)
{
    static struct probe_text out;
    char *words[PROBE_WORDS];
    int error;

    split(line, words);
    out.len = 0;
    probe_put(&out, "ok");
    error = run(commands, sizeof commands / sizeof commands[0], words, &out);
    if (error == OTTER_ERR_KIND) {
        error = run(probe_net_commands, probe_net_command_count, words, &out);
    }
    if (error < 0) {
        probe_put_error(&out, error);
    }
    if (otter_udp_send(udp, out.bytes, out.len, &asker, 0) != 0) {
        probe_say("probe: cannot answer\n");
    }
}

void probe_say(const char *text)
{
    while (*text != '\0') {
        otter_board_putc(*text++);
    }
}

void otter_sketch_setup(void)
{
    const struct otter_udp_config config = {.port = PROBE_PORT};

    if (otter_udp_open(&udp, &config) != 0) {
        probe_say("probe: no port\n");
        otter_board_restart();
    }
    probe_say(otter_sketch_descriptor.name);
    probe_say(" ready\n");
}

void otter_sketch_loop(void)
{
    static char line[1024];
    struct otter_datagram info;
    int len = otter_udp_recv(udp, line, sizeof line - 1, &info);

    if (len >= 0) {
        line[len] = '\0';
        asker = info.from;
        obey(line);
    }
    while (hanging) {
    }
}
