/* SPDX-License-Identifier: Apache-2.0
 *
 * The core's error numbers and texts, and the tables that map ours to them.
 * Everything here is a table; the functions only look up and print. */
#include "format/core_error.h"

#include "format/text.h"

#include <stddef.h>

struct text_entry {
    int number;
    const char *text;
};

struct map_entry {
    int error;  /* OTTER_ERR_* */
    int number; /* the core's */
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

#define TEXT_ENTRY(symbol, number, text) {(number), text},
static const struct text_entry update_texts[] = {
    OTTER_CORE_UPDATE_ERRORS(TEXT_ENTRY)};
static const struct text_entry http_texts[] = {
    OTTER_CORE_HTTP_ERRORS(TEXT_ENTRY)};
#undef TEXT_ENTRY

static const struct text_entry push_texts[] = {
    {OTTER_PUSH_ERROR_AUTH, "Auth Failed"},
    {OTTER_PUSH_ERROR_BEGIN, "Begin Failed"},
    {OTTER_PUSH_ERROR_CONNECT, "Connect Failed"},
    {OTTER_PUSH_ERROR_RECEIVE, "Receive Failed"},
    {OTTER_PUSH_ERROR_END, "End Failed"},
    {OTTER_PUSH_ERROR_ERASE_SETTINGS, "Erase Settings Failed"},
};

static const struct map_entry update_map[] = {
    {OTTER_OK, OTTER_CORE_UPDATE_OK},
    {OTTER_ERR_FLASH_PROGRAM, OTTER_CORE_UPDATE_WRITE},
    {OTTER_ERR_FLASH_ERASE, OTTER_CORE_UPDATE_ERASE},
    {OTTER_ERR_FLASH_READ, OTTER_CORE_UPDATE_READ},
    {OTTER_ERR_SPACE, OTTER_CORE_UPDATE_SPACE},
    {OTTER_ERR_SIZE, OTTER_CORE_UPDATE_SIZE},
    {OTTER_ERR_TIMEOUT, OTTER_CORE_UPDATE_STREAM},
    {OTTER_ERR_STREAM, OTTER_CORE_UPDATE_STREAM},
    {OTTER_ERR_DIGEST, OTTER_CORE_UPDATE_MD5},
    {OTTER_ERR_FLASH_CONFIG, OTTER_CORE_UPDATE_FLASH_CONFIG},
    {OTTER_ERR_NEW_FLASH_CONFIG, OTTER_CORE_UPDATE_NEW_FLASH_CONFIG},
    {OTTER_ERR_MAGIC, OTTER_CORE_UPDATE_MAGIC_BYTE},
    {OTTER_ERR_BOOTSTRAP, OTTER_CORE_UPDATE_BOOTSTRAP},
    {OTTER_ERR_SIGNATURE, OTTER_CORE_UPDATE_SIGN},
    {OTTER_ERR_NO_DATA, OTTER_CORE_UPDATE_NO_DATA},
    {OTTER_ERR_NO_MEMORY, OTTER_CORE_UPDATE_OOM},
    {OTTER_ERR_BUSY, OTTER_CORE_UPDATE_RUNNING_ALREADY},
    {OTTER_ERR_KIND, OTTER_CORE_UPDATE_UNKNOWN_COMMAND},
};

/* What pull reports under its own numbers; the updater's numbers are for the
 * rest.  A digest that does not match is the updater's 7; -105 is a digest
 * that is none. */
static const struct map_entry http_map[] = {
    {OTTER_ERR_CONNECT, OTTER_CORE_HTTP_CONNECTION_FAILED},
    {OTTER_ERR_LOOKUP, OTTER_CORE_HTTP_CONNECTION_FAILED},
    {OTTER_ERR_NETWORK, OTTER_CORE_HTTP_CONNECTION_LOST},
    {OTTER_ERR_CLOSED, OTTER_CORE_HTTP_CONNECTION_LOST},
    {OTTER_ERR_NO_MEMORY, OTTER_CORE_HTTP_TOO_LESS_RAM},
    {OTTER_ERR_TIMEOUT, OTTER_CORE_HTTP_READ_TIMEOUT},
    {OTTER_ERR_SYNTAX, OTTER_CORE_HTTP_NO_HTTP_SERVER},
    {OTTER_ERR_SPACE, OTTER_CORE_HTTP_TOO_LESS_SPACE},
    {OTTER_ERR_SIZE, OTTER_CORE_HTTP_SERVER_NOT_REPORT_SIZE},
    {OTTER_ERR_MAGIC, OTTER_CORE_HTTP_BIN_VERIFY_HEADER_FAILED},
    {OTTER_ERR_NEW_FLASH_CONFIG, OTTER_CORE_HTTP_BIN_FOR_WRONG_FLASH},
    {OTTER_ERR_AUTH, OTTER_CORE_HTTP_SERVER_UNAUTHORIZED},
};

static const char *find_text(const struct text_entry *table, size_t count,
                             int number, const char *missing)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].number == number) {
            return table[i].text;
        }
    }
    return missing;
}

