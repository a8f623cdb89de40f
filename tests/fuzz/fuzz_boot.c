/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the boot loader with what it finds: any log, any bytes where programs
 * run from and are stored, as they are or as gzip, any command in RTC memory.
 * Whatever it is, the loader comes to a decision, keeps the flash's rules, and
 * writes nothing outside of what it may: not its own sector, not from the file
 * system on.
 *
 * Input: a byte of switches; with RTC the four words of a command that count;
 * then pieces to lie in flash: a byte below 32 is a slot
 * of the log and 124 bytes of record follow; DATA: a page's number and a
 * length, 16 bits each, and bytes; FILL: the same with one byte.  SEAL gives
 * records their CRC, TRUE makes what they say of the stored images true. */
#include "boot/boot.h"

#include "format/bytes.h"
#include "format/crc32.h"
#include "format/loader_config.h"
#include "format/rtc_command.h"
#include "tests/support/sim_board.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FLASH     0x24000u
#define FS        0x20000u
#define LOG       (FS - 0x2000)
#define RECORD    124u /* bytes in front of the CRC */
#define COMMAND   16u  /* action and what it copies */
#define READS_MAX 100000u
#define STARTS    3u

enum { NO_LOG = 1, RTC = 2, SLEEP = 4, SEAL = 8, TRUE = 16 };
enum { SLOTS = 32, DATA = 0xfe, FILL = 0xfd };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *next;
    size_t left;
};

static struct otter_boot boot;
static uint8_t before[FLASH];
static uint32_t started;

static void expect(int condition)
{
    if (!condition) {
        abort();
    }
}

/* Bytes of the input, or NULL: there are fewer. */
static const uint8_t *get(struct input *in, size_t len)
{
    const uint8_t *bytes = in->next;

    if (in->left < len) {
        in->left = 0;
        return NULL;
    }
    in->next += len;
    in->left -= len;
    return bytes;
}

/* --- The board ----------------------------------------------------------- */

/* The chip refuses what is not its own; the rest is for RAM. */
static int load(uint32_t vma, uint32_t addr, uint32_t len)
{
    (void)vma;
    return addr < FLASH && len < FLASH - addr ? 0 : OTTER_ERR_FLASH_RANGE;
}

static int start(uint32_t entry)
{
    (void)entry;
    started++;
    return OTTER_ERR_IMAGE;
}

static void open_board(uint32_t switches)
{
    struct otter_loader_config config = {
        OTTER_LOADER_VERSION,
        (switches & NO_LOG) != 0 ? OTTER_LOADER_NO_LOG : LOG};
    uint8_t *bytes;

    otter_sim_board_open(FLASH);
    otter_sim_board.nor.complaint = NULL;
    otter_sim_board.load = load;
    otter_sim_board.start = start;
    bytes = otter_sim_board.nor.bytes;
    for (uint32_t i = 0; i < FLASH; i += 7) {
        bytes[i] = i < 4096 || i >= FS ? (uint8_t)i : 0xff;
    }
    otter_loader_config_encode(&config, bytes + OTTER_LOADER_CONFIG_ADDR);
    memcpy(bytes + 4096, "\xe9\x01\0\0\0\0\x10\x40\0\0\x10\x40\x10\0\0\0", 16);
}

/* --- What lies in flash -------------------------------------------------- */

static bool put_piece(struct input *in, uint32_t what)
{
    const uint8_t *head = get(in, 4);
    const uint8_t *bytes;
    uint32_t addr, len;

    if (head == NULL) {
        return false;
    }
    addr = 4096 + otter_load_le16(head) * 256u % (FS - 4096);
    len = otter_load_le16(head + 2) % (FS - addr);
    bytes = get(in, what == DATA ? len : 1);
    if (bytes != NULL && what == DATA) {
        memcpy(otter_sim_board.nor.bytes + addr, bytes, len);
    } else if (bytes != NULL) {
        memset(otter_sim_board.nor.bytes + addr, bytes[0], len);
    }
    return bytes != NULL;
}

static void put_flash(struct input *in)
{
    const uint8_t *what;

    while ((what = get(in, 1)) != NULL) {
        if (*what >= SLOTS) {
            if (!put_piece(in, *what)) {
                return;
            }
        } else {
            const uint8_t *bytes = get(in, RECORD);

            if (bytes == NULL) {
                return;
            }
            memcpy(otter_sim_board.nor.bytes + LOG + *what * 256u, bytes,
                   RECORD);
        }
    }
}

static void make_true(struct otter_boot_image *image)
{
    const uint8_t *bytes = otter_sim_board.nor.bytes;

    if (image->addr < LOG && image->stored_size <= LOG - image->addr) {
        image->stored_crc = otter_crc32(OTTER_CRC32_INIT, bytes + image->addr,
                                        image->stored_size);
        if (image->packed == 0 && image->stored_size > 4096) {
            image->size = image->stored_size;
            image->crc =
                otter_crc32(OTTER_CRC32_INIT, bytes + image->addr + 4096,
                            image->size - 4096);
        }
    }
}

static void seal(uint32_t switches)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        uint8_t *slot = otter_sim_board.nor.bytes + LOG + i * 256;
        struct otter_boot_record r;

        memcpy(&r, slot, sizeof r);
        if (r.magic == UINT32_MAX) {
            continue;
        }
        /* Writing its own sector is the loader's right when it is asked. */
        r.flags &= ~OTTER_BOOT_LOADER;
        if ((switches & TRUE) != 0) {
            make_true(&r.target);
            make_true(&r.fallback);
        }
        if ((switches & SEAL) != 0) {
            r.magic = OTTER_BOOT_RECORD_MAGIC;
        }
        r.crc = otter_crc32(OTTER_CRC32_INIT, &r, RECORD);
        memcpy(slot, &r, sizeof r);
    }
}

static void put_command(struct input *in)
{
    const uint8_t *words = get(in, COMMAND);

    if (words != NULL) {
        otter_sim_board.rtc[0] = OTTER_RTC_COMMAND_MAGIC;
        memcpy(otter_sim_board.rtc + 1, words, COMMAND);
        otter_sim_board.rtc[OTTER_RTC_COMMAND_WORDS - 1] =
            otter_crc32(OTTER_CRC32_INIT, otter_sim_board.rtc,
                        4 * (OTTER_RTC_COMMAND_WORDS - 1));
    }
}

/* --- One start ----------------------------------------------------------- */

static void run(void)
{
    const uint8_t *now = otter_sim_board.nor.bytes;
    int result;

    started = 0;
    otter_sim_board.reads = 0;
    memset(&boot, 0xa5, sizeof boot);
    result = otter_boot_run(&boot);
    expect(result == OTTER_ERR_IMAGE
               ? started == 1
               : started == 0 && result > 0 && result <= OTTER_BOOT_HOLD);
    expect(otter_sim_board.reads < READS_MAX);
    expect(memcmp(before, now, 4096) == 0);
    expect(memcmp(before + FS, now + FS, FLASH - FS) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    const uint8_t *switches = get(&in, 1);

    if (switches == NULL) {
        return 0;
    }
    open_board(*switches);
    if ((*switches & RTC) != 0) {
        put_command(&in);
    }
    put_flash(&in);
    seal(*switches);
    memcpy(before, otter_sim_board.nor.bytes, FLASH);
    for (uint32_t i = 0; i < STARTS; i++) {
        otter_sim_board.reset_reason = (*switches & SLEEP) != 0
                                           ? OTTER_RESET_DEEP_SLEEP
                                           : OTTER_RESET_POWER;
        run();
    }
    otter_sim_board_close();
    return 0;
}
