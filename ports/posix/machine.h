/* SPDX-License-Identifier: Apache-2.0
 *
 * The virtual board's inside: what the hardware (otter-device) and the CPU (a
 * process that runs the boot loader and then becomes the sketch) share.  It
 * is one block of shared memory: RTC memory, the watchdog's clock, straps,
 * counters, the console's last line, the owner's settings.  The flash is a
 * file mapped by both.  A CPU process finds both at two fixed descriptors, as
 * a chip finds its peripherals at fixed addresses.
 *
 * The hardware writes identity and cause of reset while no CPU runs; all else
 * belongs to the CPU while it runs. */
#ifndef OTTER_PORTS_POSIX_MACHINE_H
#define OTTER_PORTS_POSIX_MACHINE_H

#include "hal/rtc.h"
#include "ports/sim/nor.h"
#include "ports/sim/torn.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define OTTER_MACHINE_MAGIC    0x424f5456u /* "VTOB" */
#define OTTER_MACHINE_LAYOUT   2u /* raised when the meaning changes */
#define OTTER_MACHINE_FD_FLASH 3
#define OTTER_MACHINE_FD_STATE 4

#define OTTER_MACHINE_FLASH_MAX    (16u << 20) /* bytes */
#define OTTER_MACHINE_SETTINGS     32u
#define OTTER_MACHINE_KEY_SIZE     32u
#define OTTER_MACHINE_VALUE_SIZE   224u
#define OTTER_MACHINE_CONSOLE_SIZE 256u

/* Where host programs are loaded: RAM that the ESP8266 does not have. */
#define OTTER_MACHINE_PROGRAM_VMA  0x70000000u
#define OTTER_MACHINE_PROGRAM_SIZE (1u << 20)

/* How a CPU process ends when it means to. */
enum otter_machine_exit {
    OTTER_MACHINE_EXIT_RESTART = 75, /* otter_board_restart */
    OTTER_MACHINE_EXIT_HALT = 76,    /* nothing to run: the board idles */
    OTTER_MACHINE_EXIT_POWER = 77    /* power failed in a flash operation */
};

struct otter_machine_setting {
    char key[OTTER_MACHINE_KEY_SIZE];
    char value[OTTER_MACHINE_VALUE_SIZE];
};

struct otter_machine_counters {
    struct otter_nor_counters flash;
    uint32_t wear[OTTER_MACHINE_FLASH_MAX / OTTER_NOR_SECTOR];
    uint64_t console_dropped; /* characters that nobody took */
};

struct otter_machine {
    uint32_t magic;
    uint32_t layout;
    uint32_t size; /* of this struct: guards against another build's */

    /* Identity, fixed for the life of the hardware. */
    uint8_t mac[6];
    uint8_t ip[4];
    uint8_t mask[4];
    uint32_t interface; /* index of the host's interface */
    uint32_t flash_size;
    char map[12];      /* name of the flash map */
    bool flash_sleeps; /* flash operations take their time */
    bool utc_unknown;  /* no calendar time, as on a chip before SNTP */
    struct otter_nor_timing timing;
    struct otter_machine_setting settings[OTTER_MACHINE_SETTINGS];

    /* The state of this start. */
    uint32_t reset_reason; /* enum otter_reset_reason */
    uint32_t boot_id;
    bool strapped;      /* strap pins latched for serial download */
    bool sketch_runs;   /* the loader is done, a sketch has the CPU */
    atomic_uint fed_ms; /* when the watchdog was last fed */

    uint32_t rtc[OTTER_RTC_WORDS];

    /* The console's line buffer lives here so that the hardware can print
     * what a killed CPU had not flushed. */
    char line[OTTER_MACHINE_CONSOLE_SIZE];
    uint32_t line_len;
    bool mid_line;      /* what was printed last did not end a line */
    bool console_stuck; /* nobody takes the output: drop, do not wait */

    struct otter_machine_counters counters;

    /* Flash that loses power: in use from the first order for a cut on,
     * because torn cells stay weak. */
    atomic_bool torn_used;
    struct otter_torn torn;
    struct otter_torn_fault cut; /* the order, torn.fault_count tells */
};

/* The board that this process belongs to; NULL before create and attach. */
struct otter_machine *otter__machine(void);

/* Hardware side: makes the shared block (zeroed, with magic and layout) and
 * maps it.  Returns its descriptor, or OTTER_ERR_NO_MEMORY. */
int otter__machine_create(void);

/* Hardware side: maps `size` bytes of the flash file at descriptor `fd`.
 * OTTER_ERR_NO_MEMORY. */
int otter__machine_map_flash(int fd, uint32_t size);

/* Sketch side: maps both from the fixed descriptors.  OTTER_ERR_STATE: this
 * process is not a board's CPU.  OTTER_ERR_BOARD: the board is of another
 * build than this program. */
int otter__machine_attach(void);

/* The flash chip, for the serial upload. */
struct otter_nor *otter__machine_nor(void);

/* Hardware side: power shall fail in flash operation number `operation` from
 * now on, 1 or higher, torn as `outcome` says (torn.h).  0: it shall not. */
void otter__machine_order_cut(uint32_t operation, uint32_t outcome);

/* CPU side: the flash that loses power, NULL while none was ordered. */
struct otter_torn *otter__machine_torn(void);

/* --- Console ------------------------------------------------------------ */

/* Writes out what otter_board_putc collected.  Waits at most a second for a
 * reader, once; after that, output is dropped until somebody reads. */
void otter__console_flush(void);

/* One whole line from the board itself, on a line of its own: "board: ...". */
void otter__console_say(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* --- Network ------------------------------------------------------------ */

/* Waits until a socket of the board needs the program, at most
 * `timeout_ms`. */
void otter__net_wait(int timeout_ms);

/* True when flash or network were used since the last call: the program is
 * busy and wants to be called again soon. */
bool otter__flash_take_activity(void);
bool otter__net_take_activity(void);

#endif
