/* SPDX-License-Identifier: Apache-2.0
 *
 * What is in a firmware file, and why it could not run; see
 * otterd_upload_finish.  Reads the file piece by piece. */
#ifndef OTTER_SERVER_STORE_INSPECT_H
#define OTTER_SERVER_STORE_INSPECT_H

#include "server/store/firmware.h"

/* `out->size` bytes are in the file `fd`; `folder` is where what is packed
 * may be unpacked for the time of the call.  Fills image_md5 only of what is
 * packed.  Errors of otterd_upload_finish.
 */
OTTER_MUST_CHECK int otterd_inspect(int fd, const char *folder,
                                    enum otterd_claim claim,
                                    struct otterd_firmware *out,
                                    char problem[OTTERD_PROBLEM_MAX]);

#endif
