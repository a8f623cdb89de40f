/* SPDX-License-Identifier: Apache-2.0
 *
 * basic_ota: an application that can be updated by push, the counterpart of
 * the core's BasicOTA example, with the same words on the serial console
 * (protocol 1.5).  Settings of the board, all optional:
 *
 *   hostname       name under which it shows itself
 *   port           UDP port, 8266 by default
 *   password       without one anybody on the network may update it
 *   password_hash  MD5 of the password instead of the password
 *   mdns           0: do not show the device by multicast DNS
 *   stay_running   1: do not restart after an update, wait for a reset
 *   busy           1: decline every update, as a machine in operation would
 *   heartbeat      milliseconds: print `tick N` so often, from the
 *                  application's own loop, during updates too
 *   confirm_ms     milliseconds of network until a program on trial confirms
 *                  (keeper.h) */
#include "device/transport/mdns.h"
#include "device/transport/push.h"
#include "device/updater/updater.h"
#include "format/core_error.h"
#include "format/descriptor.h"
#include "format/error.h"
#include "hal/board.h"
#include "hal/clock.h"
#include "hal/net.h"
#include "hal/sketch.h"
#include "sketches/about.h"
#include "sketches/basic_ota/application.h"
#include "sketches/keeper.h"
#include "sketches/print.h"
#include "sketches/settings.h"

#define RETRY_WAIT_MS 5000u

/* In a file of its own, so that the banner shows what the flash holds. */
extern const struct otter_descriptor_block otter_sketch_descriptor;

static struct otter_updater updater;
static const struct otter_updater_config updater_config = {
    .trial = &otter_sketch_trial};
static struct otter_push push;
static struct otter_mdns mdns;
static struct otter_mdns_config mdns_config;
static int shown = -1; /* service number, negative: none */

static char host_name[OTTER_SKETCH_TEXT];
static char password[OTTER_SKETCH_TEXT];
static char password_hash[OTTER_SKETCH_TEXT];
static bool busy;
static uint32_t percent;
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
    otter_sketch_print("Start updating ");
    otter_sketch_print(kind == OTTER_UPDATE_SKETCH ? "sketch\n"
                                                   : "filesystem\n");
    percent = UINT32_MAX;
    return 0;
}

static void on_progress(void *user, uint32_t done, uint32_t total)
{
    uint32_t now = total != 0 ? done * 100u / total : 0;

    (void)user;
    if (now != percent) {
        percent = now;
        otter_sketch_print("Progress: ");
        otter_sketch_print_number(now);
        otter_sketch_print("%\r");
    }
}

static void on_end(void *user)
{
    (void)user;
    otter_sketch_print("\nEnd\n");
}

static void on_error(void *user, int error)
{
    static const char *const texts[] = {
        [OTTER_PUSH_ERROR_AUTH] = "Auth Failed",
        [OTTER_PUSH_ERROR_BEGIN] = "Begin Failed",
        [OTTER_PUSH_ERROR_CONNECT] = "Connect Failed",
        [OTTER_PUSH_ERROR_RECEIVE] = "Receive Failed",
        [OTTER_PUSH_ERROR_END] = "End Failed",
    };

    (void)user;
    otter_sketch_print("Error[");
    otter_sketch_print_number((uint32_t)error);
    otter_sketch_print("]: ");
    if (error >= 0 && error <= OTTER_PUSH_ERROR_END) {
        otter_sketch_print(texts[error]);
    }
    otter_sketch_print("\nReason: ");
    otter_sketch_print(otter_error_text(otter_push_reason(&push)));
    otter_sketch_print("\n");
}

static const struct otter_events events = {
    .on_start = on_start,
    .on_progress = on_progress,
    .on_end = on_end,
    .on_error = on_error,
};

static struct otter_push_config push_config = {.events = &events};

/* --- Setting up --------------------------------------------------------- */

static void read_settings(void)
{
    push_config.host_name = otter_sketch_text("hostname", host_name);
    push_config.port = (uint16_t)otter_sketch_number("port");
    push_config.password = otter_sketch_text("password", password);
    push_config.password_hash =
        otter_sketch_text("password_hash", password_hash);
    push_config.allow_unauthenticated =
        push_config.password == NULL && push_config.password_hash == NULL;
    push_config.stay_running = otter_sketch_number("stay_running") != 0;
    busy = otter_sketch_number("busy") != 0;
}

static void print_banner(void)
{
    const struct otter_descriptor_block *d = &otter_sketch_descriptor;

    otter_sketch_print("\n");
    otter_sketch_print_field(d->name, sizeof d->name);
    otter_sketch_print(" ");
    otter_sketch_print_field(d->version, sizeof d->version);
    otter_sketch_print("\nBooting\n");
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

/* As the core's begin does.  The device can be updated without it, so that
 * its failure is told but stops nothing. */
static void show(uint32_t interface)
{
    char value[2];
    int error;

    if (otter_board_setting("mdns", value, sizeof value) == 1 &&
        value[0] == '0') {
        return;
    }
    mdns_config.host_name = otter_push_host_name(&push);
    mdns_config.interface = interface;
    error = otter_mdns_init(&mdns, &mdns_config);
    if (error == 0) {
        error = otter_mdns_add_arduino(&mdns, otter_push_port(&push),
                                       otter_board_name(),
                                       otter_push_auth_required(&push));
    }
    if (error < 0) {
        otter_sketch_print("No mDNS: ");
        otter_sketch_print(otter_error_text(error));
        otter_sketch_print("\n");
        return;
    }
    shown = error; /* the service's number */
    otter_sketch_about_begin(&mdns, shown, &otter_sketch_descriptor, &updater);
}

void otter_sketch_setup(void)
{
    struct otter_interface network;
    int error;

    print_banner();
    otter_sketch_keeper_begin();
    otter_sketch_application_begin();
    read_settings();
    if (otter_net_interface(0, &network) != 0 || !network.up) {
        fail("Connection Failed! Rebooting...", OTTER_ERR_NETWORK);
        return;
    }
    error = otter_updater_init(&updater, &updater_config);
    if (error == 0) {
        push_config.stream = otter_updater_stream(&updater);
        error = otter_push_init(&push, &push_config);
    }
    if (error != 0) {
        fail("Updates Failed! Rebooting...", error);
        return;
    }
    show(network.index);
    otter_sketch_print("Ready\nIP address: ");
    otter_sketch_print_ip(network.addr.ip);
    otter_sketch_print("\n");
    otter_sketch_keeper_print_loader();
}

static bool network_is_up(void)
{
    struct otter_interface network;

    return otter_net_interface(0, &network) == 0 && network.up;
}

void otter_sketch_loop(void)
{
    if (offline) {
        if (otter_clock_since(offline_ms) >= RETRY_WAIT_MS) {
            otter_board_restart();
        }
        return;
    }
    (void)otter_push_poll(&push);
    if (shown >= 0) {
        otter_sketch_about_poll(&mdns, shown, &otter_sketch_trial);
        otter_mdns_poll(&mdns);
    }
    otter_sketch_keeper_poll(&updater, network_is_up());
    otter_sketch_application_poll();
}
