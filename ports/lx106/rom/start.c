/* SPDX-License-Identifier: Apache-2.0
 *
 * Power-on and reset as the chip's ROM does them: find out why, load the
 * image in flash sector 0 and call it.  It also fills the board page and
 * reports crashes.  What it never does is look at anything behind sector 0:
 * that is the boot loader's work. */
#include "ports/lx106/rom/rom.h"

#include "hal/board.h"
#include "hal/flash.h"
#include "ports/lx106/machine.h"
#include "ports/lx106/page.h"

#include <string.h>

#define IMAGE_MAGIC        0xe9u
#define IMAGE_CHECKSUM     0xefu
#define IMAGE_MAX_SEGMENTS 16u

#define RTC_MEMORY 0x60001200u
#define RTC_SIZE   0x200u

/* Where the vendor's SDK notes that it sends the chip to sleep. */
#define SDK_NOTE  OTTER_LX106_REGISTER(0x60001100u)
#define SDK_SLEEP 5u

struct otter_rom_state otter__rom;
uint32_t otter__rom_registers[16];

OTTER_NORETURN void otter__rom_exit(int status)
{
    otter__lx106_host(OTTER_LX106_EXIT, (uint32_t)status, 0, 0);
    for (;;) {
    }
}

OTTER_NORETURN void otter__rom_restart(uint32_t reason)
{
    OTTER_LX106_PAGE.next_reason = reason;
    OTTER_LX106_RESET = OTTER_LX106_RESET_VALUE;
    for (;;) {
    }
}

OTTER_NORETURN void otter__rom_software_reset(void)
{
    otter__rom_restart(OTTER_RESET_SOFTWARE);
}

/* As the chip's register says it: a wake from deep sleep is an external reset,
 * and the SDK's own note in RTC memory tells it from the reset pin. */
uint32_t otter__rom_reason(void)
{
    switch (OTTER_LX106_PAGE.reset_reason) {
    case OTTER_RESET_POWER:
        return 1;
    case OTTER_RESET_PIN:
    case OTTER_RESET_DEEP_SLEEP:
        return 2;
    case OTTER_RESET_WATCHDOG:
        return 4;
    default:
        return 3;
    }
}

int otter__rom_nothing(void)
{
    return 0;
}

void otter__rom_delay(uint32_t us)
{
    uint32_t start = otter__lx106_cycles();

    while (otter__lx106_cycles() - start <
           us * (OTTER_LX106_CYCLES_PER_MS / 1000)) {
    }
}

/* A crash restarts the board, after a while so that a crash at every start
 * does not flood the console. */
OTTER_NORETURN void otter__rom_crash(uint32_t cause, uint32_t pc,
                                     uint32_t address)
{
    otter__rom_printf("\nrom: exception %u at %08x, address %08x", cause, pc,
                      address);
    if (cause == 0 && pc >= 0x40000000u && pc < 0x40010000u) {
        otter__rom_printf(" (a ROM call that is not offered)");
    }
    for (uint32_t i = 0; i < 16; i++) {
        otter__rom_printf("%sa%u=%08x", i % 4 == 0 ? "\n  " : " ", i,
                          otter__rom_registers[i]);
    }
    otter__rom_printf("\n");
    otter__rom_delay(100000);
    otter__rom_restart(OTTER_RESET_EXCEPTION);
}

/* --- Power-on ------------------------------------------------------------ */

static OTTER_NORETURN void bad_argument(const char *argument)
{
    otter__rom_printf("rom: cannot use argument %s\n", argument);
    otter__rom_exit(OTTER_ROM_EXIT_ARGUMENT);
}

/* What follows `key=` in `argument`, or NULL. */
static const char *value_of(const char *argument, const char *key)
{
    uint32_t len = (uint32_t)strlen(key);

    if (memcmp(argument, key, len) != 0 || argument[len] != '=') {
        return NULL;
    }
    return argument + len + 1;
}

