/* SPDX-License-Identifier: Apache-2.0
 *
 * A sketch that hands out the HAL for a test: TCP and UDP port 7 echo, and
 * UDP port 9 takes one command per datagram and answers it.  The commands are
 * in the table at the end; numbers are hexadecimal. */
#include "format/compiler.h"
#include "format/error.h"
#include "hal/board.h"
#include "hal/clock.h"
#include "hal/flash.h"
#include "hal/net.h"
#include "hal/rtc.h"

#include <string.h>

#define ECHO_PORT    7
#define COMMAND_PORT 9
#define CONNS        3u

void otter_sketch_setup(void);
void otter_sketch_loop(void);

static struct otter_udp *echo_udp;
static struct otter_udp *command_udp;
static struct otter_udp *group_udp;
static struct otter_listener *listener;

static struct echo {
    struct otter_conn *conn;
    uint8_t held[512];
    uint32_t at, len;
} echoes[CONNS];

static struct otter_conn *outgoing;
static bool looking_up;
static uint32_t words[OTTER_FLASH_SECTOR / 4];

static struct {
    char text[600];
    uint32_t len;
} answer;

/* --- Text ---------------------------------------------------------------- */

static void say(const char *text)
{
    while (*text != '\0' && answer.len < sizeof answer.text) {
        answer.text[answer.len++] = *text++;
    }
}

static void say_hex(uint32_t value)
{
    char digits[9];

    for (uint32_t i = 0; i < 8; i++) {
        uint32_t digit = value >> (28 - 4 * i) & 15u;

        digits[i] = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
    }
    digits[8] = '\0';
    say(digits);
}

static void say_result(int result)
{
    say(otter_error_name(result < 0 ? result : 0));
}

static void say_addr(const struct otter_addr *addr)
{
    say_hex((uint32_t)addr->ip[0] << 24 | (uint32_t)addr->ip[1] << 16 |
            (uint32_t)addr->ip[2] << 8 | addr->ip[3]);
    say(":");
    say_hex(addr->port);
}