static const struct map_entry *find_number(const struct map_entry *table,
                                           size_t count, int error)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].error == error) {
            return &table[i];
        }
    }
    return NULL;
}

/* What follows the fixed words of the three texts that carry values. */
static void print_values(struct otter_text *text, int number,
                         const struct otter_error_detail *detail)
{
    switch (number) {
    case OTTER_CORE_UPDATE_MD5:
        otter_text_string(text, ": expected: ");
        otter_text_string(text, detail->expected);
        otter_text_string(text, ", calculated: ");
        otter_text_string(text, detail->calculated);
        break;
    case OTTER_CORE_UPDATE_FLASH_CONFIG:
        otter_text_string(text, ": real: ");
        otter_text_decimal(text, detail->real_size);
        otter_text_string(text, ", SDK: ");
        otter_text_decimal(text, detail->configured_size);
        break;
    case OTTER_CORE_UPDATE_NEW_FLASH_CONFIG:
        otter_text_string(text, ", real size: ");
        otter_text_decimal(text, detail->real_size);
        break;
    default:
        break;
    }
}

/* The core's words for a wrong digest name two MD5s.  Where the digest was
 * another one there is nothing to name, and the words would mislead. */
static int number_to_print(const struct otter_error_detail *detail)
{
    if (detail->error == OTTER_ERR_DIGEST && detail->expected[0] == '\0') {
        return 100 - detail->error;
    }
    return otter_core_update_from_error(detail->error);
}

/* "ERROR[<n>]: <text>" without the line end. */
static void print_update(struct otter_text *text,
                         const struct otter_error_detail *detail)
{
    int number = number_to_print(detail);

    otter_text_string(text, "ERROR[");
    otter_text_decimal(text, (uint32_t)number);
    otter_text_string(text, "]: ");
    if (number < 100) {
        otter_text_string(text, otter_core_update_text(number));
        print_values(text, number, detail);
    } else {
        otter_text_string(text, otter_error_text(detail->error));
    }
}

int otter_core_update_from_error(int error)
{
    const struct map_entry *entry =
        find_number(update_map, COUNT(update_map), error);

    if (entry != NULL) {
        return entry->number;
    }
    return error < 0 && error > -1000 ? 100 - error : 100;
}

const char *otter_core_update_text(int number)
{
    return find_text(update_texts, COUNT(update_texts), number, "UNKNOWN");
}

uint32_t otter_core_update_print(const struct otter_error_detail *detail,
                                 char *out, uint32_t size)
{
    struct otter_text text;

    otter_text_init(&text, out, size);
    print_update(&text, detail);
    otter_text_char(&text, '\n');
    return text.len;
}

int otter_core_update_number(const char *text, uint32_t *number)
{
    static const char head[] = "ERROR[";
    uint32_t value = 0;
    uint32_t digits = 0;

    for (size_t i = 0; head[i] != '\0'; i++) {
        if (*text++ != head[i]) {
            return OTTER_ERR_SYNTAX;
        }
    }
    while (*text >= '0' && *text <= '9' && digits < 9) {
        value = value * 10 + (uint32_t)(*text++ - '0');
        digits++;
    }
    if (digits == 0 || *text != ']') {
        return OTTER_ERR_SYNTAX;
    }
    *number = value;
    return 0;
}

const char *otter_push_error_text(int error)
{
    return find_text(push_texts, COUNT(push_texts), error, "Unknown Error");
}

int otter_core_http_from_error(int error)
{
    const struct map_entry *entry =
        find_number(http_map, COUNT(http_map), error);

    return entry != NULL ? entry->number : otter_core_update_from_error(error);
}

const char *otter_core_http_text(int number)
{
    return find_text(http_texts, COUNT(http_texts), number, "");
}

uint32_t otter_core_http_print(int number,
                               const struct otter_error_detail *detail,
                               char *out, uint32_t size)
{
    struct otter_text text;

    otter_text_init(&text, out, size);
    if (number > 0 && detail != NULL) {
        otter_text_string(&text, "Update error: ");
        print_update(&text, detail);
    } else if (number < 0) {
        otter_text_string(&text, number > -100 ? "HTTP error: " : "");
        otter_text_string(&text, otter_core_http_text(number));
    }
    return text.len;
}
