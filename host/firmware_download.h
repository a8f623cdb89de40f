/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter firmware download`. */
#ifndef OTTER_HOST_FIRMWARE_DOWNLOAD_H
#define OTTER_HOST_FIRMWARE_DOWNLOAD_H

extern const char otter__firmware_download_help[];
int otter__firmware_download(int argc, char **argv);

#endif
