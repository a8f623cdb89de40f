/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sketch says of itself by multicast DNS. */
#include "sketches/about.h"

#include "format/flash_map.h"
#include "format/text.h"
#include "hal/board.h"
#include "sketches/print.h"

#include <string.h>

static void tell(struct otter_mdns *mdns, int service, const char *key,
                 const char *value)
{
    if (otter_mdns_set_txt(mdns, service, key, value) != 0) {
        otter_sketch_print("No room for mDNS key ");
        otter_sketch_print(key);
        otter_sketch_print("\n");
    }
}

static void tell_number(struct otter_mdns *mdns, int service, const char *key,
                        uint32_t number)
{
    struct otter_text text;
    char value[12];

    otter_text_init(&text, value, sizeof value);
    otter_text_decimal(&text, number);
    tell(mdns, service, key, value);
}

void otter_sketch_about_begin(struct otter_mdns *mdns, int service,
                              const struct otter_descriptor_block *sketch,
                              struct otter_updater *updater)
{
    const struct otter_flash_map *map = otter_board_flash_map();
    char version[sizeof sketch->version + 1] = "";

    memcpy(version, sketch->version, sizeof sketch->version);
    tell(mdns, service, OTTER_DNS_KEY_VERSION, version);
    tell(mdns, service, OTTER_DNS_KEY_TARGET, otter_board_name());
    tell(mdns, service, OTTER_DNS_KEY_CHIP, otter_board_chip());
    tell_number(mdns, service, OTTER_DNS_KEY_FREE_SPACE,
                otter_updater_free_space(updater));
    if (map != NULL) {
        tell_number(mdns, service, OTTER_DNS_KEY_FLASH_SIZE, map->flash_size);
    }
}

static const char *boot_text(const struct otter_trial *trial)
{
    struct otter_trial_status status;

    otter_trial_status(trial, &status);
    if (!status.has_log) {
        return OTTER_DNS_BOOT_STOCK;
    }
    if (status.on_trial) {
        return OTTER_DNS_BOOT_TRIAL;
    }
    return status.reason != OTTER_BOOT_REASON_NONE ? OTTER_DNS_BOOT_REVERTED
                                                   : OTTER_DNS_BOOT_CONFIRMED;
}

void otter_sketch_about_poll(struct otter_mdns *mdns, int service,
                             const struct otter_trial *trial)
{
    static const char *told;
    const char *now = boot_text(trial);

    if (told != now) {
        told = now;
        tell(mdns, service, OTTER_DNS_KEY_BOOT, now);
    }
}
