/* SPDX-License-Identifier: Apache-2.0
 *
 * The responder's life: start, changes of names, texts and interfaces, leave.
 */
#include "tests/support/mdns_rig.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_mdns_start_probes_and_announces(void **state)
{
    static const uint32_t pauses[] = {250, 1000, 2000, 4000};
    struct mdns_rig *rig = *state;
    uint32_t since = otter_sim_board.now_ms;
    struct fake_join join;

    assert_true(mdns_rig_after(rig, since, MDNS_RIG_PROBE("lamp")) <= 250);
    assert_int_equal(rig->taken.interface, 1);
    assert_int_equal(rig->taken.from_port, OTTER_MDNS_PORT);
    assert_int_equal(rig->taken.to.port, OTTER_MDNS_PORT);
    assert_memory_equal(rig->taken.to.ip, "\xe0\0\0\xfb", 4);
    for (int i = 0; i < 2; i++) {
        since = rig->taken_ms;
        assert_int_equal(mdns_rig_after(rig, since, MDNS_RIG_PROBE("lamp")),
                         250);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(otter_mdns_announced(&rig->mdns), i > 0);
        since = rig->taken_ms;
        assert_int_equal(mdns_rig_after(rig, since,
                                        MDNS_RIG_HOST("lamp", "192.168.1.77",
                                                      "77.1.168.192")),
                         pauses[i]);
        mdns_rig_now(rig, MDNS_RIG_ARDUINO("lamp"));
        mdns_rig_now(rig, MDNS_RIG_HTTP("lamp"));
    }
    mdns_rig_silent(rig, 20000);
    assert_string_equal(rig->names, "lamp;");
    assert_true(fake_net_join(0, &join));
    assert_memory_equal(join.group.ip, "\xe0\0\0\xfb", 4);
    assert_int_equal(join.ttl, 255);
    assert_int_equal(join.interface, 1);
    assert_false(fake_net_join(1, &join));
}

static void test_mdns_close_takes_leave_of_all_but_the_types(void **state)
{
    struct mdns_rig *rig = *state;

    otter_mdns_close(&rig->mdns);
    assert_string_equal(
        mdns_rig_take(rig, 0),
        "response id 0\n"
        "answer A lamp.local flush 0 192.168.1.77\n"
        "answer PTR 77.1.168.192.in-addr.arpa flush 0 lamp.local\n");
    mdns_rig_now(
        rig, "response id 0\n"
             "answer PTR _arduino._tcp.local 0 lamp._arduino._tcp.local\n"
             "answer SRV lamp._arduino._tcp.local flush 0 0 0 8266 "
             "lamp.local\n"
             "answer TXT lamp._arduino._tcp.local flush 0 \"tcp_check=no\" "
             "\"ssh_upload=no\" \"board=generic\" \"auth_upload=yes\"\n"
             "answer A lamp.local flush 0 192.168.1.77\n");
    mdns_rig_now(rig,
                 "response id 0\n"
                 "answer PTR _http._tcp.local 0 lamp._http._tcp.local\n"
                 "answer SRV lamp._http._tcp.local flush 0 0 0 80 lamp.local\n"
                 "answer TXT lamp._http._tcp.local flush 0 \"\"\n"
                 "answer A lamp.local flush 0 192.168.1.77\n");
    assert_int_equal(fake_net_open(), 0);
    mdns_rig_silent(rig, 3000);
    assert_int_equal(fake_net_open(), 0);
}

static void test_mdns_close_while_probing_says_nothing(void **state)
{
    struct mdns_rig *rig = *state;

    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp"));
    otter_mdns_close(&rig->mdns);
    otter_mdns_close(&rig->mdns);
    mdns_rig_silent(rig, 3000);
    assert_false(otter_mdns_announced(&rig->mdns));
}

