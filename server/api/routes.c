/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of routes and finding in it. */
#include "server/api/routes.h"
#include "server/api/handlers.h"

#include <stdio.h>
#include <string.h>

#define GET     "GET"
#define POST    "POST"
#define PUT     "PUT"
#define PATCH   "PATCH"
#define DELETE  "DELETE"
#define READ    "read"
#define OPERATE "operate"
#define ADMIN   "admin"
#define PLAIN   OTTERD_ROUTE_PLAIN
#define JSON    OTTERD_ROUTE_JSON
#define PAGE    "limit after"

const struct otterd_route otterd_routes[] = {
    {GET, "/openapi.json", NULL, "", OTTERD_ROUTE_TEXT, NULL},
    {POST, "/session", NULL, "", JSON, otterd_api_session_open},
    {DELETE, "/session", READ, "", PLAIN, otterd_api_session_close},
    {GET, "/me", READ, "", PLAIN, otterd_api_me},
    {GET, "/events", READ, "kinds mac release news", OTTERD_ROUTE_EVENTS,
     NULL},

    {GET, "/devices", READ, "state version group tag q " PAGE, PLAIN,
     otterd_api_devices},
    {GET, "/devices/{mac}", READ, "", PLAIN, otterd_api_device},
    {PATCH, "/devices/{mac}", OPERATE, "", JSON, otterd_api_device_change},
    {DELETE, "/devices/{mac}", OPERATE, "", PLAIN, otterd_api_device_forget},
    {GET, "/devices/{mac}/history", READ, PAGE, PLAIN,
     otterd_api_device_history},
    {GET, "/devices/{mac}/explain", READ, "", PLAIN,
     otterd_api_device_explain},

    {GET, "/firmware", READ, PAGE, PLAIN, otterd_api_firmware_list},
    {POST, "/firmware", OPERATE, "name version board notes filename kind",
     OTTERD_ROUTE_FILE, otterd_api_firmware_add},
    {GET, "/firmware/{id}", READ, "", PLAIN, otterd_api_firmware},
    {GET, "/firmware/{id}/file", READ, "", PLAIN, otterd_api_firmware_file},
    {DELETE, "/firmware/{id}", OPERATE, "", PLAIN, otterd_api_firmware_remove},

    {GET, "/releases", READ, "state product " PAGE, PLAIN,
     otterd_api_releases},
    {POST, "/releases", OPERATE, "", JSON, otterd_api_release_add},
    {GET, "/releases/{id}", READ, "", PLAIN, otterd_api_release},
    {PATCH, "/releases/{id}", OPERATE, "", JSON, otterd_api_release_change},
    {GET, "/releases/{id}/devices", READ, "state " PAGE, PLAIN,
     otterd_api_release_devices},

    {GET, "/tokens", ADMIN, PAGE, PLAIN, otterd_api_tokens},
    {POST, "/tokens", ADMIN, "", JSON, otterd_api_token_add},
    {DELETE, "/tokens/{id}", ADMIN, "", PLAIN, otterd_api_token_remove},

    {GET, "/settings", READ, "", PLAIN, otterd_api_settings},
    {PATCH, "/settings", ADMIN, "", JSON, otterd_api_settings_change},
    {GET, "/paths", READ, PAGE, PLAIN, otterd_api_paths},
    {PUT, "/paths", ADMIN, "", JSON, otterd_api_path_set},
    {DELETE, "/paths", ADMIN, "path", PLAIN, otterd_api_path_remove},
    {GET, "/audit", ADMIN, PAGE, PLAIN, otterd_api_audit},
};

const size_t otterd_route_count =
    sizeof otterd_routes / sizeof otterd_routes[0];

/* Compares a path with a pattern, in which {...} stands for one part. */
static bool matches(const char *pattern, const char *path,
                    char arg[OTTERD_API_PATH_MAX])
{
    arg[0] = '\0';
    while (*pattern != '\0') {
        if (*pattern == '{') {
            size_t len = strcspn(path, "/");

            if (len == 0 || len >= OTTERD_API_PATH_MAX) {
                return false;
            }
            memcpy(arg, path, len);
            arg[len] = '\0';
            path += len;
            pattern += strcspn(pattern, "}") + 1;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

const struct otterd_route *otterd_route_find(const char *method,
                                             const char *path,
                                             char arg[OTTERD_API_PATH_MAX],
                                             char allowed[64])
{
    size_t len = 0;

    method = strcmp(method, "HEAD") == 0 ? GET : method;
    allowed[0] = '\0';
    for (size_t i = 0; i < otterd_route_count; i++) {
        const struct otterd_route *route = &otterd_routes[i];

        if (!matches(route->path, path, arg)) {
            continue;
        }
        if (strcmp(route->method, method) == 0) {
            return route;
        }
        len += (size_t)snprintf(allowed + len, 64 - len, "%s%s",
                                len > 0 ? ", " : "", route->method);
    }
    return NULL;
}

bool otterd_route_allows(const struct otterd_route *route,
                         enum otterd_scope scope)
{
    enum otterd_scope needed;

    return route->scope == NULL ||
           (otterd_scope_read(route->scope, &needed) == 0 && scope >= needed);
}
