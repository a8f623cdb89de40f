/* SPDX-License-Identifier: Apache-2.0
 *
 * Protocol 10 item 13 and the rule of 1.14, and the recorded exchange of the
 * ESP8266 core with Arduino's mdns-discovery (2026-11-22): our device says
 * what the core's said, in packets from which that client finds it. */
#include "tests/support/mdns_rig.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The core's packets, the device at 10.9.0.1 and the client at 10.9.0.2. */
static const char core_probe_host[] =
    "0000000000010000000100000e657370383236362d656531333337056c6f63616c0000"
    "ff80010e657370383236362d656531333337056c6f63616c00000100010000007800040a"
    "090001";
static const char core_announces_host[] =
    "0000840000000002000000000e657370383236362d656531333337056c6f63616c0000"
    "0180010000007800040a09000101310130013902313007696e2d61646472046172706100"
    "000c8001000000780002c00c";
static const char core_announces_service[] =
    "000084000000000400000001095f7365727669636573075f646e732d7364045f7564"
    "70056c6f63616c00000c0001000011940015085f61726475696e6f045f746370056c6f63"
    "616c00c034000c00010000119400240e657370383236362d656531333337085f61726475"
    "696e6f045f746370056c6f63616c00c0550021800100001194001c00000000204a0e6573"
    "70383236362d656531333337056c6f63616c00c055001080010000119400390f61757468"
    "5f75706c6f61643d7965730d626f6172643d67656e657269630d7373685f75706c6f6164"
    "3d6e6f0c7463705f636865636b3d6e6fc08b000180010000007800040a090001";
static const char client_asks[] =
    "8b1c00000001000000000000085f61726475696e6f045f746370056c6f63616c00000c"
    "0001";
static const char core_answers[] =
    "8b1c84000001000100000003085f61726475696e6f045f746370056c6f63616c00000c"
    "0001085f61726475696e6f045f746370056c6f63616c00000c00010000119400240e6573"
    "70383236362d656531333337085f61726475696e6f045f746370056c6f63616c00c04400"
    "21000100001194001c00000000204a0e657370383236362d656531333337056c6f63616c"
    "00c044001000010000119400390f617574685f75706c6f61643d7965730d626f6172643d"
    "67656e657269630d7373685f75706c6f61643d6e6f0c7463705f636865636b3d6e6fc07a"
    "000100010000007800040a090001";
static const char avahi_asks[] =
    "000000000001000100000000085f61726475696e6f045f746370056c6f63616c00000c"
    "0001c00c000c00010000119400110e657370383236362d656531333337c00c";

/* --- The client: the library under Arduino's mdns-discovery ----------------
 */

/* One entry under construction; names lead to entries (protocol 1.14). */
struct entry {
    char names[4][256];
    uint32_t name_count;
    bool has_address;
    bool has_text;
    uint16_t port;
};

struct finder {
    struct entry entries[8];
    uint32_t count;
};

static struct entry *entry_of(struct finder *f, const char *name)
{
    struct entry *e;

    for (uint32_t i = f->count; i-- > 0;) {
        for (uint32_t n = 0; n < f->entries[i].name_count; n++) {
            if (strcmp(f->entries[i].names[n], name) == 0) {
                return &f->entries[i];
            }
        }
    }
    assert_true(f->count < 8);
    e = &f->entries[f->count++];
    snprintf(e->names[e->name_count++], sizeof e->names[0], "%s", name);
    return e;
}

/* The target of an SRV record becomes another name of its entry, and loses
 * the entry that it may have had. */
static void alias(struct finder *f, struct entry *to, const char *name)
{
    for (uint32_t i = 0; i < f->count; i++) {
        for (uint32_t n = 0; n < f->entries[i].name_count; n++) {
            if (strcmp(f->entries[i].names[n], name) == 0) {
                f->entries[i].names[n][0] = '\0';
            }
        }
    }
    assert_true(to->name_count < 4);
    snprintf(to->names[to->name_count++], sizeof to->names[0], "%s", name);
}

