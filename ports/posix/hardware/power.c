/* SPDX-License-Identifier: Apache-2.0
 *
 * Power switch, reset, watchdog, and what follows when the CPU process ends.
 * RTC memory keeps its content over every reset and is garbage after power
 * came up.  A program that restarts at once again and again is slowed down,
 * so that it does not burn the host's CPU. */
#include "ports/posix/hardware/hardware.h"

#include "hal/clock.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define SHORT_RUN_MS   1000u /* a run that ended sooner counts as a loop */
#define FREE_RESTARTS  6u    /* so many of them are not slowed down */
#define FIRST_PAUSE_MS 50u
#define LAST_PAUSE_MS  2000u

const char *otter__hw_reason_name(enum otter_reset_reason reason)
{
    static const char *const names[] = {
        [OTTER_RESET_POWER] = "power",
        [OTTER_RESET_PIN] = "pin",
        [OTTER_RESET_SOFTWARE] = "software",
        [OTTER_RESET_WATCHDOG] = "watchdog",
        [OTTER_RESET_EXCEPTION] = "exception",
        [OTTER_RESET_DEEP_SLEEP] = "deep sleep",
    };

    /* It comes from memory that a program gone wild can write to. */
    return (size_t)reason < sizeof names / sizeof names[0] ? names[reason]
                                                           : "unknown";
}

static void kill_cpu(struct otter_hw *hw)
{
    int status;

    if (hw->cpu > 0) {
        kill(hw->cpu, SIGKILL);
        waitpid(hw->cpu, &status, 0);
        hw->cpu = 0;
        otter__hw_qemu_stopped(hw);
    }
    otter__console_flush();
}

static void start(struct otter_hw *hw, enum otter_reset_reason reason)
{
    struct otter_machine *m = hw->machine;
    uint32_t last = m->boot_id;

    m->reset_reason = reason;
    m->sketch_runs = false;
    while (m->boot_id == last) {
        if (otter_board_random(&m->boot_id, sizeof m->boot_id) != 0) {
            m->boot_id = last + 1;
        }
    }
    hw->starts++;
    hw->pause_ms = 0;
    hw->started_ms = otter_clock_ms();
    otter_board_watchdog_feed();
    otter__console_say("start %u, reset by %s", (unsigned)hw->starts,
                       otter__hw_reason_name(reason));
    if (m->strapped) {
        otter__console_say("strapped for serial download, press reset");
        hw->state = OTTER_HW_HALTED;
        return;
    }
    hw->state = OTTER_HW_RUNNING;
    if (!otter__hw_cpu_start(hw)) {
        otter__console_say("the host has no process for the CPU");
        hw->state = OTTER_HW_HALTED;
    }
}

/* QEMU counts its starts itself: the ROM announces each. */
static void start_qemu(struct otter_hw *hw)
{
    const char *fault = otter__hw_rom_check(otter__machine_nor()->bytes);

    hw->state = OTTER_HW_HALTED;
    if (fault != NULL) {
        otter__console_say("does not start: %s", fault);
        otter__console_say("idle");
    } else if (otter__hw_qemu_start(hw)) {
        hw->state = OTTER_HW_RUNNING;
    } else {
        otter__console_say("the host has no process for the CPU");
    }
}

void otter__hw_power_on(struct otter_hw *hw)
{
    struct otter_machine *m = hw->machine;

    if (hw->state != OTTER_HW_OFF) {
        return;
    }
    if (otter_board_random(m->rtc, sizeof m->rtc) != 0) {
        memset(m->rtc, 0xa5, sizeof m->rtc);
    }
    m->strapped = false;
    hw->short_runs = 0;
    hw->power_ups++;
    if (hw->options.lx106) {
        start_qemu(hw);
        return;
    }
    start(hw, OTTER_RESET_POWER);
}

void otter__hw_power_off(struct otter_hw *hw)
{
    if (hw->state == OTTER_HW_OFF) {
        return;
    }
    kill_cpu(hw);
    hw->state = OTTER_HW_OFF;
    otter__console_say("power off");
}

