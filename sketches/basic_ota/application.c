/* SPDX-License-Identifier: Apache-2.0
 *
 * The work of basic_ota: a heartbeat on the console. */
#include "sketches/basic_ota/application.h"

#include "hal/clock.h"
#include "sketches/print.h"
#include "sketches/settings.h"

static uint32_t heartbeat_ms; /* 0: none */
static uint32_t beat_ms;
static uint32_t beats;

void otter_sketch_application_begin(void)
{
    heartbeat_ms = otter_sketch_number("heartbeat");
    beat_ms = otter_clock_ms();
}

void otter_sketch_application_poll(void)
{
    if (heartbeat_ms != 0 && otter_clock_since(beat_ms) >= heartbeat_ms) {
        beat_ms += heartbeat_ms;
        beats++;
        otter_sketch_print("tick ");
        otter_sketch_print_number(beats);
        otter_sketch_print("\n");
    }
}
