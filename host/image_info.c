/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter image info`: what a firmware file is, and whether it is good. */
#include "host/command.h"
#include "host/image_commands.h"
#include "host/image_look.h"
#include "host/image_show.h"

#include <getopt.h>
#include <string.h>

#define PROGRAM "otter image info"

const char otter__image_info_help[] =
    "Usage: otter image info [--json] FILE...\n"
    "\n"
    "Tells what is in a firmware file, packed with gzip or not: its digests,\n"
    "boot image and application with their segments and checksums, the CRC\n"
    "words, the image descriptor. Every device computes the size of a sketch\n"
    "as the end of its application.\n"
    "\n"
    "Options:\n"
    "      --json   one JSON object for each file\n"
    "  -h, --help   this text\n"
    "\n"
    "Exit codes: 0 good, 1 a file is damaged or no firmware, or cannot be\n"
    "read, 2 wrong command line.\n"
    "\n"
    "Examples:\n"
    "  otter image info sketch.bin\n"
    "  otter image info --json sketch.bin.gz | jq .descriptor.version\n";

static const struct option long_options[] = {
    {"json", no_argument, NULL, 'j'},
    {NULL, 0, NULL, 0},
};

static int show(const char *path, bool json)
{
    static struct otter_look look;
    int error = otter__look(&look, path);
    int status = OTTER_EXIT_OK;

    if (error != 0) {
        return otter__fail("cannot read %s: %s", path, strerror(error));
    }
    if (!json) {
        otter__show_text(&look, path);
    } else if (otter__show_json(&look, path) != 0) {
        status = otter__fail("cannot write the description of %s", path);
    }
    for (uint32_t i = 0; i < look.problems.count; i++) {
        status = otter__fail("%s: %s", path, look.problems.text[i]);
    }
    otter__look_free(&look);
    return status;
}

int otter__image_info(int argc, char **argv)
{
    bool json = false;
    int status = OTTER_EXIT_OK;
    int option;

    opterr = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option != 'j') {
            return otter__usage(PROGRAM, "%s: no such option",
                                argv[optind - 1]);
        }
        json = true;
    }
    if (optind == argc) {
        return otter__usage(PROGRAM, "name a firmware file");
    }
    for (; optind < argc; optind++) {
        if (show(argv[optind], json) != OTTER_EXIT_OK) {
            status = OTTER_EXIT_FAILED;
        }
    }
    return status;
}
