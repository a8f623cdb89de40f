/* SPDX-License-Identifier: Apache-2.0
 *
 * Socket addresses of both families. */
#include "host/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* The storage type may be read as the family's own type: the C library
 * defines it for that purpose. */
static struct sockaddr_in *v4(struct sockaddr_storage *address)
{
    return (struct sockaddr_in *)address;
}

static struct sockaddr_in6 *v6(struct sockaddr_storage *address)
{
    return (struct sockaddr_in6 *)address;
}

static const struct sockaddr_in *const_v4(const struct sockaddr_storage *a)
{
    return (const struct sockaddr_in *)a;
}

static const struct sockaddr_in6 *const_v6(const struct sockaddr_storage *a)
{
    return (const struct sockaddr_in6 *)a;
}

socklen_t otter_address_len(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

uint16_t otter_address_port(const struct sockaddr_storage *address)
{
    return ntohs(address->ss_family == AF_INET6 ? const_v6(address)->sin6_port
                                                : const_v4(address)->sin_port);
}

void otter_address_set_port(struct sockaddr_storage *address, uint16_t port)
{
    if (address->ss_family == AF_INET6) {
        v6(address)->sin6_port = htons(port);
    } else {
        v4(address)->sin_port = htons(port);
    }
}

bool otter_address_same_host(const struct sockaddr_storage *a,
                             const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family) {
        return false;
    }
    if (a->ss_family == AF_INET6) {
        return memcmp(&const_v6(a)->sin6_addr, &const_v6(b)->sin6_addr,
                      sizeof(struct in6_addr)) == 0 &&
               const_v6(a)->sin6_scope_id == const_v6(b)->sin6_scope_id;
    }
    return const_v4(a)->sin_addr.s_addr == const_v4(b)->sin_addr.s_addr;
}

void otter_address_text(char text[OTTER_ADDRESS_TEXT_SIZE],
                        const struct sockaddr_storage *address)
{
    if (getnameinfo((const struct sockaddr *)address,
                    otter_address_len(address), text, OTTER_ADDRESS_TEXT_SIZE,
                    NULL, 0, NI_NUMERICHOST)) {
        snprintf(text, OTTER_ADDRESS_TEXT_SIZE, "(unknown address)");
    }
}

static int look_up(struct sockaddr_storage *address, const char *name,
                   int family, int flags)
{
    const struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_DGRAM, .ai_flags = flags};
    struct addrinfo *list;
    int error = getaddrinfo(name, NULL, &hints, &list);

    if (error) {
        return error;
    }
    memset(address, 0, sizeof *address);
    memcpy(address, list->ai_addr, list->ai_addrlen);
    freeaddrinfo(list);
    return 0;
}

bool otter_address_parse(struct sockaddr_storage *address, const char *text,
                         int family, uint16_t port)
{
    if (look_up(address, text, family, AI_NUMERICHOST)) {
        return false;
    }
    otter_address_set_port(address, port);
    return true;
}

int otter_address_resolve(struct sockaddr_storage *address, const char *name,
                          int family, uint16_t port)
{
    int error = look_up(address, name, family ? family : AF_INET, 0);

    if (error && !family) {
        error = look_up(address, name, AF_INET6, 0);
    }
    if (!error) {
        otter_address_set_port(address, port);
    }
    return error;
}

bool otter_address_lacks_interface(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 &&
           IN6_IS_ADDR_LINKLOCAL(&const_v6(address)->sin6_addr) &&
           const_v6(address)->sin6_scope_id == 0;
}
