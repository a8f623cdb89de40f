/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading addresses and lists of them. */
#include "host/target_list.h"

#include "format/error.h"
#include "host/number.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANKS    " \t\r\n"
#define LINE_SIZE 4096u

/* The keys of a line, and where their values go. */
static const struct {
    const char *key;
    size_t field;
} keys[] = {
    {"name", offsetof(struct otter_target_entry, name)},
    {"board", offsetof(struct otter_target_entry, board)},
    {"version", offsetof(struct otter_target_entry, version)},
    {"auth", offsetof(struct otter_target_entry, auth)},
    {"password-file", offsetof(struct otter_target_entry, password_file)},
};

static int fail(struct otter_target_list *list, const char *what,
                const char *word)
{
    snprintf(list->error, sizeof list->error, "%s: %s", word, what);
    return OTTER_ERR_SYNTAX;
}

static void free_entry(struct otter_target_entry *entry)
{
    free(entry->word);
    free(entry->address);
    free(entry->name);
    free(entry->board);
    free(entry->version);
    free(entry->auth);
    free(entry->password_file);
}

/* A new entry at the end, all empty; NULL: out of memory. */
static struct otter_target_entry *append(struct otter_target_list *list)
{
    struct otter_target_entry *entries =
        realloc(list->entries, (list->count + 1) * sizeof *entries);

    if (!entries) {
        return NULL;
    }
    list->entries = entries;
    memset(&entries[list->count], 0, sizeof *entries);
    return &entries[list->count++];
}

/* Where the address ends and what follows it: "[::1]:8266", "::1", "a:8266",
 * "a".  Two colons without brackets are an IPv6 address without a port. */
static const char *split(const char *word, size_t *start, size_t *len)
{
    const char *colon = strchr(word, ':');

    *start = word[0] == '[';
    if (*start) {
        const char *bracket = strchr(word, ']');

        *len = bracket ? (size_t)(bracket - word - 1) : 0;
        return bracket ? bracket + 1 : word;
    }
    if (!colon || strchr(colon + 1, ':')) {
        *len = strlen(word);
    } else {
        *len = (size_t)(colon - word);
    }
    return word + *len;
}

static int parse_address(struct otter_target_list *list,
                         struct otter_target_entry *entry, const char *word)
{
    size_t start;
    size_t len;
    const char *rest = split(word, &start, &len);
    uint32_t port = 0;

    if (len == 0 || (rest[0] != '\0' && rest[0] != ':')) {
        return fail(list, "not an address", word);
    }
    if (rest[0] == ':' && otter_number_parse(&port, rest + 1, 1, UINT16_MAX)) {
        return fail(list, "not a port behind the colon", word);
    }
    entry->port = (uint16_t)port;
    entry->word = strdup(word);
    entry->address = strndup(word + start, len);
    return entry->word && entry->address ? 0 : OTTER_ERR_NO_MEMORY;
}

int otter_target_list_add(struct otter_target_list *list, const char *word)
{
    struct otter_target_entry *entry = append(list);

    return entry ? parse_address(list, entry, word) : OTTER_ERR_NO_MEMORY;
}

/* A file that a list names lies beside the list. */
static char *beside(const char *list_path, const char *path)
{
    const char *slash = strrchr(list_path, '/');
    size_t folder = slash ? (size_t)(slash - list_path) + 1 : 0;
    size_t size = folder + strlen(path) + 1;
    char *joined = malloc(size);

    if (joined) {
        snprintf(joined, size, "%.*s%s", path[0] == '/' ? 0 : (int)folder,
                 list_path, path);
    }
    return joined;
}

static int parse_key(struct otter_target_list *list,
                     struct otter_target_entry *entry, const char *path,
                     const char *word)
{
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : 0;

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char **field = (char **)(void *)((char *)entry + keys[i].field);

        if (len != strlen(keys[i].key) || memcmp(word, keys[i].key, len)) {
            continue;
        }
        free(*field);
        *field = field == &entry->password_file ? beside(path, equals + 1)
                                                : strdup(equals + 1);
        return *field ? 0 : OTTER_ERR_NO_MEMORY;
    }
    return fail(list,
                "not one of name= board= version= auth= password-file=", word);
}

/* Takes the next word off the line, in place and without its quotes; NULL: the
 * line is over. */
