/* SPDX-License-Identifier: Apache-2.0
 *
 * The program's appends to the boot record.  The loader has affirmed what is
 * newest before the program started, so what is read here holds; everything
 * that the program writes is a record of its own, read back. */
#include "device/updater/trial.h"

#include "format/error.h"
#include "format/image.h"
#include "format/loader_config.h"
#include "hal/flash.h"

#include <stdalign.h>
#include <stddef.h>
#include <string.h>

#define SLOTS    (OTTER_BOOT_LOG_SECTORS * OTTER_BOOT_SLOTS)
#define PATIENCE (3 * OTTER_BOOT_SLOTS) /* appends that may fail in a call */

static uint32_t slot_addr(const struct otter_trial *trial, uint32_t slot)
{
    return trial->log_addr + slot * OTTER_BOOT_SLOT_SIZE;
}

static int read_config(struct otter_trial *trial)
{
    struct otter_loader_config config;
    alignas(4) uint8_t bytes[OTTER_LOADER_CONFIG_SIZE];
    int error =
        otter_flash_read(OTTER_LOADER_CONFIG_ADDR, bytes, sizeof bytes);

    if (error == 0) {
        error = otter_loader_config_decode(bytes, &config);
    }
    if (error != 0) {
        return error;
    }
    trial->loader_version = config.version;
    if (config.log % OTTER_FLASH_SECTOR != 0 ||
        config.log < OTTER_FLASH_SECTOR ||
        config.log >
            otter_flash_size() - OTTER_BOOT_LOG_SECTORS * OTTER_FLASH_SECTOR) {
        return OTTER_ERR_LOADER;
    }
    trial->log_addr = config.log;
    return 0;
}

static int read_log(struct otter_trial *trial)
{
    otter_boot_log_begin(&trial->log);
    for (uint32_t i = 0; i < SLOTS; i++) {
        int error = otter_flash_read(slot_addr(trial, i), &trial->log.slot,
                                     sizeof trial->log.slot);

        if (error != 0) {
            return error;
        }
        otter_boot_log_look(&trial->log, i);
    }
    otter_boot_log_judge(&trial->log);
    return 0;
}

/* What lies in flash may be anything: an image that cannot be where it is said
 * to be is none. */
static void take_image(const struct otter_trial *trial,
                       const struct otter_boot_image *from,
                       struct otter_boot_image *to)
{
    uint32_t end = trial->log_addr;

    if (from->size <= OTTER_FLASH_SECTOR || from->size > end) {
        memset(to, 0, sizeof *to);
        return;
    }
    *to = *from;
    if (to->addr % OTTER_FLASH_SECTOR != 0 || to->addr > end ||
        to->stored_size == 0 || to->stored_size > end - to->addr) {
        to->addr = 0;
    }
}

/* What the marks say is kept in the record itself from now on: they are not
 * carried along when it is appended again.  A stock Updater may have staged
 * over what is there. */
static void take_staged(struct otter_boot_record *r)
{
    uint32_t *place = &r->staged.place;

    for (uint32_t i = *place & OTTER_BOOT_STAGED_COUNT;
         i < OTTER_BOOT_STAGED_MARKS; i++) {
        if (r->mark[i] != UINT32_MAX) {
            *place = (*place & ~OTTER_BOOT_STAGED_COUNT) | (i + 1);
        }
    }
    if (r->state == OTTER_BOOT_COPY || (r->flags & OTTER_BOOT_STOCK) != 0 ||
        r->mark[OTTER_BOOT_STAGED_MARKS] != UINT32_MAX) {
        memset(&r->staged, 0, sizeof r->staged);
    }
}

/* A COPY is never what a program finds: the loader has dealt with it.  Who
 * finds one knows nothing of what runs. */
