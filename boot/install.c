/* SPDX-License-Identifier: Apache-2.0
 *
 * Installs what a COPY asks for.  The order is: verify the source, say it in
 * the log, copy, verify what is installed.  As long as the record does not
 * say BEGUN the program was not touched, and a bad source changes nothing;
 * afterwards the way back is the fallback, whole in its own place. */
#include "boot/internal.h"
#include "boot/load.h"
#include "format/crc32.h"
#include "format/loader_config.h"
#include "hal/board.h"

#include <string.h>

#define SECTOR   OTTER__SECTOR
#define ATTEMPTS 3 /* to read, to write, to copy: then it is bad */

bool otter__boot_crc(struct otter_boot *b, uint32_t addr, uint32_t len)
{
    b->crc = OTTER_CRC32_INIT;
    while (len != 0) {
        uint32_t n = len < SECTOR ? len : SECTOR;

        if (otter__boot_read(addr, b->check, SECTOR) != 0) {
            return false;
        }
        b->crc = otter_crc32(b->crc, b->check, n);
        addr += n;
        len -= n;
    }
    return true;
}

static bool is_whole(struct otter_boot *b, uint32_t addr, uint32_t len,
                     uint32_t crc)
{
    /* Only what lies below the log, and not nothing. */
    uint32_t room = b->log_addr - addr;

    for (int i = ATTEMPTS; i != 0 && addr < b->log_addr && len - 1 < room;
         i--) {
        if (otter__boot_crc(b, addr, len) && b->crc == crc) {
            return true;
        }
    }
    return false;
}

/* True when the target is what lies in the primary. */
static bool is_installed(struct otter_boot *b)
{
    const struct otter_boot_image *t = &b->log.record.target;

    return is_whole(b, SECTOR, t->size - SECTOR, t->crc);
}

/* A boot sector that is there already is not written again: nothing protects
 * it while it is erased.  Any other sector is, since one that was being
 * erased when power failed may only look right. */
void otter__boot_put_sector(struct otter_boot *b, uint32_t addr,
                            const uint8_t *data)
{
    for (int i = ATTEMPTS; i >= 0; i--) {
        if ((i != ATTEMPTS || addr == 0) &&
            otter__boot_read(addr, b->check, SECTOR) == 0 &&
            memcmp(b->check, data, SECTOR) == 0) {
            return;
        }
        if (i != 0 && otter_flash_erase(addr) == 0) {
            otter__ignore(otter_flash_program(addr, data, SECTOR));
        }
    }
}

/* --- The content of the target, sector by sector ------------------------ */

/* After each chunk the record gets a mark.  One that is lost costs copying
 * the chunk again. */
static void mark(struct otter_boot *b)
{
    struct otter_boot_record *r = &b->log.record;

    if (b->log_addr != OTTER_LOADER_NO_LOG && r->tries < OTTER_BOOT_MARKS &&
        b->pos - SECTOR == (r->tries + 1) * otter_boot_chunk(r->target.size)) {
        otter__boot_clear(b, b->log.newest,
                          OTTER_BOOT_MARKS_OFF + 4 * r->tries);
        r->tries++;
    }
}

static int take(struct otter_inflate *inflate, uint8_t *data, uint32_t len)
{
    struct otter_boot *b = inflate->user;
    uint32_t pos = b->pos;

    if (pos >= b->stop) {
        return OTTER_ERR_SPACE;
    }
    b->pos += SECTOR;
    if (b->writing == 0) {
        if (pos != 0) {
            b->crc = otter_crc32(b->crc, data, len);
        }
    } else if (pos >= b->resume) {
        memset(data + len, 0xff, SECTOR - len);
        otter__boot_put_sector(b, pos, data);
        mark(b);
    }
    return 0;
}

/* Where the file ends is not looked at: its CRC was right, and what unpacks
 * knows its own end. */
static int refill(struct otter_inflate *inflate)
{
    struct otter_boot *b = inflate->user;

    inflate->next = b->input;
    inflate->end = b->input + SECTOR;
    b->in += SECTOR;
    return otter__boot_read(b->in - SECTOR, b->input, SECTOR);
}

/* Runs the target's content through take(): all of it, or from `resume` on,
 * up to `stop`.  False: it could not be read or unpacked to its end. */
static bool run_content(struct otter_boot *b, uint32_t resume, uint32_t stop)
{
    const struct otter_boot_image *t = &b->log.record.target;
    struct otter_inflate *f = &b->inflate;

    b->resume = resume;
    b->stop = stop;
    b->crc = OTTER_CRC32_INIT;
    f->user = b;
    if (t->packed != 0) {
        /* It must not write over what it unpacks. */
        b->stop = stop < t->addr ? stop : t->addr;
        b->pos = 0;
        b->in = t->addr;
        f->next = f->end;
        f->window = b->window;
        f->refill = refill;
        f->flush = take;
        return otter_inflate_gzip(f) == 0;
    }
    for (b->pos = resume; b->pos < t->size;) {
        uint32_t left = t->size - b->pos;

        if (otter__boot_read(t->addr + b->pos, b->window, SECTOR) != 0 ||
            take(f, b->window, left < SECTOR ? left : SECTOR) != 0) {
            return false;
        }
    }
    return true;
}

