/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose page an announced one is, when hosts have several and share an
 * address. */
#include "host/push_pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct otter_discover *pages;

static int open_pages(void **state)
{
    (void)state;
    return otter_push_pages_open(&pages);
}

static int close_pages(void **state)
{
    (void)state;
    otter_discover_close(pages);
    return 0;
}

static void announce(const char *host, const char *address, uint16_t port)
{
    struct otter_device page = {.port = port};

    snprintf(page.name, sizeof page.name, "%s", host);
    snprintf(page.host, sizeof page.host, "%s", host);
    snprintf(page.address, sizeof page.address, "%s", address);
    assert_int_equal(otter_discover_add(pages, &page), 0);
}

static void test_push_pages_host_without_a_page_has_no_port(void **state)
{
    (void)state;
    announce("lamp.local", "192.0.2.1", 8080);
    assert_int_equal(otter_push_pages_port(pages, "fan.local", "192.0.2.1"),
                     0);
    assert_int_equal(otter_push_pages_port(pages, NULL, "192.0.2.2"), 0);
}

static void test_push_pages_host_is_found_as_people_write_it(void **state)
{
    (void)state;
    announce("fan.local", "192.0.2.1", 8081);
    announce("lamp.local", "192.0.2.1", 8080);
    assert_int_equal(otter_push_pages_port(pages, "LAMP.local.", NULL), 8080);
    assert_int_equal(otter_push_pages_port(pages, "fan.local", NULL), 8081);
}

static void test_push_pages_usual_port_comes_first(void **state)
{
    (void)state;
    announce("lamp.local", "192.0.2.1", 8080);
    announce("lamp.local", "192.0.2.1", 80);
    announce("lamp.local", "192.0.2.1", 8081);
    assert_int_equal(otter_push_pages_port(pages, "lamp.local", NULL), 80);
    assert_int_equal(otter_push_pages_port(pages, NULL, "192.0.2.1"), 80);
}

static void test_push_pages_shared_address_tells_nothing(void **state)
{
    (void)state;
    announce("lamp.local", "192.0.2.1", 8080);
    announce("fan.local", "192.0.2.1", 80);
    assert_int_equal(otter_push_pages_port(pages, NULL, "192.0.2.1"), 0);
}

#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, open_pages, close_pages)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_push_pages_host_without_a_page_has_no_port),
        TEST(test_push_pages_host_is_found_as_people_write_it),
        TEST(test_push_pages_usual_port_comes_first),
        TEST(test_push_pages_shared_address_tells_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
