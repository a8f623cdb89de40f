/* SPDX-License-Identifier: Apache-2.0
 *
 * The responder and other hosts that want its name, before it has it, while it
 * asks for it, and afterwards. */
#include "tests/support/mdns_rig.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_mdns_name_that_is_taken_gets_a_number(void **state)
{
    struct mdns_rig *rig = *state;
    uint32_t since;

    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp"));
    mdns_rig_claim("LAMP.local", "192.168.1.9", 120);
    since = rig->taken_ms;
    assert_true(mdns_rig_after(rig, since, MDNS_RIG_PROBE("lamp-2")) <= 250);
    mdns_rig_claim("lamp-2.local", "192.168.1.9", 120);
    since = rig->taken_ms;
    assert_true(mdns_rig_after(rig, since, MDNS_RIG_PROBE("lamp-3")) <= 250);
    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp-3"));
    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp-3"));
    mdns_rig_after(rig, 0,
                   MDNS_RIG_HOST("lamp-3", "192.168.1.77", "77.1.168.192"));
    mdns_rig_now(rig, MDNS_RIG_ARDUINO("lamp-3"));
    mdns_rig_now(rig, MDNS_RIG_HTTP("lamp-3"));
    assert_string_equal(rig->names, "lamp-3;");
    assert_string_equal(otter_mdns_name(&rig->mdns), "lamp-3");
}

static void test_mdns_instance_that_is_taken_renames_the_host(void **state)
{
    struct mdns_rig *rig = *state;
    struct mdns_rig_message m;

    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp"));
    mdns_rig_query(&m, 0x8400);
    mdns_rig_add_srv(&m, OTTER_DNS_ANSWER, "lamp._http._tcp.local", 4500, 80,
                     "other.local");
    mdns_rig_send(&m, "192.168.1.9", OTTER_MDNS_PORT);
    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp-2"));
}

static void test_mdns_claims_that_are_none_change_nothing(void **state)
{
    struct mdns_rig *rig = *state;
    struct otter_addr outside = fake_addr("10.0.0.1", OTTER_MDNS_PORT);
    struct otter_addr inside = fake_addr("192.168.1.77", OTTER_MDNS_PORT);
    struct mdns_rig_message m;

    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp"));
    mdns_rig_claim("lamp.local", "192.168.1.77", 120); /* our own address */
    mdns_rig_claim("lamp.local", "192.168.1.9", 0);    /* a host that leaves */
    mdns_rig_claim("lamp2.local", "192.168.1.9", 120); /* another name */
    mdns_rig_query(&m, 0x8400);
    mdns_rig_add_ptr(&m, OTTER_DNS_ANSWER, "_http._tcp.local", 4500,
                     "lamp._http._tcp.local");
    mdns_rig_send(&m, "192.168.1.9", OTTER_MDNS_PORT);
    mdns_rig_query(&m, 0x8400); /* not from the mDNS port */
    mdns_rig_add_a(&m, OTTER_DNS_ANSWER, "lamp.local", 120, "192.168.1.9");
    mdns_rig_send(&m, "192.168.1.9", 5354);
    mdns_rig_query(&m, 0x8403); /* an error */
    mdns_rig_add_a(&m, OTTER_DNS_ANSWER, "lamp.local", 120, "192.168.1.9");
    mdns_rig_send(&m, "192.168.1.9", OTTER_MDNS_PORT);
    mdns_rig_query(&m, 0x8400); /* from outside of the network */
    mdns_rig_add_a(&m, OTTER_DNS_ANSWER, "lamp.local", 120, "10.0.0.1");
    fake_net_send_to(&outside, &inside, 1, m.buf, otter_dns_finish(&m.writer));
    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp"));
    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp"));
    mdns_rig_after(rig, 0,
                   MDNS_RIG_HOST("lamp", "192.168.1.77", "77.1.168.192"));
}

