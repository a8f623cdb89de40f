/* SPDX-License-Identifier: Apache-2.0
 *
 * The search for a text in devices, as a function of SQL.  It looks at every
 * device that is no match before the page is full, up to a million, so one
 * call per row takes the place of six patterns of LIKE and a printed MAC. */
#include "server/store/store_internal.h"

#include "format/error.h"

#include <ctype.h>
#include <string.h>

#define MAC_DIGITS 12

/* LIKE, too, holds capitals and small letters of ASCII alone for equal. */
static unsigned char fold(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

/* `part` is in small letters. */
static bool holds(const unsigned char *text, size_t len,
                  const unsigned char *part, size_t part_len)
{
    for (size_t at = 0; at + part_len <= len; at++) {
        size_t same = 0;

        while (same < part_len && fold(text[at + same]) == part[same]) {
            same++;
        }
        if (same == part_len) {
            return true;
        }
    }
    return false;
}

/* Whether `count` hexadecimal digits, as a number, are among a MAC's. */
static bool has_digits(uint64_t mac, uint64_t number, unsigned count)
{
    uint64_t mask = (UINT64_C(1) << (4 * count)) - 1;

    for (unsigned at = 0; at + count <= MAC_DIGITS; at++) {
        if (((mac >> (4 * at)) & mask) == number) {
            return true;
        }
    }
    return false;
}

/* (part, digits, their count or 0, mac, text...) */
static void search(sqlite3_context *context, int count, sqlite3_value **values)
{
    const unsigned char *part = sqlite3_value_text(values[0]);
    size_t part_len = (size_t)sqlite3_value_bytes(values[0]);
    int digits = sqlite3_value_int(values[2]);
    bool found =
        digits > 0 &&
        has_digits((uint64_t)sqlite3_value_int64(values[3]),
                   (uint64_t)sqlite3_value_int64(values[1]), (unsigned)digits);

    for (int i = 4; !found && i < count; i++) {
        const unsigned char *text = sqlite3_value_text(values[i]);

        found = part != NULL && text != NULL &&
                holds(text, (size_t)sqlite3_value_bytes(values[i]), part,
                      part_len);
    }
    sqlite3_result_int(context, found);
}

int otterd__search_prepare(struct otterd_store *store)
{
    return sqlite3_create_function_v2(
               store->db, "otterd_search", -1,
               SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
               search, NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : otterd__store_failed(store);
}

void otterd__search_read(struct otterd__search *out, const char *q)
{
    size_t len = 0;

    out->number = 0;
    out->digits = 0;
    for (; q[len] != '\0' && len < sizeof out->part - 1; len++) {
        out->part[len] = (char)fold((unsigned char)q[len]);
    }
    out->part[len] = '\0';
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)out->part[i];

        if (c == ':' || c == '-') {
            continue;
        }
        if (!isxdigit(c) || out->digits == MAC_DIGITS) {
            out->digits = 0;
            return;
        }
        out->number =
            out->number << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
        out->digits++;
    }
}
