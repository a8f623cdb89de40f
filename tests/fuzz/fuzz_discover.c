/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes what the host tool learns of devices: whatever arrives, the texts
 * that it shows are short, printable and fit JSON.  It reaches behind the
 * public header, because sockets are slow. */
#include "format/error.h"
#include "host/device_json.h"
#include "host/discover_internal.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int condition)
{
    if (!condition) {
        abort();
    }
}

static void expect_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        expect((unsigned char)*text >= 0x20 && *text != 0x7f);
    }
}

static void on_event(void *user, enum otter_discover_event event,
                     const struct otter_device *device)
{
    json_t *json = otter_device_json(device);
    json_t *port = otter_device_port_json(device);
    const char *text;

    (void)user;
    (void)event;
    expect(json != NULL && port != NULL);
    json_decref(json);
    json_decref(port);
    expect_printable(device->name);
    expect_printable(device->host);
    expect_printable(device->address);
    for (size_t n = 0; (text = otter_device_text(device, n)) != NULL; n++) {
        expect_printable(text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct otter_discover *d = calloc(1, sizeof *d);
    struct in_addr from = {.s_addr = 0x0100000a};

    expect(d != NULL);
    d->config.service = "_arduino._tcp";
    d->config.on_event = on_event;
    d->epoll_fd = d->timer_fd = d->net.query_fd = d->net.listen_fd = -1;
    while (size >= 2) {
        size_t len = (size_t)(data[0] << 8 | data[1]);

        data += 2;
        size -= 2;
        len = len < size ? len : size;
        len = len < sizeof d->packet ? len : sizeof d->packet;
        if (len > 0) {
            memcpy(d->packet, data, len);
        }
        otter__discover_take(d, (uint32_t)len, from);
        data += len;
        size -= len;
    }
    otter_discover_close(d);
    return 0;
}
