/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known about a device, in printable text. */
#include "host/device.h"

#include "codec/dns_keys.h"
#include "format/push_message.h"
#include "host/target_list.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- Printable text -------------------------------------------------------
 */

/* Bytes of the well-formed, printable UTF-8 character at `p`; 0: none. */
static size_t character(const unsigned char *p, size_t len)
{
    static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    unsigned long code = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));

    if (n > len || (p[0] >= 0x80 && p[0] < 0xc2) || p[0] > 0xf4) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (p[i] & 0x3f);
    }
    if (code < least[n] || code > 0x10ffff ||
        (code >= 0xd800 && code < 0xe000) || code < 0x20 ||
        (code >= 0x7f && code < 0xa0)) {
        return 0;
    }
    /* Marks that turn the direction of a line around. */
    return (code >= 0x202a && code <= 0x202e) ||
                   (code >= 0x2066 && code <= 0x2069)
               ? 0
               : n;
}

void otter_device_copy(char *out, size_t size, const void *text, size_t len)
{
    const unsigned char *from = text;
    size_t used = 0;

    while (len > 0) {
        size_t n = character(from, len);
        size_t step = n > 0 ? n : 1;

        if (used + step >= size) {
            break;
        }
        if (n > 0) {
            memcpy(out + used, from, n);
        } else {
            out[used] = '?';
        }
        used += step;
        from += step;
        len -= step;
    }
    out[used] = '\0';
}

/* --- Devices ----------------------------------------------------------------
 */

void otter_device_add_text(struct otter_device *device, const void *text,
                           size_t len)
{
    if (len + 1 > sizeof device->text - device->text_len) {
        return;
    }
    otter_device_copy(device->text + device->text_len, len + 1, text, len);
    device->text_len += strlen(device->text + device->text_len) + 1;
}

const char *otter_device_text(const struct otter_device *device, size_t n)
{
    const char *at = device->text;
    const char *end = device->text + device->text_len;

    while (at < end && n > 0) {
        at += strlen(at) + 1;
        n--;
    }
    return at < end ? at : NULL;
}

const char *otter_device_get(const struct otter_device *device,
                             const char *key)
{
    size_t len = strlen(key);
    const char *text;

    for (size_t n = 0; (text = otter_device_text(device, n)) != NULL; n++) {
        if (strncasecmp(text, key, len) == 0 && text[len] == '=') {
            return text + len + 1;
        }
    }
    return NULL;
}

enum otter_device_auth otter_device_auth(const struct otter_device *device)
{
    const char *auth = otter_device_get(device, OTTER_DNS_KEY_AUTH_UPLOAD);

    if (auth == NULL) {
        return OTTER_DEVICE_AUTH_UNKNOWN;
    }
    return strcasecmp(auth, "yes") == 0 ? OTTER_DEVICE_AUTH_YES
                                        : OTTER_DEVICE_AUTH_NO;
}

bool otter_device_same(const struct otter_device *a,
                       const struct otter_device *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->host, b->host) == 0 &&
           strcmp(a->address, b->address) == 0 && a->port == b->port &&
           a->listed == b->listed && a->text_len == b->text_len &&
           memcmp(a->text, b->text, a->text_len) == 0;
}

/* --- Lists
 * -------------------------------------------------------------------- */

static void copy(char out[OTTER_DEVICE_NAME_SIZE], const char *text)
{
    otter_device_copy(out, OTTER_DEVICE_NAME_SIZE, text, strlen(text));
}

static void add_pair(struct otter_device *device, const char *key,
                     const char *value)
{
    char text[OTTER_DEVICE_NAME_SIZE];

    if (value != NULL) {
        snprintf(text, sizeof text, "%s=%s", key, value);
        otter_device_add_text(device, text, strlen(text));
    }
}

void otter_device_from_list(struct otter_device *device,
                            const struct otter_target_entry *entry)
{
    memset(device, 0, sizeof *device);
    device->listed = true;
    device->port = entry->port != 0 ? entry->port : OTTER_PUSH_PORT;
    copy(device->address, entry->address);
    copy(device->host, entry->address);
    copy(device->name, entry->name != NULL ? entry->name : entry->address);
    add_pair(device, OTTER_DNS_KEY_BOARD, entry->board);
    add_pair(device, OTTER_DNS_KEY_AUTH_UPLOAD, entry->auth);
    add_pair(device, OTTER_DNS_KEY_VERSION, entry->version);
}
