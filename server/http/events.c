/* SPDX-License-Identifier: Apache-2.0
 *
 * Server-sent events: a listener of the hub is a response without an end,
 * whose connection is suspended while there is nothing to say. */
#include "server/http/calls.h"

#include "format/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 4096

struct stream {
    struct otterd_listener listener;
    struct MHD_Connection *connection;
};

static void sleep_stream(void *user)
{
    struct stream *stream = user;

    MHD_suspend_connection(stream->connection);
}

static void wake_stream(void *user)
{
    struct stream *stream = user;

    MHD_resume_connection(stream->connection);
}

static ssize_t read_stream(void *user, uint64_t pos, char *buf, size_t max)
{
    struct stream *stream = user;
    long len = otterd_hub_take(&stream->listener, buf, max);

    (void)pos;
    return len < 0 ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)len;
}

static void free_stream(void *user)
{
    struct stream *stream = user;

    otterd_hub_leave(&stream->listener);
    free(stream);
}

struct MHD_Response *otterd__make_events(struct otterd_http_call *call,
                                         const struct otterd_wants *wants)
{
    const char *last = MHD_lookup_connection_value(
        call->connection, MHD_HEADER_KIND, "Last-Event-ID");
    struct stream *stream = calloc(1, sizeof *stream);
    struct MHD_Response *response;

    if (stream == NULL) {
        return NULL;
    }
    stream->connection = call->connection;
    stream->listener.wants = *wants;
    stream->listener.scope = call->call.who.scope;
    stream->listener.token = call->call.who.id;
    stream->listener.user = stream;
    stream->listener.sleep = sleep_stream;
    stream->listener.wake = wake_stream;
    if (otterd_hub_join(call->server->hub, &stream->listener,
                        last == NULL ? 0 : strtoull(last, NULL, 10)) != 0) {
        free(stream);
        return NULL;
    }
    response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK, read_stream, stream, free_stream);
    if (response == NULL) {
        free_stream(stream);
        return NULL;
    }
    MHD_add_response_header(response, "Content-Type", "text/event-stream");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Accel-Buffering", "no");
    return response;
}
