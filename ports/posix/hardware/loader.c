/* SPDX-License-Identifier: Apache-2.0
 *
 * Which boot loader runs: the board cannot execute the chip's code in sector
 * 0, so it runs the same loader's source, built for the host. */
#include "ports/posix/hardware/hardware.h"

#include "boot/boot.h"
#include "boot/stock.h"
#include "format/error.h"
#include "format/loader_config.h"

/* Otter's loader says who it is in its configuration; anything else behaves
 * as the core's. */
static bool is_otter(const uint8_t *sector0)
{
    struct otter_loader_config config;

    return otter_loader_config_decode(sector0 + OTTER_LOADER_CONFIG_ADDR,
                                      &config) == 0;
}

void otter__hw_loader(const uint8_t *sector0)
{
    static struct otter_boot_stock stock;
    static struct otter_boot boot;

    if (is_otter(sector0)) {
        /* Nothing to start: it waits for somebody with a cable. */
        (void)!otter_boot_run(&boot);
    } else if (otter_boot_stock_run(&stock) != OTTER_ERR_IMAGE) {
        otter_board_restart();
    }
}
