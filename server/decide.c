/* SPDX-License-Identifier: Apache-2.0
 *
 * Choosing the release for a device, and the sentence that says why. */
#include "server/decide.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECTOR 4096u

const char *otterd_chip_name(enum otterd_chip chip)
{
    static const char *const names[] = {"", "ESP8266", "ESP32"};

    return names[chip];
}

const char *otterd_target_name(enum otterd_target target)
{
    static const char *const names[] = {"all", "chip_size", "version",
                                        "tag", "group",     "mac"};

    return names[target];
}

__attribute__((format(printf, 4, 5))) static void say(
    struct otterd_decision *out, enum otterd_verdict verdict,
    const struct otterd_release *release, const char *format, ...)
{
    va_list args;

    out->verdict = verdict;
    out->release = release;
    va_start(args, format);
    vsnprintf(out->reason, sizeof out->reason, format, args);
    va_end(args);
}

/* The list of tags holds this one. */
static bool has_tag(const char *tags, const char *tag)
{
    size_t len = strlen(tag);

    while (len > 0 && *tags != '\0') {
        size_t word = strcspn(tags, " ");

        if (word == len && memcmp(tags, tag, len) == 0) {
            return true;
        }
        tags += word;
        tags += strspn(tags, " ");
    }
    return false;
}

static bool mac_is(uint64_t mac, const char *text)
{
    char own[13];

    snprintf(own, sizeof own, "%012llx", (unsigned long long)mac);
    return strcasecmp(own, text) == 0;
}

static bool size_is(const struct otterd_ask *ask, const char *text)
{
    return ask->has_chip_size &&
           strtoull(text, NULL, 10) == (unsigned long long)ask->chip_size;
}

static bool aims_at(const struct otterd_release *release,
                    const struct otterd_ask *ask,
                    const struct otterd_device *device)
{
    const char *value = release->target_value;

    switch (release->target) {
    case OTTERD_TARGET_ALL:
        return true;
    case OTTERD_TARGET_CHIP_SIZE:
        return size_is(ask, value);
    case OTTERD_TARGET_VERSION:
        return strcmp(ask->version, value) == 0;
    case OTTERD_TARGET_TAG:
        return has_tag(device->tags, value);
    case OTTERD_TARGET_GROUP:
        return strcmp(device->group, value) == 0;
    case OTTERD_TARGET_MAC:
        return mac_is(ask->mac, value);
    }
    return false;
}

/* `a` goes before `b`. */
static bool goes_before(const struct otterd_release *a,
                        const struct otterd_release *b)
{
    if (a->target != b->target) {
        return a->target > b->target;
    }
    if (a->priority != b->priority) {
        return a->priority > b->priority;
    }
    return a->id > b->id;
}

static bool runs(const struct otterd_ask *ask,
                 const struct otterd_release *release)
{
    return ask->chip == OTTERD_CHIP_ANY || release->chip == OTTERD_CHIP_ANY ||
           ask->chip == release->chip;
}

static const struct otterd_release *choose(const struct otterd_ask *ask,
                                           const struct otterd_device *device,
                                           const struct otterd_release *list,
                                           size_t count, bool any_chip)
{
    enum otterd_mode mode =
        ask->mode == OTTERD_FILE_SYSTEM ? OTTERD_FILE_SYSTEM : OTTERD_SKETCH;
    const struct otterd_release *best = NULL;

    for (size_t i = 0; i < count; i++) {
        if (list[i].state == OTTERD_WITHDRAWN || list[i].mode != mode ||
            strcmp(list[i].product, ask->product) != 0 ||
            !aims_at(&list[i], ask, device) ||
            (!any_chip && !runs(ask, &list[i]))) {
            continue;
        }
        if (best == NULL || goes_before(&list[i], best)) {
            best = &list[i];
        }
    }
    return best;
}

static uint64_t sectors(uint32_t size)
{
    return ((uint64_t)size + SECTOR - 1) / SECTOR * SECTOR;
}

/* What is flashed could not lie there.  Where the file system begins devices
 * do not tell; a sketch must end before it, and between the sketch that runs
 * and the file system there is the free space (protocol 2.8).  What a packed
 * one must leave to the file that it is unpacked from is for the device to
 * know: boot loaders differ there. */
static bool too_long(const struct otterd_ask *ask,
                     const struct otterd_release *release,
                     struct otterd_decision *out)
{
    uint64_t needed = sectors(release->image_size);
    uint64_t room = (uint64_t)ask->free_space + sectors(ask->sketch_size);
    const char *what = release->image_size != release->size
                           ? "Unpacked, the image"
                           : "The image";

