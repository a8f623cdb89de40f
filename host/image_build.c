/* SPDX-License-Identifier: Apache-2.0
 *
 * `otter image build`: programs, sections or raw bytes into a firmware file.
 * The file appears whole or not at all. */
#include "format/image_build.h"

#include "format/error.h"
#include "format/flash_map.h"
#include "format/image.h"
#include "host/command.h"
#include "host/digest.h"
#include "host/image_commands.h"
#include "host/image_content.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "otter image build"

const char otter__image_build_help[] =
    "Usage: otter image build [OPTIONS] -o FILE --program ELF\n"
    "       otter image build [OPTIONS] -o FILE --boot FILE --elf ELF\n"
    "       otter image build [OPTIONS] -o FILE --boot FILE "
    "--segment VMA:FILE...\n"
    "\n"
    "Builds a firmware file: a boot sector and an application image.\n"
    "\n"
    "What goes in:\n"
    "  --program ELF       a program of this computer, for the virtual board\n"
    "                      (at most 1 MiB: dynamically linked, stripped)\n"
    "  --elf ELF           a program for the ESP8266, section by section\n"
    "  --segment VMA:FILE  bytes of FILE at address VMA; may be repeated\n"
    "  --boot FILE         the boot loader: a program for the ESP8266, or "
    "the\n"
    "                      boot image that FILE begins with; \"none\" is a\n"
    "                      placeholder that starts nothing, for the virtual\n"
    "                      board only (default with --program)\n"
    "\n"
    "Options:\n"
    "  -o, --output FILE   where the image goes\n"
    "      --map NAME      flash map, such as 4M2M or 1M64 (default 4M2M)\n"
    "      --mode MODE     flash mode: qio, qout, dio or dout (default dio)\n"
    "      --freq MHZ      flash frequency: 20, 26, 40 or 80 (default 40)\n"
    "      --entry VMA     where the program starts (default: as the ELF "
    "says,\n"
    "                      or the first segment that is not mapped flash)\n"
    "      --no-crc        write no CRC words\n"
    "  -q, --quiet         print nothing when it worked\n"
    "  -h, --help          this text\n"
    "\n"
    "An image descriptor in the program (format/descriptor.h) is put where\n"
    "devices look for it. Two words for the file's length and CRC go to\n"
    "0x40201010: a segment mapped there must begin with 8 zero bytes.\n"
    "\n"
    "Exit codes: 0 built, 1 it cannot be built, 2 wrong command line.\n"
    "\n"
    "Examples:\n"
    "  otter image build -o sketch.bin --program sketch.elf\n"
    "  otter image build -o app.bin --map 1M64 --boot eboot.bin --elf "
    "app.elf\n";

struct options {
    const char *output;
    const char *boot;
    const char *program;
    const char *elf;
    const char *segments[OTTER_CONTENT_CHUNKS_MAX]; /* VMA:FILE */
    uint32_t segment_count;
    const struct otter_flash_map *map;
    struct otter_image_plan plan; /* all but the contents */
    uint32_t entry;
    bool has_entry;
    bool quiet;
};

/* A word of a command line and what it stands for. */
struct choice {
    const char *word;
    uint8_t value;
};

static const struct choice modes[] = {{"qio", OTTER_IMAGE_QIO},
                                      {"qout", OTTER_IMAGE_QOUT},
                                      {"dio", OTTER_IMAGE_DIO},
                                      {"dout", OTTER_IMAGE_DOUT},
                                      {NULL, 0}};
static const struct choice frequencies[] = {
    {"40", 0}, {"26", 1}, {"20", 2}, {"80", 15}, {NULL, 0}};

static int choose(const struct choice *table, const char *option,
                  const char *word, uint8_t *value)
{
    char list[64] = "";

    for (; table->word != NULL; table++) {
        if (strcmp(table->word, word) == 0) {
            *value = table->value;
            return OTTER_EXIT_OK;
        }
        strcat(strcat(list, " "), table->word);
    }
    return otter__usage(PROGRAM, "--%s is one of%s, not \"%s\"", option, list,
                        word);
}

static int choose_map(struct options *options, const char *name)
{
    char list[512] = "";

    options->map = otter_flash_map_find(name);
    if (options->map != NULL) {
        return OTTER_EXIT_OK;
    }
    for (uint32_t i = 0; otter_flash_map_at(i) != NULL; i++) {
        strcat(strcat(list, " "), otter_flash_map_at(i)->name);
    }
    return otter__usage(PROGRAM, "there is no flash map \"%s\"; there are%s",
                        name, list);
}

