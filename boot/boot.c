/* SPDX-License-Identifier: Apache-2.0
 *
 * What the newest record means at this start, and the log in flash. */
#include "boot/boot.h"

#include "boot/internal.h"
#include "boot/load.h"
#include "format/loader_config.h"
#include "hal/board.h"

#include <string.h>

/* Appends that may fail before the log is given up: each sector was erased
 * and tried from end to end. */
#define PATIENCE (3 * OTTER_BOOT_SLOTS)

void otter__boot_say(const char *text)
{
    while (*text != '\0') {
        otter_board_putc(*text++);
    }
}

int otter__boot_read(uint32_t addr, void *buf, uint32_t len)
{
    otter_board_watchdog_feed();
    return otter_flash_read(addr, buf, len);
}

static void read_log(struct otter_boot *b)
{
    struct otter_boot_log *log = &b->log;

    for (uint32_t i = 0; i < OTTER_BOOT_LOG_SECTORS * OTTER_BOOT_SLOTS; i++) {
        if (otter__boot_read(b->log_addr + i * OTTER_BOOT_SLOT_SIZE,
                             &log->slot, sizeof log->slot) != 0) {
            log->slot.magic = 1;
        }
        otter_boot_log_look(log, i);
    }
    otter_boot_log_judge(log);
}

void otter__boot_clear(struct otter_boot *b, uint32_t slot, uint32_t off)
{
    uint32_t zero = 0;

    otter__ignore(otter_flash_program(
        b->log_addr + slot * OTTER_BOOT_SLOT_SIZE + off, &zero, sizeof zero));
}

bool otter__boot_append(struct otter_boot *b)
{
    struct otter_boot_log *log = &b->log;

    if (b->log_addr == OTTER_LOADER_NO_LOG) {
        return true;
    }
    if (otter_boot_log_spoils(log)) {
        otter__boot_clear(b, otter_boot_log_free(log), 0);
    }
    for (uint32_t i = PATIENCE; i != 0; i--) {
        uint32_t slot = otter_boot_log_next(log);
        uint32_t addr = b->log_addr + slot * OTTER_BOOT_SLOT_SIZE;

        if (slot % OTTER_BOOT_SLOTS == 0 && otter_flash_erase(addr) != 0) {
            continue;
        }
        if (otter_flash_program(addr, &log->record, sizeof log->record) == 0 &&
            otter__boot_read(addr, &log->slot, sizeof log->slot) == 0 &&
            otter_boot_log_written(log)) {
            return true;
        }
    }
    return false;
}

void otter__boot_affirm(struct otter_boot *b)
{
    bool alone = (b->log.record.flags & OTTER_BOOT_STOCK) != 0 &&
                 b->log_addr != OTTER_LOADER_NO_LOG;

    if (alone) {
        b->log.used = OTTER_BOOT_SLOTS;
    }
    if (otter__boot_append(b) && alone) {
        otter__ignore(otter_flash_erase(b->log_addr +
                                        (b->log.sector ^ 1) * OTTER__SECTOR));
    }
}

void otter__boot_swap(struct otter_boot *b)
{
    uint8_t *p = (uint8_t *)&b->log.record.target;
    uint8_t *q = (uint8_t *)&b->log.record.fallback;

    for (uint32_t i = sizeof b->log.record.target; i != 0; i--) {
        uint8_t byte = *p;

        *p++ = *q;
        *q++ = byte;
    }
}

/* One try less, or none left: then the fallback becomes what is asked for.
 * Something unreadable behind a trial may be its confirmation; that gives it
 * one more start. */
static void count_try(struct otter_boot *b)
{
    struct otter_boot_record *r = &b->log.record;

    if (r->tries == 0 && b->log.dirty == 0) {
        otter__boot_say("revert\n");
        otter__boot_swap(b);
        r->state = OTTER_BOOT_COPY;
        r->flags |= OTTER_BOOT_FINAL;
        r->reason = OTTER_BOOT_REASON_UNCONFIRMED;
        return;
    }
    if (r->tries != 0) {
        r->tries--;
    }
    otter__ignore(otter__boot_append(b));
}

/* True: start what is installed.  False: hold. */
static bool decide(struct otter_boot *b)
{
    const struct otter_boot_record *r = &b->log.record;

    if (r->state == OTTER_BOOT_TRIAL &&
        otter_board_reset_reason() != OTTER_RESET_DEEP_SLEEP) {
        count_try(b);
    }
    if (r->state == OTTER_BOOT_DONE && b->log.dirty != 0) {
        otter__boot_affirm(b);
    }
    return r->state != OTTER_BOOT_COPY || otter__boot_install(b);
}

int otter_boot_run(struct otter_boot *b)
{
    otter_boot_log_begin(&b->log);
    b->log_addr = OTTER_LOADER_NO_LOG;
    otter__ignore(
        otter__boot_read(OTTER_LOADER_CONFIG_ADDR + 4, &b->log_addr, 4));
    if (b->log_addr != OTTER_LOADER_NO_LOG) {
        read_log(b);
    }
    otter__boot_takeover(b);
    if (decide(b)) {
        return otter__boot_load(OTTER__SECTOR, NULL);
    }
    otter__boot_say("hold: no whole image, use cable\n");
    return OTTER_BOOT_HOLD;
}
