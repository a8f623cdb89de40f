/* SPDX-License-Identifier: Apache-2.0
 *
 * What QEMU is told: its command line and the board's settings.  Also where
 * the ROM stand-in and the board's place in the network are found. */
#include "ports/posix/hardware/qemu.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGUMENTS 64
#define TEXT_SIZE 2048

struct command {
    char *words[ARGUMENTS];
    size_t count;
};

static void add(struct command *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct command *c, const char *format, ...)
{
    va_list args;
    char *text = NULL;

    va_start(args, format);
    if (c->count < ARGUMENTS - 1 && vasprintf(&text, format, args) >= 0) {
        c->words[c->count++] = text;
    }
    va_end(args);
}

static void add_network(struct command *c, const struct otter_hw *hw)
{
    const struct otter_hw_options *o = &hw->options;
    char text[TEXT_SIZE];
    size_t len;

    if (o->interface != NULL) {
        add(c, "-nic");
        add(c, "tap,ifname=%s,script=no,downscript=no,model=open_eth",
            o->interface);
        return;
    }
    len = (size_t)snprintf(text, sizeof text, "user,model=open_eth");
    for (uint32_t i = 0; i < o->forward_count && len < sizeof text; i++) {
        const struct otter_hw_forward *f = &o->forwards[i];

        len += (size_t)snprintf(text + len, sizeof text - len,
                                ",hostfwd=%s:%s:%u-10.0.2.15:%u",
                                f->tcp ? "tcp" : "udp", o->address,
                                (unsigned)f->port, (unsigned)f->port);
    }
    add(c, "-nic");
    add(c, "%s", text);
}

static void add_rom(struct command *c, const struct otter_hw *hw)
{
    char text[TEXT_SIZE];
    size_t len;

    len = (size_t)snprintf(
        text, sizeof text,
        "enable=on,target=native,arg=otter,arg=flash=/dev/fd/%d,"
        "arg=settings=/dev/fd/%d,arg=cause=/dev/fd/%d,arg=events=/dev/fd/%d,"
        "arg=random=/dev/urandom",
        OTTER_HW_QEMU_FD_FLASH, OTTER_HW_QEMU_FD_SETTINGS,
        OTTER_HW_QEMU_FD_CAUSE, OTTER_HW_QEMU_FD_EVENTS);
    if (hw->options.cut_after != 0 && len < sizeof text) {
        len += (size_t)snprintf(
            text + len, sizeof text - len, ",arg=cut=%u,arg=tear=%u",
            (unsigned)hw->options.cut_after,
            (unsigned)hw->options.cut_outcome % OTTER_TORN_ERASES);
    }
    if (hw->machine->flash_sleeps && len < sizeof text) {
        snprintf(text + len, sizeof text - len,
                 ",arg=erase_us=%u,arg=page_us=%u",
                 (unsigned)hw->machine->timing.erase_us,
                 (unsigned)hw->machine->timing.page_us);
    }
    add(c, "-semihosting-config");
    add(c, "%s", text);
}

static void build_command(struct command *c, const struct otter_hw *hw)
{
    static const char *const fixed[] = {"qemu-system-xtensa",
                                        "-M",
                                        "lx60-nommu",
                                        "-cpu",
                                        "lx106",
                                        "-display",
                                        "none",
                                        "-serial",
                                        "stdio",
                                        "-nodefaults",
                                        "-mon",
                                        "monitor",
                                        NULL};

    for (const char *const *word = fixed; *word != NULL; word++) {
        add(c, "%s", *word);
    }
    add(c, "-chardev");
    add(c, "socket,id=monitor,fd=%d", OTTER_HW_QEMU_FD_MONITOR);
    add_rom(c, hw);
    add_network(c, hw);
    add(c, "-kernel");
    add(c, "%s", hw->options.rom);
    c->words[c->count] = NULL;
}

