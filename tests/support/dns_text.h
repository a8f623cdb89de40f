/* SPDX-License-Identifier: Apache-2.0
 *
 * A DNS message as text, one line for the header and one for each question
 * and record, so that a test compares whole packets:
 *
 *   response id 0
 *   question PTR _http._tcp.local
 *   answer SRV x._http._tcp.local flush 4500 0 0 80 x.local
 *   additional A x.local flush 120 192.168.1.77
 *
 * TXT strings are put in quotes, NSEC shows its name and its bitmap in hex.
 * A malformed message ends in the line "malformed". */
#ifndef OTTER_TESTS_SUPPORT_DNS_TEXT_H
#define OTTER_TESTS_SUPPORT_DNS_TEXT_H

#include <stdint.h>

#define DNS_TEXT_SIZE 8192u

/* Static storage, until the next call. */
const char *dns_text(const void *msg, uint32_t len);

/* Parses hexadecimal digits up to the first other character; returns how many
 * bytes were written, at most `size`. */
uint32_t dns_text_unhex(const char *hex, uint8_t *out, uint32_t size);

#endif
