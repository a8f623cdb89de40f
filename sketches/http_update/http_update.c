/* SPDX-License-Identifier: Apache-2.0
 *
 * http_update: an application that asks a server for updates, the counterpart
 * of the core's httpUpdate example, with the same words on the serial
 * console.  Settings of the board, all but url optional:
 *
 *   url            whom to ask, http://host[:port]/path
 *   interval       seconds between requests, 60 by default
 *   mode           sketch (default), spiffs or version
 *   version        what to say one's version is instead of the image's; empty:
 *                  nothing
 *   user, password, authorization
 *                  credentials for the server: Basic, or the whole header
 *   md5            that the file must have
 *   redirects      1: follow them
 *   report         0: do not tell the server how the last update went
 *   stay_running   1: do not restart after an update, wait for a reset
 *   busy           1: decline every update, as a machine in operation would
 *   heartbeat      milliseconds: print `tick N` so often */
#include "device/transport/pull.h"
#include "device/updater/trial.h"
#include "device/updater/updater.h"
#include "format/descriptor.h"
#include "format/error.h"
#include "format/flash_map.h"
#include "hal/board.h"
#include "hal/clock.h"
#include "hal/net.h"
#include "hal/sketch.h"
#include "sketches/print.h"
#include "sketches/settings.h"

#include <string.h>

#define RETRY_WAIT_MS 5000u
#define URL_SIZE      224u
#define INTERVAL_S    60u

extern const struct otter_descriptor_block otter_sketch_descriptor;

static struct otter_updater updater;
static struct otter_trial trial;
static const struct otter_updater_config updater_config = {
    .trial = &trial, .resume = &otter_updater_resume};
static struct otter_trial_status trial_status;
static struct otter_pull pull;

static char url[URL_SIZE];
static char user_name[OTTER_SKETCH_TEXT];
static char password[OTTER_SKETCH_TEXT];
static char authorization[OTTER_SKETCH_TEXT];
static char md5[OTTER_SKETCH_TEXT];
static char version[OTTER_SKETCH_TEXT];
static bool busy;
static uint32_t heartbeat_ms;
static uint32_t beat_ms;
static uint32_t beats;
static bool offline;
static uint32_t offline_ms;

/* --- The core's words ---------------------------------------------------- */

static void print_signed(int number)
{
    if (number < 0) {
        otter_board_putc('-');
        number = -number;
    }
    otter_sketch_print_number((uint32_t)number);
}

static int on_start(void *user, uint32_t kind, uint32_t size)
{
    (void)user;
    (void)kind;
    (void)size;
    if (busy) {
        otter_sketch_print("Update declined\n");
        return OTTER_ERR_DECLINED;
    }
    /* Equipment goes into a safe state here, a file system is unmounted. */
    otter_sketch_print("CALLBACK:  HTTP update process started\n");
    return 0;
}

static void on_progress(void *user, uint32_t done, uint32_t total)
{
    (void)user;
    otter_sketch_print("CALLBACK:  HTTP update process at ");
    otter_sketch_print_number(done);
    otter_sketch_print(" of ");
    otter_sketch_print_number(total);
    otter_sketch_print(" bytes...\n");
}

static void on_end(void *user)
{
    (void)user;
    otter_sketch_print("CALLBACK:  HTTP update process finished\n");
}

static void on_error(void *user, int error)
{
    (void)user;
    otter_sketch_print("CALLBACK:  HTTP update fatal error code ");
    print_signed(error);
    otter_sketch_print("\n");
}

static const struct otter_events events = {
    .on_start = on_start,
    .on_progress = on_progress,
    .on_end = on_end,
    .on_error = on_error,
};

static void print_failure(void)
{
    static char text[OTTER_CORE_ERROR_TEXT_MAX];

    otter_pull_error_text(&pull, text, sizeof text);
    otter_sketch_print("HTTP_UPDATE_FAILD Error (");
    print_signed(otter_pull_last_error(&pull));
    otter_sketch_print("): ");
    otter_sketch_print(text);
    otter_sketch_print("\n");
}

/* It has reached its server, so that it can be updated again: that is what a
 * trial is to show. */
static void confirm(void)
{
    otter_trial_status(&trial, &trial_status);
    if (trial_status.on_trial && otter_trial_confirm(&trial) == 0) {
        otter_sketch_print("Confirmed\n");
    }
}

static void on_result(void *user, enum otter_pull_result result)
{
    (void)user;
    switch (result) {
    case OTTER_PULL_NO_UPDATE:
        otter_sketch_print("HTTP_UPDATE_NO_UPDATES\n");
        confirm();
        break;
    case OTTER_PULL_OK:
        otter_sketch_print("HTTP_UPDATE_OK\n");
        if (otter_pull_available_version(&pull)[0] != '\0') {
            otter_sketch_print("Available: ");
            otter_sketch_print(otter_pull_available_version(&pull));
            otter_sketch_print("\n");
            confirm();
        }
        break;
    default:
        print_failure();
        break;
    }
}

/* --- What the server is told --------------------------------------------- */

