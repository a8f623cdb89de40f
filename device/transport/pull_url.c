/* SPDX-License-Identifier: Apache-2.0
 *
 * URLs, as far as a chip needs them: "http://", an optional user, a host, a
 * port, the rest.  Nothing is decoded: what is there is sent.  A character
 * that would end a line or a word of the request makes a URL invalid. */
#include "device/transport/pull_internal.h"

#include <string.h>

#define HTTP_PORT 80u
#define HOST_MAX  253u

static const char scheme[] = "http://";

static bool is_one_of(char c, const char *set)
{
    while (*set != '\0' && *set != c) {
        set++;
    }
    return *set == c;
}

/* Length of `text` up to the first of `ends`, its NUL or `len`. */
static uint32_t span(const char *text, uint32_t len, const char *ends)
{
    uint32_t n = 0;

    while (n < len && !is_one_of(text[n], ends)) {
        n++;
    }
    return n;
}

static bool printable(const char *text, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] <= 0x20 || text[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static bool same(const char *a, uint32_t a_len, const char *b, uint32_t b_len)
{
    uint32_t n = 0;

    while (n < a_len && n < b_len && lower(a[n]) == lower(b[n])) {
        n++;
    }
    return n == a_len && n == b_len;
}

static bool has_scheme(const char *url)
{
    uint32_t len = sizeof scheme - 1;

    return same(url, span(url, len, ""), scheme, len);
}

/* 1 to 65535 in decimal; nothing at all is the default, as RFC 3986 has it. */
static int parse_port(const char *text, uint32_t len, uint16_t *out)
{
    uint32_t value = 0;

    for (uint32_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || value > UINT16_MAX) {
            return OTTER_ERR_INVALID;
        }
        value = value * 10 + (uint32_t)(text[i] - '0');
    }
    *out = (uint16_t)(len > 0 ? value : HTTP_PORT);
    return len > 0 && (value == 0 || value > UINT16_MAX) ? OTTER_ERR_INVALID
                                                         : 0;
}

static int check(const struct otter__pull_target *t)
{
    return t->host_len > 0 && t->host_len <= HOST_MAX &&
                   t->path_len <= OTTER_PULL_PATH_MAX &&
                   t->user_len <= OTTER_PULL_SECRET_MAX &&
                   printable(t->host, t->host_len) &&
                   printable(t->path, t->path_len)
               ? 0
               : OTTER_ERR_INVALID;
}

/* "host", "host:port", "[address]", "[address]:port" */
static int parse_host(const char *text, uint32_t len,
                      struct otter__pull_target *out)
{
    uint32_t used;

    out->host = text;
    if (len > 0 && text[0] == '[') {
        out->host = text + 1;
        out->host_len = span(text + 1, len - 1, "]");
        used = out->host_len + 2;
        if (used > len) {
            return OTTER_ERR_INVALID;
        }
    } else {
        out->host_len = span(text, len, ":");
        used = out->host_len;
    }
    if (used < len && text[used] != ':') {
        return OTTER_ERR_INVALID;
    }
    used = used < len ? used + 1 : len;
    return parse_port(text + used, len - used, &out->port);
}

static int parse_url(const char *url, struct otter__pull_target *out)
{
    const char *authority = url + sizeof scheme - 1;
    uint32_t len, user_len;
    int error;

    memset(out, 0, sizeof *out);
    if (!has_scheme(url)) {
        return OTTER_ERR_INVALID;
    }
    len = span(authority, UINT32_MAX, "/?#");
    out->path = authority + len;
    out->path_len = span(out->path, UINT32_MAX, "#");
    user_len = span(authority, len, "@");
    if (user_len < len) {
        out->user = authority;
        out->user_len = user_len;
        authority += user_len + 1;
        len -= user_len + 1;
    }
    error = parse_host(authority, len, out);
    return error != 0 ? error : check(out);
}

int otter__pull_configured(const struct otter_pull_config *config,
                           struct otter__pull_target *out)
{
    int error = 0;

    if (config->url != NULL) {
        error = parse_url(config->url, out);
    } else if (config->host != NULL) {
        memset(out, 0, sizeof *out);
        out->host = config->host;
        out->host_len = (uint32_t)strlen(config->host);
        out->path = config->path != NULL ? config->path : "";
        out->path_len = (uint32_t)strlen(out->path);
        out->port = config->port != 0 ? config->port : HTTP_PORT;
        error = check(out);
    } else {
        error = OTTER_ERR_INVALID;
    }
    out->own = true;
    return error;
}

int otter__pull_target(const struct otter_pull *pull,
                       struct otter__pull_target *out)
{
    struct otter__pull_target own;
    int error = otter__pull_configured(pull->config, &own);

    if (error != 0 || pull->location[0] == '\0') {
        *out = own;
        return error;
    }
    if (pull->location[0] == '/') {
        *out = own;
        out->path = pull->location;
        out->path_len = span(out->path, UINT32_MAX, "#");
        return check(out);
    }
    error = parse_url(pull->location, out);
    if (error == 0) {
        out->own = out->port == own.port &&
                   same(out->host, out->host_len, own.host, own.host_len);
    }
    return error;
}

/* Bytes of `location` that go on in front of a new path: scheme and host of
 * the redirect before, if it named one. */
static uint32_t kept_prefix(const struct otter_pull *pull)
{
    uint32_t len = sizeof scheme - 1;

    if (!has_scheme(pull->location)) {
        return 0;
    }
    return len + span(pull->location + len, UINT32_MAX, "/?#");
}

int otter__pull_redirect(struct otter_pull *pull, const char *location)
{
    struct otter__pull_target target;
    uint32_t kept = 0;
    uint32_t len = (uint32_t)strlen(location);

    if (location[0] == '/' && location[1] == '/') { /* another host */
        kept = sizeof scheme - 1 - 2;
        memcpy(pull->location, scheme, kept);
    } else if (location[0] == '/') {
        kept = kept_prefix(pull);
    } else if (!has_scheme(location)) {
        return OTTER_ERR_INVALID;
    }
    if (len >= sizeof pull->location - kept) {
        return OTTER_ERR_TOO_LONG;
    }
    memcpy(pull->location + kept, location, len + 1);
    return otter__pull_target(pull, &target);
}
