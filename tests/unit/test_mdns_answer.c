/* SPDX-License-Identifier: Apache-2.0
 *
 * The responder's answers: which records, to whom, and when. */
#include "tests/support/mdns_rig.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TXT_STRINGS                                                           \
    "\"tcp_check=no\" \"ssh_upload=no\" \"board=generic\" "                   \
    "\"auth_upload=yes\"\n"
#define PTR_RECORD "PTR _arduino._tcp.local 4500 lamp._arduino._tcp.local\n"
#define SRV_RECORD                                                            \
    "SRV lamp._arduino._tcp.local flush 4500 0 0 8266 lamp.local\n"
#define TXT_RECORD  "TXT lamp._arduino._tcp.local flush 4500 " TXT_STRINGS
#define A_RECORD    "A lamp.local flush 120 192.168.1.77\n"
#define NSEC_RECORD "NSEC lamp.local flush 120 lamp.local 000140\n"

static const char ptr_answer[] =
    "response id 0\n"
    "answer " PTR_RECORD "additional " SRV_RECORD "additional " TXT_RECORD
    "additional " A_RECORD;

/* Asks by multicast from the mDNS port; the answer must come by multicast
 * too and is returned. */
static const char *answer_to(struct mdns_rig *rig, const char *name,
                             uint16_t type)
{
    const char *text;

    assert_int_equal(mdns_rig_drop(rig, 1000), 0);
    mdns_rig_question(OTTER_MDNS_PORT, name, type, false);
    text = mdns_rig_take(rig, 500);
    if (*text != '\0') {
        assert_memory_equal(rig->taken.to.ip, "\xe0\0\0\xfb", 4);
        assert_int_equal(rig->taken.to.port, OTTER_MDNS_PORT);
    }
    return text;
}

