/* SPDX-License-Identifier: Apache-2.0
 *
 * Building the board from its options: shared block, flash chip in a file,
 * place in the network.  One flash file belongs to one board at a time, which
 * a lock on it ensures. */
#include "ports/posix/hardware/hardware.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_STEPS   20
#define LOCK_STEP_MS 25

static int wrong(const char *subject, const char *what)
{
    fprintf(stderr, "otter-device: %s: %s\n", subject, what);
    return OTTER_HW_EXIT_BOARD;
}

/* A new chip comes erased. */
static bool fill_erased(int fd, uint32_t size)
{
    uint8_t sector[OTTER_NOR_SECTOR];

    memset(sector, 0xff, sizeof sector);
    for (uint32_t done = 0; done < size; done += sizeof sector) {
        if (pwrite(fd, sector, sizeof sector, (off_t)done) !=
            (ssize_t)sizeof sector) {
            return false;
        }
    }
    return true;
}

static bool is_chip_size(off_t size)
{
    return size > 0 && size <= (off_t)OTTER_MACHINE_FLASH_MAX &&
           otter_flash_map_auto(OTTER_FLASH_OTA_FS, (uint32_t)size) != NULL;
}

/* A board that was killed lets go of its flash when its CPU process has died
 * too, moments later. */
static bool lock(int fd)
{
    const struct timespec moment = {0, LOCK_STEP_MS * 1000000L};

    for (int i = 0; i < LOCK_STEPS; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return true;
        }
        nanosleep(&moment, NULL);
    }
    return false;
}

/* Opens, locks and where needed makes the flash file; gives its size. */
static int open_flash(struct otter_hw *hw, uint32_t *size)
{
    const struct otter_hw_options *o = &hw->options;
    int fd = open(o->flash, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    struct stat status;

    hw->flash_fd = fd;
    if (fd < 0 || fstat(fd, &status) != 0) {
        return wrong(o->flash, strerror(errno));
    }
    if (!lock(fd)) {
        return wrong(o->flash, "another board uses this flash file");
    }
    if (status.st_size != 0) {
        *size = (uint32_t)status.st_size;
        if (!S_ISREG(status.st_mode) || !is_chip_size(status.st_size)) {
            return wrong(o->flash, "not the size of a flash chip (512K, 1M, "
                                   "2M, 4M, 8M or 16M)");
        }
        if (o->size != 0 && o->size != *size) {
            return wrong(o->flash, "--size differs from this flash file's");
        }
        return -1;
    }
    *size = o->size;
    if (*size == 0) {
        *size = o->map != NULL ? otter_flash_map_find(o->map)->flash_size
                               : 4u << 20;
    }
    return fill_erased(fd, *size) ? -1 : wrong(o->flash, strerror(errno));
}

static int insert_flash(struct otter_hw *hw)
{
    struct otter_machine *m = hw->machine;
    const struct otter_flash_map *map;
    uint32_t size;
    int code = open_flash(hw, &size);

    if (code >= 0) {
        return code;
    }
    map = hw->options.map != NULL
              ? otter_flash_map_find(hw->options.map)
              : otter_flash_map_auto(OTTER_FLASH_OTA_FS, size);
    snprintf(m->map, sizeof m->map, "%s", map->name);
    m->flash_sleeps = hw->options.flash_time != OTTER_HW_FLASH_INSTANT;
    m->timing = hw->options.flash_time == OTTER_HW_FLASH_MAXIMUM
                    ? otter_nor_maximum
                    : otter_nor_typical;
    if (otter__machine_map_flash(hw->flash_fd, size) != 0) {
        return wrong(hw->options.flash, strerror(errno));
    }
    if (map->flash_size != size) {
        otter__console_say("the map %s is for %u KiB of flash, this chip has "
                           "%u KiB",
                           map->name, (unsigned)map->flash_size / 1024,
                           (unsigned)size / 1024);
    }
    return -1;
}

static uint32_t ipv4_of(const struct sockaddr *addr)
{
    return ((const struct sockaddr_in *)(const void *)addr)->sin_addr.s_addr;
}

/* The wanted interface, or one that has the address; on loopback the whole
 * net counts as the interface's own. */
static bool suits(const struct otter_hw_options *o, const struct ifaddrs *i,
                  const uint32_t *address)
{
    uint32_t own;

    if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET ||
        i->ifa_netmask == NULL) {
        return false;
    }
    if (o->interface != NULL && strcmp(o->interface, i->ifa_name) != 0) {
        return false;
    }
    own = ipv4_of(i->ifa_addr);
    if (address == NULL || *address == own) {
        return true;
    }
    return (i->ifa_flags & IFF_LOOPBACK) != 0 &&
           ((*address ^ own) & ipv4_of(i->ifa_netmask)) == 0;
}

bool otter__hw_find_network(struct otter_hw *hw)
{
    const struct otter_hw_options *o = &hw->options;
    struct otter_machine *m = hw->machine;
    struct ifaddrs *all = NULL;
    uint32_t wanted = 0;
    bool found = false;

    if (o->address != NULL && inet_pton(AF_INET, o->address, &wanted) != 1) {
        wrong(o->address, "not an IPv4 address");
        return false;
    }
    if (getifaddrs(&all) != 0) {
        wrong("network", strerror(errno));
        return false;
    }
    for (struct ifaddrs *i = all; i != NULL && !found; i = i->ifa_next) {
        if (suits(o, i, o->address != NULL ? &wanted : NULL)) {
            uint32_t ip = o->address != NULL ? wanted : ipv4_of(i->ifa_addr);
            uint32_t mask = ipv4_of(i->ifa_netmask);

            memcpy(m->ip, &ip, 4);
            memcpy(m->mask, &mask, 4);
            m->interface = if_nametoindex(i->ifa_name);
            found = true;
        }
    }
    freeifaddrs(all);
    if (!found) {
        wrong(o->address != NULL ? o->address : o->interface,
              "no interface of this host has such an address");
    }
    return found;
}

static void name(struct otter_hw *hw)
{
    static const uint8_t prefix[3] = {0x02, 0x4f, 0x54};
    struct otter_machine *m = hw->machine;

    memcpy(m->mac, hw->options.mac, 6);
    if (!hw->options.mac_given) {
        memcpy(m->mac, prefix, 3);
        memcpy(m->mac + 3, m->ip + 1, 3);
    }
}

int otter__hw_assemble(struct otter_hw *hw)
{
    int code;

    hw->state_fd = otter__machine_create();
    if (hw->state_fd < 0) {
        return wrong("shared memory", strerror(errno));
    }
    hw->machine = otter__machine();
    memcpy(hw->machine->settings, hw->options.settings,
           sizeof hw->machine->settings);
    hw->machine->utc_unknown = hw->options.utc_unknown;
    if (!(hw->options.lx106 ? otter__hw_qemu_find(hw)
                            : otter__hw_find_network(hw))) {
        return OTTER_HW_EXIT_BOARD;
    }
    name(hw);
    code = insert_flash(hw);
    return code;
}
