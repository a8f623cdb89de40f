/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts about devices from their TXT records. */
#include "host/push_survey.h"

#include "codec/dns_keys.h"
#include "format/flash_map.h"
#include "host/device.h"
#include "host/number.h"

#include <stdio.h>
#include <string.h>

void otter_push_survey_open(struct otter_push_survey *survey, uint64_t now_ms)
{
    const struct otter_discover_config config = {0};

    survey->opened_at_ms = now_ms;
    if (otter_discover_open(&survey->discover, &config)) {
        survey->discover = NULL;
    }
}

void otter_push_survey_close(struct otter_push_survey *survey)
{
    if (survey->discover) {
        otter_discover_close(survey->discover);
        survey->discover = NULL;
    }
}

int otter_push_survey_fd(const struct otter_push_survey *survey)
{
    return survey->discover ? otter_discover_fd(survey->discover) : -1;
}

void otter_push_survey_run(struct otter_push_survey *survey)
{
    otter_discover_run(survey->discover);
}

static void copy_text(char out[OTTER_PUSH_FACT_SIZE],
                      const struct otter_device *device, const char *key)
{
    const char *value = otter_device_get(device, key);

    snprintf(out, OTTER_PUSH_FACT_SIZE, "%s", value ? value : "");
}

static uint32_t get_number(const struct otter_device *device, const char *key)
{
    const char *value = otter_device_get(device, key);
    uint32_t number;

    return value && !otter_number_parse(&number, value, 1, UINT32_MAX) ? number
                                                                       : 0;
}

const struct otter_device *otter_push_survey_device(
    const struct otter_push_survey *survey, const char *address, uint16_t port)
{
    const struct otter_device *device = NULL;

    for (size_t n = 0; survey->discover; n++) {
        device = otter_discover_device(survey->discover, n);
        if (!device ||
            (device->port == port && strcmp(device->address, address) == 0)) {
            break;
        }
    }
    return device;
}

struct otter_push_facts otter_push_survey_find(
    const struct otter_push_survey *survey, const char *address, uint16_t port)
{
    struct otter_push_facts facts = {0};
    const struct otter_device *device =
        otter_push_survey_device(survey, address, port);

    if (!device) {
        return facts;
    }
    facts.seen = true;
    copy_text(facts.version, device, OTTER_DNS_KEY_VERSION);
    copy_text(facts.target, device, OTTER_DNS_KEY_TARGET);
    copy_text(facts.chip, device, OTTER_DNS_KEY_CHIP);
    copy_text(facts.boot, device, OTTER_DNS_KEY_BOOT);
    facts.free_space = get_number(device, OTTER_DNS_KEY_FREE_SPACE);
    facts.flash_size = get_number(device, OTTER_DNS_KEY_FLASH_SIZE);
    return facts;
}

/* Both sides must have said something, and not the same. */
static bool differ(const char *a, const char *b)
{
    return a[0] && b[0] && strcmp(a, b) != 0;
}

bool otter_push_survey_misfit(char text[160],
                              const struct otter_push_facts *facts,
                              const struct otter_look *look)
{
    uint32_t flash =
        otter_flash_map_size_from_nibble(look->boot.part.header.size_nibble);

    if (facts->free_space && look->file.size > facts->free_space) {
        snprintf(text, 160,
                 "the file has %u bytes, the device has room for "
                 "%u",
                 look->file.size, facts->free_space);
    } else if (facts->flash_size && look->boot.whole &&
               flash > facts->flash_size) {
        snprintf(text, 160,
                 "the sketch is built for %u KiB of flash, the device has "
                 "%u KiB",
                 flash / 1024, facts->flash_size / 1024);
    } else if (look->has_descriptor &&
               differ(look->descriptor.chip, facts->chip)) {
        snprintf(text, 160,
                 "the sketch is for the chip %s, the device has "
                 "%s",
                 look->descriptor.chip, facts->chip);
    } else if (look->has_descriptor &&
               differ(look->descriptor.board, facts->target)) {
        snprintf(text, 160,
                 "the sketch is for the board %s, the device is a %s",
                 look->descriptor.board, facts->target);
    } else {
        return false;
    }
    return true;
}
