/* SPDX-License-Identifier: Apache-2.0
 *
 * Serving the console's files. */
#include "server/http/console.h"

#include "server/http/server_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FOLDER "/console/"

static const struct {
    const char *name;
    const char *value;
} shield[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; "
     "img-src 'self'; connect-src 'self'; form-action 'none'; "
     "base-uri 'none'; frame-ancestors 'none'; "
     "require-trusted-types-for 'script'; trusted-types 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-cache"},
};

const struct otterd_console_file *otterd_console_find(const char *url)
{
    const struct otterd_console_file *file = otterd_console_files;

    if (strncmp(url, FOLDER, strlen(FOLDER)) != 0) {
        return NULL;
    }
    url += strlen(FOLDER);
    url = *url == '\0' ? "index.html" : url;
    while (file->name != NULL && strcmp(file->name, url) != 0) {
        file++;
    }
    return file->name == NULL ? NULL : file;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

bool otterd_console_may_pack(const char *accept)
{
    bool others = false; /* what * says */

    while (accept != NULL && *accept != '\0') {
        size_t all = strcspn(accept, ",");
        size_t len = strcspn(accept, ",; \t");
        const char *weight = memchr(accept, ';', all);
        bool wanted = true;

        if (weight != NULL) {
            weight += 1 + strspn(weight + 1, " \t");
            wanted = strncasecmp(weight, "q=", 2) != 0 ||
                     strtod(weight + 2, NULL) > 0;
        }
        if (is_word(accept, len, "gzip") || is_word(accept, len, "x-gzip")) {
            return wanted;
        }
        if (is_word(accept, len, "*")) {
            others = wanted;
        }
        accept += all;
        accept += strspn(accept, ", \t");
    }
    return others;
}

static enum MHD_Result send_redirect(struct otterd_server *server,
                                     struct MHD_Connection *connection)
{
    struct MHD_Response *response = otterd__text("");

    if (response != NULL) {
        MHD_add_response_header(response, "Location", FOLDER);
    }
    return otterd__send(server, connection, MHD_HTTP_FOUND, response);
}

static enum MHD_Result send_file(struct otterd_server *server,
                                 struct MHD_Connection *connection,
                                 const struct otterd_console_file *file)
{
    const char *have = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                                   "If-None-Match");
    bool pack = otterd_console_may_pack(MHD_lookup_connection_value(
        connection, MHD_HEADER_KIND, "Accept-Encoding"));
    const struct otterd_console_form *form =
        &file->forms[pack ? OTTERD_CONSOLE_PACKED : OTTERD_CONSOLE_PLAIN];
    bool same = have != NULL && strstr(have, form->tag) != NULL;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        same ? 0 : form->size, (void *)(uintptr_t)form->data,
        MHD_RESPMEM_PERSISTENT);

    if (response == NULL) {
        return MHD_NO;
    }
    for (size_t i = 0; i < sizeof shield / sizeof shield[0]; i++) {
        MHD_add_response_header(response, shield[i].name, shield[i].value);
    }
    MHD_add_response_header(response, "ETag", form->tag);
    MHD_add_response_header(response, "Vary", "Accept-Encoding");
    if (!same) {
        MHD_add_response_header(response, "Content-Type", file->type);
        if (pack) {
            MHD_add_response_header(response, "Content-Encoding", "gzip");
        }
    }
    return otterd__send(server, connection,
                        same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, response);
}

/* Whether devices ask at "/", which then is theirs. */
static bool devices_ask_at_root(struct otterd_server *server)
{
    struct otterd_reader *reader = otterd__reader(server);
    struct otterd_path path;
    int err = otterd_path_find(reader->store, "/", &path);

    pthread_mutex_unlock(&reader->lock);
    return err == 0;
}

bool otterd__is_console(struct otterd_server *server, const char *url)
{
    return strcmp(url, "/console") == 0 ||
           strncmp(url, FOLDER, strlen(FOLDER)) == 0 ||
           (strcmp(url, "/") == 0 && !devices_ask_at_root(server));
}

enum MHD_Result otterd__answer_console(struct otterd_server *server,
                                       struct MHD_Connection *connection,
                                       const char *url)
{
    const struct otterd_console_file *file = otterd_console_find(url);

    if (file != NULL) {
        return send_file(server, connection, file);
    }
    if (strncmp(url, FOLDER, strlen(FOLDER)) != 0) {
        return send_redirect(server, connection);
    }
    return otterd__send(server, connection, MHD_HTTP_NOT_FOUND,
                        otterd__text("The console has no such page.\n"));
}
