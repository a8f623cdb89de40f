/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists.  They are shown page by page, so that a million devices need no more
 * memory than a thousand. */
#include "host/admin.h"
#include "host/command.h"

#include <stdio.h>

struct list {
    const struct otter_admin *admin;
    const struct otter_admin_listing *what;
    struct otter_show_table table;
    size_t shown;
};

static void show_json(struct list *list, const json_t *thing)
{
    fputs(list->shown == 0 ? "[\n" : ",\n", stdout);
    json_dumpf(thing, stdout, JSON_INDENT(2));
}

static int add_row(struct list *list, const json_t *thing)
{
    char room[OTTER_SHOW_COLUMNS][OTTER_SHOW_CELL];
    const char *cells[OTTER_SHOW_COLUMNS] = {NULL};

    list->what->fill(thing, room, cells);
    return otter_show_row(&list->table, cells) == 0
               ? OTTER_API_END_OK
               : otter__fail("out of memory");
}

static int on_page(void *user, const json_t *things)
{
    struct list *list = user;
    const json_t *thing;
    size_t i;

    json_array_foreach(things, i, thing)
    {
        if (list->admin->json) {
            show_json(list, thing);
        } else if (add_row(list, thing) != OTTER_API_END_OK) {
            return OTTER_API_END_FAILED;
        }
        list->shown++;
    }
    if (!list->admin->json && list->shown > 0) {
        otter_show_block(&list->table);
    }
    return OTTER_API_END_OK;
}

int otter_admin_list(struct otter_admin *admin,
                     const struct otter_admin_listing *what)
{
    struct list list = {
        .admin = admin,
        .what = what,
        .table = {.columns = what->columns, .count = what->count}};
    int status = otter_api_list(&admin->api, what->path, what->key,
                                what->limit, on_page, &list);

    otter_show_table_free(&list.table);
    if (admin->json && status == OTTER_API_END_OK) {
        fputs(list.shown == 0 ? "[]\n" : "\n]\n", stdout);
    } else if (status == OTTER_API_END_OK && list.shown == 0) {
        fprintf(stderr, "%s\n", what->none);
    }
    return status;
}

int otter_admin_list_plain(const char *program,
                           const struct otter_admin_listing *listing, int argc,
                           char **argv)
{
    struct otter_admin_listing limited = *listing;
    uint32_t limit = 0;
    const struct otter_admin_rule rules[] = {
        {"limit", OTTER_ADMIN_NUMBER, &limit, 0}, {0}};
    struct otter_admin admin = {.program = program};
    int status = otter_admin_start(&admin, rules, argc, argv, 0, 0);

    limited.limit = limit;
    return otter_admin_end(
        &admin, status != 0 ? status : otter_admin_list(&admin, &limited));
}