static void test_mdns_each_question_has_its_records(void **state)
{
    static const struct {
        const char *name;
        uint16_t type;
        const char *answer;
    } cases[] = {
        {"lamp.local", OTTER_DNS_A,
         "response id 0\nanswer " A_RECORD "additional " NSEC_RECORD},
        {"lamp.local", OTTER_DNS_ANY,
         "response id 0\nanswer " A_RECORD "additional " NSEC_RECORD},
        {"lamp.local", OTTER_DNS_AAAA,
         "response id 0\nanswer " NSEC_RECORD "additional " A_RECORD},
        {"lamp.local", 65, /* HTTPS */
         "response id 0\nanswer " NSEC_RECORD "additional " A_RECORD},
        {"77.1.168.192.in-addr.arpa", OTTER_DNS_PTR,
         "response id 0\nanswer PTR 77.1.168.192.in-addr.arpa flush 120 "
         "lamp.local\n"},
        {"_services._dns-sd._udp.local", OTTER_DNS_PTR,
         "response id 0\n"
         "answer PTR _services._dns-sd._udp.local 4500 _arduino._tcp.local\n"
         "answer PTR _services._dns-sd._udp.local 4500 _http._tcp.local\n"},
        {"_arduino._tcp.local", OTTER_DNS_PTR, ptr_answer},
        {"_arduino._tcp.local", OTTER_DNS_ANY, ptr_answer},
        {"lamp._arduino._tcp.local", OTTER_DNS_SRV,
         "response id 0\nanswer " SRV_RECORD "additional " TXT_RECORD
         "additional " A_RECORD},
        {"lamp._arduino._tcp.local", OTTER_DNS_TXT,
         "response id 0\nanswer " TXT_RECORD "additional " SRV_RECORD
         "additional " A_RECORD},
        {"lamp._arduino._tcp.local", OTTER_DNS_ANY,
         "response id 0\nanswer " SRV_RECORD "answer " TXT_RECORD
         "additional " A_RECORD},
        {"lamp._arduino._tcp.local", OTTER_DNS_AAAA,
         "response id 0\nanswer NSEC lamp._arduino._tcp.local flush 4500 "
         "lamp._arduino._tcp.local 00050000800040\n"
         "additional " SRV_RECORD "additional " TXT_RECORD
         "additional " A_RECORD},
        {"_http._tcp.local", OTTER_DNS_PTR,
         "response id 0\n"
         "answer PTR _http._tcp.local 4500 lamp._http._tcp.local\n"
         "additional SRV lamp._http._tcp.local flush 4500 0 0 80 lamp.local\n"
         "additional TXT lamp._http._tcp.local flush 4500 \"\"\n"
         "additional " A_RECORD},
        /* Not ours. */
        {"lamp2.local", OTTER_DNS_A, ""},
        {"local", OTTER_DNS_ANY, ""},
        {"lamp", OTTER_DNS_A, ""},
        {"_http._udp.local", OTTER_DNS_PTR, ""},
        {"_arduino._tcp.local", OTTER_DNS_SRV, ""},
        {"lamp2._arduino._tcp.local", OTTER_DNS_SRV, ""},
        {"78.1.168.192.in-addr.arpa", OTTER_DNS_PTR, ""},
        {"77.1.168.192.in-addr.arpa", OTTER_DNS_A, ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(answer_to(*state, cases[i].name, cases[i].type),
                            cases[i].answer);
    }
}

static void test_mdns_shared_answers_are_late_and_unique_ones_are_not(
    void **state)
{
    struct mdns_rig *rig = *state;
    uint32_t seen[4] = {0};

    for (int i = 0; i < 200; i++) {
        uint32_t delay;
        uint32_t since;

        assert_int_equal(mdns_rig_drop(rig, 1000), 0);
        since = otter_sim_board.now_ms;
        mdns_rig_question(OTTER_MDNS_PORT, "_arduino._tcp.local",
                          OTTER_DNS_PTR, false);
        assert_string_not_equal(mdns_rig_take(rig, 500), "");
        delay = rig->taken_ms - since;
        assert_in_range(delay, 20, 120);
        seen[(delay - 20) / 26]++;
    }
    for (int i = 0; i < 4; i++) {
        assert_true(seen[i] > 20);
    }
    assert_int_equal(mdns_rig_drop(rig, 1000), 0);
    mdns_rig_question(OTTER_MDNS_PORT, "lamp.local", OTTER_DNS_A, false);
    assert_string_not_equal(mdns_rig_take(rig, 0), "");
}

static void test_mdns_records_are_multicast_once_a_second(void **state)
{
    struct mdns_rig *rig = *state;
    uint32_t first;

    assert_string_not_equal(answer_to(rig, "lamp.local", OTTER_DNS_A), "");
    first = rig->taken_ms;
    for (int i = 0; i < 5; i++) {
        otter_sim_board.now_ms += 100;
        mdns_rig_question(OTTER_MDNS_PORT, "lamp.local", OTTER_DNS_A, false);
        assert_string_equal(mdns_rig_take(rig, 0), "");
    }
    /* Another group is not held up. */
    mdns_rig_question(OTTER_MDNS_PORT, "lamp._http._tcp.local", OTTER_DNS_SRV,
                      false);
    assert_string_not_equal(mdns_rig_take(rig, 0), "");
    /* They all get one answer, when the second is over. */
    assert_non_null(strstr(mdns_rig_take(rig, 1000), "answer " A_RECORD));
    assert_int_equal(rig->taken_ms - first, 1000);
    assert_int_equal(mdns_rig_drop(rig, 3000), 0);
}

static void test_mdns_several_questions_are_answered_by_group(void **state)
{
    struct mdns_rig *rig = *state;
    struct mdns_rig_message m;

    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "_http._tcp.local", OTTER_DNS_PTR, false);
    mdns_rig_ask(&m, "unknown.local", OTTER_DNS_A, false);
    mdns_rig_ask(&m, "_arduino._tcp.local", OTTER_DNS_PTR, false);
    mdns_rig_ask(&m, "lamp._arduino._tcp.local", OTTER_DNS_SRV, false);
    mdns_rig_ask(&m, "lamp.local", OTTER_DNS_A, true);
    mdns_rig_send(&m, "192.168.1.9", OTTER_MDNS_PORT);
    assert_non_null(strstr(mdns_rig_take(rig, 0), "answer " A_RECORD));
    assert_memory_equal(rig->taken.to.ip, "\xc0\xa8\1\x09", 4);
    assert_string_equal(mdns_rig_take(rig, 200),
                        "response id 0\nanswer " PTR_RECORD
                        "answer " SRV_RECORD "additional " TXT_RECORD
                        "additional " A_RECORD);
    assert_non_null(strstr(mdns_rig_take(rig, 0), "_http._tcp.local 4500"));
    assert_int_equal(mdns_rig_drop(rig, 3000), 0);
}

