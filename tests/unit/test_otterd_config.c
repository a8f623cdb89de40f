/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a setting comes from, which source counts, and what is said of
 * mistakes. */
#include "server/config.h"

#include "format/error.h"

#include <fcntl.h>
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/otterd-config-XXXXXX";
static char file[64];
static char file_option[80];
static char file_variable[96];
static char said[8192];
static struct otterd_config config;
static int rest;

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(file, sizeof file, "%s/conf", folder);
    snprintf(file_option, sizeof file_option, "--config=%s", file);
    snprintf(file_variable, sizeof file_variable, "OTTERD_CONFIG=%s", file);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(file);
    return rmdir(folder);
}

static void write_file(const char *text)
{
    FILE *out = fopen(file, "w");

    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
}

/* Reads with up to three options and variables, NULL for none; what is
 * printed on stderr goes to `said`. */
static int read_all(const char *const options[3],
                    const char *const variables[3])
{
    char *argv[5] = {(char[]){"otterd"}};
    char *environment[4] = {NULL};
    char asked;
    int argc = 1;
    int saved = dup(2);
    FILE *out = tmpfile();
    size_t len;
    int err;

    for (int i = 0; i < 3 && options[i] != NULL; i++) {
        argv[argc++] = (char *)(uintptr_t)options[i];
    }
    for (int i = 0; i < 3 && variables[i] != NULL; i++) {
        environment[i] = (char *)(uintptr_t)variables[i];
    }
    assert_non_null(out);
    fflush(stderr);
    dup2(fileno(out), 2);
    optind = 0; /* glibc: begin anew */
    otterd_config_init(&config);
    err = otterd_config_read(&config, argc, argv, environment, &rest, &asked);
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
    rewind(out);
    len = fread(said, 1, sizeof said - 1, out);
    said[len] = '\0';
    fclose(out);
    return err;
}

#define READ(o1, o2, o3, v1, v2, v3)                                          \
    read_all((const char *const[]){o1, o2, o3},                               \
             (const char *const[]){v1, v2, v3})

static void test_config_option_beats_environment_beats_file(void **state)
{
    (void)state;
    write_file("# comment\n\n  data =  /file  \nlisten=0.0.0.0:1\r\n"
               "log-level = error\nlog-format = json");
    assert_int_equal(READ("--data=/option", file_option, NULL,
                          "OTTERD_DATA=/variable", "OTTERD_LISTEN=127.0.0.1:2",
                          NULL),
                     0);
    assert_string_equal(config.data, "/option");
    assert_string_equal(config.listen.text, "127.0.0.1:2");
    assert_int_equal(config.log_level, OTTERD_LOG_ERROR);
    assert_true(config.log_json);
    assert_string_equal(said, "");
    assert_int_equal(
        READ("word", NULL, NULL, file_variable, "OTTERD_DATA=", "OTTERD=x"),
        0);
    assert_string_equal(config.data, "/file");
    assert_int_equal(rest, 1);
}

static void test_config_option_file_beats_variable_file(void **state)
{
    (void)state;
    write_file("data = /file\n");
    assert_int_equal(
        READ(file_option, NULL, NULL, "OTTERD_CONFIG=/not/there", NULL, NULL),
        0);
}

static void test_config_mistakes_are_told_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *wanted;
    } rows[] = {
        {"data /x\n", "conf:1: expected a line \"name = value\""},
        {"\n= x\n", "conf:2: expected a line"},
        {"data = /x\nlistem = 1.2.3.4:5\n",
         "conf:2: there is no setting \"listem\""},
        {"listen = nowhere\n", "conf:1: listen wants ADDRESS:PORT"},
        {"listen = 1.2.3.4:70000\n", "conf:1: listen wants ADDRESS:PORT"},
        {"listen = host:80\n", "got \"host:80\""},
        {"proxy = 1.2.3\n", "conf:1: proxy wants up to 8 addresses"},
        {"log-level = loud\n", "wants error, warning, info or debug"},
        {"log-format = xml\n", "wants text or json"},
        {"connections = -1\n", "wants a number from 0 to 1000000"},
        {"connections = 1x\n", "wants a number"},
        {"patience = 0\n", "patience wants a number"},
        {"data =\n", "conf:1: data wants a value"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_file(rows[i].text);
        assert_int_equal(
            READ(file_option, "--data=/x", NULL, NULL, NULL, NULL),
            OTTER_ERR_SYNTAX);
        if (strstr(said, rows[i].wanted) == NULL) {
            fail_msg("wanted \"%s\" in \"%s\"", rows[i].wanted, said);
        }
    }
}

