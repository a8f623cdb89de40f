/* SPDX-License-Identifier: Apache-2.0
 *
 * Live events: each listener gets them in order, at its own pace, is woken
 * once for each sleep, and is told when it missed some. */
#include "server/api/hub.h"

#include "format/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct rig {
    struct otterd_hub *hub;
    struct otterd_listener listener;
    int sleeps;
    int wakes;
};

static void count_sleep(void *user)
{
    ((struct rig *)user)->sleeps++;
}

static void count_wake(void *user)
{
    ((struct rig *)user)->wakes++;
}

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    rig->listener.sleep = count_sleep;
    rig->listener.wake = count_wake;
    rig->listener.user = rig;
    assert_int_equal(otterd_hub_create(&rig->hub), 0);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;

    otterd_hub_destroy(rig->hub);
    free(rig);
    return 0;
}

static const struct otterd_topic of_firmware = {.kind = OTTERD_KIND_FIRMWARE};

static void publish_of(struct rig *rig, const struct otterd_topic *topic,
                       int number)
{
    json_t *data = json_pack("{s:i}", "n", number);

    otterd_hub_publish(rig->hub, topic, data);
    json_decref(data);
}

static void publish(struct rig *rig, int number)
{
    publish_of(rig, &of_firmware, number);
}

/* All that is there, in pieces of `size` bytes. */
static void take(struct rig *rig, char *out, size_t room, size_t size)
{
    size_t len = 0;
    long got;

    while ((got = otterd_hub_take(&rig->listener, out + len, size)) > 0) {
        len += (size_t)got;
        assert_true(len + size < room);
    }
    assert_int_equal(got, 0);
    out[len] = '\0';
}

static void test_hub_hands_out_events_in_order_and_pieces(void **state)
{
    struct rig *rig = *state;
    static char text[4096];
    const char *second;

    publish(rig, 1); /* nobody hears it */
    assert_false(otterd_hub_is_heard(rig->hub, &of_firmware));
    assert_int_equal(otterd_hub_join(rig->hub, &rig->listener, 0), 0);
    assert_true(otterd_hub_is_heard(rig->hub, &of_firmware));
    take(rig, text, sizeof text, 64);
    assert_null(strstr(text, "data:"));
    assert_non_null(strstr(text, "\n: ")); /* a sign of life */
    assert_int_equal(rig->sleeps, 1);
    publish(rig, 2);
    publish(rig, 3);
    assert_int_equal(rig->wakes, 1);
    take(rig, text, sizeof text, 7);
    second = strstr(text, "\n\nid: ");
    assert_non_null(second);
    assert_non_null(strstr(text, "\nevent: firmware\ndata: {\"n\":2}\n\n"));
    assert_non_null(strstr(second, "\nevent: firmware\ndata: {\"n\":3}\n\n"));
    otterd_hub_leave(&rig->listener);
    publish(rig, 4);
}

static void test_hub_goes_on_after_the_last_event(void **state)
{
    struct rig *rig = *state;
    static char text[4096];
    uint64_t id;

    assert_int_equal(otterd_hub_join(rig->hub, &rig->listener, 0), 0);
    publish(rig, 1);
    publish(rig, 2);
    take(rig, text, sizeof text, 256);
    id = strtoull(strstr(text, "id: ") + 4, NULL, 10);
    otterd_hub_leave(&rig->listener);
    assert_int_equal(otterd_hub_join(rig->hub, &rig->listener, id), 0);
    take(rig, text, sizeof text, 256);
    assert_null(strstr(text, "{\"n\":1}"));
    assert_non_null(strstr(text, "{\"n\":2}"));
    otterd_hub_leave(&rig->listener);
}

static void test_hub_tells_who_missed_events(void **state)
{
    struct rig *rig = *state;
    static char text[262144];

    assert_int_equal(otterd_hub_join(rig->hub, &rig->listener, 0), 0);
    for (int i = 0; i < OTTERD_HUB_EVENTS + 3; i++) {
        publish(rig, i);
    }
    take(rig, text, sizeof text, 512);
    assert_non_null(strstr(text, "event: missed\ndata: {}\n\n"));
    assert_null(strstr(text, "{\"n\":2}"));
    assert_non_null(strstr(text, "{\"n\":3}"));
    assert_non_null(strstr(text, "{\"n\":514}"));
    otterd_hub_leave(&rig->listener);
    /* So does one that was away since long before. */
    assert_int_equal(otterd_hub_join(rig->hub, &rig->listener, 5), 0);
    take(rig, text, sizeof text, 512);
    assert_non_null(strstr(text, "event: missed"));
    assert_non_null(strstr(text, "{\"n\":3}"));
    otterd_hub_leave(&rig->listener);
}

