# SPDX-License-Identifier: Apache-2.0
#
# Sketches for the virtual board.  A board's flash is small, so what runs on
# it is compiled for size and never with sanitizers: each library that a sketch
# uses gets a twin, NAME_small, built from the same sources.  A build with
# sanitizers makes a second image of each sketch with them, NAME-asan, in
# which the tests watch the device's code.

# otter_small_twin(OUT LIBRARY): the twin's name, made when it is new; a
# library that is not of this tree stands for itself.
function(otter_small_twin out lib)
    if(lib STREQUAL "bearssl")
        set(${out} -l:libbearssl.a PARENT_SCOPE)
        return()
    elseif(NOT TARGET ${lib})
        set(${out} ${lib} PARENT_SCOPE)
        return()
    elseif(lib STREQUAL "otter_flags")
        set(${out} otter_flags_small PARENT_SCOPE)
        return()
    endif()
    set(${out} ${lib}_small PARENT_SCOPE)
    if(TARGET ${lib}_small)
        return()
    endif()
    get_target_property(sources ${lib} SOURCES)
    get_target_property(folder ${lib} SOURCE_DIR)
    get_target_property(uses ${lib} INTERFACE_LINK_LIBRARIES)
    get_target_property(definitions ${lib} INTERFACE_COMPILE_DEFINITIONS)
    list(TRANSFORM sources PREPEND "${folder}/")
    add_library(${lib}_small STATIC ${sources})
    if(definitions)
        target_compile_definitions(${lib}_small PUBLIC ${definitions})
    endif()
    foreach(use IN LISTS uses)
        otter_small_twin(twin ${use})
        target_link_libraries(${lib}_small PUBLIC ${twin})
    endforeach()
endfunction()

# otter_sketch(NAME VERSION SOURCES ... USES ...): the programs of a sketch
# and their images, sketches/NAME-VERSION.bin beside the programs.
function(otter_sketch name version)
    cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
    set(uses)
    foreach(use IN LISTS arg_USES ITEMS otter_port_posix_main)
        otter_small_twin(twin ${use})
        list(APPEND uses ${twin})
    endforeach()
    otter__sketch_flavour(${name} ${version} "" SOURCES ${arg_SOURCES}
        USES otter_flags_small ${uses})
    if(OTTER_SANITIZE)
        otter__sketch_flavour(${name} ${version} "-asan" SOURCES
            ${arg_SOURCES} USES otter_flags ${arg_USES} otter_port_posix_main)
    endif()
endfunction()

function(otter__sketch_flavour name version flavour)
    cmake_parse_arguments(arg "" "" "SOURCES;USES" ${ARGN})
    set(target sketch_${name}_${version}${flavour})
    set(image "${OTTER_PROGRAM_DIR}/sketches/${name}-${version}${flavour}.bin")
    add_executable(${target} ${arg_SOURCES})
    set_target_properties(${target} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/sketches")
    target_compile_definitions(${target} PRIVATE
        OTTER_SKETCH_VERSION="${version}" OTTER_SKETCH_BOARD="posix")
    target_link_libraries(${target} PRIVATE ${arg_USES})
    target_link_options(${target} PRIVATE -s)
    add_custom_command(OUTPUT "${image}"
        COMMAND "${CMAKE_COMMAND}" -E make_directory
            "${OTTER_PROGRAM_DIR}/sketches"
        COMMAND ${OTTER_IMAGE_BUILD} "$<TARGET_FILE:${target}>" "${image}"
        DEPENDS ${target} VERBATIM)
    add_custom_target(${target}_image ALL DEPENDS "${image}")
endfunction()

set(OTTER_IMAGE_BUILD python3
    "${CMAKE_SOURCE_DIR}/tests/system/otter_image.py"
    CACHE INTERNAL "What makes an image of a program, in every folder")

add_library(otter_flags_small INTERFACE)
target_include_directories(otter_flags_small INTERFACE "${CMAKE_SOURCE_DIR}")
get_target_property(flags otter_flags INTERFACE_COMPILE_OPTIONS)
list(FILTER flags EXCLUDE REGEX "sanitize|frame-pointer")
target_compile_options(otter_flags_small INTERFACE ${flags} -Os -g0
    -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables)
target_link_options(otter_flags_small INTERFACE -Wl,--gc-sections
    -Wl,-z,noseparate-code -Wl,--build-id=none)
