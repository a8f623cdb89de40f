/* SPDX-License-Identifier: Apache-2.0
 *
 * Serving the console's files. */
#include "server/http/console.h"

#include "server/http/server_internal.h"

#include <string.h>

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
    bool same = have != NULL && strstr(have, file->tag) != NULL;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        same ? 0 : file->size, (void *)(uintptr_t)file->data,
        MHD_RESPMEM_PERSISTENT);

    if (response == NULL) {
        return MHD_NO;
    }
    for (size_t i = 0; i < sizeof shield / sizeof shield[0]; i++) {
        MHD_add_response_header(response, shield[i].name, shield[i].value);
    }
    MHD_add_response_header(response, "ETag", file->tag);
    if (!same) {
        MHD_add_response_header(response, "Content-Type", file->type);
        MHD_add_response_header(response, "Content-Encoding", "gzip");
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
