/* SPDX-License-Identifier: Apache-2.0
 *
 * openapi.json as a part of the program. */
#include "server/api/routes.h"

__asm__(".section .rodata\n"
        ".global otterd_openapi\n"
        "otterd_openapi:\n"
        ".incbin \"" OTTERD_OPENAPI "\"\n"
        "otterd__openapi_end:\n"
        ".global otterd__openapi_end\n"
        ".byte 0\n"
        ".balign 8\n"
        ".global otterd_openapi_size\n"
        "otterd_openapi_size:\n"
        ".quad otterd__openapi_end - otterd_openapi\n"
        ".previous\n");
