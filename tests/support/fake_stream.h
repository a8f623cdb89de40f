/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream that does what the test says and remembers what it was given.  It
 * follows the contract of device/stream/stream.h and breaks the test when its
 * caller does not: a write without begin, a begin that is never followed by
 * end or abort. */
#ifndef OTTER_TESTS_SUPPORT_FAKE_STREAM_H
#define OTTER_TESTS_SUPPORT_FAKE_STREAM_H

#include "device/stream/stream.h"

#include <stdbool.h>
#include <stdint.h>

#define FAKE_STREAM_MAX 524288u

struct fake_stream {
    struct otter_stream stream;

    /* The script; all-zero is a stream that takes everything at once. */
    uint32_t begin_pending; /* so many begins answer PENDING first */
    int begin_error;
    int expect_error;
    uint32_t room;        /* bytes it takes until the next poll; 0: all */
    bool stuck;           /* it takes nothing at all */
    uint32_t fail_at;     /* writes fail once so many bytes are in; 0: never */
    int write_error;      /* the error they fail with */
    int poll_error;       /* what poll answers while an update runs */
    uint32_t end_pending; /* so many ends answer PENDING first */
    int end_error;
    uint32_t kept; /* bytes of `data` under the key of the next begin */
    struct otter_error_detail detail;

    /* What happened. */
    bool running;
    uint32_t begins;
    uint32_t commits; /* ends that answered 0 */
    uint32_t aborts;
    int abort_error;
    uint32_t polls;
    struct otter_stream_info info; /* its key is below */
    bool keyed;
    uint8_t key[8];
    struct otter_digest digest;
    uint32_t len;  /* bytes of this update */
    uint32_t free; /* private: room left until the next poll */
    uint8_t data[FAKE_STREAM_MAX];
};

void fake_stream_init(struct fake_stream *stream);

#endif
