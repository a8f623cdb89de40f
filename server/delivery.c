/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of a delivery. */
#include "server/delivery.h"

#include <stdio.h>
#include <string.h>

const char *otterd_event_name(enum otterd_event event)
{
    static const char *const names[] = {
        "",      "asked",     "reported",  "offered",  "downloaded",
        "trial", "installed", "confirmed", "reverted", "failed"};

    return names[event];
}

/* The version that was meant has come. */
static enum otterd_event arrive(struct otterd_delivery *delivery,
                                const char *status)
{
    if (strcmp(status, "trial") == 0) {
        if (delivery->state == OTTERD_DELIVERY_TRIAL) {
            return OTTERD_EVENT_NONE;
        }
        delivery->state = OTTERD_DELIVERY_TRIAL;
        return OTTERD_EVENT_TRIAL;
    }
    delivery->state = OTTERD_DELIVERY_INSTALLED;
    delivery->counted |= OTTERD_COUNT_DOWNLOADED | OTTERD_COUNT_INSTALLED;
    delivery->counted &= ~OTTERD_COUNT_FAILED;
    return strcmp(status, "confirmed") == 0 ? OTTERD_EVENT_CONFIRMED
                                            : OTTERD_EVENT_INSTALLED;
}

enum otterd_event otterd_delivery_ask(struct otterd_delivery *delivery,
                                      const char *version, const char *status)
{
    bool reverted = strcmp(status, "reverted") == 0;

    if (delivery->state == OTTERD_DELIVERY_NONE ||
        delivery->state == OTTERD_DELIVERY_INSTALLED) {
        return OTTERD_EVENT_NONE;
    }
    if (!reverted && strcmp(version, delivery->version) == 0) {
        return arrive(delivery, status);
    }
    if (delivery->state != OTTERD_DELIVERY_DOWNLOADED &&
        delivery->state != OTTERD_DELIVERY_TRIAL) {
        return OTTERD_EVENT_NONE;
    }
    delivery->state = OTTERD_DELIVERY_FAILED;
    delivery->counted |= OTTERD_COUNT_FAILED;
    return reverted ? OTTERD_EVENT_REVERTED : OTTERD_EVENT_FAILED;
}

enum otterd_event otterd_delivery_offer(struct otterd_delivery *delivery,
                                        int64_t id, const char *version,
                                        unsigned counted)
{
    if (delivery->release != id) {
        memset(delivery, 0, sizeof *delivery);
        delivery->release = id;
        delivery->counted = counted;
        snprintf(delivery->version, sizeof delivery->version, "%s", version);
    } else if (delivery->state != OTTERD_DELIVERY_INSTALLED) {
        return OTTERD_EVENT_NONE; /* asks again for what it was offered */
    }
    delivery->state = OTTERD_DELIVERY_OFFERED;
    delivery->counted |= OTTERD_COUNT_OFFERED;
    return OTTERD_EVENT_OFFERED;
}

enum otterd_event otterd_delivery_done(struct otterd_delivery *delivery,
                                       int64_t id)
{
    if (delivery->release != id ||
        delivery->state == OTTERD_DELIVERY_INSTALLED ||
        delivery->state == OTTERD_DELIVERY_DOWNLOADED) {
        return OTTERD_EVENT_NONE;
    }
    delivery->state = OTTERD_DELIVERY_DOWNLOADED;
    delivery->counted |= OTTERD_COUNT_DOWNLOADED;
    return OTTERD_EVENT_DOWNLOADED;
}
