/* SPDX-License-Identifier: Apache-2.0
 *
 * What the responder is told by the application: the host name, the services
 * and their TXT strings, which lie in one room, those of service 0 first. */
#include "device/transport/mdns.h"
#include "device/transport/mdns_internal.h"
#include "hal/board.h"

#include <string.h>

#define TYPE_MAX 32u

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* The core's default: "esp8266-" and the chip id (protocol 1.1). */
static void default_name(char *name)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t id = otter_board_chip_id();

    memcpy(name, "esp8266-", 8);
    for (uint32_t i = 0; i < 6; i++) {
        name[8 + i] = digits[id >> (20 - 4 * i) & 15];
    }
    name[14] = '\0';
}

static int set_name(struct otter_mdns *mdns, const char *name)
{
    size_t len = name != NULL ? strlen(name) : 0;

    if (len == 0) {
        default_name(mdns->name);
    } else if (len > OTTER_MDNS_NAME_MAX) {
        return OTTER_ERR_INVALID;
    } else {
        memcpy(mdns->name, name, len + 1);
    }
    mdns->base_len = (uint8_t)strlen(mdns->name);
    for (uint32_t i = 0; i < mdns->base_len; i++) {
        if (!is_host_char(mdns->name[i])) {
            return OTTER_ERR_INVALID;
        }
    }
    return 0;
}

int otter_mdns_init(struct otter_mdns *mdns,
                    const struct otter_mdns_config *config)
{
    int error;

    memset(mdns, 0, sizeof *mdns);
    error = set_name(mdns, config->host_name);
    if (error == 0) {
        mdns->config = config;
    }
    return error;
}

int otter_mdns_add_service(struct otter_mdns *mdns, const char *type,
                           uint16_t port)
{
    const struct otter_dns_name name = {{type}};
    uint8_t wire[TYPE_MAX + 2];
    struct otter_mdns_service *service;

    if (mdns->config == NULL || *type == '\0' ||
        otter_dns_name_wire(&name, wire, sizeof wire) < 0) {
        return OTTER_ERR_INVALID;
    }
    for (uint32_t s = 0; s < mdns->service_count; s++) {
        if (strlen(mdns->service[s].type) == strlen(type) &&
            memcmp(mdns->service[s].type, type, strlen(type)) == 0) {
            return OTTER_ERR_INVALID;
        }
    }
    if (mdns->service_count == OTTER_MDNS_SERVICES) {
        return OTTER_ERR_NO_MEMORY;
    }
    service = &mdns->service[mdns->service_count];
    service->type = type;
    service->port = port;
    service->txt_len = 0;
    for (uint32_t i = 0; i < OTTER_MDNS_LINKS; i++) {
        if (mdns->link[i].interface != 0) {
            otter__mdns_restart(&mdns->link[i], 0);
        }
    }
    return mdns->service_count++;
}

int otter_mdns_add_arduino(struct otter_mdns *mdns, uint16_t port,
                           const char *board, bool auth)
{
    const char *const txt[][2] = {
        {OTTER_DNS_KEY_TCP_CHECK, "no"},
        {OTTER_DNS_KEY_SSH_UPLOAD, "no"},
        {OTTER_DNS_KEY_BOARD, board != NULL ? board : "generic"},
        {OTTER_DNS_KEY_AUTH_UPLOAD, auth ? "yes" : "no"},
    };
    int service = otter_mdns_add_service(mdns, OTTER_DNS_ARDUINO, port);

    for (uint32_t i = 0; service >= 0 && i < sizeof txt / sizeof txt[0]; i++) {
        int error = otter_mdns_set_txt(mdns, service, txt[i][0], txt[i][1]);

        if (error != 0) {
            return error;
        }
    }
    return service;
}

/* --- TXT strings: those of service 0, then those of service 1 ... -------- */

