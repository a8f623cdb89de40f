/* SPDX-License-Identifier: Apache-2.0
 *
 * The verbs that administer an otterd, one file each.  Their exit codes are
 * those of host/api_ending.h. */
#ifndef OTTER_HOST_ADMIN_COMMANDS_H
#define OTTER_HOST_ADMIN_COMMANDS_H

#include "host/admin.h"

extern const char otter__login_help[];
extern const char otter__logout_help[];
extern const char otter__audit_help[];

int otter__login(int argc, char **argv);
int otter__logout(int argc, char **argv);
int otter__devices(int argc, char **argv);
int otter__firmware(int argc, char **argv);
int otter__release(int argc, char **argv);
int otter__token(int argc, char **argv);
int otter__settings(int argc, char **argv);
int otter__path(int argc, char **argv);
int otter__audit(int argc, char **argv);

/* What `otter firmware upload` and `otter release create FILE` take. */
struct otter_upload {
    const char *file;
    const char *name;    /* NULL: as the file says */
    const char *version; /* NULL: as the file says */
    const char *board;   /* NULL: as the file says */
    const char *kind;    /* "sketch", "filesystem"; NULL: as it looks */
    const char *notes;
};

/* Uploads a firmware file.  Returns an exit code; the caller releases
 * `firmware`, what the server calls it. */
OTTER_MUST_CHECK int otter__upload(struct otter_admin *admin,
                                   const struct otter_upload *upload,
                                   json_t **firmware);

extern const char otter__release_create_help[];
int otter__release_create(int argc, char **argv);
extern const char otter__release_set_help[];
int otter__release_set(int argc, char **argv);

/* Puts the value of --priority into a body.  Returns an exit code. */
OTTER_MUST_CHECK int otter__release_put_priority(const char *program,
                                                 json_t *body,
                                                 const char *text);

/* One release in words, or as JSON. */
void otter__release_say(const struct otter_admin *admin,
                        const json_t *release);

#endif