static void take_record(struct otter_trial *trial)
{
    struct otter_boot_record *r = &trial->log.record;

    take_staged(r);
    trial->on_trial = r->state == OTTER_BOOT_TRIAL;
    trial->tries = r->tries;
    trial->known = false;
    trial->saving = false;
    trial->off = 0;
    memset(&trial->running, 0, sizeof trial->running);
    memset(&trial->previous, 0, sizeof trial->previous);
    if (r->state == OTTER_BOOT_TRIAL || r->state == OTTER_BOOT_DONE) {
        take_image(trial, &r->target, &trial->running);
        take_image(trial, &r->fallback, &trial->previous);
    }
    if (trial->previous.addr == 0) {
        memset(&trial->previous, 0, sizeof trial->previous);
    }
}

int otter_trial_open(struct otter_trial *trial)
{
    memset(trial, 0, sizeof *trial);
    trial->opened = true;
    trial->error = read_config(trial);
    if (trial->error == 0) {
        trial->error = read_log(trial);
    }
    if (trial->error == 0) {
        take_record(trial);
    }
    return trial->error;
}

static int append_once(struct otter_trial *trial)
{
    uint32_t slot = otter_boot_log_next(&trial->log);
    uint32_t addr = slot_addr(trial, slot);
    int error = 0;

    if (slot % OTTER_BOOT_SLOTS == 0) {
        error = otter_flash_erase(addr);
    }
    if (error == 0) {
        error = otter_flash_program(addr, &trial->log.record,
                                    sizeof trial->log.record);
    }
    if (error == 0) {
        error =
            otter_flash_read(addr, &trial->log.slot, sizeof trial->log.slot);
    }
    if (error == 0 && !otter_boot_log_written(&trial->log)) {
        error = OTTER_ERR_FLASH_PROGRAM;
    }
    return error;
}

/* Says in a word of zeros that the first free slot is used. */
static void spoil(const struct otter_trial *trial)
{
    uint32_t zero = 0;

    (void)!otter_flash_program(
        slot_addr(trial, otter_boot_log_free(&trial->log)), &zero,
        sizeof zero);
}

/* A slot that does not read back is left behind.  When none takes it, what
 * the log says is what counts again. */
static int append(struct otter_trial *trial)
{
    if (trial->error != 0 || trial->log_addr == 0) {
        return trial->error != 0 ? trial->error : OTTER_ERR_LOADER;
    }
    if (otter_boot_log_spoils(&trial->log)) {
        spoil(trial);
    }
    for (uint32_t i = 0; i < PATIENCE; i++) {
        if (append_once(trial) == 0) {
            return 0;
        }
    }
    trial->error = read_log(trial);
    take_record(trial);
    return OTTER_ERR_FLASH_PROGRAM;
}

static int append_copy(struct otter_trial *trial,
                       const struct otter_boot_image *target,
                       const struct otter_boot_image *fallback, uint32_t flags,
                       uint32_t reason)
{
    struct otter_boot_record *r = &trial->log.record;
    struct otter_boot_image images[2] = {*target, *fallback};

    r->state = OTTER_BOOT_COPY;
    r->tries = 0;
    r->reason = reason;
    r->flags = flags | (r->flags & OTTER_BOOT_FS);
    r->target = images[0];
    r->fallback = images[1];
    memset(&r->staged, 0, sizeof r->staged);
    return append(trial);
}

/* --- For the updater ----------------------------------------------------- */

int otter__trial_say(struct otter_trial *trial)
{
    struct otter_boot_record *r = &trial->log.record;

    r->state = trial->on_trial ? OTTER_BOOT_TRIAL : OTTER_BOOT_DONE;
    r->tries = trial->on_trial ? trial->tries : 0;
    r->flags &= OTTER_BOOT_FS;
    r->target = trial->running;
    r->fallback = trial->previous;
    return append(trial);
}