static int parse_entry(struct options *options, const char *text)
{
    unsigned long long value;
    char *end;

    errno = 0;
    value = strtoull(text, &end, 0);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
        value > UINT32_MAX) {
        return otter__usage(PROGRAM,
                            "--entry takes an address such as 0x40100004, "
                            "not \"%s\"",
                            text);
    }
    options->entry = (uint32_t)value;
    options->has_entry = true;
    return OTTER_EXIT_OK;
}

static int add_segment(struct options *options, const char *text)
{
    if (options->segment_count == OTTER_CONTENT_CHUNKS_MAX) {
        return otter__usage(PROGRAM, "an image has at most %u segments",
                            OTTER_CONTENT_CHUNKS_MAX);
    }
    options->segments[options->segment_count++] = text;
    return OTTER_EXIT_OK;
}

enum {
    OPTION_PROGRAM = 256,
    OPTION_ELF,
    OPTION_SEGMENT,
    OPTION_BOOT,
    OPTION_MAP,
    OPTION_MODE,
    OPTION_FREQ,
    OPTION_ENTRY,
    OPTION_NO_CRC
};

static const struct option long_options[] = {
    {"program", required_argument, NULL, OPTION_PROGRAM},
    {"elf", required_argument, NULL, OPTION_ELF},
    {"segment", required_argument, NULL, OPTION_SEGMENT},
    {"boot", required_argument, NULL, OPTION_BOOT},
    {"output", required_argument, NULL, 'o'},
    {"map", required_argument, NULL, OPTION_MAP},
    {"mode", required_argument, NULL, OPTION_MODE},
    {"freq", required_argument, NULL, OPTION_FREQ},
    {"entry", required_argument, NULL, OPTION_ENTRY},
    {"no-crc", no_argument, NULL, OPTION_NO_CRC},
    {"quiet", no_argument, NULL, 'q'},
    {NULL, 0, NULL, 0},
};

static int take_option(struct options *options, int option)
{
    switch (option) {
    case OPTION_PROGRAM:
        options->program = optarg;
        return OTTER_EXIT_OK;
    case OPTION_ELF:
        options->elf = optarg;
        return OTTER_EXIT_OK;
    case OPTION_SEGMENT:
        return add_segment(options, optarg);
    case OPTION_BOOT:
        options->boot = optarg;
        return OTTER_EXIT_OK;
    case 'o':
        options->output = optarg;
        return OTTER_EXIT_OK;
    case OPTION_MAP:
        return choose_map(options, optarg);
    case OPTION_MODE:
        return choose(modes, "mode", optarg, &options->plan.mode);
    case OPTION_FREQ:
        return choose(frequencies, "freq", optarg, &options->plan.freq_nibble);
    case OPTION_ENTRY:
        return parse_entry(options, optarg);
    case OPTION_NO_CRC:
        options->plan.no_crc = true;
        return OTTER_EXIT_OK;
    case 'q':
        options->quiet = true;
        return OTTER_EXIT_OK;
    default:
        return OTTER_EXIT_USAGE;
    }
}

/* What must hold between options. */
static int check_options(const struct options *options, char *stray)
{
    int kinds = (options->program != NULL) + (options->elf != NULL) +
                (options->segment_count != 0);

    if (stray != NULL) {
        return otter__usage(PROGRAM,
                            "what is \"%s\"? Every file needs an "
                            "option",
                            stray);
    }
    if (kinds != 1) {
        return otter__usage(PROGRAM, "name one of --program, --elf and "
                                     "--segment");
    }
    if (options->output == NULL) {
        return otter__usage(PROGRAM, "name the image to be written with -o");
    }
    if (options->program == NULL && options->boot == NULL) {
        return otter__usage(
            PROGRAM, "name the boot loader with --boot: a chip that gets an "
                     "image without one never starts again (\"--boot none\" "
                     "for the virtual board)");
    }
    if (options->program != NULL && options->has_entry) {
        return otter__usage(PROGRAM, "--entry does not go with --program");
    }
    return OTTER_EXIT_OK;
}

static int parse(struct options *options, int argc, char **argv)
{
    int status = OTTER_EXIT_OK;
    int option;

    opterr = 0;
    optind = 0;
    while (status == OTTER_EXIT_OK &&
           (option = getopt_long(argc, argv, ":o:q", long_options, NULL)) !=
               -1) {
        if (option == ':' || option == '?') {
            return otter__usage(PROGRAM, "%s: %s", argv[optind - 1],
                                option == ':' ? "needs a value"
                                              : "no such option");
        }
        status = take_option(options, option);
    }
    return status == OTTER_EXIT_OK ? check_options(options, argv[optind])
                                   : status;
}

/* ---- Building ---- */