/* Works a packet off, answers and additional records in their order. */
static void find_in(struct finder *f, const void *packet, uint32_t len)
{
    struct otter_dns_reader reader;
    struct otter_dns_record r;

    assert_int_equal(otter_dns_open(&reader, packet, len), 0);
    while (otter_dns_next_record(&reader, &r) == 0) {
        char name[256];
        char target[256];
        uint32_t at;
        struct entry *e;

        assert_true(otter_dns_name_text(&reader, r.name, name, sizeof name) >
                    0);
        if (otter_dns_target(&reader, &r, &at) == 0) {
            assert_true(
                otter_dns_name_text(&reader, at, target, sizeof target) > 0);
        }
        if (r.type == OTTER_DNS_PTR) {
            entry_of(f, target);
        } else if (r.type == OTTER_DNS_SRV) {
            e = entry_of(f, name);
            alias(f, e, target);
            e->port = otter_dns_srv_port(&reader, &r);
        } else if (r.type == OTTER_DNS_TXT) {
            entry_of(f, name)->has_text = true;
        } else if (r.type == OTTER_DNS_A) {
            entry_of(f, name)->has_address = true;
        }
    }
}

/* The packet alone makes the service known to that client. */
static bool is_found(const void *packet, uint32_t len, const char *instance)
{
    struct finder f;
    struct entry *e;

    memset(&f, 0, sizeof f);
    find_in(&f, packet, len);
    e = entry_of(&f, instance);
    return e->has_address && e->has_text && e->port != 0;
}

static void test_mdns_rule_is_met_by_the_core_and_depends_on_the_order(
    void **state)
{
    uint8_t packet[1500];
    uint32_t len = dns_text_unhex(core_answers, packet, sizeof packet);
    struct mdns_rig_message m;

    (void)state;
    assert_true(is_found(packet, len, "esp8266-ee1337._arduino._tcp.local"));
    /* The check can fail: the address before SRV is lost. */
    mdns_rig_query(&m, 0x8400);
    mdns_rig_add_a(&m, OTTER_DNS_ANSWER, "x.local", 1, "10.0.0.1");
    mdns_rig_add_srv(&m, OTTER_DNS_ANSWER, "x._arduino._tcp.local", 1, 1,
                     "x.local");
    mdns_rig_add_txt(&m, OTTER_DNS_ANSWER, "x._arduino._tcp.local", 1, "", 1);
    assert_false(
        is_found(m.buf, otter_dns_finish(&m.writer), "x._arduino._tcp.local"));
}

/* --- The recorded device
 * ----------------------------------------------------- */

static int set_up_recorded(void **state)
{
    struct mdns_rig *rig;
    struct otter_interface interface = {.index = 1, .up = true};

    mdns_rig_set_up(state);
    rig = *state;
    interface.addr = fake_addr("10.9.0.1", 0);
    interface.mask = fake_addr("255.255.255.0", 0);
    fake_net_set_interface(0, &interface);
    rig->config.host_name = "esp8266-ee1337";
    assert_int_equal(otter_mdns_init(&rig->mdns, &rig->config), 0);
    assert_int_equal(otter_mdns_add_arduino(&rig->mdns, 8266, "generic", true),
                     0);
    return 0;
}

/* The lines of some messages, TXT strings in a fixed order, sorted, each once:
 * what is said, without how it is put into packets. */
struct lines {
    char line[32][300];
    size_t count;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Sorts the quoted strings of a TXT line: their order has no meaning. */
static void sort_strings(char *line)
{
    char strings[8][64];
    size_t count = 0;
    char *first = strchr(line, '"');
    size_t used = 0;

    for (char *at = first; at != NULL; at = strchr(at, '"')) {
        char *end = strchr(at + 1, '"');

        assert_true(end != NULL && count < 8);
        snprintf(strings[count++], sizeof strings[0], "%.*s",
                 (int)(end - at - 1), at + 1);
        at = end + 1;
    }
    qsort(strings, count, sizeof strings[0], by_text);
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(first + used, 280, "\"%s\" ", strings[i]);
    }
}

static void add_line(struct lines *lines, const char *text, int len)
{
    char line[300];

    snprintf(line, sizeof line, "%.*s ", len, text);
    sort_strings(line);
    for (size_t i = 0; i < lines->count; i++) {
        if (strcmp(lines->line[i], line) == 0) {
            return;
        }
    }
    assert_true(lines->count < 32);
    snprintf(lines->line[lines->count++], sizeof line, "%s", line);
}

/* Adds the records and questions of a message, without its header and without
 * the section, which differ by design. */
static void add_message(struct lines *lines, const void *msg, uint32_t len)
{
    const char *text = strchr(dns_text(msg, len), '\n') + 1;

    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        const char *what = strchr(text, ' ') + 1;

        add_line(lines, what, (int)(end - what));
        text = end + 1;
    }
}

static void add_hex(struct lines *lines, const char *hex)
{
    uint8_t packet[1500];

    add_message(lines, packet, dns_text_unhex(hex, packet, sizeof packet));
}

