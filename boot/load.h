/* SPDX-License-Identifier: Apache-2.0
 *
 * The last thing a boot loader does: load an application image from flash
 * into RAM and jump to it (protocol 3.3, "Loader").  Shared by both loaders,
 * not public.  Nothing is verified here: whoever calls it has decided. */
#ifndef OTTER_BOOT_LOAD_H
#define OTTER_BOOT_LOAD_H

#include "format/compiler.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

/* The core's result numbers, which it prints and nobody else sees. */
enum otter__boot_result {
    OTTER__BOOT_OK = 0,
    OTTER__BOOT_LOAD_HEADER = 1,  /* the header could not be read */
    OTTER__BOOT_LOAD_SEGMENT = 2, /* a segment's header could not */
    OTTER__BOOT_LOAD_DATA = 3     /* a segment's data could not */
};

/* Walks the application image whose header is at `addr` and stores the addr of
 * the first byte after its last segment in `*end`, unless that is NULL.  With
 * `end` NULL the segments for RAM are loaded and the image is started, which
 * does not come back unless the board cannot run it: OTTER_ERR_IMAGE.
 * Otherwise returns enum otter__boot_result. */
OTTER_MUST_CHECK int otter__boot_load(uint32_t addr, uint32_t *end);

OTTER_END_DECLS

#endif
