/* SPDX-License-Identifier: Apache-2.0
 *
 * The program that a sketch becomes on the virtual board: finds the board it
 * runs on, then calls the sketch for ever.  Between calls it waits for the
 * network, briefly while there is work and a little longer while there is
 * none. */
#include "format/error.h"
#include "hal/board.h"
#include "hal/clock.h"
#include "hal/sketch.h"
#include "ports/posix/machine.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

#define BUSY_WAIT_MS 1
#define IDLE_WAIT_MS 5
#define BUSY_FOR_MS  100 /* after the last use of flash or network */

static int not_here(int error)
{
    if (error == OTTER_ERR_BOARD) {
        puts("board: not runnable on this board: the sketch was built for "
             "another version of it");
        fflush(stdout);
        return OTTER_MACHINE_EXIT_HALT;
    }
    fputs("This program is a sketch. It starts from the flash of a board: "
          "see otter-device --help.\n",
          stderr);
    return 2;
}

static int pause_ms(void)
{
    static uint32_t busy_ms;
    static bool ever;
    bool net = otter__net_take_activity();
    bool flash = otter__flash_take_activity();

    if (net || flash) {
        busy_ms = otter_clock_ms();
        ever = true;
    }
    return ever && otter_clock_since(busy_ms) < BUSY_FOR_MS ? BUSY_WAIT_MS
                                                            : IDLE_WAIT_MS;
}

int main(void)
{
    int error = otter__machine_attach();

    if (error != 0) {
        return not_here(error);
    }
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_NAME, "sketch");
    otter_sketch_setup();
    for (;;) {
        otter_board_watchdog_feed();
        otter_sketch_loop();
        otter__console_flush();
        otter__net_wait(pause_ms());
    }
}