static void test_mdns_name_contested_later_is_probed_again(void **state)
{
    struct mdns_rig *rig = *state;

    mdns_rig_claim("lamp.local", "192.168.1.9", 120);
    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp"));
    assert_false(otter_mdns_announced(&rig->mdns));
    /* The other host insists: it keeps the name. */
    mdns_rig_claim("lamp.local", "192.168.1.9", 120);
    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp-2"));
    assert_int_equal(mdns_rig_drop(rig, 12000), 2 + 4 * 3);
    assert_string_equal(rig->names, "lamp;lamp-2;");
}

static void test_mdns_other_types_of_a_won_name_are_no_contest(void **state)
{
    struct mdns_rig *rig = *state;
    struct mdns_rig_message m;

    mdns_rig_query(&m, 0x8400);
    mdns_rig_add_txt(&m, OTTER_DNS_ANSWER, "lamp.local", 120, "\1a", 2);
    mdns_rig_send(&m, "192.168.1.9", OTTER_MDNS_PORT);
    mdns_rig_silent(rig, 3000);
    assert_true(otter_mdns_announced(&rig->mdns));
}

static void probe_host(const char *ip)
{
    struct mdns_rig_message m;

    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "lamp.local", OTTER_DNS_ANY, true);
    mdns_rig_add_a(&m, OTTER_DNS_AUTHORITY, "lamp.local", 120, ip);
    mdns_rig_send(&m, ip, OTTER_MDNS_PORT);
}

static void test_mdns_lower_address_loses_and_waits_a_second(void **state)
{
    struct mdns_rig *rig = *state;
    uint32_t since;

    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp"));
    since = rig->taken_ms;
    probe_host("192.168.1.78");
    assert_int_equal(mdns_rig_after(rig, since, MDNS_RIG_PROBE("lamp")), 1000);
    /* The winner has announced itself meanwhile and answers. */
    mdns_rig_claim("lamp.local", "192.168.1.78", 120);
    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp-2"));
}

static void test_mdns_higher_address_wins_and_goes_on(void **state)
{
    struct mdns_rig *rig = *state;
    uint32_t since;

    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp"));
    since = rig->taken_ms;
    probe_host("192.168.1.76");
    assert_int_equal(mdns_rig_after(rig, since, MDNS_RIG_PROBE("lamp")), 250);
    probe_host("192.168.1.77"); /* the same: our own probe, reflected */
    since = rig->taken_ms;
    assert_int_equal(mdns_rig_after(rig, since, MDNS_RIG_PROBE("lamp")), 250);
}

/* A probe for the instance of _http._tcp; NULL leaves a record out. */
static uint32_t pause_after_service_probe(struct mdns_rig *rig,
                                          const char *txt, uint16_t port,
                                          const char *target, bool extra)
{
    static const char name[] = "lamp._http._tcp.local";
    struct mdns_rig_message m;
    uint32_t since;

    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp"));
    since = rig->taken_ms;
    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, name, OTTER_DNS_ANY, true);
    if (extra) {
        mdns_rig_add_srv(&m, OTTER_DNS_AUTHORITY, name, 120, 81, target);
    }
    if (target != NULL) {
        mdns_rig_add_srv(&m, OTTER_DNS_AUTHORITY, name, 120, port, target);
    }
    if (txt != NULL) {
        mdns_rig_add_txt(&m, OTTER_DNS_AUTHORITY, name, 120, txt,
                         (uint32_t)strlen(txt) + 1);
    }
    mdns_rig_send(&m, "192.168.1.9", OTTER_MDNS_PORT);
    return mdns_rig_after(rig, since, MDNS_RIG_PROBE("lamp"));
}

