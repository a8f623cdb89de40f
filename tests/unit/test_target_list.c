/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses with and without ports, and files that list devices. */
#include "host/target_list.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_target_list_address_forms(void **state)
{
    static const struct {
        const char *word;
        const char *address;
        uint16_t port;
    } rows[] = {
        {"192.168.1.50", "192.168.1.50", 0},
        {"192.168.1.50:8266", "192.168.1.50", 8266},
        {"kitchen.local:3232", "kitchen.local", 3232},
        {"kitchen", "kitchen", 0},
        {"fe80::1%eth0", "fe80::1%eth0", 0},
        {"::1", "::1", 0},
        {"[::1]", "::1", 0},
        {"[fe80::1%eth0]:65535", "fe80::1%eth0", 65535},
    };
    struct otter_target_list list = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(otter_target_list_add(&list, rows[i].word), 0);
        assert_string_equal(list.entries[i].word, rows[i].word);
        assert_string_equal(list.entries[i].address, rows[i].address);
        assert_int_equal(list.entries[i].port, rows[i].port);
    }
    otter_target_list_free(&list);
}

static void test_target_list_malformed_addresses_are_named(void **state)
{
    static const char *const words[] = {"",       ":8266",   "a:",   "a:0",
                                        "a:x",    "a:65536", "[::1", "[]",
                                        "[::1]x", "[::1]:"};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct otter_target_list list = {0};

        assert_int_equal(otter_target_list_add(&list, words[i]),
                         OTTER_ERR_SYNTAX);
        assert_non_null(strstr(list.error, words[i]));
        otter_target_list_free(&list);
    }
}

/* Reads this text as a file; *path is its name, to be freed. */
static int read_text(struct otter_target_list *list, const char *text,
                     char path[64])
{
    int error;
    int fd;
    FILE *file;

    strcpy(path, "/tmp/otter-list-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    file = fdopen(fd, "w");
    fputs(text, file);
    fclose(file);
    error = otter_target_list_read(list, path);
    unlink(path);
    return error;
}

static void test_target_list_file_has_comments_and_keys(void **state)
{
    struct otter_target_list list = {0};
    char path[64];

    (void)state;
    assert_int_equal(read_text(&list,
                               "# all of them\n"
                               "\n"
                               "  10.0.0.1\t# the first\r\n"
                               "b.local:1234 name=b board=nodemcuv2 "
                               "version=1.0 auth=yes password-file=b.key\n"
                               "10.0.0.3 password-file=/etc/c.key",
                               path),
                     0);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.entries[0].address, "10.0.0.1");
    assert_null(list.entries[0].name);
    assert_string_equal(list.entries[1].word, "b.local:1234");
    assert_int_equal(list.entries[1].port, 1234);
    assert_string_equal(list.entries[1].name, "b");
    assert_string_equal(list.entries[1].board, "nodemcuv2");
    assert_string_equal(list.entries[1].version, "1.0");
    assert_string_equal(list.entries[1].auth, "yes");
    assert_string_equal(list.entries[1].password_file, "/tmp/b.key");
    assert_string_equal(list.entries[2].password_file, "/etc/c.key");
    otter_target_list_free(&list);
}

static void test_target_list_bad_line_is_named_with_its_number(void **state)
{
    static const char *const texts[] = {"a\nb color=red\n", "a\nb name\n",
                                        "a\nb:x\n"};
    char path[64];
    char where[80];

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct otter_target_list list = {0};

        assert_int_equal(read_text(&list, texts[i], path), OTTER_ERR_SYNTAX);
        snprintf(where, sizeof where, "%s:2: ", path);
        assert_non_null(strstr(list.error, where));
        otter_target_list_free(&list);
    }
}

static void test_target_list_missing_file_is_named(void **state)
{
    struct otter_target_list list = {0};

    (void)state;
    assert_int_equal(otter_target_list_read(&list, "/nonexistent"),
                     OTTER_ERR_INVALID);
    assert_non_null(strstr(list.error, "/nonexistent: No such file"));
    assert_int_equal(otter_target_list_read(&list, "/tmp"), OTTER_ERR_INVALID);
    assert_non_null(strstr(list.error, "/tmp: Is a directory"));
    otter_target_list_free(&list);
}

