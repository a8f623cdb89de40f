/* SPDX-License-Identifier: Apache-2.0
 *
 * The trial of a sketch, seen by the sketch. */
#include "sketches/keeper.h"

#include "format/error.h"
#include "hal/clock.h"
#include "sketches/print.h"
#include "sketches/settings.h"

#define CONFIRM_MS 10000u

struct otter_trial otter_sketch_trial;

static bool reached;
static uint32_t reached_ms; /* since when */
static uint32_t confirm_ms;

static void print_reason(const struct otter_trial_status *status)
{
    if (status->reason == OTTER_BOOT_REASON_NONE) {
        return;
    }
    otter_sketch_print(status->reason == OTTER_BOOT_REASON_DAMAGED
                           ? "Not updated: "
                           : "Reverted: ");
    otter_sketch_print(otter_trial_reason_text(status->reason));
    otter_sketch_print("\n");
}

static void print_status(const struct otter_trial_status *status)
{
    if (status->on_trial) {
        otter_sketch_print("On trial, ");
        otter_sketch_print_number(status->tries_left);
        otter_sketch_print(status->tries_left == 1 ? " try left\n"
                                                   : " tries left\n");
    }
    print_reason(status);
    if (status->file_system_incomplete) {
        otter_sketch_print("File system incomplete: its update was cut\n");
    }
}

void otter_sketch_keeper_begin(void)
{
    struct otter_trial_status status;

    confirm_ms = otter_sketch_number("confirm_ms");
    confirm_ms = confirm_ms != 0 ? confirm_ms : CONFIRM_MS;
    (void)!otter_trial_open(&otter_sketch_trial);
    otter_trial_status(&otter_sketch_trial, &status);
    print_status(&status);
}

void otter_sketch_keeper_print_loader(void)
{
    struct otter_trial_status status;

    otter_trial_status(&otter_sketch_trial, &status);
    if (!status.has_log) {
        otter_sketch_print("Boot loader: another's, an installation does not "
                           "survive a power cut\n");
        return;
    }
    otter_sketch_print("Boot loader: Otter's, version ");
    otter_sketch_print_number(status.loader_version);
    if (status.can_revert) {
        otter_sketch_print("; kept beside this program: ");
        otter_sketch_print(status.other_version[0] != '\0'
                               ? status.other_version
                               : "another");
    }
    otter_sketch_print("\n");
}

/* Without room for an update the device is as good as unreachable. */
static bool works(struct otter_updater *updater, bool reachable)
{
    if (!reachable || otter_updater_free_space(updater) == 0) {
        reached = false;
        return false;
    }
    if (!reached) {
        reached = true;
        reached_ms = otter_clock_ms();
    }
    return otter_clock_since(reached_ms) >= confirm_ms;
}

/* Tells when the updater has saved the running program. */
static void save(struct otter_updater *updater)
{
    static bool was_busy;
    bool busy = otter_updater_poll(updater) == OTTER_ERR_PENDING;
    struct otter_trial_status status;

    if (was_busy && !busy) {
        otter_trial_status(&otter_sketch_trial, &status);
        if (status.is_saved) {
            otter_sketch_print("Saved: an update can be reverted\n");
        }
    }
    was_busy = busy;
}

void otter_sketch_keeper_poll(struct otter_updater *updater, bool reachable)
{
    struct otter_trial *trial = &otter_sketch_trial;

    save(updater);
    if (otter_trial_is_on_trial(trial) && works(updater, reachable) &&
        otter_trial_confirm(trial) == 0) {
        otter_sketch_print("Confirmed: this program stays\n");
    }
}
