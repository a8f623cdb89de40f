/* SPDX-License-Identifier: Apache-2.0
 *
 * Sending a firmware file to the server.  What the file says of itself, in its
 * image descriptor, need not be typed; the server judges whether it can run.
 */
#include "host/admin_commands.h"
#include "host/command.h"
#include "host/image_look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN  255
#define FILE_NAME_MAX 94 /* as the API has it */

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* "lamp" of "build/lamp.bin.gz". */
static void program_name(char name[NAME_MAX_LEN + 1], const char *path)
{
    static const char *const ends[] = {".gz", ".bin"};
    size_t len;

    snprintf(name, NAME_MAX_LEN + 1, "%s", file_name(path));
    len = strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t end = strlen(ends[i]);

        if (len > end && strcmp(name + len - end, ends[i]) == 0) {
            len -= end;
            name[len] = '\0';
        }
    }
}

/* Devices are sent the name in a header.  NULL: it is not fit for that, so
 * that the server has to find one. */
static const char *plain_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.+";
    size_t len = strspn(name, letters);

    return name[len] == '\0' && len > 0 && len <= FILE_NAME_MAX ? name : NULL;
}

static const char *choose(const char *given, const char *said)
{
    return given != NULL ? given : *said != '\0' ? said : NULL;
}

static int send_file(struct otter_admin *admin, const struct otter_look *look,
                     const struct otter_upload *what, json_t **firmware)
{
    struct otter_api_request request = {.method = "POST",
                                        .data = look->file.data,
                                        .size = look->file.size,
                                        .progress = file_name(what->file)};
    struct otter_api_path path;
    int status;

    otter_api_path_start(&path, "/firmware");
    otter_api_path_query(&path, "name", what->name);
    otter_api_path_query(&path, "version", what->version);
    otter_api_path_query(&path, "board", what->board);
    otter_api_path_query(&path, "kind", what->kind);
    otter_api_path_query(&path, "notes", what->notes);
    otter_api_path_query(&path, "filename", plain_name(file_name(what->file)));
    request.path = path.text;
    status = otter_api_call(&admin->api, &request, firmware);
    free(path.text);
    return status;
}

int otter__upload(struct otter_admin *admin, const struct otter_upload *upload,
                  json_t **firmware)
{
    struct otter_upload what = *upload;
    static struct otter_look look;
    const struct otter_descriptor *said = &look.descriptor;
    char name[NAME_MAX_LEN + 1];
    int error = otter__look(&look, upload->file);
    int status;

    *firmware = NULL;
    if (error != 0) {
        otter__fail("%s: %s", upload->file,
                    error == EFBIG ? "it is larger than any chip's flash"
                                   : strerror(error));
        return OTTER_API_END_FILE;
    }
    program_name(name, upload->file);
    if (look.has_descriptor) {
        what.name = choose(what.name, said->name);
        what.version = choose(what.version, said->version);
        what.board = choose(what.board, said->board);
    }
    what.name = choose(what.name, name);
    if (what.version == NULL) {
        status = otter__usage(admin->program,
                              "%s does not say its version: give the one that "
                              "the program reports to the server, --version V",
                              upload->file);
    } else {
        status = send_file(admin, &look, &what, firmware);
    }
    otter__look_free(&look);
    return status;
}
