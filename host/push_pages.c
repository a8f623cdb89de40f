/* SPDX-License-Identifier: Apache-2.0
 *
 * Ports of update pages from SRV records. */
#include "host/push_pages.h"

#include "host/device.h"
#include "host/push_web.h"

#include <string.h>
#include <strings.h>

int otter_push_pages_open(struct otter_discover **out)
{
    const struct otter_discover_config config = {.service = "_http._tcp"};

    return otter_discover_open(out, &config);
}

/* A name may end with a dot. */
static bool is_host(const char *host, const char *name)
{
    size_t len = strlen(name);

    len -= len > 0 && name[len - 1] == '.';
    return strlen(host) == len && strncasecmp(host, name, len) == 0;
}

uint16_t otter_push_pages_port(const struct otter_discover *pages,
                               const char *host, const char *address)
{
    const struct otter_device *first = NULL;
    const struct otter_device *page;

    for (size_t n = 0; (page = otter_discover_device(pages, n)); n++) {
        if (host ? !is_host(page->host, host)
                 : strcmp(page->address, address) != 0) {
            continue;
        }
        if (first && !is_host(page->host, first->host)) {
            return 0; /* whose page is meant? */
        }
        if (!first || page->port == OTTER_PUSH_WEB_PORT) {
            first = page;
        }
    }
    return first ? first->port : 0;
}

/* Several devices may share an address, as virtual ones do: a host is worth
 * more, by the user's word or by what takes pushes there. */
static const char *host_of(const struct otter_push_target *target)
{
    const struct otter_device *device;

    if (otter_resolver_is_local(target->host)) {
        return target->host;
    }
    device = otter_push_survey_device(&target->run->survey, target->address,
                                      target->port);
    return device ? device->host : NULL;
}

void otter__push_pages_look(struct otter_push_target *target)
{
    const struct otter_discover *pages = target->run->pages;
    uint16_t port;

    if (!pages || target->web_port_given) {
        return;
    }
    port = otter_push_pages_port(pages, host_of(target), target->address);
    if (port) {
        target->web_port = port;
        target->web_port_told = true;
    }
}

bool otter__push_pages_is_settled(struct otter_push_target *target)
{
    const struct otter_push_run *run = target->run;

    otter__push_pages_look(target);
    return !run->pages || target->web_port_given || target->web_port_told ||
           run->now_ms >= run->started_at_ms + run->page_ms;
}