static void assert_same_lines(struct lines *ours, struct lines *theirs)
{
    qsort(ours->line, ours->count, sizeof ours->line[0], by_text);
    qsort(theirs->line, theirs->count, sizeof theirs->line[0], by_text);
    for (size_t i = 0; i < ours->count && i < theirs->count; i++) {
        assert_string_equal(ours->line[i], theirs->line[i]);
    }
    assert_int_equal(ours->count, theirs->count);
}

static void test_mdns_announces_what_the_core_announces(void **state)
{
    struct mdns_rig *rig = *state;
    struct lines ours = {.count = 0};
    struct lines theirs = {.count = 0};

    add_hex(&theirs, core_announces_host);
    add_hex(&theirs, core_announces_service);
    for (int i = 0; i < 3; i++) {
        assert_string_not_equal(mdns_rig_take(rig, 300), "");
    }
    assert_string_not_equal(mdns_rig_take(rig, 300), "");
    add_message(&ours, rig->taken.data, rig->taken.len);
    assert_string_not_equal(mdns_rig_take(rig, 0), "");
    add_message(&ours, rig->taken.data, rig->taken.len);
    assert_true(is_found(rig->taken.data, rig->taken.len,
                         "esp8266-ee1337._arduino._tcp.local"));
    assert_same_lines(&ours, &theirs);
}

static void test_mdns_probes_as_the_core_does(void **state)
{
    struct mdns_rig *rig = *state;
    uint8_t packet[200];
    uint32_t len = dns_text_unhex(core_probe_host, packet, sizeof packet);
    char question[80];
    char proposal[80];

    assert_int_equal(sscanf(strchr(dns_text(packet, len), '\n'),
                            " %79[^\n] %79[^\n]", question, proposal),
                     2);
    mdns_rig_take(rig, 300);
    assert_non_null(
        strstr(dns_text(rig->taken.data, rig->taken.len), question));
    assert_non_null(
        strstr(dns_text(rig->taken.data, rig->taken.len), proposal));
    /* The same host with the same address is no other one: no second name. */
    mdns_rig_drop(rig, 100);
    {
        struct otter_addr from = fake_addr("10.9.0.1", OTTER_MDNS_PORT);
        struct otter_addr to = fake_addr("224.0.0.251", OTTER_MDNS_PORT);

        fake_net_send_to(&from, &to, 1, packet, len);
    }
    assert_int_equal(mdns_rig_drop(rig, 12000), 2 + 4 * 2);
    assert_string_equal(rig->names, "esp8266-ee1337;");
}

/* The recorded client asks from its own port. */
static void ask_recorded(const char *hex, uint16_t port)
{
    struct otter_addr from = fake_addr("10.9.0.2", port);
    struct otter_addr to = fake_addr("224.0.0.251", OTTER_MDNS_PORT);
    uint8_t packet[200];

    fake_net_send_to(&from, &to, 1, packet,
                     dns_text_unhex(hex, packet, sizeof packet));
}

static void test_mdns_recorded_client_finds_our_device(void **state)
{
    struct mdns_rig *rig = *state;
    uint8_t core[1500];
    uint32_t core_len = dns_text_unhex(core_answers, core, sizeof core);
    struct lines ours = {.count = 0};
    struct lines theirs = {.count = 0};

    mdns_rig_drop(rig, 12000);
    ask_recorded(client_asks, 41045);
    assert_string_not_equal(mdns_rig_take(rig, 0), "");
    assert_memory_equal(rig->taken.to.ip, "\x0a\x09\0\2", 4);
    assert_int_equal(rig->taken.to.port, 41045);
    /* Id, flags and the question, byte for byte. */
    assert_memory_equal(rig->taken.data, core, 6);
    assert_memory_equal(rig->taken.data + 12, core + 12, 25);
    assert_true(is_found(rig->taken.data, rig->taken.len,
                         "esp8266-ee1337._arduino._tcp.local"));
    /* All records, with the times that plain clients get (RFC 6762, 6.7). */
    for (uint32_t i = 12; i + 4 <= core_len; i++) {
        static const uint8_t times[][4] = {{0, 0, 0x11, 0x94},
                                           {0, 0, 0, 0x78}};

        if (memcmp(core + i, times[0], 4) == 0 ||
            memcmp(core + i, times[1], 4) == 0) {
            memcpy(core + i, "\0\0\0\x0a", 4);
        }
    }
    add_message(&ours, rig->taken.data, rig->taken.len);
    add_message(&theirs, core, core_len);
    assert_same_lines(&ours, &theirs);
}

