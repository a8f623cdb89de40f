/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of flash maps and the arithmetic on it.  The table holds what
 * the specification lists; the rest follows from the flash size. */
#include "format/flash_map.h"

#include "format/error.h"

#include <stddef.h>
#include <string.h>

#define SECTOR     0x1000u
#define MAPPED_TOP 0x100000u /* code runs in the first MiB only */
#define IROM_START 0x1010u   /* file offset of the first mapped byte */

#define SIZE_512K 0x80000u
#define SIZE_1M   0x100000u
#define SIZE_2M   0x200000u
#define SIZE_4M   0x400000u
#define SIZE_8M   0x800000u
#define SIZE_16M  0x1000000u

#define IROM_END(fs_start)                                                    \
    ((fs_start) < MAPPED_TOP ? (uint32_t)(fs_start) : MAPPED_TOP)

#define MAP(name, size, fs_start, fs_end, block)                              \
    {                                                                         \
        (name), (size), (fs_start), (fs_end), (block),                        \
            IROM_END(fs_start) - IROM_START, (size)-0x5000u, (size)-0x4000u,  \
            (size)-0x3000u                                                    \
    }

/* Within one flash size the file systems grow.  8M0 and 16M0 exist only as
 * the automatic map's profile without a file system. */
static const struct otter_flash_map map_table[] = {
    MAP("512K0", SIZE_512K, 0x7B000, 0x7B000, 0),
    MAP("512K32", SIZE_512K, 0x73000, 0x7B000, 0x1000),
    MAP("512K64", SIZE_512K, 0x6B000, 0x7B000, 0x1000),
    MAP("512K128", SIZE_512K, 0x5B000, 0x7B000, 0x1000),
    MAP("1M0", SIZE_1M, 0xFB000, 0xFB000, 0),
    MAP("1M64", SIZE_1M, 0xEB000, 0xFB000, 0x1000),
    MAP("1M128", SIZE_1M, 0xDB000, 0xFB000, 0x1000),
    MAP("1M144", SIZE_1M, 0xD7000, 0xFB000, 0x1000),
    MAP("1M160", SIZE_1M, 0xD3000, 0xFB000, 0x1000),
    MAP("1M192", SIZE_1M, 0xCB000, 0xFB000, 0x1000),
    MAP("1M256", SIZE_1M, 0xBB000, 0xFB000, 0x1000),
    MAP("1M512", SIZE_1M, 0x7B000, 0xFB000, 0x2000),
    MAP("2M0", SIZE_2M, 0x1FB000, 0x1FB000, 0),
    MAP("2M64", SIZE_2M, 0x1F0000, 0x1FB000, 0x1000),
    MAP("2M128", SIZE_2M, 0x1E0000, 0x1FB000, 0x1000),
    MAP("2M256", SIZE_2M, 0x1C0000, 0x1FB000, 0x1000),
    MAP("2M512", SIZE_2M, 0x180000, 0x1FA000, 0x2000),
    MAP("2M1M", SIZE_2M, 0x100000, 0x1FA000, 0x2000),
    MAP("4M0", SIZE_4M, 0x3FB000, 0x3FB000, 0),
    MAP("4M1M", SIZE_4M, 0x300000, 0x3FA000, 0x2000),
    MAP("4M2M", SIZE_4M, 0x200000, 0x3FA000, 0x2000),
    MAP("4M3M", SIZE_4M, 0x100000, 0x3FA000, 0x2000),
    MAP("8M0", SIZE_8M, 0x7FB000, 0x7FB000, 0),
    MAP("8M6M", SIZE_8M, 0x200000, 0x7FA000, 0x2000),
    MAP("8M7M", SIZE_8M, 0x100000, 0x7FA000, 0x2000),
    MAP("16M0", SIZE_16M, 0xFFB000, 0xFFB000, 0),
    MAP("16M14M", SIZE_16M, 0x200000, 0xFFA000, 0x2000),
    MAP("16M15M", SIZE_16M, 0x100000, 0xFFA000, 0x2000),
};

