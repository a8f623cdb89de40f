/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices as JSON. */
#include "host/device_json.h"

#include "codec/dns_keys.h"

#include <stdio.h>
#include <string.h>

/* A text or null. */
static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

/* Splits TXT string `n` at its first "="; a string without one has the value
 * "".  NULL: there are no more. */
static const char *split(const struct otter_device *device, size_t n,
                         char key[OTTER_DEVICE_NAME_SIZE])
{
    const char *text = otter_device_text(device, n);
    size_t len = text != NULL ? strcspn(text, "=") : 0;

    if (text == NULL) {
        return NULL;
    }
    snprintf(key, OTTER_DEVICE_NAME_SIZE, "%.*s", (int)len, text);
    return text[len] == '=' ? text + len + 1 : text + len;
}

static json_t *auth_json(const struct otter_device *device)
{
    switch (otter_device_auth(device)) {
    case OTTER_DEVICE_AUTH_NO:
        return json_false();
    case OTTER_DEVICE_AUTH_YES:
        return json_true();
    default:
        return json_null();
    }
}

json_t *otter_device_json(const struct otter_device *device)
{
    json_t *txt = json_object();
    char key[OTTER_DEVICE_NAME_SIZE];
    const char *value;

    for (size_t n = 0; (value = split(device, n, key)) != NULL; n++) {
        if (key[0] != '\0' && json_object_get(txt, key) == NULL) {
            json_object_set_new(txt, key, json_string(value));
        }
    }
    return json_pack(
        "{s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:s, s:o}", "name", device->name,
        "host", device->host, "address", device->address, "port",
        (int)device->port, "board",
        text_or_null(otter_device_get(device, OTTER_DNS_KEY_BOARD)), "auth",
        auth_json(device), "version",
        text_or_null(otter_device_get(device, OTTER_DNS_KEY_VERSION)),
        "source", device->listed ? "list" : "mdns", "txt", txt);
}

/* The host's name as that tool has it: found ones end in a dot. */
static void put_host(json_t *properties, const struct otter_device *device)
{
    char host[OTTER_DEVICE_NAME_SIZE + 1];
    char port[8];

    snprintf(host, sizeof host, "%s%s", device->host,
             device->listed ? "" : ".");
    snprintf(port, sizeof port, "%u", (unsigned)device->port);
    json_object_set_new(properties, "hostname", json_string(host));
    json_object_set_new(properties, "port", json_string(port));
}

json_t *otter_device_port_json(const struct otter_device *device)
{
    char label[2 * OTTER_DEVICE_NAME_SIZE + 8];
    char key[OTTER_DEVICE_NAME_SIZE];
    json_t *properties = json_object();
    const char *value;
    const char *name = device->listed ? device->name : device->host;
    int len = (int)(device->listed ? strlen(name) : strcspn(name, "."));

    put_host(properties, device);
    for (size_t n = 0; (value = split(device, n, key)) != NULL; n++) {
        if (value[-1] != '=' || strchr(value, '=') != NULL) {
            continue;
        }
        json_object_set_new(properties, key, json_string(value));
        if (strcmp(key, OTTER_DNS_KEY_BOARD) == 0) {
            json_object_set_new(properties, ".", json_string(value));
        }
    }
    snprintf(label, sizeof label, "%.*s at %s", len, name, device->address);
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "address", device->address,
                     "label", label, "protocol", "network", "protocolLabel",
                     "Network Port", "properties", properties);
}
