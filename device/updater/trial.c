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
#define PATIENCE OTTER_BOOT_SLOTS /* appends that may fail in one call */

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

int otter_trial_open(struct otter_trial *trial)
{
    memset(trial, 0, sizeof *trial);
    trial->log_addr = OTTER_LOADER_NO_LOG;
    trial->error = read_config(trial);
    if (trial->error == 0) {
        trial->error = read_log(trial);
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

/* A slot that does not read back is left behind.  When none takes it, what
 * the log says is what counts again. */
static int append(struct otter_trial *trial)
{
    for (uint32_t i = 0; i < PATIENCE; i++) {
        if (append_once(trial) == 0) {
            return 0;
        }
    }
    trial->error = read_log(trial);
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
    return append(trial);
}

/* --- Confirm and revert -------------------------------------------------- */

int otter_trial_confirm(struct otter_trial *trial)
{
    struct otter_boot_record *r = &trial->log.record;

    if (trial->error != 0) {
        return trial->error;
    }
    if (r->state != OTTER_BOOT_TRIAL) {
        return 0;
    }
    r->state = OTTER_BOOT_DONE;
    return append(trial);
}

int otter_trial_revert(struct otter_trial *trial)
{
    struct otter_boot_record *r = &trial->log.record;

    if (trial->error != 0) {
        return trial->error;
    }
    if (r->state == OTTER_BOOT_COPY || r->fallback.addr == 0) {
        return OTTER_ERR_STATE;
    }
    return append_copy(trial, &r->fallback, &r->target, OTTER_BOOT_FINAL,
                       OTTER_BOOT_REASON_REQUESTED);
}

/* --- For the updater ----------------------------------------------------- */

int otter__trial_lease(struct otter_trial *trial,
                       const struct otter_boot_image *retained,
                       bool file_system)
{
    struct otter_boot_record *r = &trial->log.record;

    if (trial->error != 0) {
        return trial->error;
    }
    r->state = OTTER_BOOT_DONE;
    r->tries = 0;
    r->flags = file_system ? OTTER_BOOT_FS : 0;
    if (retained != NULL) {
        struct otter_boot_image image = *retained;

        r->target = image;
    } else {
        memset(&r->target, 0, sizeof r->target);
    }
    memset(&r->fallback, 0, sizeof r->fallback);
    return append(trial);
}

int otter__trial_ask(struct otter_trial *trial,
                     const struct otter_boot_image *target,
                     const struct otter_boot_image *fallback, uint32_t flags)
{
    return trial->error != 0 ? trial->error
                             : append_copy(trial, target, fallback, flags,
                                           OTTER_BOOT_REASON_NONE);
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
    if (trial->error != 0) {
        return;
    }
    out->has_log = true;
    out->on_trial = r->state == OTTER_BOOT_TRIAL;
    out->tries_left = out->on_trial ? r->tries : 0;
    out->can_revert = r->state != OTTER_BOOT_COPY && r->fallback.addr != 0;
    out->file_system_incomplete = (r->flags & OTTER_BOOT_FS) != 0;
    out->reason = r->reason;
    if (out->can_revert && r->fallback.packed == 0) {
        find_version(r->fallback.addr, out->other_version);
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
