/* SPDX-License-Identifier: Apache-2.0
 *
 * The updater: the last stream.  It stages an image in flash, verifies it by
 * reading the flash back, and commits: only then does the boot loader have an
 * order to install it.  Until the commit, whatever happens, the old program
 * starts again.
 *
 *             begin           end             read back      end
 *   IDLE -----------> RECEIVE ----> FINISH ----> VERIFY ----> READY --> IDLE
 *    ^                  |             |             |   commits the update
 *    |   end or abort   v first error v             v
 *    +---------------- FAILED <-------+-------------+
 *
 * Behaviour is that of the core's Updater (protocol 2.2 to 2.4) with these
 * deliberate differences:
 *
 *  - begin while an update runs answers OTTER_ERR_BUSY and leaves it alone
 *    (2.2 step 1 destroys it).
 *  - The first byte and the flash size of a sketch are judged before the
 *    first erase (2.4 step 6 judges at the end).
 *  - The digest is computed over what was read back from flash (2.3 takes
 *    the bytes in RAM), so a write that failed silently is found.
 *  - A sketch must be whole: a boot image that ends in its sector, the
 *    application image at 0x1000, and all their segments and checksum bytes
 *    within the bytes that come (2.4 step 6 looks at two bytes, 2.7 is never
 *    checked).  It is refused as soon as a header says otherwise, because
 *    nobody reaches a device whose program was cut short.  The values of
 *    checksums and CRC words (2.7) are no reason to refuse.
 *  - An upload of unknown size that is shorter than a buffer is judged by
 *    its content (2.4 step 2 refuses it as "no data").
 *  - A gzip image must say that it unpacks to something possible, and that
 *    fits below its own staged copy, or overlaps it only so far that the
 *    loader cannot overtake itself (3.3 checks nothing).
 *  - An image whose descriptor names another board or chip, or needs a newer
 *    boot loader, is refused as soon as the descriptor has arrived.
 *  - Before staging overwrites the image of an earlier update that was
 *    committed but not installed yet, that update's order is withdrawn (2.2
 *    leaves it, so that a restart would install a mixture).
 *
 * A file system image is written over the old file system directly, as in the
 * core: from its first byte on the old content is gone.
 *
 * No call blocks for longer than one sector's erase and program; write and
 * begin do neither.  Callable from the main loop only.  The memory is the
 * caller's: one sector and at most 512 bytes, no heap. */
#ifndef OTTER_DEVICE_UPDATER_UPDATER_H
#define OTTER_DEVICE_UPDATER_UPDATER_H

#include "device/stream/stream.h"
#include "format/compiler.h"
#include "hal/flash.h"

#include <bearssl.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

struct otter_flash_map;
struct otter_trial;
struct otter_updater_resume;

/* For the configuration of a program whose updates have keys. */
extern const struct otter_updater_resume otter_updater_resume;

/* All zero is a good configuration on a board that knows its flash map. */
struct otter_updater_config {
    const struct otter_flash_map *map; /* NULL: otter_board_flash_map() */
    const char *board;       /* image descriptors must name this board or none;
                                NULL: otter_board_name() */
    const char *chip;        /* likewise; NULL: otter_board_chip() */
    uint32_t loader_version; /* of the core's boot loader or another; 0: the
                                core's own.  Otter's tells itself */
    struct otter_trial *trial; /* for Otter's boot loader; borrowed.  NULL:
                                  updates are committed as the core does */
    const struct otter_updater_resume
        *resume;            /* &otter_updater_resume: an update with a key goes
                               on after a reset, with `trial` and Otter's boot
                               loader.  NULL: keys have no effect */
    bool allow_other_board; /* take images for other boards and chips, and
                                  with a descriptor that makes no sense */
};

/* What is known about the sketch that runs (private). */
struct otter_updater_running {
    uint32_t size;    /* bytes, 0: not known yet */
    uint32_t md5_off; /* bytes that are in the digest */
    uint8_t md5_state;
    uint8_t md5[16];
    br_md5_context md5_context;
};

struct otter_updater {
    struct otter_stream stream; /* an updater is a stream */

