/* SPDX-License-Identifier: Apache-2.0
 *
 * The four callbacks of the core, one set for every way to update (manual
 * R16 to R20).  Any of them may be NULL.  They run from the transport's poll
 * and may call its close, but nothing else of the running transport. */
#ifndef OTTER_DEVICE_STREAM_EVENTS_H
#define OTTER_DEVICE_STREAM_EVENTS_H

#include "format/compiler.h"

#include <stdint.h>

OTTER_BEGIN_DECLS

struct otter_events {
    void *user; /* handed to every callback, borrowed */

    /* Before the peer is told OK and before the first byte is written: put
     * the equipment into a safe state here.  A value other than 0 declines
     * the update ("not now") and nothing is changed.  `kind` is enum
     * otter_update_kind, `size` in bytes. */
    int (*on_start)(void *user, uint32_t kind, uint32_t size);

    /* `done` of `total` bytes; first (0, total), last (total, total). */
    void (*on_progress)(void *user, uint32_t done, uint32_t total);

    /* The update is committed; the restart comes next, if configured. */
    void (*on_end)(void *user);

    /* The update failed.  `error` is the transport's own number, as in the
     * core: for push enum otter_push_error. */
    void (*on_error)(void *user, int error);
};

OTTER_END_DECLS

#endif
