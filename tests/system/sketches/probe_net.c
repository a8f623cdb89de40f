/* SPDX-License-Identifier: Apache-2.0
 *
 * The probe's commands about the network: every call of hal/net.h, on a few
 * numbered sockets and connections. */
#include "tests/system/sketches/probe.h"

#include "format/error.h"

#include <string.h>

#define SLOTS 20

static struct otter_udp *udps[SLOTS];
static struct otter_conn *conns[SLOTS];
static struct otter_listener *listeners[SLOTS];
static char data[1024];

static uint32_t slot(const char *word)
{
    return probe_number(word) % SLOTS;
}

static bool parse_addr(char **words, struct otter_addr *addr)
{
    memset(addr, 0, sizeof *addr);
    addr->family = OTTER_ADDR_IPV4;
    addr->port = (uint16_t)probe_number(words[1]);
    return probe_parse_ip(words[0], addr->ip);
}

static int do_interface(char **words, struct probe_text *out)
{
    struct otter_interface found;
    int error = otter_net_interface(probe_number(words[1]), &found);

    probe_put_number(out, found.index);
    probe_put_hex(out, found.mac, 6);
    probe_put_number(out, found.up);
    probe_put_addr(out, &found.addr);
    probe_put_addr(out, &found.mask);
    return error;
}

/* --- udp_open SLOT PORT SHARED, udp_join SLOT GROUP TTL, udp_send SLOT IP
 * PORT TEXT, udp_recv SLOT SIZE, udp_close SLOT
 * -------------------------------- */

static int do_udp_open(char **words, struct probe_text *out)
{
    const struct otter_udp_config config = {
        .port = (uint16_t)probe_number(words[2]),
        .shared = probe_number(words[3]) != 0};
    struct otter_udp **udp = &udps[slot(words[1])];
    int error = otter_udp_open(udp, &config);

    if (error == 0) {
        probe_put_number(out, otter_udp_port(*udp));
    }
    return error;
}

static int do_udp_join(char **words, struct probe_text *out)
{
    struct otter_addr group = {.family = OTTER_ADDR_IPV4};

    (void)out;
    if (!probe_parse_ip(words[2], group.ip)) {
        return OTTER_ERR_INVALID;
    }
    return otter_udp_join(udps[slot(words[1])], &group, 0,
                          (uint8_t)probe_number(words[3]));
}

static int do_udp_send(char **words, struct probe_text *out)
{
    struct otter_addr to;

    (void)out;
    if (!parse_addr(words + 2, &to)) {
        return OTTER_ERR_INVALID;
    }
    return otter_udp_send(udps[slot(words[1])], words[4],
                          (uint32_t)strlen(words[4]), &to, 0);
}

static int do_udp_recv(char **words, struct probe_text *out)
{
    struct otter_datagram info;
    uint32_t size = probe_number(words[2]);
    int len;

    size = size < sizeof data ? size : sizeof data;
    len = otter_udp_recv(udps[slot(words[1])], data, size, &info);
    if (len < 0) {
        return len;
    }
    probe_put_number(out, (uint32_t)len);
    probe_put_hex(out, data, (uint32_t)len < size ? (uint32_t)len : size);
    probe_put_addr(out, &info.from);
    probe_put_addr(out, &info.to);
    probe_put_number(out, info.interface);
    probe_put_number(out, info.truncated);
    return 0;
}

static int do_udp_close(char **words, struct probe_text *out)
{
    (void)out;
    otter_udp_close(udps[slot(words[1])]);
    return 0;
}

/* --- open SLOT IP PORT, state SLOT, read SLOT SIZE, write SLOT COUNT, unsent
 * SLOT, close SLOT, abort SLOT -------------------------------------------- */

static int do_open(char **words, struct probe_text *out)
{
    struct otter_addr to;

    (void)out;
    if (!parse_addr(words + 2, &to)) {
        return OTTER_ERR_INVALID;
    }
    return otter_conn_open(&conns[slot(words[1])], &to);
}

