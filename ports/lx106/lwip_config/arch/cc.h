/* SPDX-License-Identifier: Apache-2.0
 *
 * What lwIP asks of the compiler and the board. */
#ifndef LWIP_ARCH_CC_H
#define LWIP_ARCH_CC_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#ifndef BYTE_ORDER
#define BYTE_ORDER 1234 /* LITTLE_ENDIAN of lwip/arch.h */
#endif

#define LWIP_NO_UNISTD_H   1
#define LWIP_NO_INTTYPES_H 1
#define LWIP_NO_CTYPE_H    1

typedef int ssize_t;
#define SSIZE_MAX INT_MAX

#define X8_F  "x"
#define U16_F "u"
#define S16_F "d"
#define X16_F "x"
#define U32_F "u"
#define S32_F "d"
#define X32_F "x"
#define SZT_F "u"

#define LWIP_NOASSERT              1
#define LWIP_PLATFORM_DIAG(text)   ((void)0)
#define LWIP_PLATFORM_ASSERT(text) __builtin_trap()

/* One context only: the main loop. */
#define SYS_ARCH_DECL_PROTECT(level)
#define SYS_ARCH_PROTECT(level)
#define SYS_ARCH_UNPROTECT(level)

uint32_t otter__lx106_net_random(void);
#define LWIP_RAND() otter__lx106_net_random()

#endif