/* Names that devices give themselves have blanks in them. */
/* A wrong file has no lines at all, or no end. */
static void test_target_list_what_is_no_text_ends(void **state)
{
    struct otter_target_list list = {0};

    (void)state;
    assert_int_equal(otter_target_list_read(&list, "/dev/zero"),
                     OTTER_ERR_SYNTAX);
    assert_non_null(strstr(list.error, "/dev/zero:1: "));
    assert_non_null(strstr(list.error, "this is no text"));
    otter_target_list_free(&list);
}

static void test_target_list_long_line_is_named(void **state)
{
    struct otter_target_list list = {0};
    char text[6000];
    char path[64];

    (void)state;
    memset(text, 'x', sizeof text);
    text[0] = 'a';
    text[1] = '\n';
    text[5999] = '\0';
    assert_int_equal(read_text(&list, text, path), OTTER_ERR_SYNTAX);
    assert_non_null(strstr(list.error, ":2: "));
    assert_non_null(strstr(list.error, "the line is too long"));
    otter_target_list_free(&list);
}

static void test_target_list_quotes_hold_blanks(void **state)
{
    struct otter_target_list list = {0};
    char path[64];

    (void)state;
    assert_int_equal(
        read_text(&list,
                  "10.0.0.1 name=\"Living room #2\" board=d1 # lamp\n"
                  "10.0.0.2 \"name=a \\\"b\\\" \\\\c\"\n"
                  "10.0.0.3 name=\"\" # nothing\n",
                  path),
        0);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.entries[0].name, "Living room #2");
    assert_string_equal(list.entries[0].board, "d1");
    assert_string_equal(list.entries[1].name, "a \"b\" \\c");
    assert_string_equal(list.entries[2].name, "");
    otter_target_list_free(&list);
    assert_int_equal(read_text(&list, "a name=\"b c\n", path),
                     OTTER_ERR_SYNTAX);
    assert_non_null(strstr(list.error, ":1: name=b c: the quote is not "
                                       "closed"));
    otter_target_list_free(&list);
}

static void test_target_list_written_entry_is_read_as_it_was(void **state)
{
    static char name[] = "The \"big\" lamp #2 \\o/";
    static char board[] = "d1";
    static char word[] = "10.0.0.1:8266";
    static char key[] = "/tmp/no such folder/a.key";
    const struct otter_target_entry entry = {
        .word = word, .name = name, .board = board, .password_file = key};
    struct otter_target_list list = {0};
    char path[64];
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);

    (void)state;
    assert_non_null(file);
    otter_target_list_write(file, &entry);
    fclose(file);
    assert_int_equal(read_text(&list, text, path), 0);
    free(text);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.entries[0].word, word);
    assert_string_equal(list.entries[0].name, name);
    assert_string_equal(list.entries[0].board, board);
    assert_string_equal(list.entries[0].password_file, key);
    assert_null(list.entries[0].version);
    otter_target_list_free(&list);
}

static void test_target_list_doubles_are_taken_out(void **state)
{
    static const char *const words[] = {
        "10.0.0.1", "10.0.0.1:8266", "10.0.0.1:3232", "b.local",
        "B.local",  "10.0.0.2",      "[::1]:8266",    "::1"};
    static const char *const left[] = {"10.0.0.1", "10.0.0.1:3232", "b.local",
                                       "10.0.0.2", "[::1]:8266"};
    struct otter_target_list list = {0};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        assert_int_equal(otter_target_list_add(&list, words[i]), 0);
    }
    assert_int_equal(otter_target_list_drop_doubles(&list, 8266), 3);
    assert_int_equal(list.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(list.entries[i].word, left[i]);
    }
    assert_int_equal(otter_target_list_drop_doubles(&list, 8266), 0);
    otter_target_list_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target_list_address_forms),
        cmocka_unit_test(test_target_list_malformed_addresses_are_named),
        cmocka_unit_test(test_target_list_file_has_comments_and_keys),
        cmocka_unit_test(test_target_list_bad_line_is_named_with_its_number),
        cmocka_unit_test(test_target_list_missing_file_is_named),
        cmocka_unit_test(test_target_list_what_is_no_text_ends),
        cmocka_unit_test(test_target_list_long_line_is_named),
        cmocka_unit_test(test_target_list_quotes_hold_blanks),
        cmocka_unit_test(test_target_list_doubles_are_taken_out),
        cmocka_unit_test(test_target_list_written_entry_is_read_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
