/* SPDX-License-Identifier: Apache-2.0
 *
 * The boot command, words to struct and back.  The CRC is over the bytes as
 * they lie in the chip's memory, little-endian, whatever the host's order. */
#include "format/rtc_command.h"

#include "format/bytes.h"
#include "format/crc32.h"
#include "format/error.h"

#include <string.h>

#define CRC_WORD (OTTER_RTC_COMMAND_WORDS - 1)

static uint32_t command_crc(const uint32_t *words)
{
    uint32_t crc = OTTER_CRC32_INIT;

    for (uint32_t i = 0; i < CRC_WORD; i++) {
        uint8_t bytes[4];

        otter_store_le32(bytes, words[i]);
        crc = otter_crc32(crc, bytes, sizeof bytes);
    }
    return crc;
}

void otter_rtc_command_set_copy(struct otter_rtc_command *command,
                                uint32_t source, uint32_t destination,
                                uint32_t size)
{
    memset(command, 0, sizeof *command);
    command->action = OTTER_RTC_COPY_RAW;
    command->args[OTTER_RTC_ARG_SOURCE] = source;
    command->args[OTTER_RTC_ARG_DESTINATION] = destination;
    command->args[OTTER_RTC_ARG_SIZE] = size;
}

void otter_rtc_command_set_load(struct otter_rtc_command *command,
                                uint32_t addr)
{
    memset(command, 0, sizeof *command);
    command->action = OTTER_RTC_LOAD_APP;
    command->args[OTTER_RTC_ARG_ADDR] = addr;
}

void otter_rtc_command_encode(const struct otter_rtc_command *command,
                              uint32_t words[OTTER_RTC_COMMAND_WORDS])
{
    words[0] = OTTER_RTC_COMMAND_MAGIC;
    words[1] = command->action;
    memcpy(&words[2], command->args, sizeof command->args);
    words[CRC_WORD] = command_crc(words);
}

int otter_rtc_command_decode(const uint32_t words[OTTER_RTC_COMMAND_WORDS],
                             struct otter_rtc_command *command)
{
    if ((words[0] & OTTER_RTC_COMMAND_MAGIC_MASK) != OTTER_RTC_COMMAND_MAGIC) {
        return OTTER_ERR_RECORD;
    }
    if (words[CRC_WORD] != command_crc(words)) {
        return OTTER_ERR_RECORD;
    }
    command->action = words[1];
    memcpy(command->args, &words[2], sizeof command->args);
    return 0;
}

void otter_rtc_command_clear(uint32_t words[OTTER_RTC_COMMAND_WORDS])
{
    words[0] = 0;
    words[CRC_WORD] = 0;
}