static void test_mdns_service_probes_compare_in_order(void **state)
{
    static const struct {
        const char *txt; /* "" is one zero byte, as ours */
        uint16_t port;
        const char *target;
        bool extra;
        uint32_t pause;
    } cases[] = {
        {"", 80, "lamp.local", false, 250},    /* the same */
        {"", 80, "Lamp.local", false, 250},    /* capitals are earlier */
        {"", 80, "lamq.local", false, 1000},   /* later target */
        {"", 80, "lam.local", false, 250},     /* shorter label */
        {"", 80, "lamps.local", false, 1000},  /* longer label */
        {"", 79, "zzzz.local", false, 250},    /* the port comes first */
        {"", 81, "aaaa.local", false, 1000},   /* */
        {"\1a", 1, "aaaa.local", false, 1000}, /* TXT before SRV */
        {NULL, 1, "aaaa.local", false, 1000},  /* no TXT: SRV is later */
        {"", 0, NULL, false, 250},             /* they run out first */
        {"", 80, "lamp.local", true, 1000},    /* they have more */
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t pause =
            pause_after_service_probe(*state, cases[i].txt, cases[i].port,
                                      cases[i].target, cases[i].extra);

        if (pause != cases[i].pause) {
            print_message("case %zu\n", i);
        }
        assert_int_equal(pause, cases[i].pause);
        mdns_rig_tear_down(state);
        mdns_rig_set_up(state);
    }
}

static void test_mdns_core_style_probe_of_the_service_is_understood(
    void **state)
{
    struct mdns_rig *rig = *state;
    struct mdns_rig_message m;
    uint32_t since;

    /* The core proposes PTR and SRV; TXT and A are additional. */
    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp"));
    since = rig->taken_ms;
    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "lamp._arduino._tcp.local", OTTER_DNS_ANY, true);
    mdns_rig_add_ptr(&m, OTTER_DNS_AUTHORITY, "_arduino._tcp.local", 4500,
                     "lamp._arduino._tcp.local");
    mdns_rig_add_srv(&m, OTTER_DNS_AUTHORITY, "lamp._arduino._tcp.local", 4500,
                     8266, "lamp.local");
    mdns_rig_add_a(&m, OTTER_DNS_ADDITIONAL, "lamp.local", 120, "192.168.1.9");
    mdns_rig_send(&m, "192.168.1.9", OTTER_MDNS_PORT);
    assert_int_equal(mdns_rig_after(rig, since, MDNS_RIG_PROBE("lamp")), 1000);
}

static void test_mdns_probe_for_our_name_is_answered_at_once(void **state)
{
    static const char answer[] =
        "response id 0\n"
        "answer A lamp.local flush 120 192.168.1.77\n"
        "additional NSEC lamp.local flush 120 lamp.local 000140\n";
    struct mdns_rig *rig = *state;
    uint32_t since = otter_sim_board.now_ms;

    probe_host("192.168.1.200");
    assert_int_equal(mdns_rig_after(rig, since, answer), 0);
    assert_memory_equal(rig->taken.to.ip, "\xc0\xa8\1\xc8", 4);
    assert_int_equal(rig->taken.to.port, OTTER_MDNS_PORT);
    assert_int_equal(mdns_rig_after(rig, since, answer), 0);
    assert_memory_equal(rig->taken.to.ip, "\xe0\0\0\xfb", 4);
    /* The next probe gets its answer too, though within a second. */
    otter_sim_board.now_ms += 250;
    probe_host("192.168.1.200");
    assert_int_equal(mdns_rig_after(rig, since, answer), 250);
    assert_int_equal(mdns_rig_after(rig, since, answer), 250);
    mdns_rig_silent(rig, 3000);
}

static void test_mdns_many_conflicts_slow_probing_down(void **state)
{
    struct mdns_rig *rig = *state;
    uint32_t last = otter_sim_board.now_ms;
    char name[80];

    for (int i = 1; i <= 17; i++) {
        assert_string_not_equal(mdns_rig_take(rig, 6000), "");
        if (i <= 15) {
            assert_true(rig->taken_ms - last <= 250);
        } else {
            assert_int_equal(rig->taken_ms - last, 5000);
        }
        last = rig->taken_ms;
        snprintf(name, sizeof name, "%s.local", otter_mdns_name(&rig->mdns));
        mdns_rig_claim(name, "192.168.1.9", 120);
    }
    assert_string_equal(otter_mdns_name(&rig->mdns), "lamp-17");
}

