/* SPDX-License-Identifier: Apache-2.0
 *
 * The responder's rig. */
#include "tests/support/mdns_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void note_name(void *user, const char *name)
{
    struct mdns_rig *rig = user;
    size_t used = strlen(rig->names);

    snprintf(rig->names + used, sizeof rig->names - used, "%s;", name);
}

int mdns_rig_set_up(void **state)
{
    struct mdns_rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    otter_sim_board_open(0x100000);
    otter_sim_board.now_ms = UINT32_MAX - 5000; /* across the wrap */
    fake_net_reset();
    rig->config.host_name = "lamp";
    rig->config.on_name = note_name;
    rig->config.user = rig;
    assert_int_equal(otter_mdns_init(&rig->mdns, &rig->config), 0);
    rig->arduino = otter_mdns_add_arduino(&rig->mdns, 8266, NULL, true);
    assert_int_equal(rig->arduino, 0);
    rig->http = otter_mdns_add_service(&rig->mdns, "_http._tcp", 80);
    assert_int_equal(rig->http, 1);
    *state = rig;
    return 0;
}

int mdns_rig_set_up_running(void **state)
{
    mdns_rig_set_up(state);
    /* Three probes; four announcements of three groups. */
    assert_int_equal(mdns_rig_drop(*state, 12000), 3 + 4 * 3);
    return 0;
}

int mdns_rig_tear_down(void **state)
{
    struct mdns_rig *rig = *state;

    otter_mdns_close(&rig->mdns);
    assert_int_equal(fake_net_open(), 0);
    fake_net_reset();
    otter_sim_board_close();
    free(rig);
    return 0;
}

const char *mdns_rig_take(struct mdns_rig *rig, uint32_t ms)
{
    for (uint32_t i = 0;; i++) {
        if (fake_net_take(&rig->taken)) {
            rig->taken_ms = otter_sim_board.now_ms;
            return dns_text(rig->taken.data, rig->taken.len);
        }
        if (i > 0) {
            if (i > ms) {
                return "";
            }
            otter_sim_board.now_ms++;
        }
        otter_mdns_poll(&rig->mdns);
    }
}

uint32_t mdns_rig_drop(struct mdns_rig *rig, uint32_t ms)
{
    uint32_t end = otter_sim_board.now_ms + ms;
    uint32_t count = 0;

    while (*mdns_rig_take(rig, end - otter_sim_board.now_ms) != '\0') {
        count++;
    }
    return count;
}

void mdns_rig_query(struct mdns_rig_message *m, uint16_t flags)
{
    assert_int_equal(
        otter_dns_begin(&m->writer, m->buf, sizeof m->buf, 0, flags), 0);
}

void mdns_rig_ask(struct mdns_rig_message *m, const char *name, uint16_t type,
                  bool unicast)
{
    assert_int_equal(otter_dns_put_question(&m->writer, RIG_NAME(name), type,
                                            unicast ? 0x8001 : 1),
                     0);
}

void mdns_rig_add_a(struct mdns_rig_message *m, enum otter_dns_section section,
                    const char *name, uint32_t ttl, const char *ip)
{
    struct otter_addr addr = fake_addr(ip, 0);

    otter_dns_begin_record(&m->writer, section, RIG_NAME(name), OTTER_DNS_A, 1,
                           ttl);
    otter_dns_put_bytes(&m->writer, addr.ip, 4);
    assert_int_equal(otter_dns_end_record(&m->writer), 0);
}

void mdns_rig_add_ptr(struct mdns_rig_message *m,
                      enum otter_dns_section section, const char *name,
                      uint32_t ttl, const char *target)
{
    otter_dns_begin_record(&m->writer, section, RIG_NAME(name), OTTER_DNS_PTR,
                           1, ttl);
    otter_dns_put_name(&m->writer, RIG_NAME(target), true);
    assert_int_equal(otter_dns_end_record(&m->writer), 0);
}

void mdns_rig_add_srv(struct mdns_rig_message *m,
                      enum otter_dns_section section, const char *name,
                      uint32_t ttl, uint16_t port, const char *target)
{
    otter_dns_begin_record(&m->writer, section, RIG_NAME(name), OTTER_DNS_SRV,
                           1, ttl);
    otter_dns_put_bytes(&m->writer, "\0\0\0", 4);
    otter_dns_put_u16(&m->writer, port);
    otter_dns_put_name(&m->writer, RIG_NAME(target), true);
    assert_int_equal(otter_dns_end_record(&m->writer), 0);
}

void mdns_rig_add_txt(struct mdns_rig_message *m,
                      enum otter_dns_section section, const char *name,
                      uint32_t ttl, const char *strings, uint32_t len)
{
    otter_dns_begin_record(&m->writer, section, RIG_NAME(name), OTTER_DNS_TXT,
                           1, ttl);
    otter_dns_put_bytes(&m->writer, strings, len);
    assert_int_equal(otter_dns_end_record(&m->writer), 0);
}

void mdns_rig_send(struct mdns_rig_message *m, const char *ip, uint16_t port)
{
    struct otter_addr from = fake_addr(ip, port);
    struct otter_addr to = fake_addr("224.0.0.251", OTTER_MDNS_PORT);

    fake_net_send_to(&from, &to, 1, m->buf, otter_dns_finish(&m->writer));
}

void mdns_rig_question(uint16_t port, const char *name, uint16_t type,
                       bool unicast)
{
    struct mdns_rig_message m;

    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, name, type, unicast);
    mdns_rig_send(&m, "192.168.1.9", port);
}

uint32_t mdns_rig_after(struct mdns_rig *rig, uint32_t since, const char *text)
{
    assert_string_equal(mdns_rig_take(rig, 6000), text);
    return rig->taken_ms - since;
}

void mdns_rig_now(struct mdns_rig *rig, const char *text)
{
    assert_string_equal(mdns_rig_take(rig, 0), text);
}

void mdns_rig_silent(struct mdns_rig *rig, uint32_t ms)
{
    assert_string_equal(mdns_rig_take(rig, ms), "");
}

void mdns_rig_claim(const char *name, const char *ip, uint32_t ttl)
{
    struct mdns_rig_message m;

    mdns_rig_query(&m, 0x8400);
    mdns_rig_add_a(&m, OTTER_DNS_ANSWER, name, ttl, ip);
    mdns_rig_send(&m, ip, OTTER_MDNS_PORT);
}