OTTER_NORETURN void otter__hw_qemu_exec(const struct otter_hw *hw)
{
    struct command command = {.count = 0};

    build_command(&command, hw);
    execvp(command.words[0], command.words);
    printf("rom: %s: %s\n", command.words[0], strerror(errno));
    fflush(stdout);
    _exit(1);
}

/* Later settings come first: the ROM's reader takes the first that fits. */
bool otter__hw_qemu_settings(const struct otter_hw *hw, int fd)
{
    const struct otter_machine *m = hw->machine;
    const uint8_t *mac = m->mac;
    const struct otter_hw_options *o = &hw->options;

    for (uint32_t i = 0; i < o->setting_count; i++) {
        dprintf(fd, "%s=%s\n", o->settings[i].key, o->settings[i].value);
    }
    if (o->interface != NULL) {
        uint32_t bits = 0;

        for (int i = 0; i < 32; i++) {
            bits += (uint32_t)m->mask[i / 8] >> i % 8 & 1u;
        }
        dprintf(fd, "ip=%s/%u\ngateway=%u.%u.%u.%u\n", o->address,
                (unsigned)bits, hw->gateway[0], hw->gateway[1], hw->gateway[2],
                hw->gateway[3]);
        dprintf(fd, "dns=%u.%u.%u.%u\n", hw->gateway[0], hw->gateway[1],
                hw->gateway[2], hw->gateway[3]);
    }
    return dprintf(fd, "mac=%02x:%02x:%02x:%02x:%02x:%02x\nmap=%s\n", mac[0],
                   mac[1], mac[2], mac[3], mac[4], mac[5], m->map) > 0;
}

/* --- Finding things ------------------------------------------------------ */

static bool find_rom(struct otter_hw *hw)
{
    static const char *const places[] = {"lx106/bin", "../lx106/bin",
                                         "../../lx106/bin"};
    static char path[TEXT_SIZE];
    char self[1024];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash;

    if (hw->options.rom != NULL) {
        return access(hw->options.rom, R_OK) == 0;
    }
    self[n > 0 ? n : 0] = '\0';
    slash = strrchr(self, '/');
    for (size_t i = 0; slash != NULL && i < 3; i++) {
        snprintf(path, sizeof path, "%.*s/%s/rom.elf", (int)(slash - self),
                 self, places[i]);
        if (access(path, R_OK) == 0) {
            hw->options.rom = path;
            return true;
        }
    }
    return false;
}

/* The host's address in the board's net is the board's gateway. */
static bool find_gateway(struct otter_hw *hw)
{
    struct otter_machine *m = hw->machine;
    struct ifaddrs *all = NULL;
    uint32_t wanted;
    bool found = false;

    if (inet_pton(AF_INET, hw->options.address, &wanted) != 1 ||
        getifaddrs(&all) != 0) {
        return false;
    }
    for (struct ifaddrs *i = all; i != NULL && !found; i = i->ifa_next) {
        const struct sockaddr_in *addr = (void *)i->ifa_addr;
        const struct sockaddr_in *mask = (void *)i->ifa_netmask;

        if (addr == NULL || mask == NULL || addr->sin_family != AF_INET ||
            ((addr->sin_addr.s_addr ^ wanted) & mask->sin_addr.s_addr) != 0) {
            continue;
        }
        memcpy(m->ip, &wanted, 4);
        memcpy(m->mask, &mask->sin_addr.s_addr, 4);
        memcpy(hw->gateway, &addr->sin_addr.s_addr, 4);
        found = true;
    }
    freeifaddrs(all);
    return found;
}

bool otter__hw_qemu_find(struct otter_hw *hw)
{
    if (!find_rom(hw)) {
        fprintf(stderr, "otter-device: the ROM stand-in of the board lx106 is "
                        "missing, see --rom\n");
        return false;
    }
    if (hw->options.interface == NULL) {
        return otter__hw_find_network(hw);
    }
    if (!find_gateway(hw)) {
        fprintf(stderr,
                "otter-device: %s: not in the net of one of this host's "
                "interfaces\n",
                hw->options.address);
        return false;
    }
    return true;
}
