/* SPDX-License-Identifier: Apache-2.0
 *
 * The boot command in RTC memory (protocol 3.2): what an update leaves for
 * the core's boot loader to do after the next reset.  It fills the first 32
 * words of RTC user memory (word index 0 of hal/rtc.h):
 *
 *   word 0       magic 0xEB001000, compared under the mask 0xFFFFF000
 *   word 1       action
 *   words 2-30   29 arguments
 *   word 31      CRC-32 over the 124 bytes of words 0-30
 *
 * Pure conversions; who reads and writes the memory is not their matter.
 * The command does not survive a power cycle: that is the core's design. */
#ifndef OTTER_FORMAT_RTC_COMMAND_H
#define OTTER_FORMAT_RTC_COMMAND_H

#include "format/compiler.h"

#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_RTC_COMMAND_WORDS 32u
#define OTTER_RTC_COMMAND_ARGS  29u

#define OTTER_RTC_COMMAND_MAGIC      0xEB001000u
#define OTTER_RTC_COMMAND_MAGIC_MASK 0xFFFFF000u

/* Actions.  Others decode without an error: they are the caller's to refuse.
 */
#define OTTER_RTC_COPY_RAW 1u          /* args: source, destination, size */
#define OTTER_RTC_LOAD_APP 0xFFFFFFFFu /* args: address of the image */

/* Places of the arguments. */
#define OTTER_RTC_ARG_SOURCE      0 /* COPY_RAW: addr of the staged file */
#define OTTER_RTC_ARG_DESTINATION 1 /* COPY_RAW: addr, 0 for a sketch */
#define OTTER_RTC_ARG_SIZE        2 /* COPY_RAW: bytes of the staged file */
#define OTTER_RTC_ARG_ADDR        0 /* LOAD_APP: addr of the boot sector */

struct otter_rtc_command {
    uint32_t action;                       /* OTTER_RTC_* */
    uint32_t args[OTTER_RTC_COMMAND_ARGS]; /* unused ones are 0 when we write,
                                              anything when the core did */
};

/* Makes the command "copy `size` bytes from `source` to `destination`, then
 * start what is there"; all three are addr or bytes, unused arguments 0. */
void otter_rtc_command_set_copy(struct otter_rtc_command *command,
                                uint32_t source, uint32_t destination,
                                uint32_t size);

/* Makes the command "start the image whose boot sector is at `addr`". */
void otter_rtc_command_set_load(struct otter_rtc_command *command,
                                uint32_t addr);

/* Writes the 32 words, magic and CRC included. */
void otter_rtc_command_encode(const struct otter_rtc_command *command,
                              uint32_t words[OTTER_RTC_COMMAND_WORDS]);

/* Reads the 32 words.
 * OTTER_ERR_RECORD: magic or CRC is wrong, so there is no command; `command`
 * is unchanged. */
OTTER_MUST_CHECK int otter_rtc_command_decode(
    const uint32_t words[OTTER_RTC_COMMAND_WORDS],
    struct otter_rtc_command *command);

/* Cancels the command the way the core does: words 0 and 31 become 0, the
 * others stay. */
void otter_rtc_command_clear(uint32_t words[OTTER_RTC_COMMAND_WORDS]);

OTTER_END_DECLS

#endif