void otter__hw_reset(struct otter_hw *hw, enum otter_reset_reason reason)
{
    if (hw->state == OTTER_HW_OFF) {
        return;
    }
    if (reason == OTTER_RESET_PIN) {
        hw->machine->strapped = false;
        hw->short_runs = 0;
    }
    if (!hw->options.lx106) {
        kill_cpu(hw);
        start(hw, reason);
    } else if (hw->cpu > 0) {
        otter__hw_qemu_reset(hw, reason);
    } else {
        start_qemu(hw);
    }
}

/* A restart by the program itself: at once, unless it does nothing else. */
static void restart(struct otter_hw *hw, enum otter_reset_reason reason)
{
    hw->next_reason = reason;
    hw->short_runs = otter_clock_since(hw->started_ms) < SHORT_RUN_MS
                         ? hw->short_runs + 1
                         : 0;
    hw->pause_ms = 0;
    if (hw->short_runs > FREE_RESTARTS) {
        uint32_t doublings = hw->short_runs - FREE_RESTARTS - 1;

        hw->pause_ms =
            doublings < 6 ? FIRST_PAUSE_MS << doublings : LAST_PAUSE_MS;
        if (hw->pause_ms > LAST_PAUSE_MS) {
            hw->pause_ms = LAST_PAUSE_MS;
        }
    }
    hw->started_ms = otter_clock_ms();
    hw->state = OTTER_HW_WAITING;
}

static void say_cut(const struct otter_hw *hw)
{
    const struct otter_torn *torn = &hw->machine->torn;
    bool erase = torn->last_kind == OTTER_NOR_ERASE;
    uint32_t outcome =
        torn->last_outcome %
        (erase ? (uint32_t)OTTER_TORN_ERASES : (uint32_t)OTTER_TORN_PROGRAMS);

    otter__console_say("power failed in %s, torn: %s",
                       erase ? "an erase" : "a program",
                       erase ? otter_torn_erase_names[outcome]
                             : otter_torn_program_names[outcome]);
}

void otter__hw_cpu_ended(struct otter_hw *hw, int status)
{
    otter__console_flush();
    if (hw->options.lx106) {
        otter__hw_qemu_ended(hw, status);
        return;
    }
    if (WIFSIGNALED(status)) {
        otter__console_say("exception: the program crashed, %s",
                           strsignal(WTERMSIG(status)));
        restart(hw, OTTER_RESET_EXCEPTION);
    } else if (WEXITSTATUS(status) == OTTER_MACHINE_EXIT_RESTART) {
        restart(hw, OTTER_RESET_SOFTWARE);
    } else if (WEXITSTATUS(status) == OTTER_MACHINE_EXIT_POWER) {
        say_cut(hw);
        hw->state = OTTER_HW_OFF;
    } else if (WEXITSTATUS(status) == OTTER_MACHINE_EXIT_HALT) {
        otter__console_say("idle");
        hw->state = OTTER_HW_HALTED;
    } else {
        otter__console_say("exception: the program ended with status %d",
                           WEXITSTATUS(status));
        restart(hw, OTTER_RESET_EXCEPTION);
    }
}

static int watch(struct otter_hw *hw)
{
    uint32_t limit = hw->options.watchdog_ms;
    uint32_t hungry = otter_clock_since(atomic_load(&hw->machine->fed_ms));

    if (limit == 0) {
        return -1;
    }
    if (hungry < limit) {
        return (int)(limit - hungry);
    }
    if (hw->options.lx106) {
        otter__console_say("watchdog: not fed for %u ms", (unsigned)hungry);
        otter__hw_qemu_reset(hw, OTTER_RESET_WATCHDOG);
        return (int)limit;
    }
    kill_cpu(hw);
    otter__console_say("watchdog: not fed for %u ms", (unsigned)hungry);
    restart(hw, OTTER_RESET_WATCHDOG);
    return 0;
}

int otter__hw_timers(struct otter_hw *hw)
{
    if (hw->state == OTTER_HW_RUNNING) {
        int left = watch(hw);

        if (left != 0) {
            return left;
        }
    }
    if (hw->state == OTTER_HW_WAITING) {
        uint32_t passed = otter_clock_since(hw->started_ms);

        if (passed < hw->pause_ms) {
            return (int)(hw->pause_ms - passed);
        }
        start(hw, hw->next_reason);
        return hw->options.watchdog_ms == 0 ? -1
                                            : (int)hw->options.watchdog_ms;
    }
    return -1;
}
