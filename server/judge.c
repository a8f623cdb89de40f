/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking the store for what the decision needs. */
#include "server/judge.h"
#include "server/store/devices.h"
#include "server/store/releases.h"

#include <stdlib.h>
#include <string.h>

int otterd_judge_stranger(struct otterd_store *store,
                          enum otterd_device_state *out)
{
    char policy[OTTERD_VALUE_MAX];
    int err = otterd_setting_get(store, "policy", "pending", policy);

    *out = err == 0 && strcmp(policy, "accept") == 0 ? OTTERD_ACCEPTED
                                                     : OTTERD_PENDING;
    return err;
}

int otterd_judge(struct otterd_store *store, const struct otterd_ask *ask,
                 struct otterd_judgement *out)
{
    struct otterd_release *list;
    size_t count;
    int err = otterd_device_find(store, ask->mac, &out->device);

    if (err == 0 && out->device.state == OTTERD_UNKNOWN) {
        err = otterd_judge_stranger(store, &out->new_state);
        out->device.state = out->new_state;
    }
    if (err == 0 &&
        (ask->dialect == OTTERD_DIALECT_CURRENT || ask->reverted[0] != '\0')) {
        err = otterd_device_took(store, ask->mac, &out->device.took);
    }
    if (err == 0) {
        err = otterd_release_find(store, ask, &list, &count);
    }
    if (err != 0) {
        return err;
    }
    otterd_decide(ask, &out->device, list, count, &out->decision);
    if (out->decision.release != NULL) {
        out->release = *out->decision.release;
        out->decision.release = &out->release;
    }
    free(list);
    return 0;
}

unsigned otterd_judge_status(const struct otterd_ask *ask,
                             enum otterd_verdict verdict)
{
    if (ask->odd_mode) {
        return 404;
    }
    switch (verdict) {
    case OTTERD_OFFER:
        return 200;
    case OTTERD_CURRENT:
        return ask->mode == OTTERD_VERSION ? 200 : 304;
    case OTTERD_HELD:
        return 304;
    default:
        return ask->dialect == OTTERD_DIALECT_CURRENT ? 404 : 500;
    }
}
