/* SPDX-License-Identifier: Apache-2.0
 *
 * Application images of the ESP32's family, as far as a server must know them
 * to refuse what cannot run:
 *
 *   0    header, 24 bytes: as of an ESP8266's image (format/image.h), then
 *        16 bytes more, the last of which says whether a SHA-256 is appended
 *   24   segments: vma, size, data; 16 of them at most
 *   ...  zeros and the checksum, at the end of a line of 16 bytes
 *   ...  if so, SHA-256 of all before it
 *
 * The first segment begins with the application's description, by which such
 * an image is told from one of an ESP8266. */
#ifndef OTTER_SERVER_STORE_ESP32_H
#define OTTER_SERVER_STORE_ESP32_H

#include "format/image.h"

struct otterd_esp32 {
    uint32_t flash_size; /* bytes the image is built for, 0: not known */
    char name[33];       /* the application says; may be empty */
    char version[33];
};

/* Reads all of it.  OTTER_ERR_KIND: it is no such image.  OTTER_ERR_IMAGE:
 * malformed.  OTTER_ERR_SHORT: it was cut.  OTTER_ERR_CHECKSUM,
 * OTTER_ERR_DIGEST: damaged.  OTTER_ERR_NO_MEMORY.  Read errors as they come.
 * Bytes behind the image, a signature for instance, are no error. */
OTTER_MUST_CHECK int otterd_esp32_check(
    const struct otter_image_source *source, struct otterd_esp32 *out);

#endif
