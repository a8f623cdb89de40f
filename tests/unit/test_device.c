/* SPDX-License-Identifier: Apache-2.0
 *
 * What the host tool knows about a device: nothing that the network says gets
 * to the terminal or into JSON as it is. */
#include "host/device.h"
#include "host/device_json.h"
#include "host/target_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_device_text_is_made_printable(void **state)
{
    static const struct {
        const char *raw;
        const char *clean;
    } cases[] = {
        {"plain text", "plain text"},
        {"K\xc3\xbc"
         "che \xe2\x82\xac \xf0\x9f\xa6\xa6",
         "K\xc3\xbc"
         "che \xe2\x82\xac \xf0\x9f\xa6\xa6"},
        {"\x1b[31mred\x07", "?[31mred?"},
        {"a\nb\tc\x7f", "a?b?c?"},
        {"\xc2\x9b"
         "31m",
         "??31m"}, /* a control character of its own */
        {"\xff\xfe", "??"},
        {"\xc0\xaf", "??"},           /* overlong */
        {"\xe0\x80\xaf", "???"},      /* overlong */
        {"\xed\xa0\x80", "???"},      /* a surrogate */
        {"\xf4\x90\x80\x80", "????"}, /* beyond the end */
        {"\xe2\x82", "??"},           /* cut off */
        {"\xe2\x80\xae"
         "txet",
         "???txet"}, /* right to left */
    };
    char out[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        otter_device_copy(out, sizeof out, cases[i].raw, strlen(cases[i].raw));
        assert_string_equal(out, cases[i].clean);
    }
}

static void test_device_text_is_cut_between_characters(void **state)
{
    char out[8];

    (void)state;
    memset(out, 'x', sizeof out);
    otter_device_copy(out, 4, "\xc3\xa4\xc3\xb6\xc3\xbc", 6);
    assert_string_equal(out, "\xc3\xa4");
    otter_device_copy(out, 5, "\xc3\xa4\xc3\xb6\xc3\xbc", 6);
    assert_string_equal(out, "\xc3\xa4\xc3\xb6");
    otter_device_copy(out, 1, "abc", 3);
    assert_string_equal(out, "");
}

static struct otter_device lamp(void)
{
    struct otter_device device = {.name = "lamp",
                                  .host = "lamp.local",
                                  .address = "192.168.1.50",
                                  .port = 8266};

    otter_device_add_text(&device, "tcp_check=no", 12);
    otter_device_add_text(&device, "board=d1", 8);
    otter_device_add_text(&device, "auth_upload=yes", 15);
    otter_device_add_text(&device, "flag", 4);
    otter_device_add_text(&device, "a=b=c", 5);
    otter_device_add_text(&device, "Version=\x1b", 9);
    return device;
}

static void test_device_keys_are_found_in_any_case(void **state)
{
    struct otter_device device = lamp();

    (void)state;
    assert_string_equal(otter_device_get(&device, "board"), "d1");
    assert_string_equal(otter_device_get(&device, "BOARD"), "d1");
    assert_string_equal(otter_device_get(&device, "version"), "?");
    assert_string_equal(otter_device_get(&device, "a"), "b=c");
    assert_null(otter_device_get(&device, "boar"));
    assert_null(otter_device_get(&device, "flag"));
    assert_null(otter_device_get(&device, "missing"));
    assert_string_equal(otter_device_text(&device, 5), "Version=?");
    assert_null(otter_device_text(&device, 6));
    assert_int_equal(otter_device_auth(&device), OTTER_DEVICE_AUTH_YES);
    device.text_len = 0;
    assert_int_equal(otter_device_auth(&device), OTTER_DEVICE_AUTH_UNKNOWN);
    assert_null(otter_device_text(&device, 0));
}

