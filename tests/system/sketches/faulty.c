/* SPDX-License-Identifier: Apache-2.0
 *
 * The work of basic_ota in versions that go wrong as the setting `faulty`
 * says: `crash` and `hang` at the start, `revert` asks for the previous
 * program as soon as this one has confirmed itself, `sleep` neither harms nor
 * works. */
#include "hal/board.h"
#include "sketches/basic_ota/application.h"
#include "sketches/keeper.h"
#include "sketches/print.h"

#include <string.h>

static char fault[8];

static bool is(const char *what)
{
    return strlen(fault) == strlen(what) &&
           memcmp(fault, what, strlen(what)) == 0;
}

void otter_sketch_application_begin(void)
{
    (void)!otter_board_setting("faulty", fault, sizeof fault);
    if (is("crash")) {
        __builtin_trap();
    }
    while (is("hang")) {
    }
}

void otter_sketch_application_poll(void)
{
    if (is("revert") && !otter_trial_is_on_trial(&otter_sketch_trial)) {
        fault[0] = '\0';
        otter_sketch_print(otter_trial_revert(&otter_sketch_trial) == 0
                               ? "Reverting\n"
                               : "Nothing to revert to\n");
        otter_board_restart();
    }
}