static void test_mdns_host_names_are_checked(void **state)
{
    static const char *const bad[] = {"a.b", "a b", "a\\b", "\xc3\xa4", "a/b"};
    struct otter_mdns_config config = {0};
    struct otter_mdns mdns;
    char name[65];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        config.host_name = bad[i];
        assert_int_equal(otter_mdns_init(&mdns, &config), OTTER_ERR_INVALID);
    }
    memset(name, 'x', 64);
    name[64] = '\0';
    config.host_name = name;
    assert_int_equal(otter_mdns_init(&mdns, &config), OTTER_ERR_INVALID);
    otter_mdns_poll(&mdns); /* refused: does nothing */
    name[63] = '\0';
    assert_int_equal(otter_mdns_init(&mdns, &config), 0);
    assert_string_equal(otter_mdns_name(&mdns), name);
    config.host_name = NULL;
    assert_int_equal(otter_mdns_init(&mdns, &config), 0);
    assert_string_equal(otter_mdns_name(&mdns), "esp8266-010203");
    config.host_name = "";
    assert_int_equal(otter_mdns_init(&mdns, &config), 0);
    assert_string_equal(otter_mdns_name(&mdns), "esp8266-010203");
}

static void test_mdns_services_are_checked(void **state)
{
    struct mdns_rig *rig = *state;
    struct otter_mdns *m = &rig->mdns;

    assert_int_equal(otter_mdns_add_service(m, "", 1), OTTER_ERR_INVALID);
    assert_int_equal(otter_mdns_add_service(m, "a..b", 1), OTTER_ERR_INVALID);
    assert_int_equal(
        otter_mdns_add_service(m, "_123456789012345678901234567._tcp", 1),
        OTTER_ERR_INVALID);
    assert_int_equal(otter_mdns_add_service(m, "_http._tcp", 1),
                     OTTER_ERR_INVALID);
    assert_int_equal(otter_mdns_add_service(m, "_coap._udp", 5683), 2);
    assert_int_equal(otter_mdns_add_service(m, "_mqtt._tcp", 1883),
                     OTTER_ERR_NO_MEMORY);
}

static void test_mdns_largest_device_fits_its_packets(void **state)
{
    struct mdns_rig *rig = *state;
    char text[DNS_TEXT_SIZE];
    char value[200];
    char name[64];
    int lines = 0;

    memset(name, 'n', 63);
    name[63] = '\0';
    memset(value, 'v', sizeof value);
    rig->config.host_name = name;
    assert_int_equal(otter_mdns_init(&rig->mdns, &rig->config), 0);
    assert_int_equal(
        otter_mdns_add_arduino(&rig->mdns, 65535, "generic", false), 0);
    assert_int_equal(otter_mdns_add_service(
                         &rig->mdns, "_12345678901234567890123456._tcp", 1),
                     1);
    assert_int_equal(otter_mdns_add_service(
                         &rig->mdns, "_abcdefghijklmnopqrstuvwxyz._udp", 2),
                     2);
    value[OTTER_MDNS_TXT_MAX - 13 - 14 - 14 - 15 - 3] = '\0';
    assert_int_equal(otter_mdns_set_txt(&rig->mdns, 2, "k", value), 0);
    assert_int_equal(otter_mdns_set_txt(&rig->mdns, 1, "k", ""),
                     OTTER_ERR_TOO_LONG);
    snprintf(text, sizeof text, "%s", mdns_rig_take(rig, 300));
    for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++) {
        lines++;
    }
    assert_int_equal(lines, 1 + 4 + 1 + 2 * 3);
    assert_non_null(strstr(text, value));
    assert_null(strstr(text, "malformed"));
}

