/* SPDX-License-Identifier: Apache-2.0
 *
 * The scripted stream of the transports' unit tests. */
#include "tests/support/fake_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fake_stream *of(struct otter_stream *stream)
{
    return (struct fake_stream *)stream;
}

static void must_run(const struct fake_stream *fake, const char *call)
{
    if (!fake->running) {
        fprintf(stderr, "fake stream: %s without begin\n", call);
        abort();
    }
}

static int fake_begin(struct otter_stream *stream,
                      const struct otter_stream_info *info)
{
    struct fake_stream *fake = of(stream);

    if (fake->running) {
        return OTTER_ERR_BUSY;
    }
    if (fake->begin_pending > 0) {
        fake->begin_pending--;
        return OTTER_ERR_PENDING;
    }
    fake->begins++;
    fake->info = *info;
    fake->info.key = NULL;
    fake->keyed = info->key != NULL;
    if (fake->keyed) {
        memcpy(fake->key, info->key, sizeof fake->key);
    }
    if (fake->begin_error != 0) {
        return fake->begin_error;
    }
    fake->running = true;
    fake->len = fake->keyed && fake->kept <= info->size ? fake->kept : 0;
    fake->free = fake->room;
    return 0;
}

static uint32_t fake_staged(struct otter_stream *stream)
{
    must_run(of(stream), "staged");
    return of(stream)->len;
}

static int fake_expect(struct otter_stream *stream,
                       const struct otter_digest *digest)
{
    struct fake_stream *fake = of(stream);

    must_run(fake, "expect");
    fake->digest = *digest;
    return fake->expect_error;
}

static int fake_write(struct otter_stream *stream, const void *data,
                      uint32_t len)
{
    struct fake_stream *fake = of(stream);

    must_run(fake, "write");
    if (fake->fail_at > 0 && fake->len + len >= fake->fail_at) {
        return fake->write_error;
    }
    if (fake->stuck) {
        return 0;
    }
    if (fake->room > 0 && len > fake->free) {
        len = fake->free;
    }
    if (fake->len + len > fake->info.size || len > FAKE_STREAM_MAX ||
        fake->len > FAKE_STREAM_MAX - len) {
        fprintf(stderr, "fake stream: more bytes than announced\n");
        abort();
    }
    memcpy(fake->data + fake->len, data, len);
    fake->len += len;
    fake->free -= fake->room > 0 ? len : 0;
    return (int)len;
}

static int fake_end(struct otter_stream *stream)
{
    struct fake_stream *fake = of(stream);

    must_run(fake, "end");
    if (fake->end_pending > 0) {
        fake->end_pending--;
        return OTTER_ERR_PENDING;
    }
    fake->running = false;
    fake->commits += fake->end_error == 0 ? 1 : 0;
    return fake->end_error;
}

static void fake_abort(struct otter_stream *stream, int error)
{
    struct fake_stream *fake = of(stream);

    must_run(fake, "abort");
    fake->running = false;
    fake->aborts++;
    fake->abort_error = error;
}

static int fake_poll(struct otter_stream *stream)
{
    struct fake_stream *fake = of(stream);

    fake->polls++;
    fake->free = fake->room;
    return fake->running ? fake->poll_error : 0;
}

static void fake_detail(struct otter_stream *stream,
                        struct otter_error_detail *out)
{
    *out = of(stream)->detail;
}

void fake_stream_init(struct fake_stream *stream)
{
    static const struct otter_stream_ops ops = {
        .begin = fake_begin,
        .staged = fake_staged,
        .expect = fake_expect,
        .write = fake_write,
        .end = fake_end,
        .abort = fake_abort,
        .poll = fake_poll,
        .detail = fake_detail,
    };

    memset(stream, 0, sizeof *stream);
    stream->stream.ops = &ops;
}
