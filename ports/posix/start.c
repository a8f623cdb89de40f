/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading and starting a program: the boot loader copies flash to RAM, and
 * the start turns the CPU process into the program that lies in RAM.  The
 * only source of the program is what was loaded; no file is ever opened.
 *
 * A host program is an ELF file at 0x70000000.  An entry anywhere else is
 * code of the real chip, which this board has RAM for but cannot run. */
#include "hal/board.h"

#include "format/error.h"
#include "hal/flash.h"
#include "ports/posix/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern char **environ;

/* The memories that a program may be loaded into.  Word arrays, because the
 * flash demands aligned buffers. */
static uint32_t program[OTTER_MACHINE_PROGRAM_SIZE / 4];
static uint32_t iram[0x10000 / 4];
static uint32_t dram[0x18000 / 4];

static const struct {
    uint32_t vma;
    uint32_t size;
    uint32_t *words;
} regions[] = {
    {OTTER_MACHINE_PROGRAM_VMA, sizeof program, program},
    {0x40100000u, sizeof iram, iram},
    {0x3ffe8000u, sizeof dram, dram},
};

static uint32_t program_size; /* bytes, up to the highest one loaded */

int otter_board_load(uint32_t vma, uint32_t addr, uint32_t len)
{
    for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++) {
        uint32_t off = vma - regions[i].vma;

        if (vma < regions[i].vma || off > regions[i].size ||
            len > regions[i].size - off || vma % 4 != 0) {
            continue;
        }
        if (otter_flash_read(addr, regions[i].words + off / 4,
                             (len + 3u) & ~3u) != 0) {
            return OTTER_ERR_FLASH_READ;
        }
        if (i == 0 && off + len > program_size) {
            program_size = off + len;
        }
    }
    return 0;
}

static bool write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno != EINTR) {
            return false;
        }
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static int program_file(void)
{
    int fd;

#ifdef MFD_EXEC
    fd = memfd_create("sketch", MFD_CLOEXEC | MFD_EXEC);
    if (fd < 0 && errno == EINVAL)
#endif
        fd = memfd_create("sketch", MFD_CLOEXEC);
    if (fd >= 0 && !write_all(fd, (const uint8_t *)program, program_size)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int otter_board_start(uint32_t entry)
{
    char *const argv[] = {(char[]){"sketch"}, NULL};
    struct otter_machine *m = otter__machine();
    int fd;

    otter__console_flush();
    if (entry != OTTER_MACHINE_PROGRAM_VMA || program_size == 0) {
        otter__console_say("not runnable on this board: the program starts "
                           "at 0x%08x, no host program is there",
                           (unsigned)entry);
        return OTTER_ERR_IMAGE;
    }
    fd = program_file();
    if (fd < 0) {
        otter__console_say("no memory for the program: %s", strerror(errno));
        return OTTER_ERR_IMAGE;
    }
    otter_board_watchdog_feed();
    m->sketch_runs = true;
    fexecve(fd, argv, environ);
    m->sketch_runs = false;
    otter__console_say("not runnable on this board: %s", strerror(errno));
    close(fd);
    return OTTER_ERR_IMAGE;
}