static void test_mdns_changed_text_is_announced_twice(void **state)
{
    static const char announced[] =
        "response id 0\n"
        "answer PTR _http._tcp.local 4500 lamp._http._tcp.local\n"
        "answer SRV lamp._http._tcp.local flush 4500 0 0 80 lamp.local\n"
        "answer TXT lamp._http._tcp.local flush 4500 \"version=2\" \"a=\"\n"
        "answer A lamp.local flush 120 192.168.1.77\n";
    struct mdns_rig *rig = *state;
    uint32_t since = otter_sim_board.now_ms;

    assert_int_equal(otter_mdns_set_txt(&rig->mdns, rig->http, "version", "2"),
                     0);
    assert_int_equal(otter_mdns_set_txt(&rig->mdns, rig->http, "a", ""), 0);
    assert_int_equal(mdns_rig_after(rig, since, announced), 0);
    assert_int_equal(mdns_rig_after(rig, since, announced), 4000);
    mdns_rig_silent(rig, 10000);
    assert_int_equal(otter_mdns_set_txt(&rig->mdns, rig->http, "version", "2"),
                     0);
    mdns_rig_silent(rig, 10000);
    /* Keys are the same in any case; a change waits for a second. */
    assert_int_equal(otter_mdns_set_txt(&rig->mdns, rig->http, "A", NULL), 0);
    since = otter_sim_board.now_ms;
    assert_non_null(strstr(mdns_rig_take(rig, 0), " 4500 \"version=2\"\n"));
    assert_int_equal(
        otter_mdns_set_txt(&rig->mdns, rig->http, "version", "10"), 0);
    assert_non_null(
        strstr(mdns_rig_take(rig, 1000), " 4500 \"version=10\"\n"));
    assert_int_equal(rig->taken_ms - since, 1000);
}

static void test_mdns_text_of_one_service_leaves_the_others_alone(void **state)
{
    struct mdns_rig *rig = *state;
    struct otter_mdns *m = &rig->mdns;

    assert_int_equal(otter_mdns_set_txt(m, rig->http, "path", "/update"), 0);
    assert_int_equal(otter_mdns_set_txt(m, rig->arduino, "board", "d1"), 0);
    assert_int_equal(otter_mdns_set_txt(m, rig->arduino, "version", "1.0"), 0);
    assert_int_equal(otter_mdns_set_txt(m, rig->arduino, "ssh_upload", NULL),
                     0);
    assert_int_equal(otter_mdns_set_txt(m, rig->arduino, "missing", NULL), 0);
    assert_int_equal(mdns_rig_drop(rig, 6000), 2 * 2);
    mdns_rig_question(5353, "lamp._arduino._tcp.local", OTTER_DNS_TXT, false);
    assert_non_null(strstr(mdns_rig_take(rig, 1000),
                           " 4500 \"tcp_check=no\" \"board=d1\" "
                           "\"auth_upload=yes\" \"version=1.0\"\n"));
    mdns_rig_question(5353, "lamp._http._tcp.local", OTTER_DNS_TXT, false);
    assert_non_null(
        strstr(mdns_rig_take(rig, 1000), " 4500 \"path=/update\"\n"));
}

static void test_mdns_bad_text_is_refused(void **state)
{
    struct mdns_rig *rig = *state;
    struct otter_mdns *m = &rig->mdns;
    char value[256];

    memset(value, 'v', 255);
    value[255] = '\0';
    assert_int_equal(otter_mdns_set_txt(m, -1, "k", "v"), OTTER_ERR_INVALID);
    assert_int_equal(otter_mdns_set_txt(m, 2, "k", "v"), OTTER_ERR_INVALID);
    assert_int_equal(otter_mdns_set_txt(m, 0, "", "v"), OTTER_ERR_INVALID);
    assert_int_equal(otter_mdns_set_txt(m, 0, "a=b", "v"), OTTER_ERR_INVALID);
    assert_int_equal(otter_mdns_set_txt(m, 0, "k", value), OTTER_ERR_TOO_LONG);
    value[254] = '\0';
    assert_int_equal(otter_mdns_set_txt(m, 1, "k", value), OTTER_ERR_TOO_LONG);
    /* "board=" with the rest of the room, and not one more. */
    value[OTTER_MDNS_TXT_MAX - 13 - 14 - 7 - 16] = '\0';
    assert_int_equal(otter_mdns_set_txt(m, 0, "board", value), 0);
    assert_int_equal(otter_mdns_set_txt(m, 1, "k", ""), OTTER_ERR_TOO_LONG);
    value[10] = '\0';
    assert_int_equal(otter_mdns_set_txt(m, 0, "board", value), 0);
    assert_int_equal(otter_mdns_set_txt(m, 1, "k", ""), 0);
}

