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

static void publish(struct rig *rig, int number)
{
    json_t *data = json_pack("{s:i}", "n", number);

    otterd_hub_publish(rig->hub, "thing", data);
    json_decref(data);
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
    assert_false(otterd_hub_is_heard(rig->hub));
    assert_int_equal(otterd_hub_join(rig->hub, &rig->listener, 0), 0);
    assert_true(otterd_hub_is_heard(rig->hub));
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
    assert_non_null(strstr(text, "\nevent: thing\ndata: {\"n\":2}\n\n"));
    assert_non_null(strstr(second, "\nevent: thing\ndata: {\"n\":3}\n\n"));
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
    assert_false(otterd_hub_is_heard(rig->hub));
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
