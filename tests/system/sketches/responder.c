/* SPDX-License-Identifier: Apache-2.0
 *
 * A sketch that only shows itself by multicast DNS, as _arduino._tcp and
 * _http._tcp, and obeys the tests: one command a datagram at UDP port 7007,
 * answered with "ok" or "err NUMBER".
 *
 *   txt SERVICE KEY [VALUE]   set or remove a TXT string
 *   close, open               take leave, start again
 *   name                      answered with "ok NAME" */
#include "device/transport/mdns.h"
#include "format/descriptor.h"
#include "format/error.h"
#include "hal/board.h"
#include "hal/sketch.h"
#include "sketches/print.h"

#include <string.h>

#define COMMAND_PORT 7007u
#define WORDS        5u

OTTER_DESCRIPTOR_DEFINE(otter_sketch_descriptor, "responder", "1.0.0", "",
                        "esp8266", 0, 0);

static char host_name[64];
static struct otter_mdns mdns;
static struct otter_mdns_config config;
static struct otter_udp *commands;
static bool announced;

static void on_name(void *user, const char *name)
{
    (void)user;
    otter_sketch_print("name ");
    otter_sketch_print(name);
    otter_sketch_print("\n");
}

static int open_responder(void)
{
    struct otter_interface network;
    int service;
    int error = otter_net_interface(0, &network);

    if (error == 0) {
        config.host_name = host_name;
        config.interface = network.index;
        config.on_name = on_name;
        error = otter_mdns_init(&mdns, &config);
    }
    if (error != 0) {
        return error;
    }
    service = otter_mdns_add_arduino(&mdns, 8266, "nodemcuv2", true);
    if (service < 0) {
        return service;
    }
    error = otter_mdns_set_txt(&mdns, service, OTTER_DNS_KEY_VERSION, "1.0");
    if (error != 0) {
        return error;
    }
    service = otter_mdns_add_service(&mdns, OTTER_DNS_HTTP, 80);
    return service < 0 ? service : 0;
}

void otter_sketch_setup(void)
{
    const struct otter_udp_config udp = {COMMAND_PORT, false};
    int error;

    if (otter_board_setting("hostname", host_name, sizeof host_name) < 0) {
        host_name[0] = '\0';
    }
    error = open_responder();
    if (error == 0) {
        error = otter_udp_open(&commands, &udp);
    }
    otter_sketch_print(error == 0 ? "responder ready\n"
                                  : otter_error_text(error));
}

/* --- Commands ------------------------------------------------------------ */

static int obey(char *word[WORDS])
{
    if (strcmp(word[0], "txt") == 0) {
        return otter_mdns_set_txt(&mdns, word[1][0] - '0', word[2],
                                  word[3][0] != '\0' ? word[3] : NULL);
    }
    if (strcmp(word[0], "close") == 0) {
        otter_mdns_close(&mdns);
        return 0;
    }
    if (strcmp(word[0], "open") == 0) {
        return open_responder();
    }
    return strcmp(word[0], "name") == 0 ? 0 : OTTER_ERR_SYNTAX;
}

static void split(char *line, char *word[WORDS])
{
    for (uint32_t i = 0; i < WORDS; i++) {
        word[i] = line;
        while (*line != '\0' && *line != ' ') {
            line++;
        }
        if (*line == ' ') {
            *line++ = '\0';
        }
    }
}

static void answer(const struct otter_addr *to, int error)
{
    char text[80] = "ok ";

    if (error == 0) {
        memcpy(text + 3, otter_mdns_name(&mdns),
               strlen(otter_mdns_name(&mdns)) + 1);
    } else {
        memcpy(text, "err -??", 8);
        text[5] = (char)('0' + -error / 10);
        text[6] = (char)('0' + -error % 10);
    }
    if (otter_udp_send(commands, text, (uint32_t)strlen(text), to, 0) != 0) {
        otter_sketch_print("no answer sent\n");
    }
}

void otter_sketch_loop(void)
{
    struct otter_datagram info;
    char line[400];
    char *word[WORDS];
    int len;

    otter_mdns_poll(&mdns);
    if (announced && !otter_mdns_announced(&mdns)) {
        otter_sketch_print("name lost\n");
    }
    announced = otter_mdns_announced(&mdns);
    if (commands == NULL) {
        return;
    }
    len = otter_udp_recv(commands, line, sizeof line - 1, &info);
    if (len > 0) {
        line[len] = '\0';
        split(line, word);
        answer(&info.from, obey(word));
    }
}
