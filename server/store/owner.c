/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/owner.h"

#include "format/error.h"

#include <fcntl.h>
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
