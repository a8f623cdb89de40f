/* SPDX-License-Identifier: Apache-2.0
 *
 * What a device says to otterd, and the decision.  The input is the registry's
 * view in a few bytes, then the request's headers as lines "name: value".
 * Whatever comes: texts end, numbers fit, who is not accepted gets nothing,
 * and what is offered is meant for the device and fits it. */
#include "server/decide.h"
#include "server/http/ask.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RELEASES 6
#define SECTOR   4096u

#define CHECK(condition)                                                      \
    do {                                                                      \
        if (!(condition)) {                                                   \
            abort();                                                          \
        }                                                                     \
    } while (0)

struct input {
    const uint8_t *data;
    size_t size;
};

static uint8_t take(struct input *in)
{
    if (in->size == 0) {
        return 0;
    }
    in->size--;
    return *in->data++;
}

static void check_text(const char *text, size_t size)
{
    CHECK(memchr(text, '\0', size) != NULL);
}

static void fill_release(struct input *in, struct otterd_release *r,
                         int64_t id)
{
    static const char *const values[] = {"18feaaaaaaaa", "",     "4194304",
                                         "1.0",          "door", "kitchen"};

    r->id = id;
    r->state = (enum otterd_release_state)(take(in) % 3);
    r->mode = take(in) % 2 == 0 ? OTTERD_SKETCH : OTTERD_FILE_SYSTEM;
    r->target = (enum otterd_target)(take(in) % 6);
    snprintf(r->target_value, sizeof r->target_value, "%s",
             values[take(in) % 6]);
    r->priority = (int8_t)take(in);
    r->size = (uint32_t)take(in) << 12 | take(in);
    r->flash_size = (uint32_t)take(in) << 19;
    snprintf(r->version, sizeof r->version, "%s", values[take(in) % 6]);
}

/* The rest of the input, line by line. */
static void hear(struct input *in, struct otterd_heard *heard)
{
    char *text = malloc(in->size + 1);
    char *rest = text;
    char *line;

    CHECK(text != NULL);
    memcpy(text, in->data, in->size);
    text[in->size] = '\0';
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *colon = strchr(line, ':');

        if (colon == NULL) {
            otterd_heard_add(heard, line, NULL);
        } else {
            *colon = '\0';
            otterd_heard_add(heard, line, colon + 1 + (colon[1] == ' '));
        }
    }
    free(text);
}

static void check_decision(const struct otterd_ask *ask,
                           const struct otterd_device *device,
                           const struct otterd_decision *d)
{
    size_t len = strlen(d->reason);

    check_text(d->reason, sizeof d->reason);
    CHECK(len > 0);
    CHECK(d->verdict == OTTERD_NOT_KNOWN || d->release != NULL);
    if (device->state != OTTERD_ACCEPTED) {
        CHECK(d->verdict == OTTERD_NOT_KNOWN && d->release == NULL);
    }
    if (d->verdict == OTTERD_CURRENT) {
        CHECK(strcmp(d->release->version, ask->version) == 0 ||
              !ask->has_version);
    }
    if (d->verdict != OTTERD_OFFER) {
        return;
    }
    CHECK(d->release->state == OTTERD_ACTIVE);
    CHECK(strcmp(d->release->version, ask->version) != 0 ||
          ask->dialect == OTTERD_DIALECT_CURRENT);
    CHECK((ask->mode == OTTERD_FILE_SYSTEM) ==
          (d->release->mode == OTTERD_FILE_SYSTEM));
    CHECK(!ask->has_chip_size || d->release->flash_size <= ask->chip_size);
    if (ask->mode == OTTERD_SKETCH && ask->has_free_space) {
        CHECK(d->release->size <= ask->free_space);
        CHECK(((uint64_t)d->release->size + SECTOR - 1) / SECTOR * SECTOR <=
              ask->free_space);
    }
}

static void check_range(const struct otterd_heard *heard, uint32_t size)
{
    uint32_t first = 0;
    uint32_t last = 0;

    if (size > 0 && otterd_range_read(heard->range, size, &first, &last) > 0) {
        CHECK(first <= last && last < size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct otterd_release releases[RELEASES];
    struct otterd_device device = {.group = "kitchen", .tags = "door x 1.0"};
    struct otterd_decision decision;
    struct otterd_heard heard;
    struct otterd_ask ask;
    uint8_t byte;
    size_t count;

    memset(releases, 0, sizeof releases);
    memset(&heard, 0, sizeof heard);
    memset(&ask, 0, sizeof ask);
    device.state = (enum otterd_device_state)(take(&in) % 4);
    byte = take(&in);
    ask.dialect = byte & 0x80 ? OTTERD_DIALECT_CURRENT : OTTERD_DIALECT_MANUAL;
    count = byte % (RELEASES + 1);
    for (size_t i = 0; i < count; i++) {
        fill_release(&in, &releases[i], (int64_t)i + 1);
    }
    hear(&in, &heard);
    check_text(heard.lines, sizeof heard.lines);
    for (const char *c = heard.lines; *c != '\0'; c++) {
        CHECK(*c == '\n' || (*c >= 0x20 && *c <= 0x7e));
    }
    check_range(&heard, 409600);
    check_range(&heard, 1);
    check_range(&heard, UINT32_MAX);
    if (otterd_heard_ask(&heard, &ask) != OTTERD_GATE_OPEN) {
        return 0;
    }
    for (int gate = OTTERD_GATE_AGENT; gate <= OTTERD_GATE_MODE; gate++) {
        char text[OTTERD_REFUSAL_MAX];
        unsigned status = otterd_heard_refuse(&heard, ask.dialect,
                                              (enum otterd_gate)gate, text);

        check_text(text, sizeof text);
        CHECK(status == 403 || status == 404 || status == 500);
    }
    CHECK(ask.mac < (uint64_t)1 << 48);
    check_text(ask.version, sizeof ask.version);
    check_text(ask.sketch_md5, sizeof ask.sketch_md5);
    otterd_decide(&ask, &device, releases, count, &decision);
    check_decision(&ask, &device, &decision);
    return 0;
}