static int32_t open_host(const char *path, uint32_t flags)
{
    return otter__lx106_host(OTTER_LX106_OPEN, (uint32_t)path, flags, 0);
}

static void close_host(int32_t *file)
{
    if (*file >= 0) {
        (void)otter__lx106_host(OTTER_LX106_CLOSE, (uint32_t)*file, 0, 0);
    }
    *file = OTTER_LX106_NO_FILE;
}

static uint32_t to_number(const char *text)
{
    uint32_t value = 0;

    while (*text >= '0' && *text <= '9') {
        value = value * 10 + (uint32_t)(*text++ - '0');
    }
    return value;
}

static void open_flash(const char *path)
{
    int32_t file = open_host(path, OTTER_LX106_O_RDWR);
    int32_t size;

    if (file < 0) {
        bad_argument(path);
    }
    size = otter__lx106_host(OTTER_LX106_SEEK, (uint32_t)file, 0, 2);
    if (size < 0x10000 || (size & (size - 1)) != 0) {
        bad_argument(path);
    }
    /* A common maker and type, then the exponent of the size. */
    OTTER_LX106_PAGE.flash_id =
        0x0040efu | (31u - (uint32_t)__builtin_clz((unsigned)size)) << 16;
    otter__rom.flash_file = file;
    otter__rom.flash_size = (uint32_t)size;
}

static void read_settings(const char *path)
{
    struct otter_lx106_page *page = &OTTER_LX106_PAGE;
    int32_t file = open_host(path, OTTER_LX106_O_RDONLY);
    int32_t n = -1;

    if (file >= 0) {
        n = otter__lx106_host(OTTER_LX106_READ, (uint32_t)file,
                              (uint32_t)page->settings, sizeof page->settings);
    }
    if (n < 0 || n == (int32_t)sizeof page->settings) {
        bad_argument(path);
    }
    page->settings_len = (uint32_t)n;
    close_host(&file);
}

/* For tests that begin at a restart: what the RTC memory held then. */
static int32_t rtc_file;

static void take_argument(const char *argument);

/* Arguments from a file, one on each line: other ones at each power-on. */
static void take_more(const char *path)
{
    static char text[256];
    int32_t file = open_host(path, OTTER_LX106_O_RDONLY);
    int32_t len = -1;
    char *line = text;

    if (file >= 0) {
        len = otter__lx106_host(OTTER_LX106_READ, (uint32_t)file,
                                (uint32_t)text, sizeof text);
    }
    if (len < 0 || len == (int32_t)sizeof text) {
        bad_argument(path);
    }
    close_host(&file);
    for (int32_t i = 0; i < len; i++) {
        if (text[i] == '\n') {
            text[i] = '\0';
            take_argument(line);
            line = &text[i + 1];
        }
    }
}

static void take_argument(const char *argument)
{
    struct otter_lx106_page *page = &OTTER_LX106_PAGE;
    const char *value;

    if ((value = value_of(argument, "flash")) != NULL) {
        open_flash(value);
    } else if ((value = value_of(argument, "settings")) != NULL) {
        read_settings(value);
    } else if ((value = value_of(argument, "cause")) != NULL) {
        page->cause_file = open_host(value, OTTER_LX106_O_RDONLY);
    } else if ((value = value_of(argument, "events")) != NULL) {
        page->event_file = open_host(value, OTTER_LX106_O_WRONLY);
    } else if ((value = value_of(argument, "erase_us")) != NULL) {
        otter__rom.erase_us = to_number(value);
    } else if ((value = value_of(argument, "page_us")) != NULL) {
        otter__rom.page_us = to_number(value);
    } else if ((value = value_of(argument, "random")) != NULL) {
        page->random_file = open_host(value, OTTER_LX106_O_RDONLY);
    } else if ((value = value_of(argument, "rtc")) != NULL) {
        rtc_file = open_host(value, OTTER_LX106_O_RDONLY);
        if (rtc_file < 0) {
            bad_argument(value);
        }
    } else if ((value = value_of(argument, "cache")) != NULL) {
        otter__rom.strict = *value == 's';
    } else if ((value = value_of(argument, "cut")) != NULL) {
        otter__rom.cut = to_number(value);
    } else if ((value = value_of(argument, "tear")) != NULL) {
        otter__rom.tear = to_number(value) % OTTER_ROM_TEARS;
    } else if ((value = value_of(argument, "more")) != NULL) {
        take_more(value);
    } else {
        bad_argument(argument);
    }
}

