/*
 * table: see table.h.
 */
#include "pongctl/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pongctl/terminal_text.h"

enum {
    GAP = 2,
    FORMATTED_MAX = 512
};

void table_begin(struct table *table, const struct table_column *columns, size_t column_count)
{
    memset(table, 0, sizeof *table);
    table->columns = columns;
    table->column_count = column_count;
    for (size_t i = 0; i < column_count; i++)
        table_add(table, columns[i].title);
}

void table_add(struct table *table, const char *text)
{
    const struct table_column *column = &table->columns[table->cell_count % table->column_count];
    if (table->cell_count == table->cell_max) {
        const size_t max = table->cell_max ? 2 * table->cell_max : 256;
        char **cells = realloc(table->cells, max * sizeof *cells);
        if (!cells) {
            table->failed = 1;
            return;
        }
        table->cells = cells;
        table->cell_max = max;
    }
    char *copy = terminal_text(text && text[0] ? text : "-", column->columns_max);
    if (copy)
        table->cells[table->cell_count++] = copy;
    else
        table->failed = 1;
}

void table_addf(struct table *table, const char *format, ...)
{
    char text[FORMATTED_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    table_add(table, text);
}

static void print_cell(const struct table *table, size_t cell, size_t width)
{
    const size_t column = cell % table->column_count;
    const int padding = (int)(width - terminal_columns(table->cells[cell]));
    const int is_last = column + 1 == table->column_count;
    if (table->columns[column].is_number)
        printf("%*s%s", padding, "", table->cells[cell]);
    else
        printf("%s%*s", table->cells[cell], is_last ? 0 : padding, "");
    printf("%*s", is_last ? 0 : GAP, "");
    if (is_last)
        printf("\n");
}

int table_end(struct table *table)
{
    size_t width[TABLE_COLUMNS_MAX] = {0};
    for (size_t i = 0; i < table->cell_count; i++) {
        const size_t columns = terminal_columns(table->cells[i]);
        if (columns > width[i % table->column_count])
            width[i % table->column_count] = columns;
    }
    for (size_t i = 0; i < table->cell_count; i++) {
        if (!table->failed)
            print_cell(table, i, width[i % table->column_count]);
        free(table->cells[i]);
    }
    free(table->cells);
    return table->failed ? -1 : 0;
}