static void test_hub_beats_and_closes(void **state)
{
    struct rig *rig = *state;
    static char text[1024];

    assert_int_equal(otterd_hub_join(rig->hub, &rig->listener, 0), 0);
    take(rig, text, sizeof text, 64);
    otterd_hub_beat(rig->hub);
    assert_int_equal(rig->wakes, 1);
    take(rig, text, sizeof text, 64);
    assert_non_null(strstr(text, "\n: "));
    otterd_hub_close(rig->hub);
    assert_int_equal(rig->wakes, 2);
    assert_int_equal(otterd_hub_take(&rig->listener, text, 64), -1);
    otterd_hub_leave(&rig->listener);
    assert_int_equal(otterd_hub_join(rig->hub, &rig->listener, 0),
                     OTTER_ERR_BUSY);
}

static void test_hub_bounds_its_listeners(void **state)
{
    struct rig *rig = *state;
    static struct otterd_listener many[OTTERD_HUB_LISTENERS];

    for (int i = 0; i < OTTERD_HUB_LISTENERS; i++) {
        assert_int_equal(otterd_hub_join(rig->hub, &many[i], 0), 0);
    }
    assert_int_equal(otterd_hub_join(rig->hub, &rig->listener, 0),
                     OTTER_ERR_BUSY);
    for (int i = 0; i < OTTERD_HUB_LISTENERS; i++) {
        otterd_hub_leave(&many[i]);
    }
    assert_false(otterd_hub_is_heard(rig->hub, &of_firmware));
}

static void join(struct rig *rig, struct otterd_wants wants,
                 enum otterd_scope scope, uint64_t last)
{
    rig->listener.wants = wants;
    rig->listener.scope = scope;
    assert_int_equal(otterd_hub_join(rig->hub, &rig->listener, last), 0);
}

/* Publishes that alone; whether it is heard, taken and worth a waking. */
static bool hears(struct rig *rig, struct otterd_topic topic)
{
    static char text[4096];
    bool heard = otterd_hub_is_heard(rig->hub, &topic);
    int wakes;

    take(rig, text, sizeof text, 512);
    wakes = rig->wakes;
    publish_of(rig, &topic, 7);
    assert_int_equal(rig->wakes - wakes, heard);
    take(rig, text, sizeof text, 512);
    assert_int_equal(strstr(text, "{\"n\":7}") != NULL, heard);
    return heard;
}

#define DEVICE(...)                                                           \
    (struct otterd_topic)                                                     \
    {                                                                         \
        .kind = OTTERD_KIND_DEVICE, __VA_ARGS__                               \
    }
#define RELEASE(...)                                                          \
    (struct otterd_topic)                                                     \
    {                                                                         \
        .kind = OTTERD_KIND_RELEASE, __VA_ARGS__                              \
    }

static void test_hub_filters_kinds(void **state)
{
    struct rig *rig = *state;

    join(rig,
         (struct otterd_wants){.kinds = 1u << OTTERD_KIND_RELEASE |
                                        1u << OTTERD_KIND_PATH},
         OTTERD_SCOPE_READ, 0);
    assert_true(hears(rig, RELEASE(.release = 1, .routine = true)));
    assert_true(hears(rig, (struct otterd_topic){.kind = OTTERD_KIND_PATH}));
    assert_false(hears(rig, DEVICE(.mac = 1)));
    assert_false(hears(rig, DEVICE(.mac = 1, .removed = true)));
    assert_false(hears(rig, of_firmware));
    otterd_hub_leave(&rig->listener);
}

static void test_hub_filters_devices_by_mac(void **state)
{
    struct rig *rig = *state;

    join(rig, (struct otterd_wants){.macs = {1, 2}, .mac_count = 2},
         OTTERD_SCOPE_READ, 0);
    assert_true(hears(rig, DEVICE(.mac = 2, .routine = true)));
    assert_true(hears(rig, DEVICE(.mac = 1, .crowded = true)));
    assert_false(hears(rig, DEVICE(.mac = 3)));
    assert_false(hears(rig, DEVICE(.mac = 3, .removed = true)));
    /* What is decided about any release, not how far it is. */
    assert_true(hears(rig, RELEASE(.release = 1)));
    assert_false(hears(rig, RELEASE(.release = 1, .routine = true)));
    otterd_hub_leave(&rig->listener);
}

static void test_hub_filters_news(void **state)
{
    struct rig *rig = *state;

    join(rig, (struct otterd_wants){.macs = {1}, .mac_count = 1, .news = true},
         OTTERD_SCOPE_READ, 0);
    assert_true(hears(rig, DEVICE(.mac = 1, .routine = true)));
    assert_true(hears(rig, DEVICE(.mac = 2)));
    assert_false(hears(rig, DEVICE(.mac = 2, .crowded = true)));
    assert_false(hears(rig, DEVICE(.mac = 2, .routine = true)));
    otterd_hub_leave(&rig->listener);
}

