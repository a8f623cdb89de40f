/* SPDX-License-Identifier: Apache-2.0
 *
 * Digests of the push protocol on the developer's machine, as lowercase
 * hexadecimal text, because that is what travels and what is hashed again
 * (protocol 0, 1.4, 1.11).  OpenSSL computes them.  Nothing here knows about
 * messages or sockets. */
#ifndef OTTER_HOST_DIGEST_H
#define OTTER_HOST_DIGEST_H

#include "format/compiler.h"

#include <stddef.h>

#define OTTER_MD5_HEX_SIZE    33 /* 32 digits and the closing zero */
#define OTTER_SHA256_HEX_SIZE 65 /* 64 digits and the closing zero */

/* The digest of len bytes at data.
 * OTTER_ERR_NO_MEMORY: the library cannot provide the digest. */
OTTER_MUST_CHECK int otter_digest_md5(char hex[OTTER_MD5_HEX_SIZE],
                                      const void *data, size_t len);
OTTER_MUST_CHECK int otter_digest_sha256(char hex[OTTER_SHA256_HEX_SIZE],
                                         const void *data, size_t len);

/* PBKDF2-HMAC-SHA256, 32 bytes of key as 64 digits (protocol 1.11). */
OTTER_MUST_CHECK int otter_digest_pbkdf2(char hex[OTTER_SHA256_HEX_SIZE],
                                         const char *password,
                                         const char *salt,
                                         unsigned iterations);

/* 2 * len random digits and a closing zero; len is at most 32.
 * OTTER_ERR_RANDOM: the system offers no randomness. */
OTTER_MUST_CHECK int otter_digest_random(char *hex, size_t len);

#endif