/* --- Unicast
 * ------------------------------------------------------------------ */

static void test_mdns_wish_for_unicast_is_granted_at_once(void **state)
{
    struct mdns_rig *rig = *state;

    /* The announcements are over for less than 30 s: no multicast. */
    mdns_rig_question(OTTER_MDNS_PORT, "_arduino._tcp.local", OTTER_DNS_PTR,
                      true);
    assert_string_equal(mdns_rig_take(rig, 0), ptr_answer);
    assert_memory_equal(rig->taken.to.ip, "\xc0\xa8\1\x09", 4);
    assert_int_equal(rig->taken.to.port, OTTER_MDNS_PORT);
    assert_int_equal(rig->taken.interface, 1);
    assert_int_equal(mdns_rig_drop(rig, 1000), 0);
}

static void test_mdns_wish_for_unicast_refreshes_everybody_now_and_then(
    void **state)
{
    struct mdns_rig *rig = *state;

    assert_int_equal(mdns_rig_drop(rig, 30000), 0);
    mdns_rig_question(OTTER_MDNS_PORT, "_arduino._tcp.local", OTTER_DNS_PTR,
                      true);
    assert_string_equal(mdns_rig_take(rig, 0), ptr_answer);
    assert_memory_equal(rig->taken.to.ip, "\xc0\xa8\1\x09", 4);
    assert_string_equal(mdns_rig_take(rig, 120), ptr_answer);
    assert_memory_equal(rig->taken.to.ip, "\xe0\0\0\xfb", 4);
    assert_int_equal(mdns_rig_drop(rig, 1000), 0);
}

static void test_mdns_wish_for_unicast_refreshes_only_what_is_old(void **state)
{
    struct mdns_rig *rig = *state;
    struct mdns_rig_message m;

    assert_int_equal(mdns_rig_drop(rig, 30000), 0);
    assert_string_not_equal(answer_to(rig, "lamp.local", OTTER_DNS_A), "");
    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "lamp.local", OTTER_DNS_A, true);
    mdns_rig_ask(&m, "_arduino._tcp.local", OTTER_DNS_PTR, true);
    mdns_rig_send(&m, "192.168.1.9", OTTER_MDNS_PORT);
    assert_string_not_equal(mdns_rig_take(rig, 0), "");
    assert_string_equal(mdns_rig_take(rig, 0), ptr_answer);
    assert_memory_equal(rig->taken.to.ip, "\xc0\xa8\1\x09", 4);
    assert_string_equal(mdns_rig_take(rig, 120), ptr_answer);
    assert_memory_equal(rig->taken.to.ip, "\xe0\0\0\xfb", 4);
    assert_int_equal(mdns_rig_drop(rig, 2000), 0);
}

static void test_mdns_query_to_our_address_is_answered_to_its_sender(
    void **state)
{
    struct mdns_rig *rig = *state;
    struct otter_addr near = fake_addr("192.168.1.9", OTTER_MDNS_PORT);
    struct otter_addr far = fake_addr("192.168.2.9", OTTER_MDNS_PORT);
    struct mdns_rig_message m;
    uint32_t len;

    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "lamp.local", OTTER_DNS_A, false);
    len = otter_dns_finish(&m.writer);
    fake_net_send(&near, OTTER_MDNS_PORT, m.buf, len);
    assert_string_not_equal(mdns_rig_take(rig, 0), "");
    assert_memory_equal(rig->taken.to.ip, "\xc0\xa8\1\x09", 4);
    /* From outside of the network: not a word (RFC 6762 section 5.5). */
    fake_net_send(&far, OTTER_MDNS_PORT, m.buf, len);
    far.port = 40000;
    fake_net_send(&far, OTTER_MDNS_PORT, m.buf, len);
    assert_int_equal(mdns_rig_drop(rig, 2000), 0);
}

static void test_mdns_multicast_query_of_a_foreign_subnet(void **state)
{
    struct mdns_rig *rig = *state;
    struct mdns_rig_message m;

    /* On the same wire: everybody hears the answer. */
    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "lamp.local", OTTER_DNS_A, true);
    mdns_rig_send(&m, "10.0.0.9", OTTER_MDNS_PORT);
    assert_string_not_equal(mdns_rig_take(rig, 0), "");
    assert_memory_equal(rig->taken.to.ip, "\xe0\0\0\xfb", 4);
    /* A plain client would need unicast. */
    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "lamp.local", OTTER_DNS_A, false);
    mdns_rig_send(&m, "10.0.0.9", 40000);
    assert_int_equal(mdns_rig_drop(rig, 2000), 0);
}

