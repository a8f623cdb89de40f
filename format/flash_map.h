/* SPDX-License-Identifier: Apache-2.0
 *
 * Flash maps: where the sketch, the file system and the system's own sectors
 * lie (protocol 2.8).  Every map of the core is here under the core's name:
 * flash size, then the size of the file system, "4M2M", "1M64", "512K0".
 * Also the arithmetic that the maps decide: where an update is staged, how
 * much space is free, how a size is written into an image header.
 *
 *   0         boot sector
 *   0x1000    the sketch
 *   ...       free: an update is staged here, ending at fs_start
 *   fs_start  file system, up to fs_end
 *   eeprom    the top 20 KiB: EEPROM emulation (1 sector), RF calibration
 *             (1 sector), Wi-Fi settings (3 sectors)
 *
 * All places are addr (offsets from the start of flash), all sizes bytes.
 * Maps are constants in static storage; nothing here touches a flash. */
#ifndef OTTER_FORMAT_FLASH_MAP_H
#define OTTER_FORMAT_FLASH_MAP_H

#include "format/compiler.h"

#include <stdint.h>

OTTER_BEGIN_DECLS

struct otter_flash_map {
    const char *name;    /* "4M2M" */
    uint32_t flash_size; /* 0x80000 to 0x1000000 */
    uint32_t fs_start;   /* first byte of the file system */
    uint32_t fs_end;     /* one past its last byte; fs_start: there is none */
    uint32_t fs_block;   /* bytes of a block of the file system; 0: none */
    uint32_t sketch_max; /* bytes of mapped code (irom) that fit; also the
                            largest sketch that the core's build allows */
    uint32_t eeprom;     /* flash_size - 0x5000 */
    uint32_t rf_cal;     /* flash_size - 0x4000 */
    uint32_t wifi;       /* flash_size - 0x3000, 12 KiB */
};

/* How the core places the file system when it finds the size of the flash at
 * start (core 3.1.0 and later). */
enum otter_flash_profile {
    OTTER_FLASH_OTA_FS, /* leaves room for an update */
    OTTER_FLASH_MAX_FS, /* as large as possible */
    OTTER_FLASH_NO_FS   /* none: fs_start = fs_end = eeprom */
};

/* The map of that name, case-sensitive; a bare flash size ("4M", the core's
 * own name for it) means no file system ("4M0").  NULL: there is none. */
const struct otter_flash_map *otter_flash_map_find(const char *name);

/* The map number `index`, from 0; NULL after the last.  For lists. */
const struct otter_flash_map *otter_flash_map_at(uint32_t index);

/* The map that the core's automatic flash map gives for a chip of
 * `flash_size` bytes.  NULL: not 512 KiB, 1, 2, 4, 8 or 16 MiB. */
const struct otter_flash_map *otter_flash_map_auto(
    enum otter_flash_profile profile, uint32_t flash_size);

/* Bytes that the size nibble of an image header stands for (protocol 2.7);
 * 0 for a nibble that means nothing. */
uint32_t otter_flash_map_size_from_nibble(uint32_t nibble);

/* The other way round.  OTTER_ERR_INVALID: no nibble stands for that size. */
OTTER_MUST_CHECK int otter_flash_map_nibble_from_size(uint32_t size);

/* `size` rounded up to whole sectors; more than 0xFFFFF000 saturates there.
 */
uint32_t otter_flash_map_sectors(uint32_t size);

/* Where a sketch of `size` bytes is staged while one of `running_size` bytes
 * runs (protocol 2.2 step 6): whole sectors that end at fs_start.
 * OTTER_ERR_SPACE: they would reach into the running sketch. */
OTTER_MUST_CHECK int otter_flash_map_stage_sketch(
    const struct otter_flash_map *map, uint32_t running_size, uint32_t size,
    uint32_t *addr);

/* Where a file system image of `size` bytes is written: fs_start (protocol
 * 2.2 step 7).  OTTER_ERR_SPACE: it is longer than the file system. */
OTTER_MUST_CHECK int otter_flash_map_stage_fs(
    const struct otter_flash_map *map, uint32_t size, uint32_t *addr);

/* Bytes between the running sketch and the file system (protocol 2.6,
 * getFreeSketchSpace); 0 when they overlap. */
uint32_t otter_flash_map_free_space(const struct otter_flash_map *map,
                                    uint32_t running_size);

OTTER_END_DECLS

#endif
