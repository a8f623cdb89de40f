/* SPDX-License-Identifier: Apache-2.0
 *
 * The shared block and the flash mapping: making them (hardware) and finding
 * them (CPU).  Nothing here interprets what is inside. */
#include "ports/posix/machine.h"

#include "format/error.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct otter_machine *machine;
static struct otter_nor nor;
static bool torn_attached; /* to this process */

struct otter_machine *otter__machine(void)
{
    return machine;
}

struct otter_nor *otter__machine_nor(void)
{
    return &nor;
}

static void complain(void *user, const char *text)
{
    (void)user;
    otter__console_say("%s", text);
}

static void *map_shared(int fd, size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    return p == MAP_FAILED ? NULL : p;
}

int otter__machine_create(void)
{
    int fd = memfd_create("otter-board", MFD_CLOEXEC);

    if (fd < 0) {
        return OTTER_ERR_NO_MEMORY;
    }
    if (ftruncate(fd, (off_t)sizeof *machine) != 0 ||
        (machine = map_shared(fd, sizeof *machine)) == NULL) {
        close(fd);
        return OTTER_ERR_NO_MEMORY;
    }
    machine->magic = OTTER_MACHINE_MAGIC;
    machine->layout = OTTER_MACHINE_LAYOUT;
    machine->size = sizeof *machine;
    return fd;
}

int otter__machine_map_flash(int fd, uint32_t size)
{
    nor.bytes = map_shared(fd, size);
    if (nor.bytes == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    machine->flash_size = size;
    nor.size = size;
    nor.wear = machine->counters.wear;
    nor.counters = &machine->counters.flash;
    nor.timing = machine->timing;
    nor.complaint = complain;
    return 0;
}

void otter__machine_order_cut(uint32_t operation, uint32_t outcome)
{
    struct otter_torn *torn = &machine->torn;

    if (!atomic_load(&machine->torn_used)) {
        /* A case is its order: the same one tears the same way again. */
        otter_torn_init(torn, (uint64_t)outcome << 32 | operation);
        torn->rarity = 1;
    }
    torn->fault_count = 0;
    torn->fired = 0;
    machine->cut.operation = torn->operations + operation - 1;
    machine->cut.outcome = outcome;
    torn->fault_count = operation != 0;
    atomic_store(&machine->torn_used, true);
}

static void power_failed(void *user)
{
    (void)user;
    otter__console_flush();
    _exit(OTTER_MACHINE_EXIT_POWER);
}

struct otter_torn *otter__machine_torn(void)
{
    struct otter_torn *torn = &machine->torn;

    if (!atomic_load(&machine->torn_used)) {
        return NULL;
    }
    if (!torn_attached) {
        otter_torn_attach(torn);
        torn->nor.bytes = nor.bytes;
        torn->nor.size = nor.size;
        torn->nor.wear = nor.wear;
        torn->nor.timing = nor.timing;
        torn->nor.counters = nor.counters;
        torn->nor.complaint = nor.complaint;
        torn->faults = &machine->cut;
        torn->trace = NULL;
        torn->power_off = power_failed;
        torn_attached = true;
    }
    return torn;
}

/* A descriptor of a plain file with at least `size` bytes behind it. */
static bool backs(int fd, uint64_t size)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
           (uint64_t)status.st_size >= size;
}

int otter__machine_attach(void)
{
    uint32_t head[3]; /* magic, layout, size */

    if (!backs(OTTER_MACHINE_FD_STATE, sizeof head) ||
        pread(OTTER_MACHINE_FD_STATE, head, sizeof head, 0) !=
            (ssize_t)sizeof head ||
        head[0] != OTTER_MACHINE_MAGIC) {
        return OTTER_ERR_STATE;
    }
    if (head[1] != OTTER_MACHINE_LAYOUT || head[2] != sizeof *machine ||
        !backs(OTTER_MACHINE_FD_STATE, sizeof *machine)) {
        return OTTER_ERR_BOARD;
    }
    machine = map_shared(OTTER_MACHINE_FD_STATE, sizeof *machine);
    if (machine == NULL || machine->flash_size > OTTER_MACHINE_FLASH_MAX ||
        !backs(OTTER_MACHINE_FD_FLASH, machine->flash_size)) {
        machine = NULL;
        return OTTER_ERR_STATE;
    }
    return otter__machine_map_flash(OTTER_MACHINE_FD_FLASH,
                                    machine->flash_size);
}
