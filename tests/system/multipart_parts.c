/* SPDX-License-Identifier: Apache-2.0
 *
 * Parses bodies with codec/multipart for a test that compares the parts with
 * another parser's.  On standard input, again and again: three lengths of
 * four bytes, little-endian - of Content-Type, of the body, of the pieces in
 * which the body is fed - and the two texts.  For each body a line on standard
 * output: "error N", or for each part `part NAME FILENAME DATA / ` in hex
 * with "-" for nothing, and at the end "end" or "cut"; a part that is cut has
 * no slash. */
#include "codec/multipart.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_BYTES 65536u

static bool read_exactly(void *out, size_t len)
{
    return fread(out, 1, len, stdin) == len;
}

static void print_hex(const void *data, size_t len, const char *empty)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < len; i++) {
        printf("%02x", bytes[i]);
    }
    fputs(len == 0 ? empty : "", stdout);
}

static void print(const struct otter_multipart *m,
                  enum otter_multipart_event event, bool *empty)
{
    switch (event) {
    case OTTER_MULTIPART_PART:
        fputs("part ", stdout);
        print_hex(m->name, strlen(m->name), "-");
        putchar(' ');
        print_hex(m->filename, strlen(m->filename), m->is_file ? "=" : "-");
        putchar(' ');
        *empty = true;
        break;
    case OTTER_MULTIPART_DATA:
        print_hex(m->data, m->data_len, "");
        *empty = false;
        break;
    case OTTER_MULTIPART_PART_END:
        fputs(*empty ? "- / " : " / ", stdout);
        break;
    default:
        break;
    }
}

static int parse(struct otter_multipart *m, const uint8_t *body, uint32_t len,
                 uint32_t piece)
{
    enum otter_multipart_event event = OTTER_MULTIPART_NONE;
    uint32_t at = 0;
    bool empty = true;

    while (at < len || event != OTTER_MULTIPART_NONE) {
        int taken = otter_multipart_feed(
            m, body + at, len - at < piece ? len - at : piece, &event);

        if (taken < 0) {
            return taken;
        }
        at += (uint32_t)taken;
        print(m, event, &empty);
    }
    return 0;
}

int main(void)
{
    static uint8_t body[SIZE_MAX_BYTES];
    char type[256];
    uint32_t sizes[3];

    while (read_exactly(sizes, sizeof sizes)) {
        struct otter_multipart multipart;
        char line[256];
        int error;

        if (sizes[0] >= sizeof type || sizes[1] > sizeof body ||
            sizes[2] == 0 || !read_exactly(type, sizes[0]) ||
            !read_exactly(body, sizes[1])) {
            return 1;
        }
        type[sizes[0]] = '\0';
        error = otter_multipart_init(&multipart, type, line, sizeof line);
        error =
            error != 0 ? error : parse(&multipart, body, sizes[1], sizes[2]);
        if (error != 0) {
            printf("error %d\n", error);
        } else {
            puts(otter_multipart_done(&multipart) ? "end" : " cut");
        }
        fflush(stdout);
    }
    return 0;
}
