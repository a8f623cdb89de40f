/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes what boot loader and program make of each other: a log with any
 * content, a start by the real loader, the program's calls, an update with any
 * bytes, two more starts.  Whatever the input, all of it ends, nothing is
 * written to the loader's sector, to the file system or beyond the chip, and
 * the program keeps the flash's rules.
 *
 * Input: a byte of switches; records, each a byte with the slot, or 0xFF after
 * the last, and 124 bytes, which get a right CRC if the slot's byte says so;
 * the image. */
#include "device/updater/updater.h"

#include "format/boot_record.h"
#include "format/crc32.h"
#include "tests/support/sim_board.h"
#include "tests/support/test_update.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define RUNNING 0x5000u
#define FLASH   0x80000u
#define FS      0x73000u
#define LOG     (FS - 0x2000)
#define RECORD  124u /* bytes in front of the CRC */

enum { CONFIRM = 1, REVERT = 2, UNKNOWN = 4, FILE_SYSTEM = 8, IDLE = 16 };
enum { SLOT = 31, SEAL = 32, MARKS = 64, END = 0xff }; /* of a slot's byte */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t before[FLASH];

static void expect(int condition)
{
    if (!condition) {
        abort();
    }
}

static void put_record(uint8_t how, const uint8_t *bytes)
{
    struct otter_boot_record r;

    memcpy(&r, bytes, RECORD);
    memset(r.mark, (how & MARKS) != 0 ? 0x5a : 0xff, sizeof r.mark);
    /* Writing its own sector is the loader's right when it is asked. */
    r.flags &= ~OTTER_BOOT_LOADER;
    if ((how & SEAL) != 0) {
        r.magic = OTTER_BOOT_RECORD_MAGIC;
        r.crc = otter_crc32(OTTER_CRC32_INIT, &r, RECORD);
    }
    memcpy(otter_sim_board.nor.bytes + LOG + (how & SLOT) * sizeof r, &r,
           sizeof r);
}

/* Returns how many bytes of the input were the log. */
static size_t put_log(const uint8_t *data, size_t size)
{
    size_t at = 0;

    while (at < size && data[at] != END && size - at > RECORD) {
        put_record(data[at], data + at + 1);
        at += 1 + RECORD;
    }
    return at < size && data[at] == END ? at + 1 : at;
}

static void check_rest(bool file_system)
{
    const uint8_t *now = otter_sim_board.nor.bytes;
    uint32_t from = file_system ? 0x7b000 : FS;

    expect(memcmp(before, now, 4096) == 0);
    expect(memcmp(before + from, now + from, FLASH - from) == 0);
}

static void start(void)
{
    struct otter_trial_status status;

    memcpy(before, otter_sim_board.nor.bytes, FLASH);
    (void)otter_test_restart();
    check_rest(false);
    /* What a sealed record asks of the loader it tries: the flash refuses. */
    otter_sim_board.counters.violations = 0;
    otter_trial_status(&otter_test_rig.trial, &status);
    expect(status.loader_version == 1);
}

static void run_program(unsigned switches, const uint8_t *image, uint32_t len)
{
    uint32_t kind = (switches & FILE_SYSTEM) != 0 ? OTTER_UPDATE_FILE_SYSTEM
                                                  : OTTER_UPDATE_SKETCH;
    uint32_t announced = (switches & UNKNOWN) != 0 ? OTTER_SIZE_UNKNOWN : len;

    if ((switches & IDLE) != 0) {
        otter_test_idle();
    }
    if ((switches & CONFIRM) != 0) {
        (void)!otter_trial_confirm(&otter_test_rig.trial);
    }
    (void)!otter_test_update(kind, announced, image, len);
    if ((switches & REVERT) != 0) {
        (void)!otter_trial_revert(&otter_test_rig.trial);
    }
    check_rest((switches & FILE_SYSTEM) != 0);
    expect(otter_sim_board.counters.violations == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t log;

    if (size < 1 || size > 0x8000) {
        return 0;
    }
    otter_test_rig_open_otter("512K32", RUNNING);
    otter_sim_board.nor.complaint = NULL;
    log = put_log(data + 1, size - 1);
    start();
    run_program(data[0], data + 1 + log, (uint32_t)(size - 1 - log));
    start();
    run_program(data[0], data, 0);
    start();
    otter_test_rig_close();
    return 0;
}