/* Takes a hexadecimal number and the blank behind it from *text. */
static uint32_t take_hex(const char **text)
{
    uint32_t value = 0;

    for (; **text != '\0' && **text != ' '; (*text)++) {
        char c = **text;

        value = value << 4 |
                (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    if (**text == ' ') {
        (*text)++;
    }
    return value;
}

static struct otter_addr take_addr(const char **text)
{
    struct otter_addr addr;
    uint32_t ip = take_hex(text);

    memset(&addr, 0, sizeof addr);
    addr.family = OTTER_ADDR_IPV4;
    for (uint32_t i = 0; i < 4; i++) {
        addr.ip[i] = (uint8_t)(ip >> (24 - 8 * i));
    }
    addr.port = (uint16_t)take_hex(text);
    return addr;
}

/* --- Commands ------------------------------------------------------------ */

static void do_who(const char *text)
{
    uint8_t mac[6];
    struct otter_interface interface;

    (void)text;
    otter_board_mac(mac);
    say(otter_board_name());
    say(" reset ");
    say_hex((uint32_t)otter_board_reset_reason());
    say(" boot ");
    say_hex(otter_board_boot_id());
    say(" flash ");
    say_hex(otter_flash_size());
    say(" chip ");
    say_hex(otter_board_chip_id());
    say(" strap ");
    say_hex(otter_board_strapped_for_download());
    if (otter_net_interface(0, &interface) == 0) {
        say(" net ");
        say_hex(interface.index);
        say(" ");
        say_addr(&interface.addr);
        say(" ");
        say_addr(&interface.mask);
    }
    if (otter_net_interface(1, &interface) == OTTER_ERR_NO_DATA) {
        say(" only");
    }
}

static void do_setting(const char *text)
{
    char value[40];
    int len = otter_board_setting(text, value, sizeof value);

    say_result(len);
    say(" ");
    say(value);
}

static void do_random(const char *text)
{
    uint32_t value[4];
    int error = otter_board_random(value, sizeof value);

    (void)text;
    say_result(error);
    for (uint32_t i = 0; error == 0 && i < 4; i++) {
        say(" ");
        say_hex(value[i]);
    }
}

static void do_restart(const char *text)
{
    (void)text;
    otter_board_restart();
}

static void do_hang(const char *text)
{
    (void)text;
    for (;;) {
    }
}

static void do_crash(const char *text)
{
    (void)text;
    *(volatile uint32_t *)0x30000000u = 1;
}

/* Runs over the end of the stack, as one call too deep would. */
static void do_overflow(const char *text)
{
    extern volatile uint32_t otter__lx106_stack[];

    (void)text;
    otter__lx106_stack[0] = 0;
}

/* A byte load from IRAM, which the chip's bus does not do. */
static void do_narrow(const char *text)
{
    (void)text;
    say_hex(*(volatile uint8_t *)0x40100001u);
}

static void do_rtc_write(const char *text)
{
    uint32_t word = take_hex(&text);
    uint32_t value = take_hex(&text);

    say_result(otter_rtc_write(word, &value, 1));
}

static void do_rtc_read(const char *text)
{
    uint32_t value = 0;

    say_result(otter_rtc_read(take_hex(&text), &value, 1));
    say(" ");
    say_hex(value);
}

static void do_erase(const char *text)
{
    say_result(otter_flash_erase(take_hex(&text)));
}

/* Programs `len` bytes at `addr` with words that start at `value`. */
static void do_program(const char *text)
{
    uint32_t addr = take_hex(&text);
    uint32_t len = take_hex(&text);
    uint32_t value = take_hex(&text);

    for (uint32_t i = 0; i < OTTER_FLASH_SECTOR / 4; i++) {
        words[i] = value + i;
    }
    say_result(len > sizeof words ? OTTER_ERR_INVALID
                                  : otter_flash_program(addr, words, len));
}

static void do_read(const char *text)
{
    uint32_t addr = take_hex(&text);

    say_result(otter_flash_read(addr, words, 16));
    for (uint32_t i = 0; i < 4; i++) {
        say(" ");
        say_hex(words[i]);
    }
}

static void do_lookup(const char *text)
{
    int error = otter_net_lookup_start(text);

    looking_up = error == 0;
    say_result(error);
}

static void do_found(const char *text)
{
    struct otter_addr addr;
    int error = looking_up ? otter_net_lookup_poll(&addr) : OTTER_ERR_STATE;

    (void)text;
    looking_up = error == OTTER_ERR_PENDING;
    say_result(error);
    if (error == 0) {
        say(" ");
        say_addr(&addr);
    }
}

static void do_join(const char *text)
{
    struct otter_addr group = take_addr(&text);
    struct otter_udp_config config = {.port = group.port, .shared = true};
    int error = otter_udp_open(&group_udp, &config);

    say_result(error != 0 ? error : otter_udp_join(group_udp, &group, 1, 255));
}

static void do_connect(const char *text)
{
    struct otter_addr to = take_addr(&text);

    say_result(otter_conn_open(&outgoing, &to));
}

static void do_state(const char *text)
{
    (void)text;
    say_result(outgoing == NULL ? OTTER_ERR_STATE
                                : otter_conn_state(outgoing));
    if (outgoing != NULL) {
        say(" ");
        say_hex(otter_conn_unsent(outgoing));
    }
}

static void do_write(const char *text)
{
    int n = outgoing == NULL
                ? OTTER_ERR_STATE
                : otter_conn_write(outgoing, text, (uint32_t)strlen(text));

    say_result(n);
    say(" ");
    say_hex((uint32_t)n);
}

static void do_take(const char *text)
{
    char data[65];
    int n = outgoing == NULL
                ? OTTER_ERR_STATE
                : otter_conn_read(outgoing, data, sizeof data - 1);

    (void)text;
    say_result(n);
    if (n > 0) {
        data[n] = '\0';
        say(" ");
        say(data);
    }
}

static void do_close(const char *text)
{
    if (outgoing != NULL && *text == 'a') {
        otter_conn_abort(outgoing);
    } else if (outgoing != NULL) {
        otter_conn_close(outgoing);
    }
    outgoing = NULL;
}

static const struct {
    const char *name;
    void (*run)(const char *text);
} commands[] = {
    {"who", do_who},           {"setting", do_setting},
    {"random", do_random},     {"restart", do_restart},
    {"hang", do_hang},         {"crash", do_crash},
    {"overflow", do_overflow}, {"narrow", do_narrow},
    {"rtcw", do_rtc_write},    {"rtcr", do_rtc_read},
    {"erase", do_erase},       {"program", do_program},
    {"read", do_read},         {"lookup", do_lookup},
    {"found", do_found},       {"join", do_join},
    {"connect", do_connect},   {"state", do_state},
    {"write", do_write},       {"take", do_take},
    {"close", do_close},
};

static void run_command(const char *line)
{
    for (uint32_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        uint32_t len = (uint32_t)strlen(commands[i].name);

        if (memcmp(line, commands[i].name, len) == 0 &&
            (line[len] == ' ' || line[len] == '\0')) {
            commands[i].run(line[len] == ' ' ? line + len + 1 : line + len);
            return;
        }
    }
    say("unknown");
}

/* --- The loop ------------------------------------------------------------ */

static void serve_commands(void)
{
    char line[512];
    struct otter_datagram info;
    int n = otter_udp_recv(command_udp, line, sizeof line - 1, &info);

    if (n < 0) {
        return;
    }
    line[n] = '\0';
    answer.len = 0;
    run_command(line);
    if (otter_udp_send(command_udp, answer.text, answer.len, &info.from,
                       info.interface) != 0) {
        otter_board_putc('!');
    }
}

/* Datagrams go back to where they came from; those of the group with a note
 * on where they were sent to. */
static void serve_udp(struct otter_udp *udp, bool note)
{
    static uint8_t data[1472];
    struct otter_datagram info;
    int n = udp == NULL ? OTTER_ERR_AGAIN
                        : otter_udp_recv(udp, data, sizeof data, &info);

    if (n < 0) {
        return;
    }
    if (note) {
        answer.len = 0;
        say_addr(&info.to);
        n = (int)answer.len;
        memcpy(data, answer.text, answer.len);
    }
    if (otter_udp_send(udp, data, (uint32_t)n, &info.from, info.interface) !=
        0) {
        otter_board_putc('!');
    }
}

static void serve_conn(struct echo *echo)
{
    int n;

    if (echo->at < echo->len) {
        n = otter_conn_write(echo->conn, echo->held + echo->at,
                             echo->len - echo->at);
        if (n >= 0) {
            echo->at += (uint32_t)n;
            return;
        }
        n = OTTER_ERR_CLOSED;
    } else {
        n = otter_conn_read(echo->conn, echo->held, sizeof echo->held);
    }
    if (n > 0) {
        echo->at = 0;
        echo->len = (uint32_t)n;
    } else if (n == OTTER_ERR_CLOSED) {
        otter_conn_close(echo->conn);
        memset(echo, 0, sizeof *echo);
    }
}

static void serve_conns(void)
{
    for (uint32_t i = 0; i < CONNS; i++) {
        struct otter_addr peer;

        if (echoes[i].conn != NULL) {
            serve_conn(&echoes[i]);
        } else if (otter_listener_accept(listener, &echoes[i].conn, &peer) !=
                   0) {
            echoes[i].conn = NULL;
        }
    }
}

static void put_line(const char *text)
{
    while (*text != '\0') {
        otter_board_putc(*text++);
    }
    otter_board_putc('\n');
}

void otter_sketch_setup(void)
{
    struct otter_udp_config echo = {.port = ECHO_PORT, .shared = false};
    struct otter_udp_config command = {.port = COMMAND_PORT, .shared = false};

    if (otter_udp_open(&echo_udp, &echo) != 0 ||
        otter_udp_open(&command_udp, &command) != 0 ||
        otter_listener_open(&listener, ECHO_PORT) != 0) {
        put_line("probe: no network");
        return;
    }
    put_line("probe: ready");
}

void otter_sketch_loop(void)
{
    serve_commands();
    serve_udp(echo_udp, false);
    serve_udp(group_udp, true);
    serve_conns();
}
