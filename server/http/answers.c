/* SPDX-License-Identifier: Apache-2.0
 *
 * A response of libmicrohttpd may be queued for any number of connections at
 * once; it counts them.  But it is locked while a piece of its file is sent,
 * so each thread that answers has a set of its own.  Queueing is done under
 * the set's lock, so that what makes room for another file never lets go of
 * one that is about to be queued.  A file that was removed or cut since is
 * opened again, and then found missing. */
#include "server/http/answers.h"
#include "server/http/server_internal.h"

#include "server/store/firmware.h"

#include "format/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 8 /* in a set */

struct file {
    struct MHD_Response *response; /* NULL: none; it owns the descriptor */
    int fd;
    uint32_t size;
    char sha256[65];
    char md5[33];
    char name[OTTERD_FILE_NAME_MAX];
    char version[OTTERD_TEXT_MAX]; /* told beside it, or empty */
};

struct set {
    struct MHD_Response *empty;
    pthread_mutex_t lock;
    struct file files[FILES];
    size_t next; /* to make room */
};

struct otterd_answers {
    const char *dir;
    unsigned count;
    struct set sets[];
};

static void add(struct MHD_Response *response, const char *name,
                const char *value)
{
    MHD_add_response_header(response, name, value);
}

void otterd_answers_describe(struct MHD_Response *response,
                             const struct otterd_release *release,
                             bool with_version)
{
    char line[OTTERD_FILE_NAME_MAX + 32];

    add(response, "Content-Type", "application/octet-stream");
    snprintf(line, sizeof line, "attachment; filename=%s", release->file_name);
    add(response, "Content-Disposition", line);
    add(response, "x-MD5", release->md5);
    snprintf(line, sizeof line, "\"%s\"", release->sha256);
    add(response, "ETag", line);
    if (with_version) {
        add(response, "x-version", release->version);
    }
}

int otterd_answers_start(struct otterd_answers **out, const char *dir,
                         unsigned threads)
{
    struct otterd_answers *a =
        calloc(1, sizeof *a + threads * sizeof a->sets[0]);

    *out = a;
    if (a == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    a->dir = dir;
    for (; a->count < threads; a->count++) {
        struct set *set = &a->sets[a->count];

        set->empty = MHD_create_response_from_buffer(0, (void *)(uintptr_t) "",
                                                     MHD_RESPMEM_PERSISTENT);
        if (set->empty == NULL) {
            return OTTER_ERR_NO_MEMORY;
        }
        add(set->empty, "Content-Type", "text/plain; charset=utf8");
        pthread_mutex_init(&set->lock, NULL);
    }
    return 0;
}

static void let_go(struct file *file)
{
    if (file->response != NULL) {
        MHD_destroy_response(file->response);
        file->response = NULL;
    }
}

void otterd_answers_stop(struct otterd_answers *a)
{
    if (a == NULL) {
        return;
    }
    for (unsigned i = 0; i < a->count; i++) {
        for (size_t k = 0; k < FILES; k++) {
            let_go(&a->sets[i].files[k]);
        }
        MHD_destroy_response(a->sets[i].empty);
        pthread_mutex_destroy(&a->sets[i].lock);
    }
    free(a);
}

/* That of the thread that asks. */
static struct set *own_set(struct otterd_answers *a)
{
    return &a->sets[otterd__lane() % a->count];
}

enum MHD_Result otterd_answers_empty(struct otterd_answers *a,
                                     struct MHD_Connection *connection,
                                     unsigned status)
{
    return MHD_queue_response(connection, status, own_set(a)->empty);
}

static bool is_of(const struct file *file,
                  const struct otterd_release *release, const char *version)
{
    return file->response != NULL && file->size == release->size &&
           strcmp(file->sha256, release->sha256) == 0 &&
           strcmp(file->name, release->file_name) == 0 &&
           strcmp(file->md5, release->md5) == 0 &&
           strcmp(file->version, version) == 0;
}

static bool is_whole(const struct file *file)
{
    struct stat status;

    return fstat(file->fd, &status) == 0 && status.st_nlink > 0 &&
           status.st_size == (off_t)file->size;
}

static int open_file(const char *dir, struct file *file,
                     const struct otterd_release *release, const char *version)
{
    int fd = otterd_firmware_open(dir, release->sha256, release->size);

    if (fd < 0) {
        return fd;
    }
    file->response = MHD_create_response_from_fd64(release->size, fd);
    if (file->response == NULL) {
        close(fd);
        return OTTER_ERR_NO_MEMORY;
    }
    file->fd = fd;
    file->size = release->size;
    memcpy(file->sha256, release->sha256, sizeof file->sha256);
    memcpy(file->md5, release->md5, sizeof file->md5);
    memcpy(file->name, release->file_name, sizeof file->name);
    snprintf(file->version, sizeof file->version, "%s", version);
    otterd_answers_describe(file->response, release, version[0] != '\0');
    return 0;
}

static int find_file(struct set *a, const char *dir,
                     const struct otterd_release *release, const char *version,
                     struct file **out)
{
    for (size_t i = 0; i < FILES; i++) {
        *out = &a->files[i];
        if (is_of(*out, release, version)) {
            if (is_whole(*out)) {
                return 0;
            }
            let_go(*out);
            return open_file(dir, *out, release, version);
        }
    }
    *out = &a->files[a->next];
    a->next = (a->next + 1) % FILES;
    let_go(*out);
    return open_file(dir, *out, release, version);
}

int otterd_answers_file(struct otterd_answers *a,
                        struct MHD_Connection *connection,
                        const struct otterd_release *release,
                        bool with_version, enum MHD_Result *result)
{
    struct set *set = own_set(a);
    struct file *file;
    int err;

    pthread_mutex_lock(&set->lock);
    err = find_file(set, a->dir, release, with_version ? release->version : "",
                    &file);
    if (err == 0) {
        *result = MHD_queue_response(connection, MHD_HTTP_OK, file->response);
    }
    pthread_mutex_unlock(&set->lock);
    return err;
}
