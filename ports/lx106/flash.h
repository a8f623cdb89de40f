/* SPDX-License-Identifier: Apache-2.0
 *
 * What main wants to know about the flash. */
#ifndef OTTER_PORTS_LX106_FLASH_H
#define OTTER_PORTS_LX106_FLASH_H

#include <stdbool.h>

/* True when the flash was used since the last call: there is work going on,
 * and the next step need not wait for a frame. */
bool otter__lx106_flash_used(void);

#endif