static void test_config_tells_all_faults_at_once(void **state)
{
    (void)state;
    write_file("a = 1\nb = 2\n");
    assert_int_equal(
        READ(file_option, NULL, NULL, "OTTERD_LISTEN=x", NULL, NULL),
        OTTER_ERR_SYNTAX);
    assert_non_null(strstr(said, "conf:1:"));
    assert_non_null(strstr(said, "conf:2:"));
    assert_non_null(strstr(said, "OTTERD_LISTEN: listen wants"));
}

static void test_config_file_that_is_missing_is_told(void **state)
{
    (void)state;
    assert_int_equal(
        READ("--config=/not/there", "--data=/x", NULL, NULL, NULL, NULL),
        OTTER_ERR_SYNTAX);
    assert_non_null(strstr(said, "/not/there: No such file"));
}

static void test_config_file_with_nul_or_long_line_is_taken_or_told(
    void **state)
{
    static char line[20000];
    FILE *out = fopen(file, "w");

    (void)state;
    assert_non_null(out);
    fwrite("data = /x\0\n", 1, 11, out);
    fclose(out);
    assert_int_equal(READ(file_option, NULL, NULL, NULL, NULL, NULL),
                     OTTER_ERR_SYNTAX);
    assert_non_null(strstr(said, "conf:1: a NUL"));
    memset(line, 'x', sizeof line - 1);
    memcpy(line, "data = ", 7);
    write_file(line);
    assert_int_equal(READ(file_option, NULL, NULL, NULL, NULL, NULL),
                     OTTER_ERR_SYNTAX);
    assert_non_null(strstr(said, "is too long"));
}

static void test_config_what_belongs_together_is_checked(void **state)
{
    (void)state;
    assert_int_equal(READ(NULL, NULL, NULL, NULL, NULL, NULL),
                     OTTER_ERR_SYNTAX);
    assert_non_null(strstr(said, "--data names the folder"));
    assert_int_equal(READ("--data=/x", "--tls-listen=[::]:443", "--tls-cert=c",
                          NULL, NULL, NULL),
                     OTTER_ERR_SYNTAX);
    assert_non_null(strstr(said, "tls-key"));
    assert_int_equal(
        READ("--data=/x", "--tls-cert=c", "--tls-key=k", NULL, NULL, NULL),
        OTTER_ERR_SYNTAX);
    assert_int_equal(
        READ("--data=/x", "--listen=none", NULL, NULL, NULL, NULL),
        OTTER_ERR_SYNTAX);
    assert_non_null(strstr(said, "nobody could ask"));
}

static void test_config_reads_addresses(void **state)
{
    struct in6_addr address;

    (void)state;
    assert_int_equal(READ("--data=/x", "--listen=[::1]:80",
                          "--proxy=127.0.0.1, ::1,", NULL, NULL, NULL),
                     0);
    assert_int_equal(config.listen.socket.any.sa_family, AF_INET6);
    assert_int_equal(config.listen.socket.v6.sin6_port, htons(80));
    assert_int_equal(config.proxy_count, 2);
    assert_int_equal(otterd_address_read("::ffff:127.0.0.1", &address), 0);
    assert_memory_equal(&address, &config.proxies[0], sizeof address);
    assert_int_equal(otterd_address_read("127.1", &address), OTTER_ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_option_beats_environment_beats_file),
        cmocka_unit_test(test_config_option_file_beats_variable_file),
        cmocka_unit_test(test_config_mistakes_are_told_with_their_place),
        cmocka_unit_test(test_config_tells_all_faults_at_once),
        cmocka_unit_test(test_config_file_that_is_missing_is_told),
        cmocka_unit_test(
            test_config_file_with_nul_or_long_line_is_taken_or_told),
        cmocka_unit_test(test_config_what_belongs_together_is_checked),
        cmocka_unit_test(test_config_reads_addresses),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