/* After power came up, RAM and RTC memory hold anything. */
static void fill_with_garbage(void)
{
    uint32_t file = (uint32_t)OTTER_LX106_PAGE.random_file;

    (void)otter__lx106_host(OTTER_LX106_READ, file, RTC_MEMORY, RTC_SIZE);
    (void)otter__lx106_host(OTTER_LX106_READ, file, 0x3ffe8000u, 0x16000);
    (void)otter__lx106_host(OTTER_LX106_READ, file, 0x40100000u, 0x10000);
}

/* Nothing is left of the time before, if there was one. */
static void forget(struct otter_lx106_page *page)
{
    if (page->magic == OTTER_LX106_PAGE_MAGIC) {
        close_host(&otter__rom.flash_file);
        close_host(&page->random_file);
        close_host(&page->event_file);
        close_host(&page->cause_file);
        close_host(&rtc_file);
    }
    memset(&otter__rom, 0, sizeof otter__rom);
    page->random_file = OTTER_LX106_NO_FILE;
    page->event_file = OTTER_LX106_NO_FILE;
    page->cause_file = OTTER_LX106_NO_FILE;
    rtc_file = OTTER_LX106_NO_FILE;
    page->next_reason = OTTER_RESET_POWER;
}

static void power_on(void)
{
    struct otter_lx106_page *page = &OTTER_LX106_PAGE;
    char *const *arguments = (char *const *)(void *)otter__rom.arguments;
    int32_t count = otter__lx106_host(OTTER_LX106_ARGC, 0, 0, 0);

    forget(page);
    if (otter__lx106_host(OTTER_LX106_ARGV_SIZE, 0, 0, 0) >
        (int32_t)sizeof otter__rom.arguments) {
        bad_argument("(too many)");
    }
    otter__lx106_host(OTTER_LX106_ARGV, (uint32_t)otter__rom.arguments, 0, 0);
    for (int32_t i = 1; i < count; i++) {
        take_argument(arguments[i]);
    }
    if (otter__rom.flash_size == 0) {
        bad_argument("flash");
    }
    if (page->random_file >= 0) {
        fill_with_garbage();
    }
    if (rtc_file >= 0) {
        (void)otter__lx106_host(OTTER_LX106_READ, (uint32_t)rtc_file,
                                RTC_MEMORY, RTC_SIZE);
        page->next_reason = OTTER_RESET_SOFTWARE;
    }
    page->magic = OTTER_LX106_PAGE_MAGIC;
}

/* --- Every start --------------------------------------------------------- */

/* A reset that the program did not ask for came from outside; the host says
 * which kind it was. */
static void find_reason(struct otter_lx106_page *page)
{
    page->reset_reason = page->next_reason;
    page->next_reason = OTTER_RESET_PIN;
    if (page->reset_reason != OTTER_RESET_PIN) {
        return;
    }
    if (otter__lx106_cause(OTTER_LX106_CAUSE_WATCHDOG)) {
        page->reset_reason = OTTER_RESET_WATCHDOG;
    } else if (otter__lx106_cause(OTTER_LX106_CAUSE_SLEEP)) {
        page->reset_reason = OTTER_RESET_DEEP_SLEEP;
    }
}

static uint32_t new_boot_id(const struct otter_lx106_page *page)
{
    uint32_t id = page->boot_id + 1;

    if (page->random_file >= 0) {
        (void)otter__lx106_host(OTTER_LX106_READ, (uint32_t)page->random_file,
                                (uint32_t)&id, sizeof id);
    }
    return id;
}

