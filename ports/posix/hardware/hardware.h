/* SPDX-License-Identifier: Apache-2.0
 *
 * otter-device: the hardware around the CPU.  It owns the flash file, the
 * power switch, the reset button, the watchdog and the control socket, and
 * starts the CPU as a child process at every reset.
 *
 *            power on                       exits 75: restart, signal: crash
 *   OFF ----------------> RUNNING ------------------------> WAITING
 *    ^                    ^  |  exits 76: nothing to run       |
 *    | power off          |  +------------> HALTED             |
 *    +---- from anywhere  +------ reset button, or the pause is over
 *
 * The CPU is dead whenever the hardware prints or changes the shared block,
 * except for what machine.h declares atomic. */
#ifndef OTTER_PORTS_POSIX_HARDWARE_H
#define OTTER_PORTS_POSIX_HARDWARE_H

#include "format/flash_map.h"
#include "hal/board.h"
#include "ports/posix/machine.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Exit codes of otter-device, documented in --help. */
enum otter_hw_exit {
    OTTER_HW_EXIT_OK = 0,
    OTTER_HW_EXIT_BOARD = 1, /* flash file, address or control socket */
    OTTER_HW_EXIT_USAGE = 2,
    OTTER_HW_EXIT_UPLOAD = 3 /* --serial-upload refused */
};

enum otter_hw_flash_time {
    OTTER_HW_FLASH_INSTANT,
    OTTER_HW_FLASH_TYPICAL,
    OTTER_HW_FLASH_MAXIMUM
};

#define OTTER_HW_FORWARDS 16

/* A port of the board lx106 that is reachable at the host's address. */
struct otter_hw_forward {
    bool tcp; /* else UDP */
    uint16_t port;
};

/* What the command line says.  Texts are borrowed from it. */
struct otter_hw_options {
    const char *flash;
    const char *upload;  /* or NULL */
    const char *control; /* or NULL */
    const char *send;    /* command for another board's control socket */
    const char *interface;
    const char *address;
    const char *map;      /* or NULL: the core's automatic map for the size */
    uint32_t size;        /* of a new flash file, bytes; 0: the map's */
    uint32_t watchdog_ms; /* 0: no watchdog */
    bool lx106;           /* the board with the ESP8266's core, in QEMU */
    const char *rom;      /* its ROM stand-in, or NULL: found by itself */
    struct otter_hw_forward forwards[OTTER_HW_FORWARDS];
    uint32_t forward_count;
    uint8_t mac[6];
    bool mac_given;
    uint32_t cut_after; /* power fails in this flash operation; 0: never */
    uint32_t cut_outcome;
    bool starts_off;
    bool stats;
    bool utc_unknown;
    enum otter_hw_flash_time flash_time;
    struct otter_machine_setting settings[OTTER_MACHINE_SETTINGS];
    uint32_t setting_count;
};

enum otter_hw_state {
    OTTER_HW_OFF,
    OTTER_HW_RUNNING,
    OTTER_HW_WAITING, /* pause before the next start of a restart loop */
    OTTER_HW_HALTED   /* powered, but nothing to run */
};

struct otter_hw {
    struct otter_hw_options options;
    struct otter_machine *machine;
    int flash_fd;
    int state_fd;
    pid_t cpu; /* 0 while there is none */
    enum otter_hw_state state;
    uint32_t started_ms;
    uint32_t pause_ms;   /* how long WAITING lasts */
    uint32_t short_runs; /* restarts in a row that came at once */
    uint32_t starts;     /* CPU starts since the process began */
    uint32_t power_ups;
    enum otter_reset_reason next_reason;
    uint8_t gateway[4]; /* of the board lx106 on an interface of its own */
    bool quit;
};

/* --- options.c ---------------------------------------------------------- */

/* Reads the command line.  Returns -1 to go on, or the exit code after
 * printing help, version or what is wrong. */
int otter__hw_options(struct otter_hw_options *out, int argc, char **argv);

/* Reads N[:OUTCOME], an order for a power cut. */
bool otter__hw_parse_cut(const char *text, uint32_t *operation,
                         uint32_t *outcome);

/* --- assemble.c --------------------------------------------------------- */

