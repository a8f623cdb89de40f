/* SPDX-License-Identifier: Apache-2.0
 *
 * Feeds a corpus to a fuzz target without libFuzzer: every file of the folders
 * that are named, whole and cut off at every length up to 512 bytes.  An
 * empty corpus is a failure: it would test nothing. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUTS 512u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of exactly this size, so that reading beyond it is seen. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    if (copy == NULL) {
        abort();
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static int run_file(const char *path)
{
    static uint8_t data[1u << 20];
    FILE *file = fopen(path, "rb");
    size_t size;

    if (file == NULL) {
        perror(path);
        return 1;
    }
    size = fread(data, 1, sizeof data, file);
    fclose(file);
    for (size_t cut = 0; cut < size && cut < CUTS; cut++) {
        run(data, cut);
    }
    run(data, size);
    return 0;
}

static int run_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int failures = 0;
    unsigned files = 0;

    if (dir == NULL) {
        perror(folder);
        return 1;
    }
    while ((entry = readdir(dir)) != NULL) {
        char path[4096];

        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        failures += run_file(path);
        files++;
    }
    closedir(dir);
    printf("%s: %u inputs\n", folder, files);
    return failures + (files == 0);
}

int main(int argc, char **argv)
{
    int failures = argc < 2;

    for (int i = 1; i < argc; i++) {
        failures += run_folder(argv[i]);
    }
    return failures != 0;
}