/* --- The image in sector 0 ----------------------------------------------- */

static uint32_t fold(uint32_t words)
{
    words ^= words >> 16;
    return (words ^ words >> 8) & 0xffu;
}

/* The checksum's words so far, over one segment that was just loaded. */
static uint32_t sum_segment(uint32_t sum, uint32_t vma, uint32_t len)
{
    for (uint32_t i = 0; i < len; i += 4) {
        sum ^= OTTER_LX106_REGISTER(vma + i);
    }
    return sum;
}

static bool load_segment(uint32_t *addr, uint32_t *sum)
{
    uint32_t head[2];

    if (otter__rom_read(*addr, head, sizeof head) != 0 ||
        head[1] > OTTER_FLASH_SECTOR || (head[1] & 3u) != 0 ||
        otter__rom_read(*addr + 8, (void *)head[0], head[1]) != 0) {
        return false;
    }
    *sum = sum_segment(*sum, head[0], head[1]);
    *addr += 8 + head[1];
    return true;
}

/* Loads the image at the start of flash; its entry, or 0. */
static uint32_t load_image(void)
{
    uint32_t head[2];
    uint32_t last;
    uint32_t addr = sizeof head;
    uint32_t sum = IMAGE_CHECKSUM;
    uint32_t segments;

    if (otter__rom_read(0, head, sizeof head) != 0 ||
        (head[0] & 0xffu) != IMAGE_MAGIC) {
        return 0;
    }
    segments = head[0] >> 8 & 0xffu;
    if (segments > IMAGE_MAX_SEGMENTS) {
        return 0;
    }
    while (segments-- > 0) {
        if (!load_segment(&addr, &sum)) {
            return 0;
        }
    }
    if (otter__rom_read(addr | 12u, &last, sizeof last) != 0 ||
        last >> 24 != fold(sum)) {
        return 0;
    }
    return head[1];
}

OTTER_NORETURN void otter__rom_wait(void)
{
    __asm__ volatile("wsr.intenable %0\n\trsync" ::"r"(0));
    for (;;) {
        __asm__ volatile("waiti 0");
    }
}

/* Whether power comes up, and not a reset alone. */
static bool power_was_off(const struct otter_lx106_page *page)
{
    return page->magic != OTTER_LX106_PAGE_MAGIC ||
           (page->next_reason == OTTER_RESET_PIN &&
            otter__lx106_cause(OTTER_LX106_CAUSE_POWER));
}

OTTER_NORETURN void otter__rom_start(void)
{
    struct otter_lx106_page *page = &OTTER_LX106_PAGE;
    uint32_t entry;

    if (power_was_off(page)) {
        power_on();
    }
    find_reason(page);
    SDK_NOTE = page->reset_reason == OTTER_RESET_DEEP_SLEEP ? SDK_SLEEP : 0;
    page->boot_id = new_boot_id(page);
    otter__lx106_tell(OTTER_LX106_EVENT_START, page->reset_reason);
    otter__rom.window_filled = false;
    otter__rom.window_len = 0;
    otter__rom_printf("\nrom: reset %u, boot %08x\n", page->reset_reason,
                      page->boot_id);
    if (otter__lx106_cause(OTTER_LX106_CAUSE_STRAP)) {
        /* The chip waits for a flasher there. */
        otter__rom_printf("rom: strapped for serial download, press reset\n");
        otter__rom_wait();
    }
    entry = load_image();
    if (entry == 0) {
        otter__rom_printf("rom: no image in sector 0\n");
        otter__rom_exit(OTTER_ROM_EXIT_NO_IMAGE);
    }
    ((void (*)(void))entry)();
    otter__rom_printf("rom: the boot loader returned\n");
    otter__rom_exit(OTTER_ROM_EXIT_NO_IMAGE);
}
