/* SPDX-License-Identifier: Apache-2.0
 *
 * The stream interface: the base of all ways to update (manual R75).  A
 * transport pushes bytes into a stream and never learns what is behind it;
 * the updater is the last stage; a filter is a stream with a `next`.
 *
 *   begin -> expect* -> write* -> end (PENDING until done) -> idle again
 *        \-> abort at any moment after begin -> idle again
 *
 * Nothing blocks: `write` and `end` take what they can at once, and `poll`
 * does the slow work in steps of at most one flash sector's erase and
 * program.  The first error is sticky until the next begin: write, poll and
 * end return it, detail tells more.  `begin` on a stream in use is refused
 * with OTTER_ERR_BUSY and leaves the running update alone: that is how
 * transports share one updater.  An update that failed is in use until its
 * transport has called end or abort, which every successful begin obliges it
 * to. */
#ifndef OTTER_DEVICE_STREAM_STREAM_H
#define OTTER_DEVICE_STREAM_STREAM_H

#include "format/compiler.h"
#include "format/error.h"

#include <stddef.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_SIZE_UNKNOWN UINT32_MAX

/* What is updated; the values are the core's commands (protocol 1.1). */
enum otter_update_kind {
    OTTER_UPDATE_SKETCH = 0,
    OTTER_UPDATE_FILE_SYSTEM = 100
};

/* What a transport knows at the start. */
struct otter_stream_info {
    uint32_t kind; /* enum otter_update_kind; others are refused */
    uint32_t size; /* bytes that will come, or OTTER_SIZE_UNKNOWN */

    /* 8 bytes that name the content, or NULL; copied.  With them an update
     * that was given up, by a reset too, goes on where it was, if it had the
     * same kind, size and key: otter_stream_staged says how much is there.
     * The content must still be checked as a whole, by a digest. */
    const uint8_t *key;

    /* When the size is not known: no more than so many bytes will come, so
     * that they can be placed well; 0: nobody knows. */
    uint32_t most;
};

enum otter_digest_kind { OTTER_DIGEST_MD5, OTTER_DIGEST_SHA256 };

/* A digest that the received bytes must have. */
struct otter_digest {
    enum otter_digest_kind kind;
    uint8_t bytes[32]; /* 16 for MD5, 32 for SHA-256 */
};

struct otter_stream;

struct otter_stream_ops {
    int (*begin)(struct otter_stream *stream,
                 const struct otter_stream_info *info);
    int (*expect)(struct otter_stream *stream,
                  const struct otter_digest *digest);
    uint32_t (*staged)(struct otter_stream *stream); /* or NULL */
    int (*write)(struct otter_stream *stream, const void *data, uint32_t len);
    int (*end)(struct otter_stream *stream);
    void (*abort)(struct otter_stream *stream, int error);
    int (*poll)(struct otter_stream *stream);
    void (*detail)(struct otter_stream *stream,
                   struct otter_error_detail *out);
};

/* The head of every stream; its owner's fields follow it. */
struct otter_stream {
    const struct otter_stream_ops *ops;
};

/* Starts an update.  Writes nothing to flash yet.  Errors in the order of
 * protocol 2.2; OTTER_ERR_BUSY leaves a running update alone. */
OTTER_MUST_CHECK static inline int otter_stream_begin(
    struct otter_stream *stream, const struct otter_stream_info *info)
{
    return stream->ops->begin(stream, info);
}

/* Names a digest to be enforced by end; copied; any time between begin and
 * end.  OTTER_ERR_STATE: no update is running.  OTTER_ERR_INVALID: a kind of
 * digest that no stage can check. */
OTTER_MUST_CHECK static inline int otter_stream_expect(
    struct otter_stream *stream, const struct otter_digest *digest)
{
    return stream->ops->expect(stream, digest);
}

/* After begin: bytes of the content that are there already; write begins
 * behind them.  0 where nothing can be resumed. */
OTTER_MUST_CHECK static inline uint32_t otter_stream_staged(
    struct otter_stream *stream)
{
    return stream->ops->staged != NULL ? stream->ops->staged(stream) : 0;
}

/* Returns how many bytes were taken; 0 means poll first. */
OTTER_MUST_CHECK static inline int otter_stream_write(
    struct otter_stream *stream, const void *data, uint32_t len)
{
    return stream->ops->write(stream, data, len);
}

/* No more bytes will come.  OTTER_ERR_PENDING while bytes are written, read
 * back and verified: poll and call again.  0: the update is committed and the
 * stream is idle.  Any other error: nothing was committed, the stream is
 * idle. */
OTTER_MUST_CHECK static inline int otter_stream_end(
    struct otter_stream *stream)
{
    return stream->ops->end(stream);
}

/* Gives the update up for the reason `error`; nothing is committed. */
static inline void otter_stream_abort(struct otter_stream *stream, int error)
{
    stream->ops->abort(stream, error);
}

/* One step of work.  0: nothing to do.  OTTER_ERR_PENDING: there is more.
 * Any other error: the update has failed, as write and end will say too. */
OTTER_MUST_CHECK static inline int otter_stream_poll(
    struct otter_stream *stream)
{
    return stream->ops->poll(stream);
}

/* What is known about the last update's first error. */
static inline void otter_stream_detail(struct otter_stream *stream,
                                       struct otter_error_detail *out)
{
    stream->ops->detail(stream, out);
}

OTTER_END_DECLS

#endif
