/* SPDX-License-Identifier: Apache-2.0
 *
 * The command of the core's Updater (protocol 3.2) becomes a record, so that
 * what it asks for survives a power cut from then on.  Until then only the
 * command is lost: nothing of the old program has been touched. */
#include "boot/internal.h"
#include "boot/load.h"
#include "format/crc32.h"
#include "format/loader_config.h"
#include "format/rtc_command.h"
#include "hal/board.h"
#include "hal/rtc.h"

#include <stddef.h>
#include <string.h>

#define LOG_SIZE    (OTTER_BOOT_LOG_SECTORS * OTTER__SECTOR)
#define IMAGE_MAGIC 0xE9u

#define CRC_WORD    (OTTER_RTC_COMMAND_WORDS - 1)
#define ACTION      1
#define SOURCE      (2 + OTTER_RTC_ARG_SOURCE)
#define DESTINATION (2 + OTTER_RTC_ARG_DESTINATION)
#define SIZE        (2 + OTTER_RTC_ARG_SIZE)

/* Reads the command and clears it.  False: there is none that can be obeyed.
 */
static bool get_command(uint32_t words[OTTER_RTC_COMMAND_WORDS])
{
    if (otter_rtc_read(0, words, OTTER_RTC_COMMAND_WORDS) != 0 ||
        (words[0] & OTTER_RTC_COMMAND_MAGIC_MASK) != OTTER_RTC_COMMAND_MAGIC ||
        words[CRC_WORD] !=
            otter_crc32(OTTER_CRC32_INIT, words, CRC_WORD * 4)) {
        return false;
    }
    otter_board_putc('@');
    words[0] = 0;
    otter__ignore(otter_rtc_write(0, words, 1));
    return words[ACTION] == OTTER_RTC_COPY_RAW && words[DESTINATION] == 0;
}

/* Moves the staged file down, off the log, if it lies there.  False: flash
 * could not be read. */
static bool clear_the_log(struct otter_boot *b, uint32_t program_end)
{
    struct otter_boot_image *t = &b->log.record.target;
    uint32_t from = t->addr;
    uint32_t to = from - LOG_SIZE;
    uint32_t end = from + t->stored_size;

    if (b->log_addr == OTTER_LOADER_NO_LOG || end <= b->log_addr) {
        return true;
    }
    if (to < program_end || end > b->log_addr + LOG_SIZE) {
        otter__boot_say("not power-safe\n");
        b->log_addr = OTTER_LOADER_NO_LOG;
        return true;
    }
    t->addr = to;
    for (uint32_t off = 0; off < t->stored_size; off += OTTER__SECTOR) {
        if (otter__boot_read(from + off, b->window, OTTER__SECTOR) != 0) {
            return false;
        }
        otter__boot_put_sector(b, to + off, b->window);
    }
    return true;
}

void otter__boot_takeover(struct otter_boot *b)
{
    struct otter_boot_record *r = &b->log.record;
    struct otter_boot_image *t = &r->target;
    uint32_t words[OTTER_RTC_COMMAND_WORDS];
    struct otter__boot_layout program;

    if (!get_command(words) || r->state == OTTER_BOOT_COPY ||
        otter__boot_load(OTTER__SECTOR, &program) != 0) {
        return;
    }
    r->state = OTTER_BOOT_NONE; /* what is in flash is no more what is here */
    memset((uint8_t *)r + offsetof(struct otter_boot_record, target), 0,
           sizeof r->target + sizeof r->fallback);
    t->addr = words[SOURCE];
    t->stored_size = words[SIZE];
    if (!otter__boot_crc(b, t->addr, t->stored_size)) {
        return;
    }
    t->stored_crc = b->crc;
    /* What is installed, in case this record comes to light again when its
     * image is gone. */
    if (!otter__boot_crc(b, OTTER__SECTOR, program.end - OTTER__SECTOR)) {
        return;
    }
    r->fallback.size = program.end;
    r->fallback.crc = b->crc;
    if (!clear_the_log(b, program.end) ||
        otter__boot_read(t->addr, words, 4) != 0) {
        return;
    }
    /* The core does not read back what it stages: what is neither an image nor
     * gzip will not unpack, and nothing is touched. */
    t->packed = (words[0] & 0xFF) != IMAGE_MAGIC;
    r->state = OTTER_BOOT_COPY;
    r->tries = 0;
    r->reason = OTTER_BOOT_REASON_NONE;
    r->flags = OTTER_BOOT_FINAL | OTTER_BOOT_STOCK | OTTER_BOOT_UNCHECKED;
}
