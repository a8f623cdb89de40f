# SPDX-License-Identifier: Apache-2.0
#
# Toolchain file for the ESP8266's core: Debian's gcc-xtensa-lx106 and
# picolibc-xtensa-lx106-elf.  The tree builds with it as `cmake --preset
# lx106`; only the device's side takes part.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR lx106)
set(CMAKE_C_COMPILER xtensa-lx106-elf-gcc)
set(CMAKE_ASM_COMPILER xtensa-lx106-elf-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

# Literals travel with the code of their section, so that a section attribute
# decides where a whole function lies.  Calls have the short form, which reaches
# 512 KiB: the long one takes twice the bytes, and most of a firmware's calls
# stay in its own flash.  What calls between flash, IRAM and ROM says so
# (ports/lx106); the linker refuses a call that does not reach.
set(lx106_flags "-mtext-section-literals -mno-target-align -ffunction-sections -fdata-sections -fcallgraph-info=su")
set(CMAKE_C_FLAGS_INIT "${lx106_flags}")
set(CMAKE_ASM_FLAGS_INIT "-mtext-section-literals")
# What is off beside -Os was found by trying: it saves one byte in thirty.
set(CMAKE_C_FLAGS_MINSIZEREL_INIT
    "-g -fno-cse-follow-jumps -fno-move-loop-invariants -fno-tree-dominator-opts -fno-tree-fre -fno-tree-tail-merge")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-nostartfiles -nodefaultlibs")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
