/* SPDX-License-Identifier: Apache-2.0
 *
 * Socket addresses of both families: length, comparison, text, look-up. */
#ifndef OTTER_HOST_ADDRESS_H
#define OTTER_HOST_ADDRESS_H

#include "format/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Longest text of an address with its scope, and the closing zero. */
#define OTTER_ADDRESS_TEXT_SIZE 80

socklen_t otter_address_len(const struct sockaddr_storage *address);
uint16_t otter_address_port(const struct sockaddr_storage *address);
void otter_address_set_port(struct sockaddr_storage *address, uint16_t port);

/* Same family, same address, same scope; ports are not compared. */
bool otter_address_same_host(const struct sockaddr_storage *a,
                             const struct sockaddr_storage *b);

/* The address without its port. */
void otter_address_text(char text[OTTER_ADDRESS_TEXT_SIZE],
                        const struct sockaddr_storage *address);

/* A literal address.  Never blocks.  False: it is none, or of another family
 * than wanted; family 0 allows both. */
bool otter_address_parse(struct sockaddr_storage *address, const char *text,
                         int family, uint16_t port);

/* A literal address, or a name that the system resolves; with family 0 IPv4 is
 * preferred, since most devices speak nothing else.  Blocks as long as the
 * system's resolver does.  Returns 0 or a number for gai_strerror(). */
OTTER_MUST_CHECK int otter_address_resolve(struct sockaddr_storage *address,
                                           const char *name, int family,
                                           uint16_t port);

/* An address that means another host on each interface, without the name of
 * one
 * ("fe80::1" in place of "fe80::1%eth0"). */
bool otter_address_lacks_interface(const struct sockaddr_storage *address);

#endif
