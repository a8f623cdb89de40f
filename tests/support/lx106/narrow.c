/* SPDX-License-Identifier: Apache-2.0
 *
 * A QEMU plugin for the rule that QEMU does not model: the chip's instruction
 * bus (ROM, IRAM and the flash window) takes whole words only.  An 8- or
 * 16-bit load or store there is reported with its address and the program
 * counter, and counted; so is every store to the flash window that is not the
 * ROM stand-in's.  It also counts instructions.  At QEMU's end it prints
 *
 *   narrow: <instructions> instructions, <violations> violations
 *
 * Debian ships no header for QEMU's plugins, so what is used of version 1 of
 * their interface is declared here. */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define BUS_START     0x40000000u
#define BUS_END       0x40300000u
#define ROM_END       0x40020000u /* the stand-in, which fills the window */
#define WINDOW_START  0x40200000u
#define REPORTS       20u
#define READS_WRITES  3 /* enum qemu_plugin_mem_rw */
#define INLINE_ADD    0 /* enum qemu_plugin_op */
#define PLUGIN_EXPORT __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint64_t qemu_plugin_id_t;

extern void qemu_plugin_register_vcpu_tb_trans_cb(
    qemu_plugin_id_t id,
    void (*call)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb));
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id,
                                           void (*call)(qemu_plugin_id_t id,
                                                        void *user),
                                           void *user);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(
    const struct qemu_plugin_tb *tb, size_t n);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
extern void qemu_plugin_register_vcpu_mem_cb(
    struct qemu_plugin_insn *insn,
    void (*call)(unsigned cpu, uint32_t info, uint64_t address, void *user),
    int flags, int accesses, void *user);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb,
                                                     int op, void *counter,
                                                     uint64_t value);
extern unsigned qemu_plugin_mem_size_shift(uint32_t info);
extern bool qemu_plugin_mem_is_store(uint32_t info);

PLUGIN_EXPORT extern int qemu_plugin_version;
PLUGIN_EXPORT int qemu_plugin_version = 1;
PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info,
                                      int argc, char **argv);

static uint64_t instructions;
static uint64_t violations;

static void report(uint32_t bits, bool store, uint64_t address, uint64_t pc)
{
    violations++;
    if (violations <= REPORTS) {
        fprintf(stderr,
                "narrow: violation: %u-bit %s of %08" PRIx64 " at %08" PRIx64
                "\n",
                bits, store ? "store" : "load", address, pc);
    }
}

static void access_happened(unsigned cpu, uint32_t info, uint64_t address,
                            void *user)
{
    uint64_t pc = (uintptr_t)user;
    uint32_t bits = 8u << qemu_plugin_mem_size_shift(info);
    bool store = qemu_plugin_mem_is_store(info);

    (void)cpu;
    if (address < BUS_START || address >= BUS_END) {
        return;
    }
    if (bits < 32 || (store && address >= WINDOW_START && pc >= ROM_END)) {
        report(bits, store, address, pc);
    }
}

/* L8UI, L16UI, L16SI, S8I, S16I and S32I, in the 24-bit encoding RRI8; the
 * 16-bit store S32I.N.  Word loads are always right. */
static bool is_watched(const struct qemu_plugin_insn *insn)
{
    const uint8_t *code = qemu_plugin_insn_data(insn);
    uint32_t op = code[0] & 15u;
    uint32_t kind = code[1] >> 4;

    if (qemu_plugin_insn_size(insn) == 2) {
        return op == 9;
    }
    return op == 2 && (kind == 0 || kind == 1 || kind == 4 || kind == 5 ||
                       kind == 6 || kind == 9);
}

static void block_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t count = qemu_plugin_tb_n_insns(tb);

    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(tb, INLINE_ADD, &instructions,
                                             count);
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

        if (is_watched(insn)) {
            uintptr_t pc = (uintptr_t)qemu_plugin_insn_vaddr(insn);

            qemu_plugin_register_vcpu_mem_cb(insn, access_happened, 0,
                                             READS_WRITES, (void *)pc);
        }
    }
}

static void ended(qemu_plugin_id_t id, void *user)
{
    (void)id;
    (void)user;
    fprintf(stderr,
            "narrow: %" PRIu64 " instructions, %" PRIu64 " violations\n",
            instructions, violations);
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc,
                        char **argv)
{
    (void)info;
    (void)argc;
    (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
