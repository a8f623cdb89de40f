# SPDX-License-Identifier: Apache-2.0
#
# Sketches for the LX106: the same call as for the virtual board.  Images are
# made by the host's `otter`, which must be built before.
set(OTTER_TOOL "${CMAKE_SOURCE_DIR}/build/bin/otter" CACHE FILEPATH
    "The host tool, for making images")

# otter_sketch(NAME VERSION SOURCES ... USES ...): the sketch's program,
# sketches/NAME-VERSION.elf, and two images: NAME-VERSION.bin with the core's
# boot loader algorithm, NAME-VERSION-otter.bin with Otter's boot loader, for
# the map 4M2M.
function(otter_sketch name version)
    cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
    set(port "${CMAKE_SOURCE_DIR}/ports/lx106")
    set(target sketch_${name}_${version})
    set(folder "${OTTER_PROGRAM_DIR}/sketches")
    add_executable(${target} ${arg_SOURCES})
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME "${name}-${version}.elf"
        RUNTIME_OUTPUT_DIRECTORY "${folder}"
        LINK_DEPENDS "${port}/sketch.ld;${port}/rom_calls.ld")
    target_compile_definitions(${target} PRIVATE
        OTTER_SKETCH_VERSION="${version}" OTTER_SKETCH_BOARD="lx106")
    # The port and the sketch need each other: main calls the sketch.  What
    # the ROM has is not taken from the C library.
    target_link_libraries(${target} PRIVATE otter_flags
        -Wl,--start-group otter_lx106 ${arg_USES} otter_codec otter_format
        lwip bearssl otter_lx106_rom_calls
        -Wl,--end-group c gcc)
    target_link_options(${target} PRIVATE
        -Wl,--gc-sections "-Wl,-Map,${folder}/${name}-${version}.map"
        -Wl,--undefined=otter__lx106_entry
        -Wl,--defsym,OTTER_LX106_STACK=${OTTER_LX106_STACK}
        "-L${port}" "-T${port}/sketch.ld")
    otter__lx106_image(${target} "${folder}/${name}-${version}.bin"
        otter_lx106_stock_loader 512K0)
    otter__lx106_image(${target} "${folder}/${name}-${version}-otter.bin"
        otter_lx106_loader 4M2M)
endfunction()

function(otter__lx106_image target image loader map)
    get_filename_component(name "${image}" NAME)
    add_custom_command(OUTPUT "${image}"
        COMMAND "${OTTER_TOOL}" image build --quiet --map ${map}
            --boot "$<TARGET_FILE:${loader}>"
            --elf "$<TARGET_FILE:${target}>" -o "${image}"
        DEPENDS ${target} ${loader} "${OTTER_TOOL}" VERBATIM)
    add_custom_target(image_${name} ALL DEPENDS "${image}")
endfunction()
