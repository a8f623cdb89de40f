/* SPDX-License-Identifier: Apache-2.0
 *
 * A sketch for the LX106 that does one thing which a chip does not forgive,
 * named by the setting `do`: the controls of the tests that watch for them. */
#include "format/compiler.h"
#include "hal/board.h"
#include "hal/sketch.h"

#include <stdint.h>
#include <string.h>

#define SAY(text) say("rogue: " text "\n")

void Cache_Read_Enable(uint32_t odd, uint32_t mib, uint32_t unused);
void Cache_Read_Disable(void);

extern volatile uint32_t otter__lx106_stack[]; /* sketch.ld */
static volatile uint32_t sink;

static void say(const char *text)
{
    while (*text != '\0') {
        otter_board_putc(*text++);
    }
}

/* The instruction bus takes whole words only. */
static void do_narrow(void)
{
    sink = *(volatile uint8_t *)0x40100001u;
}

/* One call too deep. */
static void do_overflow(void)
{
    otter__lx106_stack[0] = 0;
}

__attribute__((noinline)) static uint32_t in_flash(uint32_t x)
{
    return x * x + 1;
}

/* Code in the flash window while the cache is off. */
__attribute__((noinline, section(".iram.text"))) static void do_window(void)
{
    Cache_Read_Disable();
    sink = in_flash(sink);
    Cache_Read_Enable(0, 0, 1);
}

static void do_rom_call(void)
{
    ((void (*)(void))0x40001000u)();
}

static const struct {
    const char *name;
    void (*run)(void);
} acts[] = {
    {"narrow", do_narrow},
    {"overflow", do_overflow},
    {"window", do_window},
    {"rom", do_rom_call},
};

void otter_sketch_setup(void)
{
    char name[16];

    SAY("ready");
    if (otter_board_setting("do", name, sizeof name) < 0) {
        return;
    }
    for (uint32_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        if (strlen(name) == strlen(acts[i].name) &&
            memcmp(name, acts[i].name, strlen(name)) == 0) {
            acts[i].run();
        }
    }
    SAY("survived");
}

void otter_sketch_loop(void) {}