int otter__trial_say_fs(struct otter_trial *trial, bool incomplete)
{
    struct otter_boot_record *r = &trial->log.record;

    r->flags &= ~OTTER_BOOT_FS;
    r->flags |= incomplete ? OTTER_BOOT_FS : 0;
    if (!incomplete) {
        memset(&r->staged, 0, sizeof r->staged);
    }
    return r->state == OTTER_BOOT_COPY ? append(trial)
                                       : otter__trial_say(trial);
}

int otter__trial_ask(struct otter_trial *trial,
                     const struct otter_boot_image *target,
                     const struct otter_boot_image *fallback, uint32_t flags)
{
    return append_copy(trial, target, fallback, flags, OTTER_BOOT_REASON_NONE);
}

/* --- Confirm and revert -------------------------------------------------- */

static bool waits(const struct otter_trial *trial)
{
    return trial->log.record.state == OTTER_BOOT_COPY;
}

bool otter_trial_is_on_trial(const struct otter_trial *trial)
{
    return trial->error == 0 && trial->on_trial;
}

int otter_trial_confirm(struct otter_trial *trial)
{
    if (trial->error != 0 || trial->log_addr == 0) {
        return trial->error != 0 ? trial->error : OTTER_ERR_LOADER;
    }
    if (!trial->on_trial) {
        return 0;
    }
    trial->on_trial = false;
    if (waits(trial)) {
        return 0; /* another program follows in any case */
    }
    return otter__trial_say(trial);
}

int otter_trial_revert(struct otter_trial *trial)
{
    if (trial->error != 0) {
        return trial->error;
    }
    if (waits(trial) || trial->previous.addr == 0) {
        return OTTER_ERR_STATE;
    }
    return append_copy(trial, &trial->previous, &trial->running,
                       OTTER_BOOT_FINAL, OTTER_BOOT_REASON_REQUESTED);
}

/* --- Status -------------------------------------------------------------- */

static int read_image(void *user, uint32_t off, void *buf, uint32_t len)
{
    const uint32_t *addr = user;

    return otter_flash_read(*addr + off, buf, len);
}

/* Empty when the image at `addr` has no descriptor. */
static void find_version(uint32_t addr, char out[25])
{
    struct otter_image_source source = {read_image, &addr,
                                        otter_flash_size() - addr};
    struct otter_descriptor descriptor;

    out[0] = '\0';
    if (otter_image_find_descriptor(&source, &descriptor) == 0) {
        memcpy(out, descriptor.version, sizeof descriptor.version);
    }
}

void otter_trial_status(const struct otter_trial *trial,
                        struct otter_trial_status *out)
{
    const struct otter_boot_record *r = &trial->log.record;

    memset(out, 0, sizeof *out);
    find_version(0, out->version);
    out->loader_version = trial->loader_version;
    if (trial->error != 0 || trial->log_addr == 0) {
        return;
    }
    out->has_log = true;
    out->on_trial = trial->on_trial;
    out->tries_left = out->on_trial ? trial->tries : 0;
    out->update_waits = waits(trial);
    out->can_revert = !out->update_waits && trial->previous.addr != 0;
    out->is_saved = trial->running.addr != 0;
    out->file_system_incomplete = (r->flags & OTTER_BOOT_FS) != 0;
    out->reason = r->reason;
    if (out->can_revert && trial->previous.packed == 0) {
        find_version(trial->previous.addr, out->other_version);
    }
}

const char *otter_trial_reason_text(uint32_t reason)
{
    static const char *const texts[] = {
        [OTTER_BOOT_REASON_NONE] = "none",
        [OTTER_BOOT_REASON_UNCONFIRMED] =
            "the new program did not confirm itself",
        [OTTER_BOOT_REASON_REQUESTED] = "the program asked to revert",
        [OTTER_BOOT_REASON_DAMAGED] = "the staged image was damaged",
        [OTTER_BOOT_REASON_FLASH] = "the flash would not take the program",
    };

    return reason < sizeof texts / sizeof texts[0] ? texts[reason] : "unknown";
}