static void test_mdns_own_packets_that_come_back_change_nothing(void **state)
{
    struct mdns_rig *rig = *state;
    struct otter_addr from = fake_addr("192.168.1.77", OTTER_MDNS_PORT);
    struct otter_addr other = fake_addr("10.1.1.1", OTTER_MDNS_PORT);
    struct otter_addr to = fake_addr("224.0.0.251", OTTER_MDNS_PORT);
    uint32_t packets = 0;

    /* Even when another interface, with another address, reflects them. */
    while (*mdns_rig_take(rig, 6000) != '\0') {
        packets++;
        fake_net_send_to(&from, &to, 1, rig->taken.data, rig->taken.len);
        fake_net_send_to(&other, &to, 1, rig->taken.data, rig->taken.len);
    }
    assert_int_equal(packets, 3 + 4 * 3);
    assert_string_equal(rig->names, "lamp;");
}

static void test_mdns_own_packet_that_comes_back_late_is_no_conflict(
    void **state)
{
    struct mdns_rig *rig = *state;
    struct otter_addr from = fake_addr("192.168.1.77", OTTER_MDNS_PORT);
    struct otter_addr to = fake_addr("224.0.0.251", OTTER_MDNS_PORT);
    struct fake_datagram old;

    assert_int_equal(otter_mdns_set_txt(&rig->mdns, rig->http, "a", "1"), 0);
    assert_string_not_equal(mdns_rig_take(rig, 0), "");
    old = rig->taken;
    assert_int_equal(otter_mdns_set_txt(&rig->mdns, rig->http, "a", "2"), 0);
    fake_net_send_to(&from, &to, 1, old.data, old.len);
    assert_int_equal(mdns_rig_drop(rig, 9000), 2);
    assert_string_equal(rig->names, "lamp;");
    /* The same said by another host, in other bytes, is one. */
    old.data[1] = 1;
    fake_net_send_to(&from, &to, 1, old.data, old.len);
    assert_non_null(strstr(mdns_rig_take(rig, 300), "query id 0\n"));
}

static void test_mdns_long_name_is_cut_for_its_number(void **state)
{
    struct mdns_rig *rig = *state;
    char base[64];
    char name[80];
    char *probe;

    memset(base, 'x', 63);
    base[63] = '\0';
    rig->config.host_name = base;
    assert_int_equal(otter_mdns_init(&rig->mdns, &rig->config), 0);
    for (int i = 0; i < 10; i++) {
        assert_string_not_equal(mdns_rig_take(rig, 300), "");
        snprintf(name, sizeof name, "%s.local", otter_mdns_name(&rig->mdns));
        mdns_rig_claim(name, "192.168.1.9", 120);
    }
    probe = strstr(mdns_rig_take(rig, 300), "ANY ");
    assert_non_null(probe);
    memset(base, 'x', 60);
    snprintf(name, sizeof name, "ANY %.60s-11.local", base);
    assert_memory_equal(probe, name, strlen(name));
}

int main(void)
{
#define FRESH(test)                                                           \
    cmocka_unit_test_setup_teardown(test, mdns_rig_set_up, mdns_rig_tear_down)
#define RUNNING(test)                                                         \
    cmocka_unit_test_setup_teardown(test, mdns_rig_set_up_running,            \
                                    mdns_rig_tear_down)
    const struct CMUnitTest tests[] = {
        FRESH(test_mdns_name_that_is_taken_gets_a_number),
        FRESH(test_mdns_instance_that_is_taken_renames_the_host),
        FRESH(test_mdns_claims_that_are_none_change_nothing),
        RUNNING(test_mdns_name_contested_later_is_probed_again),
        RUNNING(test_mdns_other_types_of_a_won_name_are_no_contest),
        FRESH(test_mdns_lower_address_loses_and_waits_a_second),
        FRESH(test_mdns_higher_address_wins_and_goes_on),
        FRESH(test_mdns_service_probes_compare_in_order),
        FRESH(test_mdns_core_style_probe_of_the_service_is_understood),
        RUNNING(test_mdns_probe_for_our_name_is_answered_at_once),
        FRESH(test_mdns_many_conflicts_slow_probing_down),
        FRESH(test_mdns_own_packets_that_come_back_change_nothing),
        RUNNING(test_mdns_own_packet_that_comes_back_late_is_no_conflict),
        FRESH(test_mdns_long_name_is_cut_for_its_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
