/* SPDX-License-Identifier: Apache-2.0
 *
 * A new program is on trial until it confirms that it works: the boot loader
 * starts it three times at most, then it puts the old one back.  A program
 * whose image descriptor carries OTTER_DESCRIPTOR_CONFIRMS is installed on
 * trial and calls otter_trial_confirm when it knows that it works - it has
 * been reachable for a while, its sensors answer -, not just when it starts.
 * A crash, a hang that the watchdog ends and a power cut each use up one
 * start; a wake from deep sleep uses up none.
 *
 * It needs Otter's boot loader in sector 0 (boot/boot.h) and talks to it
 * through the boot record (format/boot_record.h).  Under the core's loader
 * everything here answers OTTER_ERR_LOADER, and updates go on as they always
 * did.  A previous program is there to go back to when the flash has room for
 * three images; otherwise an update still survives every power cut, and
 * can_revert says no.
 *
 * Calls block for one sector's erase and program at most, and for reading the
 * log, 8 KiB.  Callable from the main loop only. */
#ifndef OTTER_DEVICE_UPDATER_TRIAL_H
#define OTTER_DEVICE_UPDATER_TRIAL_H

#include "format/boot_record.h"
#include "format/compiler.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

/* The program's view of the boot record.  One object for the whole program:
 * two of them would not see each other's appends.  The updater is given it
 * too. */
struct otter_trial {
    /* private */
    struct otter_boot_log log;
    uint32_t log_addr; /* 0: open has never succeeded */
    uint32_t loader_version;
    int error; /* of open, until it succeeds */
    bool opened;

    /* What the record says, and what the updater found out. */
    struct otter_boot_image running;  /* addr 0: not stored a second time */
    struct otter_boot_image previous; /* addr 0: there is none */
    bool on_trial;
    uint32_t tries; /* starts left, on trial */

    /* The updater's work on the running program (updater/retain.c). */
    bool known;     /* `running` was compared with flash */
    bool comparing; /* with what the record says */
    bool saving;    /* a copy is being made at `save_addr` */
    bool unsavable; /* it failed */
    uint32_t save_addr;
    uint32_t off;        /* of the next byte to be read */
    uint32_t crc;        /* of the program from its second sector on */
    uint32_t stored_crc; /* of all of it; or of what is staged, as is */
    uint32_t staged_crc; /* this, without its first sector */
};

struct otter_trial_status {
    uint32_t loader_version;     /* of Otter's loader, 0: another loader */
    bool has_log;                /* updates are power-fail safe */
    bool on_trial;               /* confirm is awaited */
    uint32_t tries_left;         /* starts left after this one, on trial */
    bool can_revert;             /* the previous program is retained */
    bool is_saved;               /* the running one is too: the next update
                                    can be reverted */
    bool update_waits;           /* a restart installs another program */
    bool file_system_incomplete; /* an update of it was interrupted */
    uint32_t reason;             /* enum otter_boot_reason: why the last
                                    update is not what runs */
    char version[25];            /* of the running program, may be empty */
    char other_version[25]; /* of the image that revert would start; after a
                               revert that of the one that failed */
};

/* Reads sector 0 and the log; also after an error, and then again.
 * OTTER_ERR_LOADER: another boot loader, or one without a log.
 * OTTER_ERR_FLASH_READ. */
OTTER_MUST_CHECK int otter_trial_open(struct otter_trial *trial);

/* What is known; everything that is not known is zero. */
void otter_trial_status(const struct otter_trial *trial,
                        struct otter_trial_status *out);

/* True while confirm is awaited; reads nothing. */
bool otter_trial_is_on_trial(const struct otter_trial *trial);

/* The running program works and stays.  0 also when it is not on trial.
 * OTTER_ERR_LOADER.  OTTER_ERR_FLASH_PROGRAM: the log does not take it; the
 * program is still on trial, try again. */
OTTER_MUST_CHECK int otter_trial_confirm(struct otter_trial *trial);

/* Asks for the previous program.  The boot loader verifies it and installs it
 * at the next restart, for good; the running one is retained where it is
 * stored, so that reverting again comes back to it.  OTTER_ERR_LOADER.
 * OTTER_ERR_STATE: none is retained, or another order is waiting.
 * OTTER_ERR_FLASH_PROGRAM: see above. */
OTTER_MUST_CHECK int otter_trial_revert(struct otter_trial *trial);

/* The text of an enum otter_boot_reason for people; static storage. */
const char *otter_trial_reason_text(uint32_t reason);

/* --- For the updater ----------------------------------------------------- */

/* Appends what the fields above say, so that the record refers to nothing
 * else.  To be called before each first change of flash outside the log, in
 * the same session; an order that waits for a restart is withdrawn by it.
 * OTTER_ERR_LOADER, OTTER_ERR_FLASH_PROGRAM: then the fields are as the log
 * says again. */
OTTER_MUST_CHECK int otter__trial_say(struct otter_trial *trial);

/* Appends the newest record again with that said about the file system.
 * Errors as above. */
OTTER_MUST_CHECK int otter__trial_say_fs(struct otter_trial *trial,
                                         bool incomplete);

/* Appends COPY: the loader installs `target` at the next restart, and
 * `fallback` if the target turns out damaged or does not confirm itself.
 * `flags` are of FINAL, UNCHECKED, STOCK, OTHER, LOADER, INSPECT.  From this
 * call on the update is committed.  Errors as above. */
OTTER_MUST_CHECK int otter__trial_ask(struct otter_trial *trial,
                                      const struct otter_boot_image *target,
                                      const struct otter_boot_image *fallback,
                                      uint32_t flags);

OTTER_END_DECLS

#endif
