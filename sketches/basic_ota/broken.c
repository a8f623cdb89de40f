/* SPDX-License-Identifier: Apache-2.0
 *
 * The work of basic_ota as somebody wrote it on a bad day: it crashes at the
 * start, each time.  For the demonstration of how such a version is reverted.
 */
#include "sketches/basic_ota/application.h"

void otter_sketch_application_begin(void)
{
    __builtin_trap();
}

void otter_sketch_application_poll(void) {}
