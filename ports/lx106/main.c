/* SPDX-License-Identifier: Apache-2.0
 *
 * The sketch's frame on bare metal: one loop that serves the network and the
 * sketch and sleeps between frames.  It guards the end of the stack: what has
 * run over it is a crash, not something to go on with. */
#include "hal/board.h"
#include "hal/sketch.h"
#include "ports/lx106/flash.h"
#include "ports/lx106/net.h"

#include <stdint.h>

#define WAIT_MS     5u
#define STACK_PAINT 0x57ac57acu /* as entry.S paints it */

extern const volatile uint32_t otter__lx106_stack[]; /* sketch.ld */

int main(void)
{
    otter_board_watchdog_feed(); /* tells that the loader is done */
    otter__lx106_net_start();
    otter_sketch_setup();
    for (;;) {
        bool busy = otter__lx106_net_poll();

        otter_sketch_loop();
        otter_board_watchdog_feed();
        if (otter__lx106_stack[0] != STACK_PAINT) {
            __builtin_trap();
        }
        busy |= otter__lx106_flash_used();
        if (!busy) {
            otter__lx106_net_wait(WAIT_MS);
        }
    }
}
