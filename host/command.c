/* SPDX-License-Identifier: Apache-2.0
 *
 * Choosing a verb, showing help, and messages to people. */
#include "host/command.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static const struct otter_command *find(const struct otter_command *table,
                                        const char *name)
{
    for (; table->name != NULL; table++) {
        if (table->run != NULL && strcmp(table->name, name) == 0) {
            return table;
        }
    }
    return NULL;
}

/* One is the beginning of the other: "devices" for device, "rel" for
 * release. */
static bool is_like(const char *a, const char *b)
{
    size_t len = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

    return len > 0 && strncmp(a, b, len) == 0;
}

static int say_unknown(const struct otter_command *table, const char *program,
                       const char *name)
{
    for (; table->name != NULL; table++) {
        if (table->run != NULL && is_like(table->name, name)) {
            return otter__usage(program,
                                "there is no command \"%s\". Is \"%s\" meant?",
                                name, table->name);
        }
    }
    return otter__usage(program, "there is no command \"%s\"", name);
}

static void list(const struct otter_command *table, const char *program,
                 const char *about, FILE *out)
{
    fprintf(out, "%s\n\nUsage: %s COMMAND [OPTIONS]\n\n%s", about, program,
            table->run != NULL ? "Commands:\n" : "");
    for (const char *gap = ""; table->name != NULL; table++, gap = "\n") {
        if (table->run == NULL) {
            fprintf(out, "%s%s:\n", gap, table->name);
        } else {
            fprintf(out, "  %-10s %s\n", table->name, table->summary);
        }
    }
    fprintf(out,
            "\n\"%s COMMAND --help\" explains a command, with examples.\n",
            program);
}

/* "help" alone lists, "help NAME" explains, so does "help NAME NAME" for one
 * that has commands of its own.  `words` is what follows, up to NULL. */
static int help(const struct otter_command *table, const char *program,
                const char *about, char **words)
{
    const struct otter_command *command;

    if (words[0] == NULL) {
        list(table, program, about, stdout);
        return OTTER_EXIT_OK;
    }
    command = find(table, words[0]);
    if (command == NULL) {
        return say_unknown(table, program, words[0]);
    }
    if (command->help == NULL) { /* it has commands of its own */
        char *arguments[] = {words[0], (char *)"--help", words[1], NULL};

        return command->run(words[1] != NULL ? 3 : 2, arguments);
    }
    fputs(command->help, stdout);
    return OTTER_EXIT_OK;
}

int otter__command_dispatch(const struct otter_command *table,
                            const char *program, const char *about, int argc,
                            char **argv)
{
    const struct otter_command *command;

    if (argc < 2) {
        list(table, program, about, stderr);
        return OTTER_EXIT_USAGE;
    }
    if (is_help(argv[1]) || strcmp(argv[1], "help") == 0) {
        return help(table, program, about, argv + 2);
    }
    command = find(table, argv[1]);
    if (command == NULL) {
        return say_unknown(table, program, argv[1]);
    }
    for (int i = 2; i < argc && command->help != NULL; i++) {
        if (strcmp(argv[i], "--") == 0) {
            break;
        }
        if (is_help(argv[i])) {
            fputs(command->help, stdout);
            return OTTER_EXIT_OK;
        }
    }
    return command->run(argc - 1, argv + 1);
}

int otter__fail(const char *format, ...)
{
    va_list arguments;

    fputs("otter: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return OTTER_EXIT_FAILED;
}

int otter__usage(const char *program, const char *format, ...)
{
    va_list arguments;

    fputs("otter: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nTry \"%s --help\".\n", program);
    return OTTER_EXIT_USAGE;
}
