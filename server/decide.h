/* SPDX-License-Identifier: Apache-2.0
 *
 * The decision: what a device that asks is answered, and why.  A pure
 * function of three things: what the device said, what the registry knows of
 * it, and the releases.  It touches no database and no socket, so every row of
 * the protocol is a test of a function call.
 *
 * Precedence of releases: the most specific target wins (MAC, then group, tag,
 * current version, chip size, everybody), then the higher priority, then the
 * newer release.  Images for another family of chips do not count, as long as
 * there are others.  A withdrawn release is as if it were not there; a paused
 * one holds its devices where they are.  A device that took a release and says
 * that it reverted it is not given the same again, or it would install and
 * revert in turns until its flash is worn out. */
#ifndef OTTER_SERVER_DECIDE_H
#define OTTER_SERVER_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTTERD_TEXT_MAX      64  /* version, group, tag, product with NUL */
#define OTTERD_FILE_NAME_MAX 96  /* name of a firmware's file with NUL */
#define OTTERD_TAGS_MAX      256 /* tags, separated by blanks, with NUL */
#define OTTERD_REASON_MAX    200 /* one sentence with NUL */

/* What a device asks for (protocol 5.1, x-ESP8266-mode). */
enum otterd_mode { OTTERD_SKETCH, OTTERD_FILE_SYSTEM, OTTERD_VERSION };

/* Families of chips, of which none runs the images of another. */
enum otterd_chip { OTTERD_CHIP_ANY, OTTERD_ESP8266, OTTERD_ESP32 };

/* How devices that ask at a path are answered (protocol 5.4). */
enum otterd_dialect {
    OTTERD_DIALECT_DEFAULT, /* of a path: what the setting says */
    OTTERD_DIALECT_MANUAL,  /* the manual's script: the version decides */
    OTTERD_DIALECT_CURRENT  /* today's documented one: the sketch's MD5 too */
};

/* What the device said in its request. */
struct otterd_ask {
    uint64_t mac; /* 48 bits */
    enum otterd_dialect dialect;
    enum otterd_chip chip; /* by the names of its headers */
    enum otterd_mode mode;
    bool odd_mode; /* it asked for something else; mode is a query then */
    bool has_version;
    char version[OTTERD_TEXT_MAX];
    char product[OTTERD_TEXT_MAX];  /* of the path that was asked */
    char sketch_md5[33];            /* lowercase, or empty */
    char reverted[OTTERD_TEXT_MAX]; /* version it says that it went back
                                       from, or empty */
    bool has_free_space;
    uint32_t free_space; /* bytes */
    bool has_sketch_size;
    uint32_t sketch_size; /* bytes of what runs */
    bool has_chip_size;
    uint32_t chip_size; /* bytes of flash */
};

enum otterd_device_state {
    OTTERD_UNKNOWN,  /* never seen */
    OTTERD_PENDING,  /* waits for somebody to accept it */
    OTTERD_ACCEPTED, /* gets updates */
    OTTERD_BLOCKED   /* never gets any */
};

/* What the registry knows. */
struct otterd_device {
    uint64_t mac;
    enum otterd_device_state state;
    char group[OTTERD_TEXT_MAX];
    char tags[OTTERD_TAGS_MAX];
    int64_t took; /* release that it took all of last, 0: none */
};

/* In the order of precedence, weakest first. */
enum otterd_target {
    OTTERD_TARGET_ALL,
    OTTERD_TARGET_CHIP_SIZE,
    OTTERD_TARGET_VERSION,
    OTTERD_TARGET_TAG,
    OTTERD_TARGET_GROUP,
    OTTERD_TARGET_MAC
};

enum otterd_release_state { OTTERD_ACTIVE, OTTERD_PAUSED, OTTERD_WITHDRAWN };

struct otterd_release {
    int64_t id;
    enum otterd_release_state state;
    enum otterd_mode mode; /* sketch or file system */
    enum otterd_target target;
    char target_value[OTTERD_TEXT_MAX]; /* MAC as 12 hex digits, tag, ... */
    char product[OTTERD_TEXT_MAX];
    int32_t priority;
    /* Of its firmware. */
    char version[OTTERD_TEXT_MAX];
    char file_name[OTTERD_FILE_NAME_MAX]; /* what devices are told */
    uint32_t size;                        /* bytes of the file */
    uint32_t image_size; /* of what is flashed, unpacked; 0: not known */
    uint32_t flash_size; /* bytes the image is built for, 0: not known */
    enum otterd_chip chip;
    char md5[33];
    char image_md5[33]; /* of what is flashed, unpacked; empty: not known */
    char sha256[65];
};

enum otterd_verdict {
    OTTERD_OFFER,    /* send the release */
    OTTERD_CURRENT,  /* nothing to do */
    OTTERD_HELD,     /* there is one, but not now or not for this device */
    OTTERD_NOT_KNOWN /* not for strangers */
};

struct otterd_decision {
    enum otterd_verdict verdict;
    const struct otterd_release *release; /* of the list, or NULL */
    char reason[OTTERD_REASON_MAX];       /* a whole sentence */
};

/* "ESP8266", "ESP32"; empty for any. */
const char *otterd_chip_name(enum otterd_chip chip);

/* "all", "chip_size", "version", "tag", "group", "mac". */
const char *otterd_target_name(enum otterd_target target);

/* Decides.  `releases` is the list of `count`, in any order; borrowed. */
void otterd_decide(const struct otterd_ask *ask,
                   const struct otterd_device *device,
                   const struct otterd_release *releases, size_t count,
                   struct otterd_decision *out);

#endif
