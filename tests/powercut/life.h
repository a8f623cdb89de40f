/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of one board under power cuts: sessions of boot loader and program
 * until what the world outside wants has happened or is given up, then six
 * restarts that must change nothing.  The first rule that does not hold ends
 * the life and is its brick; its name is in what is printed.  At each start:
 *
 *   I1   the program is one whole image, with no weak bit under it
 *   I2   it is the one that the record says
 *   I4   what the record says is stored is whole
 *   I7   erases of one start: one image at most, and few of the log
 *   I10  nothing runs that nobody asks for any more
 *   I14  what the program is told (trial.h) is true
 *
 * At each operation on flash:
 *
 *   I3   boot sector and file system stay as they are
 *   I5   nothing is written that the newest record refers to, but by the copy
 *   I6   only erased bytes are programmed, within a page and the chip
 *   I8   none after the end
 *   I12  there are not endlessly many calls
 *   WD   the loader has fed the watchdog since the last sector
 *
 * In the end: I8, the same program runs; I9, what was asked for is there, or
 * was refused as it must be, and who never confirms has had its starts and no
 * more; I13, after a reset in place of a cut the end is the same (campaign.c).
 * I11, the counter of security releases, waits for these.
 *
 * Everything follows from the case.  What the world outside and the board
 * remember over a power cut is in struct cut_life; what it forgets is not. */
#ifndef OTTER_TESTS_POWERCUT_LIFE_H
#define OTTER_TESTS_POWERCUT_LIFE_H

#include "boot/boot.h"
#include "tests/powercut/board.h"
#include "tests/powercut/image.h"

#define CUT_WISHES_MAX 4u
#define CUT_RESTARTS   6u

enum cut_scenario {
    CUT_GOOD,         /* an update that confirms */
    CUT_BAD,          /* one that crashes at every start */
    CUT_REFUSED,      /* one that the updater refuses */
    CUT_REVERT,       /* updated, then reverted by request */
    CUT_REREVERT,     /* and that reverted again */
    CUT_OVERLAP,      /* longer than the room beside it */
    CUT_GZIP,         /* packed */
    CUT_GZIP_BAD,     /* packed, and crashes at every start */
    CUT_GZIP_REVERT,  /* packed, reverted, and that reverted again */
    CUT_GZIP_CORRUPT, /* packed, and does not unpack to a whole file */
    CUT_ROT_STAGED,   /* a staged bit flips before the copy begins */
    CUT_ROT_MIDCOPY,  /* a staged bit flips when power failed in the copy */
    CUT_ROT_ALONE,    /* as ROT_STAGED, without a retained program */
    CUT_TWICE,        /* two updates in a row */
    CUT_ON_TRIAL,     /* the second comes while the first is on trial */
    CUT_NO_ROOM,      /* no room to retain the old program */
    CUT_LOG_FULL,     /* the log is at the end of a sector */
    CUT_WITHDRAWN,    /* asked for once; if that fails, never again */
    CUT_FILE_SYSTEM,  /* a file system image, then a sketch */
    CUT_STOCK,        /* the core's Updater and its command in RTC memory */
    CUT_STOCK_GZIP,   /* the same, packed */
    CUT_STOCK_TWICE,  /* a program without our updater arrives, then leaves */
    CUT_WEB,          /* updated, confirmed and reverted by the web page */
    CUT_SLEEPER,      /* sleeps deeply, again and again, before it confirms */
    CUT_SCENARIOS
};

extern const char *const cut_scenario_names[CUT_SCENARIOS];

/* The tuple that a case is. */
struct cut_case {
    uint32_t scenario;
    uint32_t old_sectors; /* of the installed file, 2 or more */
    uint32_t new_sectors;
    uint32_t seed;
    bool sticky;
    uint32_t rarity;
    uint32_t reset_at; /* a reset after this operation; UINT32_MAX: none */
    uint32_t fault_count;
    struct otter_torn_fault faults[CUT_FAULTS_MAX];
};

/* What somebody outside wants of the board. */
enum cut_wish_kind {
    CUT_WISH_UPDATE, /* image n, confirmed in the end */
    CUT_WISH_ONCE,   /* the same, asked for once */
    CUT_WISH_TRIAL,  /* image n, running on trial is enough */
    CUT_WISH_FAIL,   /* image n, which will not stay */
    CUT_WISH_MAYBE,  /* image n, which may rot on its way */
    CUT_WISH_REVERT, /* back to image n */
    CUT_WISH_FS      /* a file system */
};

struct cut_wish {
    enum cut_wish_kind kind;
    uint32_t image;
};

struct cut_life {
    struct cut_case c;
    /* geometry, in bytes */
    uint32_t log;
    uint32_t fs;
    uint32_t end;
    /* the world outside */
    struct cut_wish wishes[CUT_WISHES_MAX];
    uint32_t wish_count;
    uint32_t wish;     /* the current one */
    uint32_t attempts; /* at it */
    uint32_t idle;     /* starts that CUT_WISH_ONCE has waited */
    bool asked;        /* CUT_WISH_ONCE, or a refused image */
    bool rotted;       /* a staged bit was flipped, or the core's Updater
                          has written where it likes */
    uint32_t allowed;  /* images that may run, as bits */
    /* the board */
    enum otter_reset_reason next_reason;
    uint32_t sessions;
    uint32_t who;            /* image that runs */
    uint32_t crashes;        /* starts of an image that crashes */
    uint32_t naps;           /* of a sleeper on trial */
    uint32_t tries;          /* that were left when it fell asleep */
    uint32_t erases;         /* of the chip when this start began */
    uint32_t log_erases;     /* of the log, in the life */
    uint32_t old_log_erases; /* the same when this start began */
    bool ended;              /* all wishes are dealt with */
    uint32_t quiet;          /* restarts since then */
    uint32_t final;          /* image that ran when they were */
    bool in_program;         /* or in the boot loader */
    bool newest_known;       /* `newest` is what the log holds */
    bool fs_dirty;           /* the file system is being replaced */
    struct otter_boot_record newest;
};

extern struct cut_life cut_life;
extern struct otter_boot cut_boot;

/* Makes images, flash and wishes for a case; faults are taken from it. */
void cut_life_begin(const struct cut_case *c);

/* Runs sessions until the life is over.  `each`, if not NULL, is called
 * before each session.  Then cut_board.broken tells whether it was good. */
void cut_life_run(void (*each)(void));

/* What program.c does in a start of image cut_life.who. */
void cut_program(void);

/* Takes the next wish.  */
void cut_next_wish(void);

/* The newest record as the cells of the log hold it, weak bits aside. */
const struct otter_boot_record *cut_newest(void);

#endif
