/* SPDX-License-Identifier: Apache-2.0
 *
 * Driving an update in tests. */
#include "tests/support/test_update.h"

#include "boot/boot.h"
#include "boot/stock.h"
#include "format/flash_map.h"
#include "format/loader_config.h"
#include "format/rtc_command.h"
#include "tests/support/sim_board.h"
#include "tests/support/test_image.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct otter_test_rig otter_test_rig;

static struct otter_test_rig *const rig = &otter_test_rig;

static void install(const char *map_name, uint32_t size, uint32_t log)
{
    const struct otter_flash_map *map = otter_flash_map_find(map_name);
    int nibble = otter_flash_map_nibble_from_size(map->flash_size);
    struct otter_test_image image = {.size = size,
                                     .mode = 2,
                                     .nibble = (uint8_t)nibble,
                                     .seed = 1000,
                                     .log = log};
    uint8_t *file = otter_test_image_make(&image);

    assert(nibble >= 0);
    otter_test_rig_flash(file, size);
    free(file);
}

void otter_test_rig_flash(const uint8_t *file, uint32_t size)
{
    memset(otter_sim_board.nor.bytes, 0xff, (size + 4095) & ~4095u);
    memcpy(otter_sim_board.nor.bytes, file, size);
}

static void start_program(void)
{
    memset(&rig->updater, 0xa5, sizeof rig->updater);
    if (otter_updater_init(&rig->updater, &rig->config) != 0) {
        abort();
    }
    rig->stream = otter_updater_stream(&rig->updater);
    if (rig->config.trial != NULL) {
        memset(&rig->trial, 0xa5, sizeof rig->trial);
        (void)!otter_trial_open(&rig->trial);
    }
}

static void open_board(const char *map_name)
{
    const struct otter_flash_map *map = otter_flash_map_find(map_name);

    assert(map != NULL);
    memset(rig, 0, sizeof *rig);
    otter_sim_board_open(map->flash_size);
    otter_sim_board.map = map;
}

void otter_test_rig_open(const char *map_name, uint32_t running_size)
{
    open_board(map_name);
    install(map_name, running_size, 0);
    start_program();
}

void otter_test_rig_open_otter(const char *map_name, uint32_t running_size)
{
    open_board(map_name);
    install(map_name, running_size,
            otter_loader_log_addr(otter_sim_board.map->fs_start));
    rig->config.trial = &rig->trial;
    start_program();
}

void otter_test_rig_close(void)
{
    otter_sim_board_close();
}

static void measure(uint64_t since, uint64_t *longest)
{
    uint64_t took = otter_sim_board.counters.time_us - since;

    *longest = took > *longest ? took : *longest;
}

static int poll_once(void)
{
    uint64_t since = otter_sim_board.counters.time_us;
    int result = otter_stream_poll(rig->stream);

    measure(since, &rig->longest_poll_us);
    return result;
}

int otter_test_begin(uint32_t kind, uint32_t size)
{
    struct otter_stream_info info = {
        .kind = kind, .size = size, .most = rig->most};
    uint64_t since = otter_sim_board.counters.time_us;
    int result = otter_stream_begin(rig->stream, &info);

    measure(since, &rig->longest_write_us);
    return result;
}

int otter_test_feed(const uint8_t *data, uint32_t len, uint32_t piece)
{
    rig->taken = 0;
    while (rig->taken < len) {
        uint32_t left = len - rig->taken;
        uint64_t since = otter_sim_board.counters.time_us;
        int n = otter_stream_write(rig->stream, data + rig->taken,
                                   left < piece ? left : piece);

        measure(since, &rig->longest_write_us);
        if (n < 0) {
            return n;
        }
        rig->taken += (uint32_t)n;
        if (poll_once() == 0) {
            assert(n > 0); /* else it would go on for ever */
        }
    }
    return 0;
}

int otter_test_end(void)
{
    for (;;) {
        uint64_t since = otter_sim_board.counters.time_us;
        int result = otter_stream_end(rig->stream);

        measure(since, &rig->longest_poll_us);
        if (result != OTTER_ERR_PENDING) {
            return result;
        }
        (void)!poll_once();
    }
}

int otter_test_update(uint32_t kind, uint32_t size, const uint8_t *data,
                      uint32_t len)
{
    int error = otter_test_begin(kind, size);

    if (error == 0) {
        (void)otter_test_feed(data, len, 1460);
        error = otter_test_end();
    }
    return error;
}

int otter_test_expect(enum otter_digest_kind kind, const uint8_t *data,
                      uint32_t len)
{
    struct otter_digest digest = {.kind = kind};

    if (kind == OTTER_DIGEST_MD5) {
        br_md5_context context;

        br_md5_init(&context);
        br_md5_update(&context, data, len);
        br_md5_out(&context, digest.bytes);
    } else {
        br_sha256_context context;

        br_sha256_init(&context);
        br_sha256_update(&context, data, len);
        br_sha256_out(&context, digest.bytes);
    }
    return otter_stream_expect(rig->stream, &digest);
}

bool otter_test_order(uint32_t *source, uint32_t *size)
{
    struct otter_rtc_command command;

    *source = 0;
    *size = 0;
    if (otter_rtc_command_decode(otter_sim_board.rtc, &command) != 0 ||
        command.action != OTTER_RTC_COPY_RAW ||
        command.args[OTTER_RTC_ARG_DESTINATION] != 0) {
        return false;
    }
    *source = command.args[OTTER_RTC_ARG_SOURCE];
    *size = command.args[OTTER_RTC_ARG_SIZE];
    return true;
}

bool otter_test_take_order(void)
{
    uint32_t source, size;
    bool there = otter_test_order(&source, &size);

    otter_rtc_command_clear(otter_sim_board.rtc);
    return there;
}

void otter_test_order_copy(uint32_t source, uint32_t size)
{
    struct otter_rtc_command command;

    otter_rtc_command_set_copy(&command, source, 0, size);
    otter_rtc_command_encode(&command, otter_sim_board.rtc);
}

static int load_nothing(uint32_t vma, uint32_t addr, uint32_t len)
{
    (void)vma;
    (void)addr;
    (void)len;
    return 0;
}

static int start_nothing(uint32_t entry)
{
    (void)entry;
    return OTTER_ERR_IMAGE;
}

static bool is_otter(void)
{
    struct otter_loader_config config;

    return otter_loader_config_decode(otter_sim_board.nor.bytes +
                                          OTTER_LOADER_CONFIG_ADDR,
                                      &config) == 0;
}

static int run_loader(void)
{
    static struct otter_boot boot;
    static struct otter_boot_stock stock;

    otter_sim_board.load = load_nothing;
    otter_sim_board.start = start_nothing;
    memset(&boot, 0xa5, sizeof boot);
    return is_otter() ? otter_boot_run(&boot) : otter_boot_stock_run(&stock);
}

bool otter_test_restart(void)
{
    bool started = run_loader() == OTTER_ERR_IMAGE;

    start_program();
    return started;
}

void otter_test_idle(void)
{
    while (poll_once() != 0) {
    }
}

void otter_test_run_stock_loader(void)
{
    static struct otter_boot_stock stock;

    otter_sim_board.load = load_nothing;
    otter_sim_board.start = start_nothing;
    if (otter_boot_stock_run(&stock) != OTTER_ERR_IMAGE) {
        abort();
    }
}
