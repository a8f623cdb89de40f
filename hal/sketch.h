/* SPDX-License-Identifier: Apache-2.0
 *
 * What an application offers to the board's port, the other direction of the
 * HAL: the two functions that Arduino sketches have.  The port's main calls
 * them. */
#ifndef OTTER_HAL_SKETCH_H
#define OTTER_HAL_SKETCH_H

#include "format/compiler.h"

OTTER_BEGIN_DECLS

/* Called once after the start. */
void otter_sketch_setup(void);

/* Called for ever after it; each call returns quickly.  Between calls the
 * port feeds the watchdog and waits, at most a few milliseconds, for network
 * events. */
void otter_sketch_loop(void);

OTTER_END_DECLS

#endif
