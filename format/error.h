/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors.  One list holds every number and its text.  Functions return 0 for
 * success, one of these negative numbers for failure, and a positive value
 * only where their header says that it is a count.  Numbers are stored by
 * servers and in boot records: they are never changed and never used again.
 *
 * The core's own numbers (UPDATE_ERROR_*, OTA_*_ERROR, HTTP_UE_*) go over the
 * wire; core_error.h maps between the two worlds. */
#ifndef OTTER_FORMAT_ERROR_H
#define OTTER_FORMAT_ERROR_H

#include "format/compiler.h"

#include <stdint.h>

OTTER_BEGIN_DECLS

/* X(symbol, number, text): the text is a sentence fragment, shown to people.
 */
#define OTTER_ERRORS(X)                                                       \
    X(INVALID, -1, "invalid argument or configuration")                       \
    X(BUSY, -2, "another update is in progress")                              \
    X(PENDING, -3, "still working, poll again")                               \
    X(STATE, -4, "not possible in this state")                                \
    X(NO_MEMORY, -5, "no free buffer or connection")                          \
    X(TIMEOUT, -6, "the other side stayed silent for too long")               \
    X(CLOSED, -7, "the other side closed the connection")                     \
    X(DECLINED, -8, "the application declined the update")                    \
    X(RANDOM, -9, "no randomness is available")                               \
    X(NETWORK, -10, "the network failed")                                     \
    X(CONNECT, -11, "the connection could not be established")                \
    X(LOOKUP, -12, "the name could not be resolved")                          \
    X(ADDRESS_IN_USE, -13, "the address or port is in use")                   \
    X(AGAIN, -14, "nothing there yet")                                        \
    X(TOO_LONG, -15, "longer than the buffer or the limit")                   \
    X(SYNTAX, -16, "malformed message")                                       \
    X(AUTH, -17, "authentication failed")                                     \
    X(FLASH_READ, -20, "flash read failed")                                   \
    X(FLASH_PROGRAM, -21, "flash write failed")                               \
    X(FLASH_ERASE, -22, "flash erase failed")                                 \
    X(FLASH_RANGE, -23, "outside the flash, or not aligned")                  \
    X(SPACE, -30, "not enough space between the sketch and the file system")  \
    X(SIZE, -31, "bad size given")                                            \
    X(NO_DATA, -32, "no data supplied")                                       \
    X(DIGEST, -33, "the digest does not match")                               \
    X(FLASH_CONFIG, -34, "the flash is smaller than configured")              \
    X(NEW_FLASH_CONFIG, -35, "the image is built for a larger flash")         \
    X(MAGIC, -36, "the first byte is not 0xE9")                               \
    X(BOOTSTRAP, -37, "started in serial download mode, press reset once")    \
    X(SIGNATURE, -38, "the signature does not verify")                        \
    X(KIND, -39, "unknown kind of update")                                    \
    X(BOARD, -40, "the image is for another board")                           \
    X(CHIP, -41, "the image is for another chip")                             \
    X(LOADER, -42, "the image needs a newer boot loader")                     \
    X(STREAM, -43, "the stream stopped")                                      \
    X(SHORT, -44, "the upload ended before the announced size")               \
    X(IMAGE, -45, "the image is not whole or malformed")                      \
    X(CHECKSUM, -46, "the image's checksum is wrong")                         \
    X(GZIP, -47, "the gzip data are malformed")                               \
    X(RECORD, -48, "no valid boot record")                                    \
    X(LAYOUT, -49, "the boot loader is for another flash map")

enum otter_error {
    OTTER_OK = 0,
#define OTTER_ERROR_ENUM(symbol, number, text) OTTER_ERR_##symbol = (number),
    OTTER_ERRORS(OTTER_ERROR_ENUM)
#undef OTTER_ERROR_ENUM
};

/* The text of an error, never NULL; "unknown error" for a number that is not
 * in the list.  Static storage. */
const char *otter_error_text(int error);

/* The symbol without its prefix ("DIGEST"), "OK" for 0, "UNKNOWN" else. */
const char *otter_error_name(int error);

/* What a stage of an update knows about its first error: enough to write the
 * core's texts, which contain sizes and digests (protocol 2.1). */
struct otter_error_detail {
    int error;                /* OTTER_ERR_*, 0 while nothing went wrong */
    uint32_t real_size;       /* bytes of flash on the board */
    uint32_t configured_size; /* bytes of flash the sketch was built for */
    char expected[33];        /* MD5 as 32 hex digits, or empty */
    char calculated[33];      /* the same, of what is in flash */
};

OTTER_END_DECLS

#endif