static void tell_status(struct otter_pull_figures *figures)
{
    otter_trial_status(&trial, &trial_status);
    if (trial_status.on_trial) {
        figures->status = OTTER_PULL_STATUS_TRIAL;
    } else if (trial_status.reason != 0) {
        figures->status = OTTER_PULL_STATUS_REVERTED;
        figures->reason = otter_trial_reason_text(trial_status.reason);
        figures->other_version = trial_status.other_version;
    } else {
        figures->status = trial_status.has_log ? OTTER_PULL_STATUS_CONFIRMED
                                               : OTTER_PULL_STATUS_INSTALLED;
    }
}

static int tell_figures(void *user, struct otter_pull_figures *figures)
{
    const struct otter_flash_map *map = otter_board_flash_map();

    (void)user;
    if (otter_updater_sketch_md5(&updater, figures->sketch_md5) ==
        OTTER_ERR_PENDING) {
        return OTTER_ERR_PENDING;
    }
    figures->sketch_size = otter_updater_sketch_size(&updater);
    figures->free_space = otter_updater_free_space(&updater);
    if (map != NULL) {
        figures->chip_size = map->flash_size;
        figures->file_system_size = map->fs_end - map->fs_start;
    }
    tell_status(figures);
    return 0;
}

static struct otter_pull_config pull_config = {
    .events = &events,
    .figures = tell_figures,
    .on_result = on_result,
};

/* --- Setting up ---------------------------------------------------------- */

static enum otter_pull_mode mode_setting(void)
{
    char text[OTTER_SKETCH_TEXT];

    if (otter_sketch_text("mode", text) == NULL) {
        return OTTER_PULL_SKETCH;
    }
    if (text[0] == 's' && text[1] == 'p') {
        return OTTER_PULL_FILE_SYSTEM;
    }
    return text[0] == 'v' ? OTTER_PULL_VERSION : OTTER_PULL_SKETCH;
}

static void read_settings(void)
{
    char text[OTTER_SKETCH_TEXT];

    if (otter_board_setting("url", url, sizeof url) >= 0) {
        pull_config.url = url;
    }
    if (otter_sketch_text("version", version) == NULL) {
        memcpy(version, otter_sketch_descriptor.version,
               sizeof otter_sketch_descriptor.version);
    }
    pull_config.version = version;
    pull_config.mode = mode_setting();
    pull_config.user_name = otter_sketch_text("user", user_name);
    pull_config.password = otter_sketch_text("password", password);
    pull_config.authorization =
        otter_sketch_text("authorization", authorization);
    pull_config.md5 = otter_sketch_text("md5", md5);
    pull_config.follow_redirects = otter_sketch_number("redirects") != 0;
    pull_config.report = otter_sketch_text("report", text) == NULL ||
                         otter_sketch_number("report") != 0;
    pull_config.stay_running = otter_sketch_number("stay_running") != 0;
    pull_config.interval_s = otter_sketch_number("interval");
    if (pull_config.interval_s == 0) {
        pull_config.interval_s = INTERVAL_S;
    }
    busy = otter_sketch_number("busy") != 0;
    heartbeat_ms = otter_sketch_number("heartbeat");
}

static void print_banner(void)
{
    const struct otter_descriptor_block *d = &otter_sketch_descriptor;

    otter_sketch_print("\n");
    otter_sketch_print_field(d->name, sizeof d->name);
    otter_sketch_print(" ");
    otter_sketch_print_field(d->version, sizeof d->version);
    otter_sketch_print("\n");
}

static void fail(const char *what, int error)
{
    otter_sketch_print(what);
    otter_sketch_print(": ");
    otter_sketch_print(otter_error_text(error));
    otter_sketch_print("\n");
    offline = true;
    offline_ms = otter_clock_ms();
}

static int open_updates(void)
{
    int error;

    /* Under the core's boot loader there are no trials. */
    if (otter_trial_open(&trial) == OTTER_ERR_FLASH_READ) {
        otter_sketch_print("The boot record cannot be read\n");
    }
    error = otter_updater_init(&updater, &updater_config);
    if (error == 0) {
        pull_config.stream = otter_updater_stream(&updater);
        error = otter_pull_init(&pull, &pull_config);
    }
    /* The core's example asks at once, too. */
    return error == 0 ? otter_pull_start(&pull) : error;
}

void otter_sketch_setup(void)
{
    struct otter_interface network;
    int error;

    print_banner();
    read_settings();
    if (otter_net_interface(0, &network) != 0 || !network.up) {
        fail("WiFi failed, retrying.", OTTER_ERR_NETWORK);
        return;
    }
    error = open_updates();
    if (error != 0) {
        fail("Updates failed, retrying.", error);
        return;
    }
    otter_sketch_print("IP address: ");
    otter_sketch_print_ip(network.addr.ip);
    otter_sketch_print("\n");
    beat_ms = otter_clock_ms();
}

/* --- The application's own work ------------------------------------------ */

static void beat(void)
{
    if (heartbeat_ms != 0 && otter_clock_since(beat_ms) >= heartbeat_ms) {
        beat_ms += heartbeat_ms;
        beats++;
        otter_sketch_print("tick ");
        otter_sketch_print_number(beats);
        otter_sketch_print("\n");
    }
}

void otter_sketch_loop(void)
{
    if (offline) {
        if (otter_clock_since(offline_ms) >= RETRY_WAIT_MS) {
            otter_board_restart();
        }
        return;
    }
    (void)otter_updater_poll(&updater);
    (void)otter_pull_poll(&pull);
    beat();
}