static int gather_boot(struct otter_content *boot,
                       const struct options *options)
{
    bool otter = options->boot != NULL && strcmp(options->boot, "otter") == 0;
    int status = OTTER_EXIT_OK;

    if (otter || options->boot == NULL || strcmp(options->boot, "none") == 0) {
        otter__content_add_placeholder(boot, otter);
    } else {
        status = otter__content_add_boot(boot, options->boot);
    }
    if (status == OTTER_EXIT_OK) {
        otter__content_aim_loader(boot, options->map);
    }
    return status;
}

static int gather_app(struct otter_content *app, const struct options *options)
{
    int status = OTTER_EXIT_OK;

    app->entry = options->entry;
    app->has_entry = options->has_entry;
    if (options->program != NULL) {
        status = otter__content_add_program(app, options->program);
    } else if (options->elf != NULL) {
        status = otter__content_add_elf(app, options->elf);
    }
    for (uint32_t i = 0; i < options->segment_count && status == OTTER_EXIT_OK;
         i++) {
        status = otter__content_add_raw(app, options->segments[i]);
    }
    return status == OTTER_EXIT_OK ? otter__content_finish(app) : status;
}

/* Writes beside the file and renames, so that nobody sees half of it. */
static int write_file(const char *path, const uint8_t *data, uint32_t size)
{
    size_t len = strlen(path);
    char *beside = malloc(len + 5);
    FILE *file;
    bool good;

    if (beside == NULL) {
        return otter__fail("out of memory");
    }
    memcpy(beside, path, len);
    memcpy(beside + len, ".new", 5);
    file = fopen(beside, "wb");
    good = file != NULL && fwrite(data, 1, size, file) == size;
    good = file != NULL && fclose(file) == 0 && good;
    good = good && rename(beside, path) == 0;
    if (!good) {
        otter__fail("cannot write %s: %s", path, strerror(errno));
        remove(beside);
    }
    free(beside);
    return good ? OTTER_EXIT_OK : OTTER_EXIT_FAILED;
}

static int explain(int error)
{
    switch (error) {
    case OTTER_ERR_INVALID:
        return otter__fail("the segment at 0x%08x must begin with 8 zero "
                           "bytes, which are the place of the CRC words; "
                           "reserve them, or leave the words out with "
                           "--no-crc",
                           OTTER_IMAGE_IROM_VMA);
    default:
        return otter__fail("%s", otter_error_text(error));
    }
}

static int write_image(const struct options *options, const uint8_t *data,
                       uint32_t size)
{
    char md5[OTTER_MD5_HEX_SIZE];
    int status;

    if (size > options->map->fs_start) {
        return otter__fail("the image has %u bytes, but flash map %s has "
                           "room for %u below its file system",
                           size, options->map->name, options->map->fs_start);
    }
    status = write_file(options->output, data, size);
    if (status == OTTER_EXIT_OK && !options->quiet &&
        otter_digest_md5(md5, data, size) == 0) {
        printf("%s: %u bytes for %s, md5 %s\n", options->output, size,
               options->map->name, md5);
    }
    return status;
}

static int build(const struct options *options, struct otter_content *boot,
                 struct otter_content *app)
{
    struct otter_image_plan plan = options->plan;
    uint32_t capacity;
    uint32_t size = 0;
    uint8_t *data;
    int error;
    int status;

    plan.boot.entry = boot->entry;
    plan.boot.chunks = boot->chunks;
    plan.boot.count = boot->count;
    plan.app.entry = app->entry;
    plan.app.chunks = app->chunks;
    plan.app.count = app->count;
    plan.size_nibble =
        (uint8_t)otter_flash_map_nibble_from_size(options->map->flash_size);
    capacity = otter_image_content_size(&plan.app);
    capacity += capacity < UINT32_MAX / 2 ? OTTER_IMAGE_APP_OFF : 0;
    data = malloc(capacity);
    if (data == NULL) {
        return otter__fail("out of memory");
    }
    error = otter_image_build(&plan, data, capacity, &size);
    status = error != 0 ? explain(error) : write_image(options, data, size);
    free(data);
    return status;
}

int otter__image_build(int argc, char **argv)
{
    static struct otter_content boot;
    static struct otter_content app;
    struct options options = {.map = otter_flash_map_find("4M2M"),
                              .plan = {.mode = OTTER_IMAGE_DIO}};
    int status = parse(&options, argc, argv);

    if (status != OTTER_EXIT_OK) {
        return status;
    }
    otter__content_init(&boot);
    otter__content_init(&app);
    status = gather_boot(&boot, &options);
    if (status == OTTER_EXIT_OK) {
        status = gather_app(&app, &options);
    }
    if (status == OTTER_EXIT_OK) {
        status = build(&options, &boot, &app);
    }
    otter__content_free(&boot);
    otter__content_free(&app);
    return status;
}
