/* SPDX-License-Identifier: Apache-2.0
 *
 * What was found out about a firmware file, for people and for programs. */
#ifndef OTTER_HOST_IMAGE_SHOW_H
#define OTTER_HOST_IMAGE_SHOW_H

#include "format/compiler.h"
#include "host/image_look.h"

/* Words for the numbers of a header; "unknown" where there are none. */
const char *otter__show_mode(const struct otter_image_header *header);
const char *otter__show_kind(uint32_t vma); /* which memory */

/* MHz, 0 when unknown. */
unsigned otter__show_frequency(const struct otter_image_header *header);

/* Prints for people to standard output. */
void otter__show_text(const struct otter_look *look, const char *path);

/* Prints one JSON object.  Returns 0 or ENOMEM. */
OTTER_MUST_CHECK int otter__show_json(const struct otter_look *look,
                                      const char *path);

#endif