static void test_device_with_too_much_text_keeps_what_fits(void **state)
{
    struct otter_device device = {.name = "x"};
    char text[256];
    size_t n = 0;

    (void)state;
    memset(text, 'k', sizeof text);
    for (int i = 0; i < 20; i++) {
        otter_device_add_text(&device, text, 255);
    }
    otter_device_add_text(&device, "board=d1", 8);
    while (otter_device_text(&device, n) != NULL) {
        n++;
    }
    assert_int_equal(n, OTTER_DEVICE_TEXT_SIZE / 256 + 1);
    assert_string_equal(otter_device_get(&device, "board"), "d1");
}

static void check_json(json_t *json, const char *expected)
{
    char *text = json_dumps(json, JSON_COMPACT);

    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
    json_decref(json);
}

static void test_device_as_json(void **state)
{
    struct otter_device device = lamp();

    (void)state;
    check_json(otter_device_json(&device),
               "{\"name\":\"lamp\",\"host\":\"lamp.local\",\"address\":"
               "\"192.168.1.50\",\"port\":8266,\"board\":\"d1\",\"auth\":"
               "true,\"version\":\"?\",\"source\":\"mdns\",\"txt\":{"
               "\"tcp_check\":\"no\",\"board\":\"d1\",\"auth_upload\":"
               "\"yes\",\"flag\":\"\",\"a\":\"b=c\",\"Version\":\"?\"}}");
    device.text_len = 0;
    device.listed = true;
    check_json(otter_device_json(&device),
               "{\"name\":\"lamp\",\"host\":\"lamp.local\",\"address\":"
               "\"192.168.1.50\",\"port\":8266,\"board\":null,\"auth\":null,"
               "\"version\":null,\"source\":\"list\",\"txt\":{}}");
}

static void test_device_as_arduino_port(void **state)
{
    struct otter_device device = lamp();

    (void)state;
    /* Only strings with exactly one "="; board a second time; the host's name
     * with its dot (protocol 1.14). */
    check_json(otter_device_port_json(&device),
               "{\"address\":\"192.168.1.50\",\"label\":\"lamp at "
               "192.168.1.50\",\"protocol\":\"network\",\"protocolLabel\":"
               "\"Network Port\",\"properties\":{\"hostname\":\"lamp.local.\","
               "\"port\":\"8266\",\"tcp_check\":\"no\",\"board\":\"d1\","
               "\".\":\"d1\",\"auth_upload\":\"yes\",\"Version\":\"?\"}}");
}

static void test_device_of_a_list(void **state)
{
    char address[] = "garage.example.net";
    char name[] = "garage";
    char board[] = "d1";
    char auth[] = "no";
    struct otter_target_entry entry = {.address = address};
    struct otter_device device;

    (void)state;
    otter_device_from_list(&device, &entry);
    assert_string_equal(device.name, "garage.example.net");
    assert_string_equal(device.address, "garage.example.net");
    assert_int_equal(device.port, 8266);
    assert_int_equal(otter_device_auth(&device), OTTER_DEVICE_AUTH_UNKNOWN);
    assert_true(device.listed);
    entry.name = name;
    entry.port = 3232;
    entry.board = board;
    entry.auth = auth;
    otter_device_from_list(&device, &entry);
    check_json(otter_device_port_json(&device),
               "{\"address\":\"garage.example.net\",\"label\":\"garage at "
               "garage.example.net\",\"protocol\":\"network\","
               "\"protocolLabel\":\"Network Port\",\"properties\":{"
               "\"hostname\":\"garage.example.net\",\"port\":\"3232\","
               "\"board\":\"d1\",\".\":\"d1\",\"auth_upload\":\"no\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_device_text_is_made_printable),
        cmocka_unit_test(test_device_text_is_cut_between_characters),
        cmocka_unit_test(test_device_keys_are_found_in_any_case),
        cmocka_unit_test(test_device_with_too_much_text_keeps_what_fits),
        cmocka_unit_test(test_device_as_json),
        cmocka_unit_test(test_device_as_arduino_port),
        cmocka_unit_test(test_device_of_a_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
