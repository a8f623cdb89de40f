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

/* What a walk through an image tells. */
struct otter__boot_layout {
    uint32_t end;      /* addr of the first byte after its last segment */
    uint32_t confirms; /* not 0: its descriptor says that it confirms itself;
                          the caller sets 0 before */
};

/* Walks the application image whose header is at `addr` and says in `out` what
 * it is like, unless that is NULL.  Then the segments for RAM are loaded and
 * the image is started, which does not come back unless the board cannot run
 * it: OTTER_ERR_IMAGE.  Otherwise returns enum otter__boot_result. */
OTTER_MUST_CHECK int otter__boot_load(uint32_t addr,
                                      struct otter__boot_layout *out);

OTTER_END_DECLS

#endif