static void set_interface(uint32_t n, uint32_t index, bool up, const char *ip)
{
    struct otter_interface interface = {.index = index, .up = up};

    if (ip != NULL) {
        interface.addr = fake_addr(ip, 0);
        interface.mask = fake_addr("255.255.255.0", 0);
    }
    fake_net_set_interface(n, &interface);
}

static void test_mdns_new_address_is_probed_and_announced(void **state)
{
    struct mdns_rig *rig = *state;
    struct fake_join join;

    set_interface(0, 1, true, "192.168.1.8");
    assert_non_null(strstr(mdns_rig_take(rig, 1500),
                           "authority A lamp.local 120 192.168.1.8\n"));
    assert_false(otter_mdns_announced(&rig->mdns));
    mdns_rig_take(rig, 300);
    mdns_rig_take(rig, 300);
    mdns_rig_after(rig, 0,
                   MDNS_RIG_HOST("lamp", "192.168.1.8", "8.1.168.192"));
    assert_int_equal(fake_net_open(), 1);
    /* A socket of its own, a member of the group anew. */
    assert_true(fake_net_join(1, &join));
    assert_false(fake_net_join(2, &join));
}

static void test_mdns_without_interface_there_is_no_socket(void **state)
{
    struct mdns_rig *rig = *state;

    set_interface(0, 1, false, "192.168.1.77");
    mdns_rig_silent(rig, 1500);
    assert_int_equal(fake_net_open(), 0);
    set_interface(0, 1, true, NULL);
    mdns_rig_silent(rig, 1500);
    assert_int_equal(fake_net_open(), 0);
    set_interface(0, 1, true, "127.0.0.1");
    mdns_rig_silent(rig, 1500);
    assert_int_equal(fake_net_open(), 0);
    set_interface(0, 1, true, "192.168.1.77");
    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp"));
    assert_int_equal(fake_net_open(), 1);
}

static void test_mdns_named_interface_is_the_only_one(void **state)
{
    struct mdns_rig *rig = *state;

    rig->config.interface = 7;
    set_interface(1, 7, true, "127.0.0.1");
    assert_non_null(strstr(mdns_rig_take(rig, 300),
                           "authority A lamp.local 120 127.0.0.1\n"));
    assert_int_equal(rig->taken.interface, 7);
    assert_int_equal(mdns_rig_drop(rig, 600), 2);
}

static void test_mdns_two_interfaces_each_say_their_address(void **state)
{
    struct mdns_rig *rig = *state;
    struct otter_addr from = fake_addr("10.0.0.5", OTTER_MDNS_PORT);
    struct otter_addr to = fake_addr("224.0.0.251", OTTER_MDNS_PORT);
    struct mdns_rig_message m;
    struct fake_join join;

    set_interface(1, 4, true, "10.0.0.1");
    assert_int_equal(mdns_rig_drop(rig, 13000), 3 + 4 * 3);
    /* The old socket's membership, and the new one's on both. */
    assert_true(fake_net_join(1, &join));
    assert_int_equal(join.interface, 1);
    assert_true(fake_net_join(2, &join));
    assert_int_equal(join.interface, 4);
    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "lamp.local", OTTER_DNS_A, false);
    fake_net_send_to(&from, &to, 4, m.buf, otter_dns_finish(&m.writer));
    assert_non_null(strstr(mdns_rig_take(rig, 0),
                           "answer A lamp.local flush 120 10.0.0.1\n"));
    assert_int_equal(rig->taken.interface, 4);
    mdns_rig_silent(rig, 1000);
    /* A network that connects both shows each the other's address. */
    mdns_rig_claim("lamp.local", "10.0.0.1", 120);
    mdns_rig_silent(rig, 1000);
    /* A third interface is too many. */
    set_interface(2, 5, true, "10.0.1.1");
    mdns_rig_silent(rig, 1500);
    /* The first goes away: the others stay. */
    set_interface(0, 1, false, NULL);
    assert_non_null(strstr(mdns_rig_take(rig, 1500),
                           "authority A lamp.local 120 10.0.1.1\n"));
    assert_true(otter_mdns_announced(&rig->mdns));
}

