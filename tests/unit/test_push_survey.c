/* SPDX-License-Identifier: Apache-2.0
 *
 * What makes a file unfit for a device that tells about itself. */
#include "host/push_survey.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A sketch of 400 KB for 4 MiB of flash. */
static struct otter_look sketch(void)
{
    struct otter_look look = {.file = {.size = 400000},
                              .boot = {.whole = true},
                              .has_descriptor = true,
                              .descriptor = {.version = "1.1.0",
                                             .board = "lamp",
                                             .chip = "esp8266"}};

    look.boot.part.header.size_nibble = 4;
    return look;
}

static void assert_misfit(const struct otter_push_facts *facts,
                          const struct otter_look *look, const char *words)
{
    char text[160];

    assert_true(otter_push_survey_misfit(text, facts, look));
    assert_string_equal(text, words);
}

static void test_push_survey_silent_device_takes_everything(void **state)
{
    struct otter_push_facts facts = {.seen = true};
    struct otter_look look = sketch();
    char text[160];

    (void)state;
    assert_false(otter_push_survey_misfit(text, &facts, &look));
}

static void test_push_survey_fitting_facts_are_no_obstacle(void **state)
{
    struct otter_push_facts facts = {.free_space = 400000,
                                     .flash_size = 4194304,
                                     .chip = "esp8266",
                                     .target = "lamp"};
    struct otter_look look = sketch();
    char text[160];

    (void)state;
    assert_false(otter_push_survey_misfit(text, &facts, &look));
    look.has_descriptor = false;
    strcpy(facts.chip, "esp32");
    assert_false(otter_push_survey_misfit(text, &facts, &look));
}

static void test_push_survey_each_misfit_is_named(void **state)
{
    struct otter_look look = sketch();
    const struct otter_push_facts space = {.free_space = 399999};
    const struct otter_push_facts flash = {.flash_size = 1048576};
    const struct otter_push_facts chip = {.chip = "esp32"};
    const struct otter_push_facts board = {.target = "kettle"};

    (void)state;
    assert_misfit(&space, &look,
                  "the file has 400000 bytes, the device has room for 399999");
    assert_misfit(&flash, &look,
                  "the sketch is built for 4096 KiB of flash, the device has "
                  "1024 KiB");
    assert_misfit(&chip, &look,
                  "the sketch is for the chip esp8266, the device has esp32");
    assert_misfit(&board, &look,
                  "the sketch is for the board lamp, the device is a kettle");
}

static void test_push_survey_closed_one_knows_nobody(void **state)
{
    struct otter_push_survey survey = {0};

    (void)state;
    assert_false(otter_push_survey_find(&survey, "127.0.0.1", 8266).seen);
    assert_int_equal(otter_push_survey_fd(&survey), -1);
    otter_push_survey_close(&survey);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push_survey_silent_device_takes_everything),
        cmocka_unit_test(test_push_survey_fitting_facts_are_no_obstacle),
        cmocka_unit_test(test_push_survey_each_misfit_is_named),
        cmocka_unit_test(test_push_survey_closed_one_knows_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
