/* SPDX-License-Identifier: Apache-2.0
 *
 * Showing what a server knows: tables that fit the terminal, pairs of name and
 * value, times, JSON.  Names and headers come from devices and other people,
 * so nothing that a terminal would obey gets through. */
#ifndef OTTER_HOST_SHOW_H
#define OTTER_HOST_SHOW_H

#include "format/compiler.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define OTTER_SHOW_COLUMNS 10u
#define OTTER_SHOW_CELL    256u /* bytes of a cell, with the closing zero */

/* Prints a text with "?" in place of what is not printable. */
void otter_show_clean(FILE *out, const char *text);

/* --- Values of an answer --------------------------------------------------
 */

/* The text of a member; "" when it is absent, null, or none.  Borrowed from
 * the object. */
const char *otter_show_text(const json_t *object, const char *key);

/* A member as text, be it a text, a number or a truth; "-" when there is
 * nothing to show.  Borrowed from the object, or in `cell`. */
const char *otter_show_value(char cell[OTTER_SHOW_CELL], const json_t *object,
                             const char *key);

/* An array of texts as "a, b", as many as there is room for; "-" when there
 * are none. */
const char *otter_show_texts(char cell[OTTER_SHOW_CELL], const json_t *object,
                             const char *key);

/* A time of the API ("2026-11-27T22:30:00Z") as how long ago that is; "never"
 * when it is absent, the text itself when it is no such time. */
const char *otter_show_ago(char cell[OTTER_SHOW_CELL], const json_t *object,
                           const char *key);

/* The same as "2026-11-27 22:30:00". */
const char *otter_show_time(char cell[OTTER_SHOW_CELL], const json_t *object,
                            const char *key);

/* --- Tables ---------------------------------------------------------------
 */

struct otter_show_column {
    const char *title;
    size_t min;    /* columns it may shrink to; 0: never shrinks */
    bool right;    /* numbers */
    bool optional; /* left out on a terminal when it is empty or too much */
};

/* A table is printed block by block.  The first block decides the widths. */
struct otter_show_table {
    const struct otter_show_column *columns; /* borrowed until free */
    size_t count;                            /* of columns */
    /* private */
    char (*cells)[OTTER_SHOW_CELL];
    size_t rows;
    size_t capacity;
    size_t widths[OTTER_SHOW_COLUMNS]; /* 0: left out */
    bool started;
};

/* One more row; `cells` is copied.  OTTER_ERR_NO_MEMORY. */
OTTER_MUST_CHECK int otter_show_row(struct otter_show_table *table,
                                    const char *const *cells);

/* Prints the rows that have come since the last block, with the titles before
 * the first.  On a terminal that is too narrow, columns are left out and cells
 * are cut. */
void otter_show_block(struct otter_show_table *table);

void otter_show_table_free(struct otter_show_table *table);

/* --- One thing ------------------------------------------------------------
 */

/* "name   value", the name padded; nothing when there is no value or it is "-"
 * or "". */
void otter_show_pair(const char *name, const char *value);

/* JSON for programs, with a line end. */
void otter_show_json(const json_t *json);

#endif
