/* SPDX-License-Identifier: Apache-2.0
 *
 * Firmware files on their way in, and kept.  A file lies in the folder
 * `firmware` of the data folder under its SHA-256, whole or not at all: an
 * upload is written under another name, looked at, brought to the disk, and
 * renamed.  Neither the upload nor what is packed in it is ever in memory as
 * a whole. */
#ifndef OTTER_SERVER_STORE_FIRMWARE_H
#define OTTER_SERVER_STORE_FIRMWARE_H

#include "format/compiler.h"
#include "server/store/releases.h"

#include <stddef.h>
#include <stdint.h>

#define OTTERD_FIRMWARE_MAX 0x1000000u /* bytes of a file: 16 MiB */
#define OTTERD_PROBLEM_MAX  320        /* a sentence or two with NUL */

struct otterd_upload;

/* What the uploader says that it is. */
enum otterd_claim {
    OTTERD_CLAIM_NONE,
    OTTERD_CLAIM_SKETCH,
    OTTERD_CLAIM_FILES
};

/* Begins an upload into the data folder `dir`.  OTTER_ERR_STATE: see errno. */
OTTER_MUST_CHECK int otterd_upload_begin(struct otterd_upload **out,
                                         const char *dir);

/* Takes bytes.  OTTER_ERR_TOO_LONG: more than OTTERD_FIRMWARE_MAX;
 * OTTER_ERR_STATE: see errno.  The first error stays. */
OTTER_MUST_CHECK int otterd_upload_write(struct otterd_upload *upload,
                                         const void *data, size_t len);

/* Looks at what came, brings it to the disk, and fills kind, chip, gzip, size,
 * image_size, flash_size, md5, image_md5 and sha256 of `out`; name, version
 * and board too where they are empty and the image tells them
 * (format/descriptor.h).
 *
 * A sketch must be whole, with right checksums: an ESP8266's (protocol 2.7),
 * also when it is packed with gzip, or an ESP32's (esp32.h).  A file system is
 * taken when it is LittleFS, or when the uploader says so and it is whole
 * sectors.
 *
 * OTTER_ERR_INVALID: it cannot run, and `problem` says what, why and what to
 * do.  OTTER_ERR_STATE: see errno.  OTTER_ERR_NO_MEMORY. */
OTTER_MUST_CHECK int otterd_upload_finish(struct otterd_upload *upload,
                                          enum otterd_claim claim,
                                          struct otterd_firmware *out,
                                          char problem[OTTERD_PROBLEM_MAX]);

/* Gives a finished upload its name; it is there for good when this returns 0.
 * OTTER_ERR_STATE: see errno. */
OTTER_MUST_CHECK int otterd_upload_keep(struct otterd_upload *upload);

/* Frees it; what was not kept is gone.  NULL is allowed. */
void otterd_upload_free(struct otterd_upload *upload);

/* Opens a kept file for reading; the caller closes the descriptor.  A file
 * that is not of `size` bytes is not opened.  Negative: OTTER_ERR_STATE, or
 * OTTER_ERR_SHORT for a wrong size. */
OTTER_MUST_CHECK int otterd_firmware_open(const char *dir, const char *sha256,
                                          uint32_t size);

/* Removes a kept file; one that is not there is no error. */
OTTER_MUST_CHECK int otterd_firmware_delete(const char *dir,
                                            const char *sha256);

/* Removes what ended with the process: uploads of an hour ago or longer, and
 * files of firmware that was removed from the database.  A file that no row
 * ever named stays: it may be another database's. */
void otterd_firmware_sweep(const char *dir, struct otterd_store *store);

#endif
