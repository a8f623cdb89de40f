/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the HTTP parser.  The first byte of the input says what is parsed,
 * the rest is the message.  However the bytes are split the result is one:
 * the same error, the same lines, the same framing, the same payload, the
 * same end; and a message of a known length has just that payload. */
#include "codec/http.h"

#include "format/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_INPUT 16384u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All that one run gives. */
struct run {
    struct otter_http http;
    int error;
    size_t taken; /* bytes up to the end of the message */
    uint32_t told_len;
    uint32_t body_len;
    char told[8 * SIZE_MAX_INPUT];
    uint8_t body[SIZE_MAX_INPUT];
};

static struct run whole;
static struct run split;

static void expect(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "fuzz_http: %s\n", what);
        abort();
    }
}

static void tell(struct run *run, const char *text)
{
    size_t len = strlen(text);

    expect(run->told_len + len + 1 < sizeof run->told, "too much is told");
    memcpy(run->told + run->told_len, text, len);
    run->told_len += (uint32_t)len;
    run->told[run->told_len++] = '\n';
}

static int on_start(void *user, const char *first, const char *second,
                    int minor)
{
    tell(user, first);
    tell(user, second);
    expect(minor == 0 || minor == 1, "minor version");
    return 0;
}

static int on_header(void *user, const char *name, const char *value)
{
    size_t len = strlen(value);

    expect(name[0] != '\0', "a header without a name");
    expect(len == 0 || (value[0] != ' ' && value[len - 1] != ' '),
           "blanks around a value");
    tell(user, name);
    tell(user, value);
    return strcmp(name, "Stop") == 0 ? OTTER_ERR_DECLINED : 0;
}

static int on_long_header(void *user, const char *name)
{
    tell(user, name);
    return 0;
}

static void parse_body(struct run *run, const uint8_t *data, size_t len)
{
    const uint8_t *body;
    uint32_t body_len;

    run->error =
        otter_http_body(&run->http, data, (uint32_t)len, &body, &body_len);
    if (run->error < 0) {
        return;
    }
    expect(body_len <= len, "more payload than bytes");
    if (body_len > 0) {
        expect(body >= data && body + body_len <= data + len,
               "the payload lies elsewhere");
        memcpy(run->body + run->body_len, body, body_len);
        run->body_len += body_len;
    }
}

/* Parses in pieces of `step` bytes. */
static void parse(struct run *run, uint8_t flags, const uint8_t *data,
                  size_t size, size_t step)
{
    static const struct otter_http_events lenient = {on_start, on_header,
                                                     on_long_header};
    static const struct otter_http_events strict = {on_start, on_header, NULL};
    char line[256];
    const struct otter_http_config config = {
        .side = (flags & 1) != 0 ? OTTER_HTTP_RESPONSE : OTTER_HTTP_REQUEST,
        .line = line,
        .line_size = (flags & 2) != 0 ? 32 : sizeof line,
        .events = (flags & 4) != 0 ? &lenient : &strict,
        .user = run,
        .head_request = (flags & 8) != 0,
    };

    memset(run, 0, sizeof *run);
    otter_http_init(&run->http, &config);
    while (run->taken < size && run->error >= 0 &&
           !otter_http_done(&run->http)) {
        size_t len = size - run->taken < step ? size - run->taken : step;

        if (otter_http_head_done(&run->http)) {
            parse_body(run, data + run->taken, len);
        } else {
            run->error =
                otter_http_head(&run->http, data + run->taken, (uint32_t)len);
        }
        expect(run->error <= (int)len, "more bytes taken than given");
        run->taken += run->error > 0 ? (size_t)run->error : 0;
    }
}

static void compare(void)
{
    expect((whole.error < 0) == (split.error < 0), "one of them fails");
    expect(whole.error >= 0 || whole.error == split.error, "errors differ");
    expect(whole.told_len == split.told_len &&
               memcmp(whole.told, split.told, whole.told_len) == 0,
           "lines differ");
    expect(otter_http_head_done(&whole.http) ==
               otter_http_head_done(&split.http),
           "one head ends");
    if (whole.error < 0) {
        return; /* the good bytes before the bad one need not be given */
    }
    expect(otter_http_done(&whole.http) == otter_http_done(&split.http) &&
               whole.taken == split.taken,
           "ends differ");
    expect(whole.body_len == split.body_len &&
               memcmp(whole.body, split.body, whole.body_len) == 0,
           "payloads differ");
    expect(whole.http.framing == split.http.framing &&
               whole.http.length == split.http.length &&
               whole.http.keep_alive == split.http.keep_alive &&
               whole.http.status == split.http.status,
           "framings differ");
}

static void check(const struct run *run)
{
    const struct otter_http *http = &run->http;

    if (run->error < 0 || !otter_http_head_done(http)) {
        return;
    }
    if (http->framing == OTTER_HTTP_LENGTH) {
        expect(run->body_len <= http->length, "more than its length");
        expect(otter_http_done(http) == (run->body_len == http->length),
               "the end of its length");
    }
    if (http->framing == OTTER_HTTP_NO_BODY) {
        expect(run->body_len == 0 && otter_http_done(http), "no body");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > SIZE_MAX_INPUT) {
        return 0;
    }
    parse(&whole, data[0], data + 1, size - 1, size);
    check(&whole);
    for (size_t step = 1; step < size && step < 8; step = 2 * step + 1) {
        parse(&split, data[0], data + 1, size - 1, step);
        compare();
    }
    return 0;
}