    /* private */
    const struct otter_updater_config *config;
    const struct otter_flash_map *map;
    struct otter_updater_running running;
    uint8_t state;
    uint8_t kind;    /* enum otter_update_kind */
    bool size_known; /* `capacity` is the announced size */
    bool bounded;    /* ... or more than that, and not all that there is */
    bool head_good;  /* the first bytes were judged */
    bool descriptor_judged;
    bool structure_judged; /* all headers lead to what was announced */
    bool gzip;             /* a sketch in gzip form */
    bool confirms;         /* its descriptor says so */
    bool by_record;        /* for Otter's boot loader, not the core's */
    bool prepared;         /* nothing refers to the staging area any more */
    bool keyed;            /* `key` names the content */
    bool noted;            /* the record tells what is being staged */
    bool turn;             /* to stage; else to save the running program */
    uint8_t mode_received; /* header byte 2 as it came */
    uint8_t mode_running;  /* header byte 2 of the running image */
    uint8_t expected;      /* bit n: digest of kind n is set */
    bool md5_known;        /* `md5` holds a digest of the staged bytes */
    uint8_t md5_expected[16];
    uint8_t md5[16]; /* of the staged bytes */
    uint8_t sha256_expected[32];
    uint8_t key[8];
    uint32_t resumed;         /* bytes that were staged before begin */
    int error;                /* the first, OTTER_ERR_* */
    uint32_t configured_size; /* flash that the running image names */
    uint32_t start;           /* addr of the first staged byte */
    uint32_t capacity;        /* most bytes that may come */
    uint32_t received;        /* bytes taken by write */
    uint32_t programmed;      /* bytes in flash */
    uint32_t erased;          /* bytes from `start` on that were erased */
    uint32_t verified;        /* bytes read back by VERIFY */
    br_md5_context md5_context;
    br_sha256_context sha256_context;
    alignas(4) uint8_t buffer[OTTER_FLASH_SECTOR];
};

/* Prepares an updater; `config` is borrowed as long as the updater is used.
 * Reads no flash.  OTTER_ERR_INVALID: there is no flash map, or its areas are
 * not whole sectors inside its flash. */
OTTER_MUST_CHECK int otter_updater_init(
    struct otter_updater *updater, const struct otter_updater_config *config);

/* The application's own poll, beside that of the transports: saves the running
 * program where trial.h says.  Does nothing while an update is under way.  0:
 * nothing to do.  OTTER_ERR_PENDING: there is more. */
int otter_updater_poll(struct otter_updater *updater);

/* The updater as a transport wants it.  Beyond stream.h:
 *
 * begin, in this order: OTTER_ERR_BUSY; OTTER_ERR_BOOTSTRAP; OTTER_ERR_SIZE:
 *   size 0; OTTER_ERR_FLASH_CONFIG: the chip is smaller than the running image
 *   or the map says; OTTER_ERR_IMAGE or OTTER_ERR_FLASH_READ: the running
 *   sketch cannot be read, so nobody knows where it ends; OTTER_ERR_SPACE;
 *   OTTER_ERR_KIND.  What a key can resume is whole thirty-firsts of the
 *   content, in sectors.  With OTTER_SIZE_UNKNOWN a sketch is staged one
 *   sector above the running one (protocol 4.3) and a file system may fill
 *   its area.
 * expect takes MD5 and SHA-256, both at once too; a second digest of a kind
 *   replaces the first.
 * write: OTTER_ERR_SPACE: more bytes than announced, or than there is room
 *   for; OTTER_ERR_MAGIC, OTTER_ERR_NEW_FLASH_CONFIG, OTTER_ERR_GZIP: the
 *   first four bytes.
 * write and poll: OTTER_ERR_FLASH_ERASE, _PROGRAM (also when the bytes read
 *   back are others) and _READ; OTTER_ERR_BOARD, _CHIP, _LOADER: the
 *   descriptor; OTTER_ERR_IMAGE: the sketch is not whole, or its descriptor
 *   makes no sense.
 * end: OTTER_ERR_NO_DATA: less than the announced size came and it is one
 *   sector at most, or nothing came; OTTER_ERR_SHORT: less than announced;
 *   OTTER_ERR_DIGEST; OTTER_ERR_GZIP; OTTER_ERR_SPACE: it unpacks to too
 *   much; OTTER_ERR_IMAGE: the sketch is not whole; OTTER_ERR_CHECKSUM: with
 *   the core's loader, the boot image would not start; OTTER_ERR_RECORD: the
 *   boot command could not be left.
 * detail names MD5s only when they differ. */
static inline struct otter_stream *otter_updater_stream(
    struct otter_updater *updater)
{
    return &updater->stream;
}

/* Bytes of the running sketch with its boot sector, a multiple of 16
 * (protocol 2.6); 0 when the flash does not hold a readable one. */
uint32_t otter_updater_sketch_size(struct otter_updater *updater);

/* Bytes between the running sketch and the file system, whole sectors
 * (protocol 2.6); 0 when the size of the sketch is not known. */
uint32_t otter_updater_free_space(struct otter_updater *updater);

/* The MD5 of the running sketch as 32 lowercase hex digits and a NUL
 * (protocol 2.6).  It is computed once, in steps by poll, from the first call
 * on, beside a running update too.  OTTER_ERR_PENDING: not ready, `out` is
 * empty.  OTTER_ERR_IMAGE, OTTER_ERR_FLASH_READ: the sketch is not readable,
 * `out` is empty; the next call tries again. */
OTTER_MUST_CHECK int otter_updater_sketch_md5(struct otter_updater *updater,
                                              char out[33]);

OTTER_END_DECLS

#endif
