/* SPDX-License-Identifier: Apache-2.0
 *
 * Which boot loader runs: the board cannot execute the chip's code in sector
 * 0, so it runs the same loader's source, built for the host. */
#include "ports/posix/hardware/hardware.h"

#include "boot/stock.h"
#include "format/error.h"

void otter__hw_loader(const uint8_t *sector0)
{
    static struct otter_boot_stock stock;
    int result = otter_boot_stock_run(&stock);

    (void)sector0;
    if (result != OTTER_ERR_IMAGE) {
        otter_board_restart();
    }
}
