/* SPDX-License-Identifier: Apache-2.0
 *
 * The boot record: what the running program and the boot loader tell each
 * other through flash.  Its log is two sectors below the file system, 16
 * slots of 256 bytes each, append only; loader_config.h says where.  The
 * newest record is the last valid one of the sector with the higher
 * generation.
 *
 *   COPY   install `target`; if that cannot be done, put `fallback` back
 *   TRIAL  `target` is installed and has `tries` starts left to say DONE
 *   DONE   `target` is installed, for good
 *
 * What both sides do so that a power cut at any instant does no harm:
 *
 *  1. Say it before doing it.  Whoever will change flash outside the log
 *     first appends a record that says so, in full, and reads it back.  A
 *     record that was found after power came up may be a torn one that will
 *     read differently later; one appended and read back now is not.
 *  2. Lease.  Nothing that the newest record refers to is changed.  Who wants
 *     to, first appends one that no longer refers to it: before it stages, the
 *     program appends DONE (or TRIAL, if that is what it is on) with those
 *     images only which the new one will not overwrite.
 *  3. When a sector is full the other one is erased and used with the next
 *     generation.  The sector of the newest record is never erased.
 *  4. If the other sector holds something but no valid record, that is a torn
 *     first record which may come back: it is erased before anything else.  A
 *     DONE that follows a COPY or TRIAL may be torn too: the loader appends it
 *     once more at the next start, which makes it AFFIRMED.
 *  5. Progress reached is in the record itself (`tries` of a COPY); the marks
 *     behind it only add to it.  Each programs erased cells, never a second
 *     time.
 *
 * For whoever writes a COPY:
 *
 *  - `fallback` is the program that is installed now: if the target turns out
 *    damaged before the copy has begun, the loader keeps what is installed and
 *    calls it by that name.  With the flag OTHER it is the one before it, the
 *    last that has confirmed itself, and is installed in that case: a program
 *    on trial does not become final because its successor was damaged.
 *  - `fallback` is retained (addr not 0) only if
 *    its stored copy has been compared with what is installed: a program that
 *    came in by serial line has changed the one and not the other.
 *  - Images are stored on sectors of their own between the end of the longer
 *    program, the running or the new one, and the log.  What begins below the
 *    end of the new program is overwritten by it: a fallback there is dropped,
 *    a gzip target is refused, another target needs the distance that
 *    otter_boot_overlap_is_safe tells and can be installed only once.
 *  - A packed target is UNCHECKED unless its size and crc are known from
 *    unpacking it, and then to be INSPECTed.
 *  - Installing needs a program behind the boot sector: size above 4096.
 *
 * Here is what needs no flash: reading the slots in order (look, judge),
 * choosing the next slot and completing the record for it (next).  The caller
 * reads, erases, programs and reads back.  To append:
 *
 *     do {
 *         slot = otter_boot_log_next(log);
 *         addr = log_addr + slot * OTTER_BOOT_SLOT_SIZE;
 *         if (slot % OTTER_BOOT_SLOTS == 0) erase the sector at addr
 *         program log->record there, read it back into log->slot
 *     } while (!otter_boot_log_written(log) and patience is left);
 *
 * A record is what lies in flash, byte for byte, on the little-endian machines
 * that all boards are; it is read into and programmed from the struct. */
#ifndef OTTER_FORMAT_BOOT_RECORD_H
#define OTTER_FORMAT_BOOT_RECORD_H

#include "format/compiler.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_BOOT_LOG_SECTORS 2u
#define OTTER_BOOT_SLOTS       16u /* in a sector */
#define OTTER_BOOT_SLOT_SIZE   256u
#define OTTER_BOOT_MARKS       32u
#define OTTER_BOOT_MARKS_OFF   128u /* in the slot; 4 bytes each */
#define OTTER_BOOT_TRIES       3u   /* starts that an image on trial gets */

#define OTTER_BOOT_RECORD_MAGIC 0x3142544Fu /* the letters OTB1 */

enum otter_boot_state {
    OTTER_BOOT_NONE = 0, /* no record; never written */
    OTTER_BOOT_COPY = 1,
    OTTER_BOOT_TRIAL = 2,
    OTTER_BOOT_DONE = 3
};