/* Builds the board: shared block, flash file, network identity.  Prints what
 * is wrong on stderr and returns an exit code, or -1 when all is well. */
int otter__hw_assemble(struct otter_hw *hw);

/* Finds the host's interface of the board's address.  Fills ip, mask and
 * interface of the machine; false after printing why not. */
bool otter__hw_find_network(struct otter_hw *hw);

/* --- serial.c ----------------------------------------------------------- */

/* Writes the image file to flash from address 0 as a serial flasher would:
 * erases the sectors that it covers and programs them.  Returns an exit code
 * after printing on stderr why it was refused, or -1. */
int otter__hw_serial_upload(struct otter_hw *hw, const char *path);

/* --- cpu.c -------------------------------------------------------------- */

/* Starts the CPU process.  False: the host has no process for it. */
bool otter__hw_cpu_start(struct otter_hw *hw);

/* --- rom.c -------------------------------------------------------------- */

/* What the ROM finds wrong with sector 0 (4096 bytes), or NULL. */
const char *otter__hw_rom_check(const uint8_t *sector0);

/* --- loader.c ----------------------------------------------------------- */

/* Runs the boot loader that sector 0 (4096 bytes) stands for, in the CPU
 * process.  Comes back only when there is nothing to start. */
void otter__hw_loader(const uint8_t *sector0);

/* --- power.c ------------------------------------------------------------ */

void otter__hw_power_on(struct otter_hw *hw);
void otter__hw_power_off(struct otter_hw *hw);
void otter__hw_reset(struct otter_hw *hw, enum otter_reset_reason reason);

/* The CPU process ended with this wait status. */
void otter__hw_cpu_ended(struct otter_hw *hw, int status);

/* Does what is due by time; returns milliseconds until the next thing is, or
 * -1. */
int otter__hw_timers(struct otter_hw *hw);

const char *otter__hw_reason_name(enum otter_reset_reason reason);

/* --- control.c ---------------------------------------------------------- */

#define OTTER_HW_CLIENTS 8

struct pollfd;

/* Listens at `path`; a dead socket file there is replaced.  False after
 * printing why not. */
bool otter__hw_control_open(const char *path);

/* Adds descriptors to `fds` (room for 1 + OTTER_HW_CLIENTS); returns how
 * many. */
int otter__hw_control_fds(struct pollfd *fds);

/* Serves what poll found. */
void otter__hw_control_serve(struct otter_hw *hw, const struct pollfd *fds,
                             int count);

void otter__hw_control_close(const char *path);

/* Sends one command to the board that listens at `path` and prints its
 * answer.  Returns an exit code. */
int otter__hw_control_send(const char *path, const char *command);

/* --- qemu.c: the CPU of the board lx106 -------------------------------- */

#define OTTER_HW_QEMU_FDS 3

/* Finds the ROM stand-in and the board's place in the network; false after
 * printing what is missing. */
bool otter__hw_qemu_find(struct otter_hw *hw);

/* Starts QEMU as hw->cpu.  False: the host has no process for it. */
bool otter__hw_qemu_start(struct otter_hw *hw);

/* Resets the running QEMU; its memory survives. */
void otter__hw_qemu_reset(struct otter_hw *hw, enum otter_reset_reason reason);

/* The straps in hw->machine changed. */
void otter__hw_qemu_straps(struct otter_hw *hw);

/* It ended by itself, or was killed: what it still had to say is printed. */
void otter__hw_qemu_ended(struct otter_hw *hw, int status);
void otter__hw_qemu_stopped(struct otter_hw *hw);

/* Adds descriptors to `fds` (room for OTTER_HW_QEMU_FDS); returns how many.
 * Serve reads what there is. */
int otter__hw_qemu_fds(struct pollfd *fds);
void otter__hw_qemu_serve(struct otter_hw *hw);

/* --- report.c ----------------------------------------------------------- */

/* The board as one line of JSON, without line end. */
void otter__hw_report_status(const struct otter_hw *hw, char *out,
                             size_t size);

/* Flash counters and the wear of every sector that was erased. */
void otter__hw_report_counters(const struct otter_hw *hw, char *out,
                               size_t size);

/* The same for people, on the console. */
void otter__hw_report_print(const struct otter_hw *hw);

#endif
