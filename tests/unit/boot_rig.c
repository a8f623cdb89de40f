/* SPDX-License-Identifier: Apache-2.0
 *
 * The board that the boot loader's tests stand on. */
#include "tests/unit/boot_rig.h"

#include "format/crc32.h"
#include "format/error.h"
#include "format/loader_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

struct otter_boot boot;
struct otter_boot_log app;
uint8_t file_old[OLD_SIZE];
uint8_t file_new[NEW_SIZE];
uint8_t packed[NEW_SIZE + 1000];
static uint8_t before[FLASH];
uint32_t started;

uint8_t *flash(uint32_t addr)
{
    return otter_sim_board.nor.bytes + addr;
}

static int on_load(uint32_t vma, uint32_t addr, uint32_t len)
{
    (void)vma;
    (void)addr;
    (void)len;
    return 0;
}

static int on_start(uint32_t entry)
{
    started = entry;
    return OTTER_ERR_IMAGE;
}

void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

/* A boot sector with a configuration, an app of one segment. */
static void make_file(uint8_t *file, uint32_t size, uint32_t seed)
{
    struct otter_loader_config config = {OTTER_LOADER_VERSION, LOG};

    for (uint32_t i = 0; i < size; i++) {
        seed = seed * 1664525u + 1013904223u;
        file[i] = (uint8_t)((seed >> 24) & (seed >> 16));
    }
    memset(file, 0, SECTOR);
    file[0] = 0xe9;
    otter_loader_config_encode(&config, file + OTTER_LOADER_CONFIG_ADDR);
    memcpy(file + SECTOR, "\xe9\x01\x02\x40", 4);
    put32(file + SECTOR + 4, ENTRY);
    put32(file + SECTOR + 8, 0x40201010);
    put32(file + SECTOR + 12, (size - SECTOR - 16 - 16) & ~15u);
}

void put_flash(uint32_t addr, const uint8_t *data, uint32_t len)
{
    memset(flash(addr), 0xff, (len + SECTOR - 1) & ~(SECTOR - 1));
    memcpy(flash(addr), data, len);
}

uint32_t crc(const void *data, uint32_t len)
{
    return otter_crc32(OTTER_CRC32_INIT, data, len);
}

struct otter_boot_image image(uint32_t addr, const uint8_t *file,
                              uint32_t size)
{
    struct otter_boot_image i = {0};

    i.addr = addr;
    i.stored_size = size;
    i.stored_crc = crc(file, size);
    i.size = size;
    i.crc = crc(file + SECTOR, size - SECTOR);
    return i;
}

int set_up(void **state)
{
    (void)state;
    otter_sim_board_open(FLASH);
    otter_sim_board.load = on_load;
    otter_sim_board.start = on_start;
    started = 0;
    make_file(file_old, OLD_SIZE, 1);
    make_file(file_new, NEW_SIZE, 2);
    put_flash(0, file_old, OLD_SIZE);
    put_flash(SLOT_A, file_old, OLD_SIZE);
    put_flash(SLOT_B, file_new, NEW_SIZE);
    memset(flash(FS), 0x77, FLASH - FS);
    memset(&boot, 0xa5, sizeof boot);
    return 0;
}

int tear_down(void **state)
{
    (void)state;
    otter_sim_board_close();
    return 0;
}

void scan(void)
{
    otter_boot_log_begin(&app);
    for (uint32_t i = 0; i < 32; i++) {
        memcpy(&app.slot, flash(LOG + i * OTTER_BOOT_SLOT_SIZE),
               sizeof app.slot);
        otter_boot_log_look(&app, i);
    }
    otter_boot_log_judge(&app);
}

void append(void)
{
    uint32_t slot = otter_boot_log_next(&app);

    if (slot % OTTER_BOOT_SLOTS == 0) {
        memset(flash(LOG + slot * OTTER_BOOT_SLOT_SIZE), 0xff, SECTOR);
    }
    memcpy(flash(LOG + slot * OTTER_BOOT_SLOT_SIZE), &app.record,
           sizeof app.record);
    app.slot = app.record;
    assert_true(otter_boot_log_written(&app));
}

void ask(uint32_t flags)
{
    scan();
    app.record.state = OTTER_BOOT_COPY;
    app.record.flags = flags;
    app.record.tries = 0;
    app.record.target = image(SLOT_B, file_new, NEW_SIZE);
    app.record.fallback = image(SLOT_A, file_old, OLD_SIZE);
    append();
}

const struct otter_boot_record *start(void)
{
    memcpy(before, flash(0), FLASH);
    started = 0;
    assert_int_equal(otter_boot_run(&boot), OTTER_ERR_IMAGE);
    assert_int_equal(started, ENTRY);
    assert_memory_equal(flash(0), before, SECTOR);
    assert_memory_equal(flash(FS), before + FS, FLASH - FS);
    assert_int_equal(otter_sim_board.counters.violations, 0);
    scan();
    return &app.record;
}

void check_installed(const uint8_t *file, uint32_t size)
{
    assert_memory_equal(flash(SECTOR), file + SECTOR, size - SECTOR);
}

uint32_t pack(void)
{
    z_stream z = {0};

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, 0), Z_OK);
    z.next_in = file_new;
    z.avail_in = NEW_SIZE;
    z.next_out = packed;
    z.avail_out = sizeof packed;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return (uint32_t)z.total_out;
}
