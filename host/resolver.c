/* SPDX-License-Identifier: Apache-2.0
 *
 * One detached thread per look-up, and a pipe that carries pointers. */
#include "host/resolver.h"

#include "host/address.h"
#include "host/discover.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* For an answer by multicast DNS. */
#define LOCAL_MS 3000

int otter_resolver_open(struct otter_resolver *resolver)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC)) {
        return errno;
    }
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    *resolver = (struct otter_resolver){.fd = fds[0], .write_fd = fds[1]};
    return 0;
}

void otter_lookup_free(struct otter_lookup *lookup)
{
    free(lookup->name);
    free(lookup);
}

bool otter_resolver_is_local(const char *name)
{
    static const char suffix[] = ".local";
    size_t len = strlen(name);

    len -= len > 0 && name[len - 1] == '.';
    return len >= sizeof suffix &&
           strncasecmp(name + len - (sizeof suffix - 1), suffix,
                       sizeof suffix - 1) == 0;
}

/* Names of multicast DNS, which the system's resolver may know nothing of; the
 * device's port comes with them. */
static bool find_local(struct otter_lookup *lookup)
{
    struct otter_device device;

    if (!otter_resolver_is_local(lookup->name) ||
        otter_discover_find(lookup->name, LOCAL_MS, &device) != 0) {
        return false;
    }
    return otter_address_parse(&lookup->address, device.address,
                               lookup->family, device.port);
}

/* A pointer is written as a whole: it is far shorter than PIPE_BUF. */
static void *run(void *argument)
{
    struct otter_lookup *lookup = argument;
    ssize_t written;

    if (!find_local(lookup)) {
        lookup->error = otter_address_resolve(&lookup->address, lookup->name,
                                              lookup->family, 0);
    }
    do {
        written = write(lookup->write_fd, &lookup, sizeof(void *));
    } while (written < 0 && errno == EINTR);
    return NULL;
}

static int start_thread(struct otter_lookup *lookup)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int error;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    error = pthread_create(&thread, &attributes, run, lookup);
    pthread_attr_destroy(&attributes);
    return error;
}

int otter_resolver_start(struct otter_resolver *resolver, const char *name,
                         int family, void *user)
{
    struct otter_lookup *lookup = calloc(1, sizeof *lookup);
    int error;

    if (!lookup) {
        return ENOMEM;
    }
    lookup->name = strdup(name);
    lookup->family = family;
    lookup->user = user;
    lookup->write_fd = resolver->write_fd;
    error = lookup->name ? start_thread(lookup) : ENOMEM;
    if (error) {
        otter_lookup_free(lookup);
        return error;
    }
    resolver->pending++;
    return 0;
}

struct otter_lookup *otter_resolver_take(struct otter_resolver *resolver)
{
    struct otter_lookup *lookup;

    if (read(resolver->fd, &lookup, sizeof(void *)) != sizeof(void *)) {
        return NULL;
    }
    resolver->pending--;
    return lookup;
}

/* With look-ups under way the pipe stays open: a thread that wrote to a number
 * which meanwhile belongs to another file would damage that. */
void otter_resolver_close(struct otter_resolver *resolver)
{
    struct otter_lookup *lookup;

    if (resolver->fd < 0) {
        return;
    }
    while ((lookup = otter_resolver_take(resolver))) {
        otter_lookup_free(lookup);
    }
    if (resolver->pending == 0) {
        close(resolver->fd);
        close(resolver->write_fd);
    }
    resolver->fd = -1;
}