static void test_mdns_plain_client_gets_id_question_and_short_times(
    void **state)
{
    struct mdns_rig *rig = *state;
    struct mdns_rig_message m;
    const char *text;

    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "_ARDUINO._tcp.Local", OTTER_DNS_PTR, false);
    m.buf[0] = 0x8b;
    m.buf[1] = 0x1c;
    mdns_rig_send(&m, "192.168.1.9", 41045);
    text = mdns_rig_take(rig, 0);
    assert_string_equal(
        text, "response id 35612\n"
              "question PTR _ARDUINO._tcp.Local\n"
              "answer PTR _arduino._tcp.local 10 lamp._arduino._tcp.local\n"
              "additional SRV lamp._arduino._tcp.local 10 0 0 8266 "
              "lamp.local\n"
              "additional TXT lamp._arduino._tcp.local 10 " TXT_STRINGS
              "additional A lamp.local 10 192.168.1.77\n");
    assert_memory_equal(rig->taken.to.ip, "\xc0\xa8\1\x09", 4);
    assert_int_equal(rig->taken.to.port, 41045);
    /* The target of SRV is not compressed (RFC 6762 section 18.14). */
    for (uint32_t at = 0;; at++) {
        assert_true(at + 18 < rig->taken.len);
        if (memcmp(rig->taken.data + at, "\x20\x4a\4lamp\5local", 14) == 0) {
            break;
        }
    }
    assert_int_equal(mdns_rig_drop(rig, 1000), 0);
}

static void test_mdns_plain_client_learns_that_there_is_nothing(void **state)
{
    struct mdns_rig *rig = *state;

    mdns_rig_question(40000, "lamp.local", OTTER_DNS_AAAA, false);
    assert_string_equal(mdns_rig_take(rig, 0),
                        "response id 0\n"
                        "question AAAA lamp.local\n"
                        "additional A lamp.local 10 192.168.1.77\n");
    mdns_rig_question(40000, "lamp.local", OTTER_DNS_A, false);
    assert_string_equal(mdns_rig_take(rig, 0),
                        "response id 0\n"
                        "question A lamp.local\n"
                        "answer A lamp.local 10 192.168.1.77\n");
}

static void test_mdns_plain_client_with_several_questions(void **state)
{
    struct mdns_rig *rig = *state;
    struct mdns_rig_message m;

    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "lamp.local", OTTER_DNS_A, false);
    mdns_rig_ask(&m, "_http._tcp.local", OTTER_DNS_PTR, false);
    mdns_rig_send(&m, "192.168.1.9", 40000);
    assert_string_equal(mdns_rig_take(rig, 0),
                        "response id 0\n"
                        "question A lamp.local\n"
                        "question PTR _http._tcp.local\n"
                        "answer A lamp.local 10 192.168.1.77\n");
    assert_string_equal(
        mdns_rig_take(rig, 0),
        "response id 0\n"
        "question A lamp.local\n"
        "question PTR _http._tcp.local\n"
        "answer PTR _http._tcp.local 10 lamp._http._tcp.local\n"
        "additional SRV lamp._http._tcp.local 10 0 0 80 lamp.local\n"
        "additional TXT lamp._http._tcp.local 10 \"\"\n"
        "additional A lamp.local 10 192.168.1.77\n");
}

static void test_mdns_long_list_of_questions_leaves_a_short_answer(
    void **state)
{
    struct mdns_rig *rig = *state;
    struct mdns_rig_message m;
    const char *text;

    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "lamp.local", OTTER_DNS_A, false);
    while (m.writer.len + 40 < OTTER_MDNS_PACKET) {
        mdns_rig_ask(&m, "aaaaaaaa.bbbbbbbb", OTTER_DNS_A, false);
    }
    mdns_rig_send(&m, "192.168.1.9", 40000);
    text = mdns_rig_take(rig, 0);
    assert_non_null(strstr(text, "answer A lamp.local 10"));
    assert_null(strstr(text, "malformed"));
    /* A question that was cut off is not answered: it was not understood. */
    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "lamp.local", OTTER_DNS_A, false);
    while (m.writer.len < OTTER_MDNS_PACKET + 1) {
        mdns_rig_ask(&m, "aaaaaaaa.bbbbbbbb", OTTER_DNS_A, false);
    }
    mdns_rig_send(&m, "192.168.1.9", 40000);
    assert_string_equal(mdns_rig_take(rig, 100), "");
}