static void test_mdns_recorded_avahi_knows_the_answer(void **state)
{
    struct mdns_rig *rig = *state;

    mdns_rig_drop(rig, 12000);
    ask_recorded(avahi_asks, OTTER_MDNS_PORT);
    assert_int_equal(mdns_rig_drop(rig, 3000), 0);
}

/* --- Item 13
 * ------------------------------------------------------------------ */

static void expect_found(struct mdns_rig *rig, uint32_t ms)
{
    assert_string_not_equal(mdns_rig_take(rig, ms), "");
    assert_true(
        is_found(rig->taken.data, rig->taken.len, "lamp._arduino._tcp.local"));
}

static void test_mdns_item_13_ptr_from_the_mdns_port(void **state)
{
    mdns_rig_question(OTTER_MDNS_PORT, "_arduino._tcp.local", OTTER_DNS_PTR,
                      false);
    expect_found(*state, 200);
}

static void test_mdns_item_13_ptr_from_another_port(void **state)
{
    mdns_rig_question(41045, "_arduino._tcp.local", OTTER_DNS_PTR, false);
    expect_found(*state, 0);
}

static void test_mdns_item_13_unicast_bit(void **state)
{
    mdns_rig_question(OTTER_MDNS_PORT, "_arduino._tcp.local", OTTER_DNS_PTR,
                      true);
    expect_found(*state, 0);
    mdns_rig_question(41045, "_arduino._tcp.local", OTTER_DNS_PTR, true);
    expect_found(*state, 0);
}

static void test_mdns_item_13_known_answer(void **state)
{
    struct mdns_rig_message m;

    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "_arduino._tcp.local", OTTER_DNS_PTR, false);
    mdns_rig_add_ptr(&m, OTTER_DNS_ANSWER, "_arduino._tcp.local", 4500,
                     "lamp._arduino._tcp.local");
    mdns_rig_send(&m, "192.168.1.9", OTTER_MDNS_PORT);
    assert_int_equal(mdns_rig_drop(*state, 2000), 0);
}

static void test_mdns_item_13_mixed_case(void **state)
{
    mdns_rig_question(41045, "_ARduino._TCP.loCAL", OTTER_DNS_PTR, false);
    expect_found(*state, 0);
    mdns_rig_question(41045, "LAMP._arduino._tcp.local", OTTER_DNS_SRV, false);
    expect_found(*state, 0);
}

static void test_mdns_item_13_meta_query(void **state)
{
    mdns_rig_question(OTTER_MDNS_PORT, OTTER_DNS_META, OTTER_DNS_PTR, false);
    assert_non_null(strstr(
        mdns_rig_take(*state, 200),
        "answer PTR _services._dns-sd._udp.local 4500 _arduino._tcp.local\n"));
}

/* The client's follow-up questions, which the core leaves unanswered. */
static void test_mdns_follow_up_question_completes_the_entry(void **state)
{
    static const uint16_t types[] = {OTTER_DNS_PTR, OTTER_DNS_ANY,
                                     OTTER_DNS_SRV, OTTER_DNS_TXT};

    for (size_t i = 0; i < 4; i++) {
        mdns_rig_question(41045, "lamp._arduino._tcp.local", types[i], false);
        expect_found(*state, 0);
    }
}

int main(void)
{
#define RECORDED(test)                                                        \
    cmocka_unit_test_setup_teardown(test, set_up_recorded, mdns_rig_tear_down)
#define RUNNING(test)                                                         \
    cmocka_unit_test_setup_teardown(test, mdns_rig_set_up_running,            \
                                    mdns_rig_tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_mdns_rule_is_met_by_the_core_and_depends_on_the_order),
        RECORDED(test_mdns_announces_what_the_core_announces),
        RECORDED(test_mdns_probes_as_the_core_does),
        RECORDED(test_mdns_recorded_client_finds_our_device),
        RECORDED(test_mdns_recorded_avahi_knows_the_answer),
        RUNNING(test_mdns_item_13_ptr_from_the_mdns_port),
        RUNNING(test_mdns_item_13_ptr_from_another_port),
        RUNNING(test_mdns_item_13_unicast_bit),
        RUNNING(test_mdns_item_13_known_answer),
        RUNNING(test_mdns_item_13_mixed_case),
        RUNNING(test_mdns_item_13_meta_query),
        RUNNING(test_mdns_follow_up_question_completes_the_entry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
