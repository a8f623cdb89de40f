/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/owner.h"

#include "format/error.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int otterd_owner_file(int fd, const char *folder)
{
    struct stat status;

    if (geteuid() != 0) {
        return 0;
    }
    return stat(folder, &status) == 0 &&
                   fchown(fd, status.st_uid, status.st_gid) == 0
               ? 0
               : OTTER_ERR_STATE;
}

int otterd_owner_mkdir(const char *path, const char *folder)
{
    int fd;
    int err;

    if (mkdir(path, 0700) != 0) {
        return OTTER_ERR_STATE;
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return OTTER_ERR_STATE;
    }
    err = otterd_owner_file(fd, folder);
    close(fd);
    return err;
}

/* A user without a name, as containers have, is a number. */
static void name_user(char out[64], uid_t uid)
{
    char room[4096];
    struct passwd entry;
    struct passwd *found = NULL;

    if (getpwuid_r(uid, &entry, room, sizeof room, &found) == 0 &&
        found != NULL) {
        snprintf(out, 64, "%.63s", found->pw_name);
    } else {
        snprintf(out, 64, "%u", (unsigned)uid);
    }
}

void otterd_owner_explain(char text[OTTERD_OWNER_TEXT], const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int number = errno;
    struct stat status;
    char user[64];
    char owner[64];

    text[0] = '\0';
    if (fd >= 0) {
        close(fd);
        return;
    }
    name_user(user, geteuid());
    if (number != EACCES) {
        snprintf(text, OTTERD_OWNER_TEXT,
                 "the file cannot be read as the user %s: %s", user,
                 strerror(number));
    } else if (stat(path, &status) != 0) {
        snprintf(text, OTTERD_OWNER_TEXT,
                 "the file cannot be read as the user %s, to whom a folder on "
                 "the way to it is closed; open the folders to that user "
                 "(chmod o+x, or chgrp and chmod g+x)",
                 user);
    } else {
        name_user(owner, status.st_uid);
        snprintf(
            text, OTTERD_OWNER_TEXT,
            "the file cannot be read as the user %s: it is %s's and has "
            "mode %04o; give it to that user (chown %s), or to a group of "
            "theirs (chgrp, chmod g+r)",
            user, owner, (unsigned)status.st_mode & 07777u, user);
    }
}