    if (ask->has_chip_size && needed > ask->chip_size) {
        say(out, OTTERD_HELD, release,
            "%s needs %" PRIu64 " bytes of flash and the device has %" PRIu32
            ".",
            what, needed, ask->chip_size);
        return true;
    }
    if (release->mode == OTTERD_SKETCH && ask->has_free_space &&
        ask->has_sketch_size && needed > room) {
        say(out, OTTERD_HELD, release,
            "%s needs %" PRIu64 " bytes of flash and the device has %" PRIu64
            " below its file system.",
            what, needed, room);
        return true;
    }
    return false;
}

/* The device could not hold the image. */
static bool too_large(const struct otterd_ask *ask,
                      const struct otterd_release *release,
                      struct otterd_decision *out)
{
    uint64_t needed = sectors(release->size);

    if (release->mode == OTTERD_SKETCH && ask->has_free_space &&
        needed > ask->free_space) {
        say(out, OTTERD_HELD, release,
            "The image needs %" PRIu64 " bytes of staging space and the "
            "device has %" PRIu32 ".",
            needed, ask->free_space);
        return true;
    }
    if (ask->has_chip_size && release->flash_size > ask->chip_size) {
        say(out, OTTERD_HELD, release,
            "The image is built for %" PRIu32 " bytes of flash and the "
            "device has %" PRIu32 ".",
            release->flash_size, ask->chip_size);
        return true;
    }
    return too_long(ask, release, out);
}

/* Devices that are not accepted get nothing. */
static bool is_stranger(const struct otterd_device *device,
                        struct otterd_decision *out)
{
    switch (device->state) {
    case OTTERD_ACCEPTED:
        return false;
    case OTTERD_BLOCKED:
        say(out, OTTERD_NOT_KNOWN, NULL, "The device is blocked.");
        return true;
    case OTTERD_PENDING:
        say(out, OTTERD_NOT_KNOWN, NULL, "The device waits to be accepted.");
        return true;
    default:
        say(out, OTTERD_NOT_KNOWN, NULL, "The device is not registered.");
        return true;
    }
}

/* The device runs other bytes, by its sketch's MD5.  Not when it has taken
 * this release before: a device may patch what it flashes, and would take it
 * again for ever. */
static bool has_other_bytes(const struct otterd_ask *ask,
                            const struct otterd_device *device,
                            const struct otterd_release *best)
{
    return ask->dialect == OTTERD_DIALECT_CURRENT &&
           ask->mode != OTTERD_FILE_SYSTEM && ask->sketch_md5[0] != '\0' &&
           best->image_md5[0] != '\0' && device->took != best->id &&
           strcasecmp(ask->sketch_md5, best->image_md5) != 0;
}

/* It took all of this release and went back to what ran before. */
static bool went_back(const struct otterd_ask *ask,
                      const struct otterd_device *device,
                      const struct otterd_release *best)
{
    return ask->mode != OTTERD_FILE_SYSTEM && ask->reverted[0] != '\0' &&
           device->took == best->id &&
           strcmp(ask->reverted, best->version) == 0;
}

static bool has_other_version(const struct otterd_ask *ask,
                              const struct otterd_release *best)
{
    /* Where it need not be said, no version is none to differ. */
    return (ask->dialect != OTTERD_DIALECT_CURRENT || ask->has_version) &&
           strcmp(best->version, ask->version) != 0;
}

void otterd_decide(const struct otterd_ask *ask,
                   const struct otterd_device *device,
                   const struct otterd_release *releases, size_t count,
                   struct otterd_decision *out)
{
    const struct otterd_release *best;
    bool other_version;

    if (is_stranger(device, out)) {
        return;
    }
    best = choose(ask, device, releases, count, false);
    if (best == NULL) {
        best = choose(ask, device, releases, count, true);
    }
    if (best == NULL) {
        say(out, OTTERD_NOT_KNOWN, NULL,
            "No release is meant for the device.");
        return;
    }
    if (!runs(ask, best)) {
        say(out, OTTERD_HELD, best,
            "The image is for an %s and the device is an %s.",
            otterd_chip_name(best->chip), otterd_chip_name(ask->chip));
        return;
    }
    other_version = has_other_version(ask, best);
    if (!other_version && !has_other_bytes(ask, device, best)) {
        say(out, OTTERD_CURRENT, best,
            "The device runs version %s, which is the one meant for it.",
            best->version);
    } else if (best->state == OTTERD_PAUSED) {
        say(out, OTTERD_HELD, best, "The release of version %s is paused.",
            best->version);
    } else if (went_back(ask, device, best)) {
        say(out, OTTERD_HELD, best,
            "The device reverted version %s; a new release would be tried.",
            best->version);
    } else if (too_large(ask, best, out)) {
        return;
    } else if (other_version) {
        say(out, OTTERD_OFFER, best,
            "The device runs version %s and version %s is meant for it.",
            ask->version[0] != '\0' ? ask->version : "(none)", best->version);
    } else {
        say(out, OTTERD_OFFER, best,
            "The device runs other bytes than those of version %s, which is "
            "meant for it.",
            best->version);
    }
}
