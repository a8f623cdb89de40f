# SPDX-License-Identifier: Apache-2.0
#
# The flags that every target shares, and the helpers that the folders use.

add_library(otter_flags INTERFACE)
target_include_directories(otter_flags INTERFACE "${CMAKE_SOURCE_DIR}")
set(OTTER_WARNINGS
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes
    -Wmissing-prototypes -Wvla -Werror -fno-common)
set(OTTER_SANITIZERS
    -fsanitize=address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
target_compile_options(otter_flags INTERFACE ${OTTER_WARNINGS})
if(OTTER_SANITIZE)
    target_compile_options(otter_flags INTERFACE ${OTTER_SANITIZERS})
    target_link_options(otter_flags INTERFACE ${OTTER_SANITIZERS})
endif()

if(OTTER_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "OTTER_FUZZ needs clang: set CC=clang")
    endif()
    target_compile_options(otter_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# otter_library(NAME SOURCES ... USES ...): a static library of this tree.
# Freestanding folders get the includes of their own rooms only by the import
# check, not by the compiler: all see the source root.
function(otter_library name)
    cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
    add_library(${name} STATIC ${arg_SOURCES})
    target_link_libraries(${name} PUBLIC otter_flags ${arg_USES})
endfunction()

# otter_test(NAME SOURCES ... USES ... [LABELS ...]): a cmocka program that
# ctest runs.  The label is the folder's kind: unit, conformance, ...
function(otter_test name)
    cmake_parse_arguments(arg "" "" "SOURCES;USES;LABELS" ${ARGN})
    add_executable(${name} ${arg_SOURCES})
    set_target_properties(${name} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
    target_link_libraries(${name} PRIVATE otter_flags ${arg_USES} cmocka)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT 120)
endfunction()

# otter_fuzz(PARSER USES ...): tests/fuzz/fuzz_PARSER.c with the corpus in
# tests/fuzz/corpus/PARSER.  Every test run replays the corpus; a build with
# OTTER_FUZZ (clang) also makes build/.../fuzz/fuzz_PARSER for libFuzzer.
function(otter_fuzz parser)
    cmake_parse_arguments(arg "" "" "USES" ${ARGN})
    set(corpus "${CMAKE_CURRENT_SOURCE_DIR}/corpus/${parser}")
    add_executable(replay_${parser} fuzz_${parser}.c replay.c)
    set_target_properties(replay_${parser} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
    target_link_libraries(replay_${parser} PRIVATE otter_flags ${arg_USES})
    add_test(NAME fuzz_replay_${parser}
        COMMAND replay_${parser} "${corpus}")
    set_tests_properties(fuzz_replay_${parser} PROPERTIES
        LABELS "unit;fuzz" TIMEOUT 120)
    if(OTTER_FUZZ)
        add_executable(fuzz_${parser} fuzz_${parser}.c)
        set_target_properties(fuzz_${parser} PROPERTIES
            RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzz")
        target_link_libraries(fuzz_${parser} PRIVATE otter_flags ${arg_USES})
        target_link_options(fuzz_${parser} PRIVATE -fsanitize=fuzzer)
        if(NOT TARGET fuzzers)
            add_custom_target(fuzzers)
        endif()
        add_dependencies(fuzzers fuzz_${parser})
    endif()
endfunction()