#define MAP_COUNT (sizeof map_table / sizeof map_table[0])

/* Which map each profile means, by flash size (protocol 2.8). */
static const struct {
    uint32_t flash_size;
    const char *name[3]; /* by enum otter_flash_profile */
} auto_table[] = {
    {SIZE_512K, {"512K32", "512K128", "512K0"}},
    {SIZE_1M, {"1M64", "1M512", "1M0"}},
    {SIZE_2M, {"2M256", "2M1M", "2M0"}},
    {SIZE_4M, {"4M2M", "4M3M", "4M0"}},
    {SIZE_8M, {"8M6M", "8M7M", "8M0"}},
    {SIZE_16M, {"16M14M", "16M15M", "16M0"}},
};

/* Sizes by header nibble; 0 where the nibble means nothing. */
static const uint32_t nibble_sizes[16] = {
    [0] = SIZE_512K, [1] = 0x40000, [2] = SIZE_1M,  [3] = SIZE_2M,
    [4] = SIZE_4M,   [8] = SIZE_8M, [9] = SIZE_16M,
};

const struct otter_flash_map *otter_flash_map_find(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < MAP_COUNT; i++) {
        const char *have = map_table[i].name;
        size_t have_len = strlen(have);

        if (have_len == len && memcmp(have, name, len) == 0) {
            return &map_table[i];
        }
        if (map_table[i].fs_block == 0 && have_len == len + 1 &&
            memcmp(have, name, len) == 0) {
            return &map_table[i];
        }
    }
    return NULL;
}

const struct otter_flash_map *otter_flash_map_at(uint32_t index)
{
    return index < MAP_COUNT ? &map_table[index] : NULL;
}

const struct otter_flash_map *otter_flash_map_auto(
    enum otter_flash_profile profile, uint32_t flash_size)
{
    if ((uint32_t)profile > OTTER_FLASH_NO_FS) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof auto_table / sizeof auto_table[0]; i++) {
        if (auto_table[i].flash_size == flash_size) {
            return otter_flash_map_find(auto_table[i].name[profile]);
        }
    }
    return NULL;
}

uint32_t otter_flash_map_size_from_nibble(uint32_t nibble)
{
    return nibble < 16 ? nibble_sizes[nibble] : 0;
}

int otter_flash_map_nibble_from_size(uint32_t size)
{
    for (int i = 0; i < 16; i++) {
        if (size != 0 && nibble_sizes[i] == size) {
            return i;
        }
    }
    return OTTER_ERR_INVALID;
}

uint32_t otter_flash_map_sectors(uint32_t size)
{
    if (size > UINT32_MAX - (SECTOR - 1)) {
        return UINT32_MAX & ~(SECTOR - 1);
    }
    return (size + SECTOR - 1) & ~(SECTOR - 1);
}

int otter_flash_map_stage_sketch(const struct otter_flash_map *map,
                                 uint32_t running_size, uint32_t size,
                                 uint32_t *addr)
{
    uint32_t need = otter_flash_map_sectors(size);

    if (need > otter_flash_map_free_space(map, running_size)) {
        return OTTER_ERR_SPACE;
    }
    *addr = map->fs_start - need;
    return 0;
}

int otter_flash_map_stage_fs(const struct otter_flash_map *map, uint32_t size,
                             uint32_t *addr)
{
    if (otter_flash_map_sectors(size) > map->fs_end - map->fs_start) {
        return OTTER_ERR_SPACE;
    }
    *addr = map->fs_start;
    return 0;
}

uint32_t otter_flash_map_free_space(const struct otter_flash_map *map,
                                    uint32_t running_size)
{
    uint32_t used = otter_flash_map_sectors(running_size);

    return used < map->fs_start ? map->fs_start - used : 0;
}