/* Flags of a record.  Those marked * are the loader's own. */
#define OTTER_BOOT_FINAL   0x01u /* COPY: DONE follows, not TRIAL */
#define OTTER_BOOT_SWAPPED 0x02u /* * COPY: the fallback became the target */
#define OTTER_BOOT_BEGUN   0x04u /* * COPY: the program may be half written */
#define OTTER_BOOT_UNCHECKED                                                  \
    0x08u /* COPY: size and crc of the target are not                         \
             known; the loader finds them first */
#define OTTER_BOOT_STOCK                                                      \
    0x10u /* the target knows nothing of this log and                         \
             may overwrite it */
#define OTTER_BOOT_AFFIRMED                                                   \
    0x20u /* DONE: the record before was no COPY and                          \
             no TRIAL; set by otter_boot_log_next */
#define OTTER_BOOT_FS                                                         \
    0x40u /* the file system is being replaced and is                         \
             incomplete; carried along */
#define OTTER_BOOT_LOADER                                                     \
    0x80u /* COPY: write the file's boot sector too.                          \
             A power cut while that is written leaves                         \
             a board without a boot loader */
#define OTTER_BOOT_OTHER                                                      \
    0x100u /* COPY: what is installed is on trial and                         \
              not the fallback, so that it does not                           \
              stay when the target is damaged */

#define OTTER_BOOT_INSPECT                                                    \
    0x200u /* COPY: nobody could look into the target. FINAL                  \
              and STOCK hold only unless its descriptor says,                 \
              once it is installed, that it confirms */

/* Why the installed program is not the one that was asked for last. */
enum otter_boot_reason {
    OTTER_BOOT_REASON_NONE = 0,
    OTTER_BOOT_REASON_UNCONFIRMED = 1, /* it used its tries up */
    OTTER_BOOT_REASON_REQUESTED = 2,   /* the program asked to revert */
    OTTER_BOOT_REASON_DAMAGED = 3,     /* the staged image was damaged */
    OTTER_BOOT_REASON_FLASH = 4        /* the flash would not take it */
};

/* An image file: boot sector first, then the application.  Installed, its
 * byte at offset n is at addr n; the boot sector is not installed. */
struct otter_boot_image {
    uint32_t addr;        /* of the stored file, a sector's; 0: not stored, it
                             is only described as it is or was installed */
    uint32_t stored_size; /* bytes at `addr` */
    uint32_t stored_crc;  /* otter_crc32 of them */
    uint32_t packed;      /* 1: stored as gzip; 0: as it is */
    uint32_t size;        /* bytes of the file, unpacked; 0: no image */
    uint32_t crc;         /* otter_crc32 of bytes 4096 to `size` of it */
    uint8_t md5[16];      /* of the file, for who asks what is installed; all
                             zero: not known */
};

/* A download that is being staged, for the program that goes on with it after
 * a reset; all zero: none.  No order and no lease: the loader carries it along
 * and never looks at it.  While the record is DONE or TRIAL its marks count
 * what is staged, mark n that chunk n is (otter_boot_staged_chunk); the last
 * mark says that what is staged is no good.  An update's own record, COPY, has
 * none. */
struct otter_boot_staged {
    uint32_t place; /* addr of the first byte, whole sectors; in the low bits
                       OTTER_BOOT_STAGED_COUNT: marks that were reached before
                       this record was appended, OTTER_BOOT_STAGED_MODE: the
                       flash mode byte that came, 4 for any above 3 */
    uint32_t size;  /* bytes that will come in all */
    uint8_t key[8]; /* the begin of what names the content */
};

#define OTTER_BOOT_STAGED_COUNT 0x01fu
#define OTTER_BOOT_STAGED_MODE  0x0e0u
#define OTTER_BOOT_STAGED_MARKS (OTTER_BOOT_MARKS - 1)

