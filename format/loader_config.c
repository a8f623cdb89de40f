/* SPDX-License-Identifier: Apache-2.0
 *
 * The loader's configuration, bytes to struct and back. */
#include "format/loader_config.h"

#include "format/bytes.h"
#include "format/error.h"

/* Two sectors of log, the boot sector and a sector of program. */
#define LOG_SIZE  0x2000u
#define LEAST_END 0x4000u

int otter_loader_config_decode(const uint8_t bytes[OTTER_LOADER_CONFIG_SIZE],
                               struct otter_loader_config *out)
{
    uint32_t word = otter_load_le32(bytes);

    if (word >> 16 != OTTER_LOADER_MAGIC || (word & 0xFFFF) == 0) {
        return OTTER_ERR_LOADER;
    }
    out->version = word & 0xFFFF;
    out->log = otter_load_le32(bytes + 4);
    return 0;
}

void otter_loader_config_encode(const struct otter_loader_config *config,
                                uint8_t bytes[OTTER_LOADER_CONFIG_SIZE])
{
    otter_store_le32(bytes,
                     OTTER_LOADER_MAGIC << 16 | (config->version & 0xFFFF));
    otter_store_le32(bytes + 4, config->log);
}

uint32_t otter_loader_log_addr(uint32_t fs_start)
{
    return fs_start < LEAST_END ? OTTER_LOADER_NO_LOG : fs_start - LOG_SIZE;
}