static int do_open6(char **words, struct probe_text *out)
{
    const struct otter_addr to = {
        .family = OTTER_ADDR_IPV6, .port = 80, .ip = {[15] = 1}};

    (void)out;
    return otter_conn_open(&conns[slot(words[1])], &to);
}

static int do_state(char **words, struct probe_text *out)
{
    (void)out;
    return otter_conn_state(conns[slot(words[1])]);
}

static int do_read(char **words, struct probe_text *out)
{
    uint32_t size = probe_number(words[2]);
    int len;

    size = size < 512 ? size : 512;
    len = otter_conn_read(conns[slot(words[1])], data, size);
    if (len < 0) {
        return len;
    }
    probe_put_hex(out, data, (uint32_t)len);
    return 0;
}

/* Writes COUNT letters `x`. */
static int do_write(char **words, struct probe_text *out)
{
    uint32_t left = probe_number(words[2]);
    uint32_t done = 0;
    int n;

    memset(data, 'x', sizeof data);
    do {
        uint32_t len = left < sizeof data ? left : sizeof data;

        n = otter_conn_write(conns[slot(words[1])], data, len);
        if (n < 0) {
            return n;
        }
        done += (uint32_t)n;
        left -= (uint32_t)n;
    } while (n > 0 && left > 0);
    probe_put_number(out, done);
    return 0;
}

static int do_unsent(char **words, struct probe_text *out)
{
    probe_put_number(out, otter_conn_unsent(conns[slot(words[1])]));
    return 0;
}

static int do_close(char **words, struct probe_text *out)
{
    (void)out;
    otter_conn_close(conns[slot(words[1])]);
    return 0;
}

static int do_abort(char **words, struct probe_text *out)
{
    (void)out;
    otter_conn_abort(conns[slot(words[1])]);
    return 0;
}

/* --- listen SLOT PORT, accept SLOT CONN, unlisten SLOT ------------------ */

static int do_listen(char **words, struct probe_text *out)
{
    struct otter_listener **l = &listeners[slot(words[1])];
    int error = otter_listener_open(l, (uint16_t)probe_number(words[2]));

    if (error == 0) {
        probe_put_number(out, otter_listener_port(*l));
    }
    return error;
}

static int do_accept(char **words, struct probe_text *out)
{
    struct otter_addr peer;
    int error = otter_listener_accept(listeners[slot(words[1])],
                                      &conns[slot(words[2])], &peer);

    if (error == 0) {
        probe_put_addr(out, &peer);
    }
    return error;
}

static int do_unlisten(char **words, struct probe_text *out)
{
    (void)out;
    otter_listener_close(listeners[slot(words[1])]);
    return 0;
}

/* --- Names -------------------------------------------------------------- */

static int do_lookup(char **words, struct probe_text *out)
{
    (void)out;
    return otter_net_lookup_start(words[1]);
}

static int do_looked(char **words, struct probe_text *out)
{
    struct otter_addr found;
    int error = otter_net_lookup_poll(&found);

    (void)words;
    if (error == 0) {
        probe_put_number(out, found.family);
        probe_put_addr(out, &found);
    }
    return error;
}

static int do_cancel(char **words, struct probe_text *out)
{
    (void)words;
    (void)out;
    otter_net_lookup_cancel();
    return 0;
}

const struct probe_command probe_net_commands[] = {
    {"interface", do_interface}, {"udp_open", do_udp_open},
    {"udp_join", do_udp_join},   {"udp_send", do_udp_send},
    {"udp_recv", do_udp_recv},   {"udp_close", do_udp_close},
    {"open", do_open},           {"open6", do_open6},
    {"state", do_state},         {"read", do_read},
    {"write", do_write},         {"unsent", do_unsent},
    {"close", do_close},         {"abort", do_abort},
    {"listen", do_listen},       {"accept", do_accept},
    {"unlisten", do_unlisten},   {"lookup", do_lookup},
    {"looked", do_looked},       {"cancel", do_cancel},
};

const uint32_t probe_net_command_count =
    sizeof probe_net_commands / sizeof probe_net_commands[0];
