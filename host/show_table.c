/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables: as wide as what is in them, or as the terminal. */
#include "format/error.h"
#include "host/device.h"
#include "host/show.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define GAP 2u /* columns between two cells */

/* Characters, not bytes. */
static size_t width_of(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return count;
}

int otter_show_row(struct otter_show_table *table, const char *const *cells)
{
    if (table->rows == table->capacity) {
        size_t larger = table->capacity != 0 ? 2 * table->capacity : 64;
        void *more = reallocarray(table->cells, larger * table->count,
                                  sizeof *table->cells);

        if (more == NULL) {
            return OTTER_ERR_NO_MEMORY;
        }
        table->cells = more;
        table->capacity = larger;
    }
    for (size_t i = 0; i < table->count; i++) {
        otter_device_copy(table->cells[table->rows * table->count + i],
                          OTTER_SHOW_CELL, cells[i], strlen(cells[i]));
    }
    table->rows++;
    return 0;
}

/* 0: no terminal, no limit. */
static size_t screen_width(void)
{
    struct winsize size;

    return isatty(STDOUT_FILENO) &&
                   ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0
               ? size.ws_col
               : 0;
}

static bool is_empty(const struct otter_show_table *table, size_t column)
{
    for (size_t row = 0; row < table->rows; row++) {
        if (strcmp(table->cells[row * table->count + column], "-") != 0) {
            return false;
        }
    }
    return true;
}

static void measure(struct otter_show_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        table->widths[i] = width_of(table->columns[i].title);
        for (size_t row = 0; row < table->rows; row++) {
            size_t width = width_of(table->cells[row * table->count + i]);

            table->widths[i] =
                width > table->widths[i] ? width : table->widths[i];
        }
    }
}

static size_t least(const struct otter_show_table *table, size_t column)
{
    size_t min = table->columns[column].min;
    size_t width = table->widths[column];

    return min != 0 && min < width ? min : width;
}

/* Columns of a line, with every cell as it is or as narrow as it may be. */
static size_t total(const struct otter_show_table *table, bool narrow)
{
    size_t sum = 0;

    for (size_t i = 0; i < table->count; i++) {
        if (table->widths[i] != 0) {
            sum += (narrow ? least(table, i) : table->widths[i]) + GAP;
        }
    }
    return sum - GAP; /* a table has a column that is never left out */
}

/* What is empty, and from the right what there is no room for. */
static void leave_out(struct otter_show_table *table, size_t limit)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->columns[i].optional && is_empty(table, i)) {
            table->widths[i] = 0;
        }
    }
    for (size_t i = table->count; i > 0 && total(table, true) > limit; i--) {
        if (table->columns[i - 1].optional) {
            table->widths[i - 1] = 0;
        }
    }
}

/* Takes from the widest that may shrink, one column at a time; when there is
 * none, lines wrap. */
static void shrink(struct otter_show_table *table, size_t limit)
{
    for (size_t now = total(table, false); now > limit; now--) {
        size_t widest = table->count;

        for (size_t i = 0; i < table->count; i++) {
            if (table->widths[i] > least(table, i) &&
                (widest == table->count ||
                 table->widths[i] > table->widths[widest])) {
                widest = i;
            }
        }
        if (widest == table->count) {
            return;
        }
        table->widths[widest]--;
    }
}

static void fit(struct otter_show_table *table)
{
    size_t limit = screen_width();

    measure(table);
    if (limit != 0) {
        leave_out(table, limit);
        shrink(table, limit);
    }
}

/* The first `limit` characters, with a sign when some are missing. */
static void print_cut(const char *text, size_t limit)
{
    char part[OTTER_SHOW_CELL];
    size_t len = 0;
    size_t seen = 0;

    while (text[len] != '\0') {
        seen += ((unsigned char)text[len] & 0xc0) != 0x80;
        if (seen == limit) {
            break;
        }
        len++;
    }
    memcpy(part, text, len);
    part[len] = '\0';
    fputs(part, stdout);
    fputs("\u2026", stdout);
}

static void print_cell(const struct otter_show_table *table, size_t i,
                       const char *text, bool cut)
{
    size_t width = width_of(text);
    size_t wanted = table->widths[i];
    size_t pad = width < wanted ? wanted - width : 0;
    size_t last = table->count - 1;

    while (table->widths[last] == 0) {
        last--;
    }
    if (table->columns[i].right) {
        printf("%*s", (int)pad, "");
    }
    if (width > wanted && cut) {
        print_cut(text, wanted);
    } else {
        fputs(text, stdout);
    }
    if (i < last) {
        printf("%*s", (int)(GAP + (table->columns[i].right ? 0 : pad)), "");
    }
}

/* Row number `row`, or with `titles` the line of titles. */
static void print_line(const struct otter_show_table *table, size_t row,
                       bool titles)
{
    bool cut = screen_width() != 0;

    for (size_t i = 0; i < table->count; i++) {
        if (table->widths[i] != 0) {
            print_cell(table, i,
                       titles ? table->columns[i].title
                              : table->cells[row * table->count + i],
                       cut);
        }
    }
    putchar('\n');
}

void otter_show_block(struct otter_show_table *table)
{
    if (!table->started) {
        fit(table);
        print_line(table, 0, true);
        table->started = true;
    }
    for (size_t row = 0; row < table->rows; row++) {
        print_line(table, row, false);
    }
    table->rows = 0;
}

void otter_show_table_free(struct otter_show_table *table)
{
    free(table->cells);
    *table = (struct otter_show_table){0};
}