/* --- Known answers
 * -------------------------------------------------------------- */

/* Asks for all PTR there is, knowing the one of _arduino for `ttl` seconds. */
static const char *ask_knowing_ptr(struct mdns_rig *rig, uint32_t ttl,
                                   const char *target)
{
    struct mdns_rig_message m;

    assert_int_equal(mdns_rig_drop(rig, 1000), 0);
    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "_arduino._tcp.local", OTTER_DNS_PTR, false);
    mdns_rig_add_ptr(&m, OTTER_DNS_ANSWER, "_arduino._tcp.local", ttl, target);
    mdns_rig_send(&m, "192.168.1.9", OTTER_MDNS_PORT);
    return mdns_rig_take(rig, 500);
}

static void test_mdns_known_answer_is_not_repeated(void **state)
{
    assert_string_equal(
        ask_knowing_ptr(*state, 4500, "lamp._arduino._tcp.local"), "");
    assert_string_equal(
        ask_knowing_ptr(*state, 2250, "LAMP._Arduino._tcp.local"), "");
    assert_string_equal(
        ask_knowing_ptr(*state, 2249, "lamp._arduino._tcp.local"), ptr_answer);
    assert_string_equal(
        ask_knowing_ptr(*state, 4500, "other._arduino._tcp.local"),
        ptr_answer);
}

static void test_mdns_each_record_can_be_known(void **state)
{
    struct mdns_rig *rig = *state;
    struct mdns_rig_message m;

    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "lamp._http._tcp.local", OTTER_DNS_ANY, false);
    mdns_rig_ask(&m, "lamp.local", OTTER_DNS_A, false);
    mdns_rig_ask(&m, OTTER_DNS_META, OTTER_DNS_PTR, false);
    mdns_rig_ask(&m, "77.1.168.192.in-addr.arpa", OTTER_DNS_PTR, false);
    mdns_rig_add_srv(&m, OTTER_DNS_ANSWER, "lamp._http._tcp.local", 2250, 80,
                     "lamp.local");
    mdns_rig_add_txt(&m, OTTER_DNS_ANSWER, "lamp._http._tcp.local", 2250, "",
                     1);
    mdns_rig_add_a(&m, OTTER_DNS_ANSWER, "lamp.local", 60, "192.168.1.77");
    mdns_rig_add_ptr(&m, OTTER_DNS_ANSWER, OTTER_DNS_META, 2250,
                     "_arduino._tcp.local");
    mdns_rig_add_ptr(&m, OTTER_DNS_ANSWER, "77.1.168.192.in-addr.arpa", 60,
                     "lamp.local");
    mdns_rig_send(&m, "192.168.1.9", OTTER_MDNS_PORT);
    assert_string_equal(
        mdns_rig_take(rig, 500),
        "response id 0\n"
        "answer PTR _services._dns-sd._udp.local 4500 _http._tcp.local\n");
    assert_int_equal(mdns_rig_drop(rig, 2000), 0);
}

static void test_mdns_wrong_knowledge_is_put_right(void **state)
{
    struct mdns_rig *rig = *state;
    struct mdns_rig_message m;

    mdns_rig_query(&m, 0);
    mdns_rig_ask(&m, "lamp._http._tcp.local", OTTER_DNS_SRV, false);
    mdns_rig_ask(&m, "lamp.local", OTTER_DNS_A, false);
    mdns_rig_add_srv(&m, OTTER_DNS_ANSWER, "lamp._http._tcp.local", 4500, 81,
                     "lamp.local");
    mdns_rig_add_a(&m, OTTER_DNS_ANSWER, "lamp.local", 120, "192.168.1.78");
    mdns_rig_send(&m, "192.168.1.9", OTTER_MDNS_PORT);
    assert_int_equal(mdns_rig_drop(rig, 2000), 2);
}

