/* SPDX-License-Identifier: Apache-2.0
 *
 * The core's three families of error numbers, which its hosts, sketches and
 * serial logs know, and how Otter's own errors (format/error.h) map to them:
 *
 *   UPDATE_ERROR_*  0 to 16, of the updater (protocol 2.1); on the wire as
 *                   "ERROR[<n>]: <text>" LF
 *   OTA_*_ERROR     0 to 5, of push, for on_error (protocol 1.5)
 *   HTTP_UE_*       -1 to -11 and -100 to -109, of pull (protocol 5.3)
 *
 * Texts are those of the newest core.  An error of ours that the core has no
 * number for keeps its own text and gets 100 minus its own (negative) number:
 * OTTER_ERR_BOARD is "ERROR[140]: the image is for another board".  That is
 * out of the way of whatever the core adds.  So does a digest that does not
 * match when the detail names no MD5s, that is when it was a SHA-256. */
#ifndef OTTER_FORMAT_CORE_ERROR_H
#define OTTER_FORMAT_CORE_ERROR_H

#include "format/compiler.h"
#include "format/error.h"

#include <stdint.h>

OTTER_BEGIN_DECLS

/* X(symbol, number, text): the texts of MD5 (7), FLASH_CONFIG (8) and
 * NEW_FLASH_CONFIG (9) go on with values; otter_core_update_print adds them.
 */
#define OTTER_CORE_UPDATE_ERRORS(X)                                           \
    X(OK, 0, "No Error")                                                      \
    X(WRITE, 1, "Flash Write Failed")                                         \
    X(ERASE, 2, "Flash Erase Failed")                                         \
    X(READ, 3, "Flash Read Failed")                                           \
    X(SPACE, 4, "Not Enough Space")                                           \
    X(SIZE, 5, "Bad Size Given")                                              \
    X(STREAM, 6, "Stream Read Timeout")                                       \
    X(MD5, 7, "MD5 verification failed")                                      \
    X(FLASH_CONFIG, 8, "Flash config wrong")                                  \
    X(NEW_FLASH_CONFIG, 9, "new Flash config wrong")                          \
    X(MAGIC_BYTE, 10, "Magic byte is not 0xE9")                               \
    X(BOOTSTRAP, 11,                                                          \
      "Invalid bootstrapping state, reset ESP8266 before updating")           \
    X(SIGN, 12, "Signature verification failed")                              \
    X(NO_DATA, 13, "No data supplied")                                        \
    X(OOM, 14, "Out of memory")                                               \
    X(RUNNING_ALREADY, 15, "Update already running")                          \
    X(UNKNOWN_COMMAND, 16, "Unknown update command")

enum otter_core_update_error {
#define OTTER_CORE_ENUM(symbol, number, text)                                 \
    OTTER_CORE_UPDATE_##symbol = (number),
    OTTER_CORE_UPDATE_ERRORS(OTTER_CORE_ENUM)
#undef OTTER_CORE_ENUM
};

/* Where a push update failed: what on_error is told (protocol 1.5). */
enum otter_push_error {
    OTTER_PUSH_ERROR_AUTH = 0,
    OTTER_PUSH_ERROR_BEGIN = 1,
    OTTER_PUSH_ERROR_CONNECT = 2,
    OTTER_PUSH_ERROR_RECEIVE = 3,
    OTTER_PUSH_ERROR_END = 4,
    OTTER_PUSH_ERROR_ERASE_SETTINGS = 5
};

/* X(symbol, number, text): why a pull update failed. */
#define OTTER_CORE_HTTP_ERRORS(X)                                             \
    X(CONNECTION_FAILED, -1, "connection failed")                             \
    X(SEND_HEADER_FAILED, -2, "send header failed")                           \
    X(SEND_PAYLOAD_FAILED, -3, "send payload failed")                         \
    X(NOT_CONNECTED, -4, "not connected")                                     \
    X(CONNECTION_LOST, -5, "connection lost")                                 \
    X(NO_STREAM, -6, "no stream")                                             \
    X(NO_HTTP_SERVER, -7, "no HTTP server")                                   \
    X(TOO_LESS_RAM, -8, "not enough ram")                                     \
    X(ENCODING, -9, "Transfer-Encoding not supported")                        \
    X(STREAM_WRITE, -10, "Stream write error")                                \
    X(READ_TIMEOUT, -11, "read Timeout")                                      \
    X(TOO_LESS_SPACE, -100, "Not Enough space")                               \
    X(SERVER_NOT_REPORT_SIZE, -101, "Server Did Not Report Size")             \
    X(SERVER_FILE_NOT_FOUND, -102, "File Not Found (404)")                    \
    X(SERVER_FORBIDDEN, -103, "Forbidden (403)")                              \
    X(SERVER_WRONG_HTTP_CODE, -104, "Wrong HTTP Code")                        \
    X(SERVER_FAULTY_MD5, -105, "Wrong MD5")                                   \
    X(BIN_VERIFY_HEADER_FAILED, -106, "Verify Bin Header Failed")             \
    X(BIN_FOR_WRONG_FLASH, -107, "New Binary Does Not Fit Flash Size")        \
    X(SERVER_UNAUTHORIZED, -108, "Unauthorized (401)")                        \
    X(SERVER_NO_VERSION, -109, "")

enum otter_core_http_error {
#define OTTER_CORE_ENUM(symbol, number, text)                                 \
    OTTER_CORE_HTTP_##symbol = (number),
    OTTER_CORE_HTTP_ERRORS(OTTER_CORE_ENUM)
#undef OTTER_CORE_ENUM
};

/* Enough for every text that the print functions make, NUL included. */
#define OTTER_CORE_ERROR_TEXT_MAX 160u

/* The updater's number for an OTTER_ERR_*: 0 to 16, or 100 - error for an
 * error that the core does not know. */
int otter_core_update_from_error(int error);

/* The text of UPDATE_ERROR number `number` without its values, "UNKNOWN" as
 * in the core when there is none.  Static storage. */
const char *otter_core_update_text(int number);

/* Writes "ERROR[<n>]: <text>" LF for `detail` and returns its length.  The
 * text is cut to fit `size` >= 1 bytes, NUL included; OTTER_CORE_ERROR_TEXT_
 * MAX is enough. */
uint32_t otter_core_update_print(const struct otter_error_detail *detail,
                                 char *out, uint32_t size);

/* Reads the number out of "ERROR[<n>]..." at the start of `text`, which ends
 * in NUL.  OTTER_ERR_SYNTAX: it does not start like that. */
OTTER_MUST_CHECK int otter_core_update_number(const char *text,
                                              uint32_t *number);

/* The words that the core's example sketch prints for an OTA_*_ERROR: "Auth
 * Failed", "Begin Failed" ...; "Unknown Error" for another number.  Static
 * storage. */
const char *otter_push_error_text(int error);

/* Pull's number for an OTTER_ERR_*: -1 to -107 where the failure lay in the
 * transport or before the updater, else the updater's positive number. */
int otter_core_http_from_error(int error);

/* The text of HTTP_UE number `number`, "" when there is none.  Static
 * storage. */
const char *otter_core_http_text(int number);

/* Writes what the core's getLastErrorString says about `number`: positive
 * "Update error: ERROR[<n>]: <text>", -1 to -99 "HTTP error: <text>", below
 * that the text alone, 0 nothing.  No line end.  `detail` belongs to a
 * positive number and may be NULL else.  Returns the length. */
uint32_t otter_core_http_print(int number,
                               const struct otter_error_detail *detail,
                               char *out, uint32_t size);

OTTER_END_DECLS

#endif
