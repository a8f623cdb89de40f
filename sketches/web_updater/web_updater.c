/* SPDX-License-Identifier: Apache-2.0
 *
 * web_updater: an application that is updated in a browser, the counterpart
 * of the core's WebUpdater example, with the same words on the serial console
 * (protocol 7, R51 and below).  Settings of the board, all optional:
 *
 *   hostname       name under which it shows itself, esp8266-webupdate
 *   port           TCP port of the page, 80 by default
 *   user           who may update it, admin by default
 *   password       without one anybody on the network may update it
 *   digest_only    1: no passwords in clear text
 *   core_status    1: answer failures with 200, as the core does
 *   allow_origin   pages of other sites that may use it, * for all
 *   confirm        seconds after which a new version on trial confirms
 *                  itself; without it somebody does so on the page
 *   ota            1: take updates by push too, with the same password
 *   mdns           0: do not show the device by multicast DNS
 *   stay_running   1: do not restart after an update, wait for a reset
 *   busy           1: decline every update, as a machine in operation would
 *   heartbeat      milliseconds: print `tick N` so often */
#include "device/transport/mdns.h"
#include "device/transport/push.h"
#include "device/transport/web.h"
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

extern const struct otter_descriptor_block otter_sketch_descriptor;

static struct otter_updater updater;
static struct otter_trial trial;
static const struct otter_updater_config updater_config = {.trial = &trial};
static struct otter_trial_status trial_status;
static struct otter_web web;
static struct otter_push push;
static struct otter_mdns mdns;
static struct otter_mdns_config mdns_config;

static char host_name[OTTER_SKETCH_TEXT];
static char user_name[OTTER_SKETCH_TEXT];
static char password[OTTER_SKETCH_TEXT];
static char allow_origin[OTTER_SKETCH_TEXT];
static char name[sizeof otter_sketch_descriptor.name + 1];
static char version[sizeof otter_sketch_descriptor.version + 1];
static bool busy;
static bool pushes; /* updates come by push too */
static uint32_t confirm_ms;
static uint32_t started_ms;
static uint32_t heartbeat_ms;
static uint32_t beat_ms;
static uint32_t beats;
static bool offline;
static uint32_t offline_ms;

/* --- What the application wants to know about updates ------------------- */

static int on_start(void *user, uint32_t kind, uint32_t size)
{
    (void)user;
    (void)size;
    if (busy) {
        otter_sketch_print("Update declined\n");
        return OTTER_ERR_DECLINED;
    }
    /* Equipment goes into a safe state here, a file system is unmounted. */
    otter_sketch_print(kind == OTTER_UPDATE_SKETCH ? "Update: firmware\n"
                                                   : "Update: filesystem\n");
    return 0;
}

static void on_end(void *user)
{
    (void)user;
    otter_sketch_print("Update Success! Rebooting...\n");
}

static void on_error(void *user, int error)
{
    (void)user;
    (void)error; /* push has numbers of its own */
    otter_sketch_print("Update failed\n");
}

static void on_web_error(void *user, int error)
{
    (void)user;
    otter_sketch_print("Update failed: ");
    otter_sketch_print(otter_error_text(error));
    otter_sketch_print("\n");
}

static const struct otter_events web_events = {
    .on_start = on_start, .on_end = on_end, .on_error = on_web_error};
static const struct otter_events push_events = {
    .on_start = on_start, .on_end = on_end, .on_error = on_error};

/* --- What the page shows ------------------------------------------------ */

static void tell_status(void *user, struct otter_web_status *out)
{
    const struct otter_flash_map *map = otter_board_flash_map();

    (void)user;
    out->name = name;
    out->version = version;
    out->sketch_size = otter_updater_sketch_size(&updater);
    out->free_space = otter_updater_free_space(&updater);
    if (map != NULL) {
        out->flash_size = map->flash_size;
        out->fs_size = map->fs_end - map->fs_start;
    }
    otter_trial_status(&trial, &trial_status);
    out->on_trial = trial_status.on_trial;
    out->tries_left = trial_status.tries_left;
    out->can_revert = trial_status.can_revert;
    if (trial_status.other_version[0] != '\0') {
        out->previous_version = trial_status.other_version;
    }
    if (trial_status.reason != 0) {
        out->reason = otter_trial_reason_text(trial_status.reason);
    }
}

static int confirm(void *user)
{
    (void)user;
    otter_sketch_print("Confirmed on the page\n");
    return otter_trial_confirm(&trial);
}

static int revert(void *user)
{
    (void)user;
    otter_sketch_print("Reverting\n");
    return otter_trial_revert(&trial);
}

