/* SPDX-License-Identifier: Apache-2.0
 *
 * A device as the host tool knows it: found by multicast DNS or read from a
 * list.  Every text is valid UTF-8 without control characters, whatever the
 * network said, so it may be printed as it is. */
#ifndef OTTER_HOST_DEVICE_H
#define OTTER_HOST_DEVICE_H

#include "format/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct otter_target_entry;

#define OTTER_DEVICE_NAME_SIZE 256u
#define OTTER_DEVICE_TEXT_SIZE 1400u

enum otter_device_auth {
    OTTER_DEVICE_AUTH_UNKNOWN,
    OTTER_DEVICE_AUTH_NO,
    OTTER_DEVICE_AUTH_YES
};

struct otter_device {
    char name[OTTER_DEVICE_NAME_SIZE];    /* what people call it: "lamp" */
    char host[OTTER_DEVICE_NAME_SIZE];    /* "lamp.local", or as listed */
    char address[OTTER_DEVICE_NAME_SIZE]; /* to connect to: "192.168.1.50"; in
                                             a list perhaps a host name */
    uint16_t port;                        /* UDP, 0: not known */
    bool listed;                          /* read from a list */

    /* The TXT strings, one after the other, each with its NUL. */
    char text[OTTER_DEVICE_TEXT_SIZE];
    size_t text_len;
};

/* The value of a TXT key (codec/dns_keys.h, in any case), or NULL. */
const char *otter_device_get(const struct otter_device *device,
                             const char *key);

/* String number `n` of the TXT strings, or NULL. */
const char *otter_device_text(const struct otter_device *device, size_t n);

/* Adds a TXT string; one that does not fit is left out.  Bytes that are not
 * printable UTF-8 become "?". */
void otter_device_add_text(struct otter_device *device, const void *text,
                           size_t len);

/* Copies a text into `out`, cut to fit, made printable. */
void otter_device_copy(char *out, size_t size, const void *text, size_t len);

/* By the key auth_upload. */
enum otter_device_auth otter_device_auth(const struct otter_device *device);

bool otter_device_same(const struct otter_device *a,
                       const struct otter_device *b);

/* What a list says about a device (host/target_list.h), with the default port
 * where it names none. */
void otter_device_from_list(struct otter_device *device,
                            const struct otter_target_entry *entry);

#endif
