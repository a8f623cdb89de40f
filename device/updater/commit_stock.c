/* SPDX-License-Identifier: Apache-2.0
 *
 * Placement and commit for the core's boot loader: a sketch is staged so that
 * it ends where the file system begins, and the order to copy it lies in RTC
 * memory (protocol 2.2 steps 6 and 7, 2.4 step 7, 3.2).  The order is valid or
 * not there: it is written at once and read back.  It is lost with the power,
 * which is the core's design. */
#include "device/updater/internal.h"
#include "format/flash_map.h"
#include "format/image.h"
#include "format/rtc_command.h"
#include "hal/flash.h"
#include "hal/rtc.h"

#include <string.h>

#define COMMAND_WORD 0u

/* What the web update server of the core asks for when it does not know the
 * size: all but one sector (protocol 4.3). */
static int place_unknown_sketch(struct otter_updater *u)
{
    uint32_t room = otter_flash_map_free_space(u->map, u->running.size);

    if (room <= OTTER_FLASH_SECTOR) {
        return OTTER_ERR_SPACE;
    }
    u->capacity = room - OTTER_FLASH_SECTOR;
    u->start = u->map->fs_start - u->capacity;
    return 0;
}

int otter__stock_place(struct otter_updater *u)
{
    if (!u->bounded) {
        return place_unknown_sketch(u);
    }
    return otter_flash_map_stage_sketch(u->map, u->running.size, u->capacity,
                                        &u->start);
}

/* The loader unpacks over its own source when the two overlap: it must never
 * erase what it has not read yet.  When `left` bytes are still to be unpacked,
 * no more than those and a little are still to be read, since a compressor
 * that cannot do better stores them (5 bytes in front of each block; a 64th
 * allows for blocks of 320 bytes).  So it is enough that the source ends that
 * little behind the output; two sectors allow for the rounding of both. */
static int check_unpacked(const struct otter_updater *u, uint32_t size)
{
    uint32_t need = otter_flash_map_sectors(size);
    uint32_t end = u->start + u->received;

    if (need <= u->start) {
        return 0;
    }
    if (need > end) {
        return OTTER_ERR_SPACE;
    }
    return end - need >= size / 64 + 2 * OTTER_FLASH_SECTOR ? 0
                                                            : OTTER_ERR_SPACE;
}

/* The core's loader writes sector 0 as well, and the ROM starts nothing whose
 * checksum there is wrong (protocol 2.7): only a cable would help then. */
static int check_boot_image(struct otter_updater *u)
{
    const struct otter_image_memory memory = {u->buffer, OTTER_FLASH_SECTOR};
    struct otter_image_source source;
    struct otter_image_header header;
    struct otter_image_walk walk;
    uint8_t sum = OTTER_IMAGE_CHECKSUM;
    int error = otter_flash_read(u->start, u->buffer, OTTER_FLASH_SECTOR);

    otter_image_source_memory(&source, &memory);
    if (error == 0) {
        error = otter_image_walk_begin(&walk, &source, 0, &header);
    }
    while (error == 0 && walk.left > 0) {
        struct otter_image_segment segment;

        error = otter_image_walk_next(&walk, &segment);
        for (uint32_t i = 0; error == 0 && i < segment.size; i++) {
            sum ^= u->buffer[segment.off + i];
        }
    }
    /* It is the last byte of a line of 16. */
    if (error == 0 && ((walk.off | 15) >= OTTER_FLASH_SECTOR ||
                       u->buffer[walk.off | 15] != sum)) {
        error = OTTER_ERR_CHECKSUM;
    }
    return error;
}

int otter__stock_check_installed(struct otter_updater *u, uint32_t size)
{
    return u->gzip ? check_unpacked(u, size) : check_boot_image(u);
}

static bool overlaps(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
    return a < b ? b - a < a_size : a - b < b_size;
}

/* Withdraws an order that refers to what will be overwritten. */
int otter__stock_prepare(struct otter_updater *u)
{
    uint32_t words[OTTER_RTC_COMMAND_WORDS];
    struct otter_rtc_command command;
    int error = otter_rtc_read(COMMAND_WORD, words, OTTER_RTC_COMMAND_WORDS);

    if (error != 0) {
        return error;
    }
    if (otter_rtc_command_decode(words, &command) != 0 ||
        command.action != OTTER_RTC_COPY_RAW ||
        !overlaps(command.args[OTTER_RTC_ARG_SOURCE],
                  otter_flash_map_sectors(command.args[OTTER_RTC_ARG_SIZE]),
                  u->start, otter_flash_map_sectors(u->capacity))) {
        return 0;
    }
    otter_rtc_command_clear(words);
    return otter_rtc_write(COMMAND_WORD, words, OTTER_RTC_COMMAND_WORDS);
}

int otter__stock_commit(struct otter_updater *u)
{
    uint32_t words[OTTER_RTC_COMMAND_WORDS];
    uint32_t back[OTTER_RTC_COMMAND_WORDS];
    struct otter_rtc_command command;
    int error;

    otter_rtc_command_set_copy(&command, u->start, 0, u->received);
    otter_rtc_command_encode(&command, words);
    error = otter_rtc_write(COMMAND_WORD, words, OTTER_RTC_COMMAND_WORDS);
    if (error == 0) {
        error = otter_rtc_read(COMMAND_WORD, back, OTTER_RTC_COMMAND_WORDS);
    }
    if (error == 0 && memcmp(words, back, sizeof words) != 0) {
        error = OTTER_ERR_RECORD;
    }
    if (error != 0) {
        otter_rtc_command_clear(words);
        (void)!otter_rtc_write(COMMAND_WORD, words, OTTER_RTC_COMMAND_WORDS);
    }
    return error;
}
