/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts about a device from its status page. */
#include "host/push_web_status.h"

#include "host/device.h"

#include <jansson.h>
#include <string.h>

static void take_text(char *out, size_t size, const json_t *object,
                      const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));

    otter_device_copy(out, size, value ? value : "",
                      value ? strlen(value) : 0);
}

static uint32_t take_number(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));

    return value > 0 && value <= UINT32_MAX ? (uint32_t)value : 0;
}

bool otter_push_web_status_read(struct otter_push_web_status *status,
                                const char *text)
{
    json_t *object = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
    struct otter_push_facts *facts = &status->facts;

    *status = (struct otter_push_web_status){0};
    take_text(status->boot_id, sizeof status->boot_id, object, "boot_id");
    take_text(status->reverted, sizeof status->reverted, object, "reverted");
    take_text(facts->version, sizeof facts->version, object, "version");
    take_text(facts->chip, sizeof facts->chip, object, "chip");
    facts->free_space = take_number(object, "free_space");
    facts->flash_size = take_number(object, "flash_size");
    if (json_is_true(json_object_get(object, "on_trial"))) {
        memcpy(facts->boot, "trial", sizeof "trial");
    }
    facts->seen = status->boot_id[0] != '\0';
    json_decref(object);
    return facts->seen;
}