/* The known answers continue in packets without questions. */
static void send_rest(const char *ip, uint16_t flags, const char *type)
{
    struct mdns_rig_message m;
    char instance[64] = "lamp.";

    strcat(instance, type);
    mdns_rig_query(&m, flags);
    mdns_rig_add_ptr(&m, OTTER_DNS_ANSWER, type, 4500, instance);
    mdns_rig_send(&m, ip, OTTER_MDNS_PORT);
}

static void ask_truncated(const char *ip)
{
    struct mdns_rig_message m;

    mdns_rig_query(&m, OTTER_DNS_TRUNCATED);
    mdns_rig_ask(&m, "_arduino._tcp.local", OTTER_DNS_PTR, false);
    mdns_rig_ask(&m, "_http._tcp.local", OTTER_DNS_PTR, false);
    mdns_rig_send(&m, ip, OTTER_MDNS_PORT);
}

static void test_mdns_truncated_query_waits_for_the_rest(void **state)
{
    struct mdns_rig *rig = *state;
    uint32_t since = otter_sim_board.now_ms;

    ask_truncated("192.168.1.9");
    assert_string_equal(mdns_rig_take(rig, 100), "");
    send_rest("192.168.1.9", OTTER_DNS_TRUNCATED, "_http._tcp.local");
    assert_string_equal(mdns_rig_take(rig, 399), "");
    assert_string_equal(mdns_rig_take(rig, 200), ptr_answer);
    assert_in_range(rig->taken_ms - since, 500, 600);
    assert_int_equal(mdns_rig_drop(rig, 2000), 0);

    ask_truncated("192.168.1.9");
    send_rest("192.168.1.9", OTTER_DNS_TRUNCATED, "_http._tcp.local");
    send_rest("192.168.1.11", OTTER_DNS_TRUNCATED, "_http._tcp.local");
    send_rest("192.168.1.9", 0, "_arduino._tcp.local");
    assert_int_equal(mdns_rig_drop(rig, 2000), 0);
}

static void test_mdns_truncated_queries_of_two_hosts_do_not_mix(void **state)
{
    struct mdns_rig *rig = *state;
    uint32_t since = otter_sim_board.now_ms;

    ask_truncated("192.168.1.9");
    assert_string_equal(mdns_rig_take(rig, 50), "");
    ask_truncated("192.168.1.10"); /* the first is answered now */
    send_rest("192.168.1.10", 0, "_http._tcp.local");
    send_rest("192.168.1.10", 0, "_arduino._tcp.local");
    assert_string_equal(mdns_rig_take(rig, 200), ptr_answer);
    assert_in_range(rig->taken_ms - since, 70, 170);
    assert_int_equal(mdns_rig_drop(rig, 2000), 1);
}

int main(void)
{
#define RUNNING(test)                                                         \
    cmocka_unit_test_setup_teardown(test, mdns_rig_set_up_running,            \
                                    mdns_rig_tear_down)
    const struct CMUnitTest tests[] = {
        RUNNING(test_mdns_each_question_has_its_records),
        RUNNING(test_mdns_shared_answers_are_late_and_unique_ones_are_not),
        RUNNING(test_mdns_records_are_multicast_once_a_second),
        RUNNING(test_mdns_several_questions_are_answered_by_group),
        RUNNING(test_mdns_wish_for_unicast_is_granted_at_once),
        RUNNING(test_mdns_wish_for_unicast_refreshes_everybody_now_and_then),
        RUNNING(test_mdns_wish_for_unicast_refreshes_only_what_is_old),
        RUNNING(test_mdns_query_to_our_address_is_answered_to_its_sender),
        RUNNING(test_mdns_multicast_query_of_a_foreign_subnet),
        RUNNING(test_mdns_plain_client_gets_id_question_and_short_times),
        RUNNING(test_mdns_plain_client_learns_that_there_is_nothing),
        RUNNING(test_mdns_plain_client_with_several_questions),
        RUNNING(test_mdns_long_list_of_questions_leaves_a_short_answer),
        RUNNING(test_mdns_known_answer_is_not_repeated),
        RUNNING(test_mdns_each_record_can_be_known),
        RUNNING(test_mdns_wrong_knowledge_is_put_right),
        RUNNING(test_mdns_truncated_query_waits_for_the_rest),
        RUNNING(test_mdns_truncated_queries_of_two_hosts_do_not_mix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