static int next_word(struct otter_target_list *list, char **line, char **word)
{
    char *in = *line + strspn(*line, BLANKS);
    char *out = in;
    bool quoted = false;

    *word = *in == '\0' || *in == '#' ? NULL : in;
    for (; *in != '\0' && (quoted || !strchr(BLANKS "#", *in)); in++) {
        if (*in == '"') {
            quoted = !quoted;
            continue;
        }
        if (quoted && *in == '\\' && in[1] != '\0') {
            in++;
        }
        *out++ = *in;
    }
    *line = *in == '\0' || *in == '#' ? in + strlen(in) : in + 1;
    *out = '\0';
    if (quoted) {
        (*word)[strcspn(*word, "\r\n")] = '\0';
        return fail(list, "the quote is not closed", *word);
    }
    return 0;
}

static int parse_line(struct otter_target_list *list, const char *path,
                      char *line)
{
    struct otter_target_entry *entry;
    char *word;
    int error = next_word(list, &line, &word);

    if (error || !word) {
        return error;
    }
    entry = append(list);
    if (!entry) {
        return OTTER_ERR_NO_MEMORY;
    }
    error = parse_address(list, entry, word);
    while (!error && !(error = next_word(list, &line, &word)) && word) {
        error = parse_key(list, entry, path, word);
    }
    return error;
}

/* Reads a line without its end; false: there is none.  What does not fit is
 * left, with *error set. */
static bool read_line(struct otter_target_list *list, FILE *file,
                      char line[LINE_SIZE], int *error)
{
    size_t len = 0;
    int c = getc(file);

    if (c == EOF) {
        return false;
    }
    for (; c != EOF && c != '\n' && *error == 0; c = getc(file)) {
        if (c == '\0') {
            *error = fail(list, "this is no text", "a zero byte");
        } else if (len + 1 == LINE_SIZE) {
            line[20] = '\0';
            *error = fail(list, "the line is too long", line);
        } else {
            line[len++] = (char)c;
        }
    }
    line[len] = '\0';
    return true;
}

static int read_lines(struct otter_target_list *list, const char *path,
                      FILE *file)
{
    char line[LINE_SIZE];
    unsigned number = 0;
    int error = 0;

    while (!error && read_line(list, file, line, &error)) {
        number++;
        error = error ? error : parse_line(list, path, line);
    }
    if (!error && ferror(file)) {
        snprintf(list->error, sizeof list->error, "%s: %s", path,
                 strerror(errno));
        return OTTER_ERR_INVALID;
    }
    if (error == OTTER_ERR_SYNTAX) {
        char what[sizeof list->error];

        memcpy(what, list->error, sizeof what);
        snprintf(list->error, sizeof list->error, "%.100s:%u: %.120s", path,
                 number, what);
    }
    return error;
}

int otter_target_list_read(struct otter_target_list *list, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    int error;

    if (!file) {
        snprintf(list->error, sizeof list->error, "%s: %s", path,
                 strerror(errno));
        return OTTER_ERR_INVALID;
    }
    error = read_lines(list, path, file);
    if (file != stdin) {
        fclose(file);
    }
    return error;
}

static uint16_t port_of(const struct otter_target_entry *entry, uint16_t port)
{
    return entry->port ? entry->port : port;
}

static bool is_double(const struct otter_target_list *list, size_t count,
                      const struct otter_target_entry *entry, uint16_t port)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(list->entries[i].address, entry->address) == 0 &&
            port_of(&list->entries[i], port) == port_of(entry, port)) {
            return true;
        }
    }
    return false;
}

size_t otter_target_list_drop_doubles(struct otter_target_list *list,
                                      uint16_t port)
{
    size_t before = list->count;
    size_t count = 0;

    for (size_t i = 0; i < before; i++) {
        if (is_double(list, count, &list->entries[i], port)) {
            free_entry(&list->entries[i]);
        } else {
            list->entries[count++] = list->entries[i];
        }
    }
    list->count = count;
    return before - count;
}

static void write_word(FILE *file, const char *text)
{
    bool quoted = text[0] == '\0' || strpbrk(text, BLANKS "#\"") != NULL;

    if (quoted) {
        fputc('"', file);
    }
    for (; *text != '\0'; text++) {
        if (quoted && (*text == '"' || *text == '\\')) {
            fputc('\\', file);
        }
        fputc(*text, file);
    }
    if (quoted) {
        fputc('"', file);
    }
}

void otter_target_list_write(FILE *file,
                             const struct otter_target_entry *entry)
{
    write_word(file, entry->word);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *value = *(
            char *const *)(const void *)((const char *)entry + keys[i].field);
        bool is_path = value && value == entry->password_file;
        char *whole = is_path ? realpath(value, NULL) : NULL;

        if (value) {
            fprintf(file, " %s=", keys[i].key);
            write_word(file, whole ? whole : value);
        }
        free(whole);
    }
    fputc('\n', file);
}

void otter_target_list_free(struct otter_target_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free_entry(&list->entries[i]);
    }
    free(list->entries);
    *list = (struct otter_target_list){0};
}
