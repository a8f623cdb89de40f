/* SPDX-License-Identifier: Apache-2.0
 *
 * Fetching a file back.  It gets its name only when it is whole and has the
 * digest that the server says. */
#include "host/firmware_download.h"

#include "host/admin_commands.h"
#include "host/command.h"
#include "host/digest.h"
#include "host/firmware.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT         "/firmware"
#define PATH_MAX_LEN 4095

const char otter__firmware_download_help[] =
    "Usage: otter firmware download [OPTION]... ID\n"
    "\n"
    "Fetches a firmware file back from the server and checks its digest.\n"
    "\n"
    "Options:\n"
    "  -o, --output FILE      where to (default: the name that it came with)\n"
    "      --force            overwrite a file that is "
    "there\n" OTTER_ADMIN_HELP "\n"
    "Examples:\n"
    "  otter firmware download 3\n"
    "  otter firmware download 3 -o old.bin\n";

struct download {
    struct otter_admin *admin;
    const char *id;
    const json_t *firmware;
    char path[PATH_MAX_LEN + 1];
    char draft[PATH_MAX_LEN + 16]; /* its name until it is whole */
};

/* A name from elsewhere must stay in this folder and must not be hidden. */
static bool is_harmless(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && name[0] != '-' &&
           strchr(name, '/') == NULL && strlen(name) < 200;
}

static int choose_path(struct download *d, const char *output, bool force)
{
    const char *name = otter_show_text(d->firmware, "filename");
    struct stat info;

    if (output != NULL) {
        name = output;
    } else if (!is_harmless(name)) {
        otter__fail("the name that the file came with cannot be used here: "
                    "give one, --output FILE");
        return OTTER_API_END_FILE;
    }
    if (strlen(name) > PATH_MAX_LEN) {
        return otter__usage(d->admin->program, "--output: it is too long");
    }
    memcpy(d->path, name, strlen(name) + 1);
    snprintf(d->draft, sizeof d->draft, "%s.XXXXXX", name);
    if (!force && lstat(d->path, &info) == 0) {
        otter__fail("%s is there already: give another name, --output FILE, "
                    "or --force to overwrite it",
                    d->path);
        return OTTER_API_END_FILE;
    }
    return OTTER_API_END_OK;
}

static int say_file(const char *path)
{
    otter__fail("%s: %s", path, strerror(errno));
    return OTTER_API_END_FILE;
}

static int check(const struct download *d)
{
    const char *wanted = otter_show_text(d->firmware, "sha256");
    char digest[OTTER_SHA256_HEX_SIZE];
    struct otter_firmware file;
    int error = otter_firmware_load(&file, d->draft);

    if (error != 0) {
        errno = error;
        return say_file(d->draft);
    }
    error = otter_digest_sha256(digest, file.data, file.size);
    otter_firmware_free(&file);
    if (error != 0) {
        return otter__fail("out of memory");
    }
    if (strcmp(digest, wanted) != 0) {
        otter__fail("what came is not the file: its SHA-256 is %s in place of "
                    "%s. Nothing was kept; try again",
                    digest, wanted);
        return OTTER_API_END_SERVER;
    }
    return OTTER_API_END_OK;
}

static int fetch(struct download *d, FILE *file)
{
    struct otter_api_request request = {.method = "GET", .file = file};
    struct otter_api_path path;
    int status;

    otter_api_path_start(&path, ROOT);
    otter_api_path_add(&path, d->id);
    otter_api_path_append(&path, "/file");
    request.path = path.text;
    status = otter_api_call(&d->admin->api, &request, NULL);
    free(path.text);
    return status;
}

static int store(struct download *d)
{
    int fd = mkostemp(d->draft, O_CLOEXEC);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    mode_t mask = umask(0);
    int status;

    umask(mask);
    if (file == NULL) {
        return say_file(d->path);
    }
    status = fetch(d, file);
    fchmod(fd, 0666 & ~mask);
    if (fclose(file) != 0 && status == OTTER_API_END_OK) {
        status = say_file(d->path);
    }
    status = status != 0 ? status : check(d);
    if (status == OTTER_API_END_OK && rename(d->draft, d->path) != 0) {
        status = say_file(d->path);
    }
    if (status != OTTER_API_END_OK) {
        unlink(d->draft);
    }
    return status;
}

int otter__firmware_download(int argc, char **argv)
{
    const char *output = NULL;
    bool force = false;
    const struct otter_admin_rule rules[] = {
        {"output", OTTER_ADMIN_TEXT, &output, 'o'},
        {"force", OTTER_ADMIN_FLAG, &force, 0},
        {0}};
    struct otter_admin admin = {
        .program = "otter firmware download",
        .wants = "which firmware? otter firmware list shows the ids"};
    struct download download = {.admin = &admin};
    json_t *firmware = NULL;
    int status = otter_admin_start(&admin, rules, argc, argv, 1, 1);

    if (status == OTTER_API_END_OK) {
        download.id = admin.words[0];
        status = otter_admin_ask(&admin, "GET", ROOT, download.id, &firmware);
        download.firmware = firmware;
    }
    status = status != 0 ? status : choose_path(&download, output, force);
    status = status != 0 ? status : store(&download);
    if (status == OTTER_API_END_OK && admin.json) {
        json_object_set_new(firmware, "path", json_string(download.path));
        otter_show_json(firmware);
    } else if (status == OTTER_API_END_OK) {
        otter_show_clean(stdout, download.path);
        putchar('\n');
    }
    json_decref(firmware);
    return otter_admin_end(&admin, status);
}
