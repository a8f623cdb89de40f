/* SPDX-License-Identifier: Apache-2.0
 *
 * The CPU process from reset to the start of the sketch: the mask ROM's check
 * of sector 0, then the boot loader, which loads and starts the sketch.  It
 * dies with the hardware, however that ends. */
#include "ports/posix/hardware/hardware.h"

#include "hal/flash.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Sector 0 as the ROM sees it. */
static uint32_t sector0[OTTER_FLASH_SECTOR / 4];

/* Flash and shared block at their fixed descriptors, nothing else. */
static void wire(const struct otter_hw *hw)
{
    int flash = fcntl(hw->flash_fd, F_DUPFD, 64);
    int state = fcntl(hw->state_fd, F_DUPFD, 64);

    if (flash < 0 || state < 0 || dup2(flash, OTTER_MACHINE_FD_FLASH) < 0 ||
        dup2(state, OTTER_MACHINE_FD_STATE) < 0) {
        _exit(1);
    }
    close_range(OTTER_MACHINE_FD_STATE + 1, ~0u, 0);
}

static void cpu(const struct otter_hw *hw, pid_t parent)
{
    const char *fault;
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(0);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    wire(hw);
    if (otter_flash_read(0, sector0, sizeof sector0) != 0) {
        _exit(OTTER_MACHINE_EXIT_HALT);
    }
    fault = otter__hw_rom_check((const uint8_t *)sector0);
    if (fault != NULL) {
        otter__console_say("does not start: %s", fault);
    } else {
        otter__hw_loader((const uint8_t *)sector0);
    }
    otter__console_flush();
    _exit(OTTER_MACHINE_EXIT_HALT);
}

bool otter__hw_cpu_start(struct otter_hw *hw)
{
    pid_t parent = getpid();
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        cpu(hw, parent);
    }
    if (child < 0) {
        return false;
    }
    hw->cpu = child;
    return true;
}
