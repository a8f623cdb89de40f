/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes what the host makes of WWW-Authenticate, one header a line: the
 * header that answers it is one line, and the device's parser reads from it
 * the nonce that was given. */
#include "host/web_login.h"

#include "format/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "fuzz_web_login: %s\n", what);
        abort();
    }
}

static void check(struct otter_web_login *login)
{
    char out[OTTER_WEB_HEADER_SIZE];
    struct otter_http_credentials c;
    size_t len;
    int error =
        otter_web_login_header(login, "admin", "secret", "GET", "/a", out);

    expect(error == 0, "no header");
    len = strlen(out);
    if (login->scheme == OTTER_HTTP_AUTH_NONE) {
        expect(len == 0, "an answer to nothing");
        return;
    }
    expect(len > 17 && len < sizeof out - 1 && strcspn(out, "\r\n") == len - 2,
           "not one line");
    out[len - 2] = '\0';
    expect(otter_http_auth_parse(out + 15, &c) == 0, "malformed");
    expect(c.scheme == login->scheme && strcmp(c.user, "admin") == 0,
           "another user");
    if (c.scheme == OTTER_HTTP_AUTH_DIGEST) {
        expect(strcmp(c.nonce, login->nonce) == 0, "another nonce");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct otter_web_login login;
    char line[2048];
    size_t used = 0;

    otter_web_login_reset(&login);
    for (size_t i = 0; i <= size; i++) {
        if (i == size || data[i] == '\n') {
            line[used] = '\0';
            otter_web_login_challenge(&login, line);
            used = 0;
        } else if (used + 1 < sizeof line && data[i] != '\0' &&
                   data[i] != '\r') { /* no header holds these */
            line[used++] = (char)data[i];
        }
    }
    check(&login);
    return 0;
}
