/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two files of the board lx106 share. */
#ifndef OTTER_PORTS_POSIX_HARDWARE_QEMU_H
#define OTTER_PORTS_POSIX_HARDWARE_QEMU_H

#include "ports/posix/hardware/hardware.h"

/* Descriptors of QEMU's process, each at its number. */
enum otter_hw_qemu_fd {
    OTTER_HW_QEMU_FD_MONITOR = 3,
    OTTER_HW_QEMU_FD_FLASH,
    OTTER_HW_QEMU_FD_SETTINGS,
    OTTER_HW_QEMU_FD_CAUSE,
    OTTER_HW_QEMU_FD_EVENTS,
    OTTER_HW_QEMU_FD_END
};

/* The process becomes QEMU; says why not on stdout and ends. */
OTTER_NORETURN void otter__hw_qemu_exec(const struct otter_hw *hw);

/* Writes the board's settings as the ROM stand-in wants them. */
bool otter__hw_qemu_settings(const struct otter_hw *hw, int fd);

#endif