/* --- Verify, copy, verify ----------------------------------------------- */

/* Finds out what nobody has told: size and CRC of the unpacked target. */
static bool check_content(struct otter_boot *b)
{
    struct otter_boot_record *r = &b->log.record;
    struct otter_boot_image *t = &r->target;

    b->writing = 0;
    t->size = t->stored_size;
    if (!run_content(b, 0, b->log_addr)) {
        return false;
    }
    if (t->packed != 0) {
        t->size = b->inflate.produced;
    }
    t->crc = b->crc;
    r->flags &= ~OTTER_BOOT_UNCHECKED;
    return true;
}

static bool is_source_good(struct otter_boot *b)
{
    const struct otter_boot_record *r = &b->log.record;
    const struct otter_boot_image *t = &r->target;

    if (t->addr < t->size && r->tries != 0) {
        return true; /* the copy has begun to overwrite it */
    }
    return is_whole(b, t->addr, t->stored_size, t->stored_crc) &&
           ((r->flags & OTTER_BOOT_UNCHECKED) == 0 || check_content(b)) &&
           (otter_boot_overlap_is_safe(t) ||
            b->log_addr == OTTER_LOADER_NO_LOG);
}

static void drop(struct otter_boot_image *image)
{
    image->addr = 0;
    image->size = 0;
}

/* Appends the end: what is in the primary now is the target. */
static void settle(struct otter_boot *b, uint32_t state)
{
    struct otter_boot_record *r = &b->log.record;

    r->state = state;
    r->tries = OTTER_BOOT_TRIES - 1;
    r->flags &= OTTER_BOOT_STOCK | OTTER_BOOT_FS;
    otter__ignore(otter__boot_append(b));
    if ((r->flags & OTTER_BOOT_STOCK) != 0) {
        otter__boot_affirm(b);
    }
}

static void finish(struct otter_boot *b)
{
    struct otter_boot_record *r = &b->log.record;
    struct otter__boot_layout program;

    if ((r->flags & OTTER_BOOT_LOADER) != 0) {
        otter__ignore(run_content(b, 0, SECTOR));
    }
    if ((r->flags & OTTER_BOOT_INSPECT) != 0) {
        program.confirms = 0;
        otter__ignore(otter__boot_load(SECTOR, &program));
        if (program.confirms != 0) {
            r->flags &= OTTER_BOOT_FS | OTTER_BOOT_SWAPPED;
        }
    }
    /* What the primary now covers is not there any more. */
    if ((r->flags & OTTER_BOOT_SWAPPED) != 0 ||
        r->fallback.addr < r->target.size) {
        drop(&r->fallback);
    }
    if (r->target.addr < r->target.size) {
        r->target.addr = 0;
    }
    settle(b, (r->flags & OTTER_BOOT_FINAL) != 0 || r->fallback.addr == 0
                  ? OTTER_BOOT_DONE
                  : OTTER_BOOT_TRIAL);
}

/* The log says first what is done then.  False: it cannot be done. */
static bool copy(struct otter_boot *b)
{
    struct otter_boot_record *r = &b->log.record;
    uint32_t done = r->tries * otter_boot_chunk(r->target.size);

    if (done >= b->log_addr) {
        done = 0; /* nobody has written that; sector 0 must not come next */
    }
    r->flags |= OTTER_BOOT_BEGUN;
    if (!otter__boot_append(b)) {
        return false;
    }
    otter__boot_say("copy\n");
    b->writing = 1;
    otter__ignore(run_content(b, SECTOR + done, b->log_addr));
    return true;
}

/* Is one of the two whole in the primary? */
static bool keep_what_is_there(struct otter_boot *b)
{
    for (int i = 2; i != 0; i--) {
        if (is_installed(b)) {
            drop(&b->log.record.fallback);
            settle(b, OTTER_BOOT_DONE);
            return true;
        }
        otter__boot_swap(b);
    }
    return false;
}

bool otter__boot_install(struct otter_boot *b)
{
    struct otter_boot_record *r = &b->log.record;
    int bad = 0;

    for (;;) {
        if (is_source_good(b)) {
            if (!copy(b)) {
                break;
            }
            if (is_installed(b)) {
                finish(b);
                return true;
            }
            r->tries = 0;
            if (++bad < ATTEMPTS) {
                continue;
            }
            r->reason = OTTER_BOOT_REASON_FLASH;
        } else {
            r->reason = OTTER_BOOT_REASON_DAMAGED;
            if ((r->flags & (OTTER_BOOT_BEGUN | OTTER_BOOT_OTHER)) == 0) {
                otter__boot_swap(b);
                drop(&r->fallback);
                settle(b, OTTER_BOOT_DONE);
                return true;
            }
        }
        if ((r->flags & OTTER_BOOT_SWAPPED) != 0 || r->fallback.addr == 0) {
            break;
        }
        otter__boot_swap(b);
        r->tries = 0;
        r->flags &= ~OTTER_BOOT_OTHER;
        r->flags |= OTTER_BOOT_FINAL | OTTER_BOOT_SWAPPED;
        bad = 0;
    }
    return keep_what_is_there(b);
}
