/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the boot loader starts a sketch, in IRAM: clears the variables,
 * paints the stack, shows the flash in the window and calls main, which lies
 * in the flash. */
    .section .iram.entry, "ax"
    .literal_position
    .align 4
    .global otter__lx106_entry
otter__lx106_entry:
    movi a1, otter__lx106_stack_end
    movi a2, otter__lx106_bss
    movi a3, otter__lx106_bss_end
    movi a4, 0
1:  bgeu a2, a3, 2f
    s32i a4, a2, 0
    addi a2, a2, 4
    j    1b
2:  movi a2, otter__lx106_stack
    movi a3, otter__lx106_stack_end
    movi a4, 0x57ac57ac             /* OTTER_LX106_STACK_PAINT */
3:  bgeu a2, a3, 4f
    s32i a4, a2, 0
    addi a2, a2, 4
    j    3b
4:  movi a2, 0
    movi a3, 0
    movi a4, 1
    movi a0, Cache_Read_Enable
    callx0 a0
    movi a0, main
    callx0 a0
5:  j   5b