static void test_mdns_socket_that_fails_is_opened_again(void **state)
{
    struct mdns_rig *rig = *state;

    fake_net_fail(FAKE_UDP_OPEN, OTTER_ERR_ADDRESS_IN_USE);
    mdns_rig_silent(rig, 1500);
    assert_int_equal(rig->mdns.error, OTTER_ERR_ADDRESS_IN_USE);
    fake_net_fail(FAKE_UDP_OPEN, 0);
    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp"));
    assert_int_equal(rig->mdns.error, 0);
    fake_net_fail(FAKE_UDP_RECV, OTTER_ERR_NETWORK);
    mdns_rig_silent(rig, 10);
    assert_int_equal(rig->mdns.error, OTTER_ERR_NETWORK);
    assert_int_equal(fake_net_open(), 0);
    fake_net_fail(FAKE_UDP_RECV, 0);
    mdns_rig_after(rig, 0, MDNS_RIG_PROBE("lamp"));
    /* A send that fails is a packet lost. */
    fake_net_fail(FAKE_UDP_SEND, OTTER_ERR_NETWORK);
    mdns_rig_silent(rig, 3000);
    fake_net_fail(FAKE_UDP_SEND, 0);
    mdns_rig_after(rig, 0,
                   MDNS_RIG_HOST("lamp", "192.168.1.77", "77.1.168.192"));
}

static void test_mdns_without_randomness_it_works_all_the_same(void **state)
{
    struct mdns_rig *rig = *state;
    uint32_t since = otter_sim_board.now_ms;

    otter_sim_board.random_fails = true;
    assert_int_equal(mdns_rig_after(rig, since, MDNS_RIG_PROBE("lamp")), 125);
}

static void test_mdns_service_added_later_is_probed_and_announced(void **state)
{
    struct mdns_rig *rig = *state;

    assert_int_equal(otter_mdns_add_service(&rig->mdns, "_coap._udp", 5683),
                     2);
    assert_non_null(strstr(mdns_rig_take(rig, 300),
                           "question ANY lamp._coap._udp.local unicast\n"));
    assert_int_equal(mdns_rig_drop(rig, 12000), 2 + 4 * 4);
}

/* --- What is not answered
 * --------------------------------------------------------- */

static void test_mdns_messages_that_are_no_queries_are_ignored(void **state)
{
    static const uint16_t flags[] = {0x8400, 0x7800, 0x0800, 0x0003, 0x8003};
    struct mdns_rig *rig = *state;
    struct mdns_rig_message m;
    struct otter_addr from = fake_addr("192.168.1.9", OTTER_MDNS_PORT);
    struct otter_addr to = fake_addr("224.0.0.251", OTTER_MDNS_PORT);
    struct otter_addr six = {.family = OTTER_ADDR_IPV6,
                             .port = OTTER_MDNS_PORT};

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        mdns_rig_query(&m, flags[i]);
        mdns_rig_ask(&m, "lamp.local", OTTER_DNS_A, false);
        mdns_rig_send(&m, "192.168.1.9", OTTER_MDNS_PORT);
    }
    /* Another class. */
    mdns_rig_query(&m, 0);
    assert_int_equal(otter_dns_put_question(&m.writer, RIG_NAME("lamp.local"),
                                            OTTER_DNS_A, 3),
                     0);
    mdns_rig_send(&m, "192.168.1.9", OTTER_MDNS_PORT);
    /* Malformed: the second question is cut off. */
    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "lamp.local", OTTER_DNS_A, false);
    mdns_rig_ask(&m, "lamp.local", OTTER_DNS_A, false);
    fake_net_send_to(&from, &to, 1, m.buf, otter_dns_finish(&m.writer) - 1);
    fake_net_send_to(&from, &to, 1, m.buf, 11);
    fake_net_send_to(&from, &to, 1, m.buf, 0);
    /* On an interface that is not ours, and from IPv6. */
    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "lamp.local", OTTER_DNS_A, false);
    fake_net_send_to(&from, &to, 9, m.buf, otter_dns_finish(&m.writer));
    fake_net_send_to(&six, &to, 1, m.buf, otter_dns_finish(&m.writer));
    assert_int_equal(mdns_rig_drop(rig, 2000), 0);
    /* The same query as it should be, and on an unknown interface. */
    fake_net_send_to(&from, &to, 0, m.buf, otter_dns_finish(&m.writer));
    assert_int_equal(mdns_rig_drop(rig, 2000), 1);
}