static void test_hub_filters_by_release(void **state)
{
    struct rig *rig = *state;

    join(rig, (struct otterd_wants){.release = 5}, OTTERD_SCOPE_READ, 0);
    assert_true(hears(rig, RELEASE(.release = 5, .routine = true)));
    assert_false(hears(rig, RELEASE(.release = 6)));
    assert_true(hears(rig, DEVICE(.mac = 1, .release = 5)));
    assert_true(hears(rig, DEVICE(.mac = 1, .release = 5, .crowded = true)));
    assert_true(hears(rig, DEVICE(.mac = 1)));
    assert_true(hears(rig, DEVICE(.mac = 1, .removed = true)));
    assert_false(hears(rig, DEVICE(.mac = 1, .release = 6)));
    assert_false(hears(rig, DEVICE(.mac = 1, .release = 5, .routine = true)));
    otterd_hub_leave(&rig->listener);
}

static void test_hub_tells_tokens_to_administrators_alone(void **state)
{
    struct rig *rig = *state;
    const struct otterd_topic token = {.kind = OTTERD_KIND_TOKEN};
    const struct otterd_topic gone = {.kind = OTTERD_KIND_TOKEN,
                                      .removed = true};

    for (int scope = OTTERD_SCOPE_READ; scope <= OTTERD_SCOPE_ADMIN; scope++) {
        join(rig, (struct otterd_wants){.kinds = 0}, (enum otterd_scope)scope,
             0);
        assert_int_equal(hears(rig, token), scope == OTTERD_SCOPE_ADMIN);
        assert_int_equal(hears(rig, gone), scope == OTTERD_SCOPE_ADMIN);
        otterd_hub_leave(&rig->listener);
    }
}

static void test_hub_ends_who_came_with_a_token_that_is_gone(void **state)
{
    struct rig *rig = *state;
    static char text[256];

    rig->listener.token = 3;
    join(rig, (struct otterd_wants){.kinds = 0}, OTTERD_SCOPE_ADMIN, 0);
    take(rig, text, sizeof text, 60);
    otterd_hub_bar(rig->hub, 2);
    assert_int_equal(otterd_hub_take(&rig->listener, text, 60), 0);
    otterd_hub_bar(rig->hub, 3);
    assert_int_equal(rig->wakes, 1);
    assert_false(otterd_hub_is_heard(rig->hub, &of_firmware));
    assert_int_equal(otterd_hub_take(&rig->listener, text, 60), -1);
    otterd_hub_leave(&rig->listener);
}

/* However much another listener hears meanwhile. */
static void test_hub_misses_nothing_that_is_unwanted(void **state)
{
    struct rig *rig = *state;
    static char text[8192];
    struct otterd_listener all = {
        .sleep = count_sleep, .wake = count_wake, .user = rig};

    join(rig, (struct otterd_wants){.kinds = 1u << OTTERD_KIND_RELEASE},
         OTTERD_SCOPE_READ, 0);
    assert_int_equal(otterd_hub_join(rig->hub, &all, 0), 0);
    for (int i = 0; i < 2 * OTTERD_HUB_EVENTS; i++) {
        publish(rig, i);
    }
    publish_of(rig, &RELEASE(.release = 1), 1);
    take(rig, text, sizeof text, 512);
    assert_null(strstr(text, "missed"));
    assert_null(strstr(text, "event: firmware"));
    assert_non_null(strstr(text, "event: release"));
    assert_int_equal(otterd_hub_take(&all, text, 64), 24);
    assert_memory_equal(text, "event: missed\ndata: {}\n\n", 24);
    otterd_hub_leave(&all);
    otterd_hub_leave(&rig->listener);
}

static void test_hub_tells_who_was_away_what_nobody_heard(void **state)
{
    struct rig *rig = *state;
    static char text[4096];
    struct otterd_wants wants = {.kinds = 1u << OTTERD_KIND_RELEASE};
    uint64_t id;

    join(rig, wants, OTTERD_SCOPE_READ, 0);
    publish_of(rig, &RELEASE(.release = 1), 1);
    take(rig, text, sizeof text, 512);
    id = strtoull(strstr(text, "id: ") + 4, NULL, 10);
    otterd_hub_leave(&rig->listener);
    publish(rig, 2); /* of no concern */
    join(rig, wants, OTTERD_SCOPE_READ, id);
    take(rig, text, sizeof text, 512);
    assert_null(strstr(text, "missed"));
    otterd_hub_leave(&rig->listener);
    publish_of(rig, &RELEASE(.release = 1), 3);
    join(rig, wants, OTTERD_SCOPE_READ, id);
    take(rig, text, sizeof text, 512);
    assert_non_null(strstr(text, "missed"));
    otterd_hub_leave(&rig->listener);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_hub_hands_out_events_in_order_and_pieces),
        CASE(test_hub_goes_on_after_the_last_event),
        CASE(test_hub_tells_who_missed_events),
        CASE(test_hub_beats_and_closes),
        CASE(test_hub_bounds_its_listeners),
        CASE(test_hub_filters_kinds),
        CASE(test_hub_filters_devices_by_mac),
        CASE(test_hub_filters_news),
        CASE(test_hub_filters_by_release),
        CASE(test_hub_tells_tokens_to_administrators_alone),
        CASE(test_hub_ends_who_came_with_a_token_that_is_gone),
        CASE(test_hub_misses_nothing_that_is_unwanted),
        CASE(test_hub_tells_who_was_away_what_nobody_heard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