struct otter_boot_record {
    uint32_t magic;      /* set by otter_boot_log_next, as are */
    uint32_t generation; /* this, from 1 on, */
    uint32_t state;      /* enum otter_boot_state */
    uint32_t tries;      /* TRIAL: starts left after this one; COPY: marks
                            reached before this record was appended */
    uint32_t reason;     /* enum otter_boot_reason */
    uint32_t flags;
    struct otter_boot_image target;
    struct otter_boot_image fallback;
    uint32_t counter; /* of security releases; carried along */
    struct otter_boot_staged staged;
    uint32_t crc;                    /* this: otter_crc32 of what is above, */
    uint32_t mark[OTTER_BOOT_MARKS]; /* and these, all ones: mark n is cleared
                                        when chunk n is installed */
};

/* One session's view of the log; a session ends when power does. */
struct otter_boot_log {
    /* The newest record, state NONE if there is none; then what the caller
     * makes of it to be appended. */
    struct otter_boot_record record;

    struct otter_boot_record slot; /* the caller reads slots into this */

    uint32_t dirty; /* after judge, not 0: append the record again before it is
                       relied on for anything outside the log */

    /* private */
    uint32_t fresh;    /* 1 until something is appended in this session */
    uint32_t previous; /* state of the newest record in flash */
    uint32_t newest;   /* slot of that record, 0 to 31 */
    uint32_t used;     /* slots of its sector that are not blank, 0 to 16 */
    uint32_t sector;   /* that is being filled, 0 or 1 */
    uint32_t home;     /* the sector of the newest record in flash */
    uint32_t seen[2];  /* the same of each sector */
    uint32_t begun[2]; /* the last slot in which a record was begun */
    uint32_t valid[2]; /* it holds a valid record */
};

/* Begins to read the log. */
void otter_boot_log_begin(struct otter_boot_log *log);

/* Takes slot number `slot`, 0 to 31 in order, as read into log->slot.  A slot
 * that cannot be read is given as anything that is not blank, with a magic
 * that is not 0. */
void otter_boot_log_look(struct otter_boot_log *log, uint32_t slot);

/* After the last slot: decides what is newest and whether it is dirty. */
void otter_boot_log_judge(struct otter_boot_log *log);

/* True before the first record of a session, when the first free slot must be
 * spoiled: a word of zeros is programmed at its beginning.  A record that lost
 * power in mid-program may be there and not be seen; what is written over it
 * would read back well now and otherwise later.  Once spoiled the slot is seen
 * to be used, whatever happens next, so that no record is ever written where
 * another one was begun. */
static inline bool otter_boot_log_spoils(const struct otter_boot_log *log)
{
    return log->fresh != 0 && log->used < OTTER_BOOT_SLOTS;
}

/* That slot, 0 to 31. */
static inline uint32_t otter_boot_log_free(const struct otter_boot_log *log)
{
    return log->sector * OTTER_BOOT_SLOTS + log->used;
}

/* Completes log->record for the next slot and returns that, 0 to 31.  The
 * first slot of a sector needs the sector erased. */
OTTER_MUST_CHECK uint32_t otter_boot_log_next(struct otter_boot_log *log);

/* True when log->slot, read back, is log->record: it is in flash. */
OTTER_MUST_CHECK bool otter_boot_log_written(struct otter_boot_log *log);

/* Bytes of the file that one mark stands for, whole sectors. */
static inline uint32_t otter_boot_chunk(uint32_t size)
{
    return (size + (OTTER_BOOT_MARKS << 12) - 1) / (OTTER_BOOT_MARKS << 12)
           << 12;
}

/* Bytes of a download that one mark stands for, whole sectors. */
static inline uint32_t otter_boot_staged_chunk(uint32_t size)
{
    return (size + (OTTER_BOOT_STAGED_MARKS << 12) - 1) /
               (OTTER_BOOT_STAGED_MARKS << 12)
           << 12;
}

/* True when an image that is stored as it is can be installed although the
 * copy overwrites where it is stored: what a chunk is copied from is still
 * whole while the next one is written. */
static inline bool otter_boot_overlap_is_safe(
    const struct otter_boot_image *image)
{
    return image->addr >= image->size ||
           image->addr >= 2 * otter_boot_chunk(image->size);
}

OTTER_END_DECLS

#endif