static void test_mdns_while_probing_nothing_is_answered(void **state)
{
    struct mdns_rig *rig = *state;

    assert_string_not_equal(mdns_rig_take(rig, 300), "");
    mdns_rig_question(OTTER_MDNS_PORT, "lamp.local", OTTER_DNS_A, false);
    mdns_rig_question(40000, "lamp.local", OTTER_DNS_A, false);
    assert_non_null(strstr(mdns_rig_take(rig, 300), "query id 0\n"));
    assert_int_equal(rig->taken.to.ip[0], 224);
}

/* A burst of packets is worked off over several polls, none is lost. */
static void test_mdns_one_poll_reads_at_most_four_packets(void **state)
{
    struct mdns_rig *rig = *state;

    for (int i = 0; i < 10; i++) {
        mdns_rig_question(40000, "lamp.local", OTTER_DNS_A, false);
    }
    for (int i = 0; i < 3; i++) {
        static const int expected[] = {4, 4, 2};
        int count = 0;

        otter_mdns_poll(&rig->mdns);
        while (fake_net_take(&rig->taken)) {
            count++;
        }
        assert_int_equal(count, expected[i]);
    }
}

int main(void)
{
#define FRESH(test)                                                           \
    cmocka_unit_test_setup_teardown(test, mdns_rig_set_up, mdns_rig_tear_down)
#define RUNNING(test)                                                         \
    cmocka_unit_test_setup_teardown(test, mdns_rig_set_up_running,            \
                                    mdns_rig_tear_down)
    const struct CMUnitTest tests[] = {
        FRESH(test_mdns_start_probes_and_announces),
        RUNNING(test_mdns_close_takes_leave_of_all_but_the_types),
        FRESH(test_mdns_close_while_probing_says_nothing),
        FRESH(test_mdns_host_names_are_checked),
        FRESH(test_mdns_services_are_checked),
        FRESH(test_mdns_largest_device_fits_its_packets),
        RUNNING(test_mdns_changed_text_is_announced_twice),
        RUNNING(test_mdns_text_of_one_service_leaves_the_others_alone),
        FRESH(test_mdns_bad_text_is_refused),
        RUNNING(test_mdns_new_address_is_probed_and_announced),
        FRESH(test_mdns_without_interface_there_is_no_socket),
        FRESH(test_mdns_named_interface_is_the_only_one),
        RUNNING(test_mdns_two_interfaces_each_say_their_address),
        FRESH(test_mdns_socket_that_fails_is_opened_again),
        FRESH(test_mdns_without_randomness_it_works_all_the_same),
        RUNNING(test_mdns_service_added_later_is_probed_and_announced),
        RUNNING(test_mdns_messages_that_are_no_queries_are_ignored),
        FRESH(test_mdns_while_probing_nothing_is_answered),
        RUNNING(test_mdns_one_poll_reads_at_most_four_packets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
