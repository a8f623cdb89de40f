/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls the search library as `otter push name.local` does, for the tests:
 * find_host NAME MILLISECONDS prints "ADDRESS PORT" or the error's name. */
#include "format/error.h"
#include "host/discover.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    struct otter_device device;
    int error;

    if (argc != 3) {
        return 2;
    }
    error = otter_discover_find(argv[1], (uint32_t)atoi(argv[2]), &device);
    if (error != 0) {
        puts(otter_error_name(error));
        return 1;
    }
    printf("%s %s %u\n", device.name, device.address, (unsigned)device.port);
    return 0;
}
