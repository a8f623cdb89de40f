/* SPDX-License-Identifier: Apache-2.0
 *
 * What the board tells about itself.  Every text in the JSON comes from this
 * program's own lists or was checked by the options, so nothing needs
 * escaping. */
#include "ports/posix/hardware/hardware.h"

#include "hal/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static const char *state_name(const struct otter_hw *hw)
{
    switch (hw->state) {
    case OTTER_HW_OFF:
        return "off";
    case OTTER_HW_RUNNING:
        return hw->machine->sketch_runs ? "running" : "loader";
    case OTTER_HW_WAITING:
        return "restarting";
    default:
        return "idle";
    }
}

void otter__hw_report_status(const struct otter_hw *hw, char *out, size_t size)
{
    const struct otter_machine *m = hw->machine;
    const uint8_t *mac = m->mac;

    snprintf(out, size,
             "{\"board\":\"%s\",\"state\":\"%s\",\"address\":\"%u.%u.%u.%u\","
             "\"mac\":\"%02x:%02x:%02x:%02x:%02x:%02x\","
             "\"chip_id\":\"%06x\",\"map\":\"%.11s\",\"flash_size\":%u,"
             "\"reset_reason\":\"%s\",\"boot_id\":\"%08x\",\"starts\":%u,"
             "\"power_ups\":%u,\"strapped\":%s,\"watchdog_ms\":%u,"
             "\"pause_ms\":%u,\"cpu_pid\":%d,\"console_dropped\":%" PRIu64 "}",
             hw->options.lx106 ? "lx106" : otter_board_name(), state_name(hw),
             m->ip[0], m->ip[1], m->ip[2], m->ip[3], mac[0], mac[1], mac[2],
             mac[3], mac[4], mac[5], (unsigned)otter_board_chip_id(), m->map,
             (unsigned)m->flash_size,
             otter__hw_reason_name(otter_board_reset_reason()),
             (unsigned)m->boot_id, (unsigned)hw->starts,
             (unsigned)hw->power_ups, m->strapped ? "true" : "false",
             (unsigned)hw->options.watchdog_ms, (unsigned)hw->pause_ms,
             (int)hw->cpu, m->counters.console_dropped);
}

/* snprintf that goes on where the last one ended; stops when full. */
static void append(char *out, size_t size, size_t *len, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

static void append(char *out, size_t size, size_t *len, const char *format,
                   ...)
{
    va_list args;
    int n;

    if (*len >= size) {
        return;
    }
    va_start(args, format);
    n = vsnprintf(out + *len, size - *len, format, args);
    va_end(args);
    *len += n > 0 ? (size_t)n : 0;
}

void otter__hw_report_counters(const struct otter_hw *hw, char *out,
                               size_t size)
{
    const struct otter_machine_counters *c = &hw->machine->counters;
    const char *comma = "";
    size_t len = 0;

    append(out, size, &len,
           "{\"erases\":%" PRIu64 ",\"programs\":%" PRIu64
           ",\"violations\":%" PRIu64 ",\"time_us\":%" PRIu64 ",\"wear\":{",
           c->flash.erases, c->flash.programs,
           c->flash.violations + hw->machine->torn.rewrites, c->flash.time_us);
    for (uint32_t i = 0; i < otter__machine_nor()->size / OTTER_NOR_SECTOR;
         i++) {
        if (c->wear[i] != 0) {
            append(out, size, &len, "%s\"%u\":%u", comma, (unsigned)i,
                   (unsigned)c->wear[i]);
            comma = ",";
        }
    }
    append(out, size, &len, "}}");
}

void otter__hw_report_print(const struct otter_hw *hw)
{
    const struct otter_machine_counters *c = &hw->machine->counters;
    uint32_t last = otter__machine_nor()->size / OTTER_NOR_SECTOR;

    otter__console_say("flash: %" PRIu64 " erases, %" PRIu64
                       " page programs, %" PRIu64 " violations, %" PRIu64
                       " ms of flash time",
                       c->flash.erases, c->flash.programs, c->flash.violations,
                       c->flash.time_us / 1000);
    for (uint32_t first = 0; first < last;) {
        uint32_t end = first + 1;

        while (end < last && c->wear[end] == c->wear[first]) {
            end++;
        }
        if (c->wear[first] != 0) {
            otter__console_say("wear: 0x%06x-0x%06x: %u",
                               (unsigned)(first * OTTER_NOR_SECTOR),
                               (unsigned)(end * OTTER_NOR_SECTOR - 1),
                               (unsigned)c->wear[first]);
        }
        first = end;
    }
}
