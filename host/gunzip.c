/* SPDX-License-Identifier: Apache-2.0
 *
 * Unpacking with zlib.  The output grows as it comes, up to a limit, so that
 * a small file cannot take all the memory. */
#include "host/gunzip.h"

#include "host/firmware.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP_ONLY 16 /* added to the window bits: expect a gzip header */
#define FIRST     (1024u * 1024)

static int grow(struct otter_gunzip *out, uint32_t *capacity)
{
    uint32_t larger = *capacity == 0 ? FIRST : 2 * *capacity;
    uint8_t *data = realloc(out->data, larger);

    if (data == NULL) {
        return ENOMEM;
    }
    out->data = data;
    *capacity = larger;
    return 0;
}

static const char *reason(int result, const z_stream *stream)
{
    if (result == Z_BUF_ERROR) {
        return "they end too early";
    }
    return stream->msg != NULL ? stream->msg : "they cannot be unpacked";
}

/* Unpacks until the end, an error or the limit. */
static int run(struct otter_gunzip *out, z_stream *stream)
{
    uint32_t capacity = 0;
    int result = Z_OK;

    while (result == Z_OK) {
        if (out->size == capacity) {
            if (capacity > OTTER_FIRMWARE_SIZE_MAX) {
                out->wrong = "they unpack to more than any flash holds";
                return 0;
            }
            if (grow(out, &capacity) != 0) {
                return ENOMEM;
            }
        }
        stream->next_out = out->data + out->size;
        stream->avail_out = capacity - out->size;
        result = inflate(stream, Z_NO_FLUSH);
        out->size = capacity - stream->avail_out;
    }
    if (result != Z_STREAM_END) {
        out->wrong = reason(result, stream);
    }
    out->behind = stream->avail_in;
    return 0;
}

int otter__gunzip(struct otter_gunzip *out, const uint8_t *data, uint32_t size)
{
    z_stream stream;
    int error;

    memset(out, 0, sizeof *out);
    memset(&stream, 0, sizeof stream);
    stream.next_in = (Bytef *)(uintptr_t)data;
    stream.avail_in = size;
    if (inflateInit2(&stream, GZIP_ONLY + MAX_WBITS) != Z_OK) {
        return ENOMEM;
    }
    error = run(out, &stream);
    inflateEnd(&stream);
    if (error != 0) {
        free(out->data);
        out->data = NULL;
    }
    return error;
}