static uint32_t txt_start(const struct otter_mdns *mdns, uint32_t service)
{
    uint32_t at = 0;

    for (uint32_t s = 0; s < service; s++) {
        at += mdns->service[s].txt_len;
    }
    return at;
}

const uint8_t *otter__mdns_txt(const struct otter_mdns *mdns, uint32_t service,
                               uint32_t *len)
{
    static const uint8_t empty[1];

    *len = mdns->service[service].txt_len;
    if (*len == 0) {
        *len = 1;
        return empty;
    }
    return mdns->txt + txt_start(mdns, service);
}

static uint8_t small(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

/* Where the string with this key is among a service's; its length when it is
 * not there.  Keys are the same in any case (RFC 6763 section 6.4). */
static uint32_t find_key(const uint8_t *txt, uint32_t len, const char *key)
{
    uint32_t key_len = (uint32_t)strlen(key);
    uint32_t at = 0;

    while (at < len) {
        uint32_t same = 0;

        while (same < key_len && same < txt[at] &&
               small(txt[at + 1 + same]) == small((uint8_t)key[same])) {
            same++;
        }
        if (same == key_len && same < txt[at] && txt[at + 1 + same] == '=') {
            return at;
        }
        at += 1u + txt[at];
    }
    return len;
}

/* Replaces `old_len` bytes at `at` in the room of all services' strings by
 * `new_len` others, which the caller fills in. */
static int make_room(struct otter_mdns *mdns, uint32_t service, uint32_t at,
                     uint32_t old_len, uint32_t new_len)
{
    uint32_t used = txt_start(mdns, mdns->service_count);

    if (used - old_len + new_len > OTTER_MDNS_TXT_MAX) {
        return OTTER_ERR_TOO_LONG;
    }
    memmove(mdns->txt + at + new_len, mdns->txt + at + old_len,
            used - at - old_len);
    mdns->service[service].txt_len =
        (uint16_t)(mdns->service[service].txt_len - old_len + new_len);
    return 0;
}

static bool has_equals(const char *key)
{
    while (*key != '\0' && *key != '=') {
        key++;
    }
    return *key == '=';
}

/* Writes the string "key=value". */
static void write_txt(uint8_t *at, const char *key, size_t key_len,
                      const char *value, size_t value_len)
{
    at[0] = (uint8_t)(key_len + 1 + value_len);
    memcpy(at + 1, key, key_len);
    at[1 + key_len] = '=';
    memcpy(at + 1 + key_len + 1, value, value_len);
}

int otter_mdns_set_txt(struct otter_mdns *mdns, int service, const char *key,
                       const char *value)
{
    uint32_t s = (uint32_t)service;
    size_t key_len = strlen(key);
    size_t value_len = value != NULL ? strlen(value) : 0;
    uint32_t size = 0; /* of the new string with its length byte */
    uint32_t old = 0;
    uint8_t *txt;
    uint32_t at;

    if (service < 0 || s >= mdns->service_count || key_len == 0 ||
        has_equals(key)) {
        return OTTER_ERR_INVALID;
    }
    if (value != NULL) {
        if (key_len > UINT8_MAX || key_len + 1 + value_len > UINT8_MAX) {
            return OTTER_ERR_TOO_LONG;
        }
        size = (uint32_t)(1 + key_len + 1 + value_len);
    }
    txt = mdns->txt + txt_start(mdns, s);
    at = find_key(txt, mdns->service[s].txt_len, key);
    if (at < mdns->service[s].txt_len) {
        old = 1u + txt[at];
    }
    if (size == old && (size == 0 || memcmp(txt + at + 1 + key_len + 1, value,
                                            value_len) == 0)) {
        return 0;
    }
    if (make_room(mdns, s, txt_start(mdns, s) + at, old, size) != 0) {
        return OTTER_ERR_TOO_LONG;
    }
    if (value != NULL) {
        write_txt(txt + at, key, key_len, value, value_len);
    }
    otter__mdns_changed(mdns, s);
    return 0;
}
