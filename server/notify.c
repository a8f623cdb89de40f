/* SPDX-License-Identifier: Apache-2.0
 *
 * The datagram of sd_notify(3). */
#include "server/notify.h"

#include "server/log.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void otterd_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path == NULL ? 0 : strlen(path);
    int fd;

    if (len == 0 || len >= sizeof to.sun_path) {
        return;
    }
    memcpy(to.sun_path, path, len);
    if (to.sun_path[0] == '@') { /* a name that is no file */
        to.sun_path[0] = '\0';
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL,
                         (const struct sockaddr *)&to,
                         (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                                     len)) < 0) {
        otterd_log(OTTERD_LOG_WARNING, "notify",
                   otterd_log_text("why", strerror(errno)));
    }
    if (fd >= 0) {
        close(fd);
    }
}
