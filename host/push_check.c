/* SPDX-License-Identifier: Apache-2.0
 *
 * Pre-flight checks for the three families of chips.  Images of the ESP8266
 * are looked into, those of the others are only told apart from them. */
#include "host/push_check.h"

#include "format/bytes.h"
#include "format/error.h"
#include "format/push_message.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* An ESP32's image has a longer header, and its first segment is mapped or in
 * a RAM that the ESP8266 does not have. */
#define ESP32_SEGMENT_OFF 24
#define ESP32_VMA_START   0x3C000000u
#define ESP32_VMA_END     0x40000000u

static const struct {
    const char *name;
    enum otter_push_chip chip;
    uint16_t port;
} chips[] = {
    {"esp8266", OTTER_PUSH_CHIP_ESP8266, OTTER_PUSH_PORT},
    {"esp32", OTTER_PUSH_CHIP_ESP32, OTTER_PUSH_PORT_ESP32},
    {"rp2040", OTTER_PUSH_CHIP_RP2040, OTTER_PUSH_PORT_RP2040},
};

int otter_push_chip_find(enum otter_push_chip *chip, const char *name)
{
    for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++) {
        if (strcmp(chips[i].name, name) == 0) {
            *chip = chips[i].chip;
            return 0;
        }
    }
    return OTTER_ERR_INVALID;
}

enum otter_push_chip otter_push_chip_of_port(uint16_t port)
{
    for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++) {
        if (chips[i].port == port) {
            return chips[i].chip;
        }
    }
    return OTTER_PUSH_CHIP_ANY;
}

static bool is_esp32(const struct otter_look *look)
{
    uint32_t vma;

    if (look->size < ESP32_SEGMENT_OFF + 8 ||
        look->data[0] != OTTER_IMAGE_MAGIC || look->app.whole) {
        return false;
    }
    vma = otter_load_le32(look->data + ESP32_SEGMENT_OFF);
    return vma >= ESP32_VMA_START && vma < ESP32_VMA_END;
}

static bool is_esp8266(const struct otter_look *look)
{
    return look->boot.whole && look->app.whole;
}

static void say(struct otter_look_lines *lines, const char *text)
{
    lines->count = 1;
    snprintf(lines->text[0], sizeof lines->text[0], "%s", text);
}

void otter_push_check_sketch(struct otter_look_lines *problems,
                             const struct otter_look *look,
                             enum otter_push_chip chip)
{
    bool esp32 = is_esp32(look);

    problems->count = 0;
    if (look->file.size == 0) {
        say(problems, "it is empty");
    } else if (chip == OTTER_PUSH_CHIP_RP2040) {
        if (is_esp8266(look) || esp32) {
            say(problems, "it is a sketch for an ESP8266 or ESP32, the "
                          "device is an RP2040");
        }
    } else if (chip == OTTER_PUSH_CHIP_ESP32 && is_esp8266(look)) {
        say(problems, "it is a sketch for an ESP8266, the device is an ESP32");
    } else if (chip == OTTER_PUSH_CHIP_ESP8266 && esp32) {
        say(problems, "it is a sketch for an ESP32, the device is an ESP8266");
    } else if (!esp32) {
        *problems = look->problems;
    }
}

void otter_push_check_fs(struct otter_look_lines *problems,
                         const struct otter_look *look)
{
    problems->count = 0;
    if (look->file.size == 0) {
        say(problems, "it is empty");
    } else if (is_esp8266(look)) {
        say(problems, "it is a sketch, not a file system: leave --fs away");
    }
}
