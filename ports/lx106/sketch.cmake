# SPDX-License-Identifier: Apache-2.0
#
# Sketches for the LX106: the same call as for the virtual board, one flavour.
# An image holds the boot loader that OTTER_LX106_LOADER names, a target.
set(OTTER_LX106_LOADER otter_lx106_stock_loader CACHE STRING
    "Target of the boot loader in the sketches' images")

# otter_sketch(NAME VERSION SOURCES ... USES ...): the sketch's program,
# sketches/NAME-VERSION.elf, and its image, sketches/NAME-VERSION.bin.
function(otter_sketch name version)
    cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
    set(port "${CMAKE_SOURCE_DIR}/ports/lx106")
    set(target sketch_${name}_${version})
    set(folder "${OTTER_PROGRAM_DIR}/sketches")
    set(image "${folder}/${name}-${version}.bin")
    add_executable(${target} ${arg_SOURCES})
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME "${name}-${version}.elf"
        RUNTIME_OUTPUT_DIRECTORY "${folder}"
        LINK_DEPENDS "${port}/sketch.ld;${port}/rom_calls.ld")
    target_compile_definitions(${target} PRIVATE
        OTTER_SKETCH_VERSION="${version}" OTTER_SKETCH_BOARD="lx106")
    # The port and the sketch need each other: main calls the sketch.
    target_link_libraries(${target} PRIVATE otter_flags
        -Wl,--start-group otter_lx106 ${arg_USES} otter_format lwip bearssl
        -Wl,--end-group c gcc)
    target_link_options(${target} PRIVATE
        -Wl,--gc-sections "-Wl,-Map,${folder}/${name}-${version}.map"
        -Wl,--undefined=otter__lx106_entry
        -Wl,--defsym,OTTER_LX106_STACK=${OTTER_LX106_STACK}
        "-L${port}" "-T${port}/sketch.ld")
    add_custom_command(OUTPUT "${image}"
        COMMAND python3 "${CMAKE_SOURCE_DIR}/tests/system/otter_image.py"
            "$<TARGET_FILE:${target}>" "${image}"
            "$<TARGET_FILE:${OTTER_LX106_LOADER}>"
        DEPENDS ${target} ${OTTER_LX106_LOADER} VERBATIM)
    add_custom_target(${target}_image ALL DEPENDS "${image}")
endfunction()
