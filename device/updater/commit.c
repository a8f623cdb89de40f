/* SPDX-License-Identifier: Apache-2.0
 *
 * Which boot loader the update is for.  It is decided once, when the update
 * begins, by what sector 0 holds; the two loaders' own files do the rest. */
#include "device/updater/internal.h"
#include "format/flash_map.h"
#include "format/loader_config.h"

#include <stddef.h>

#define LOG_SIZE (OTTER_BOOT_LOG_SECTORS * OTTER_FLASH_SECTOR)

struct otter_trial *otter__log(const struct otter_updater *u)
{
    struct otter_trial *t = u->config->trial;

    if (t == NULL) {
        return NULL;
    }
    if (!t->opened) {
        (void)!otter_trial_open(t);
    }
    return t->error == 0 ? t : NULL;
}

/* A log that cannot be read may be whole: nothing may be changed then.  One
 * in the file system belongs to another flash map; file system and log would
 * destroy each other. */
static int find_loader(struct otter_updater *u)
{
    struct otter_trial *t = u->config->trial;
    int error = 0;

    u->by_record = false;
    if (t == NULL) {
        return 0;
    }
    if (!t->opened || (t->error != 0 && t->error != OTTER_ERR_LOADER)) {
        error = otter_trial_open(t);
    }
    u->by_record = otter__log(u) != NULL;
    if (u->by_record && t->log_addr + LOG_SIZE > u->map->fs_start) {
        return OTTER_ERR_LAYOUT;
    }
    return error == OTTER_ERR_LOADER ? 0 : error;
}

static int place_fs(struct otter_updater *u, uint32_t size)
{
    if (!u->size_known) {
        size = u->map->fs_end - u->map->fs_start;
    }
    u->capacity = size;
    if (size == 0) {
        return OTTER_ERR_SPACE;
    }
    return otter_flash_map_stage_fs(u->map, size, &u->start);
}

int otter__place(struct otter_updater *u, uint32_t size)
{
    int error = find_loader(u);

    if (error != 0) {
        return error;
    }
    if (u->kind == OTTER_UPDATE_FILE_SYSTEM) {
        return place_fs(u, size);
    }
    error = otter__running_size(u);
    if (error != 0) {
        return error;
    }
    u->capacity = size;
    return u->by_record ? otter__record_place(u) : otter__stock_place(u);
}

int otter__prepare(struct otter_updater *u)
{
    return u->by_record ? otter__record_prepare(u) : otter__stock_prepare(u);
}

int otter__check_installed(struct otter_updater *u, uint32_t size)
{
    return u->by_record ? otter__record_check_installed(u, size)
                        : otter__stock_check_installed(u, size);
}

int otter__commit(struct otter_updater *u)
{
    if (u->by_record) {
        return otter__record_commit(u);
    }
    return u->kind == OTTER_UPDATE_SKETCH ? otter__stock_commit(u) : 0;
}
