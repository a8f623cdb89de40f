/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the multipart parser.  The first line of the input is the value of
 * Content-Type, the rest is the body.  However the body is split the result
 * is one: the same parts with the same names and bytes, the same error, the
 * same end.  Events come in their order, and no part holds its boundary. */
#include "codec/multipart.h"

#include "format/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_INPUT 16384u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct otter_multipart parser;
    int error;
    bool in_part;
    bool ended;
    uint32_t part_at; /* where the bytes of the part begin in `told` */
    uint32_t len;
    uint8_t told[4 * SIZE_MAX_INPUT];
};

static struct run whole;
static struct run split;

static void expect(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "fuzz_multipart: %s\n", what);
        abort();
    }
}

static void tell(struct run *run, const void *bytes, size_t len)
{
    expect(run->len + len <= sizeof run->told, "too much is told");
    memcpy(run->told + run->len, bytes, len);
    run->len += (uint32_t)len;
}

static void take_part(struct run *run)
{
    const struct otter_multipart *m = &run->parser;

    expect(!run->in_part && !run->ended, "a part in a part");
    expect(memchr(m->name, 0, sizeof m->name) != NULL, "name");
    expect(memchr(m->filename, 0, sizeof m->filename) != NULL, "file name");
    run->in_part = true;
    tell(run, "<", 1);
    tell(run, m->name, strlen(m->name));
    tell(run, m->is_file ? "|" : ">", 1);
    tell(run, m->filename, strlen(m->filename));
    run->part_at = run->len;
}

/* A delimiter is a line end, two dashes and the boundary; with anything but
 * the end of a line or two dashes behind it it is a part's own. */
static void check_part(const struct run *run)
{
    const char *delimiter = run->parser.delimiter;
    size_t len = run->parser.delimiter_len;

    for (uint32_t at = run->part_at; at + len + 2 <= run->len; at++) {
        const uint8_t *behind = run->told + at + len;

        expect(memcmp(run->told + at, delimiter, len) != 0 ||
                   (memcmp(behind, "\r\n", 2) != 0 &&
                    memcmp(behind, "--", 2) != 0),
               "a boundary inside of a part");
    }
}

static void take(struct run *run, enum otter_multipart_event event)
{
    switch (event) {
    case OTTER_MULTIPART_PART:
        take_part(run);
        break;
    case OTTER_MULTIPART_DATA:
        expect(run->in_part, "bytes outside of a part");
        expect(run->parser.data_len > 0, "no bytes");
        tell(run, run->parser.data, run->parser.data_len);
        break;
    case OTTER_MULTIPART_PART_END:
        expect(run->in_part, "the end of no part");
        check_part(run);
        run->in_part = false;
        tell(run, "/", 1);
        break;
    case OTTER_MULTIPART_END:
        expect(!run->in_part && !run->ended, "the end inside of a part");
        run->ended = true;
        break;
    default:
        break;
    }
}

static void parse(struct run *run, const char *type, const uint8_t *data,
                  size_t size, size_t step)
{
    char line[64];
    enum otter_multipart_event event = OTTER_MULTIPART_NONE;
    uint32_t idle = 0;
    size_t at = 0;

    memset(run, 0, sizeof *run);
    run->error = otter_multipart_init(&run->parser, type, line, sizeof line);
    while (run->error == 0 && (at < size || event != OTTER_MULTIPART_NONE)) {
        size_t len = size - at < step ? size - at : step;
        int taken = otter_multipart_feed(&run->parser, data + at,
                                         (uint32_t)len, &event);

        if (taken < 0) {
            run->error = taken;
            break;
        }
        expect(taken <= (int)len, "more bytes taken than given");
        idle = taken == 0 ? idle + 1 : 0;
        expect(idle < 8, "it stands still");
        at += (size_t)taken;
        take(run, event);
    }
    expect(run->error != 0 || run->ended == otter_multipart_done(&run->parser),
           "done without an end");
}

static void check_parameters(const char *value)
{
    static const char *const names[] = {"boundary", "name", "filename", ""};
    char text[24];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        memset(text, 'x', sizeof text);
        if (otter_multipart_parameter(value, names[i], text, sizeof text) >=
            0) {
            expect(memchr(text, 0, sizeof text) != NULL, "parameter");
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end;
    char type[160];
    size_t len;

    if (size > SIZE_MAX_INPUT ||
        (end = size > 0 ? memchr(data, '\n', size) : NULL) == NULL ||
        (len = (size_t)(end - data)) >= sizeof type) {
        return 0;
    }
    memcpy(type, data, len);
    type[len] = '\0';
    check_parameters(type);
    data += len + 1;
    size -= len + 1;
    parse(&whole, type, data, size, size + 1);
    for (size_t step = 1; step < size && step < 8; step = 2 * step + 1) {
        parse(&split, type, data, size, step);
        expect(whole.error == split.error, "errors differ");
        if (whole.error == 0) {
            expect(whole.len == split.len &&
                       memcmp(whole.told, split.told, whole.len) == 0,
                   "parts differ");
            expect(whole.ended == split.ended, "ends differ");
        }
    }
    return 0;
}
