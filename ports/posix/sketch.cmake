# SPDX-License-Identifier: Apache-2.0
#
# Sketches for the virtual board.  A board's flash is small, so what runs on
# it is compiled for size and without sanitizers: each library that a sketch
# uses gets a twin, NAME_small, built from the same sources.  A build with
# sanitizers makes a second image of each sketch, NAME-VERSION-asan.bin, from
# twins that have them: in it the tests watch the device's code.

# otter_twin(OUT FLAVOUR LIBRARY): the twin's name, made when it is new; a
# library that is not of this tree stands for itself.
function(otter_twin out flavour lib)
    if(lib STREQUAL "bearssl")
        # Static: a sketch needs nothing of its host but the C library.
        set(${out} -l:libbearssl.a PARENT_SCOPE)
        return()
    elseif(NOT TARGET ${lib})
        set(${out} ${lib} PARENT_SCOPE)
        return()
    endif()
    get_target_property(data ${lib} OTTER_DATA)
    if(data)
        # Bytes alone: they are the same in every flavour.
        set(${out} ${lib} PARENT_SCOPE)
        return()
    endif()
    set(${out} ${lib}_${flavour} PARENT_SCOPE)
    if(TARGET ${lib}_${flavour})
        return()
    endif()
    get_target_property(sources ${lib} SOURCES)
    get_target_property(folder ${lib} SOURCE_DIR)
    get_target_property(uses ${lib} INTERFACE_LINK_LIBRARIES)
    get_target_property(definitions ${lib} INTERFACE_COMPILE_DEFINITIONS)
    list(TRANSFORM sources PREPEND "${folder}/")
    add_library(${lib}_${flavour} STATIC ${sources})
    if(definitions)
        target_compile_definitions(${lib}_${flavour} PUBLIC ${definitions})
    endif()
    foreach(use IN LISTS uses)
        otter_twin(twin ${flavour} ${use})
        target_link_libraries(${lib}_${flavour} PUBLIC ${twin})
    endforeach()
endfunction()

# otter_sketch(NAME VERSION SOURCES ... USES ...): the programs of a sketch
# and their images beside them: sketches/NAME-VERSION.bin with the core's boot
# loader, NAME-VERSION-otter.bin with Otter's, for the map 4M2M.
function(otter_sketch name version)
    cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
    otter__sketch(${name} ${version} small "" ${ARGN})
    if(OTTER_SANITIZE)
        otter__sketch(${name} ${version} asan "-asan" ${ARGN})
    endif()
endfunction()

function(otter__sketch name version flavour suffix)
    cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
    set(target sketch_${name}_${version}_${flavour})
    set(folder "${OTTER_PROGRAM_DIR}/sketches")
    add_executable(${target} ${arg_SOURCES})
    set_target_properties(${target} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/sketches")
    target_compile_definitions(${target} PRIVATE
        OTTER_SKETCH_VERSION="${version}" OTTER_SKETCH_BOARD="posix")
    foreach(use IN LISTS arg_USES ITEMS otter_port_posix_main)
        otter_twin(twin ${flavour} ${use})
        target_link_libraries(${target} PRIVATE ${twin})
    endforeach()
    # An image may not be built for more flash than the chip has: one for the
    # smallest fits them all.  Sanitizers take more room than that has.
    if(flavour STREQUAL "asan")
        set(map 4M2M)
    else()
        set(map 512K0)
    endif()
    otter__sketch_image(${target} "${folder}/${name}-${version}${suffix}.bin"
        none ${map})
    otter__sketch_image(${target}
        "${folder}/${name}-${version}-otter${suffix}.bin" otter 4M2M)
endfunction()

function(otter__sketch_image target image loader map)
    get_filename_component(name "${image}" NAME)
    add_custom_command(OUTPUT "${image}"
        COMMAND "${CMAKE_COMMAND}" -E make_directory
            "${OTTER_PROGRAM_DIR}/sketches"
        COMMAND otter image build --quiet --boot ${loader} --map ${map}
            --program "$<TARGET_FILE:${target}>" -o "${image}"
        DEPENDS ${target} otter VERBATIM)
    add_custom_target(image_${name} ALL DEPENDS "${image}")
endfunction()

foreach(flavour small asan)
    add_library(otter_flags_${flavour} INTERFACE)
    target_include_directories(otter_flags_${flavour} INTERFACE
        "${CMAKE_SOURCE_DIR}")
    target_compile_options(otter_flags_${flavour} INTERFACE
        ${OTTER_WARNINGS} -Os -g0 -ffunction-sections -fdata-sections
        -fno-asynchronous-unwind-tables)
    target_link_options(otter_flags_${flavour} INTERFACE -s -no-pie
        -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,--build-id=none)
endforeach()
target_compile_options(otter_flags_asan INTERFACE ${OTTER_SANITIZERS})
target_link_options(otter_flags_asan INTERFACE ${OTTER_SANITIZERS})