static struct otter_web_config web_config = {.events = &web_events,
                                             .status = tell_status,
                                             .confirm = confirm,
                                             .revert = revert};
static struct otter_push_config push_config = {.events = &push_events};

/* --- Setting up --------------------------------------------------------- */

static void read_settings(void)
{
    const char *host = otter_sketch_text("hostname", host_name);
    const char *user = otter_sketch_text("user", user_name);

    mdns_config.host_name = host != NULL ? host : "esp8266-webupdate";
    web_config.port = (uint16_t)otter_sketch_number("port");
    web_config.password = otter_sketch_text("password", password);
    if (web_config.password != NULL) {
        web_config.user_name = user != NULL ? user : "admin";
    }
    web_config.allow_unauthenticated = web_config.password == NULL;
    web_config.digest_only = otter_sketch_number("digest_only") != 0;
    web_config.core_status = otter_sketch_number("core_status") != 0;
    web_config.allow_origin = otter_sketch_text("allow_origin", allow_origin);
    web_config.stay_running = otter_sketch_number("stay_running") != 0;
    push_config.host_name = mdns_config.host_name;
    push_config.password = web_config.password;
    push_config.allow_unauthenticated = web_config.allow_unauthenticated;
    push_config.stay_running = web_config.stay_running;
    pushes = otter_sketch_number("ota") != 0;
    busy = otter_sketch_number("busy") != 0;
    confirm_ms = otter_sketch_number("confirm") * 1000u;
    heartbeat_ms = otter_sketch_number("heartbeat");
}

static void print_banner(void)
{
    memcpy(name, otter_sketch_descriptor.name, sizeof name - 1);
    memcpy(version, otter_sketch_descriptor.version, sizeof version - 1);
    otter_sketch_print("\n");
    otter_sketch_print(name);
    otter_sketch_print(" ");
    otter_sketch_print(version);
    otter_sketch_print("\nBooting Sketch...\n");
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

static void print_address(const struct otter_interface *network)
{
    otter_sketch_print("HTTPUpdateServer ready! Open http://");
    otter_sketch_print(mdns_config.host_name);
    otter_sketch_print(".local");
    if (otter_web_port(&web) != OTTER_WEB_PORT) {
        otter_sketch_print(":");
        otter_sketch_print_number(otter_web_port(&web));
    }
    otter_sketch_print(otter_web_path(&web));
    otter_sketch_print(" in your browser\nIP address: ");
    otter_sketch_print_ip(network->addr.ip);
    otter_sketch_print("\n");
}

/* The page is there without it, so that its failure stops nothing. */
static void show(uint32_t interface)
{
    char value[2];
    int error;

    if (otter_board_setting("mdns", value, sizeof value) == 1 &&
        value[0] == '0') {
        return;
    }
    mdns_config.interface = interface;
    error = otter_mdns_init(&mdns, &mdns_config);
    if (error == 0) {
        error =
            otter_mdns_add_service(&mdns, "_http._tcp", otter_web_port(&web));
    }
    if (error >= 0 && pushes) {
        error = otter_mdns_add_arduino(&mdns, otter_push_port(&push),
                                       otter_board_name(),
                                       otter_push_auth_required(&push));
    }
    if (error < 0) {
        otter_sketch_print("No mDNS: ");
        otter_sketch_print(otter_error_text(error));
        otter_sketch_print("\n");
    }
}

static int open_updates(void)
{
    int error;

    /* Under the core's boot loader there are no trials. */
    if (otter_trial_open(&trial) == OTTER_ERR_FLASH_READ) {
        otter_sketch_print("The boot record cannot be read\n");
    }
    error = otter_updater_init(&updater, &updater_config);
    if (error != 0) {
        return error;
    }
    web_config.stream = otter_updater_stream(&updater);
    push_config.stream = web_config.stream;
    error = otter_web_init(&web, &web_config);
    if (error == 0 && pushes) {
        error = otter_push_init(&push, &push_config);
    }
    return error;
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
    show(network.index);
    print_address(&network);
    started_ms = otter_clock_ms();
    beat_ms = started_ms;
}

/* --- The application's own work ----------------------------------------- */

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

/* It has worked for a while: that is what a trial is to show. */
static void confirm_itself(void)
{
    if (confirm_ms != 0 && otter_clock_since(started_ms) >= confirm_ms) {
        confirm_ms = 0;
        otter_trial_status(&trial, &trial_status);
        if (trial_status.on_trial && otter_trial_confirm(&trial) == 0) {
            otter_sketch_print("Confirmed\n");
        }
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
    (void)otter_web_poll(&web);
    if (pushes) {
        (void)otter_push_poll(&push);
    }
    otter_mdns_poll(&mdns);
    confirm_itself();
    beat();
}
