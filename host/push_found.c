/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices that multicast DNS finds, as targets. */
#include "host/push_found.h"

#include "format/error.h"
#include "host/clock.h"
#include "host/device.h"
#include "host/discover.h"
#include "host/push_pages.h"
#include "host/push_web.h"

#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* What the device announces, or the usual port.  Asking once more, for its
 * address, could find the page of somebody else there. */
static uint16_t page_port(const struct otter_discover *pages,
                          const struct otter_device *device)
{
    uint16_t port = otter_push_pages_port(pages, device->host, NULL);

    return port ? port : OTTER_PUSH_WEB_PORT;
}

static int add(struct otter_target_list *list,
               const struct otter_device *device, uint16_t port)
{
    char word[OTTER_DEVICE_NAME_SIZE + 8];
    struct otter_target_entry *entry;
    int error;

    if (port == 0) {
        snprintf(word, sizeof word, "%s", device->address);
    } else {
        snprintf(word, sizeof word, "%s:%u", device->address, port);
    }
    error = otter_target_list_add(list, word);
    if (error) {
        return error;
    }
    entry = &list->entries[list->count - 1];
    entry->name = strdup(device->name);
    return entry->name ? 0 : OTTER_ERR_NO_MEMORY;
}

static int add_all(struct otter_target_list *list,
                   const struct otter_push_find *find,
                   struct otter_discover *devices,
                   struct otter_discover *pages)
{
    const struct otter_device *device;
    int error = 0;

    for (size_t n = 0; !error && (device = otter_discover_device(devices, n));
         n++) {
        if (find->match && fnmatch(find->match, device->name, 0) != 0) {
            continue;
        }
        error = add(list, device,
                    pages            ? page_port(pages, device)
                    : find->via_http ? 0
                                     : device->port);
    }
    return error;
}

/* Both searches at a time, so that two do not take longer than one. */
static void wait_for_both(struct otter_discover *a, struct otter_discover *b,
                          uint32_t ms)
{
    struct pollfd fds[] = {{.fd = otter_discover_fd(a), .events = POLLIN},
                           {.fd = otter_discover_fd(b), .events = POLLIN}};
    uint64_t end = otter_host_now_ms() + ms;
    uint64_t now;

    while ((now = otter_host_now_ms()) < end) {
        if (poll(fds, 2, (int)(end - now)) > 0) {
            otter_discover_run(a);
            otter_discover_run(b);
        }
    }
}

int otter_push_find_all(struct otter_target_list *list,
                        const struct otter_push_find *find)
{
    const struct otter_discover_config config = {0};
    struct otter_discover *devices = NULL;
    struct otter_discover *pages = NULL;
    int error = otter_discover_open(&devices, &config);

    if (!error && find->page_port) {
        error = otter_push_pages_open(&pages);
    }
    if (error) {
        snprintf(list->error, sizeof list->error, "multicast DNS: %s",
                 strerror(errno));
    } else if (pages) {
        wait_for_both(devices, pages, find->ms);
    } else {
        otter_discover_wait(devices, find->ms);
    }
    error = error ? error : add_all(list, find, devices, pages);
    if (pages) {
        otter_discover_close(pages);
    }
    if (devices) {
        otter_discover_close(devices);
    }
    return error;
}
